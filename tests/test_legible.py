"""A picture can be read: boxes lie apart, an arrow passes through no box but its own, words stand in their boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import torch
from matplotlib import get_data_path
from svg import SVG, groups

from seq2seq_attn import Drawing, Seq2Seq, mermaid
from seq2seq_attn.cipher import VOCABULARIES, config
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.schedule import schedule
from seq2seq_attn.whole import around

Box = tuple[float, float, float, float]

DIAGRAMS = {name: mermaid.load(name) for name in mermaid.shipped()}
STEPS = {name: graph for name, graph in DIAGRAMS.items() if name not in ("seq2seq", "first_rnn")}


def pictures() -> Iterator[tuple[str, Drawing]]:
    for name, graph in DIAGRAMS.items():
        yield name, Drawing.of_graph(graph)
        yield f"{name}, left to right", Drawing.of_graph(graph, style=Style(rankdir="LR"))
        yield f"{name}, legend", Drawing.of_graph(graph, style=Style(legend=True))
        yield f"{name} against the seed", Drawing.of_difference(DIAGRAMS["bahdanau"], graph)
    for name, graph in STEPS.items():
        yield f"{name}, bands", Drawing.of_graph(graph, bands=schedule(graph).bands())
        yield f"{name}, whole", Drawing.of_graph(around(graph, "RNN"))
    torch.manual_seed(0)
    model = Seq2Seq.from_config(config())
    for id in ("a", "softmax", "wsum", "rnn", "out"):
        yield f"{id} opened", model.draw(expand=id)
    yield "encoder opened", model.draw(whole=True, expand="encoder")
    yield "two steps", model.draw(unroll=2)
    yield "three steps, left to right", model.draw(unroll=3, style=Style(rankdir="LR"))
    yield "a run", model.draw(example="CAESAR", vocabularies=VOCABULARIES)
    yield (
        "a long run",
        model.draw(example="THIS-IS-A-SECRET", at=2, vocabularies=VOCABULARIES, style=Style(legend=True)),
    )
    yield "hidden", model.draw(whole=True, hidden=True)


METRICS = (Path(get_data_path()) / "fonts" / "pdfcorefonts" / "Helvetica.afm").read_text(encoding="ascii")
WIDTHS = {chr(int(code)): int(width) / 1000 for code, width in re.findall(r"C (\d+) ; WX (\d+)", METRICS)}
PICTURES = dict(pictures())
every_picture = pytest.mark.parametrize("drawing", PICTURES.values(), ids=PICTURES)


def numbers(text: str) -> list[tuple[float, float]]:
    found = [float(number) for number in re.findall(r"-?[\d.]+", text)]
    return list(zip(found[::2], found[1::2], strict=True))


def outline(node: Element) -> Box | None:
    """Left, top, right and bottom of what is drawn around a node; None around mere words."""
    for line in node.iter():
        if line.tag == f"{SVG}ellipse":
            x, y, rx, ry = (float(line.get(name, "nan")) for name in ("cx", "cy", "rx", "ry"))
            return x - rx, y - ry, x + rx, y + ry
        if line.tag in (f"{SVG}path", f"{SVG}polygon"):
            xs, ys = zip(*numbers(line.get("d") or line.get("points", "")), strict=True)
            return min(xs), min(ys), max(xs), max(ys)
    return None


def points(edge: Element) -> Iterator[tuple[float, float]]:
    """Points along the Bézier curves of an arrow."""
    for line in edge.iter(f"{SVG}path"):
        knots = numbers(line.get("d", ""))
        for at in range(0, len(knots) - 3, 3):
            a, b, c, d = knots[at : at + 4]
            for step in range(41):
                t = step / 40
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
                yield x, y


@cache
def drawn(drawing: Drawing) -> tuple[dict[str, Box], dict[str, Element], dict[str, Element]]:
    svg = drawing.svg()
    nodes = dict(groups(svg, "node"))
    strips = ("legend-numbers", "legend-shares")  # which have words above them, and nothing around both
    boxes = {id: box for id, node in nodes.items() if id not in strips and (box := outline(node))}
    return boxes, nodes, dict(groups(svg, "edge"))


@every_picture
def test_no_two_boxes_overlap(drawing: Drawing) -> None:
    boxes, _, _ = drawn(drawing)
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


@every_picture
def test_an_arrow_passes_through_no_box_but_those_that_it_joins(drawing: Drawing) -> None:
    boxes, _, edges = drawn(drawing)
    for title, edge in edges.items():
        for x, y in points(edge):
            inside = {id for id, b in boxes.items() if b[0] < x < b[2] and b[1] < y < b[3]}
            assert inside <= set(title.split("->")), title


@every_picture
def test_words_stand_within_their_boxes(drawing: Drawing) -> None:
    boxes, nodes, _ = drawn(drawing)
    for id, (left, top, right, bottom) in boxes.items():
        for text in nodes[id].iter(f"{SVG}text"):
            size, x, y = (float(text.get(name, "nan")) for name in ("font-size", "x", "y"))
            words = "".join(text.itertext())
            width = size * sum(WIDTHS.get(character, 0.6) for character in words)
            start = x - width / 2 if text.get("text-anchor") == "middle" else x
            assert left - 2 <= start and start + width <= right + 2, words
            assert top <= y - 0.5 * size and y <= bottom, words
