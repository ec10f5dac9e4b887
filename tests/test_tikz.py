"""The picture in TikZ, compiled: LaTeX says nothing against it, words fit boxes, arrows lead where they should."""

from __future__ import annotations

import itertools
import json
import math
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attempts import TEXTS
from edits import EDITS, GRAPH
from latex import compiled, needs_latex, pages

from seq2seq_attn import mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing import dot
from seq2seq_attn.drawing.label import cells
from seq2seq_attn.drawing.legend import with_legend
from seq2seq_attn.drawing.levels import compared, step
from seq2seq_attn.drawing.levels.unrolled import unrolled
from seq2seq_attn.drawing.render import render
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.drawing.tikz import tikz
from seq2seq_attn.schedule import schedule

PREAMBLE = r"\usepackage{tikz}\usetikzlibrary{arrows.meta,shapes.geometric}"
ATTACKS = [
    *TEXTS.values(),
    r"\input{/etc/passwd}",
    r"\immediate\write18{touch pwned}",
    "$",
    "%",
    "}",
    "^^5c",
    r"\end{tikzpicture}",
    "%\n}",
]


def diagram(name: str) -> Scene:
    graph = mermaid.load(name)
    return step(Difference(graph, graph), name)


def everything(texts: list[str]) -> Scene:
    """Each kind of box, line, arrow, fate and chart, a frame and a caption, which say the texts, in turn."""
    says = itertools.cycle(texts)
    roles = ["value", "operation", "tensor", "parameter", "position", "hidden"]
    boxes = [
        Box(
            f"{role}-{fate}",
            role,  # type: ignore[arg-type]
            (
                Line(next(says), "symbol", next(says), struck=fate == "gone"),
                Line(next(says), "strong"),
                Line(next(says), "plain", struck=True),
                Line(next(says), "quiet"),
            ),
            fate=fate,  # type: ignore[arg-type]
            chart=tuple(number / 50 for number in range(-50, 51, 7 if role == "value" else 1)),
        )
        for role in roles
        for fate in ("both", "added", "gone", "changed")
    ]
    ways = ["arrow", "recurrence", "handed", "hidden", "part"] * 5
    fates, shares = ["both", "added", "gone"] * 8, [None, 0.0, 0.4, 1.0] * 6
    arrows = [
        Arrow(a.id, b.id, way, next(says), fate=fate, share=share)  # type: ignore[arg-type]
        for a, b, way, fate, share in zip(boxes, boxes[1:], ways, fates, shares, strict=False)
    ]
    words = Box("words", "words", (Line(next(says)),))
    frames = (
        Frame('é "\\', next(says), (boxes[0].id, boxes[1].id), "active"),
        Frame("two", next(says), (boxes[5].id,)),
    )
    return Scene(next(says), (*boxes, words), tuple(arrows), frames, caption=next(says))


BANDS = schedule(mermaid.load("luong")).bands()
SCENES = {name: (diagram(name), Style()) for name in mermaid.shipped()}
SCENES |= {
    "dark": (with_legend(diagram("coverage")), Style(theme="dark")),
    "print": (with_legend(diagram("pointer_generator")), Style(theme="print")),
    "left to right": (diagram("seq2seq"), Style(rankdir="LR")),
    "bands": (step(Difference(*[mermaid.load("luong")] * 2), "luong", bands=BANDS), Style()),
    "steps": (unrolled(GRAPH, 2, "two steps"), Style()),
    "everything": (everything(["one", "α", "two words", "é"]), Style(theme="print")),
}
SCENES |= {edit: (with_legend(compared(Difference(GRAPH, after), edit)), Style()) for edit, after in EDITS.items()}

every_scene = pytest.mark.parametrize("name", SCENES)


def document(pictures: list[str]) -> str:
    """Each picture on a page of its size; of each box TeX says where its borders are."""
    says = r"\def\says#1#2{\pgfpointanchor{#1}{#2}\pgfgetlastxy\x\y\typeout{at #1 #2 \x\space\y}}"
    size = r"\pdfpagewidth=\wd1\pdfpageheight=\ht1\pdfhorigin=0pt\pdfvorigin=0pt\shipout\box1"
    shown = []
    for picture in pictures:
        names = re.findall(r"^\\node\[[^]]*\] \(([\w-]+)\)", picture, re.MULTILINE)
        borders = "".join(
            rf"\says{{{name}}}{{{side}}}" for name in names for side in ("west", "east", "south", "north")
        )
        picture = picture.replace(r"\end{tikzpicture}", rf"\typeout{{picture}}{borders}\end{{tikzpicture}}")
        shown.append(f"\\setbox1\\hbox{{%\n{picture}}}{size}\n")
    return rf"\documentclass{{article}}{PREAMBLE}{says}\begin{{document}}" + "".join(shown) + r"\end{document}"


Borders = dict[str, dict[str, tuple[float, float]]]  # by box and side, x and y in Graphviz's points


@pytest.fixture(scope="module")
def typeset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Borders]]:
    """Of each scene the letters on its page and the borders of its boxes, as TeX has set them."""
    folder = tmp_path_factory.mktemp("tikz")
    log = compiled(document([tikz(*SCENES[name]) for name in SCENES]), folder)
    found = []
    for part in re.split(r"^picture$", log, flags=re.MULTILINE)[1:]:
        borders: Borders = {}
        for box, side, x, y in re.findall(r"^at (\S+) (\w+) (-?[\d.]+)pt (-?[\d.]+)pt$", part, re.MULTILINE):
            borders.setdefault(box, {})[side] = (float(x) / 1.00375 / 0.72, float(y) / 1.00375 / 0.72)
        found.append(borders)
    return dict(zip(SCENES, zip(pages(folder), found, strict=True), strict=True))


def placed(scene: Scene, style: Style) -> dict[str, dict[str, Any]]:
    """Where Graphviz has each box."""
    plan = json.loads(render(dot.dot(scene, style), "json"))
    objects = {each["name"]: each for each in plan["objects"]}
    return {box.id: objects[dot.names(scene)[box.id]] for box in scene.boxes}


@needs_latex
@every_scene
def test_each_box_has_the_place_and_size_that_graphviz_gave_it_so_that_its_words_fit(
    name: str, typeset: dict[str, tuple[str, Borders]]
) -> None:
    scene, style = SCENES[name]
    borders = typeset[name][1]
    assert borders.keys() == {dot.names(scene)[box.id] for box in scene.boxes}
    for id, expected in placed(scene, style).items():
        sides = borders[dot.names(scene)[id]]
        x, y = map(float, expected["pos"].split(","))
        width, height = (72 * float(expected[side]) for side in ("width", "height"))
        assert sides["west"] == pytest.approx((x - width / 2, y), abs=0.5)
        assert sides["east"] == pytest.approx((x + width / 2, y), abs=0.5)
        assert sides["south"] == pytest.approx((x, y - height / 2), abs=0.5)
        assert sides["north"] == pytest.approx((x, y + height / 2), abs=0.5)


@needs_latex
@every_scene
def test_each_word_is_on_the_page(name: str, typeset: dict[str, tuple[str, Borders]]) -> None:
    scene, _ = SCENES[name]
    words = [line.text for box in scene.boxes for line in box.lines if line.size != "symbol"]
    words += [arrow.label for arrow in scene.arrows] + [frame.words for frame in scene.frames] + [scene.caption]
    for part in re.findall(r"[A-Za-z]+", " ".join(words)):
        assert part in typeset[name][0]


CURVE = re.compile(r"^\\draw\[(?!frame)([^\n]*?)\] \((.*?)\)(?: \.\..*)? and \(.*?\) \.\. \((.*?)\);$", re.MULTILINE)


def curves(picture: str) -> list[tuple[str, complex, complex]]:
    """Of each arrow its look, where it begins and where it ends."""
    return [(look, *(complex(*map(float, at.split(","))) for at in ends)) for look, *ends in CURVE.findall(picture)]


@every_scene
def test_each_arrow_leads_from_the_border_of_its_source_to_that_of_its_target(name: str) -> None:
    scene, style = SCENES[name]
    boxes = placed(scene, style)
    drawn = curves(tikz(scene, style))
    assert len(drawn) == len(scene.arrows)

    def distance(point: complex, id: str) -> float:
        """From the middle of a box; 1 on its border."""
        from_middle = point - complex(*map(float, boxes[id]["pos"].split(",")))
        x, y = from_middle.real / (36 * float(boxes[id]["width"])), from_middle.imag / (36 * float(boxes[id]["height"]))
        return math.hypot(x, y) if boxes[id]["shape"] == "ellipse" else max(abs(x), abs(y))

    for arrow, (_, start, end) in zip(scene.arrows, drawn, strict=True):
        assert distance(start, arrow.source) == pytest.approx(1, abs=0.2)
        assert distance(end, arrow.target) == pytest.approx(1, abs=0.2)


@needs_latex
def test_the_commands_in_the_comment_are_all_that_it_needs(tmp_path: Path) -> None:
    text = tikz(diagram("bahdanau"))
    (tmp_path / "step.tex").write_text(text, encoding="utf-8")
    preamble, inside, alone = re.findall(r"^% [A-Z].*?: (.*)$", text, re.MULTILINE)
    assert preamble == PREAMBLE
    full, smaller = (part.replace("FILE", "step.tex") for part in inside.split(", or smaller: "))
    compiled(
        rf"\documentclass{{article}}{preamble}\begin{{document}}{full}\newpage {smaller}\end{{document}}", tmp_path
    )
    program, content = shlex.split(alone)
    (tmp_path / "step.tex").write_text(tikz(unrolled(mermaid.load("bahdanau"), 3, "taller than A4")), encoding="utf-8")
    compiled(content.replace("FILE", "step.tex"), tmp_path, program)
    (page,) = pages(tmp_path)
    assert "encoderhidden" in page and "step3" in page


@needs_latex
def test_what_a_text_says_is_set_and_not_run(tmp_path: Path) -> None:
    turns = [0, 7, 21]  # so that each text is a symbol, a note, a title, …
    compiled(document([tikz(everything([*ATTACKS[turn:], *ATTACKS[:turn]])) for turn in turns]), tmp_path)
    for page in pages(tmp_path):
        assert r"\input{/etc/passwd}" in page and "root:x:" not in page
    assert not (tmp_path / "pwned").exists()


def test_a_symbol_is_mathematics_and_words_are_words() -> None:
    text = tikz(diagram("coverage"))
    assert r"{\rows{\symbolline{$\alpha_{ij}$}\cr\quietline{attn\_weights}}};" in text
    assert r"{\rows{\symbolline{$k_{i-1,j}$}\cr\quietline{prev\_coverage}}};" in text
    assert r"{\rows{\strongline{weighted\_sum}\cr\quietline{wsum}}};" in text


@pytest.mark.parametrize("edit", EDITS)
def test_each_fate_has_its_stroke_and_what_is_gone_is_struck_through(edit: str) -> None:
    scene = compared(Difference(GRAPH, EDITS[edit]), edit)
    text = tikz(scene)
    looks = re.findall(r"^\\node\[(.*), minimum width", text, re.MULTILINE)
    suffix = {"both": "", "added": ", added", "gone": ", gone", "changed": ", changed"}
    assert looks == [box.role + suffix[box.fate] for box in scene.boxes]
    arrows = {"both": "", "added": ", added arrow", "gone": ", gone arrow"}
    assert [look for look, _, _ in curves(text)] == [arrow.way + arrows[arrow.fate] for arrow in scene.arrows]
    assert text.count(r"line{\struck{") == sum(line.struck for box in scene.boxes for line in box.lines)
    assert r"gone/.style={draw=gone, fill=paper, line width=2.25bp, dotted}" in text


def test_the_thickness_of_an_arrow_is_its_share() -> None:
    boxes = tuple(Box(id, "value", (Line(id),)) for id in "abcd")
    arrows = tuple(Arrow(id, "d", share=share) for id, share in zip("abc", (0.0, 0.3, 1.0), strict=True))
    looks = [look for look, _, _ in curves(tikz(Scene("shares", boxes, arrows)))]
    assert looks == [f"arrow, line width={width}bp" for width in ("0.36", "1.55", "4.32")]


def test_two_arrows_between_the_same_boxes_keep_their_own_words_and_places() -> None:
    boxes = tuple(Box(id, "value", (Line(id),)) for id in "ab")
    text = tikz(Scene("two", boxes, (Arrow("a", "b", label="one"), Arrow("a", "b", label="two"))))
    notes = re.findall(r"^\\node\[note\] at \((.*)\) \{(.*)\};$", text, re.MULTILINE)
    assert [words for _, words in notes] == ["one", "two"]
    assert len({at for at, _ in notes}) == len({ends[1:] for ends in curves(text)}) == 2


@pytest.mark.parametrize(("size", "cell"), [(1, "7.2bp"), (5, "7.2bp"), (1_000, "2.2bp")])
def test_a_chart_is_a_strip_of_coloured_cells(size: int, cell: str) -> None:
    numbers = tuple(math.sin(number) for number in range(size))
    text = tikz(Scene("chart", (Box("a", "value", (Line("a"),), chart=numbers),), ()))
    widths = Counter(re.findall(r"\\cell\{[0-9A-F]{6}\}\{(.*?)\}", text))
    assert widths == {cell: len(cells(numbers))}


def test_the_print_theme_is_black_and_grey() -> None:
    text = tikz(everything(["a"]), Style(theme="print"))
    colors = re.findall(r"\{HTML\}\{(.{6})\}|\\cell\{(.{6})\}", text)
    assert len(colors) > 100
    assert all(color[:2] == color[2:4] == color[4:] for color in map("".join, colors))


def test_only_the_dark_theme_has_a_background() -> None:
    backgrounds = {
        theme: r"\fill[paper]" in tikz(diagram("luong"), Style(theme=theme)) for theme in ("light", "dark", "print")
    }  # type: ignore[arg-type]
    assert backgrounds == {"light": False, "dark": True, "print": False}


def test_an_empty_scene_is_a_picture() -> None:
    assert tikz(Scene("nothing", (), ())).count("tikzpicture") == 2
