"""How long the cipher takes to learn, and how often it is learnt without a mistake: one run a seed, one after another.

    python benchmarks/cipher.py                     # seeds 0 to 9
    python benchmarks/cipher.py --seeds 3 -- --steps 300

What follows ``--`` goes to ``seq2seq-attn cipher``. Each seed is a process of its own, as a user starts it; run nothing
else beside it, since two torch processes on two cores starve each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the cipher with several seeds; print times and exact match.")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds, from 0")
    parser.add_argument("options", nargs="*", help="options of seq2seq-attn cipher, behind --")
    arguments = parser.parse_args()
    seconds, perfect = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            command = [sys.executable, "-m", "seq2seq_attn.cli", "cipher", "--out", folder, "--seed", str(seed)]
            subprocess.run([*command, *arguments.options], check=True, capture_output=True)
            measured = json.loads((Path(folder) / "measured.json").read_text(encoding="utf-8"))
            seconds.append(measured["training_seconds"])
            perfect += measured["exact_match"] == 1.0
            print(
                f"seed {seed}  {measured['training_seconds']:6.1f} s for {measured['steps']} steps  "
                f"exact match {measured['exact_match']:.2%} of {measured['held_out']:,}",
                flush=True,
            )
    print(f"median {statistics.median(seconds):.1f} s, {perfect} of {arguments.seeds} seeds without a mistake")


if __name__ == "__main__":
    main()
