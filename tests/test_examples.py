"""Every example runs, and does what its docstring says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: object) -> None:
    runpy.run_path(str(EXAMPLES / name))["main"](*arguments)


def test_first_rnn_states_the_tutorials_shapes_and_learns_to_100_percent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("first_rnn.py", str(tmp_path))
    printed = capsys.readouterr().out
    for word, shape in {"embedded": (16, 1, 5), "lstm_out": (16, 1, 10), "scores": (16, 1, 27)}.items():
        assert f"{word:13} {shape}" in printed
    assert "exact match 100.0% of 128 unseen messages" in printed
    assert "FUVEMVEMNMERPDRF → THIS-IS-A-SECRET" in printed
    assert "what ran is diagrams/first_rnn.mmd: True" in printed
    assert (tmp_path / "first_rnn.svg").read_text().count("<ellipse") == 4


@pytest.mark.slow
def test_cipher_learns_and_shows_where_it_looked(capsys: pytest.CaptureFixture[str]) -> None:
    run("cipher.py")
    printed = capsys.readouterr().out
    assert float(printed.split("without a mistake: ")[1].split("%")[0]) >= 99
    assert "FUVEMVEMNMERPDRF →\nTHIS-IS-A-SECRET\n" in printed
    assert "differences from diagrams/bahdanau.mmd: []" in printed


@pytest.mark.slow
def test_own_picture_says_what_an_arrow_cost_and_what_left_the_loop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("own_picture.py", str(tmp_path / "difference.svg"))
    seed, edited, _ = capsys.readouterr().out.splitlines()
    assert seed.endswith("in the loop: a, softmax, wsum, rnn") and edited.endswith("in the loop: rnn")
    scores = [float(line.split("%")[0].split()[-1]) for line in (seed, edited)]
    assert scores[0] > 96 and 80 < scores[1] < scores[0] - 2  # it learnt, and the arrow cost it something
    assert (tmp_path / "difference.svg").exists()


@pytest.mark.slow
def test_own_node_learns_and_is_what_its_picture_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("own_node.py", str(tmp_path / "step.svg"))
    printed = capsys.readouterr().out
    assert float(printed.split("exact match ")[1].split("%")[0]) > 98
    assert "what ran is the edited picture: True" in printed
    assert "found wrong by the check: nothing" in printed
    assert "distance" in (tmp_path / "step.svg").read_text(encoding="utf-8")


def test_every_example_is_run_by_a_test() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'run("{path.name}"' not in tested] == []
