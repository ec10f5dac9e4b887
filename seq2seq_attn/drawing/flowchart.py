"""A scene in Mermaid's language: a picture for a page, not a diagram that runs."""

from __future__ import annotations

import re
from dataclasses import replace

from seq2seq_attn.compare import Fate
from seq2seq_attn.drawing.label import cells
from seq2seq_attn.drawing.scene import Box, Line, Role, Scene, Way, printable
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.mermaid import RESERVED

_BARS = "▁▂▃▄▅▆▇█"
_CAPTION = "the-caption"  # with a hyphen, which no id that Mermaid is given as it is has
_OF_OBJECTS = (  # what every object of JavaScript has; Mermaid's layout fails on a box of that name
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
    "valueOf",
)
_STRUCK = "\N{COMBINING LONG STROKE OVERLAY}"
_SHAPES: dict[Role, tuple[str, str]] = {
    "value": ("(", ")"),
    "position": ("(", ")"),
    "hidden": ("(", ")"),
    "operation": ("([", "])"),
    "tensor": ("([", "])"),
    "parameter": ("[", "]"),
    "words": ("[", "]"),
}
_LINES: dict[Way, str] = {"arrow": "-->", "recurrence": "-.->", "handed": "-.->", "hidden": "-.->", "part": "---"}


def flowchart(scene: Scene, style: Style | None = None) -> str:
    """The picture as Mermaid, in the colours of its theme; symbols and subscripts in Unicode's own characters."""
    style = style or Style()
    names = _names(scene)
    lines = [f"%% {quoted(printable(scene.title))}: a picture, not a diagram that runs", f"flowchart {style.rankdir}"]
    if scene.caption:
        lines.append(f'{_CAPTION}["{quoted(printable(scene.caption))}"]')
    framed = {id for frame in scene.frames for id in frame.boxes}
    boxes = {box.id: box for box in scene.boxes}
    lines += [_box(box, names[box.id]) for box in scene.boxes if box.id not in framed]
    for number, frame in enumerate(scene.frames):
        lines.append(f'subgraph frame-{number}["{quoted(printable(frame.words)) or " "}"]')
        lines += [f"    {_box(boxes[id], names[id])}" for id in frame.boxes]
        lines.append("end")
    for arrow in scene.arrows:
        label = f'|"{quoted(printable(arrow.label))}"|' if arrow.label else ""
        lines.append(f"{names[arrow.source]} {_LINES[arrow.way]}{label} {names[arrow.target]}")
    return "\n".join([*lines, *_strokes(scene, style, names)]) + "\n"


def quoted(text: str) -> str:
    """A printable text inside of quotation marks: whatever Mermaid or HTML would read as its own, by its number.

    ``fa:fa-car`` would become an icon even so, ``$$x$$`` a formula, and ``ﬂ°`` and ``¶ß`` the ``&`` and ``;`` that they
    are in Mermaid's own code; a mark without width keeps them texts.
    """
    text = re.sub(r":(?=fa-)|\$(?=\$)|ﬂ(?=°)|¶(?=ß)", "\\g<0>\N{WORD JOINER}", text)
    return "".join(c if c.isalnum() or c in " .,()=×·→−₋₊-+/_'…" else f"#{ord(c)};" for c in text)


def bars(numbers: tuple[float, ...], signed: bool) -> str:
    """A chart in one line of characters.

    >>> bars((0.0, 0.5, 1.0), signed=False)
    '▁▅█'
    """
    shares = [(number + 1) / 2 if signed else number for number in cells(numbers)]
    return "".join(_BARS[round(min(1.0, max(0.0, share)) * (len(_BARS) - 1))] for share in shares)


def _box(box: Box, name: str) -> str:
    texts = [_line(line) for line in box.lines]
    if box.chart:
        texts.append(bars(box.chart, box.signed))
    start, end = _SHAPES[box.role]
    return f'{name}{start}"{"<br>".join(texts) or " "}"{end}'


def _line(line: Line) -> str:
    """A line as text; Mermaid shows no tags, so what is gone has a stroke through each character."""
    text = quoted(str(replace(line, struck=False)))
    return re.sub(r"#\d+;|.", lambda character: f"{character[0]}{_STRUCK}", text) if line.struck else text


def _names(scene: Scene) -> dict[str, str]:
    """What Mermaid calls each box: its id, or a number for an id that its language has another use for."""

    def fits(id: str) -> bool:
        return re.fullmatch(r"[A-Za-z]\w*", id, re.ASCII) is not None and id not in {*RESERVED, *_OF_OBJECTS}

    return {box.id: box.id if fits(box.id) else f"box-{number}" for number, box in enumerate(scene.boxes)}


def _strokes(scene: Scene, style: Style, names: dict[str, str]) -> list[str]:
    """What kinds of boxes, arrows and fates look like.

    Mermaid paints no paper: an arrow has the colour of lines, which is seen on white, on black and on our frames.
    """
    colors = style.colors
    roles: dict[Role, str] = {
        "value": f"fill:{colors.value},stroke:{colors.line},color:{colors.ink}",
        "position": f"fill:{colors.value},stroke:{colors.line},color:{colors.ink}",
        "operation": f"fill:{colors.operation},stroke:{colors.operation_line},color:{colors.ink}",
        "tensor": f"fill:{colors.tensor},stroke:{colors.operation_line},color:{colors.ink}",
        "parameter": f"fill:{colors.parameter},stroke:{colors.line},color:{colors.ink}",
        "hidden": f"fill:{colors.value},stroke:{colors.line},color:{colors.ink},stroke-dasharray:4 3",
        "words": f"fill:none,stroke:none,color:{colors.ink}",
    }
    fates: dict[Fate, str] = {
        "added": f"stroke:{colors.added},stroke-width:3px",
        "gone": f"stroke:{colors.gone},stroke-width:3px,stroke-dasharray:2 4",
        "changed": f"stroke:{colors.ink},stroke-width:3px",
    }
    lines = []
    for role, look in roles.items():
        ids = [names[box.id] for box in scene.boxes if box.role == role]
        if ids:
            lines += [f"classDef {role} {look}", f"class {','.join(ids)} {role}"]
    if scene.caption:
        lines.append(f"style {_CAPTION} fill:{colors.paper},stroke:none,color:{colors.ink}")
    for fate, look in fates.items():
        if ids := [names[box.id] for box in scene.boxes if box.fate == fate]:
            lines += [f"classDef {fate} {look}", f"class {','.join(ids)} {fate}"]
        if numbers := [str(n) for n, arrow in enumerate(scene.arrows) if arrow.fate == fate]:
            lines.append(f"linkStyle {','.join(numbers)} {look}")
    for number, frame in enumerate(scene.frames):
        fill = colors.frame(frame.shade)
        lines.append(f"style frame-{number} fill:{fill},stroke:{colors.line},color:{colors.ink}")
    looks: dict[str, list[str]] = {}
    for number, arrow in enumerate(scene.arrows):
        if arrow.fate == "both":
            color = colors.recurrence if arrow.way in ("recurrence", "handed") else colors.line
            width = "" if arrow.width is None else f",stroke-width:{arrow.width:.1f}px"
            looks.setdefault(f"stroke:{color}{width}", []).append(str(number))
    lines += [f"linkStyle {','.join(numbers)} {look}" for look, numbers in looks.items()]
    return lines
