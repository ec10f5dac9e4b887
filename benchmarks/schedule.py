"""What each loop saves: forward and backward pass of every picture, plain, in bands, and the fastest, in one run.

    python benchmarks/schedule.py                 # all pictures; or names: … schedule.py luong bahdanau

One core, a batch of 64 messages of 22 symbols of the cipher, the command's sizes; by turns, medians of nine. Run
nothing else beside it. A ratio above 1 says how much longer the plain loop takes.
"""

from __future__ import annotations

import statistics
import sys
import time
from random import Random

import torch

from seq2seq_attn import Seq2Seq
from seq2seq_attn.cipher import config, encrypted_batch, random_message
from seq2seq_attn.config import LoopKind
from seq2seq_attn.schedule import schedule
from seq2seq_attn.wirings import WIRINGS


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    random = Random(0)
    source, mask, target, target_mask = encrypted_batch([random_message(22, random) for _ in range(64)], 13)
    for name in names or list(WIRINGS):
        torch.manual_seed(0)
        model = Seq2Seq.from_diagram(name, config(name))
        symbols = model.before(target)
        seconds: dict[LoopKind, list[float]] = {"plain": [], "scheduled": [], "fastest": []}
        for _ in range(10):
            for loop, times in seconds.items():
                begin = time.perf_counter()
                values = model.decoder(model.read(source, mask), symbols, loop)
                model.total_loss(values, target, target_mask).backward()  # type: ignore[no-untyped-call]
                times.append(time.perf_counter() - begin)
        plain, scheduled, fastest = (1000 * statistics.median(times[1:]) for times in seconds.values())
        inside = ", ".join(schedule(model.specification()).inside)
        ratios = f"{scheduled:6.1f} scheduled  {plain / scheduled:.2f} {fastest:6.1f} fastest  {plain / fastest:.2f}"
        print(f"{name:20} {plain:6.1f} ms plain {ratios}  in the loop: {inside}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
