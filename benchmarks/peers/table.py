"""The results as Markdown: a table a case, and what is not alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.peers.cases import LENGTHS
from benchmarks.peers.machine import told
from benchmarks.peers.roster import BASE, COMPILED, LESS, NARROW


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


def short(results: Mapping[str, Any]) -> str:
    """Of each case the compiled loop and the fastest toolkit that does the same work, a line each."""
    lines = [told(results["machine"]), ""]
    lines += [
        "| case | | compiled | with bfloat16 | fastest peer | | times compiled | times bfloat16 |",
        "|---" * 8 + "|",
    ]
    for name, result in results["cases"].items():
        times = {name: row["median"] for name, row in result["contestants"].items() if row["median"]}
        peers = {name: time for name, time in times.items() if not name.startswith(BASE) and LESS not in name}
        if result["kind"] == "scaling" or not peers:
            continue
        best = min(peers, key=peers.__getitem__)
        ours = [times.get(contestant) for contestant in (COMPILED, NARROW)]
        ratios = [f"{peers[best] / time:.2f}" if time else "" for time in ours]
        shown = [_shown(result, time) if time else "" for time in (*ours, peers[best])]
        lines.append(
            f"| {name} | {_unit(result)} | {shown[0]} | {shown[1]} | {shown[2]} | {best} | {' | '.join(ratios)} |"
        )
    return "\n".join(lines)


def _unit(result: Mapping[str, Any]) -> str:
    what = {"greedy": "sentences a second", "beam": "sentences a second", "memory": "MB added"}
    return what.get(result["kind"], "ms a step")


def _sizes(result: Mapping[str, Any]) -> str:
    return (
        "V {vocabulary}, S {source}, T {target}, E {embedding}, encoder 2 × {encoder}, A {attention}, H {hidden}, "
        "batch {batch}, threads {threads}"
    ).format_map(result["case"])


def _table(result: Mapping[str, Any]) -> Iterable[str]:
    """Fastest first."""
    yield f"| contestant | parameters | {_unit(result)} | quartiles | times {BASE} | times compiled | samples |"
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
