"""A scene in Mermaid's language, read back: what stands there is the scene, and every text is the text it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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
    return re.sub(r"#(\d+);", lambda number: chr(int(number[1])), text)


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
