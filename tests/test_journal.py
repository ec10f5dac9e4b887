from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import pytest

from seq2seq_attn.training.journal import LOG, Journal, entries


def test_every_update_and_evaluation_is_a_line_of_json(tmp_path: Path) -> None:
    with Journal(tmp_path, updates=2) as journal:
        journal.trained(1, loss=2.5, symbols=7, rate=0.1)
        journal.evaluated(1, {"exact_match": 12.5})
        journal.trained(2, loss=math.nan, symbols=7, applied=False)
    expected = [
        {"update": 1, "loss": 2.5, "symbols": 7, "rate": 0.1},
        {"update": 1, "dev": {"exact_match": 12.5}},
        {"update": 2, "loss": None, "symbols": 7, "applied": False},
    ]
    assert [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()] == expected == entries(tmp_path)


def test_without_a_terminal_there_are_plain_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(tmp_path, updates=3) as journal:
        journal.evaluated(2, {"symbol_error_rate": 3.21987})
        journal.trained(3, loss=0.25, symbols=1000)
    printed = capsys.readouterr().err
    assert "update 2: dev symbol_error_rate 3.22\n" in printed and "\r" not in printed
    last = printed.splitlines()[-1]
    shape = r"update 3 of 3, loss 0\.2500, dev symbol_error_rate 3\.22, [\d,]+ symbols/s, 0:00 left"
    assert re.fullmatch(shape, last)


def test_on_a_terminal_there_is_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Journal(tmp_path, updates=8, done=3) as journal:
        journal.trained(4, loss=0.25, symbols=1000)
        journal.evaluated(4, {"loss": 0.5})
        journal.trained(5, loss=0.125, symbols=1000)
    printed = capsys.readouterr().err
    assert "update 4: dev loss 0.5\n" in printed
    assert re.search(r"5/8 .*loss 0\.1250, dev loss 0\.5, [\d,]+ symbols/s", printed.replace("\r", "\n"))


def test_a_run_that_goes_on_keeps_what_was_before_its_checkpoint(tmp_path: Path) -> None:
    with Journal(tmp_path, updates=9) as journal:
        for update in (1, 2, 3):
            journal.trained(update, loss=1.0, symbols=1)
    with (tmp_path / LOG).open("a") as log:
        log.write('{"update": 4, "lo')  # the process was killed
    with Journal(tmp_path, updates=9, done=2) as journal:
        journal.trained(3, loss=2.0, symbols=1)
    assert [(entry["update"], entry["loss"]) for entry in entries(tmp_path)] == [(1, 1.0), (2, 1.0), (3, 2.0)]
    with Journal(tmp_path, updates=9):
        assert entries(tmp_path) == []


def test_a_rank_that_is_not_the_first_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(tmp_path, updates=1, quiet=True) as journal:
        journal.trained(1, loss=1.0, symbols=1)
        journal.evaluated(1, {"loss": 1.0})
    assert [*tmp_path.iterdir()] == [] and capsys.readouterr().err == ""


@pytest.mark.parametrize("line", ["{", "[1]", "{}", '{"update": "one"}'])
def test_a_line_that_is_no_entry_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / LOG).write_text(f'{{"update": 1}}\n{line}\n')
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / LOG}:2: ") + ".*; move the file away to go on"):
        entries(tmp_path)
