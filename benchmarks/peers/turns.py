"""Time by turns: A B C, A B C, …, and leave out what was measured while others used the machine."""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

SHORTEST = 0.5  # seconds of a sample: the kernel's own clock of the cores ticks a hundred times a second
ATTEMPTS = 3  # samples that may be taken for each that is asked for


class Run(NamedTuple):
    """How long one run took, and how much of the cores others used meanwhile, as a share."""

    seconds: float
    others: float


@dataclass
class Times:
    """Seconds of one contestant: what was kept of its samples, each a mean over its runs, and how many were dropped."""

    kept: list[float] = field(default_factory=list)
    dropped: int = 0

    def summary(self) -> dict[str, Any]:
        """Median and quartiles, for JSON; None if nothing was kept."""
        if not self.kept:
            return {"median": None, "low": None, "high": None, "kept": 0, "dropped": self.dropped}
        low, median, high = (
            statistics.quantiles(self.kept, n=4, method="inclusive") if len(self.kept) > 1 else 3 * self.kept
        )
        return {"median": median, "low": low, "high": high, "kept": len(self.kept), "dropped": self.dropped}


def by_turns(runs: Mapping[str, Callable[[], object]], *, rounds: int, busy: float) -> dict[str, Times]:
    """Samples of every contestant, one each in every round.

    Args:
        runs: by name, what is measured; each was run before.
        rounds: samples to keep of each; a dropped one is taken again, `ATTEMPTS` times as many at most.
        busy: share of the cores used by others above which a sample is dropped.
    """
    often = {name: math.ceil(SHORTEST / timed(run, 1).seconds) for name, run in runs.items()}
    times = {name: Times() for name in runs}
    for _ in range(ATTEMPTS * rounds):
        for name, run in runs.items():
            if len(times[name].kept) < rounds:
                sample = timed(run, often[name])
                if sample.others > busy:
                    times[name].dropped += 1
                else:
                    times[name].kept.append(sample.seconds)
    return times


def timed(run: Callable[[], object], often: int) -> Run:
    """The mean of some runs, one after the other."""
    gc.collect()
    machine, own, begin = _busy(), _own(), time.perf_counter()
    for _ in range(often):
        run()
    seconds = time.perf_counter() - begin
    others = (_busy() - machine) - (_own() - own)
    return Run(seconds / often, others / (seconds * (os.cpu_count() or 1)))


def _busy() -> float:
    """Seconds that all cores have worked since the machine started, or were taken from it; see proc(5)."""
    user, nice, system, _, _, irq, softirq, steal, *_ = Path("/proc/stat").read_text(encoding="ascii").split()[1:9]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds that this process has worked, all threads together."""
    now = os.times()
    return now.user + now.system
