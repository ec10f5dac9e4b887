"""What all tests share: one thread, since two torch processes on two cores starve each other, and a fixed seed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("quiet", deadline=None)  # a busy machine is no failure
settings.load_profile("quiet")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
