from __future__ import annotations

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from seq2seq_attn import manifest

FILES = {"config.json": b"{}\n", "weights": bytes(range(256)) * 9, "empty": b"", "Wörter.txt": "é\n".encode()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    manifest.write(tmp_path)
    return tmp_path


def test_the_size_and_the_digest_of_each_file_are_written_down(folder: Path) -> None:
    expected = {name: {"size": len(data), "sha256": sha256(data).hexdigest()} for name, data in FILES.items()}
    assert json.loads((folder / "manifest.json").read_text()) == {"files": expected}
    manifest.verify(folder)


def test_a_manifest_can_be_written_again(folder: Path) -> None:
    (folder / "weights").write_bytes(b"others")
    manifest.write(folder)
    manifest.verify(folder)


@pytest.mark.parametrize("name", FILES)
def test_no_byte_of_a_file_can_change(folder: Path, name: str) -> None:
    for place in range(0, len(FILES[name]), 100):
        damaged = bytearray(FILES[name])
        damaged[place] ^= 1
        (folder / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"is not what was written: {name} has another SHA-256\. Copy it anew"):
            manifest.verify(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "weights").unlink(), r"weights is missing\."),
        (lambda folder: (folder / "more").write_bytes(b""), r"more is unknown\."),
        (lambda folder: (folder / "more").mkdir(), r"more is unknown\."),
        (lambda folder: (folder / "weights").write_bytes(b"1234"), r"weights has 4 bytes, not 2,304\."),
    ],
)
def test_what_differs_is_named(folder: Path, change: Callable[[Path], object], message: str) -> None:
    change(folder)
    with pytest.raises(ValueError, match=re.escape(f"{folder} is not what was written: ") + message):
        manifest.verify(folder)


def test_a_folder_without_a_manifest_may_have_been_cut_off(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"has no manifest\.json, which is written last: it may have been cut off"):
        manifest.verify(folder)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "weights").unlink()
    (folder / "weights").mkdir()
    written = json.loads((folder / "manifest.json").read_text())
    written["files"]["weights"]["size"] = (folder / "weights").stat().st_size
    (folder / "manifest.json").write_text(json.dumps(written))
    with pytest.raises(ValueError, match=r"weights cannot be read: Is a directory"):
        manifest.verify(folder)


def test_all_that_differs_is_named_at_once(folder: Path) -> None:
    (folder / "weights").unlink()
    (folder / "empty").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"empty has 2 bytes, not 0; weights is missing\. Copy"):
        manifest.verify(folder)


def test_a_manifest_that_is_cut_off_anywhere_is_damaged(folder: Path) -> None:
    path = folder / "manifest.json"
    text = path.read_bytes()
    for end in range(len(text) - 1):  # behind the last but one byte is a newline
        path.write_bytes(text[:end])
        with pytest.raises(ValueError, match=r"manifest\.json is damaged: "):
            manifest.verify(folder)


@pytest.mark.parametrize(
    "text", ["[1]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {"a": {"size": 1}}}', "[" * 99999, "\0"]
)
def test_what_is_no_manifest_is_damaged(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json is damaged: "):
        manifest.verify(folder)


def test_a_manifest_reads_nothing_outside_of_its_folder(folder: Path) -> None:
    entry = {"size": 3, "sha256": sha256(FILES["config.json"]).hexdigest()}
    inner = folder / "inner"
    inner.mkdir()
    (inner / "manifest.json").write_text(json.dumps({"files": {"../config.json": entry}}))
    with pytest.raises(ValueError, match=r"\.\./config\.json is missing"):
        manifest.verify(inner)


def test_a_folder_within_the_folder_has_no_place_in_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with pytest.raises(ValueError, match=r"inner is no file; a folder with a manifest holds files alone"):
        manifest.write(tmp_path)
