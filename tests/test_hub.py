from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from models import config

from seq2seq_attn import Seq2Seq, hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHERS = {"README.md": b"# Model", "model.py": b"1 / 0", "training.safetensors": b"long", "manifest.json": b"{}"}
LOADS = f"""
import sys
from seq2seq_attn import Seq2Seq, hub

model, copy = sys.argv[1:]
Seq2Seq.from_pretrained(model)
print([name for name in ("huggingface_hub", "torch._dynamo") if name in sys.modules])
Seq2Seq.from_pretrained("owner/name", revision="{COMMIT}").save_pretrained(copy)
print(sorted(path.name for path in hub.find("owner/name", "{COMMIT}").iterdir()))
try:
    hub.find("owner/other", "{COMMIT}")
except OSError as error:
    print(error)
"""


class Hub(ThreadingHTTPServer):
    """Plays the Hub, with one model in one commit; it remembers what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.asked = files, list[str]()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        files, name = self.server.files, path.removeprefix(f"/owner/name/resolve/{COMMIT}/")
        if path == f"/api/models/owner/name/tree/{COMMIT}":
            listed = [{"type": "file", "path": n, "size": len(data), "oid": tag(data)} for n, data in files.items()]
            self.answer(200, json.dumps(listed).encode())
        elif name in files:
            self.answer(200, files[name])
        else:
            self.answer(404, b"")

    do_HEAD = do_GET

    def answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": "application/json", "X-Repo-Commit": COMMIT, "ETag": f'"{tag(data)}"'}
        headers |= {"X-Error-Code": "RepoNotFound"} if status == 404 else {}
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def tag(data: bytes) -> str:
    """What git calls a file of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    Seq2Seq.from_config(config()).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def server(model: Path) -> Iterator[Hub]:
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    with Hub(files | OTHERS | {"source_vocabulary.txt": b"a\n"}) as hub_:
        Thread(target=hub_.serve_forever, daemon=True).start()
        yield hub_
        hub_.shutdown()


def test_a_model_of_the_hub_is_fetched_by_its_commit_once_and_nothing_beside_it(
    server: Hub, model: Path, tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub")
    home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    plain = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", LOADS, str(model), str(tmp_path / "copy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=os.environ | home | plain)
    assert done.returncode == 0, done.stderr
    local, found, failed = done.stdout.split("\n", 2)
    assert local == "[]"  # of a folder here it loads neither the Hub's package nor torch's compiler
    assert found == str(["config.json", "model.safetensors", "source_vocabulary.txt"])
    assert failed.startswith(f"owner/other at {COMMIT} cannot be fetched from the Hub: 404 ")
    fetched = [path.rsplit("/", 1)[1] for path in server.asked if path.startswith("GET /owner/name/resolve/")]
    assert sorted(fetched) == ["config.json", "model.safetensors", "source_vocabulary.txt"]
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "copy" / name).read_bytes() == (model / name).read_bytes()


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7], COMMIT[:39], COMMIT + "0", COMMIT.upper(), ""])
def test_a_model_of_the_hub_needs_the_full_hash_of_a_commit(revision: str | None) -> None:
    with pytest.raises(
        ValueError,
        match=r"no folder owner/name; to fetch .* give revision, the full hash of a commit \(40 hexadecimal digits\), "
        rf"not {revision!r}: a branch or a tag may name another model tomorrow",
    ):
        Seq2Seq.from_pretrained("owner/name", revision=revision)


@pytest.mark.parametrize(
    "name", ["model", "/owner/name", "./name", "../name", "a/b/c", "owner/", "own er/name", "a\n/b"]
)
def test_what_is_no_name_of_the_hub_is_a_path(name: str) -> None:
    assert hub.find(name) == Path(name)
    with pytest.raises(
        ValueError, match=r"(?s)revision is '0123.*is a path or a folder here, which has none: leave it out"
    ):
        hub.find(name, COMMIT)


def test_a_folder_comes_before_a_model_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Seq2Seq.from_config(config()).save_pretrained("owner/name")
    assert Seq2Seq.from_pretrained("owner/name").config == config()
    with pytest.raises(ValueError, match=r"owner/name is a path or a folder here, which has none: leave it out"):
        Seq2Seq.from_pretrained("owner/name", revision=COMMIT)


def test_a_path_that_is_not_there_is_no_name_of_the_hub() -> None:
    with pytest.raises(FileNotFoundError, match=r"owner/name holds no model: config\.json is not there"):
        Seq2Seq.from_pretrained(Path("owner/name"))


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"huggingface_hub is not installed; pip install 'seq2seq_attn\[hub\]'"):
        hub.find("owner/name", COMMIT)
