"""The command that scores, run as a user runs it, and the references that it scores by."""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq_attn import Config, Seq2Seq
from seq2seq_attn.commands import evaluate
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.data.segmentation import Spaces
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.presets import PRESETS, Corpora
from seq2seq_attn.scores.gold import Gold
from seq2seq_attn.translate import Translator

PAIRS = [("cab", "K AE B"), ("read", "R IY D"), ("bad", "B AE D"), ("read", "R EH D"), ("dab", "D AE B")]
SOURCES = ["cab", "read", "bad", "dab"]


def command(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    evaluate.arguments(parser)
    return evaluate.run(parser.parse_args([*map(str, arguments)]))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models that have learnt nothing, of the same vocabularies."""
    vocabularies = Vocabularies.of(Corpus.of(PAIRS, "words"))
    made = []
    for seed in (3, 5):
        torch.manual_seed(seed)
        sizes = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
        folder = tmp_path_factory.mktemp("model")
        Seq2Seq.from_config(Config(**vocabularies.sizes(), **sizes)).save_pretrained(folder)
        vocabularies.save(folder)
        made.append(folder)
    return made


@pytest.fixture
def test(tmp_path: Path) -> Path:
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    return path


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Of four words two are right, one of them by its second reference; two edits of twelve symbols."""
    path = tmp_path / "predictions.tsv"
    path.write_text("cab\tK AE B\nread\tR EH D\nbad\tB AE T\ndab\tD AE B Z\n", encoding="utf-8")
    return path


def rows(printed: str) -> dict[str, list[str]]:
    """The cells of each row of the first table, without intervals."""
    table = re.sub(r" *\[.*?\]", "", printed).split("\n\n")[0]
    return {cells[0]: cells[1:] for cells in (re.split(r"  +", line) for line in table.splitlines())}


def test_a_word_is_right_by_any_of_its_pronunciations(
    test: Path, predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(test, predictions) == 0
    found = rows(capsys.readouterr().out)
    assert found["name"] == ["sentences", "exact_match", "symbol_error_rate"]
    assert found[str(predictions)] == ["4", "50.00", "16.67"]


def test_a_model_is_worth_what_its_predictions_are(
    models: list[Path], test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.tsv"
    command(test, models[0], "-o", out, "--beam", 3)
    command(test, out)
    command(test, models[0], "--against", out, "--beam", 3)
    first, second, both = (rows(text) for text in re.split(r"(?m)^(?=name )", capsys.readouterr().out)[1:])
    assert [line.split("\t")[0] for line in out.read_text().splitlines()] == SOURCES
    assert first[str(models[0])] == second[str(out)] == both[str(models[0])] == both[str(out)]


def test_several_models_are_an_ensemble_and_a_model_with_itself_is_itself(
    models: list[Path], test: Path, tmp_path: Path
) -> None:
    twin = shutil.copytree(models[0], tmp_path / "twin")
    files = [tmp_path / name for name in ("one.tsv", "twice.tsv", "both.tsv")]
    for file, names in zip(files, (models[:1], [models[0], twin], models), strict=True):
        command(test, *names, "-o", file, "--max-length", 7)
    one, twice, both = (file.read_text() for file in files)
    assert one == twice != both


def test_two_systems_are_compared_on_the_same_sentences(
    test: Path, predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = tmp_path / "right.tsv"
    right.write_text("cab\tK AE B\nread\tR IY D\nbad\tB AE D\ndab\tD AE B\n")
    command(test, predictions, "--against", right, "--metrics", "word_error_rate")
    printed = capsys.readouterr().out
    assert rows(printed) == {
        "name": ["sentences", "word_error_rate"],
        str(predictions): ["4", "50.00"],
        str(right): ["4", "0.00"],
    }
    (difference,) = re.findall(r"(?m)^word_error_rate +50\.00 +0\.00 +(\S+)", printed)
    assert difference == "-50.00"


def test_the_worst_errors_are_those_of_the_first_system(
    test: Path, predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(test, predictions, "--worst", 1)
    printed = capsys.readouterr().out
    assert "\nbad, edits: 1\nreference   B AE D\nhypothesis  B AE T\n" in printed and "dab, edits" not in printed


def test_unknown_symbols_are_told_with_how_often_they_are_there(
    models: list[Path], test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with test.open("a") as file:
        file.write("xylo\tK\nox\tK\n")
    command(test, models[0])
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"unknown to {models[0]} in the sources of {test}: 'x' 2, 'o' 2, 'y' 1, 'l' 1"


def test_translations_that_come_to_no_end_are_counted(
    models: list[Path], test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(test, models[0], "--max-length", "1")
    model, vocabularies = Seq2Seq.from_pretrained(models[0]), Vocabularies.load(models[0])
    found = Translator([model], [vocabularies], max_length=1).translate(SOURCES)
    cut = sum(not one.hypotheses[0].ended for one in found)
    assert cut
    message = f"{cut} of 4 translations by {models[0]} of {test} were cut off: see --max-length\n"
    assert capsys.readouterr().err == message


def test_what_is_unknown_most_often_is_told_and_the_rest_is_counted(
    models: list[Path], test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test.write_text("fghijklmnopqstu\tK\nutsq\tK\n")
    command(test, models[0])
    said = capsys.readouterr().err
    assert ": 'q' 2, 's' 2, 't' 2, 'u' 2, 'f' 1" in said and said.endswith(" and 5 more\n") and said.count("'") == 20


def test_two_parallel_files_are_a_test_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in {
        "de": "eins zwei\ndrei\n",
        "en": "one two\nthree\n",
        "out.tsv": "eins zwei\tone\ndrei\tthree",
    }.items():
        (tmp_path / name).write_text(lines)
    command(tmp_path / "de", tmp_path / "out.tsv", "--targets", tmp_path / "en")
    assert rows(capsys.readouterr().out)[str(tmp_path / "out.tsv")] == ["2", "50.00", "33.33"]


def test_a_preset_says_how_a_file_is_read_or_brings_the_data(
    predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scan.txt").write_text("IN: jump twice OUT: I_JUMP I_JUMP\n")
    (tmp_path / "scan.tsv").write_text("jump twice\tI_JUMP\n")
    command(tmp_path / "scan.txt", tmp_path / "scan.tsv", "--preset", "scan")
    assert rows(capsys.readouterr().out)[str(tmp_path / "scan.tsv")] == ["1", "0.00", "50.00"]

    parts = Corpora(*(Corpus.of(pairs, "words") for pairs in ([("x", "X")], PAIRS, [("y", "Y")])))
    monkeypatch.setitem(PRESETS, "g2p", replace(PRESETS["g2p"], corpora=lambda: parts))
    command("dev", predictions, "--preset", "g2p")
    assert rows(capsys.readouterr().out)[str(predictions)] == ["4", "50.00", "16.67"]


def test_symbol_errors_are_counted_in_what_is_asked_for(
    test: Path, predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(test, predictions, "--target-symbols", "character", "--metrics", "symbol_error_rate")
    assert rows(capsys.readouterr().out)[str(predictions)] == ["4", "12.50"]  # 3 of 24, spaces included


def test_bleu_and_chrf_are_measured_where_the_target_is_text() -> None:
    corpus = Corpus.of([("a", "the cat sat on the mat"), ("b", "the mat sat on the cat")], "texts")
    pieces = Pieces.train([pair.target for pair in corpus], 13)
    assert Gold.of(corpus, Spaces()).metrics == ["exact_match", "symbol_error_rate"]
    assert Gold.of(corpus, pieces).metrics == ["exact_match", "symbol_error_rate", "bleu", "chrf"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{predictions}", "{predictions}"], "predictions.tsv is a file of predictions, which stands alone"),
        (["{predictions}", "--against", "{predictions}"], "would be compared with itself"),
        (["{folder}/none"], "none holds no model"),
        (["{predictions}", "-o", "{predictions}"], "predictions.tsv is read; give -o another name"),
        (["{predictions}", "-o", "{test}"], "test.tsv is read; give -o another name"),
        (["{test}"], "test.tsv:4: the source is 'read', where the references have 'dab'"),
        (["{predictions}", "--targets", "{folder}/none"], "none"),
        (["{predictions}", "--against", "{test}"], "test.tsv:4: the source is 'read'"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    arguments: list[str], message: str, test: Path, predictions: Path, tmp_path: Path
) -> None:
    names: dict[str, Any] = {"predictions": predictions, "folder": tmp_path, "test": test}
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        command(test, *(argument.format(**names) for argument in arguments))


def test_a_fault_in_a_file_is_told_before_anything_is_translated(
    models: list[Path], test: Path, predictions: Path, tmp_path: Path
) -> None:
    predictions.write_text("cab\tK\n")
    with pytest.raises(ValueError, match="has 1 lines, and the references are of 4; give as many"):
        command(test, models[0], "--against", predictions, "-o", tmp_path / "out.tsv")
    assert not (tmp_path / "out.tsv").exists()
