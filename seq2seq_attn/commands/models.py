"""What a command is told to look at: the model of a folder, or a diagram, of which a new model can be made."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph
from seq2seq_attn.whole import around, split

if TYPE_CHECKING:  # torch is loaded by the commands that compute; drawing a diagram does not
    from seq2seq_attn.data.vocabularies import Vocabularies
    from seq2seq_attn.seq2seq import Seq2Seq


def one(options: argparse.Namespace) -> str:
    """The one diagram that is named, as PATH or as --diagram."""
    if bool(options.path) == bool(options.diagram):
        raise ValueError(
            "give one diagram, as PATH or as --diagram" + (", or --diff" if options.name == "draw" else "")
        )
    if options.path and not options.path.endswith(".mmd"):
        try:
            mermaid.load(options.path)
        except ValueError as error:
            raise ValueError(f"there is no folder {options.path!r}, and {error}") from None
    return str(options.path or options.diagram)


def picture(diagram: str, whole: bool) -> Graph:
    """A diagram, or that of a model's folder, as it is, or with what stands around a step."""
    if Path(diagram).is_dir():
        return load(diagram).specification(whole=whole)
    graph, encoder = split(mermaid.load(diagram))
    return around(graph, encoder or "RNN") if whole or encoder else graph


def new(diagram: str) -> Seq2Seq:
    """A model of a diagram with the sizes of the cipher, its first weights always the same."""
    import torch

    from seq2seq_attn.cipher import config
    from seq2seq_attn.seq2seq import Seq2Seq

    torch.manual_seed(0)
    return Seq2Seq.from_diagram(diagram, config(diagram)).eval()


def load(folder: str) -> Seq2Seq:
    """The model of a folder, or the best of a run's."""
    from seq2seq_attn import runs
    from seq2seq_attn.seq2seq import Seq2Seq

    return Seq2Seq.from_pretrained(runs.model_of(folder))


def source(text: str, folder: str | None) -> tuple[str | list[int], Vocabularies | None]:
    """A text with the vocabularies beside the model of a folder, or those of the cipher for a new one; or numbers."""
    from seq2seq_attn import cipher, runs
    from seq2seq_attn.data.vocabularies import TOKENIZER, Vocabularies

    if folder is None:
        return text, cipher.VOCABULARIES
    place = runs.model_of(folder)
    if (place / TOKENIZER).exists():
        return text, Vocabularies.load(place)
    try:
        return [int(number) for number in text.split()], None
    except ValueError:
        raise ValueError(
            f"{place} has no {TOKENIZER}, so that {text!r} has to be numbers with spaces between them"
        ) from None
