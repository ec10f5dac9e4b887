"""How a text becomes symbols, and symbols a text: by character, by space, or by the pieces of a SentencePiece model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from seq2seq_attn.data.pieces import Pieces


@dataclass(frozen=True)
class Characters:
    """Each code point is a symbol; `join` undoes `split` exactly.

    Example:
        >>> Characters().split("a b")
        ['a', ' ', 'b']
    """

    name: ClassVar[str] = "character"
    gap: ClassVar[str] = ""  # between symbols side by side

    def split(self, text: str) -> list[str]:
        """The symbols of a text."""
        return list(text)

    def join(self, symbols: Iterable[str]) -> str:
        """The text of symbols."""
        return self.gap.join(symbols)


@dataclass(frozen=True)
class Spaces:
    """What stands between spaces (U+0020, no other) is a symbol; `join` undoes `split` up to runs of spaces.

    Example:
        >>> Spaces().split("AH0 B  AW1")
        ['AH0', 'B', 'AW1']
    """

    name: ClassVar[str] = "space"
    gap: ClassVar[str] = " "

    def split(self, text: str) -> list[str]:
        """The symbols of a text."""
        return [symbol for symbol in text.split(" ") if symbol]

    def join(self, symbols: Iterable[str]) -> str:
        """The text of symbols."""
        return self.gap.join(symbols)


Segmentation = Characters | Spaces | Pieces
PLAIN: dict[str, Segmentation] = {Characters.name: Characters(), Spaces.name: Spaces()}  # those that learn nothing
_PIECES = re.compile(r"sentencepiece:([1-9]\d{0,6})")


def segmentation(name: str, texts: Iterable[str]) -> Segmentation:
    """The segmentation of a name: ``character``, ``space``, or ``sentencepiece:8000`` to train so many pieces.

    Args:
        name: one of these.
        texts: what pieces are learnt from; not read for the other two.

    Raises:
        ValueError: another name, or pieces that `Pieces.train` refuses.

    Example:
        >>> segmentation("space", [])
        Spaces()
    """
    if name in PLAIN:
        return PLAIN[name]
    if pieces := _PIECES.fullmatch(name):
        return Pieces.train(texts, int(pieces[1]))
    raise ValueError(
        f"{name!r} is no segmentation; give character, space, or sentencepiece:8000 with the number of pieces"
    )
