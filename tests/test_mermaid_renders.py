"""What Mermaid's own library makes of our texts in a browser, set up as GitHub has it.

It needs Chromium, Playwright and Mermaid: ``npm install --no-save mermaid``, or mermaid.min.js at the path MERMAID_JS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from attempts import TEXTS
from browsers import chromium, needs_browser
from test_attacks import scene
from test_flowchart import every_drawing

from seq2seq_attn import Drawing, mermaid
from seq2seq_attn.drawing.flowchart import flowchart
from seq2seq_attn.drawing.scene import Arrow, Box, Line, Scene, printable
from seq2seq_attn.mermaid import RESERVED

ROOT = Path(__file__).parent.parent
MERMAID = Path(os.environ.get("MERMAID_JS", ROOT / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"))
pytestmark = [
    needs_browser,
    pytest.mark.skipif(not MERMAID.is_file(), reason=f"no {MERMAID}: npm install --no-save mermaid"),
]

RENDER = """async text => {
    const { svg } = await mermaid.render("picture", text);
    document.body.innerHTML = svg;
    const lines = element => element ? [...element.childNodes].flatMap(
        node => node.nodeName === "BR" ? [] : [node.textContent]) : [];
    return {
        nodes: [...document.querySelectorAll(".node")].map(node => lines(node.querySelector(".nodeLabel p"))),
        frames: [...document.querySelectorAll(".cluster .nodeLabel")].map(label => label.textContent),
        labels: [...document.querySelectorAll(".edgeLabel p")].map(label => label.textContent),
        strokes: [...document.querySelectorAll("path.flowchart-link")].map(
            path => [getComputedStyle(path).strokeDasharray, parseFloat(getComputedStyle(path).strokeWidth)]),
        shapes: [...document.querySelectorAll(".node")].map(
            node => node.querySelector(".label-container").tagName.toLowerCase()),
        cut: [...document.querySelectorAll("foreignObject")].filter(
            box => box.firstElementChild && box.firstElementChild.scrollWidth > box.clientWidth + 1).length,
        strange: [...document.body.querySelectorAll("*")].filter(
            element => /^(script|img|iframe|a|i|math)$/i.test(element.tagName) || element.matches(".katex")
                || [...element.attributes].some(attribute => attribute.name.startsWith("on"))).length,
        pwned: window.pwned === undefined ? 0 : 1,
    };
}"""


class Shown(NamedTuple):
    nodes: list[list[str]]
    frames: list[str]
    labels: list[str]
    strokes: list[tuple[str, float]]
    shapes: list[str]
    cut: int
    strange: int
    pwned: int


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with chromium() as browser:
        page = browser.new_page()
        page.set_content("<!DOCTYPE html><html><body></body></html>")
        page.add_script_tag(path=MERMAID)
        page.evaluate("mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' })")
        yield page


def rendered(page: Any, text: str) -> Shown:
    return Shown(**page.evaluate(RENDER, text))


def spaced(text: str) -> str:
    return " ".join(text.split()).replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize("name", mermaid.shipped())
def test_the_text_of_a_diagram_that_ships_is_rendered_with_its_boxes_and_arrows(name: str, page: Any) -> None:
    graph = mermaid.load(name)
    shown = rendered(page, Drawing.of_graph(graph).mermaid())
    texts = [str(value) for value in graph.values.values()] + [o.kind for o in graph.operations.values()]
    assert sorted(" ".join(lines) for lines in shown.nodes) == sorted(texts)
    assert len(shown.strokes) == len(graph.arrows)


@every_drawing
def test_every_level_is_rendered_with_the_boxes_arrows_and_words_of_its_scene(drawing: Drawing, page: Any) -> None:
    picture = drawing.scene
    shown = rendered(page, drawing.mermaid())
    expected = [[spaced(str(replace(line, struck=False))) for line in box.lines] for box in picture.boxes]
    expected += [[picture.caption]] if picture.caption else []
    stroke = "\N{COMBINING LONG STROKE OVERLAY}"
    bars = set("▁▂▃▄▅▆▇█")
    found = [
        [spaced(line.replace(stroke, "")) for line in lines if not line or not set(line) <= bars]
        for lines in shown.nodes
    ]
    assert sorted([line for line in lines if line] for lines in found) == sorted(
        [line for line in lines if line] for lines in expected
    )
    assert sorted(shown.frames) == sorted(frame.words for frame in picture.frames)
    assert sorted(shown.labels) == sorted(arrow.label for arrow in picture.arrows if arrow.label)
    assert len(shown.strokes) == len(picture.arrows)
    assert shown.cut == shown.strange == 0


def test_what_a_reader_has_to_tell_apart_looks_different(page: Any) -> None:
    boxes = (Box("x", "value", (Line("x"),)), Box("f", "operation", (Line("f"),)), Box("z", "value", (Line("z"),)))
    arrows = (Arrow("x", "f", share=0.0), Arrow("f", "z", share=1.0), Arrow("z", "x", "recurrence"))
    shown = rendered(page, flowchart(Scene("looks", boxes, arrows)))
    shapes = dict(zip((lines[0] for lines in shown.nodes), shown.shapes, strict=True))
    assert shapes["x"] == shapes["z"] != shapes["f"]
    assert [dashes not in ("none", "0px", "0px, 0px", "0") for dashes, _ in shown.strokes] == [False, False, True]
    assert [width for _, width in shown.strokes[:2]] == [0.5, 6.0]


def test_every_attack_comes_out_as_the_text_that_it_is(page: Any) -> None:
    for name, text in TEXTS.items():
        shown = rendered(page, flowchart(scene(text)))
        said = spaced(printable(text))
        lines = sorted(spaced(line) for lines in shown.nodes for line in lines)
        assert lines.count(said) >= 4 if said else True, (name, lines)
        assert [spaced(words) for words in shown.frames] == [said] or not said, name
        assert [spaced(label) for label in shown.labels] == [said] or not said, name
        assert len(shown.strokes) == 3 and shown.strange == shown.pwned == 0, name


def test_ids_that_mermaid_or_javascript_know_are_boxes(page: Any) -> None:
    ids = [*RESERVED, "constructor", "__proto__", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf"]
    ids += [
        "propertyIsEnumerable",
        "toLocaleString",
        "prototype",
        "_self",
        "_blank",
        "o",
        "x",
        "end_x",
        "graph1",
        "TB",
        "v",
    ]
    boxes = tuple(Box(id, "value", (Line(id),)) for id in ids)
    arrows = tuple(Arrow(one, other) for one, other in pairwise(ids))
    shown = rendered(page, flowchart(Scene("ids", boxes, arrows)))
    assert sorted(line for lines in shown.nodes for line in lines) == sorted(ids)
    assert len(shown.strokes) == len(arrows)
