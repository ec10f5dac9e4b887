"""A scene in Mermaid's language, read back: what stands there is the scene, and every text is the text it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
import torch
from models import model
from svg import contrast

from seq2seq_attn import Drawing, Style, mermaid
from seq2seq_attn.drawing.flowchart import bars, flowchart, quoted
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene
from seq2seq_attn.drawing.style import DIRECTIONS, THEMES

_TEXT = r"(?:[^\"<>\[\]{}|`%&\\#:;$@!?^*~]|#\d+;|<br>)*"
_NODE = re.compile(rf'([\w-]+)(\(\[|\(|\[)"({_TEXT})"(\]\)|\)|\])', re.ASCII | re.DOTALL)
_SUBGRAPH = re.compile(rf'subgraph ([\w-]+)\["({_TEXT})"\]')
_ARROW = re.compile(rf'([\w-]+) (-->|-\.->|---)(?:\|"({_TEXT})"\|)? ([\w-]+)', re.ASCII)
_LOOK = re.compile(r"(classDef \w+|class [\w,-]+|linkStyle [\d,]+|style [\w-]+) [\w:,#. -]+", re.ASCII)
_STROKE = "\N{COMBINING LONG STROKE OVERLAY}"


@dataclass
class Node:
    shape: str
    lines: list[str]
    struck: list[bool]


@dataclass
class Read:
    """A text of Mermaid as a reader sees it, by the names that it gives the boxes."""

    title: str = ""
    direction: str = ""
    caption: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    frames: list[FrameRead] = field(default_factory=list)
    arrows: list[ArrowRead] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)


@dataclass
class FrameRead:
    words: str
    names: list[str] = field(default_factory=list)


@dataclass
class ArrowRead:
    source: str
    line: str
    label: str
    target: str


def decoded(text: str) -> str:
    """Without the mark that keeps icons and formulas texts; one of a user's own is shown by its number."""
    return re.sub(r"#(\d+);", lambda number: chr(int(number[1])), text).replace("\N{WORD JOINER}", "")


def read(text: str) -> Read:
    """Read a flowchart; every line has to be of one of the few forms that we write."""
    first, second, *lines = text.removesuffix("\n").split("\n")
    title = re.fullmatch(rf"%% ({_TEXT}): a picture, not a diagram that runs", first)
    direction = re.fullmatch("flowchart (TB|LR|BT|RL)", second)
    assert title and direction, (first, second)
    found, inside = Read(decoded(title[1]), direction[1]), False
    for line in lines:
        if match := _SUBGRAPH.fullmatch(line):
            found.frames.append(FrameRead(decoded(match[2])))
            inside = True
        elif line == "end":
            inside = False
        elif match := _NODE.fullmatch(line.strip(" ")):
            name, shape, label, end = match.groups()
            assert end == {"([": "])", "(": ")", "[": "]"}[shape] and name not in found.nodes
            parts = [decoded(part) for part in label.split("<br>")]
            if name == "the-caption":
                found.caption = parts
                continue
            struck = [_STROKE in part for part in parts]
            found.nodes[name] = Node(shape, [part.replace(_STROKE, "") for part in parts], struck)
            if inside:
                found.frames[-1].names.append(name)
        elif match := _ARROW.fullmatch(line):
            found.arrows.append(ArrowRead(match[1], match[2], decoded(match[3] or ""), match[4]))
        else:
            assert _LOOK.fullmatch(line), line
            found.looks.append(line)
    assert not inside
    return found


def drawings() -> dict[str, Drawing]:
    """Every level of one model, and a difference."""
    torch.manual_seed(0)
    net = model("gru")
    return {
        "step": Drawing(net.draw().scene),
        "whole": Drawing(net.draw(whole=True).scene),
        "hidden": net.draw(whole=True, hidden=True),
        "opened": net.draw(expand="a"),
        "unrolled": net.draw(unroll=2),
        "bands": net.draw(schedule=True),
        "run": net.draw(example=[3, 5, 7]),
        "legend": net.draw(example=[3, 5, 7], style=Style(legend=True)),
        "difference": Drawing.of_difference(mermaid.load("bahdanau"), mermaid.load("luong")),
    }


DRAWINGS = drawings()
every_drawing = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@every_drawing
def test_the_text_has_the_boxes_arrows_and_frames_of_the_scene_and_no_others(drawing: Drawing) -> None:
    scene, found = drawing.scene, read(drawing.mermaid())
    framed = [id for frame in scene.frames for id in frame.boxes]
    order = [*(box for box in scene.boxes if box.id not in framed)]
    boxes = {box.id: box for box in scene.boxes}
    order += [boxes[id] for id in framed]
    assert len(found.nodes) == len(scene.boxes)
    names = {box.id: name for box, name in zip(order, found.nodes, strict=True)}
    for box in scene.boxes:
        node = found.nodes[names[box.id]]
        assert node.lines[: len(box.lines)] == [str(Line(line.text, subscript=line.subscript)) for line in box.lines]
        assert node.struck[: len(box.lines)] == [line.struck for line in box.lines]
        assert len(node.lines) == len(box.lines) + bool(box.chart)
        assert (node.shape == "([") == (box.role in ("operation", "tensor"))
        assert (node.shape == "(") == (box.role in ("value", "position", "hidden"))
    lines = {"arrow": "-->", "recurrence": "-.->", "handed": "-.->", "hidden": "-.->", "part": "---"}
    assert [(arrow.source, arrow.line, arrow.label, arrow.target) for arrow in found.arrows] == [
        (names[arrow.source], lines[arrow.way], arrow.label, names[arrow.target]) for arrow in scene.arrows
    ]
    assert [(frame.words, frame.names) for frame in found.frames] == [
        (frame.words, [names[id] for id in frame.boxes]) for frame in scene.frames
    ]
    assert found.caption == ([scene.caption] if scene.caption else [])
    assert found.title == scene.title


@every_drawing
def test_every_box_is_of_the_class_of_its_role_and_fate(drawing: Drawing) -> None:
    scene, found = drawing.scene, read(drawing.mermaid())
    classes = [look.split(" ") for look in found.looks if look.startswith("class ")]
    roles = {role: len(ids.split(",")) for _, ids, role in classes}
    counted = [*(box.role for box in scene.boxes), *(box.fate for box in scene.boxes if box.fate != "both")]
    assert roles == {role: counted.count(role) for role in counted}
    defined = {look.split(" ")[1] for look in found.looks if look.startswith("classDef ")}
    assert defined == {role for _, _, role in classes}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_the_text_has_the_direction_and_the_colours_of_its_style(theme: str, rankdir: str) -> None:
    style = Style(theme=theme, rankdir=rankdir)  # type: ignore[arg-type]
    found = read(flowchart(DRAWINGS["run"].scene, style))
    assert found.direction == rankdir
    written = set(re.findall("#[0-9a-f]{6}", " ".join(found.looks)))
    assert style.colors.operation in written
    assert written <= {color for color in vars(style.colors).values() if isinstance(color, str)}


def test_an_arrow_is_as_thick_as_its_share() -> None:
    boxes = [Box(id, "value", (Line(id),)) for id in "xyz"]
    arrows = (Arrow("x", "z", share=0.0), Arrow("y", "z", share=1.0), Arrow("x", "y"))
    looks = read(flowchart(Scene("shares", tuple(boxes), arrows))).looks
    assert [look for look in looks if look.startswith("linkStyle")] == [
        "linkStyle 0 stroke:#8a8a8a,stroke-width:0.5px",
        "linkStyle 1 stroke:#8a8a8a,stroke-width:6.0px",
        "linkStyle 2 stroke:#8a8a8a",
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_every_arrow_is_seen_on_a_page_of_any_colour(theme: str) -> None:
    style = Style(theme=theme)  # type: ignore[arg-type]
    for drawing in DRAWINGS.values():
        found = read(flowchart(drawing.scene, style))
        styled = [look.split(" ", 2)[1:] for look in found.looks if look.startswith("linkStyle ")]
        arrows = sorted(int(number) for numbers, _ in styled for number in numbers.split(","))
        assert arrows == list(range(len(drawing.scene.arrows)))
        assert all(look.startswith("stroke:#") for _, look in styled)
    assert contrast(style.colors.line, "#ffffff") > 2.9
    assert contrast(style.colors.line, "#0d1117") > 2.9


def test_an_id_like_a_name_that_we_make_is_another_box() -> None:
    ids = ["end", "box-0", "box_0", "frame-0", "the-caption", "caption"]
    boxes = tuple(Box(id, "value", (Line(id),)) for id in ids)
    found = read(flowchart(Scene("ids", boxes, (Arrow("end", "box-0"),), (Frame("f", "f", ("end",)),), caption="one")))
    assert sorted(node.lines[0] for node in found.nodes.values()) == sorted(ids)
    assert [found.nodes[name].lines for name in (found.arrows[0].source, found.arrows[0].target)] == [
        ["end"],
        ["box-0"],
    ]


def test_a_sign_that_mermaid_or_html_may_read_is_written_by_its_number() -> None:
    assert quoted('a<b>"c"#d;') == "a#60;b#62;#34;c#34;#35;d#59;"
    assert quoted("αᵢⱼ sᵢ₋₁, 2×5 (x)") == "αᵢⱼ sᵢ₋₁, 2×5 (x)"
    assert all(decoded(quoted(chr(code))) == chr(code) for code in range(32, 0x2000))


@pytest.mark.parametrize(
    ("numbers", "signed", "expected"),
    [((0.0, 1.0), False, "▁█"), ((-1.0, 0.0, 1.0), True, "▁▅█"), ((2.0, -3.0), False, "█▁"), ((), True, "")],
)
def test_bars_rise_from_the_lowest_to_the_highest_number(
    numbers: tuple[float, ...], signed: bool, expected: str
) -> None:
    assert bars(numbers, signed) == expected
