"""Where the time of a training step and of a beam search goes, against the machine's limit, technique by technique.

    python benchmarks/step.py                # cases char, nmt, small, and a beam of 5 in two; writes docs/speed/
    python benchmarks/step.py --cases nmt    # one of them

The rungs take turns in one process on one batch: a step of training is forward, loss, backward, clip and Adam. The
limit is the matrix products that torch counts in the plain loop, at the rate that this machine reaches in one large
product of that dtype, measured in the same run. Run nothing else beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.page import fill
from benchmarks.peers import Unfit
from benchmarks.peers.cases import PARTS, Part
from benchmarks.peers.machine import machine, told
from benchmarks.peers.measured import Run, run_of
from benchmarks.peers.ours import Narrow, Ours
from benchmarks.peers.turns import by_turns

PAGE = Path(__file__).parents[1] / "docs" / "speed" / "README.md"
RESULTS = PAGE.with_name("step.json")
CASES = ["char", "nmt", "small", "char, beam 5", "nmt, beam 5"]
RUNGS = {  # each with all that the ones before it do; what is left out of the fused loop, and the loop
    "plain": ((), "plain"),
    "what can leaves the loop": ((), "scheduled"),
    "walked back by hand": (("lookup", "scores"), "fused"),
    "scores in pieces": (("lookup",), "fused"),
    "multiplied before looked up": ((), "fused"),
    "compiled": (("packed",), "compiled"),
    "weights packed": ((), "compiled"),
}
SEARCHES = {  # the same of a beam search
    "the step as it is": ((), "fastest"),
    "compiled": (("by position", "packed"), "compiled"),
    "contexts by position": (("packed",), "compiled"),
    "weights packed": ((), "compiled"),
}
NARROW = "products of bfloat16"  # the last rung, where the processor has a unit for them
PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "seq2seq_attn::affine", "seq2seq_attn::packed")
PARTS_OF_IT = {
    "lookup": ("seq2seq_attn.decoder.lookup", "seq2seq_attn.seq2seq.lookup"),
    "scores": ("seq2seq_attn.fused.bands.find_scores",),
    "by position": ("seq2seq_attn.fused.stepper.Stepper._by_position",),
    "packed": ("seq2seq_attn.fused.products.Products.packs",),
}


@contextmanager
def without(parts: tuple[str, ...]) -> Iterator[None]:
    """Leave some techniques out of the fused loop."""
    with ExitStack() as stack:
        for place in (place for part in parts for place in PARTS_OF_IT[part]):
            stack.enter_context(mock.patch(place, return_value=None))
        yield


def ladder(part: Part, *, rounds: int, busy: float) -> dict[str, Any]:
    """Of each rung the time of a step or of a search, by turns."""
    torch.set_num_threads(part.case.threads)
    runs: dict[str, Run] = {}
    for name, (parts, loop) in (SEARCHES if part.kind == "beam" else RUNGS).items():
        contestant = Ours(part.case)
        contestant.seq2seq.loop = loop  # type: ignore[assignment]
        runs[name] = without(parts)(run_of(part, contestant))
        runs[name]()
    with suppress(Unfit):
        runs[NARROW] = run_of(part, Narrow(part.case))
        runs[NARROW]()
    return {name: times.summary() for name, times in by_turns(runs, rounds=rounds, busy=busy).items()}


def limit(part: Part) -> dict[str, float]:
    """Floating-point operations of the products in a step or a search, and the rates of one large product, a second."""
    contestant = Ours(part.case)
    contestant.seq2seq.loop = "plain"
    run = run_of(part, contestant)
    with FlopCounterMode(display=False) as counter:
        run()
    found = {"operations": float(counter.get_total_flops())}
    for name, dtype in {"rate": torch.float32, "narrow rate": torch.bfloat16}.items():
        size, seconds = 2048, []
        one, other = torch.randn(2, size, size).to(dtype).unbind()
        made = torch.empty_like(one)
        for _ in range(20):
            begin = time.perf_counter()
            torch.mm(one, other, out=made)
            seconds.append(time.perf_counter() - begin)
        found[name] = 2 * size**3 / statistics.median(seconds)
    return found


def shares(part: Part, steps: int = 5) -> dict[str, float]:
    """Seconds of a compiled step by what they are spent on."""
    contestant = Ours(part.case)
    contestant.seq2seq.loop = "compiled"
    run = run_of(part, contestant)
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            run()
    spent = dict.fromkeys(("loops", "products outside of them", "loss", "Adam", "all else"), 0.0)
    for event in found.key_averages():
        if event.key in ("_Walk", "_WalkBackward"):
            kind = "loops"
        elif event.key in PRODUCTS:
            kind = "products outside of them"
        else:
            kind = "loss" if "cross_entropy" in event.key else "Adam" if "adam" in event.key else "all else"
        spent[kind] += event.self_cpu_time_total / 1e6 / steps
    return spent


def markdown(results: dict[str, Any]) -> str:
    """Of each case the rungs, and what a compiled step is spent on."""
    lines = [f"`python benchmarks/step.py`, medians by turns. {told(results['machine'])}"]
    for name, found in results.items():
        if name == "machine":
            continue
        operations, rates = found["limit"]["operations"], {}
        for rung in found["rungs"]:
            rates[rung] = found["limit"]["narrow rate" if rung == NARROW else "rate"]
        alone = " and ".join(
            f"{1000 * operations / rate:.0f} ms at {rate / 1e9:.0f} billion operations a second"
            for rate in dict.fromkeys(rates.values())
        )
        lines += [
            "",
            f"**{name}**: the products alone take {alone}.",
            "",
            "| with all above it | ms | times the one before | times the first | share of the limit |",
            "|---|---|---|---|---|",
        ]
        first = before = next(iter(found["rungs"].values()))["median"]
        for rung, times in found["rungs"].items():
            now, least = times["median"], operations / rates[rung]
            lines.append(f"| {rung} | {1000 * now:.1f} | {before / now:.2f} | {first / now:.2f} | {least / now:.0%} |")
            before = now
        if spent := ", ".join(f"{kind} {1000 * seconds:.1f}" for kind, seconds in found["spent"].items()):
            lines += ["", f"Milliseconds of a compiled step: {spent}."]
    return "\n".join(lines)


def main() -> int:
    """Measure case by case, and write each into the file of the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, metavar="CASE")
    parser.add_argument("--rounds", type=int, default=9, help="samples to keep of each rung")
    parser.add_argument("--busy", type=float, default=0.05, help="share of the cores that others may use in a sample")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if results.get("machine") != machine():
        results = {"machine": machine()}
    for name in options.cases:
        part = PARTS[name]
        rungs, spent = (
            ladder(part, rounds=options.rounds, busy=options.busy),
            {} if part.kind == "beam" else shares(part),
        )
        results[name] = {"rungs": rungs, "limit": limit(part), "spent": spent}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(markdown(results), flush=True)
    fill(PAGE, "step", markdown(results), by="benchmarks/step.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
