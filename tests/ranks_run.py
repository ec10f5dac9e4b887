"""What test_ranks starts under torchrun: joins, shares a number, and loses a process if it is told to."""

from __future__ import annotations

import os
import signal
import sys
import time

import torch

from seq2seq_attn.training.ranks import joined

if __name__ == "__main__":
    try:
        with joined(timeout=float(sys.argv[2])) as ranks:
            shared = ranks.shared(torch.tensor([5.0 + ranks.rank]))
            print(f"rank {ranks.rank} of {ranks.world_size} has {shared.item()}, first {ranks.is_first}", flush=True)
            if ranks.rank == 1 and sys.argv[1] == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if ranks.rank == 1 and sys.argv[1] == "silent":
                time.sleep(3600)
            ranks.shared(shared)
    except ConnectionError as error:
        print(error, flush=True)
        sys.exit(1)
