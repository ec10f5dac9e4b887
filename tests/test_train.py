"""The command that trains, run as a user runs it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from seq2seq_attn import Config, Seq2Seq, cli, mermaid
from seq2seq_attn.commands.train import MODEL, TRAINING
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.runs import checkpoints, update_of
from seq2seq_attn.training.journal import entries
from seq2seq_attn.training.recipe import Recipe

SIZES = ["--embedding-size", "3", "--hidden-size", "5", "--attention-size", "7", "--readout-size", "2"]
SMALL = [*SIZES, "--updates", "6", "--evaluate-every", "3", "--max-tokens", "64", "--learning-rate", "0.01"]


def written(path: Path, seed: int, count: int) -> Path:
    """A file of words and the same letters backwards, with spaces between them."""
    letters = random.Random(seed)
    words = ["".join(letters.choices("abcdef", k=letters.randint(2, 7))) for _ in range(count)]
    path.write_text("".join(f"{word}\t{' '.join(reversed(word))}\n" for word in words), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    train, dev = written(tmp_path / "train.tsv", 0, 53), written(tmp_path / "dev.tsv", 1, 2)
    return [str(train), "--dev", str(dev)]


def test_files_become_a_run_with_a_model_its_vocabularies_and_a_log(data: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert cli.main(["train", *data, "-o", str(run), *SMALL]) == 0
    model = Seq2Seq.from_pretrained(checkpoints(run)[-1])
    assert model.config is not None and model.config.hidden_size == 5
    assert sorted(Vocabularies.load(checkpoints(run)[-1]).source.symbols) == list("abcdef")
    assert [entry["update"] for entry in entries(run) if "loss" in entry] == [1, 2, 3, 4, 5, 6]
    assert model.check() == []


def test_at_the_end_the_scores_are_printed_and_a_report_is_there(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert cli.main(["train", *data, "-o", str(run), *SMALL, "--metric", "symbol_error_rate"]) == 0
    scores, _, report = capsys.readouterr().out.rstrip().rpartition("\n\nreport: ")
    assert report == str(run / "report" / "report.md") and "symbol_error_rate" in scores
    assert "## The worst errors" in Path(report).read_text()
    assert not (run / "tensorboard").exists()


def test_tensorboard_is_told_if_asked_for(data: list[str], tmp_path: Path) -> None:
    assert cli.main(["train", *data, "-o", str(tmp_path / "run"), *SMALL, "--tensorboard"]) == 0
    assert [path.name.split(".")[1] for path in (tmp_path / "run" / "tensorboard").iterdir()] == ["out"]


def test_what_is_missing_for_the_report_is_said_before_the_training(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "seq2seq_attn.report", None)
    assert cli.main(["train", *data, "-o", str(tmp_path / "run"), *SMALL]) == 2
    assert "seq2seq_attn.report is missing, of the extra 'train'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_same_command_is_the_same_training(data: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert cli.main(["train", *data, "-o", str(tmp_path / name), *SMALL, "--dropout", "0.2"]) == 0
    one, two = (checkpoints(tmp_path / name)[-1] / "training.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert cli.main(["train", *data, "-o", str(tmp_path / "three"), *SMALL, "--dropout", "0.2", "--seed", "1"]) == 0
    assert (checkpoints(tmp_path / "three")[-1] / "training.safetensors").read_bytes() != one.read_bytes()


def test_any_diagram_is_trained(data: list[str], tmp_path: Path) -> None:
    edited = tmp_path / "edited.mmd"
    edited.write_text(mermaid.shipped()["luong"].replace("a[dot]", "a[general]"))
    for diagram in ("luong_input_feeding", str(edited)):
        run = tmp_path / Path(diagram).stem
        assert cli.main(["train", *data, "-o", str(run), *SMALL, "--diagram", diagram, "--cell", "LSTM"]) == 0
        assert Seq2Seq.from_pretrained(checkpoints(run)[-1]).specification() == mermaid.load(diagram)


def test_two_parallel_files_are_a_corpus_too(tmp_path: Path) -> None:
    for name, lines in {"de": ["eins zwei", "drei"], "en": ["one two", "three"]}.items():
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    files = [str(tmp_path / "de"), str(tmp_path / "en")]
    options = [*files, "--dev", *files, "--source-symbols", "space", "-o", str(tmp_path / "run")]
    assert cli.main(["train", *options, *SMALL]) == 0
    found = Vocabularies.load(checkpoints(tmp_path / "run")[-1])
    assert (found.source.symbols, found.target.symbols) == (("drei", "eins", "zwei"), ("one", "three", "two"))


def test_a_preset_says_how_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.txt"
    path.write_text("IN: jump twice OUT: I_JUMP I_JUMP\nIN: walk OUT: I_WALK\n")
    options = ["--preset", "scan", str(path), "--dev", str(path), "-o", str(tmp_path / "run")]
    assert cli.main(["train", *options, *SMALL]) == 0
    assert Vocabularies.load(checkpoints(tmp_path / "run")[-1]).source.symbols == ("jump", "twice", "walk")


def test_symbols_that_training_never_shows_are_said(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "dev.tsv").open("a") as dev:
        dev.write("xxy\tz\n")
    assert cli.main(["train", *data, "-o", str(tmp_path / "run"), *SMALL]) == 0
    printed = capsys.readouterr().err
    assert "unknown in the sources of" in printed and "dev.tsv: 'x' 2, 'y' 1\n" in printed
    assert "unknown in the targets of" in printed and "dev.tsv: 'z' 1\n" in printed
    assert "train.tsv" not in printed
    assert cli.main(["train", *data, "-o", str(tmp_path / "rare"), *SMALL, "--min-count", "40"]) == 0
    printed = capsys.readouterr().err
    assert "unknown in the sources of" in printed and "train.tsv: " in printed


def test_a_run_goes_on_with_texts_split_as_they_were(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ["train", *data, "-o", str(tmp_path / "run"), *SMALL]
    assert cli.main(begin) == 0
    assert cli.main([*begin, "--resume"]) == 0
    for other in (
        ["--source-symbols", "space"],
        ["--min-count", "40"],
        ["--target-symbols", "character"],
        ["--shared"],
    ):
        assert cli.main([*begin, "--resume", *other]) == 2
        assert re.search("has other vocabularies|is of another model|cannot be split", capsys.readouterr().err)


def test_pieces_that_a_run_has_learnt_are_not_learnt_again(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = ["train", *data, "-o", str(tmp_path / "run"), *SMALL, "--source-symbols", "sentencepiece:20"]
    assert cli.main(begin) == 0
    monkeypatch.delattr("seq2seq_attn.data.pieces.Pieces.train")
    assert cli.main([*begin, "--updates", "7", "--resume"]) == 0


def test_what_may_be_left_out_is_none(data: list[str], tmp_path: Path) -> None:
    assert cli.main(["train", *data, "-o", str(tmp_path / "run"), *SMALL, "--clip", "none", "--batch-size", "5"]) == 0
    recipe = json.loads((checkpoints(tmp_path / "run")[-1] / "training.json").read_text())["recipe"]
    assert (recipe["clip"], recipe["batch_size"]) == (None, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give the train data: a file of source TAB target"),
        (["nowhere.tsv", "--dev", "nowhere.tsv"], "nowhere.tsv"),
        (["DATA", "--updates", "0"], "updates is 0; it is at least 1"),
        (["DATA", "--diagram", "bahdanu"], "bahdanau"),
        (["DATA", "--source-symbols", "letters"], "letters"),
        (["DATA", "--device", "moon"], "device 'moon' cannot be used"),
        (["DATA", "--average", "3"], "average is 3, and of the last checkpoints 1 are kept"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    options: list[str], message: str, data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [part for option in options for part in (data if option == "DATA" else [option])]
    assert cli.main(["train", *filled, "-o", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_every_field_of_a_recipe_is_an_option_and_every_option_a_field() -> None:
    assert set(TRAINING) == {field.name for field in fields(Recipe)}
    given = {"source_vocabulary", "target_vocabulary", "bos", "eos"}  # by the data
    assert set(MODEL) == {field.name for field in fields(Config)} - given - {"unknown_size"}


@pytest.mark.slow
def test_a_process_that_is_told_to_stop_or_killed_is_gone_on_with(data: list[str], tmp_path: Path) -> None:
    options = [*data, *SMALL, "--evaluate-every", "10", "--dropout", "0.2", "--keep", "100"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    endless = [sys.executable, "-m", "seq2seq_attn.cli", "train", *options, "-o", str(cut), "--resume"]
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):  # test_stop and the next one have SIGTERM
        before = checkpoints(cut)
        process = subprocess.Popen([*endless, "--updates", "1000000"], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 600
        while checkpoints(cut) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(number)
        process.communicate(timeout=600)
        assert process.returncode == status
    updates = update_of(checkpoints(cut)[-1]) + 5
    for run in (whole, cut):
        assert cli.main(["train", *options, "-o", str(run), "--updates", str(updates), "--resume"]) == 0
    one, other = (checkpoints(run)[-1] for run in (whole, cut))
    for name in ("training.safetensors", "model.safetensors", "training.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def launched(*arguments: str) -> list[str]:
    """The command in two processes."""
    return [sys.executable, str(Path(__file__).parent / "launched.py"), "seq2seq_attn.cli", "train", *arguments]


@pytest.mark.slow
def test_processes_that_are_stopped_or_of_which_one_dies_are_gone_on_with(data: list[str], tmp_path: Path) -> None:
    run, alone = tmp_path / "run", tmp_path / "alone"
    options = [*data, *SMALL, "--evaluate-every", "20", "--timeout", "120"]
    long = [*options, "-o", str(run), "--updates", "3000", "--resume"]

    def begun() -> tuple[subprocess.Popen[str], list[int]]:
        """A job that has written a checkpoint more than there was, and its processes."""
        before = checkpoints(run)
        process = subprocess.Popen(launched(*long), stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 600
        while checkpoints(run) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
        return process, [int(child) for child in children]

    process, children = begun()
    for number in (process.pid, *children[-2:]):  # as who stops a whole job does; torchrun sends it once more
        os.kill(number, signal.SIGTERM)
    process.communicate(timeout=600)
    assert process.returncode == 1
    stopped = update_of(checkpoints(run)[-1])
    assert stopped == max(entry["update"] for entry in entries(run))

    process, children = begun()
    os.kill(children[-1], signal.SIGKILL)
    begin = time.monotonic()
    _, printed = process.communicate(timeout=600)
    assert process.returncode != 0 and time.monotonic() - begin < 400
    assert "another process of this training has ended" in printed or "Signal 9 (SIGKILL)" in printed
    kept = update_of(checkpoints(run)[-1])
    assert kept > stopped

    later = [*options, "--updates", str(kept + 5)]
    subprocess.run(launched(*later, "-o", str(run), "--resume"), check=True, capture_output=True, timeout=600)
    assert cli.main(["train", *later, "-o", str(alone)]) == 0
    weights, others = (Seq2Seq.from_pretrained(checkpoints(each)[-1]).state_dict() for each in (run, alone))
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-3, atol=1e-4)
