"""Saves checkpoints in processes that are killed, and looks at what they leave: killed_run.py RUN MODEL.

A checkpoint is the files of the folder MODEL; the first has the best score. Of each kill a line is printed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from seq2seq_attn import manifest, runs
from seq2seq_attn.training import checkpoints

if __name__ == "__main__":  # pytest imports it too, for its doctests
    RUN, MODEL = map(Path, sys.argv[1:])


def save(update: int) -> None:
    def write(folder: Path) -> None:
        for path in MODEL.iterdir():
            shutil.copyfile(path, folder / path.name)
        (folder / "training.json").write_text(json.dumps({"cost": float(update)}))

    checkpoints.save(RUN, update, write, keep=2)


def killed(work: Callable[[], None], after: float | None = None) -> bool:
    """Work in a process of its own, which kills itself, or is killed after so many seconds. Is what is left whole?"""
    process = os.fork()
    if not process:
        work()
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    for path in runs.checkpoints(RUN):
        manifest.verify(path)
    assert runs.best(RUN) == runs.folder_of(RUN, 1)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def newest() -> int:
    path, damaged = runs.last(RUN)
    assert path is not None and not damaged
    return runs.update_of(path)


def save_until(event: int) -> None:
    """One save, killed before the so-many-th thing that it asks of the operating system."""
    left = event

    def count(name: str, arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    update = newest() + 1
    sys.addaudithook(count)
    save(update)


def save_on() -> None:
    update = newest()
    while True:
        save(update := update + 1)


if __name__ == "__main__":
    for update in (1, 2, 3, 4):
        save(update)
    event = 1
    while killed(partial(save_until, event)):
        print("event", event, "last", newest())
        save(newest() + 1)
        event += 1
    moments = random.Random(0)
    for _ in range(10):
        before = newest()
        assert killed(save_on, after=moments.uniform(0.0, 0.05)) and newest() >= before
        print("moment", "last", newest())
    save(newest() + 1)
    print("left", sorted(path.name for path in RUN.iterdir() if path.name.startswith(".")))
