"""The text of a report, in Markdown: what was trained, what it is worth, what it gets wrong, how to go on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from seq2seq_attn.config import Settings
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.drawing.scene import printable
from seq2seq_attn.mermaid import shipped
from seq2seq_attn.scores.columns import columns, markdown
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.training.recipe import Recipe

_SAID = {"diagram", "source_vocabulary", "target_vocabulary", "bos", "eos"}  # in other words


def trained(
    run: Path, model: Seq2Seq, vocabularies: Vocabularies, recipe: Recipe, log: Sequence[Mapping[str, Any]]
) -> str:
    """A table of a run's model, its recipe, and what the log says of the training."""
    config = model.config
    assert config is not None, "it was loaded from a folder"
    updates = [entry for entry in log if "loss" in entry]
    skipped = sum(not entry.get("applied", True) for entry in updates)
    sides = (vocabularies.source, vocabularies.target)
    rows = {
        "picture": f"`{config.diagram}`" if config.diagram in shipped() else "its own",
        "model": f"{sum(p.numel() for p in model.parameters()):,} parameters; {_changed(config)}",
        **{
            side: f"{len(vocabulary.symbols):,} symbols, by {vocabulary.segmentation.name}"
            for side, vocabulary in zip(("source", "target"), sides, strict=True)
        },
        "recipe": _changed(recipe),
        "training": f"{len(updates):,} updates, {sum(entry['symbols'] for entry in updates):,} target symbols"
        + (f"; {skipped:,} updates left out, since loss or gradient was not finite" if skipped else ""),
    }
    return markdown([("run", plain(str(run))), *rows.items()])


def texts(source: str, references: Sequence[str], hypothesis: str, score: float) -> str:
    """A source, what it should become, and what became of it, with the log-probability of that."""
    rows = [
        ("source", source),
        *(("reference", reference) for reference in references),
        ("hypothesis", hypothesis),
        ("log P", f"{score:.2f}"),
    ]
    return fenced(columns([(name, printable(text, len(text))) for name, text in rows]))


def plain(text: str) -> str:
    """A text in which nothing is markup.

    Example:
        >>> print(plain("no *font* <here>"))
        no \\*font\\* \\<here\\>
    """
    return re.sub(r"([\\`*_\[\]<>~&])", r"\\\1", printable(text, len(text)))


def fenced(text: str, language: str = "") -> str:
    """A text as it is, whatever is in it.

    Example:
        >>> print(fenced("a"))
        ```
        a
        ```
    """
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`+", text))])
    return f"{fence}{language}\n{text}\n{fence}"


def commands(run: Path, sources: Sequence[str]) -> str:
    """How to go on with a run; one of the sources that a command line can hold is the example."""
    plain = (source for source in sources if source == printable(source, len(source)) and source[0] != "-")
    folder, text = shlex.quote(str(run)), shlex.quote(next(plain, "TEXT"))
    return fenced(
        f"seq2seq-attn draw {folder} --example {text} -o step.svg  # a step of a run, with its numbers\n"
        f"seq2seq-attn explore {folder} {text} -o page.html  # a whole decode, to look into\n"
        f"seq2seq-attn translate {folder} --input sources.txt  # a line each\n"
        f"seq2seq-attn evaluate test.tsv {folder} --worst 10  # on sentences that nothing was chosen by",
        "sh",
    )


def _changed(settings: Settings) -> str:
    """What was chosen: the fields that are not at their default."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    defaults = {field.name: field.default for field in fields(settings)}
    return ", ".join(
        f"{name} {value}" for name, value in values.items() if value != defaults[name] and name not in _SAID
    )
