"""Checkpoints are written beside and moved into place whole: one that is there is there to the last byte."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from seq2seq_attn import manifest, runs

_NEW, _OLD = ".new", ".old"
_LEFTOVER = re.compile(rf"\.checkpoint-\d+({_NEW}|{_OLD})")


def save(run: str | Path, update: int, write: Callable[[Path], None], *, keep: int) -> Path:
    """Write a checkpoint, then `prune` the run.

    The files are written into a hidden folder, ``.checkpoint-N.new``, with their manifest last, and are on the disk
    before the folder is given its name. What a process that was killed has left is removed by the next save.

    Args:
        run: the folder; made if it is not there.
        update: N, after which one this is.
        write: puts the files, training.json with its ``cost`` among them, into the folder that it is given.
        keep: see `prune`.

    Returns:
        Its folder, ``checkpoint-N``. A damaged one of this name is replaced.

    Raises:
        FileExistsError: a checkpoint of this update is there, and whole; it stays.
        OSError: a folder that cannot be written, a full disk; the checkpoints before are as they were.
    """
    run = Path(run)
    place = runs.folder_of(run, update)
    if place.exists() and _is_whole(place):
        raise FileExistsError(f"{place} is there, and whole; it is not written again: remove it, or use another run")
    new = run / f".{place.name}{_NEW}"
    try:
        run.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(run)
        new.mkdir()
        write(new)
        manifest.write(new)
        for path in (*new.iterdir(), new):
            _flush(path)
        if place.exists():
            _remove(place)
        os.rename(new, place)
        _flush(run)
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if not isinstance(error, OSError | SafetensorError):
            raise
        raise OSError(f"{place} cannot be written: {error}; the checkpoints before it are kept") from error
    prune(run, keep)
    return place


def prune(run: str | Path, keep: int) -> None:
    """Remove what is no longer needed: all but the best, the last ``keep`` that have a score, and the last of all.

    Those that are damaged are left for somebody to look at, and none of them is the best or the last of all.

    Raises:
        OSError: a checkpoint that cannot be taken its name.
    """
    costs: dict[Path, float | None] = {}
    for path in runs.checkpoints(run):
        try:
            costs[path] = runs.cost_of(path)
        except ValueError:
            continue
    scored = {path: cost for path, cost in costs.items() if cost is not None}
    best = next((path for path in sorted(scored, key=scored.__getitem__) if _is_whole(path)), None)
    kept = {*list(scored)[max(len(scored) - keep, 0) :], best, runs.last(run)[0]}
    for path in costs:
        if path not in kept and _is_whole(path):
            _remove(path)


def _is_whole(checkpoint: Path) -> bool:
    try:
        manifest.verify(checkpoint)
    except ValueError:
        return False
    return True


def _remove(checkpoint: Path) -> None:
    """Take its name from it first, so that no half of it is ever taken for a checkpoint."""
    old = checkpoint.with_name(f".{checkpoint.name}{_OLD}")
    os.rename(checkpoint, old)
    shutil.rmtree(old, ignore_errors=True)  # what cannot be removed yet is a leftover for the next save


def _remove_leftovers(run: Path) -> None:
    """What a process that was killed has left."""
    for path in run.iterdir():
        if _LEFTOVER.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have it on the disk, and not only on its way there."""
    if os.name == "nt":  # which opens no folders, and flushes no file that is open for reading
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
