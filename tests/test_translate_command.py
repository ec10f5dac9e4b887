"""The command ``translate``: as an API of arguments, and as a filter between pipes, as a user runs it."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import torch
from test_translate import WORDS, built

from seq2seq_attn.commands import search, translate
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.data.vocabulary import Vocabulary
from seq2seq_attn.plots import plot_attention
from seq2seq_attn.scores import predictions
from seq2seq_attn.training import checkpoints
from seq2seq_attn.translate import Translation

VOCABULARIES = Vocabularies.of(WORDS)
TEXTS = ["face", "", "a", "abba", "cab", "b", "", "deface", "éa", "bad", "cab"]  # é is unknown
INPUT = b"\xef\xbb\xbf" + "\r\n".join(TEXTS).replace("é", "e\u0301").encode()
PROGRAM = (
    "import argparse, sys; from seq2seq_attn.commands import translate; parser = argparse.ArgumentParser(); "
    "translate.arguments(parser); sys.exit(translate.run(parser.parse_args()))"
)
LONGEST = 120  # seconds that a process may take before it is killed, on the busiest machine


def saved(
    folder: Path,
    vocabularies: Vocabularies = VOCABULARIES,
    *,
    diagram: str = "bahdanau",
    favourite: int | None = None,
) -> Path:
    """A model with opinions of its own, or that writes one symbol and no other, beside its vocabularies."""
    net = built(diagram, vocabularies).float()
    if favourite is not None:
        net.decoder.step.out.W.bias.data[favourite] += 50.0
    net.save_pretrained(folder)
    vocabularies.save(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return saved(tmp_path_factory.mktemp("models") / "model")


def parsed(*arguments: str | Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    translate.arguments(parser)
    return parser.parse_args([*map(str, arguments)])


def written(folder: Path, *arguments: str | Path, content: bytes = INPUT) -> list[str]:
    """The lines that the command makes of a file."""
    read, out = folder / "read.txt", folder / "out.txt"
    read.write_bytes(content)
    assert translate.run(parsed(*arguments, "--input", read, "-o", out)) == 0
    text = out.read_bytes().decode()
    assert text.endswith("\n") or not text
    return text.split("\n")[:-1]


def expected(*arguments: str | Path, n_best: int = 1) -> list[Translation]:
    """What the library makes of the same texts."""
    options = parsed(*arguments)
    return list(search.translator(options.models, options, n_best=n_best).translate(TEXTS))


@pytest.mark.parametrize("window", ["1", "2", "4096"])
def test_line_n_is_the_best_text_of_line_n(window: str, model: Path, tmp_path: Path) -> None:
    lines = written(tmp_path, model, "--window", window)
    assert lines == [one.text for one in expected(model)]
    assert lines[1] == lines[6] == TEXTS[1] == ""
    assert len({*lines}) > 5


def test_each_option_of_the_search_reaches_it(model: Path) -> None:
    given = {"beam": 3, "length_penalty": 0.7, "max_length": 4, "max_tokens": 9, "precision": "bfloat16"}
    options = parsed(model, *(f"--{name.replace('_', '-')}={number}" for name, number in given.items()))
    found = search.translator(options.models, options, n_best=2, window=7)
    assert {name: getattr(found, name) for name in given} == given
    assert (found.n_best, found.window, len(found.models)) == (2, 7, 1)


def test_several_models_are_an_ensemble(model: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "other", diagram="luong")
    lines = written(tmp_path, model, other)
    assert lines == [one.text for one in expected(model, other)]
    assert lines != written(tmp_path, model) and lines != written(tmp_path, other)


def test_the_best_checkpoint_of_a_run_translates(model: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", saved(tmp_path / "other", favourite=0)
    for update, (folder, cost) in enumerate([(other, 2.0), (model, 1.0), (other, 3.0)], start=1):

        def write(new: Path, folder: Path = folder, cost: float = cost) -> None:
            for path in folder.iterdir():
                (new / path.name).write_bytes(path.read_bytes())
            (new / "training.json").write_text(json.dumps({"cost": cost}))

        checkpoints.save(run, update, write, keep=3)
    assert written(tmp_path, run) == written(tmp_path, model) != written(tmp_path, other)


def test_a_commit_of_the_hub_translates_and_a_folder_of_its_name_goes_before_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, asked = "0123456789abcdef0123456789abcdef01234567", list[tuple[str, str]]()

    def snapshot_download(name: str, *, revision: str, **options: Any) -> str:
        asked.append((name, revision))
        return str(model)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert written(tmp_path, f"owner/name@{commit}") == written(tmp_path, model)
    assert asked == [("owner/name", commit)]
    saved(tmp_path / "owner" / f"name@{commit}", favourite=0)
    assert written(tmp_path, f"owner/name@{commit}") != written(tmp_path, model)
    assert len(asked) == 1
    for name, wrong in (("owner/other", "None"), ("owner/other@main", "'main'")):
        message = rf"there is no folder owner/other; .* \(40 hexadecimal digits\), not {wrong}:"
        with pytest.raises(ValueError, match=message):
            search.place(name)


@pytest.mark.parametrize("n_best", [1, 3])
def test_n_best_is_a_file_of_predictions(n_best: int, model: Path, tmp_path: Path) -> None:
    chosen: list[str | Path] = [model, "--length-penalty", "0.7"]
    written(tmp_path, *chosen, "--n-best", str(n_best))
    found = predictions.read(tmp_path / "out.txt", TEXTS)
    for prediction, one in zip(found, expected(*chosen, n_best=n_best), strict=True):
        assert prediction.hypotheses == tuple(hypothesis.text for hypothesis in one.hypotheses)
        assert prediction.scores == tuple(hypothesis.normalised for hypothesis in one.hypotheses)
        assert len(prediction.scores) == (n_best if one.source else 1)


@pytest.mark.parametrize("n_best", [1, 2])
def test_json_is_an_object_a_line(n_best: int, model: Path, tmp_path: Path) -> None:
    lines = written(tmp_path, model, "--json", "--n-best", str(n_best))
    assert [json.loads(line) for line in lines] == [one.to_dict() for one in expected(model, n_best=n_best)]
    assert "é" in lines[8] and "attention" in lines[8]


def test_pictures_are_of_the_first_lines_that_have_symbols(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translate, "_DRAWN", 3)
    folder = tmp_path / "some" / "pictures"
    lines = written(tmp_path, model, "--pictures", folder)
    assert lines == [one.text for one in expected(model)]
    assert sorted(path.name for path in folder.iterdir()) == ["attention-0001.png", "attention-0003.png"]
    third = expected(model)[2]
    best = third.hypotheses[0]
    plot_attention(tmp_path / "third.png", best.attn_weights, third.symbols, best.symbols)
    assert (folder / "attention-0003.png").read_bytes() == (tmp_path / "third.png").read_bytes()


def test_unknown_symbols_are_said_once_with_their_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = saved(tmp_path / "ends", favourite=VOCABULARIES.target.eos)
    written(tmp_path, ends, content="xéx\n\ncab\nx\n".encode())
    assert capsys.readouterr().err == f"unknown in {tmp_path / 'read.txt'}: 'x' 3, 'é' 1\n"
    written(tmp_path, ends, content=b"cab\n")
    assert capsys.readouterr().err == ""


def test_translations_that_come_to_no_end_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, saved(tmp_path / "goes on", favourite=0), "--max-length=2", content=b"cab\n\nbad\n")
    message = f"2 of 3 translations of {tmp_path / 'read.txt'} were cut off: see --max-length\n"
    assert capsys.readouterr().err == message


def test_no_line_is_no_line(model: Path, tmp_path: Path) -> None:
    assert written(tmp_path, model, content=b"") == []


@pytest.mark.parametrize(
    ("options", "content", "message"),
    [
        ([], b"cab\nb\xffd\n", "{read}:2: no UTF-8, invalid start byte at byte 2 of the line; save the file as UTF-8"),
        ([], b"cab\n\nb\0d\n", "{read}:3: a NUL in the text; remove it"),
        (
            ["--n-best=1"],
            b"cab\nb\td",
            "{read}:2: 'b\\td' has '\\t' in it, which no field of a line can hold; remove it",
        ),
        (["--n-best=7"], b"cab", "n_best is 7; a beam of size 5 gives 1 to 5"),
        (["--length-penalty=-1"], b"cab", "length_penalty is -1.0; it is a number from 0 upwards"),
        (["--device=nowhere"], b"cab", "device 'nowhere' cannot be used: "),
    ],
)
def test_what_cannot_be_translated_is_refused(
    options: list[str], content: bytes, message: str, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message.format(read=tmp_path / 'read.txt'))}"):
        written(tmp_path, model, *options, content=content)


def test_what_stands_before_a_fault_is_written(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"read\.txt:3: no UTF-8"):
        written(tmp_path, model, "--window=2", content=b"face\na\n\xff\n")
    assert (tmp_path / "out.txt").read_text().split("\n") == [one.text for one in expected(model)[0:3:2]] + [""]


def test_a_symbol_that_a_closed_vocabulary_does_not_have_is_refused_with_its_line(tmp_path: Path) -> None:
    spelt = Vocabulary(VOCABULARIES.source.symbols, VOCABULARIES.source.segmentation, closed=True)
    closed = saved(tmp_path / "closed", Vocabularies(spelt, VOCABULARIES.target))
    message = "read.txt:3: 'xcaby' has 'x', 'y', none of the 6 symbols that the model reads; leave them out"
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        written(tmp_path, closed, content=b"cab\n\nxcaby\n")
    assert len(written(tmp_path, closed, content=b"cab\n\nface\n")) == 3


def test_a_text_of_two_lines_is_written_as_json_alone(tmp_path: Path) -> None:
    broken = Vocabularies.of(Corpus.of([("cab", "\n\n."), ("bad", "\n\n.")], "words"), target="character")
    folder, chosen = saved(tmp_path / "broken", broken, favourite=0), ["--max-length=2", "--beam=1"]
    message = r"read\.txt:2: the translation '\\n\\n' has the end of a line in it; write it with --json$"
    with pytest.raises(ValueError, match=message):
        written(tmp_path, folder, *chosen, content=b"\ncab\n")
    (line,) = written(tmp_path, folder, *chosen, "--json", content=b"cab\n")
    assert json.loads(line)["hypotheses"][0]["text"] == "\n\n"


def test_a_model_without_attention_has_no_pictures(tmp_path: Path) -> None:
    folder = saved(tmp_path / "none", diagram="no_attention")
    message = r"read\.txt:2: this model has no attention to draw; leave out --pictures$"
    with pytest.raises(ValueError, match=message):
        written(tmp_path, folder, "--pictures", tmp_path / "pictures", content=b"\ncab\n")


def test_the_extra_that_pictures_need_is_named(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("seq2seq_attn.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ValueError, match=r"^matplotlib is missing, of the extra 'demo': pip install matplotlib$"):
        written(tmp_path, model, "--pictures", tmp_path / "pictures")


def test_what_is_read_is_not_written_over(model: Path, tmp_path: Path) -> None:
    read, link = tmp_path / "read.txt", tmp_path / "link.txt"
    read.write_bytes(INPUT)
    link.symlink_to(read)
    with pytest.raises(ValueError, match=f"^{re.escape(str(link))} is what is read; give -o another name$"):
        translate.run(parsed(model, "--input", read, "-o", link))
    assert read.read_bytes() == INPUT


def test_a_folder_without_a_model_or_vocabularies_is_refused_and_nothing_is_written(
    model: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    built().float().save_pretrained(bare)
    other = saved(tmp_path / "other", Vocabularies.of(Corpus.of([("abcd", "A B")], "others")))
    cases: list[tuple[list[Path], str]] = [
        ([tmp_path / "nothing"], "holds no model: config.json is not there"),
        ([bare], "tokenizer_config.json is not there; a folder of vocabularies has it"),
        ([model, other], "model 2 has another source vocabulary than model 1"),
    ]
    for folders, message in cases:
        with pytest.raises((FileNotFoundError, ValueError), match=message):
            written(tmp_path, *folders)
    assert not (tmp_path / "out.txt").exists()


@contextmanager
def process(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process of its own, which is killed if it hangs."""
    chosen: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *map(str, arguments)], **chosen) as running:
        timer = Timer(LONGEST, running.kill)
        timer.start()
        try:
            yield running
        finally:
            timer.cancel()
            running.kill()


def test_a_filter_reads_and_writes_utf_8_whatever_the_locale(model: Path) -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    with process(model, "--n-best=1", env=environment) as running:
        out, err = running.communicate(INPUT)
    assert (running.returncode, err.splitlines()[0]) == (0, b"unknown in <stdin>: '\\xe9' 1")
    rows = [line.split("\t") for line in out.decode().split("\n")]
    assert [row[0] for row in rows] == [*TEXTS, ""]
    assert [row[1] for row in rows[:-1]] == [one.text for one in expected(model)]


def test_a_reader_that_has_had_enough_ends_an_endless_input_in_silence(model: Path) -> None:
    with subprocess.Popen(["yes", "cab"], stdout=subprocess.PIPE) as endless:
        with process(model, "--window=2", stdin=endless.stdout) as running:
            assert running.stdout is not None and running.stderr is not None and endless.stdout is not None
            lines = [running.stdout.readline() for _ in range(3)]
            running.stdout.close()
            assert (running.wait(), running.stderr.read()) == (0, b"")
        endless.stdout.close()
    assert lines == [f"{expected(model)[4].text}\n".encode()] * 3


@pytest.mark.parametrize("typed", [False, True])
def test_a_line_is_answered_before_the_next_one_is_there(typed: bool, model: Path) -> None:
    reading, writing = os.openpty() if typed else os.pipe()
    ends = (writing, reading) if typed else (reading, writing)  # of a terminal, programs and people use one end each
    with process(model, *([] if typed else ["--window=1"]), stdin=ends[0]) as running, open(ends[1], "wb", 0) as keys:
        os.close(ends[0])
        assert running.stdout is not None
        for text, one in zip(TEXTS[:5], expected(model), strict=False):
            keys.write(f"{text}\n".encode())
            assert running.stdout.readline() == f"{one.text}\n".encode()
        if typed:
            keys.write(b"\x04")  # Ctrl-D
        else:
            keys.close()
        assert running.wait() == 0
