"""The page of speeds: its tables are those of what was measured, written by the scripts that measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page, speed, step
from benchmarks.peers import table

PAGE = Path(__file__).parent.parent / "docs" / "speed" / "README.md"
MACHINE = {"cores": 2, "processor": "P", "instructions": ["avx2"], "torch_uses": "AVX2", "versions": {"torch": "3"}}


def measured(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAGE.parent / f"{name}.json").read_text(encoding="utf-8"))
    return found


MAKES = {
    "speed": ("speed", lambda: table.markdown(measured("speed"))),
    "in short": ("speed", speed.in_short),
    "step": ("step", lambda: step.markdown(measured("step"))),
}


@pytest.mark.parametrize("name", MAKES)
def test_a_table_is_that_of_what_was_measured(name: str, tmp_path: Path) -> None:
    script, make = MAKES[name]
    copy = tmp_path / "README.md"
    copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    page.fill(copy, name, make(), by=f"benchmarks/{script}.py")
    assert copy.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_short_table_has_the_fastest_toolkit_that_does_the_same_work() -> None:
    medians = {"ours": 3.0, "ours, compiled loop": 2.0, "Slow": 8.0, "Quick": 5.0, "Quick, without input feeding": 1.0}
    contestants = {name: {"median": median} for name, median in medians.items()}
    case = {"kind": "greedy", "case": {"batch": 20}, "contestants": contestants}
    alone = {"kind": "training", "case": {}, "contestants": {"ours": {"median": 1.0}}}
    text = table.short({"machine": MACHINE, "cases": {"one": case, "two": alone, "three": {**case, "kind": "scaling"}}})
    assert text.splitlines()[-1] == "| one | sentences a second | 10.0 |  | 4.0 | Quick | 2.50 |  |"


def test_a_page_without_a_place_is_no_place(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_text("nothing", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"has no place for speed: <!-- speed: written by it -->"):
        page.fill(copy, "speed", "text", by="it")
    assert copy.read_text(encoding="utf-8") == "nothing"


def test_every_technique_of_a_step_is_told_with_what_it_brought() -> None:
    rungs = [*step.RUNGS, step.NARROW]
    times = {rung: {"median": 1 / (n + 1)} for n, rung in enumerate(rungs)}
    found = {"rungs": times, "limit": {"operations": 1.0, "rate": 10.0, "narrow rate": 20.0}, "spent": {"loops": 0.25}}
    text = step.markdown({"machine": MACHINE, "char": found})
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == rungs
    assert rows[0][1:] == ["1000.0", "1.00", "1.00", "10%"] and rows[1][1:] == ["500.0", "2.00", "2.00", "20%"]
    assert rows[-2][2:] == ["1.17", "7.00", "70%"] and rows[-1][2:] == ["1.14", "8.00", "40%"]
    assert "100 ms at 0 billion operations a second and 50 ms" in text and "loops 250.0" in text
