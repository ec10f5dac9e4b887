"""Heatmaps show the numbers, and everything in the figure is legible: nothing overlaps, nothing is cut off."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cache

import numpy
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from seq2seq_attn.plots.heatmap import Heatmap, heatmaps
from seq2seq_attn.plots.panels import Panel


def panel(rows: int, columns: int, length: int = 1, title: str = "") -> Panel:
    """A panel with different numbers and different labels, the longest of them of this length."""
    labels = [f"{n:x}"[-length:].rjust(length if n % 3 == 1 else 1, "W") for n in range(max(rows, columns))]
    numbers = torch.arange(rows * columns).reshape(rows, columns) / (rows * columns)
    return Panel(numbers, labels[:columns], labels[:rows], title)


GRIDS = {
    "one cell": [[panel(1, 1)]],
    "a word": [[panel(5, 7)]],
    "words": [[panel(5, 7, 11)]],
    "the longest labels": [[panel(3, 2, 24)]],
    "a long sentence": [[panel(97, 89, 3)]],
    "only long on one side": [[panel(2, 101, 5)]],
    "only long on the other side": [[panel(101, 2, 5)]],
    "500 by 500": [[panel(500, 500, 4)]],
    "heads": [[panel(5, 7, 3, "head 1"), panel(5, 7, 3, "head 2")], [panel(5, 7, 3, "head 3")]],
    "sentences": [[panel(2, 3, 9), panel(11, 13)], [panel(5, 7), panel(3, 2, 4)]],
    "titles longer than what they stand above": [[panel(1, 2, 1, "x" * 24), panel(1, 2, 1, "x" * 24)]],
    "more of one than of the other": [[panel(2, 3, 1, "a")], [panel(3, 2, 2, "b"), panel(5, 2, 1, "c")]],
    "many": [[panel(19, 23, 5, f"{row}, {n}") for n in range(4)] for row in range(2)],
}


@cache
def figure_of(name: str) -> tuple[Figure, list[Heatmap]]:
    return heatmaps(GRIDS[name])


def texts(axes: Axes) -> Iterator[Text]:
    """Everything that is written around a heatmap and can be seen."""
    titles = [text for text in axes.texts if text.get_visible()]
    yield from [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label, *titles]


def extents(figure: Figure, items: Sequence[Text | Axes]) -> list[Bbox]:
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [item.get_tightbbox(renderer) for item in items]
    return [box for box in boxes if box is not None and box.width > 0]


def apart(one: Bbox, other: Bbox) -> bool:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return across <= 0.5 or down <= 0.5  # pixels


@pytest.mark.parametrize("name", GRIDS)
def test_no_label_overlaps_another_and_nothing_is_cut_off(name: str) -> None:
    figure, shown = figure_of(name)
    figure.draw_without_rendering()
    every = extents(figure, figure.axes)
    assert len(every) == len(shown) + 1 and all(itertools.starmap(apart, itertools.combinations(every, 2)))
    for box in every:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width and 0 <= box.y0 < box.y1 <= figure.bbox.height
    for heatmap in shown:
        written = [*texts(heatmap.image.axes), heatmap.title]
        boxes = extents(figure, written)
        assert all(itertools.starmap(apart, itertools.combinations(boxes, 2)))


@pytest.mark.parametrize("name", GRIDS)
def test_each_row_and_column_of_numbers_stands_at_its_label(name: str) -> None:
    _, shown = figure_of(name)
    given = [panel for row in GRIDS[name] for panel in row]
    for heatmap, panel in zip(shown, given, strict=True):
        axes = heatmap.image.axes
        numpy.testing.assert_array_equal(heatmap.image.get_array(), panel.weights.numpy())
        for axis, labels in ((axes.xaxis, panel.source), (axes.yaxis, panel.target)):
            places = axis.get_ticklocs()
            assert places[0] == 0 and len({*numpy.diff(places)}) <= 1  # every one, or every second, third…
            assert [text.get_text() for text in axis.get_ticklabels()] == [labels[int(place)] for place in places]
        assert heatmap.title.get_text() == panel.title
        assert axes.xaxis.get_ticks_position() == axes.xaxis.get_label_position() == "top" and axes.yaxis_inverted()


@pytest.mark.parametrize("name", ["a word", "words", "heads", "sentences"])
def test_where_there_is_room_every_symbol_has_its_label(name: str) -> None:
    for heatmap in figure_of(name)[1]:
        assert len(heatmap.image.axes.get_xticks()) == heatmap.image.get_array().shape[1]
        assert len(heatmap.image.axes.get_yticks()) == heatmap.image.get_array().shape[0]


@pytest.mark.parametrize(
    ("labels", "rotation"), [("ABC", 0), ("ɰWæ", 0), (["the", "cat", "sleeps"], 90), (["a", "b", "c" * 24], 90)]
)
def test_labels_stand_upright_where_they_are_short_and_turned_where_they_are_not(
    labels: Sequence[str], rotation: int
) -> None:
    _, (heatmap,) = heatmaps([[Panel(torch.ones(2, 3), labels, "xy")]])
    assert {text.get_rotation() for text in heatmap.image.axes.get_xticklabels()} == {rotation}


@pytest.mark.parametrize("name", GRIDS)
def test_cells_are_squares_of_one_size_and_the_figure_has_its_limits(name: str) -> None:
    figure, shown = figure_of(name)
    sides = set()
    for heatmap in shown:
        rows, columns = heatmap.image.get_array().shape
        box = heatmap.image.axes.get_window_extent()
        sides |= {round(box.width / columns / figure.dpi, 6), round(box.height / rows / figure.dpi, 6)}
        assert max(box.width, box.height) / figure.dpi <= 16.001
    assert len(sides) == 1 and max(sides) <= 0.32


def test_one_scale_of_colours_holds_for_all_and_gets_darker_all_the_way_in_one_hue() -> None:
    figure, shown = heatmaps([[panel(2, 3)], [panel(3, 2)]])
    assert {(h.image.get_clim(), h.image.get_cmap().name) for h in shown} == {((0.0, 1.0), "Blues")}
    red, green, blue = shown[0].image.get_cmap()(numpy.linspace(0, 1, 101))[:, :3].T
    grey = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # luminance, Rec. 709
    assert (numpy.diff(grey) < 0).all() and ((blue >= green) & (green >= red)).all()
    (bar,) = [axes for axes in figure.axes if axes not in [h.image.axes for h in shown]]
    assert bar.get_ylim() == (0.0, 1.0)


def test_labels_are_never_read_as_mathematics() -> None:
    wrong = "$\\frac$"  # which matplotlib would refuse
    figure, _ = heatmaps([[Panel(torch.ones(1, 1), [wrong], [wrong], wrong)]])
    figure.draw_without_rendering()
    figure.text(0, 0, wrong)
    with pytest.raises(ValueError, match="frac"):
        figure.draw_without_rendering()


def test_a_heatmap_shows_another_panel_of_its_size_without_moving() -> None:
    later = Panel(torch.full((2, 3), 0.25), "ABC", "xy", "a title of 24 characters")
    figure, (heatmap,) = heatmaps([[Panel(torch.ones(2, 3), "ABC", "xy", "first")]], titles=[later.title])
    before = heatmap.image.axes.get_position().bounds
    heatmap.show(later)
    figure.draw_without_rendering()
    assert heatmap.image.axes.get_position().bounds == before and heatmap.title.get_text() == later.title
    numpy.testing.assert_array_equal(heatmap.image.get_array(), later.weights.numpy())
    (box,) = extents(figure, [heatmap.title])
    assert box.x1 <= figure.bbox.width
    bar = extents(figure, figure.axes[1:])[0]
    assert apart(box, bar)
