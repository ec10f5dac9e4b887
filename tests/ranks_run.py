"""What test_ranks starts under torchrun: joins, shares a number, and loses a process if it is told to."""

from __future__ import annotations

import os
import signal
import sys
import time

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from seq2seq_attn.training.ranks import Alone, joined

if __name__ == "__main__":
    try:
        with joined(timeout=float(sys.argv[2])) as ranks:
            shared = ranks.shared(torch.tensor([5.0 + ranks.rank]))
            text = f"rank {ranks.rank} of {ranks.world_size} has {shared.item()}, first {ranks.is_first}"
            os.write(1, f"{text}\n".encode())  # at once: print may write the end of a line by itself
            alike = ranks.same("a"), ranks.same(f"{ranks.rank}")
            alone = Alone(ranks)
            for _ in range(3 * ranks.is_first):
                alone._told = -2.0  # as if a second had gone by
                alone.at_work()
            value = alone.done(7.5) if ranks.is_first else alone.result()
            os.write(1, f"rank {ranks.rank} is alike {alike}, and told {value}\n".encode())
            if ranks.rank == 1 and sys.argv[1] == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if ranks.rank == 1 and sys.argv[1] == "silent":
                time.sleep(3600)
            ranks.shared(shared)
            sys.setswitchinterval(100)  # no thread gets Python's lock that this one does not give away
            outlives = DistributedDataParallel(torch.nn.Linear(1, 1))  # the group, and is freed without waiting for it
            outlives(torch.ones(1, 1)).sum().backward()
            distributed.all_reduce(torch.ones(3))
        del outlives
    except ConnectionError as error:
        os.write(1, f"{error}\n".encode())
        sys.exit(1)
