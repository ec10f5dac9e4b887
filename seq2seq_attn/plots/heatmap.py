"""Heatmaps of attention side by side: cells of one size, colours of one scale, labels that never overlap."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from seq2seq_attn.plots.fonts import families
from seq2seq_attn.plots.panels import Panel

_CELL = 0.32  # inches, as all lengths here
_LONGEST_PANEL, _LONGEST_FIGURE = 16.0, 32.0
_GAP, _TICK, _AXIS_LABEL, _BETWEEN_LABELS = 0.4, 0.12, 0.25, 0.05  # a title stands in the gap
_BAR, _BAR_LENGTHS, _BAR_LABELS = 0.15, (1.2, 2.5), 0.7


@dataclass(frozen=True)
class Heatmap:
    """A panel as it is drawn, and can show the numbers and the title of another of its size."""

    image: AxesImage
    title: Text

    def show(self, panel: Panel) -> None:
        self.image.set_data(panel.weights.numpy())
        self.title.set_text(panel.title)


def heatmaps(
    grid: Sequence[Sequence[Panel]], font: str | Path | None = None, titles: Iterable[str] = ()
) -> tuple[Figure, list[Heatmap]]:
    """A figure of rows of panels with one bar of colours for all, and the heatmaps in it, row by row.

    A cell is 0.32 inches wide, or less where a panel would be longer than 16 inches or all together than 32. Where
    there is no room for every label, only every second, third, … stands there.

    Args:
        grid: at least one panel.
        font: see `families`.
        titles: others that the heatmaps will show in turn.

    Raises:
        ValueError, OSError: see `families`.
    """
    figure = Figure()
    figure.set_layout_engine("none")  # whatever is set for other plots
    titles = [*titles, *(panel.title for row in grid for panel in row)]
    labels = [label for row in grid for panel in row for label in (*panel.source, *panel.target)]
    lettering = _Lettering(figure, {*titles, *labels}, font)
    columns = [[row[n] for row in grid if n < len(row)] for n in range(max(map(len, grid)))]
    cell = _cell(grid, columns)

    heights = [cell * max(len(panel.target) for panel in row) for row in grid]
    widths = [max(lettering.width(titles), *(cell * len(panel.source) for panel in column)) for column in columns]
    above = [max(lettering.across(p.source, cell).height for p in row) for row in grid]
    beside = [max(lettering.width(panel.target) for panel in column) for column in columns]
    tops = _starts(heights, [size + _TICK + _AXIS_LABEL + _GAP for size in above])
    lefts = _starts(widths, [size + _TICK + _AXIS_LABEL + _GAP for size in beside])
    bar = lefts[-1] + widths[-1] + _GAP
    bar_length = min(max(heights[0], _BAR_LENGTHS[0]), _BAR_LENGTHS[1])
    width, height = bar + _BAR + _BAR_LABELS, max(tops[-1] + heights[-1], tops[0] + bar_length) + _GAP
    figure.set_size_inches(width, height)

    def place(left: float, top: float, wide: float, high: float) -> Axes:
        axes = figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
        axes.grid(False)
        return axes

    shown = []
    for row, top in zip(grid, tops, strict=True):
        for panel, left in zip(row, lefts, strict=False):  # the last row may be shorter
            axes = place(left, top, cell * len(panel.source), cell * len(panel.target))
            shown.append(_draw(axes, panel, lettering, cell))
    figure.colorbar(shown[0].image, cax=place(bar, tops[0], _BAR, bar_length), label="$\\alpha_{ij}$")
    return figure, shown


def _cell(grid: Sequence[Sequence[Panel]], columns: Sequence[Sequence[Panel]]) -> float:
    longest = max(max(panel.weights.shape) for row in grid for panel in row)
    down = sum(max(len(panel.target) for panel in row) for row in grid)
    across = sum(max(len(panel.source) for panel in column) for column in columns)
    return min(_CELL, _LONGEST_PANEL / longest, _LONGEST_FIGURE / max(down, across))


def _starts(sizes: Sequence[float], before: Sequence[float]) -> list[float]:
    """Where each of a row of things begins, with so much room before it."""
    return [sum(before[: n + 1]) + sum(sizes[:n]) for n in range(len(sizes))]


def _draw(axes: Axes, panel: Panel, lettering: _Lettering, cell: float) -> Heatmap:
    image = axes.imshow(panel.weights.numpy(), cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto", origin="upper")
    across = lettering.across(panel.source, cell)
    down = lettering.step(lettering.height(panel.target), cell)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source $j$")
    axes.set_ylabel("target $i$")
    axes.set_xticks(
        range(0, len(panel.source), across.step),
        panel.source[:: across.step],
        rotation="horizontal" if across.upright else "vertical",
        **lettering.style,
    )
    axes.set_yticks(range(0, len(panel.target), down), panel.target[::down], **lettering.style)
    return Heatmap(image, axes.set_title(panel.title, loc="left", **lettering.style))


@dataclass(frozen=True)
class _Across:
    """How labels stand along an axis that runs across: upright or turned, and every how-manyeth."""

    upright: bool
    step: int
    height: float


class _Lettering:
    """The style of all labels of a figure, never read as mathematics, and how much room they need."""

    def __init__(self, figure: Figure, texts: Collection[str], font: str | Path | None) -> None:
        self.style: dict[str, Any] = {
            "fontfamily": families(texts, font),
            "fontsize": 9.0,
            "parse_math": False,
            "usetex": False,
        }
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        self._sizes: dict[str, tuple[float, float]] = {}
        for text in texts:
            drawn = figure.text(0, 0, text, **self.style)
            box = drawn.get_window_extent(renderer)
            self._sizes[text] = (box.width / figure.dpi, box.height / figure.dpi)
            drawn.remove()

    def width(self, labels: Sequence[str]) -> float:
        return max(self._sizes[label][0] for label in labels)

    def height(self, labels: Sequence[str]) -> float:
        return max(self._sizes[label][1] for label in labels)

    def step(self, size: float, cell: float) -> int:
        """Every how-manyeth label has room, if each needs so much."""
        return math.ceil((size + _BETWEEN_LABELS) / cell)

    def across(self, labels: Sequence[str], cell: float) -> _Across:
        """Upright, unless more labels have room when they are turned."""
        width, height = self.width(labels), self.height(labels)
        upright, turned = self.step(width, cell), self.step(height, cell)
        return _Across(True, upright, height) if upright <= turned else _Across(False, turned, width)
