"""How fast models of this package and of other toolkits train and decode, and the memory that a step takes.

    python benchmarks/speed.py                              # all but scaling; writes docs/speed/
    python benchmarks/speed.py --cases char memory          # cases or kinds; the others are left as they were
    python benchmarks/speed.py --cases scaling --rounds 3   # steps over lengths and batch sizes
    python benchmarks/speed.py --only ours fairseq          # contestants with such names, and no others
    python benchmarks/speed.py --check                      # does everybody learn to copy? measures nothing
    python benchmarks/speed.py --table                      # what the file holds, as Markdown; and on its page
    python benchmarks/speed.py --out docs/speed/speed-zen4.json    # of another machine, in short on the page too

The first call installs the peers (benchmarks/peers.txt) into build/peers, behind the environment's own torch and numpy.
All contestants of a case are in one process and take turns on the same batch; only memory is asked of a fresh process
each. A ratio is of two medians of one run. Run nothing else beside it: a sample during which others have used the
cores is dropped, counted, and taken again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.page import fill
from benchmarks.peers import Contestant, installed
from benchmarks.peers.cases import PARTS
from benchmarks.peers.machine import machine
from benchmarks.peers.measured import check, is_peer, measured
from benchmarks.peers.roster import BASE, COMPILED, contestants
from benchmarks.peers.table import markdown, short

PAGE = Path(__file__).parents[1] / "docs" / "speed" / "README.md"
RESULTS = PAGE.with_name("speed.json")


def main() -> int:
    """Measure what is asked for, case by case, and write each into the file of the results."""
    kinds = list(dict.fromkeys(part.kind for part in PARTS.values()))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=[*kinds, *PARTS], metavar="CASE", help=f"{', '.join(kinds)}; …")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="contestants with such names")
    parser.add_argument("--rounds", type=int, default=9, help="samples to keep of each contestant in each case")
    parser.add_argument("--busy", type=float, default=0.05, help="share of the cores that others may use in a sample")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of the results")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
    if options.table:
        return show(results, options.out)
    installed.install()
    installed.reach()
    classes, missing = contestants()
    classes = {name: cls for name, cls in classes.items() if any(word.lower() in name.lower() for word in options.only)}
    if options.check:
        torch.set_num_threads(1)
        print(*check(classes), *(f"{name}: {reason}" for name, reason in missing.items()), sep="\n")
        return 0
    if results.get("machine") != machine():
        results = {"machine": machine(), "cases": {}, "notes": {}}
    results["missing"] = missing
    results["notes"] |= {name: cls.note for name, cls in classes.items()}
    for name, part in PARTS.items():
        if {name, part.kind} & set(options.cases or set(kinds) - {"scaling"}):
            print(name, file=sys.stderr, flush=True)
            chosen = fastest(classes, results["cases"]) if part.kind == "scaling" else classes
            results["cases"][name] = measured(part, chosen, rounds=options.rounds, busy=options.busy)
            options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return show(results, options.out)


def show(results: Mapping[str, Any], out: Path) -> int:
    """Print the tables, and put those of the project's own results on their page; of other machines a short one."""
    print(markdown(results))
    if out == RESULTS:
        fill(PAGE, "speed", markdown(results), by="benchmarks/speed.py")
    if out.resolve().parent == PAGE.parent:
        fill(PAGE, "in short", in_short(), by="benchmarks/speed.py")
    return 0


def in_short() -> str:
    """A short table of each machine whose results lie beside the page."""
    files = sorted(PAGE.parent.glob(f"{RESULTS.stem}*.json"), key=lambda file: file.stem)
    return "\n\n".join(short(json.loads(file.read_text(encoding="utf-8"))) for file in files)


def fastest(classes: Mapping[str, type[Contestant]], cases: Mapping[str, Any]) -> dict[str, type[Contestant]]:
    """Ours and the two peers that trained fastest in the case "char"; all where it was not measured."""
    times = {name: row["median"] or float("inf") for name, row in cases.get("char", {}).get("contestants", {}).items()}
    peers = [name for name, cls in classes.items() if is_peer(cls)]
    chosen = sorted(peers, key=lambda name: times.get(name, 0.0))[:2] if times else peers
    return {name: cls for name, cls in classes.items() if name in chosen or name in (BASE, COMPILED)}


if __name__ == "__main__":
    sys.exit(main())
