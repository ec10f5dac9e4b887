"""How long the cipher takes to learn, and how often it is learnt without a mistake: one run a seed, one after another.

    python benchmarks/cipher.py                     # the default seed, 0, and ten others
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
    parser.add_argument("--seeds", type=int, default=11, help="number of seeds, from 0")
    parser.add_argument("options", nargs="*", help="options of seq2seq-attn cipher, behind --")
    arguments = parser.parse_args()
    seconds: list[float] = []
    perfect: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            command = [sys.executable, "-m", "seq2seq_attn.cli", "cipher", "--out", folder, "--seed", str(seed)]
            done = subprocess.run([*command, *arguments.options], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"seed {seed}: {done.stderr}")
            measured = json.loads((Path(folder) / "measured.json").read_text(encoding="utf-8"))
            seconds.append(measured["training_seconds"])
            perfect.append(measured["exact_match"] == 1.0)
            print(
                f"seed {seed:2}  {seconds[-1]:6.1f} s for {measured['steps']} steps  "
                f"exact match {measured['exact_match']:.2%} of {measured['held_out']:,}",
                flush=True,
            )
    print(f"training: median {statistics.median(seconds):.1f} s")
    default, others = "yes" if perfect[0] else "no", perfect[1:]
    print(f"without a mistake: the default seed {default}, others {sum(others)} of {len(others)}")


if __name__ == "__main__":
    main()
