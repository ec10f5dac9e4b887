"""A case measured: every contestant is built, warmed up, and timed by turns."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from benchmarks.peers import Contestant, Unfit
from benchmarks.peers.cases import BEAM, COPY, Part
from benchmarks.peers.ours import Ours
from benchmarks.peers.roster import BASE
from benchmarks.peers.turns import by_turns, timed

TRAINED = ("training", "ragged", "bfloat16")
Run = Callable[[], object]


def measured(part: Part, classes: Mapping[str, type[Contestant]], *, rounds: int, busy: float) -> dict[str, Any]:
    """Of each contestant the median, in seconds or bytes, and its ratio to ours; and why others are left out.

    Args:
        part: what is measured.
        classes: the contestants by name; the fastest `is_peer` is trained with torch's fused Adam as well.
        rounds: samples to keep of each.
        busy: see `by_turns`.
    """
    torch.set_num_threads(part.case.threads)
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    runs: dict[str, Run] = {}
    first: dict[str, float] = {}

    def enter(name: str, cls: type[Contestant], **options: bool) -> None:
        try:
            if part.kind == "memory":
                found[name] = {"median": _in_a_child(name)}
                return
            contestant = cls(part.case, **options)
            run = run_of(part, contestant)
            run()
            first[name] = min(timed(run, 1).seconds for _ in range(2))
        except Unfit as reason:
            left_out[name] = str(reason)
        except Exception as error:  # whatever a toolkit does not take is a reason to leave it out
            if name == BASE:
                raise
            left_out[name] = f"{type(error).__name__}: {error}"
        else:
            runs[name] = run
            found[name] = {"parameters": sum(parameter.numel() for parameter in contestant.parameters)}

    for name, cls in classes.items():
        enter(name, cls)
    peers = [name for name in first if name in classes and is_peer(classes[name])]
    if peers and part.kind in TRAINED:
        fastest = min(peers, key=first.__getitem__)
        enter(f"{fastest}, fused Adam", classes[fastest], fused=True)
    for name, times in by_turns(runs, rounds=rounds, busy=busy).items():
        found[name] |= times.summary()
    base = found.get(BASE, {}).get("median")
    for row in found.values():
        row["ratio"] = row["median"] / base if base and row["median"] else None
    case = dataclasses.asdict(part.case)
    return {"kind": part.kind, "case": case, "rounds": rounds, "contestants": found, "left_out": left_out}


def is_peer(cls: type[Contestant]) -> bool:
    """Whether it is another toolkit's model of the same kind as ours."""
    return cls.recurrent and cls.package != Ours.package


def check(classes: Mapping[str, type[Contestant]]) -> list[str]:
    """Train everybody to copy, 30 steps; a line each, with the loss of some of them, and who does not learn."""
    lines: list[str] = []
    for name, cls in classes.items():
        for options in ({}, {"ragged": True, "dropout": 0.2, "label_smoothing": 0.1}, {"precision": "bfloat16"}):
            try:
                contestant = cls(dataclasses.replace(COPY, **options))
            except Unfit as reason:
                lines.append(f"{name:34} left out: {reason}  {', '.join(options)}")
                continue
            contestant.optimizer.param_groups[0]["lr"] = 0.003
            given = contestant.batch(contestant.case.data(copied=True))
            losses = [contestant.step(given) for _ in range(30)]
            size = sum(parameter.numel() for parameter in contestant.parameters)
            verdict = "learns" if losses[-1] < 0.9 * losses[0] else "DOES NOT LEARN"
            course = " ".join(f"{loss:.2f}" for loss in losses[:: len(losses) // 5])
            lines.append(f"{name:34} {size:7,} parameters  {course}  {verdict}  {', '.join(options)}")
    return lines


def run_of(part: Part, contestant: Contestant) -> Run:
    """One step of training, or one decoding of the batch, in the precision of the contestant's case."""
    given = contestant.batch(part.case.data())
    if part.kind not in ("greedy", "beam"):
        return partial(contestant.step, given)
    contestant.model.eval()
    decode = (
        partial(contestant.greedy, given, part.case.target)
        if part.kind == "greedy"
        else partial(contestant.beam, given, part.case.target, BEAM)
    )
    run: Run = torch.autocast("cpu", torch.bfloat16, enabled=contestant.case.precision == "bfloat16")(decode)
    return run


def _in_a_child(name: str) -> int:
    """What `memory.added` says in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.peers.memory", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise (Unfit if "Unfit" in last[-1] else RuntimeError)(last[-1].partition(": ")[2] or last[-1])
    return int(done.stdout.split()[-1])
