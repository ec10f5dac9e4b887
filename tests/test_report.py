"""What is left of a training to look at."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from PIL import Image

from seq2seq_attn import Config, Seq2Seq, plots, runs
from seq2seq_attn.commands import draw, evaluate, explore, translate
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.drawing import drawing
from seq2seq_attn.report import page, report
from seq2seq_attn.report.examples import chosen
from seq2seq_attn.scores import predictions
from seq2seq_attn.training.journal import entries
from seq2seq_attn.training.loop import Progress
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.trainer import Trainer
from seq2seq_attn.translate import Translator

WORDS = ["cab", "bad", "dab", "add", "bead", "fed", "cafe", "face", "deaf", "fab", "bee", "ace", "dead"]
TRAIN = Corpus.of([(word, " ".join(word)) for word in WORDS], "train")
PAIRS = [("feed", "f e e d"), ("abc", "a b c"), ("cede", "c e d e"), ("feed", "f i d"), ("dead", "d e a d")]
PAIRS.append(("a`b", "a"))
SOURCES = ["feed", "abc", "cede", "dead", "a`b"]
DEV = Corpus.of(PAIRS, "dev")


def trained(run: Path, diagram: str = "bahdanau", **options: Any) -> Path:
    vocabularies = Vocabularies.of(TRAIN)
    torch.manual_seed(3)
    sizes = {"embedding_size": 11, "hidden_size": 13, "attention_size": 7, "readout_size": 5}
    model = Seq2Seq.from_diagram(diagram, Config(**vocabularies.sizes(), **sizes))
    recipe = {"updates": 10, "evaluate_every": 5, "learning_rate": 0.01, "metric": "exact_match"} | options
    Trainer(model, vocabularies, Recipe(**recipe), run).fit(TRAIN, DEV)
    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt a little, so that some words are right and some are wrong."""
    return trained(tmp_path_factory.mktemp("runs") / "run", updates=100, evaluate_every=50, learning_rate=0.02)


@pytest.fixture(scope="module")
def reported(made: Path) -> Path:
    """The same run with its report, to be looked at."""
    run = shutil.copytree(made, made.with_name("reported"))
    report(run, DEV)
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "run")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_report_names_every_file_that_it_is_made_of(reported: Path) -> None:
    text = (reported / "report" / "report.md").read_text()
    names = {*re.findall(r"!\[.*?\]\((.*?)\)", text)}
    pictures = {"diagram.svg", "learning.png", *(f"attention-{number}.png" for number in range(1, 6))}
    assert names == pictures
    assert {*contents(reported / "report")} == pictures | {"report.md", "predictions.tsv"}
    for name in names - {"diagram.svg"}:
        with Image.open(reported / "report" / name) as image:
            assert min(image.size) > 200 and len(image.convert("L").getcolors() or []) > 10


def test_its_scores_are_those_that_evaluate_gives_the_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = report(run, DEV, beam=3)
    assert said.endswith(f"report: {run / 'report' / 'report.md'}")
    (tmp_path / "dev.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS))
    parser = argparse.ArgumentParser()
    evaluate.arguments(parser)
    evaluate.run(parser.parse_args([str(tmp_path / "dev.tsv"), str(run), "--beam", "3"]))
    cells = re.compile(r"(?m)^\S+ +5  .*\]$")
    (mine,), (theirs,) = cells.findall(said), cells.findall(capsys.readouterr().out)
    assert mine.split()[1:] == theirs.split()[1:]
    assert (
        "| dev | 5 | " + " | ".join(re.findall(r"\S+ \[.*?\]", mine)) + " |" in (run / "report/report.md").read_text()
    )


def test_its_predictions_are_those_of_the_best_checkpoint_with_a_source_once(run: Path) -> None:
    report(run, DEV, beam=2)
    found = predictions.read(run / "report" / "predictions.tsv", SOURCES)
    best = runs.best(run)
    translator = Translator([Seq2Seq.from_pretrained(best)], [Vocabularies.load(best)], beam=2)
    assert [one.hypotheses[0] for one in found] == [one.text for one in translator.translate(SOURCES)]


def test_it_says_what_was_trained_and_shows_examples_errors_and_confusions(reported: Path) -> None:
    text = (reported / "report" / "report.md").read_text()
    for line in ("| picture | `bahdanau` |", "| source | 6 symbols, by character |"):
        assert line in text
    assert re.search(r"\| recipe \| updates 100, learning_rate 0\.02, evaluate_every 50, metric exact_match \|", text)
    symbols = sum(entry["symbols"] for entry in entries(reported) if "symbols" in entry)
    assert f"| training | 100 updates, {symbols:,} target symbols |" in text
    assert f"Of `{runs.best(reported).name}`, which was chosen on these sentences, with a beam of 5." in text
    assert "source      feed\nreference   f e e d\nreference   f i d\nhypothesis  " in text
    shown = re.findall(r"### \d, (\w+)\n\n`+\nsource +(.*)\n((?:reference .*\n)+)hypothesis +(.*)\n", text)
    assert [source for _, source, _, _ in shown] == ["abc", "a`b", "feed", "cede", "dead"]
    assert {judged for judged, *_ in shown} == {"right", "wrong"}
    for judged, _, references, hypothesis in shown:
        assert (judged == "right") == (hypothesis in re.findall(r"reference +(.*)", references))
    assert "a`b, edits: " in text and "times  reference  hypothesis\n" in text


def test_it_says_whether_its_sentences_are_those_that_the_checkpoint_was_chosen_on(run: Path) -> None:
    report(run, Corpus.of(PAIRS[:2], "two"))
    assert "which was chosen on other sentences" in (run / "report" / "report.md").read_text()


def test_the_commands_that_it_gives_are_commands(reported: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)\n```", (reported / "report" / "report.md").read_text(), flags=re.DOTALL)
    modules = {"draw": draw, "explore": explore, "translate": translate, "evaluate": evaluate}
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert [line[:2] for line in lines] == [["seq2seq-attn", name] for name in modules]
    for (_, _, *arguments), module in zip(lines, modules.values(), strict=True):
        parser = argparse.ArgumentParser(exit_on_error=False)
        module.arguments(parser)
        parser.parse_args(arguments)
        assert str(reported) in arguments


@pytest.mark.parametrize(
    ("sources", "text"),
    [(["-ing", "a\nb", "it's"], "'it'\"'\"'s'"), (["-ing"], "TEXT"), (["a b"], "'a b'")],
)
def test_the_example_of_a_command_is_a_source_that_a_command_line_holds(sources: list[str], text: str) -> None:
    assert f" --example {text} -o " in page.commands(Path("run"), sources)


def test_a_run_has_one_report_always_the_same(run: Path) -> None:
    report(run, DEV)
    first = contents(run / "report")
    (run / "report" / "mine.txt").touch()
    (run / ".report.new").mkdir()
    report(run, DEV)
    assert contents(run / "report") == first
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


def test_a_report_that_fails_leaves_the_one_before(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(run, DEV)
    before = contents(run / "report")

    def full(path: Path, *others: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(plots, "learning", full)
    with pytest.raises(OSError, match="no space left"):
        report(run, DEV, beam=1)
    assert contents(run / "report") == before
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


def test_a_picture_that_cannot_be_drawn_is_said_and_the_rest_is_there(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_font(path: Path, *others: Any) -> None:
        raise ValueError("no font here has <क>")

    def no_renderer(*others: Any) -> bytes:
        raise drawing.RenderError("no renderer for svg here")

    monkeypatch.setattr(plots, "plot_attention", no_font)
    monkeypatch.setattr(drawing, "render", no_renderer)
    report(run, DEV)
    text = (run / "report" / "report.md").read_text()
    assert text.count("There is no picture: no font here has \\<क\\>") == 5
    assert "its texts are [diagram.mmd](diagram.mmd) and [diagram.dot](diagram.dot)" in text
    assert {*contents(run / "report")} == {"diagram.dot", "diagram.mmd", "learning.png", "report.md", "predictions.tsv"}


def test_a_model_without_attention_has_no_pictures_of_it(tmp_path: Path) -> None:
    report(trained(tmp_path / "run", "no_attention", metric="loss"), DEV)
    names = {*contents(tmp_path / "run" / "report")}
    assert names == {"diagram.svg", "learning.png", "report.md", "predictions.tsv"}
    assert "| picture | `no_attention` |" in (tmp_path / "run" / "report" / "report.md").read_text()


def test_what_was_not_finite_is_counted_and_left_out_of_the_curve(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = run / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines[4] |= {"loss": None, "nll": None, "applied": False}
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    seen: list[list[Progress]] = []
    monkeypatch.setattr(plots, "learning", lambda path, history, dev: seen.append(history))
    report(run, DEV)
    assert [progress.step for progress in seen[0]] == [1, 2, 3, 4, *range(6, 101)]
    text = (run / "report" / "report.md").read_text()
    assert "; 1 updates left out, since loss or gradient was not finite" in text


def test_what_is_no_run_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no checkpoint-N; a run has one after its first evaluation"):
        report(tmp_path, DEV)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans())), st.integers(1, 7))
def test_examples_are_of_all_lengths_and_half_of_them_wrong_if_there_are_so_many(
    sentences: list[tuple[int, bool]], n: int
) -> None:
    lengths, right = [length for length, _ in sentences], [is_right for _, is_right in sentences]
    rows = chosen(lengths, right, n)
    assert len({*rows}) == len(rows) == min(n, len(sentences))
    assert [lengths[row] for row in rows] == sorted(lengths[row] for row in rows)
    wrong, wrongs = sum(not right[row] for row in rows), right.count(False)
    assert wrong == min(wrongs, max(n // 2, n - right.count(True)))


def test_examples_are_from_all_parts_of_the_lengths() -> None:
    assert chosen(range(100), [True] * 100, 5) == [10, 30, 50, 70, 90]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_in_a_fence_ends_where_the_fence_does(text: str) -> None:
    first, *_, last = page.fenced(text).split("\n")
    assert first == last and {*first} == {"`"} and len(first) >= 3 and first not in text


def test_the_curve_of_a_run_is_smooth_and_has_the_scores_of_the_dev_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, tuple[list[float], list[float]]] = {}
    plot = Axes.plot

    def spy(axes: Axes, x: list[float], y: list[float], **style: Any) -> Any:
        drawn[style["label"]] = x, y
        return plot(axes, x, y, **style)

    monkeypatch.setattr(Axes, "plot", spy)
    history = [Progress(step, float(step % 2), 0.5) for step in range(1, 1001)]
    plots.learning(tmp_path / "a.png", history, {"loss": {500: 2.0, 1000: 1.0}, "symbol_error_rate": {500: 9.0}})
    steps, losses = drawn.pop("loss of training")
    assert len(losses) == 100 and {*losses} == {0.5} and steps[:2] == [5.5, 15.5]
    assert drawn == {"loss of dev": ([500, 1000], [2.0, 1.0]), "symbol error rate": ([500], [9.0])}
    drawn.clear()
    plots.learning(tmp_path / "a.png", history[:7], {"loss": {7: 1.0}})
    assert drawn == {"loss of training": ([1, 2, 3, 4, 5, 6, 7], [1, 0, 1, 0, 1, 0, 1]), "loss of dev": ([7], [1.0])}
