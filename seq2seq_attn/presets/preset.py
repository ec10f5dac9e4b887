"""What a preset is: how the files of a task are read, or where its data are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from seq2seq_attn.data.corpus import Corpus, tab_separated


class Corpora(NamedTuple):
    """Data that a preset brings, in three parts that share no source."""

    train: Corpus
    dev: Corpus
    test: Corpus


@dataclass(frozen=True)
class Preset:
    """A task by name, for ``--preset``.

    Args:
        name: what it is called.
        help: one line of what it is.
        pair: what reads source and target out of a line of its files; see `Corpus.open`.
        source: how sources become symbols; see `segmentation`.
        target: the same of targets.
        corpora: makes the data, if it brings its own; raises a ValueError if the package that has them is missing.
    """

    name: str
    help: str
    pair: Callable[[str], tuple[str, str]] = tab_separated
    source: str = "character"
    target: str = "space"
    corpora: Callable[[], Corpora] | None = None
