"""The data that a command is told of: files of pairs, two parallel files, or what a preset brings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seq2seq_attn.data.corpus import Corpus
    from seq2seq_attn.presets import Preset

FILES = "a file of source TAB target, a pair a line; or two parallel files, of sources and of targets"


def add_preset(command: argparse._ActionsContainer) -> None:
    """``--preset``: how the files of a known task are read, or its data."""
    from seq2seq_attn.presets import PRESETS

    command.add_argument(
        "--preset",
        choices=PRESETS,
        metavar="NAME",
        help="a known task: " + "; ".join(f"{name}, {preset.help}" for name, preset in PRESETS.items()),
    )


def preset_of(options: argparse.Namespace) -> Preset | None:
    """The preset that was named."""
    from seq2seq_attn.presets import PRESETS

    return PRESETS[options.preset] if options.preset else None


def corpus(files: list[Path], preset: Preset | None, part: str) -> Corpus:
    """The pairs of one file or two, or the part (train, dev, test) of a preset that brings its data.

    Raises:
        ValueError: more than two files; none, and no preset that brings data; see `Corpus.open`.
        OSError: a file that cannot be read.
    """
    from seq2seq_attn.data.corpus import Corpus

    if not files:
        if preset is None or preset.corpora is None:
            raise ValueError(f"give the {part} data: {FILES}")
        found: Corpus = getattr(preset.corpora(), part)
        return found
    if len(files) > 2:
        raise ValueError(f"{len(files)} files of {part} data; give {FILES}")
    if len(files) == 1 and preset is not None:
        return Corpus.open(files[0], pair=preset.pair)
    return Corpus.open(*files)
