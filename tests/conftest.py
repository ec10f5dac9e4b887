"""What all tests share: one thread, since two torch processes on two cores starve each other, and a fixed seed."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import settings

from seq2seq_attn import kinds

torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # and so in every process that a test starts
settings.register_profile("quiet", deadline=None)  # a busy machine is no failure
settings.load_profile("quiet")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(
        0
    )  # manual_seed seeds the GPUs too, for which it writes down where it was called


@pytest.fixture(autouse=True)
def kinds_as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(kinds, "_KINDS", list(kinds._KINDS))
