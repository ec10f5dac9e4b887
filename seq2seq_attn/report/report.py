"""The report of a run: its best checkpoint on the dev set, with pictures, in a folder of the run."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from seq2seq_attn import plots, runs
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.drawing.drawing import RenderError
from seq2seq_attn.report import page
from seq2seq_attn.report.examples import chosen
from seq2seq_attn.scores import Prediction, confusion_table, confusions, predictions, score, table
from seq2seq_attn.scores.gold import Gold
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.training.journal import entries
from seq2seq_attn.training.kept import Kept
from seq2seq_attn.training.loop import Progress
from seq2seq_attn.translate import Translation, Translator

REPORT = "report"
_EXAMPLES, _WORST, _CONFUSIONS = 5, 10, 20


def report(run: str | Path, dev: Corpus, *, beam: int = 5, device: torch.device | str = "cpu") -> str:
    """Translate the dev set with the best checkpoint of a run, and write what is to be seen of it into ``RUN/report``.

    There are report.md with its pictures, learning.png, diagram.svg (or .mmd and .dot, if nothing here draws SVG) and
    attention-1.png to attention-5.png (none without attention), and predictions.tsv, in the SIGMORPHON form. The folder
    is written beside its place and moved there, in place of an earlier one. Equal runs have equal reports.

    Args:
        run: a run's folder.
        dev: pairs of texts; those with the same source are one sentence with several references.
        beam: number of hypotheses; see `Translator`.
        device: where to translate.

    Returns:
        The scores as a table of plain text, and where the report is.

    Raises:
        FileNotFoundError: a run without a checkpoint.
        ValueError: a checkpoint that is damaged; texts that no file of predictions can hold; what `score` refuses.
        OSError: a folder that cannot be written.
    """
    run = Path(run)
    checkpoint = runs.best(run)
    kept, log = Kept.read(checkpoint), entries(run)
    model, vocabularies = Seq2Seq.from_pretrained(checkpoint, device=device), Vocabularies.load(checkpoint)
    gold = Gold.of(dev, vocabularies.target.segmentation)
    found = list(Translator([model], [vocabularies], beam=beam).translate(gold.sources))
    written = gold.sentences(one.text for one in found)
    metrics = [*dict.fromkeys([*gold.metrics, *([kept.recipe.metric] if kept.recipe.metric != "loss" else [])])]
    scores = {dev.name: score(written, gold.wanted, metrics=metrics)}
    right = [one in wanted for one, wanted in zip(written, gold.wanted, strict=True)]
    shown = chosen([len(one.symbols) for one in found], right, _EXAMPLES)
    errors, counted = gold.worst(written, _WORST), confusions(written, gold.wanted)

    trained = page.trained(run, model, vocabularies, kept.recipe, log)

    with _placed(run) as folder:
        predictions.write(folder / "predictions.tsv", (Prediction(one.source, (one.text,)) for one in found))
        plots.learning(folder / "learning.png", *_history(log))
        judged = "these sentences" if kept.data["dev"] == dev.digest else "other sentences"
        sections = {
            "What was trained": f"{trained}\n\n{_diagram(folder, model)}",
            "Scores": f"Of `{checkpoint.name}`, which was chosen on {judged}, with a beam of {beam}.\n\n"
            f"{table(scores, as_markdown=True)}",
            "Learning": "![loss and scores over the steps of training](learning.png)",
            "Examples": "\n\n".join(
                f"### {number}, {'right' if right[row] else 'wrong'}\n\n{_example(folder, number, found[row], gold)}"
                for number, row in enumerate(shown, start=1)
            ),
            "The worst errors": page.fenced(errors or "There is none."),
            "The most frequent confusions": page.fenced(confusion_table(counted, _CONFUSIONS)),
            "Go on": page.commands(run, [found[row].source for row in shown]),
        }
        text = "\n\n".join(f"## {title}\n\n{section}" for title, section in sections.items())
        (folder / "report.md").write_text(f"# Report\n\n{text}\n", encoding="utf-8")
    return f"{table(scores)}\n\nreport: {run / REPORT / 'report.md'}"


@contextmanager
def _placed(run: Path) -> Iterator[Path]:
    """A new folder, which is the report of a run when it is done."""
    place, new, old = run / REPORT, run / f".{REPORT}.new", run / f".{REPORT}.old"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        new.mkdir()
        yield new
        if place.exists():
            os.rename(place, old)
        os.rename(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _history(log: Sequence[Mapping[str, Any]]) -> tuple[list[Progress], dict[str, dict[int, float]]]:
    """The updates of a log, those that were not finite left out, and its scores by name and update."""
    history = [
        Progress(entry["update"], entry["nll"], entry["exact_match"]) for entry in log if entry.get("nll") is not None
    ]
    dev: dict[str, dict[int, float]] = {}
    for entry in log:
        for name, value in entry.get("dev", {}).items():
            dev.setdefault(name, {})[entry["update"]] = math.nan if value is None else value
    return history, dev


def _diagram(folder: Path, model: Seq2Seq) -> str:
    """Draw the picture of the model; returns where it is."""
    try:
        model.draw(folder / "diagram.svg")
    except RenderError:  # it has written the texts instead
        return "Nothing here drew the picture; its texts are [diagram.mmd](diagram.mmd) and [diagram.dot](diagram.dot)."
    return "![the picture of a step](diagram.svg)"


def _example(folder: Path, number: int, found: Translation, gold: Gold) -> str:
    """A sentence with what was made of it, and, where there is attention, a picture of where it looked."""
    best = found.hypotheses[0]
    references = [reference.text for reference in gold.references[found.source]]
    texts = page.texts(found.source, references, best.text, best.score)
    if not best.attn_weights.numel():
        return texts
    name = f"attention-{number}.png"
    try:
        plots.plot_attention(folder / name, best.attn_weights, found.symbols, best.symbols)
    except ValueError as error:  # no font here has all the letters
        return f"{texts}\n\nThere is no picture: {page.plain(str(error))}"
    return f"{texts}\n\n![where it looked]({name})"
