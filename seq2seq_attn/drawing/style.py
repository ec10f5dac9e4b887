"""How a picture looks: its theme, the way it runs, its letters, and where its links lead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

THEMES = ("light", "dark", "print")
DIRECTIONS = ("TB", "LR", "BT", "RL")


@dataclass(frozen=True)
class Style:
    """What a picture looks like; the same things and arrows are there in every style.

    Args:
        theme: "light", "dark", or "print": black and greys only, for paper and for every eye.
        rankdir: where it runs to: "TB" (top to bottom, as the seed), "LR" (the source left), "BT" or "RL".
        font: of its letters; of an SVG, what its viewer has, of a PDF, what is installed. The PNG of graphviz-pure has
            but Helvetica, Times and Courier; letters that they lack, as Chinese, are left to another renderer. TikZ has
            TeX's own.
        dpi: dots per inch of a PNG.
        legend: whether it says what its shapes and strokes mean.
        repository: an address that the links to the source lead to, instead of this machine's files:
            ``https://github.com/NAME/REPOSITORY/blob/main``.

    Raises:
        ValueError: another theme or direction, fewer than 1 or more than 1,200 dots, a font's name with strange
            characters, an address that does not begin with http:// or https://, or has quotes, spaces, ? or # in it.
    """

    theme: Literal["light", "dark", "print"] = "light"
    rankdir: Literal["TB", "LR", "BT", "RL"] = "TB"
    font: str = "Helvetica"
    dpi: int = 192
    legend: bool = False
    repository: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("theme", THEMES), ("rankdir", DIRECTIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; there are {', '.join(known)}")
        if not 1 <= self.dpi <= 1200:
            raise ValueError(f"dpi is {self.dpi}; give a number from 1 to 1200")
        if not re.fullmatch(r"[\w .-]+", self.font):
            raise ValueError(f"font is {self.font!r}; give a font's name, of letters, digits, spaces, dots and hyphens")
        if self.repository is not None and not re.fullmatch(r"https?://[\w.~:/@%+=,-]+", self.repository, re.ASCII):
            raise ValueError(f"repository is {self.repository!r}; give an address that begins with https://")

    @property
    def colors(self) -> Colors:
        """The colours of its theme."""
        return _COLORS[self.theme]


@dataclass(frozen=True)
class Colors:
    """What is drawn with which colour. Letters have 4.5 : 1 on what lies behind them, lines that mean something 3 : 1.

    A chart of signed numbers goes through ``strip``, from -1 over 0 to 1; one of shares from ``value`` to its last.
    """

    paper: str
    ink: str
    quiet: str
    line: str
    value: str
    operation: str
    operation_line: str
    tensor: str
    parameter: str
    recurrence: str
    active: str
    resting: str
    added: str
    added_fill: str
    gone: str
    strip: tuple[str, str, str]

    def frame(self, shade: Literal["active", "quiet"]) -> str:
        """What fills a frame."""
        return self.active if shade == "active" else self.resting


# Accents are of Okabe and Ito, which all kinds of colour-blindness tell apart; strokes say the same without colour.
_COLORS = {
    "light": Colors(
        paper="#ffffff",
        ink="#000000",
        quiet="#5a5a5a",
        line="#8a8a8a",
        value="#ffffff",
        operation="#cfe3f3",
        operation_line="#0072b2",
        tensor="#eef5fa",
        parameter="#fbf3d5",
        recurrence="#d55e00",
        active="#fdf1e3",
        resting="#f4f4f4",
        added="#009e73",
        added_fill="#d9f2e9",
        gone="#cc79a7",
        strip=("#d55e00", "#ffffff", "#0072b2"),
    ),
    "dark": Colors(
        paper="#0d1117",
        ink="#f0f3f6",
        quiet="#b1bac4",
        line="#8b949e",
        value="#161b22",
        operation="#10395c",
        operation_line="#56b4e9",
        tensor="#14263a",
        parameter="#3a3417",
        recurrence="#e69f00",
        active="#241d12",
        resting="#171c23",
        added="#2fc299",
        added_fill="#0e3b2e",
        gone="#e39ac4",
        strip=("#e69f00", "#161b22", "#56b4e9"),
    ),
    "print": Colors(
        paper="#ffffff",
        ink="#000000",
        quiet="#404040",
        line="#606060",
        value="#ffffff",
        operation="#e2e2e2",
        operation_line="#000000",
        tensor="#f2f2f2",
        parameter="#ffffff",
        recurrence="#000000",
        active="#f2f2f2",
        resting="#fafafa",
        added="#000000",
        added_fill="#c8c8c8",
        gone="#606060",
        strip=("#ffffff", "#a8a8a8", "#000000"),
    ),
}
