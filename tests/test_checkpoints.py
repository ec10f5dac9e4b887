from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models import batch, config
from safetensors import SafetensorError

from seq2seq_attn import Seq2Seq, manifest, runs
from seq2seq_attn.training import checkpoints

HERE = Path(__file__).parent
FULL = """
import resource, sys
from pathlib import Path
from seq2seq_attn import Seq2Seq, runs
from seq2seq_attn.training import checkpoints

run, model = map(Path, sys.argv[1:])
net = Seq2Seq.from_pretrained(model)

def write(folder):
    net.save_pretrained(folder)
    (folder / "training.json").write_text('{"cost": 1.0}')

first = checkpoints.save(run, 1, write, keep=1)
no_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in map(int, sys.stdin):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, no_limit[1]))
    try:
        checkpoints.save(run, 2, write, keep=1)
    except OSError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, no_limit)
    assert [path.name for path in run.iterdir()] == ["checkpoint-1"] and runs.last(run) == (first, [])
checkpoints.save(run, 2, write, keep=1)
"""


def scored(cost: float | None) -> Callable[[Path], None]:
    """What writes a checkpoint with a cost."""

    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "training.json").write_text(json.dumps({"cost": cost}))

    return write


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def updates(run: Path) -> list[int]:
    return [runs.update_of(path) for path in runs.checkpoints(run)]


def test_a_checkpoint_holds_what_was_written_and_its_manifest(tmp_path: Path) -> None:
    place = checkpoints.save(tmp_path / "new" / "run", 7, scored(0.5), keep=1)
    assert place == tmp_path / "new" / "run" / "checkpoint-7"
    assert sorted(path.name for path in place.iterdir()) == ["manifest.json", "model.safetensors", "training.json"]
    manifest.verify(place)
    assert [path.name for path in place.parent.iterdir()] == ["checkpoint-7"]


def test_all_is_on_the_disk_before_the_one_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    opened: dict[int, str] = {}
    open_, rename = os.open, os.rename

    def opening(path: Path, flags: int) -> int:
        number = open_(path, flags)
        opened[number] = path.name
        return number

    def renaming(old: Path, new: Path) -> None:
        done.append(f"{old.name} -> {new.name}")
        rename(old, new)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "fsync", lambda number: done.append(opened[number]))
    monkeypatch.setattr(os, "rename", renaming)
    checkpoints.save(tmp_path, 3, scored(None), keep=1)
    monkeypatch.undo()
    assert {*done[:3]} == {"manifest.json", "model.safetensors", "training.json"}
    assert done[3:] == [".checkpoint-3.new", ".checkpoint-3.new -> checkpoint-3", tmp_path.name]


@pytest.mark.parametrize("kind", [OSError, SafetensorError, KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("step", ["write", "manifest", "fsync", "rename"])
def test_a_save_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], step: str
) -> None:
    checkpoints.save(tmp_path, 1, scored(0.5), keep=1)
    before = tree(tmp_path)

    def fail(*arguments: object) -> None:
        raise kind("No space left on device")

    def write(folder: Path) -> None:
        scored(0.25)(folder)
        if step == "write":
            fail()

    if step != "write":
        monkeypatch.setattr(*{"manifest": (manifest, "write"), "fsync": (os, "fsync")}.get(step, (os, "rename")), fail)
    wrapped = kind in (OSError, SafetensorError)
    message = r"checkpoint-2 cannot be written: .*No space left on device; the checkpoints before it are kept"
    with pytest.raises(OSError if wrapped else kind, match=message if wrapped else "No space left"):
        checkpoints.save(tmp_path, 2, write, keep=1)
    assert tree(tmp_path) == before and [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]


def test_a_run_that_cannot_be_written_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"/proc/run/checkpoint-1 cannot be written: "):
        checkpoints.save("/proc/run", 1, scored(None), keep=1)


def test_what_a_killed_process_has_left_is_removed_by_the_next_save_and_nothing_else(tmp_path: Path) -> None:
    for name in (".checkpoint-1.new", ".checkpoint-10.old", ".checkpoint-1.mine", ".checkpoints.new"):
        (tmp_path / name / "inner").mkdir(parents=True)
    checkpoints.save(tmp_path, 1, scored(None), keep=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".checkpoint-1.mine",
        ".checkpoints.new",
        "checkpoint-1",
    ]


def test_a_whole_checkpoint_is_not_written_again_and_a_damaged_one_is(tmp_path: Path) -> None:
    place = checkpoints.save(tmp_path, 1, scored(0.5), keep=1)
    before = tree(tmp_path)
    with pytest.raises(FileExistsError, match=r"checkpoint-1 is there, and whole; it is not written again: remove it"):
        checkpoints.save(tmp_path, 1, scored(0.25), keep=1)
    assert tree(tmp_path) == before
    (place / "model.safetensors").write_bytes(b"wei")
    checkpoints.save(tmp_path, 1, scored(0.25), keep=1)
    manifest.verify(place)
    assert runs.cost_of(place) == 0.25 and [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]


@pytest.mark.parametrize(
    ("costs", "keep", "left"),
    [
        ([3.0, 2.0, 1.0], 1, [2]),
        ([1.0, 2.0, 3.0], 1, [0, 2]),
        ([1.0, 2.0, 3.0, 4.0], 2, [0, 2, 3]),
        ([1.0, 2.0, 3.0], 9, [0, 1, 2]),
        ([1.0, 1.0, 2.0], 1, [0, 2]),
        ([2.0, 1.0, None], 1, [1, 2]),  # the last is kept, as training goes on from it
        ([2.0, None, 1.0], 2, [0, 2]),  # and no longer, when one with a score has come
        ([None, None], 2, [1]),
        ([2.0, 1.0, 3.0, None], 0, [1, 3]),
    ],
)
def test_the_best_and_the_last_are_kept(tmp_path: Path, costs: list[float | None], keep: int, left: list[int]) -> None:
    for update, cost in enumerate(costs):
        checkpoints.save(tmp_path, update, scored(cost), keep=len(costs))
    checkpoints.prune(tmp_path, keep)
    assert updates(tmp_path) == left


def test_prune_is_part_of_every_save(tmp_path: Path) -> None:
    for update in range(8, 13):
        checkpoints.save(tmp_path, update, scored(float(abs(update - 10))), keep=2)
    assert updates(tmp_path) == [10, 11, 12]


def test_what_is_damaged_is_neither_removed_nor_taken_for_the_best_or_the_last(tmp_path: Path) -> None:
    for update, cost in enumerate([0.5, 4.0, 3.0, 2.0, 9.0, 1.0]):
        checkpoints.save(tmp_path, update, scored(cost), keep=9)
    for update in (0, 1, 5):
        (tmp_path / f"checkpoint-{update}" / "model.safetensors").write_bytes(b"other")
    (tmp_path / "checkpoint-1" / "training.json").write_text("{")
    checkpoints.prune(tmp_path, 0)
    assert updates(tmp_path) == [0, 1, 3, 4, 5]


def test_a_checkpoint_loses_its_name_before_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for update in (1, 2):
        checkpoints.save(tmp_path, update, scored(float(-update)), keep=2)

    def cut_off(folder: Path, **_: object) -> None:
        assert manifest.verify(folder) is None
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", cut_off)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.prune(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".checkpoint-1.old", "checkpoint-2"]


def test_whenever_a_process_is_killed_what_it_saved_before_is_there_and_whole(tmp_path: Path) -> None:
    net = Seq2Seq.from_config(config()).eval()
    net.save_pretrained(tmp_path / "model")
    command = [sys.executable, str(HERE / "killed_run.py"), str(tmp_path / "run"), str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    kills = [line.split() for line in done.stdout.splitlines()]
    assert len([kill for kill in kills if kill[0] == "event"]) > 40
    assert len([kill for kill in kills if kill[0] == "moment"]) == 10
    assert kills[-1] == ["left", "[]"] and len(updates(tmp_path / "run")) == 3
    last, damaged = runs.last(tmp_path / "run")
    assert last is not None and not damaged
    arguments = batch()
    assert torch.equal(Seq2Seq.from_pretrained(last)(*arguments).output, net(*arguments).output)


def test_a_disk_that_is_full_keeps_what_was_there(tmp_path: Path) -> None:
    Seq2Seq.from_config(config()).save_pretrained(tmp_path / "model")
    sizes = [path.stat().st_size for path in (tmp_path / "model").iterdir()]
    limits = [1, min(sizes) - 1, min(sizes) + 1, max(sizes) // 2, max(sizes) - 1]  # where a file cannot grow any more
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "run"), str(tmp_path / "model")],
        input="\n".join(map(str, limits)),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(limits) and all("File too large" in line and "before it are kept" in line for line in said)
    assert updates(tmp_path / "run") == [1, 2]
