"""What a plot shows and what it writes: figures by their parts, files by what a reader of them finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import torch
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure
from PIL import Image

from seq2seq_attn import animate_attention, plot_attention, plots
from seq2seq_attn.plots import heatmap
from seq2seq_attn.training.loop import Progress


def test_the_heatmap_is_dark_where_the_weight_is_and_pale_elsewhere(tmp_path: Path) -> None:
    plot_attention(tmp_path / "a.png", torch.eye(3)[:2], "ABC", ["x", "end"])
    with Image.open(tmp_path / "a.png") as image:
        colors = image.convert("RGB").getcolors(1 << 20) or []
    counts = {color: count for count, color in colors}
    dark, pale = counts[8, 48, 107], counts[247, 251, 255]  # the two ends of matplotlib's Blues
    assert dark > 1000 and 1.5 < pale / dark < 2.5  # 2 cells of 6 are dark, 4 pale; the bar has a little of both


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are made."""
    figures: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr(heatmap, "Figure", Kept)
    return figures


def places(figure: Figure) -> list[tuple[int, int, str]]:
    """Row, column and title of each heatmap of a figure."""
    maps = [axes for axes in figure.axes if axes.images]
    tops = sorted({round(axes.get_position().y1, 6) for axes in maps}, reverse=True)
    lefts = sorted({round(axes.get_position().x0, 6) for axes in maps})
    return [
        (
            tops.index(round(axes.get_position().y1, 6)),
            lefts.index(round(axes.get_position().x0, 6)),
            axes.get_title(loc="left"),
        )
        for axes in maps
    ]


HALVES = torch.full((3, 2), 0.5)
HEADS = torch.full((3, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("weights", "source", "target", "expected"),
    [
        (HALVES, "AB", "xyz", [(0, 0, "")]),
        (HEADS, "AB", "xyz", [(0, 0, "head 1"), (0, 1, "head 2")]),
        (HEADS.mean(dim=1), "AB", "xyz", [(0, 0, "")]),
        (dict.fromkeys("abc", HALVES), "AB", "xyz", [(0, 0, "a"), (0, 1, "b"), (1, 0, "c")]),
        ([HALVES] * 5, ["AB"] * 5, ["xyz", "z", "yz", "x", "y"], [(n // 3, n % 3, "") for n in range(5)]),
        (
            {"one": HALVES, "two": HEADS},
            "AB",
            "xyz",
            [(0, 0, "one"), (1, 0, "two, head 1"), (1, 1, "two, head 2")],
        ),
    ],
)
def test_one_many_named_and_batched_stand_where_they_belong(
    weights: Any, source: Any, target: Any, expected: list[tuple[int, int, str]], tmp_path: Path, drawn: list[Figure]
) -> None:
    plot_attention(tmp_path / "a.png", weights, source, target)
    assert places(drawn[0]) == expected


BEGINNINGS = {"a.png": b"\x89PNG", "a.PNG": b"\x89PNG", "a.svg": b"<?xml", "a.pdf": b"%PDF"}
FRAMES = [(f"step {step}", torch.eye(3) * step / 2) for step in range(3)]
WRITERS: dict[str, Callable[[Path], None]] = {
    **{name: lambda path: plot_attention(path, torch.eye(3), "ABC", "xyz") for name in BEGINNINGS},
    "a.gif": lambda path: animate_attention(path, FRAMES, "ABC", "xyz"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_picture_is_the_same_file_of_the_kind_that_its_name_says(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    (tmp_path / "again").mkdir()
    WRITERS[name](tmp_path / "again" / name)
    content = (tmp_path / name).read_bytes()
    assert content == (tmp_path / "again" / name).read_bytes()
    assert content.startswith(BEGINNINGS.get(name, b"GIF89a"))


STYLES: list[dict[str, Any]] = [
    {"image.origin": "lower"},
    {"axes.grid": True},
    {"figure.autolayout": True},
    {"figure.constrained_layout.use": True},
    {"savefig.bbox": "tight"},
    {"savefig.dpi": 300},
]


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_what_is_set_for_other_plots_does_not_move_these(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    before = (tmp_path / name).read_bytes()
    for style in STYLES:
        with matplotlib.rc_context(style):
            WRITERS[name](tmp_path / name)
        assert (tmp_path / name).read_bytes() == before, style


def test_to_plot_needs_no_pyplot_with_its_global_state() -> None:
    code = "import sys, seq2seq_attn.plots; print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", WRITERS)
def test_a_picture_that_fails_leaves_what_was_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space left")

    (tmp_path / name).write_text("mine")
    for where, what in ((Figure, "savefig"), (Path, "write_bytes"), (os, "replace")):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="no space left"):
            patch.setattr(where, what, full)
            WRITERS[name](tmp_path / name)
        assert (tmp_path / name).read_text() == "mine" and len([*tmp_path.iterdir()]) == 1


def test_what_is_refused_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weights are \(1, 3\)"):
        plot_attention(tmp_path / "a.png", torch.eye(3)[:1], "ABC", "xy")
    with pytest.raises(ValueError, match=r"weights are \(1, 3\)"):
        animate_attention(tmp_path / "a.gif", [("a", torch.eye(3)[:1])], "ABC", "xy")
    with pytest.raises(ValueError, match="there is no frame; give frames of one sentence and one model"):
        animate_attention(tmp_path / "a.gif", [], "ABC", "xy")
    with pytest.raises(ValueError, match="the frames are of 2 shapes; give frames of one sentence and one model"):
        animate_attention(tmp_path / "a.gif", [("a", torch.eye(3)), ("b", torch.zeros(3, 2, 3))], "ABC", "xyz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.gif", "png"])
def test_an_ending_that_is_none_of_them_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{name}' ends with '.*'; a picture .* to \.png, \.svg, \.pdf"):
        plot_attention(tmp_path / name, torch.eye(3), "ABC", "xyz")
    with pytest.raises(ValueError, match=rf"{name}' ends with '.*'; a picture .* to \.png, \.svg, \.pdf"):
        plots.learning(tmp_path / name, [Progress(1, 0.5, 0.5)])
    with pytest.raises(ValueError, match=r"a\.png' ends with '\.png'; a picture of this kind is written to \.gif"):
        animate_attention(tmp_path / "a.png", FRAMES, "ABC", "xyz")


@pytest.mark.parametrize("heads", [(), (2,)])
def test_an_animation_shows_each_frame_with_its_title_and_rests_on_the_last(
    heads: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [(f"{'x' * step}", torch.full((3, *heads, 2), step / 5)) for step in range(6)]
    seen: list[list[tuple[str, float]]] = []
    grab = PillowWriter.grab_frame

    def spy(writer: PillowWriter, **options: Any) -> None:
        maps = [axes for axes in writer.fig.axes if axes.images]
        seen.append([(axes.get_title(loc="left"), float(axes.images[0].get_array().mean())) for axes in maps])
        grab(writer, **options)

    monkeypatch.setattr(PillowWriter, "grab_frame", spy)
    animate_attention(tmp_path / "a.gif", iter(frames), "AB", "xyz")
    for step, shown in enumerate(seen[:6]):
        names = ["head 1", "head 2"] if heads else [""]
        titles = [", ".join(part for part in ("x" * step, name) if part) for name in names]
        assert shown == [(title, pytest.approx(step / 5)) for title in titles]
    assert all(shown == seen[5] for shown in seen[5:])
    with Image.open(tmp_path / "a.gif") as image:
        durations = []
        for frame in range(image.n_frames):
            image.seek(frame)
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert durations == [250] * 5 + [2000]


def test_the_fonts_are_those_of_all_titles_and_the_one_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[set[str], Any]] = []

    def spy(texts: Any, font: Any) -> list[str]:
        asked.append(({*texts}, font))
        return ["DejaVu Sans"]

    monkeypatch.setattr(heatmap, "families", spy)
    plot_attention(tmp_path / "a.png", {"one": HALVES, "two": HALVES}, "AB", "xyz", font="own.ttf")
    animate_attention(tmp_path / "a.gif", [("a longer title", HALVES), ("two", HALVES)], "AB", "xyz", font="own.ttf")
    assert asked == [({*"ABxyz", "one", "two"}, "own.ttf"), ({*"ABxyz", "a longer title", "two"}, "own.ttf")]


def test_the_learning_curve_has_a_line_for_loss_and_one_for_exact_match(tmp_path: Path) -> None:
    plots.learning(tmp_path / "l.png", [Progress(step, 3.0 / step, step / 50) for step in range(1, 51)])
    with Image.open(tmp_path / "l.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(0, 114, 178), (213, 94, 0)} <= colors


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.png"
    message = f"{str(path)!r} cannot be written: there is no folder {str(path.parent)!r}"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        plot_attention(path, torch.ones(1, 1), "a", "b")
