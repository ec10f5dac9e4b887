"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from seq2seq_attn import Seq2Seq, cli, mermaid

SMALL = ["--steps", "3", "--held-out", "20", "--max-length", "5", "--batch-size", "4", "--hidden-size", "8"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cipher run."""
    out = tmp_path_factory.mktemp("cipher") / "run"
    assert cli.main(["cipher", *SMALL, "--key", "3", "--message", "ABC", "--out", str(out)]) == 0
    return out


def test_cipher_writes_the_model_its_picture_the_heatmap_the_curve_and_what_was_measured(run: Path) -> None:
    names = "attention.png config.json diagram.mmd diagram.svg learning.png measured.json model.safetensors"
    assert sorted(path.name for path in run.iterdir()) == names.split()
    assert mermaid.load(run / "diagram.mmd") == mermaid.load("bahdanau")
    for name in ("attention.png", "learning.png"):
        with Image.open(run / name) as image:
            assert min(image.size) > 200 and len(image.convert("L").getcolors() or []) > 10
    measured = json.loads((run / "measured.json").read_text())
    keys = "exact_match held_out training_seconds steps key seed message decrypted"
    assert sorted(measured) == sorted(keys.split())
    assert (measured["held_out"], measured["steps"], measured["key"], measured["message"]) == (20, 3, 3, "ABC")


def test_the_same_seed_gives_the_same_model_bit_for_bit(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert cli.main(["cipher", *SMALL, "--key", "3", "--out", str(again)]) == 0
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert cli.main(["cipher", *SMALL, "--key", "3", "--seed", "1", "--out", str(again)]) == 0
    assert (again / "model.safetensors").read_bytes() != (run / "model.safetensors").read_bytes()


def test_cipher_prints_a_table_of_what_it_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["cipher", *SMALL, "--message", "ERPDRF", "--out", str(tmp_path)])
    printed, progress = capsys.readouterr()
    assert "wrong: THIS-IS-A-SECRET" in printed and "\nERPDRF " in printed and "wrong: SECRET" in printed
    assert "of 20 held-out messages" in printed and "s for 3 steps" in printed
    assert "loss=" in progress and "exact_match=" in progress


def test_draw_draws_a_diagram_by_name_a_file_and_a_trained_model(run: Path, tmp_path: Path) -> None:
    for source in ("bahdanau", str(run / "diagram.mmd"), str(run)):
        out = tmp_path / "x.mmd"
        assert cli.main(["draw", source, "-o", str(out)]) == 0
        assert mermaid.load(out) == mermaid.load("bahdanau")
    assert cli.main(["draw", str(run), "-o", str(tmp_path / "x.svg")]) == 0
    assert "nodes/energy.py" in (tmp_path / "x.svg").read_text()


def test_drawing_a_diagram_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from seq2seq_attn.cli import main; "
        "main(['draw', 'bahdanau', '-o', sys.argv[1]]); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.svg")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("False\n")


def test_check_says_that_a_model_is_its_diagram(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(run)]) == 0
    assert capsys.readouterr().out == f"{run} is bahdanau.mmd\n"


def test_check_names_the_arrow_that_an_edited_diagram_lacks_and_exits_1(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "edited.mmd"
    edited.write_text(mermaid.shipped()["bahdanau"].replace("y_ii --> out\n", ""))
    assert cli.main(["check", str(run), "--diagram", str(edited)]) == 1
    assert capsys.readouterr().out == f"arrow y_ii → out is only in the model\n{run} differs from {edited}\n"


def test_summary_prints_the_nodes_by_name(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", str(run)]) == 0
    printed = capsys.readouterr().out
    for name in (
        "FeedforwardEnergy (a)",
        "Softmax (softmax)",
        "WeightedSum (wsum)",
        "GRUStep (rnn)",
        "FeedforwardOutput (out)",
    ):
        assert name in printed
    total = sum(parameter.numel() for parameter in Seq2Seq.from_pretrained(run).parameters())
    assert f"Total params: {total:,}" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cipher", "--message", "secret"], "character 1 of 'secret' is 's', which is not in 'ABC"),
        (["cipher", "--message", ""], "the text is empty; give at least one character"),
        (
            ["cipher", "--held-out", "50", "--max-length", "1"],
            "50 messages cannot be held out of length 1 to 1; 1 to 9 can",
        ),
        (["cipher", "--device", "abacus"], "device 'abacus' cannot be used"),
        (["cipher", "--device", "meta"], "device 'meta' cannot be used"),
        (["cipher", "--out", "/proc/run"], "/proc/run"),
        (["cipher", "--out", "/proc"], "/proc"),
        (["draw", "bahdanau", "-o", "x.bmp"], "x.bmp ends in '.bmp'; a picture ends in .mmd, .dot, .svg, .png, .pdf"),
        (["draw", "bahdanu", "-o", "x.svg"], "no diagram is called 'bahdanu'; there are bahdanau, first_rnn"),
        (["draw", "none.mmd", "-o", "x.svg"], "No such file or directory: 'none.mmd'"),
        (["check", "nowhere"], "nowhere holds no model: config.json is not there"),
        (["summary", "nowhere"], "nowhere holds no model"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"seq2seq-attn {arguments[0]}: ") and message in error
    assert not list(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["cipher", "--steps", "0"],
        ["cipher", "--learning-rate", "-1"],
        ["cipher", "--cell", "SRU"],
        ["draw", "bahdanau"],
    ],
)
def test_a_wrong_option_ends_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "usage: seq2seq-attn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--steps", "0", "'0' is not a whole number of at least 1"),
        ("--hidden-size", "-3", "'-3' is not a whole number of at least 1"),
        ("--seed", "99999999999999999999", "'99999999999999999999' is not a whole number from 0 to 2^63 - 1"),
        ("--learning-rate", "nan", "'nan' is not a number above 0"),
        ("--learning-rate", "fast", "'fast' is not a number above 0"),
    ],
)
def test_a_number_that_is_none_is_refused_with_what_it_should_be(
    option: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["cipher", f"{option}={text}"])
    assert f"argument {option}: {message}" in capsys.readouterr().err


def test_cipher_says_which_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "seq2seq_attn.demo", raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert cli.main(["cipher"]) == 2
    assert "tqdm is missing, of the extra 'demo': pip install tqdm" in capsys.readouterr().err


def test_without_a_renderer_draw_writes_the_texts_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert cli.main(["draw", "bahdanau", "-o", str(tmp_path / "x.svg")]) == 2
    assert "no renderer for svg here: pip install graphviz-pure; wrote" in capsys.readouterr().err
    assert mermaid.load(tmp_path / "x.mmd") == mermaid.load("bahdanau") and (tmp_path / "x.dot").exists()
    assert cli.main(["cipher", *SMALL, "--out", str(tmp_path / "run")]) == 0  # a run goes on without its picture
    printed = capsys.readouterr()
    assert "no renderer for svg here" in printed.err and "diagram.dot" in printed.out
