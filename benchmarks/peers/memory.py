"""The most memory that a step of training adds, in a process of its own: ``python -m benchmarks.peers.memory ours``."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.peers import Case, Contestant, installed
from benchmarks.peers.cases import PARTS
from benchmarks.peers.roster import contestants


def added(contestant: type[Contestant], case: Case) -> int:
    """Bytes of the peak of one step above what is resident with model, gradients and the optimiser's state.

    These are there after a step on sentences of one symbol. A fresh process has to ask: what another contestant has
    freed would be used again unseen.
    """
    model = contestant(case)
    model.step(model.batch(replace(case, source=1, target=1).data()))
    given = model.batch(case.data())
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here; see proc(5)
    before = _status("VmRSS")
    model.step(given)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    """Bytes that the kernel says of this process."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    installed.reach()
    torch.set_num_threads(PARTS["memory"].case.threads)
    print(added(contestants()[0][sys.argv[1]], PARTS["memory"].case))
