"""The page of results on real data: its tables are those of what was measured, written by the script that measures."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
REAL: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "real.py"))
PAGE = ROOT / "docs" / "real_data" / "README.md"
MEASURED = sorted(path.stem for path in PAGE.parent.glob("*.json"))


@pytest.mark.parametrize("task", MEASURED)
def test_a_table_is_that_of_what_was_measured(task: str, tmp_path: Path) -> None:
    assert task in REAL["TASKS"]
    page = tmp_path / "README.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    found = json.loads((PAGE.parent / f"{task}.json").read_text(encoding="utf-8"))
    REAL["write"](page, task, REAL["table"](task, found))
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_table_has_every_score_and_the_mean_of_what_is_published() -> None:
    system = {
        "runs": 2,
        "sentences": 1450,
        "updates": [3, 5],
        "parameters": 2_500_000,
        "training_minutes": [1.5, 2.0],
        "processor_minutes": [1.0, 2.0],
        "pieces": [1, 2],
        "decoding_seconds": 0.5,
    }
    scores = [{"value": value, "low": value - 1, "high": value + 1} for value in (14.0, 2.5, 16.0, 3.5)]
    names = ("word_error_rate", "symbol_error_rate")
    found = {
        "command": "command",
        "train": "arguments",
        "machine": "a machine",
        "systems": [
            system | {"system": "dut", "scores": dict(zip(names, scores[:2], strict=True))},
            system | {"system": "gre", "scores": dict(zip(names, scores[2:], strict=True))},
        ],
    }
    rows = [row.strip("| ").split(" | ") for row in REAL["table"]("g2p", found).splitlines() if row.startswith("|")]
    took = ["2", "2.50", "8", "3.5 (3.0)", "3", "0.5"]
    assert rows[2] == ["dut, 1,450", "14.00 [13.00, 15.00]", "2.50 [1.50, 3.50]", "16.44", "2.94", *took]
    assert rows[4][:5] == ["**mean**", "**15.00**", "**3.00**", "**17.66**", "**3.12**"]


def test_a_page_without_a_place_for_a_task_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Real data\n")
    with pytest.raises(SystemExit, match="has no place for g2p"):
        REAL["write"](page, "g2p", "text")
    assert page.read_text() == "# Real data\n"


def test_every_twentieth_command_of_scan_is_the_dev_set(tmp_path: Path) -> None:
    for split in ("simple", "length"):
        for part in ("train", "test"):
            lines = [f"IN: jump {number} OUT: {split} {part}\n" for number in range(41)]
            (tmp_path / f"tasks_{part}_{split}.txt").write_text("".join(lines))
    task = REAL["scan"](tmp_path, tmp_path / "data")
    assert [training.name for training in task.trainings] == ["scan-simple", "scan-length"]
    train, _, dev, *_ = task.trainings[0].arguments
    assert [pair.split()[2] for pair in Path(dev).read_text().splitlines()] == ["0", "20", "40"]
    assert len(Path(train).read_text().splitlines()) == 38
    assert [len(system.test) for system in task.systems] == [41, 41]
