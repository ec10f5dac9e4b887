"""Columns of plain text that stand under one another in a terminal, whatever script they are in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from seq2seq_attn.drawing.scene import printable

_NO_WIDTH = {"Mn", "Me", "Cf"}  # marks on the letter before, and joiners
_CARRIER = "◌"  # U+25CC, what a mark is shown on when it has no letter


def width(text: str) -> int:
    """How many columns a text takes: none for a mark on a letter, two for a wide or full-width letter.

    That is the East Asian width of Unicode's annex 11; letters that it calls ambiguous are narrow, as most terminals
    have them.

    Example:
        >>> width("ŋ͡m"), width("日本")
        (2, 4)
    """
    return sum(
        0 if unicodedata.category(c) in _NO_WIDTH else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def shown(symbol: str) -> str:
    """A symbol as it can be seen: a space as ``␣``, other spaces and control characters by number, a mark on ``◌``.

    Example:
        >>> shown(" "), shown("\\u0303"), shown("a\\tb")
        ('␣', '◌̃', 'a\\\\tb')
    """
    seen = "".join("␣" if c == " " else c.encode("unicode_escape").decode() if c.isspace() else c for c in symbol)
    seen = printable(seen, len(seen))
    return seen if width(seen[:1]) else f"{_CARRIER}{seen}"


def columns(rows: Sequence[Sequence[str]], gap: int = 2) -> str:
    """Rows of cells as lines, each column as wide as its widest cell.

    Args:
        rows: as many cells in each.
        gap: number of spaces between columns.

    Example:
        >>> print(columns([("word", "WER"), ("日本", "6.25")]))
        word  WER
        日本  6.25
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    padded = ((cell + " " * (most - width(cell)) for cell, most in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((" " * gap).join(row).rstrip() for row in padded)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table, the first its head.

    Example:
        >>> print(markdown([("word", "WER"), ("a|b", "6.25")]))
        | word | WER |
        |---|---|
        | a\\|b | 6.25 |
    """
    head, *rest = (f"| {' | '.join(cell.strip().replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join((head, "|" + "---|" * len(rows[0]), *rest))
