"""What a training says of itself: a line of JSON an update, and a live bar, or plain lines without a terminal."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

LOG = "log.jsonl"
_PAUSE = 30.0  # seconds between plain lines


class Journal:
    """The log of a run, ``log.jsonl``, and its progress on standard error.

    Args:
        run: the folder.
        updates: how many there will be.
        done: how many there were before; what the log has of later ones, of a run that was cut off, is left out of it.
        quiet: write nothing, neither log nor progress: for all ranks but the first.

    Raises:
        ValueError: a log with a line that is none of its own: ``file:line``.
        OSError: a folder that cannot be written.
    """

    def __init__(self, run: Path, *, updates: int, done: int = 0, quiet: bool = False) -> None:
        self.updates, self.done, self.quiet = updates, done, quiet
        self._dev, self._began, self._said = "", time.monotonic(), time.monotonic()
        self._symbols = 0
        if quiet:
            return
        path = run / LOG
        kept = [entry for entry in entries(run) if entry["update"] <= done] if done else []
        beside = path.with_suffix(".new")
        beside.write_text("".join(_line(entry) for entry in kept), encoding="utf-8")
        os.replace(beside, path)
        self._file = path.open("a", encoding="utf-8")
        self._live = sys.stderr.isatty()
        self._bar = tqdm(total=updates, initial=done, unit="update", file=sys.stderr, disable=not self._live)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.quiet:
            self._bar.close()
            self._file.close()

    def trained(self, update: int, *, loss: float, symbols: int, **others: Any) -> None:
        """Note an update: its loss in nats a symbol, the number of target symbols, and what else there is of it."""
        self._write({"update": update, "loss": loss, "symbols": symbols, **others})
        if self.quiet:
            return
        self._symbols += symbols
        self._bar.update(update - self._bar.n if self._live else 0)
        seconds = time.monotonic() - self._began
        speed = f"{self._symbols / max(seconds, 1e-9):,.0f} symbols/s"
        if self._live:
            self._bar.set_postfix_str(f"loss {loss:.4f}, {self._dev}{speed}", refresh=False)
        elif time.monotonic() - self._said > _PAUSE or update == self.updates:
            left = seconds / (update - self.done) * (self.updates - update)
            self.say(f"update {update:,} of {self.updates:,}, loss {loss:.4f}, {self._dev}{speed}, {_clock(left)} left")

    def evaluated(self, update: int, scores: Mapping[str, float], **others: Any) -> None:
        """Note what the model is worth on the dev set after an update."""
        self._write({"update": update, "dev": dict(scores), **others})
        if not self.quiet:
            os.fsync(self._file.fileno())  # before the checkpoint is: none is there without its lines
        self._dev = "".join(f"dev {name} {score:.4g}, " for name, score in scores.items())
        self.say(f"update {update:,}: {self._dev.removesuffix(', ')}")

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if not self.quiet:
            self._said = time.monotonic()
            tqdm.write(text, file=sys.stderr)

    def _write(self, entry: Mapping[str, Any]) -> None:
        if not self.quiet:
            self._file.write(_line(entry))
            self._file.flush()


def entries(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, in order; a last one that was cut off is left out; [] if there is no log.

    Raises:
        ValueError: a line that is no JSON object with an ``update``: ``file:line``.
    """
    path = run / LOG
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], start=1):  # behind the last newline is nothing, or half a line
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}; move the file away to go on without it") from None
        if not isinstance(entry, dict) or type(entry.get("update")) is not int:
            raise ValueError(f"{path}:{number}: no entry of a log; move the file away to go on without it")
        found.append(entry)
    return found


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(_finite(entry), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
