"""The tree: read back, it is the graph, with everything in full once; what it says of steps and fates is true."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest
from attempts import TEXTS
from edits import EDITS, GRAPH, edited, every_edit

from seq2seq_attn import mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.legend import with_legend
from seq2seq_attn.drawing.levels import BANDS, compared, step
from seq2seq_attn.drawing.levels.unrolled import unrolled
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene, printable
from seq2seq_attn.drawing.tree import tree
from seq2seq_attn.graph import Graph
from seq2seq_attn.schedule import schedule
from seq2seq_attn.whole import around

DIAGRAMS = {name: mermaid.load(name) for name in mermaid.shipped()}
STEPS = [name for name in DIAGRAMS if name not in ("seq2seq", "first_rnn")]
GRAPHS = DIAGRAMS | {f"{name}, whole": around(DIAGRAMS[name], "RNN") for name in STEPS}

every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
every_step = pytest.mark.parametrize("name", STEPS)


def scene(graph: Graph, bands: dict[str, str] | None = None) -> Scene:
    return step(Difference(graph, graph), "picture", bands=bands)


def name(box: Box) -> str:
    """As the tree has it, ``yᵢ output`` or ``out[feedforward]``."""
    first, second = map(str, box.lines)
    return f"{second}[{first}]" if box.role == "operation" else f"{first} {second}"


def read(text: str) -> list[tuple[int, list[str], bool]]:
    """Of each line in the tree of a graph its level, the boxes that it names; whether the last is only mentioned."""
    lines = re.findall(r"^(?:[+~-] |  )?((?:[│ ]  )*)[├└]─ (.*?)(  ← .*?)?( [↑↓])?$", text, re.MULTILINE)
    return [(len(indent) // 3, words.split(" = "), bool(mark)) for indent, words, _, mark in lines]


def in_full(text: str) -> Counter[str]:
    lines = [(words, mark) for _, words, mark in read(text) if not words[0].startswith("at first ")]
    return Counter(word for words, mark in lines for word in (words[:-1] if mark else words))


@every_graph
def test_each_box_is_shown_in_full_once(graph: Graph) -> None:
    drawn = scene(graph)
    assert in_full(tree(drawn)) == Counter(map(name, drawn.boxes))


@every_graph
def test_below_each_operation_stand_its_arguments_in_their_order(graph: Graph) -> None:
    names = {box.id: name(box) for box in scene(graph).boxes}
    lines = read(tree(scene(graph)))
    found: dict[str, list[str]] = {}
    for number, (level, words, mark) in enumerate(lines):
        if not mark and words[-1].endswith("]"):
            below = []
            for inner, others, _ in lines[number + 1 :]:
                if inner <= level:
                    break
                below += [others[0]] * (inner == level + 1)
            found[words[-1]] = below
    expected = {names[id]: [names[source] for source in each.inputs] for id, each in graph.operations.items()}
    assert found == expected


@every_graph
def test_a_value_shares_a_line_with_what_makes_it(graph: Graph) -> None:
    names = {box.id: name(box) for box in scene(graph).boxes}
    expected = {(names[each.output], names[id]) for id, each in graph.operations.items()}
    assert {(words[0], words[1]) for _, words, _ in read(tree(scene(graph))) if len(words) == 2} == expected


@every_graph
def test_what_a_step_hands_on_is_said_where_it_arrives(graph: Graph) -> None:
    names = {box.id: name(box) for box in scene(graph).boxes}
    drawn = scene(graph)
    text = tree(drawn)
    said = re.findall(r"([^─]*)  ← (.*) of the step before$", text, re.MULTILINE)
    returning = [arrow for arrow in drawn.arrows if arrow.way == "recurrence"]
    assert sorted(said) == sorted((f" {names[arrow.target]}", names[arrow.source]) for arrow in returning)
    assert len(returning) >= len(graph.recurrences)
    for first, last in graph.beginnings:
        assert re.search(rf" {names[last.id]}  ←.*\n.*└─ at first {names[first.id]} ↑\n", text)


@pytest.mark.parametrize("graph", [GRAPHS[name] for name in STEPS], ids=STEPS)
def test_each_band_has_its_own_branches_under_its_words(graph: Graph) -> None:
    bands = schedule(graph).bands()
    text = tree(scene(graph, bands))
    assert in_full(text) == Counter(name(box) for box in scene(graph).boxes)
    parts = {part.partition("\n")[0]: in_full(part) for part in text.split("\n\n")}
    for id, each in graph.operations.items():
        assert f"{id}[{each.kind}]" in parts[BANDS[bands[id]]]


@every_graph
def test_no_line_is_wider_than_a_terminal(graph: Graph) -> None:
    drawn = [scene(graph)]
    if "encoder" not in graph.operations and graph.recurrences:
        drawn += [scene(graph, schedule(graph).bands()), unrolled(graph, 7, "seven steps")]
    assert max(len(line) for each in drawn for line in tree(each).splitlines()) < 100


def test_steps_side_by_side_lead_back_one_to_the_other() -> None:
    text = tree(unrolled(GRAPH, 3, "three steps"))
    assert [part.partition("\n")[0] for part in text.split("\n\n")] == ["three steps", "step 1", "step 2", "step 3"]
    assert "├─ y₁ prev_output  ← y₁ output\n" in text.split("\n\n")[2]
    assert "s₁ decoder_hidden ↑" in text.split("\n\n")[2] and "s₁ decoder_hidden = rnn[RNN]" in text.split("\n\n")[1]


def marked(text: str) -> dict[str, set[str]]:
    """The lines of each fate, without their tree."""
    lines = re.findall(r"^([+~ -]) [│ ]*[├└]─ (.*)$", text, re.MULTILINE)
    return {mark: {words for other, words in lines if other == mark} for mark in "+-~"}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("an arrow less", {"-": {"cᵢ context ↑"}}),
        ("a value more", {"+": {"mᵢ memory"}}),
        ("another kind", {"~": {"αᵢⱼ attn_weights = softmax[~softmax~ sparsemax]"}}),
        ("another word", {"~": {"αᵢⱼ ~attn_weights~ weights = softmax[softmax]"}}),
        (
            "no recurrence",
            {
                "~": {
                    "~yᵢ₋₁~ xᵢ ~prev_output~ input  ← ~yᵢ output of the step before~",
                    "~yᵢ₋₁~ xᵢ ~prev_output~ input ↑",
                }
            },
        ),
    ],
)
def test_what_became_of_a_thing_stands_before_its_line(edit: str, expected: dict[str, set[str]]) -> None:
    text = tree(compared(Difference(GRAPH, EDITS[edit], ("mine", "yours")), "mine → yours"))
    assert marked(text) == {"+": set(), "-": set(), "~": set()} | expected


@every_edit
def test_the_other_way_round_added_is_gone_and_gone_is_added(after: Graph) -> None:
    there, back = (marked(tree(compared(Difference(*pair), "both"))) for pair in ((GRAPH, after), (after, GRAPH)))
    for mark, other in ("+-", "-+", "~~"):
        assert bool(there[mark]) == bool(back[other])
    assert any(there.values())


def test_a_difference_says_what_its_marks_mean_and_its_title_once() -> None:
    lines = tree(
        compared(Difference(GRAPH, EDITS["another diagram"], ("a.mmd", "b.mmd")), "a.mmd → b.mmd")
    ).splitlines()
    assert lines[:2] == ["a.mmd → b.mmd", "+ only in b.mmd, - only in a.mmd, ~ changed"]
    assert tree(scene(GRAPH)).splitlines()[1].startswith("└─ ")


def test_a_recurrence_more_changes_the_value_that_it_leads_to() -> None:
    before = edited(("y_{i-1} prev_output", "x_{i} input"))
    text = tree(compared(Difference(before, GRAPH), "more"))
    assert re.search(r"^~ .*prev_output  ← yᵢ output of the step before$", text, re.MULTILINE)


def test_the_legend_is_left_out() -> None:
    for drawn in (scene(GRAPH), compared(Difference(GRAPH, EDITS["another kind"]), "both")):
        assert tree(with_legend(drawn)) == tree(drawn)


def box(id: str, role: str = "value", *, chart: tuple[float, ...] = (), signed: bool = True) -> Box:
    return Box(id, role, (Line(id),), chart=chart, signed=signed)  # type: ignore[arg-type]


def test_an_operation_called_legend_is_no_with_legend() -> None:
    renamed = mermaid.shipped()["bahdanau"].replace("softmax", "legend").replace("legend[legend]", "legend[softmax]")
    text = tree(with_legend(unrolled(mermaid.parse(renamed), 2, "steps")))
    assert text.count("legend[softmax]") == 2 and "value: a tensor" not in text


def test_shapes_charts_parameters_positions_and_what_no_diagram_shows_have_their_words() -> None:
    boxes = (
        box("c", chart=(0.0, 0.5, 1.0), signed=False),
        Box("wsum", "operation", (Line("weighted_sum", "strong"), Line("wsum", "quiet"))),
        Box("p1", "position", (Line("K", "strong"), Line("83%", "quiet"))),
        box("h", chart=(-1.0, 0.0, 1.0)),
        box("mask", "hidden"),
        Box("w", "parameter", (Line("weight"), Line("3×5", "quiet"))),
    )
    arrows = (
        Arrow("wsum", "c", label="2×7"),
        Arrow("p1", "wsum", share=0.83),
        Arrow("h", "p1", "part"),
        Arrow("mask", "wsum", "hidden"),
        Arrow("w", "wsum"),
        Arrow("h", "wsum", label="2×5×7"),
    )
    assert tree(Scene("a run", boxes, arrows, caption="step 3")).splitlines() == [
        "a run",
        "step 3",
        "└─ c 2×7 = wsum[weighted_sum]  ▁▅█",
        "   ├─ K 83% of h  ▁▅█",
        "   ├─ mask (in no diagram)",
        "   ├─ weight 3×5 (parameter)",
        "   └─ h 2×5×7 ↑",
    ]


def test_what_a_frame_holds_is_shown_there_even_if_it_is_read_before() -> None:
    boxes = tuple(box(id, "tensor") for id in ("out", "inner", "input"))
    arrows = (Arrow("inner", "out"), Arrow("input", "inner"))
    assert tree(Scene("opened", boxes, arrows, (Frame("f", "inside", ("inner",)),))).splitlines() == [
        "opened",
        "└─ out",
        "   └─ inner ↓",
        "",
        "inside",
        "└─ inner",
        "   └─ input",
    ]


def test_a_long_chain_is_cut_into_branches() -> None:
    boxes = tuple(box(f"b{number}") for number in range(1_000))
    text = tree(Scene("chain", boxes, tuple(Arrow(b.id, a.id) for a, b in pairwise(boxes))))
    assert in_full(text) == Counter(each.id for each in boxes)
    assert max(map(len, text.splitlines())) < 60


def test_a_graph_with_more_ways_than_any_number_of_lines_has_a_line_for_each_arrow_at_most() -> None:
    boxes = tuple(box(f"b{number}") for number in range(60))
    arrows = [Arrow(b.id, a.id) for a, b in pairwise(boxes)]
    text = tree(Scene("ladder", boxes, (*arrows, *(Arrow(b.id, a.id) for a, b in zip(boxes, boxes[2:], strict=False)))))
    assert in_full(text) == Counter(each.id for each in boxes)
    assert len(text.splitlines()) < 3 * len(boxes)


def test_a_circle_of_two_graphs_is_shown_whole() -> None:
    boxes = tuple(box(id) for id in ("a", "b", "c"))
    text = tree(Scene("circle", boxes, (Arrow("a", "b"), Arrow("b", "c"), Arrow("c", "a"))))
    assert in_full(text) == Counter("abc")


def test_no_text_makes_a_line_of_its_own_or_reaches_the_terminal() -> None:
    attacks = list(TEXTS.values())

    def lines(texts: list[str]) -> list[str]:
        boxes = tuple(Box(f"b{n}", "value", (Line(text, "symbol", text), Line(text))) for n, text in enumerate(texts))
        arrows = tuple(Arrow(a.id, b.id, label=text) for (a, b), text in zip(pairwise(boxes), texts, strict=False))
        return tree(
            Scene(
                f"the {texts[0][:50]}", boxes, arrows, (Frame("f", texts[1], ("b1",)),), caption=f"of {texts[2][:50]}"
            )
        ).split("\n")

    harmless = lines([f"text {number}" for number in range(len(attacks))])
    for turn in range(len(attacks)):
        attacked = lines([*attacks[turn:], *attacks[:turn]])
        assert len(attacked) == len(harmless)
        assert all(printable(line, len(line)) == line for line in attacked)
