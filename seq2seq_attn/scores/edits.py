"""How far a hypothesis is from its reference: symbols to put in, take out or replace."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple


class Nearest(NamedTuple):
    """The reference that a hypothesis is nearest to.

    Attributes:
        edits: the Levenshtein distance to it.
        row: which of the references it is, from 0.
    """

    edits: int
    row: int


def nearest(hypothesis: Sequence[str], references: Sequence[Sequence[str]]) -> Nearest:
    """The reference with the fewest edits; of equally near ones the longest, so that their order does not matter.

    Raises:
        ValueError: rapidfuzz is not installed.

    Example:
        >>> nearest("K AE B".split(), ["K AA B Z".split(), "K AA B".split()])
        Nearest(edits=1, row=1)
    """
    distance = levenshtein().distance
    found = [(distance(hypothesis, reference), -len(reference), row) for row, reference in enumerate(references)]
    edits, _, row = min(found)
    return Nearest(edits, row)


def levenshtein() -> ModuleType:
    """The part of rapidfuzz that finds the fewest edits.

    Raises:
        ValueError: rapidfuzz is not installed.
    """
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        raise ValueError("rapidfuzz is not installed; pip install 'seq2seq_attn[scores]'") from None
    return Levenshtein
