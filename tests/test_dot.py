"""Two graphs in one picture, and a picture in bands: what the SVG shows is compared with what the graphs say."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from edits import EDITS, GRAPH, edited, every_edit, fates
from svg import LINK, SVG, contrast, groups, struck, texts

from seq2seq_attn import mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.drawing import Drawing
from seq2seq_attn.drawing.levels import BANDS
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.graph import Graph

COLORS = Style().colors
ADDED, GONE, CHANGED = COLORS.added, COLORS.gone, COLORS.ink
FATE = {ADDED: "added", GONE: "gone", CHANGED: "changed"}  # of a node; an arrow is black as a rule


def outline(group: Element) -> Element:
    """The line around a node, or along an arrow."""
    return next(line for line in group.iter() if line.tag in (f"{SVG}path", f"{SVG}ellipse"))


def head(edge: Element) -> Element:
    return next(edge.iter(f"{SVG}polygon"))


def drawn(before: Graph, after: Graph, folder: Path, names: tuple[str, str] = ("before", "after")) -> Path:
    return Drawing.of_difference(before, after, names=names).save(folder / "picture.svg")


def caption(svg: Path) -> list[str]:
    """The words of the picture outside of its nodes, arrows and frames."""
    (graph,) = (group for _, group in groups(svg, "graph"))
    for group in [group for group in graph if group.get("class") in ("node", "edge", "cluster")]:
        graph.remove(group)
    return ["".join(text.itertext()) for text in graph.iter(f"{SVG}text")]


def shown(svg: Path, kind: str) -> list[tuple[str, Element]]:
    """Nodes or arrows without those of the legend."""
    return [(title, group) for title, group in groups(svg, kind) if not title.startswith("legend")]


@every_edit
def test_the_picture_has_what_either_graph_has_once(after: Graph, tmp_path: Path) -> None:
    svg = drawn(GRAPH, after, tmp_path)
    nodes = [title for title, _ in shown(svg, "node")]
    assert sorted(nodes) == sorted({*GRAPH.values, *after.values, *GRAPH.operations, *after.operations})
    edges = [title.replace("->", " → ") for title, _ in shown(svg, "edge")]
    expected = {*GRAPH.arrows, *after.arrows}
    expected |= {(before.id, now.id) for graph in (GRAPH, after) for now, before in graph.recurrences}
    assert sorted(edges) == sorted(map(" → ".join, expected))


@every_edit
def test_what_became_of_each_thing_is_in_its_colour(after: Graph, tmp_path: Path) -> None:
    found: dict[str, set[object]] = {"added": set(), "gone": set(), "changed": set()}
    svg = drawn(GRAPH, after, tmp_path)
    difference = Difference(GRAPH, after)
    for title, node in shown(svg, "node"):
        if fate := FATE.get(outline(node).get("stroke", "")):
            found[fate].add(title)
    for title, edge in shown(svg, "edge"):
        source, target = title.split("->")
        arrow = (source, target) if (source, target) in difference.arrows else (target, source)
        if fate := {ADDED: "added", GONE: "gone"}.get(outline(edge).get("stroke", "")):
            found[fate].add(arrow)
    assert found == fates(difference)


def test_added_gone_and_kept_are_told_apart_without_colour(tmp_path: Path) -> None:
    after = edited(
        ("c_i --> out\n", "alpha_ij --> out\n"),
        ('e_ij["', 'm_i["m_{i} memory"]\ne_ij["'),
        ("c_i --> rnn\n", "c_i --> rnn\nm_i --> rnn\n"),
        ("y_{i-1} prev_output", "x_{i} input"),
        ("s_{i} decoder_hidden", "s_{i} state"),
    )
    svg = drawn(GRAPH, after, tmp_path)

    def stroke(line: Element) -> tuple[float, str]:
        return float(line.get("stroke-width", "1")), line.get("stroke-dasharray", "")

    nodes, edges = dict(shown(svg, "node")), dict(shown(svg, "edge"))
    kept, added = stroke(outline(nodes["h_j"])), stroke(outline(nodes["m_i"]))
    assert added[0] >= 2 * kept[0] and kept[1] == added[1] == ""
    kept, added, gone = (stroke(outline(edges[arrow])) for arrow in ("h_j->a", "m_i->rnn", "c_i->out"))
    assert added[0] >= 2 * kept[0] and kept[1] == added[1] == ""
    assert gone[1] != ""
    handed_on, lost = stroke(outline(edges["s_ii->s_i"])), stroke(outline(edges["y_ii->y_i"]))
    assert "" != handed_on[1] != lost[1] == gone[1]
    for arrow, color in (("c_i->out", GONE), ("y_ii->y_i", GONE)):
        assert (head(edges[arrow]).get("fill"), head(edges[arrow]).get("stroke")) == ("none", color)
    for arrow in ("h_j->a", "m_i->rnn", "s_ii->s_i"):
        assert head(edges[arrow]).get("fill") != "none"


def test_what_is_gone_is_struck_through_and_dotted(tmp_path: Path) -> None:
    after = mermaid.load("first_rnn")
    difference = Difference(GRAPH, after)
    for title, node in shown(drawn(GRAPH, after, tmp_path), "node"):
        written = [text for text, _ in texts(node)]
        gone = difference.fate(title) == "gone"
        assert ("stroke-dasharray" in outline(node).attrib) is gone
        if gone:
            assert struck(node) == (written if title in GRAPH.values else written[:-1])  # an id stays readable


def test_an_operation_of_another_kind_shows_both_the_old_one_struck_through(tmp_path: Path) -> None:
    nodes = dict(groups(drawn(GRAPH, EDITS["another kind"], tmp_path), "node"))
    assert [text for text, _ in texts(nodes["softmax"])] == ["softmax", "sparsemax", "softmax"]
    assert struck(nodes["softmax"]) == ["softmax"]


def test_another_order_of_arguments_is_written_out_where_arrows_cannot_tell_it(tmp_path: Path) -> None:
    nodes = dict(groups(drawn(GRAPH, EDITS["another order"], tmp_path), "node"))
    old, new = "(prev_decoder, encoder_hidden)", "(encoder_hidden, prev_decoder)"
    assert [text for text, _ in texts(nodes["a"])] == ["feedforward", old, new, "a"]
    assert struck(nodes["a"]) == [old]
    assert [text for text, _ in texts(nodes["rnn"])] == ["RNN", "rnn"]


def test_a_value_with_another_text_shows_only_what_changed_twice(tmp_path: Path) -> None:
    for name, id, written, gone in (
        ("another word", "alpha_ij", ["α", "ij", "attn_weights", "weights"], ["attn_weights"]),
        (
            "no recurrence",
            "y_ii",
            ["y", "i\N{MINUS SIGN}1", "x", "i", "prev_output", "input"],
            ["y", "i\N{MINUS SIGN}1", "prev_output"],
        ),
    ):
        nodes = dict(groups(drawn(GRAPH, EDITS[name], tmp_path), "node"))
        assert [text for text, _ in texts(nodes[id])] == written
        assert struck(nodes[id]) == gone


@pytest.mark.parametrize(
    ("name", "known"),
    [("an arrow less", ["gone"]), ("another kind", ["changed"]), ("another diagram", ["added", "gone", "changed"])],
)
def test_the_legend_says_what_each_stroke_of_the_picture_means(name: str, known: list[str], tmp_path: Path) -> None:
    svg = drawn(GRAPH, EDITS[name], tmp_path, ("<mine> & co", "yours"))
    assert caption(svg) == ["<mine> & co → yours"]
    nodes = dict(groups(svg, "node"))
    meaning = {"added": "only in yours", "gone": "only in <mine> & co", "changed": "changed"}
    found = [fate for fate in meaning if f"legend-{fate}" in nodes]
    assert found == known
    strokes = {"added": (ADDED, None), "gone": (GONE, "1,5"), "changed": (CHANGED, None)}
    for fate in known:
        node = nodes[f"legend-{fate}"]
        assert [text for text, _ in texts(node)] == [meaning[fate]]
        assert struck(node) == ([meaning[fate]] if fate == "gone" else [])
        assert (outline(node).get("stroke"), outline(node).get("stroke-dasharray")) == strokes[fate]
    frames = dict(groups(svg, "cluster"))
    left, top, right, bottom = box(frames["cluster_legend"])
    for title, node in groups(svg, "node"):
        if title.startswith("legend-") and "-end" not in title and title != "legend-words" and "-way-" not in title:
            x, y, x_end, y_end = box(node)
            assert left < x and top < y and x_end < right and y_end < bottom


def test_equal_graphs_give_the_plain_picture_and_say_so(tmp_path: Path) -> None:
    svg = drawn(GRAPH, edited(), tmp_path, ("mine", "yours"))
    assert caption(svg) == ["no difference: mine and yours are the same diagram"]
    plain = Drawing.of_graph(GRAPH).save(tmp_path / "plain.svg")
    for kind in ("node", "edge"):
        looks = [
            [(title, outline(group).get("stroke"), texts(group)) for title, group in groups(picture, kind)]
            for picture in (svg, plain)
        ]
        assert looks[0] == looks[1]
    assert caption(plain) == []


def test_tooltips_say_where_a_thing_is_and_what_it_was(tmp_path: Path) -> None:
    after = edited(
        ("c_i --> out\n", ""), ("softmax[softmax]", "softmax[sparsemax]"), ("y_{i-1} prev_output", "x_{i} input")
    )
    svg = drawn(GRAPH, after, tmp_path, ("mine", "yours"))
    tips = {
        title: link.get(f"{LINK}title")
        for kind in ("node", "edge")
        for title, group in groups(svg, kind)
        for link in group.iter(f"{SVG}a")
    }
    assert tips["c_i->out"] == "only in mine"
    assert tips["softmax"] == "softmax[softmax] → softmax[sparsemax]"
    assert tips["y_ii"] == "y_{i-1} prev_output → x_{i} input"
    assert tips["y_ii->y_i"] == "output of this step is input of the next, only in mine"
    assert ElementTree.parse(svg).getroot().findtext(f"{SVG}g/{SVG}title") == "mine → yours"


@pytest.mark.parametrize("color", [ADDED, GONE, CHANGED])
def test_lines_have_three_to_one_on_white(color: str) -> None:
    assert contrast(color, "#ffffff") >= 3


def test_texts_have_four_and_a_half_to_one_on_what_lies_behind_them(tmp_path: Path) -> None:
    svg = drawn(EDITS["an arrow less"], EDITS["another diagram"], tmp_path)
    for _, node in groups(svg, "node"):
        lines = [line.get("fill", "") for line in node.iter() if line.tag in (f"{SVG}path", f"{SVG}ellipse")]
        for text in node.iter(f"{SVG}text"):  # words without a line around them stand in the legend's frame
            assert contrast(text.get("fill", "#000000"), lines[0] if lines else COLORS.resting) >= 4.5


BANDED = {
    "all inside": dict.fromkeys(GRAPH.operations, "inside"),
    "out after": dict.fromkeys(GRAPH.operations, "inside") | {"out": "after"},
    "all three": dict.fromkeys(GRAPH.operations, "inside") | {"a": "before", "out": "after"},
}
every_banding = pytest.mark.parametrize("bands", BANDED.values(), ids=BANDED)


def box(group: Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a node or a frame."""
    line = outline(group)
    if line.tag == f"{SVG}ellipse":
        x, y, rx, ry = (float(line.get(name, "nan")) for name in ("cx", "cy", "rx", "ry"))
        return x - rx, y - ry, x + rx, y + ry
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", line.get("d", ""))]
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


@every_banding
def test_an_operation_and_what_it_makes_stand_in_the_frame_of_their_band(bands: dict[str, str], tmp_path: Path) -> None:
    svg = Drawing.of_graph(GRAPH, bands=bands).save(tmp_path / "picture.svg")
    frames = {title.removeprefix("cluster_"): box(frame) for title, frame in groups(svg, "cluster")}
    assert frames.keys() == set(bands.values())
    nodes = dict(groups(svg, "node"))
    expected = bands | {operation.output: bands[operation.id] for operation in GRAPH.operations.values()}
    for id in (*GRAPH.values, *GRAPH.operations):
        left, top, right, bottom = box(nodes[id])
        around = [
            band
            for band, frame in frames.items()
            if frame[0] <= left and frame[1] <= top and right <= frame[2] and bottom <= frame[3]
        ]
        assert around == ([expected[id]] if id in expected else [])


@every_banding
def test_each_frame_says_which_band_it_is_and_time_goes_down(bands: dict[str, str], tmp_path: Path) -> None:
    svg = Drawing.of_graph(GRAPH, bands=bands).save(tmp_path / "picture.svg")
    frames = {title.removeprefix("cluster_"): box(frame) for title, frame in groups(svg, "cluster")}
    nodes = dict(groups(svg, "node"))
    assert nodes.keys() - GRAPH.values.keys() - GRAPH.operations.keys() == {f"{band}-words" for band in frames}
    for band, (left, top, right, bottom) in frames.items():
        lines = list(nodes[f"{band}-words"].iter(f"{SVG}text"))
        assert ", ".join("".join(line.itertext()) for line in lines) == BANDS[band]
        for line in lines:
            assert left < float(line.get("x", "nan")) < right and top < float(line.get("y", "nan")) < bottom
    stacked = [frames[band] for band in BANDS if band in frames]
    for above, below in pairwise(stacked):
        assert above[3] < below[1]


@every_banding
def test_bands_change_no_arrow(bands: dict[str, str], tmp_path: Path) -> None:
    banded = Drawing.of_graph(GRAPH, bands=bands).save(tmp_path / "banded.svg")
    plain = Drawing.of_graph(GRAPH).save(tmp_path / "plain.svg")
    looks = [
        sorted(
            (title, outline(edge).get("stroke"), outline(edge).get("stroke-dasharray") or "") for title, edge in edges
        )
        for edges in (groups(banded, "edge"), groups(plain, "edge"))
    ]
    assert looks[0] == looks[1]


def test_time_goes_down_even_where_no_arrow_leads_from_one_band_to_the_top_of_the_next(tmp_path: Path) -> None:
    graph = edited(
        ('e_ij["', 'k_j["k_{j} keys"]\ne_ij["'),
        ("    out[feedforward]\n", "    out[feedforward]\nend\nsubgraph\n    W[linear]\n"),
        ("c_i --> out\n", "c_i --> out\nh_j --> W\nW --> k_j\nk_j --> out\n"),
    )
    bands = dict.fromkeys(GRAPH.operations, "inside") | {"W": "before"}
    svg = Drawing.of_graph(graph, bands=bands).save(tmp_path / "picture.svg")
    frames = {title: box(frame) for title, frame in groups(svg, "cluster")}
    assert frames["cluster_before"][3] < frames["cluster_inside"][1]
