"""The processes of one training, as torchrun starts them: one on each GPU, or several on the cores of a machine."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import Tensor, distributed

_LOST = re.compile(r"gloo|NCCL|[Cc]onnection|[Tt]imed? ?out")


@dataclass(frozen=True)
class Ranks:
    """This process among those of a training; alone, the first of one.

    Attributes:
        rank: from 0; the first alone writes files.
        world_size: how many there are.
        device: what this one computes on.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def shared(self, tensor: Tensor) -> Tensor:
        """The first process's numbers, in all of them; a tensor of the same shape and dtype on ``device`` in each."""
        if self.world_size > 1:
            distributed.broadcast(tensor, src=0)
        return tensor

    def same(self, text: str) -> bool:
        """Whether all processes say the same."""
        if self.world_size == 1:
            return True
        digest = hashlib.sha256(text.encode()).digest()[:7]
        number = torch.tensor(int.from_bytes(digest, "big"), device=self.device)
        most = number.clone()
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
        unlike = (most != number).to(torch.int64)
        distributed.all_reduce(unlike, distributed.ReduceOp.MAX)
        return not unlike.item()


class Alone:
    """Work that the first process does alone, for longer than the others wait for an answer: it tells them to wait on.

    The first calls `at_work` again and again, and `done` at the end; the others call `result`.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self._told = ranks, time.monotonic()

    def at_work(self) -> None:
        """Tell the others to wait on, once a second at most."""
        if self.ranks.world_size > 1 and time.monotonic() - self._told > 1.0:
            self._tell(0.0, 0.0)
            self._told = time.monotonic()

    def done(self, value: float) -> float:
        """Tell the others what came of it."""
        return self._tell(1.0, value)

    def result(self) -> float:
        """Wait for what came of it."""
        while True:
            done, value = self.ranks.shared(self._message(0.0, 0.0)).tolist()
            if done:
                return float(value)

    def _tell(self, done: float, value: float) -> float:
        self.ranks.shared(self._message(done, value))
        return value

    def _message(self, done: float, value: float) -> Tensor:
        return torch.tensor([done, value], dtype=torch.float64, device=self.ranks.device)


@contextmanager
def joined(device: str = "cpu", *, timeout: float = 600.0) -> Iterator[Ranks]:
    """Join the processes that torchrun has started with this one, for a while; without torchrun, be alone.

    Args:
        device: "cpu", "cuda", "cuda:1", …; under torchrun "cuda" is the GPU of this process's own number.
        timeout: seconds that a process waits for the others before it gives up.

    Raises:
        ValueError: a device that cannot be used.
        ConnectionError: another process has ended, or has not answered for that long.
    """
    if "RANK" not in os.environ:
        yield Ranks(device=usable(device))
        return
    own = usable(f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" else device)
    rank, lost = int(os.environ["RANK"]), False
    try:
        distributed.init_process_group("nccl" if own.type == "cuda" else "gloo", timeout=timedelta(seconds=timeout))
        yield Ranks(rank, distributed.get_world_size(), own)
    except (RuntimeError, distributed.DistError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if not isinstance(error, distributed.DistError) and not _LOST.search(first):
            raise
        lost = True
        raise ConnectionError(
            f"rank {rank}: another process of this training has ended or does not answer ({first}); "
            f"its last checkpoint is kept: start the same command again with --resume"
        ) from None
    finally:
        if distributed.is_initialized():
            if not lost:  # else torchrun is about to end this process, which has first to say why
                # Threads of the group that have just ended a broadcast take Python's lock to let go of its tensor. Who
                # frees a DistributedDataParallel later may be the group's last holder, and torch then waits for these
                # threads with that lock held, for ever. They get it here.
                time.sleep(0.1)
            distributed.destroy_process_group()


def usable(device: str) -> torch.device:
    """A device that a tensor has been put on.

    Raises:
        ValueError: one that is not there, or no device.
    """
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(device)
