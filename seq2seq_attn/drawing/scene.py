"""What a picture consists of, whatever language it is written in: boxes, arrows between them, frames around them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Fate

Role = Literal["value", "operation", "tensor", "parameter", "position", "hidden", "words"]
Way = Literal["arrow", "recurrence", "handed", "hidden", "part"]

_LONGEST = 72  # characters of one line; more would be a picture of that line


@dataclass(frozen=True)
class Line:
    """One line of a box.

    Attributes:
        text: what it says; of a symbol its letter, ``α``.
        size: "symbol" (large and slanted), "strong", "plain" or "quiet" (small).
        subscript: of a symbol.
        struck: what was, and is gone.
    """

    text: str
    size: Literal["symbol", "strong", "plain", "quiet"] = "plain"
    subscript: str = ""
    struck: bool = False

    def __str__(self) -> str:
        """In plain characters, ``αᵢⱼ`` and ``sᵢ₋₁``."""
        text = printable(self.text) + lowered(self.subscript)
        return f"~{text}~" if self.struck else text


@dataclass(frozen=True)
class Box:
    """A thing in the picture: a value, an operation, a tensor operation inside one, a parameter, …

    Attributes:
        id: what arrows name it by.
        role: what it is; "words" only say something.
        lines: what stands in it.
        tooltip: what is said when a mouse rests on it.
        code: of the class that runs it; the picture links to it.
        fate: what became of it between two graphs.
        chart: numbers to be shown as a strip of colours.
        signed: whether the chart goes from -1 over 0 to 1, and not from 0 to 1.
    """

    id: str
    role: Role
    lines: tuple[Line, ...]
    tooltip: str = ""
    code: Code | None = None
    fate: Fate = "both"
    chart: tuple[float, ...] = ()
    signed: bool = True

    def __str__(self) -> str:
        """Its lines in one, quiet ones behind a space: ``sᵢ₋₁ prev_decoder``."""
        return " ".join(filter(None, map(str, self.lines)))


@dataclass(frozen=True)
class Arrow:
    """A way from one box to another.

    Attributes:
        source: id of the box that it leaves.
        target: id of the box that it enters.
        way: "arrow" for what an operation reads or makes, "recurrence" for what a step hands on to the next, so that it
            leads backwards, "handed" for what is handed to a step that stands further on, "hidden" for what no diagram
            shows, "part" for a part of a value.
        label: what stands beside it.
        tooltip: what is said when a mouse rests on it.
        fate: what became of it between two graphs.
        share: from 0 to 1, how thick it is; None for one thickness.
    """

    source: str
    target: str
    way: Way = "arrow"
    label: str = ""
    tooltip: str = ""
    fate: Fate = "both"
    share: float | None = None

    @property
    def width(self) -> float | None:
        """How thick its share makes it, in points; None where it has none."""
        return None if self.share is None else 0.5 + 5.5 * self.share


@dataclass(frozen=True)
class Frame:
    """A line around boxes that belong together, with words in its corner.

    Attributes:
        id: of its own.
        words: what it says.
        boxes: the ids of what stands in it.
        shade: "active" for what runs in the loop, "quiet" for what runs outside of it.
    """

    id: str
    words: str
    boxes: tuple[str, ...]
    shade: Literal["active", "quiet"] = "quiet"


@dataclass(frozen=True)
class Scene:
    """Everything in a picture, by no language in particular.

    Attributes:
        title: what it is of.
        boxes: in the order in which a reader meets them.
        arrows: likewise.
        frames: likewise; no box stands in two.
        order: pairs of ids, of which the first is to stand before the second.
        rows: ids of what stands side by side, in that order.
        caption: a line above it.
        fates: of two graphs in one, what each fate means, in words.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    frames: tuple[Frame, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    fates: tuple[tuple[Fate, str], ...] = ()


_LOWERED = str.maketrans("0123456789+-−=()ijkv", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ᵢⱼₖᵥ")


def printable(text: str, longest: int = _LONGEST) -> str:
    """A text as one line that any renderer shows: control and direction marks by their numbers, what is long cut off.

    >>> printable("a\\nb\\u202ec")
    'a\\\\x0ab\\\\u202ec'
    """
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(c if c in _JOINERS or unicodedata.category(c) not in _UNSEEN else _number(c) for c in text)


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # which make one sign of several, in Persian and in emoji


def _number(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def lowered(subscript: str) -> str:
    """A subscript in Unicode's own characters, or behind ``_`` where there are none for it.

    >>> lowered("i-1"), lowered("ij"), lowered("i-1,j")
    ('ᵢ₋₁', 'ᵢⱼ', 'ᵢ₋₁,ⱼ')
    """
    low = subscript.translate(_LOWERED)
    changed = all(a != b or a == "," for a, b in zip(low, subscript, strict=True))
    return low if changed else f"_{printable(subscript)}"
