"""The lines of a box in Graphviz's HTML. Tables, since renderers disagree on <sub>."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from seq2seq_attn.drawing.scene import Box, Line, printable
from seq2seq_attn.drawing.style import Colors

_POINTS = {"symbol": 16, "strong": 13, "plain": 11, "quiet": 10}
_CELLS = 32  # of a chart


def label(box: Box, colors: Colors) -> str:
    """The label of a box: its lines one below the other, and its chart below them."""
    rows = [_row(line, colors) for line in box.lines]
    if box.chart:
        rows.append(f'<td height="4"></td></tr><tr><td>{_strip(box.chart, box.signed, colors)}</td>')
    return f"<{_table(''.join(f'<tr>{row}</tr>' for row in rows))}>"


def words(text: str, colors: Colors) -> str:
    """The label of a frame or a caption; what is behind a comma stands on a line of its own."""
    lines = "<br/>".join(escaped(part, 2) or " " for part in printable(text).split(", "))
    return f'<<font color="{colors.ink}"><b>{lines}</b></font>>'


def escaped(text: str, backslashes: int) -> str:
    r"""A text in DOT, where Graphviz reads entities, and then backslashes: once in a label, twice in a tooltip.

    Args:
        text: printable.
        backslashes: that stand for one: 1 in a name, 2 in a label of either kind, 4 in a tooltip.

    >>> escaped(r"<\N>&lt;", 1)
    '&lt;&#92;N&gt;&amp;lt;'
    """
    return html.escape(text).replace("\\", backslashes * "&#92;")


def cells(numbers: Sequence[float], most: int = _CELLS) -> list[float]:
    """At most ``most`` numbers, each the farthest from 0 of as many neighbours as the others stand for, or nearly."""
    size = len(numbers)
    if size <= most:
        return list(numbers)
    edges = [round(part * size / most) for part in range(most + 1)]
    return [max(numbers[a:b], key=abs) for a, b in pairwise(edges)]


def shade(number: float, signed: bool, colors: Colors) -> str:
    """The colour of a number of a chart, from -1 or 0 to 1."""
    low, middle, high = colors.strip if signed else (colors.value, colors.value, colors.strip[2])
    share = min(1.0, abs(number))
    return _mixed(middle, low if number < 0 else high, share)


def _mixed(first: str, second: str, share: float) -> str:
    pairs = [(int(first[at : at + 2], 16), int(second[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _strip(numbers: Sequence[float], signed: bool, colors: Colors) -> str:
    shown = cells(numbers)
    width = max(3, min(10, 96 // len(shown)))
    row = "".join(f'<td width="{width}" height="10" bgcolor="{shade(n, signed, colors)}"></td>' for n in shown)
    return (
        f'<table border="1" color="{colors.line}" cellborder="0" cellspacing="0" cellpadding="0"><tr>{row}</tr></table>'
    )


def _row(line: Line, colors: Colors) -> str:
    size = _POINTS[line.size]
    if line.size != "symbol":
        color = colors.quiet if line.size == "quiet" else colors.ink
        text = _text(line.text, line, size, color)
        return f"<td{_room(line.text, size)}>{f'<b>{text}</b>' if line.size == 'strong' else text}</td>"
    letter = f"<i>{_text(line.text, line, size, colors.ink)}</i>"
    lowered = f"<i>{_text(line.subscript, line, 10, colors.ink)}</i>" if line.subscript else ""
    return (
        "<td>"
        + _table(
            f'<tr><td height="21" valign="top" align="right"{_room(line.text, size)}>{letter}</td>'
            f'<td height="21" valign="bottom" align="left"{_room(line.subscript, 10)}>{lowered}</td></tr>'
        )
        + "</td>"
    )


def _text(text: str, line: Line, size: int, color: str) -> str:
    written = escaped(printable(text), 2) or " "  # Graphviz cannot read a text of nothing
    written = f"<s>{written}</s>" if line.struck else written
    return f'<font point-size="{size}" color="{color}">{written}</font>'


def _room(text: str, size: int) -> str:
    """The width of a text that the renderer cannot measure: it takes letters outside of ASCII for spaces."""
    shown = printable(text)
    if shown.isascii():
        return ""
    widths = (1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in shown if not unicodedata.combining(c))
    return f' width="{round(size * sum(widths))}"'


def _table(rows: str) -> str:
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{rows}</table>'
