"""Text that comes from a user is shown as text, whatever it says, in every format and at every place of a picture.

The attempts stand in ``attacks/labels.json``: markup, script, what ends a label in one of the languages, control and
direction marks, half characters, and far too much of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from attempts import TEXTS, named
from models import model
from svg import LINK, SVG, groups, texts
from test_flowchart import read

from seq2seq_attn import Drawing, Style, cli, mermaid
from seq2seq_attn.code import Code
from seq2seq_attn.drawing.drawing import FORMATS
from seq2seq_attn.drawing.render import render
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene, printable
from seq2seq_attn.explorer.names import shown
from seq2seq_attn.graph import Graph, Operation, Value

ELEMENTS = {"svg", "title", "desc", "g", "a", "path", "polygon", "polyline", "ellipse", "text"}
ATTRIBUTES = re.compile(r"(?!on|style|src)[a-z:-]+|viewBox", re.ASCII)
CODE = Code("Node", Path("/nowhere/node.py"), 7, "y = f(x)")

every_attack = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def scene(text: str) -> Scene:
    """A picture in which everything that can be said says one text."""
    return Scene(
        text,
        (
            Box("x", "value", (Line(text, "symbol", text), Line(text, "quiet")), text),
            Box("f", "operation", (Line(text, "strong"), Line("f", "quiet")), text, CODE),
            Box("z", "position", (Line(text),), text, fate="gone", chart=(0.0, 0.5, 1.0)),
        ),
        (Arrow("x", "f", label=text, tooltip=text), Arrow("f", "z"), Arrow("z", "x", "recurrence", tooltip=text)),
        (Frame("inside", text, ("z",), "active"),),
        caption=text,
        fates=(("gone", text),),
    )


def written(svg: str, kind: str) -> dict[str, list[str]]:
    """The texts of each node or arrow; Graphviz keeps two spaces apart by one that does not break."""
    return {
        title: [line.replace("\N{NO-BREAK SPACE}", " ") for line, _ in texts(group)]
        for title, group in groups(svg, kind)
    }


def checked(svg: str, hrefs: set[str]) -> ElementTree.Element:
    """The root of an SVG that holds nothing but shapes, texts and the links that we made."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        for name, value in element.attrib.items():
            bare = re.sub(r"\{[^}]*\}", "", name)
            assert ATTRIBUTES.fullmatch(bare), name
            if bare == "href":
                assert name == f"{LINK}href" and value in hrefs
    assert "<!ENTITY" not in svg and svg.count("<?") == 1
    assert all(printable(line, len(line)) == line for line in svg.split("\n"))
    return root


@every_attack
def test_in_an_svg_a_text_is_shown_and_nothing_else(text: str, tmp_path: Path) -> None:
    svg = Drawing(scene(text)).svg()
    root = checked(svg, {"file:///nowhere/node.py#L7"})
    shown = printable(text) or " "
    nodes = written(svg, "node")
    assert nodes.keys() >= {"x", "f", "z", "inside-words", "legend-gone"}
    assert nodes["x"] == [shown] * (3 if text else 2)
    assert nodes["f"] == [shown, "f"]
    assert nodes["z"] == nodes["legend-gone"] == [shown]
    arrows = sorted(title for title, _ in groups(svg, "edge") if "legend" not in title)
    assert arrows == ["f->z", "x->f", "x->z"]
    assert (root.findtext(f"{SVG}title") or "") == printable(text)
    assert root.get("aria-label") == printable(text)
    assert [line.strip() for line in written(svg, "edge")["x->f"]] == ([shown.strip()] if text else [])
    tips = [link.get(f"{LINK}title", "").replace("\N{NO-BREAK SPACE}", " ") for link in root.iter(f"{SVG}a")]
    assert tips.count(printable(text, 400)) >= (5 if text else 0)


@every_attack
def test_no_text_is_longer_than_a_line_in_any_format(text: str, tmp_path: Path) -> None:
    drawing = Drawing(scene(text))
    svg = drawing.svg()
    for written in (svg, drawing.dot(), drawing.mermaid(), drawing.tikz(), drawing.text()):
        assert len(written) < 120_000
    assert max(len(line) for line, _ in texts(ElementTree.fromstring(svg))) <= 72 * 10


@every_attack
def test_dot_reads_back_as_the_boxes_and_arrows_that_were_there(text: str) -> None:
    drawing = Drawing(scene(text))
    found = json.loads(render(drawing.dot(), "json"))
    names = {placed["name"] for placed in found["objects"] if "nodes" not in placed and "subgraphs" not in placed}
    assert names >= {"x", "f", "z", "inside-words"}
    assert all(name in {"x", "f", "z", "inside-words"} or name.startswith("legend-") for name in names)
    ends = {placed["_gvid"]: placed["name"] for placed in found["objects"]}
    arrows = [(ends[edge["tail"]], ends[edge["head"]]) for edge in found["edges"] if edge.get("style") != "invis"]
    assert sorted(arrow for arrow in arrows if "legend" not in arrow[0]) == [("f", "z"), ("x", "f"), ("x", "z")]
    assert {placed["URL"] for placed in found["objects"] if "URL" in placed} == {"file:///nowhere/node.py#L7"}


@every_attack
def test_mermaid_has_no_line_but_ours_and_says_the_text_in_numbers(text: str) -> None:
    chart = read(Drawing(scene(text)).mermaid())
    shown = printable(text)
    subscript = chart.nodes["x"].lines[0].removeprefix(shown)
    assert chart.nodes["x"].lines == [shown + subscript, shown]
    assert chart.nodes["f"].lines == [shown, "f"]
    assert chart.nodes["z"].lines[0] == shown
    assert chart.caption == ([shown] if text else [])
    assert [frame.words for frame in chart.frames] == [shown or " ", "legend"]
    assert [(arrow.source, arrow.line, arrow.label, arrow.target) for arrow in chart.arrows][:3] == [
        ("x", "-->", shown, "f"),
        ("f", "-->", "", "z"),
        ("z", "-.->", "", "x"),
    ]


@cache
def harmless() -> tuple[int, int]:
    """Lines of the tree and of TikZ."""
    drawing = Drawing(scene("harmless"))
    return len(drawing.text().split("\n")), len(drawing.tikz().split("\n"))


@every_attack
def test_the_tree_and_tikz_have_as_many_lines_as_of_a_harmless_text(text: str) -> None:
    drawing = Drawing(scene(text))
    harmful = drawing.text(), drawing.tikz()
    if text:  # of nothing, no caption either
        assert tuple(len(written.split("\n")) for written in harmful) == harmless()
    for written in harmful:
        assert all(printable(line, len(line)) == line for line in written.split("\n"))


@every_attack
def test_an_id_is_a_name_in_every_language_and_no_markup(text: str) -> None:
    boxes = [Box(id, "operation", (Line("f"),)) for id in (text, "x")]
    drawing = Drawing(Scene("ids", tuple(boxes), (Arrow(text, "x"),), (Frame(f"{text}-frame", "frame", (text,)),)))
    titles = [title for title, _ in groups(drawing.svg(), "node")]
    assert len(titles) == 3 and "x" in titles
    checked(drawing.svg(), set())
    chart = read(drawing.mermaid())
    assert len(chart.nodes) == 2
    assert [(arrow.source, arrow.target) for arrow in chart.arrows] == [(next(iter(chart.frames[0].names)), "x")]
    assert drawing.text().count("f") >= 2


def test_two_ids_are_two_boxes_whatever_they_are() -> None:
    ids = [*TEXTS.values(), "box", "box-1", "box-2", "box1", "box_1", "frame-0", "frame0", "the-caption", "caption"]
    ids += ["end", "graph", "node", "edge", "subgraph", "strict", "default", "style", "class", "x:n", "x", "X"]
    boxes = tuple(Box(id, "value", (Line(f"{n}"),)) for n, id in enumerate(ids))
    drawing = Drawing(Scene("ids", boxes, (), (Frame("all", "all", (ids[-1],)),), caption="caption"))
    shown = {title: texts(node)[0][0] for title, node in groups(drawing.svg(), "node") if title != "all-words"}
    assert sorted(shown.values(), key=int) == [f"{n}" for n in range(len(ids))]
    assert sorted(node.lines[0] for node in read(drawing.mermaid()).nodes.values()) == sorted(shown.values())


@every_attack
def test_a_kind_and_a_word_of_a_graph_are_texts(text: str) -> None:
    values = [Value("x", text, text, text), Value("z", "z", "i", "made")]
    drawing = Drawing.of_graph(Graph(values, [Operation("f", text, ("x",), "z")]), text)
    nodes = written(drawing.svg(), "node")
    shown = printable(text) or " "
    assert nodes["f"] == [shown, "f"] and nodes["x"][0] == shown and nodes["x"][-1] == shown
    checked(drawing.svg(), set())


def test_the_symbols_of_a_run_are_texts() -> None:
    net, longest = model("gru"), 5
    texts = [text for text in TEXTS.values() if text]
    for start in range(0, len(texts), longest):
        names = texts[start : start + longest]
        drawing = net.draw(example=torch.arange(len(names)), vocabularies=named(names, 17))
        svg = drawing.svg()
        checked(svg, {link for link in re.findall(r'href="(file:[^"]*/seq2seq_attn/nodes/\w+\.py#L\d+)"', svg)})
        nodes = written(svg, "node")
        for number in range(1, len(names) + 1):
            assert nodes[f"wsum-{number}"][0] == printable(shown(names[number - 1]), 12)
        read(drawing.mermaid())


@pytest.mark.parametrize("format", FORMATS)
def test_the_name_of_a_file_is_a_text(format: str, tmp_path: Path) -> None:
    hostile = '<script>alert(1)%%{init: {}}%%"];-->\u202e\\N.mmd'.replace("/", "")
    (tmp_path / hostile).write_text(mermaid.shipped()["luong"], encoding="utf-8")
    out = tmp_path / f"out.{format}"
    assert cli.main(["draw", "--diff", "bahdanau", str(tmp_path / hostile), "-o", str(out)]) == 0
    if format == "svg":
        svg = out.read_text(encoding="utf-8")
        checked(svg, {link for link in re.findall(r'href="([^":]*/seq2seq_attn/nodes/\w+\.py#L\d+)"', svg)})
        assert printable(hostile.removesuffix(".mmd")) in "".join(ElementTree.fromstring(svg).itertext())
    if format == "mmd":
        assert read(out.read_text(encoding="utf-8")).caption == [f"bahdanau → {printable(hostile)[:-4]}"]


@pytest.mark.parametrize(
    "file", ["a b.py", 'a"b.py', "a<b>&c.py", "a\\b.py", "a\nb.py", "javascript:alert(1).py", "a#b?c.py"]
)
def test_the_file_of_a_class_becomes_a_link_to_that_file_and_nothing_else(file: str, tmp_path: Path) -> None:
    drawing = Drawing(
        replace(
            scene("x"),
            boxes=(Box("f", "operation", (Line("f"),), code=Code("F", tmp_path / file, 3, "")),),
            arrows=(),
            frames=(),
        )
    )
    for folder in (None, tmp_path):
        (link,) = re.findall(r'xlink:href="([^"]*)"', drawing.svg(folder))
        assert re.fullmatch(r"(file:///)?[\w%./~-]+#L3", link)
        checked(drawing.svg(folder), {link})


ADDRESSES = [
    "javascript:alert(1)",
    "data:text/html,x",
    "//host",
    "file:///etc",
    "https://a'b",
    "https://a<b",
    "https://a#b",
    "https://a?b",
]
ADDRESSES += ["", "https://a b", 'https://a"b', "https://a\\b", "https://a\x00b", "https://a\u202eb", "https://a\n"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_may_do_something_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^repository is .*; give an address that begins with https://$"):
        Style(repository=address)
