"""A run's folder: which checkpoints it has, which is the last that is whole, and which the best."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from seq2seq_attn import manifest

TRAINING = "training.json"
_NAME = re.compile(r"checkpoint-(0|[1-9]\d{0,17})")


def folder_of(run: str | Path, update: int) -> Path:
    """Where the checkpoint after an update stands."""
    return Path(run) / f"checkpoint-{update}"


def update_of(checkpoint: Path) -> int:
    """The number of the update after which a checkpoint was written."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def checkpoints(run: str | Path) -> list[Path]:
    """The folders of all checkpoints, the first first, whole or damaged; [] of a run that has none or is not there."""
    run = Path(run)
    found = [path for path in run.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()] if run.is_dir() else []
    return sorted(found, key=update_of)


def last(run: str | Path) -> tuple[Path | None, list[str]]:
    """The last checkpoint that is whole, None if there is none; and, in words, what is damaged of those after it.

    These are left where they are, and nothing more is read of them.
    """
    damaged: list[str] = []
    for path in reversed(checkpoints(run)):
        try:
            manifest.verify(path)
        except ValueError as error:
            damaged.append(str(error))
        else:
            return path, damaged
    return None, damaged


def best(run: str | Path) -> Path:
    """The checkpoint with the best score, the earlier of equal ones; without any score the last.

    Raises:
        FileNotFoundError: a run without a checkpoint.
        ValueError: that checkpoint, or the training.json of any, is damaged. No other one is taken in silence.
    """
    found = checkpoints(run)
    if not found:
        raise FileNotFoundError(f"{run} has no checkpoint-N; a run has one after its first evaluation")
    ranked = [(cost, path) for path in found if (cost := cost_of(path)) is not None]
    chosen = min(ranked, key=lambda each: each[0])[1] if ranked else found[-1]
    manifest.verify(chosen)
    return chosen


def cost_of(checkpoint: Path) -> float | None:
    """What a checkpoint was judged by, the ``cost`` in its training.json: lower is better, None was not judged.

    Raises:
        ValueError: a training.json that is damaged.
    """
    path = checkpoint / TRAINING
    try:
        cost = json.loads(path.read_bytes())["cost"]
        if cost is not None and not (type(cost) in (int, float) and math.isfinite(cost)):
            raise ValueError(f"cost is {cost!r}, where a finite number or null belongs")
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {type(error).__name__}: {error}; use another, or remove this") from None
    return None if cost is None else float(cost)


def model_of(folder: str | Path) -> Path:
    """Where a model is: the folder itself, compared with its manifest if it has one, or the best checkpoint of a run.

    Raises:
        ValueError: a checkpoint that is damaged; see `best` and `manifest.verify`.
    """
    folder = Path(folder)
    if (folder / manifest.MANIFEST).exists():
        manifest.verify(folder)
    elif not (folder / "config.json").exists() and checkpoints(folder):
        return best(folder)
    return folder
