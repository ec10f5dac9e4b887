"""One step of a real run: the shapes and numbers of its values, and how much it looked at each source position."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.levels.opened import shape
from seq2seq_attn.drawing.levels.step import step
from seq2seq_attn.drawing.scene import Arrow, Box, Line, Scene, printable
from seq2seq_attn.graph import Graph

_POSITIONS = 8  # that are drawn one by one; a longer source has the same number of boxes


@dataclass(frozen=True)
class Shown:
    """What a value was.

    Attributes:
        shape: of the tensor.
        numbers: in it, or what stands for them: the mean of several heads, the length of each source position's row.
    """

    shape: tuple[int, ...]
    numbers: tuple[float, ...]


def run(
    graph: Graph,
    title: str,
    values: Mapping[str, Shown],
    *,
    source: Sequence[str],
    weights: Sequence[float] | None,
    caption: str = "",
    codes: Mapping[str, Code] | None = None,
) -> Scene:
    """The scene of a step as it ran.

    Args:
        graph: of the step.
        title: what the picture is of.
        values: what each value of the graph was, by its id.
        source: what stands at each source position.
        weights: how much of each position was read; None for a step that reads none.
        caption: a line above the picture.
        codes: the code behind an operation, by its id.
    """
    scene = step(Difference(graph, graph), title, codes=codes)
    boxes = [_charted(box, values[box.id]) if box.id in values else box for box in scene.boxes]
    arrows = [
        replace(arrow, label=shape(values[value].shape))
        if arrow.way == "arrow" and (value := _labelled(graph, arrow)) in values
        else arrow
        for arrow in scene.arrows
    ]
    rows = []
    for memory, reader in _looks(graph) if weights is not None else ():
        assert weights is not None, "positions without weights"
        arrows = [arrow for arrow in arrows if (arrow.source, arrow.target) != (memory, reader)]
        row = []
        for number, text, share in _positions(source, weights):
            id = f"{reader}-{number}"
            row.append(id)
            lines = (Line(text, "strong"), Line(f"{share:.0%}", "quiet"))
            boxes.append(Box(id, "position", lines, f"{text}: {share:.3f}"))
            arrows.append(Arrow(memory, id, "part"))
            thick = _bounded(share, 0.0)
            arrows.append(Arrow(id, reader, tooltip=f"{share:.3f} of {text}", share=thick))
        rows.append(tuple(row))
    return replace(scene, boxes=tuple(boxes), arrows=tuple(arrows), rows=tuple(rows), caption=caption)


def _charted(box: Box, shown: Shown) -> Box:
    """The box with its numbers as a strip; shares of one go from 0 to 1, other numbers are measured by the largest."""
    is_share = bool(shown.numbers) and min(shown.numbers) >= 0.0 and abs(sum(shown.numbers) - 1.0) < 1e-3
    largest = 1.0 if is_share else max(map(abs, filter(math.isfinite, shown.numbers)), default=0.0) or 1.0
    numbers = tuple(_bounded(number / largest, -1.0) for number in shown.numbers)
    span = f", from {min(shown.numbers):.3g} to {max(shown.numbers):.3g}" if shown.numbers else ""
    return replace(box, chart=numbers, signed=not is_share, tooltip=f"{box.tooltip}: {shape(shown.shape)}{span}")


def _bounded(number: float, lowest: float) -> float:
    """What can be drawn of a number that may be any, of a node of a user's own: from ``lowest`` to 1, and NaN as 0."""
    return 0.0 if math.isnan(number) else min(1.0, max(lowest, number))


def _labelled(graph: Graph, arrow: Arrow) -> str:
    """The value whose shape an arrow shows: what it brings, if no operation made that, or what it makes."""
    if arrow.target in graph.values:
        return arrow.target
    return arrow.source if graph.maker(arrow.source) is None else ""


def _looks(graph: Graph) -> Iterator[tuple[str, str]]:
    """(what is there for each position, the operation that reads it by weights) for every such pair."""
    for operation in graph.operations.values():
        words = [graph.values[id].word for id in operation.inputs]
        memories = [id for id in operation.inputs if graph.values[id].axes == "j"]
        if "attn_weights" in words and len(memories) == 1:
            yield memories[0], operation.id


def _positions(source: Sequence[str], weights: Sequence[float]) -> Iterator[tuple[int, str, float]]:
    """(number, text, share) of the positions that were read most, in their order, and of all others together."""
    most = sorted(range(len(weights)), key=lambda j: -weights[j])
    shown = sorted(most if len(weights) <= _POSITIONS else most[: _POSITIONS - 1])
    for j in shown:
        yield j + 1, f"{printable(source[j], 12)}", weights[j]
    if rest := len(weights) - len(shown):
        yield 0, f"{rest} others", sum(weights) - sum(weights[j] for j in shown)
