"""The levels of a diagram that need no model: the step, and the first steps one by one."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import pytest
from svg import groups

from seq2seq_attn import Drawing, mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.label import cells, shade
from seq2seq_attn.drawing.levels import Shown, run, step, unrolled
from seq2seq_attn.drawing.scene import Scene
from seq2seq_attn.drawing.style import THEMES, Style
from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.whole import OUTSIDE, around, chosen

GRAPHS = {name: mermaid.load(name) for name in mermaid.shipped()}
GRAPHS |= {
    f"{name}, whole": around(graph, "RNN") for name, graph in GRAPHS.items() if name not in ("seq2seq", "first_rnn")
}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def drawn_as(scene: Scene) -> None:
    """Assert that the SVG has exactly the boxes and arrows of a scene."""
    svg = Drawing(scene).svg()
    words = [f"{frame.id}-words" for frame in scene.frames]
    assert sorted(title for title, _ in groups(svg, "node")) == sorted([*(box.id for box in scene.boxes), *words])
    arrows = ["->".join((a.target, a.source) if a.way == "recurrence" else (a.source, a.target)) for a in scene.arrows]
    assert sorted(title for title, _ in groups(svg, "edge")) == sorted(arrows)
    assert [title for title, _ in groups(svg, "cluster")] == [f"cluster_{frame.id}" for frame in scene.frames]


@every_graph
def test_a_step_is_its_diagram(graph: Graph) -> None:
    scene = step(Difference(graph, graph), "step")
    drawn_as(scene)
    assert [(box.id, box.role) for box in scene.boxes] == [
        *((id, "value") for id in graph.values),
        *((id, "operation") for id in graph.operations),
    ]
    ways = {
        way: [(a.source, a.target) for a in scene.arrows if a.way == way] for way in ("arrow", "recurrence", "handed")
    }
    assert tuple(ways["arrow"]) == graph.arrows
    back = [(now.id, before.id) for now, before in graph.recurrences]
    back += [(pair[0].id, pair[1].id)] if (pair := chosen(graph)) else []
    assert ways["recurrence"] == back
    assert ways["handed"] == [(first.id, before.id) for first, before in graph.beginnings]


@every_graph
def test_the_step_of_a_whole_picture_stands_in_a_frame(graph: Graph) -> None:
    frames = step(Difference(graph, graph), "step").frames
    if "encoder" not in graph.operations:
        assert frames == ()
        return
    (frame,) = frames
    inside = graph.operations.keys() & {*frame.boxes}
    assert inside == graph.operations.keys() - {*OUTSIDE}
    for id in inside:
        assert graph.operations[id].output in frame.boxes or "i" not in graph.values[graph.operations[id].output].axes
    assert all("i" in graph.values[id].axes for id in frame.boxes if id in graph.values)


@pytest.mark.parametrize("steps", [1, 2, 3])
@every_graph
def test_unrolled_each_operation_of_a_step_stands_there_once_a_step(graph: Graph, steps: int) -> None:
    scene = unrolled(graph, steps, "steps")
    drawn_as(scene)
    found = Counter(box.lines for box in scene.boxes if box.role == "operation")
    plain = {box.id: box.lines for box in step(Difference(graph, graph), "step").boxes}
    expected = Counter[object]()
    for operation in graph.operations.values():
        expected[plain[operation.id]] += steps if "i" in graph.values[operation.output].axes else 1
    assert found == expected
    for number, frame in enumerate(scene.frames, 1):
        assert frame.words == f"step {number}"
        assert sum(box.id in frame.boxes for box in scene.boxes if box.role == "operation") == sum(
            "i" in graph.values[operation.output].axes for operation in graph.operations.values()
        )
    assert len(scene.frames) == steps


@every_graph
def test_what_is_handed_on_as_it_is_stands_there_once(graph: Graph) -> None:
    scene = unrolled(graph, 2, "steps")
    boxes = {box.id: box for box in scene.boxes}
    readers: dict[str, set[str]] = {id: set() for id in boxes}
    makers: dict[str, set[str]] = {id: set() for id in boxes}
    for arrow in scene.arrows:
        if arrow.way == "arrow":
            readers[arrow.source].add(arrow.target)
            makers[arrow.target].add(arrow.source)
    for id, box in boxes.items():
        assert box.role == "value" or len(makers[id]) == len(set(makers[id]))
        assert box.role != "value" or len(makers[id]) <= 1, "made twice"
    for now, before in graph.recurrences:
        reading = {o.id for o in graph.operations.values() if before.id in o.inputs}
        maker = graph.maker(now.id)
        if maker is None or before.word == "prev_output" or not reading:
            continue
        (made,) = (arrow.target for arrow in scene.arrows if arrow.source == f"{maker.id}-in-1")
        assert {f"{id}-in-2" for id in reading} <= readers[made]
    handed = [(str(boxes[arrow.source]), str(boxes[arrow.target])) for arrow in scene.arrows if arrow.way == "handed"]
    embedded = [("y₁ output", "y₁ prev_output")] * any(before.word == "prev_output" for _, before in graph.recurrences)
    symbol = [("y₁ output", "w₁ prev_symbol")] * (chosen(graph) is not None)
    late = [(first, before) for first, before in graph.beginnings if before.subscript != "i-1"]
    assert handed == [(f"s₀ {first.word}", f"s₋₁ {before.word}") for first, before in late] + (symbol or embedded)


def test_groundhogs_state_of_step_1_is_the_one_that_step_2_reads() -> None:
    values = Counter(str(box) for box in unrolled(GRAPHS["groundhog"], 2, "steps").boxes if box.role == "value")
    states = [text for text in values if text.startswith("s")]
    assert states == ["s₀ prev_decoder", "s₋₁ earlier_decoder", "s₁ prev_decoder"]
    assert set(values.values()) == {1}


@pytest.mark.parametrize("steps", [0, -1, 51])
def test_a_thicket_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"^unrolled over {steps} steps; give a number from 1 to 50$"):
        unrolled(GRAPHS["bahdanau"], steps, "steps")


def values_of(graph: Graph, positions: int) -> dict[str, Shown]:
    return {id: Shown((1, positions), tuple(0.1 * n for n in range(positions))) for id in graph.values}


@pytest.mark.parametrize("positions", [1, 7, 8])
def test_each_of_few_positions_is_drawn_with_its_share(positions: int) -> None:
    graph = GRAPHS["bahdanau"]
    weights = [(n + 1) / sum(range(positions + 1)) for n in range(positions)]
    source = [f"w{n}" for n in range(positions)]
    scene = run(graph, "run", values_of(graph, positions), source=source, weights=weights)
    drawn_as(scene)
    shown = [box for box in scene.boxes if box.role == "position"]
    assert [box.lines[0].text for box in shown] == source
    shares = {arrow.source: arrow.share for arrow in scene.arrows if arrow.share is not None}
    assert [shares[box.id] for box in shown] == weights
    assert scene.rows == (tuple(box.id for box in shown),)
    assert ("h_j", "wsum") not in {(arrow.source, arrow.target) for arrow in scene.arrows}
    assert {arrow.source for arrow in scene.arrows if arrow.way == "part"} == {"h_j"}


def test_of_many_positions_the_heaviest_are_drawn_in_their_order_and_the_others_as_one() -> None:
    graph = GRAPHS["bahdanau"]
    weights = [0.001] * 100
    for n, weight in ((3, 0.2), (50, 0.3), (9, 0.1), (99, 0.1), (0, 0.05), (42, 0.05), (43, 0.06)):
        weights[n] = weight
    scene = run(graph, "run", values_of(graph, 100), source=[f"w{n}" for n in range(100)], weights=weights)
    shown = [box for box in scene.boxes if box.role == "position"]
    assert [box.lines[0].text for box in shown] == ["w0", "w3", "w9", "w42", "w43", "w50", "w99", "93 others"]
    shares = [arrow.share for arrow in scene.arrows if arrow.share is not None]
    assert sum(shares) == pytest.approx(sum(weights))
    drawn_as(scene)


def test_a_chart_has_32_cells_at_most_each_the_farthest_from_zero_of_its_neighbours() -> None:
    numbers = [0.01 * (-1) ** n * (n % 7) for n in range(70)]
    assert cells(numbers[:32]) == numbers[:32]
    shown = cells(numbers)
    assert len(shown) == 32 and shown[0] == numbers[1]
    rest = iter(numbers)
    assert all(number in rest for number in shown)  # in their order
    assert {*cells(numbers, 10)} == {0.06, -0.06}  # each ten cells of seven numbers


@pytest.mark.parametrize("theme", THEMES)
def test_a_cell_is_the_stronger_the_farther_from_zero_its_number_is(theme: Any) -> None:
    colors = Style(theme=theme).colors
    assert [shade(number, True, colors) for number in (-1.0, 0.0, 1.0)] == [*colors.strip]
    assert [shade(number, False, colors) for number in (0.0, 1.0, 2.0)] == [colors.value, *2 * colors.strip[2:]]
    parts = [[int(shade(n / 8, False, colors)[at : at + 2], 16) for n in range(9)] for at in (1, 3, 5)]
    assert all(part in (sorted(part), sorted(part)[::-1]) for part in parts)
    assert all(abs(2 * part[4] - part[0] - part[8]) <= 1 for part in parts)  # half of it is halfway


def test_weights_that_are_no_shares_are_drawn_as_thick_as_can_be_and_told_as_they_are() -> None:
    graph = GRAPHS["bahdanau"]
    weights = [-0.5, 0.25, 3.0, math.nan, math.inf]
    scene = run(graph, "run", values_of(graph, 5), source=list("abcde"), weights=weights)
    arrows = [arrow for arrow in scene.arrows if arrow.share is not None]
    assert [arrow.share for arrow in arrows] == [0.0, 0.25, 1.0, 0.0, 1.0]
    assert [arrow.tooltip for arrow in arrows] == ["-0.500 of a", "0.250 of b", "3.000 of c", "nan of d", "inf of e"]
    drawn_as(scene)
    drawn = Drawing(scene)
    for text in (drawn.dot(), drawn.mermaid(), drawn.tikz()):  # which refuse a width of nan, or of less than nothing
        assert not re.search(r"width[=:]\s*(-|nan|inf)", text)


@pytest.mark.parametrize(
    ("numbers", "chart", "signed"),
    [
        ((0.25, 0.75), (0.25, 0.75), False),
        ((-2.0, 1.0), (-1.0, 0.5), True),
        ((0.0, 0.0), (0.0, 0.0), True),
        ((), (), True),
        ((-4.0, 2.0, math.nan, math.inf, -math.inf), (-1.0, 0.5, 0.0, 1.0, -1.0), True),
        ((math.nan,), (0.0,), True),
    ],
)
def test_shares_are_shown_as_they_are_and_other_numbers_measured_by_the_largest(
    numbers: tuple[float, ...], chart: tuple[float, ...], signed: bool
) -> None:
    graph = GRAPHS["bahdanau"]
    values = {"e_ij": Shown((1, len(numbers)), numbers)}
    (box,) = (box for box in run(graph, "run", values, source=[], weights=None).boxes if box.id == "e_ij")
    assert (box.chart, box.signed) == (chart, signed)
    assert f": 1×{len(numbers)}" in box.tooltip


def test_a_number_in_a_subscript_is_no_number_of_a_step() -> None:
    values = [Value.parse(text) for text in ("h_{j} encoder_hidden", "s_{i1} first", "s_{i} second", "y_{i} output")]
    h, first, second, output = (value.id for value in values)
    operations = [Operation("f", "f", (h,), first), Operation("g", "g", (first,), second)]
    graph = Graph(values, [*operations, Operation("o", "o", (second,), output)])
    boxes = [box for box in unrolled(graph, 11, "steps").boxes if box.role == "value"]
    assert len(boxes) == 1 + 3 * 11
    assert [str(box) for box in boxes if str(box).startswith("s₁₁ ")] == ["s₁₁ first", "s₁₁ second"]
