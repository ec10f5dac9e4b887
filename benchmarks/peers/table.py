"""The results as Markdown: a table a case, and what is not alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.peers.cases import LENGTHS
from benchmarks.peers.machine import told
from benchmarks.peers.roster import BASE, COMPILED


def markdown(results: Mapping[str, Any]) -> str:
    """Machine, versions, all cases, and the notes."""
    lines = [told(results["machine"]), ""]
    for name, result in results["cases"].items():
        if result["kind"] != "scaling":
            lines += [f"**{name}**: {_sizes(result)}", "", *_table(result), ""]
    lines += _scaling(results["cases"])
    lines += [f"- {name}: {note}" for name, note in results["notes"].items()]
    lines += [f"- left out, {name}: {reason}" for name, reason in results["missing"].items()]
    return "\n".join(lines)


def _sizes(result: Mapping[str, Any]) -> str:
    return (
        "V {vocabulary}, S {source}, T {target}, E {embedding}, encoder 2 × {encoder}, A {attention}, H {hidden}, "
        "batch {batch}, threads {threads}"
    ).format_map(result["case"])


def _table(result: Mapping[str, Any]) -> Iterable[str]:
    """Fastest first."""
    what = {"greedy": "sentences a second", "beam": "sentences a second", "memory": "MB added"}
    unit = what.get(result["kind"], "ms a step")
    yield f"| contestant | parameters | {unit} | quartiles | times {BASE} | times compiled | samples |"
    yield "|---|---|---|---|---|---|---|"
    rows = result["contestants"].items()
    compiled = result["contestants"].get(COMPILED, {}).get("median")
    for name, row in sorted(rows, key=lambda pair: pair[1]["median"] or float("inf")):
        shown = [_shown(result, row.get(key)) for key in ("median", "low", "high")]
        spread = "" if shown[1] == "–" else f"{min(shown[1:], key=float)} to {max(shown[1:], key=float)}"
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else "–"
        other = f"{row['median'] / compiled:.2f}" if row["median"] and compiled else "–"
        kept = f"{row['kept']}, {row['dropped']} dropped" if "kept" in row else ""
        size = f"{row['parameters'] / 1e6:.2f} M" if "parameters" in row else ""
        yield f"| {name} | {size} | {shown[0]} | {spread} | {ratio} | {other} | {kept} |"
    for name, reason in result["left_out"].items():
        yield f"| {name} | | left out: {reason} | | | | |"


def _shown(result: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if result["kind"] in ("greedy", "beam"):
        return f"{result['case']['batch'] / value:.1f}"
    return f"{value / 1e6:.0f}" if result["kind"] == "memory" else f"{1000 * value:.1f}"


def _scaling(cases: Mapping[str, Any]) -> Iterable[str]:
    """A table for each axis: ms a step."""
    for axis in ("source", "target", "batch"):
        there = [value for value in LENGTHS if f"{axis} {value}" in cases]
        if not there:
            continue
        columns = [cases[f"{axis} {value}"]["contestants"] for value in there]
        yield from (f"**ms a step with a {axis} of …**", "")
        yield f"| contestant | {' | '.join(map(str, there))} |"
        yield "|---" * (len(there) + 1) + "|"
        for name in columns[0]:
            times = [column.get(name, {}).get("median") for column in columns]
            yield f"| {name} | {' | '.join(f'{1000 * time:.0f}' if time else '–' for time in times)} |"
        yield ""
