r"""A scene in TikZ, for papers: Graphviz says where everything stands, TeX sets its letters.

The picture is 0.72 times as large as Graphviz would draw it, so that its letters are of 7 to 12 points, as TeX's
fonts are, and the seed's step fits into a column.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from seq2seq_attn.compare import Fate
from seq2seq_attn.drawing import dot, tex
from seq2seq_attn.drawing.label import cells, shade
from seq2seq_attn.drawing.render import render
from seq2seq_attn.drawing.scene import Arrow, Box, Line, Scene, Way, printable
from seq2seq_attn.drawing.style import Colors, Style

_SCALE = 0.72
_USE = r"\usepackage{tikz}\usetikzlibrary{arrows.meta,shapes.geometric}"
_BOXED = r"\setbox0\hbox{\input{FILE}}"
_SIZED = r"\pdfpagewidth=\dimexpr\wd0+2in\relax\pdfpageheight=\dimexpr\ht0+\dp0+2in\relax"  # TeX leaves an inch
_ALONE = rf"\documentclass{{article}}{_USE}\begin{{document}}{_BOXED}{_SIZED}\shipout\box0\end{{document}}"
_COMMENT = rf"""
% In the preamble: {_USE}
% In the text: \input{{FILE}}, or smaller: \scalebox{{0.8}}{{\input{{FILE}}}}
% By itself, on a page of its size: pdflatex '{_ALONE}'
"""
_LOOKS = {
    "box": "inner sep=0, outer sep=0, text=ink, line width=0.9bp",
    "value": "box, draw=line, fill=value, rounded corners=4bp",
    "position": "value",
    "operation": "box, ellipse, inner sep=-2.5bp, draw=operationline, fill=operation",
    "tensor": "operation, fill=tensor, line width=0.6bp",
    "parameter": "box, draw=line, fill=parameter",
    "hidden": "value, dashed",
    "words": "box",
    "added": "draw=added, fill=addedfill, line width=2.25bp",
    "gone": "draw=gone, fill=paper, line width=2.25bp, dotted",
    "changed": "draw=ink, line width=2.25bp",
    "frame": "draw=line, rounded corners=6bp, line width=0.75bp",
    "note": "inner sep=0, text=quiet, xshift=1.5bp, font=\\fontsize{6}{7}\\selectfont\\sffamily",
    "arrow": "draw=ink, line width=0.75bp, -{Stealth[length=4bp 1.2, width'=0bp 0.8]}",
    "recurrence": "arrow, draw=recurrence, dashed, line width=0.9bp",
    "handed": "recurrence",
    "unseen": "arrow, draw=quiet, dotted",
    "part": "draw=line, line width=0.5bp",
    "added arrow": "draw=added, line width=2.25bp",
    "gone arrow": "draw=gone, line width=1.9bp, dotted, -{Stealth[open, length=7bp, width=6bp, line width=0.75bp]}",
}
_WAYS: dict[Way, str] = {"hidden": "unseen"}  # a box's role has the name
_FATES: dict[Fate, tuple[str, str]] = {  # of a box, and of an arrow
    "both": ("", ""),
    "added": (", added", ", added arrow"),
    "gone": (", gone", ", gone arrow"),
    "changed": (", changed", ""),
}
_SHADES = {"active": "active", "quiet": "resting"}
_MACROS = (
    tex.UNICODE,
    r"\def\rows#1{\vbox{\offinterlineskip\halign{\hfil##\hfil\cr#1\crcr}}}",
    r"\def\symbolline#1{{\fontsize{12}{15.75bp}\selectfont\strut#1}}",
    r"\def\strongline#1{{\fontsize{9}{11.7bp}\selectfont\sffamily\bfseries\strut#1}}",
    r"\def\plainline#1{{\fontsize{7}{9.9bp}\selectfont\sffamily\strut#1}}",
    r"\def\quietline#1{{\fontsize{7}{9bp}\selectfont\sffamily\color{quiet}\strut#1}}",
    r"\def\struck#1{\setbox0\hbox{#1}\rlap{\color{gone}\vrule width\wd0 height0.7ex depth-0.55ex}\box0}",
    r"\def\chart#1{{\fboxsep=0pt\fboxrule=0.3bp\vrule width0pt height10bp depth2.5bp\fcolorbox{line}{value}{#1}}}",
    r"\def\cell#1#2{\textcolor[HTML]{#1}{\vrule width#2 height6bp depth1bp}}",
)


def tikz(scene: Scene, style: Style | None = None) -> str:
    r"""The picture as a ``tikzpicture``, which LaTeX reads with ``\input``; a comment above it says what it needs.

    Boxes are nodes with the names of their ids, for what a paper adds at its end: ``\draw (c_i) -- (out);``.

    Args:
        scene: what to draw.
        style: what it looks like; the font is TeX's.

    Raises:
        RenderError: no Graphviz is here.
    """
    style = style or Style()
    plan = json.loads(render(dot.dot(scene, style), "json"))
    lines = [f"% {printable(scene.title)}{_COMMENT}" + rf"\begin{{tikzpicture}}[x={_SCALE}bp, y={_SCALE}bp,"]
    lines += [f"  {name}/.style={{{look}}}," for name, look in _LOOKS.items()]
    lines += ["]", *(_color(name, color) for name, color in asdict(style.colors).items() if isinstance(color, str))]
    lines += _MACROS
    lines += _Placed(scene, style.colors, plan).lines()
    return "\n".join([*lines, r"\end{tikzpicture}"]) + "\n"


class _Placed:
    """The things of a scene where a plan of Graphviz's (its JSON) has them."""

    def __init__(self, scene: Scene, colors: Colors, plan: dict[str, Any]) -> None:
        self.scene, self.colors, self.plan = scene, colors, plan
        self.names = dot.names(scene)
        objects = plan.get("objects", [])
        self.objects = {placed["name"]: placed for placed in objects}
        called = {placed["_gvid"]: placed["name"] for placed in objects}
        self.edges = defaultdict[tuple[str, str], list[dict[str, Any]]](list)
        for edge in plan.get("edges", []):
            if edge.get("style") != "invis":
                self.edges[called[edge["tail"]], called[edge["head"]]].append(edge)

    def lines(self) -> Iterator[str]:
        """What is behind comes first."""
        if self.colors.paper != "#ffffff":
            yield rf"\fill[paper] {_rectangle(self.plan['bb'], room=10.8)};"
        for frame in self.scene.frames:
            placed = self.objects["cluster_" + self.names[f"{frame.id}-words"].removesuffix("-words")]
            yield rf"\draw[frame, fill={_SHADES[frame.shade]}] {_rectangle(placed['bb'])};"
        for arrow in self.scene.arrows:
            yield from self.arrow(arrow)
        for box in self.scene.boxes:
            yield self.box(box)
        for frame in self.scene.frames:
            placed = self.objects[self.names[f"{frame.id}-words"]]
            yield rf"\node[words] at ({placed['pos']}) {_words(frame.words)};"
        if self.scene.caption:
            yield rf"\node[words] at ({self.plan['lp']}) {_words(self.scene.caption)};"

    def box(self, box: Box) -> str:
        placed = self.objects[self.names[box.id]]
        width, height = (f"{72 * _SCALE * float(placed[side]):.2f}bp" for side in ("width", "height"))
        look = f"{box.role}{_FATES[box.fate][0]}, minimum width={width}, minimum height={height}"
        rows = [*map(_line, box.lines), *([_chart(box, self.colors)] if box.chart else [])]
        return rf"\node[{look}] ({self.names[box.id]}) at ({placed['pos']}) {_rows(rows)};"

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        ends = (arrow.target, arrow.source) if arrow.way == "recurrence" else (arrow.source, arrow.target)
        edge = self.edges[self.names[ends[0]], self.names[ends[1]]].pop(0)
        look = f"{_WAYS.get(arrow.way, arrow.way)}{_FATES[arrow.fate][1]}"
        if arrow.width is not None:
            look += f", line width={_SCALE * arrow.width:.2f}bp"
        yield rf"\draw[{look}] {_curve(edge['pos'])};"
        if arrow.label:
            yield rf"\node[note] at ({edge['lp']}) {{{tex.text(arrow.label)}}};"


def _curve(pos: str) -> str:
    """Graphviz's spline, from its beginning to the point of its arrow."""
    points = list[complex]()
    tip, is_backwards = None, False
    for part in pos.split():
        point = complex(*map(float, part.removeprefix("e,").removeprefix("s,").split(",")))
        if part[0] in "es":
            tip, is_backwards = point, part[0] == "s"
        else:
            points.append(point)
    if is_backwards:
        points.reverse()
    if tip is not None:  # the spline ends behind the arrow's head, which TikZ draws upon the end of the line
        *before, control, end = points
        points = [*before, control + tip - end, tip]
    first, *others = (f"({point.real:.1f},{point.imag:.1f})" for point in points)
    return first + "".join(f" .. controls {a} and {b} .. {c}" for a, b, c in zip(*[iter(others)] * 3, strict=True))


def _rectangle(bb: str, room: float = 0) -> str:
    left, bottom, right, top = map(float, bb.split(","))
    return f"({left - room:.1f},{bottom - room:.1f}) rectangle ({right + room:.1f},{top + room:.1f})"


def _words(words: str) -> str:
    return _rows([rf"\plainline{{\bfseries {tex.text(part)}}}" for part in printable(words).split(", ")])


def _rows(rows: list[str]) -> str:
    return r"{\rows{" + r"\cr".join(rows) + "}}"


def _line(line: Line) -> str:
    shown = f"${tex.symbol(line.text, line.subscript)}$" if line.size == "symbol" else tex.text(line.text)
    shown = rf"\struck{{{shown}}}" if line.struck else shown
    return rf"\{line.size}line{{{shown}}}"


def _chart(box: Box, colors: Colors) -> str:
    numbers = cells(box.chart)
    width = f"{_SCALE * max(3, min(10, 96 // len(numbers))):.1f}bp"
    strip = "".join(rf"\cell{{{shade(number, box.signed, colors)[1:].upper()}}}{{{width}}}" for number in numbers)
    return rf"\chart{{{strip}}}"


def _color(name: str, color: str) -> str:
    return rf"\definecolor{{{name.replace('_', '')}}}{{HTML}}{{{color[1:].upper()}}}"
