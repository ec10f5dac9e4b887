"""How pictures look: every theme can be read, in greys too, and what differs in meaning differs in shape or stroke."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
from svg import SVG, contrast, groups
from test_flowchart import DRAWINGS

from seq2seq_attn import Drawing, Style, mermaid
from seq2seq_attn.compare import Fate
from seq2seq_attn.drawing.drawing import FORMATS
from seq2seq_attn.drawing.scene import Arrow, Box, Line, Role, Scene, Way
from seq2seq_attn.drawing.style import DIRECTIONS, THEMES

THEMED: list[Any] = list(THEMES)
GRAPH = mermaid.load("bahdanau")
COLOR = re.compile("#[0-9a-f]{6}")
every_theme = pytest.mark.parametrize("theme", THEMED)


def scene() -> Scene:
    """One of everything: a box of each role and fate, an arrow of each way and fate."""
    boxes = [Box(f"r-{role}", role, (Line("x", "symbol", "i"), Line("q", "quiet"))) for role in get_args(Role)]
    boxes += [Box(f"f-{fate}", "value", (Line(fate),), fate=fate) for fate in get_args(Fate)]
    ends = [(a, b) for a, b in combinations([box.id for box in boxes], 2)]
    arrows = [Arrow(*ends.pop(), way, label="label") for way in get_args(Way)]
    arrows += [Arrow(*ends.pop(), "arrow", fate=fate) for fate in get_args(Fate) if fate != "changed"]
    return Scene("everything", tuple(boxes), tuple(arrows))


def looks(svg: str, kind: str) -> dict[str, tuple[object, ...]]:
    """Of each node or arrow all that is seen of it without its colours."""
    found = {}
    for title, group in groups(svg, kind):
        shapes = [shape for shape in group.iter() if shape.tag.removeprefix(SVG) in ("path", "polygon", "ellipse")]
        found[title] = tuple(
            (
                shape.tag.removeprefix(SVG),
                "C" in shape.get("d", ""),
                shape.get("stroke-width"),
                shape.get("stroke-dasharray"),
                shape.get("fill") == "none",
            )
            for shape in shapes
        )
    return found


@every_theme
def test_letters_have_four_and_a_half_to_one_on_whatever_lies_behind_them(theme: Any) -> None:
    colors = Style(theme=theme).colors
    behind = ("paper", "value", "operation", "tensor", "parameter", "active", "resting", "added_fill")
    for letter in ("ink", "quiet"):
        for name in behind:
            assert contrast(getattr(colors, letter), getattr(colors, name)) >= 4.5, (letter, name)


@every_theme
def test_lines_that_mean_something_have_three_to_one_on_the_paper(theme: Any) -> None:
    colors = Style(theme=theme).colors
    for name in ("ink", "quiet", "line", "operation_line", "recurrence", "added", "gone"):
        assert contrast(getattr(colors, name), colors.paper) >= 3, name


@every_theme
@pytest.mark.parametrize("name", DRAWINGS)
def test_letters_can_be_read_where_they_stand_in_real_pictures(name: str, theme: Any) -> None:
    style = Style(theme=theme, legend=True)
    svg = Drawing(DRAWINGS[name].scene, style).svg()
    grounds = [style.colors.paper, style.colors.active, style.colors.resting]
    for _, node in groups(svg, "node"):
        shape = next((s for s in node.iter() if s.tag in (f"{SVG}path", f"{SVG}ellipse", f"{SVG}polygon")), None)
        fill = shape.get("fill", "") if shape is not None and shape.get("stroke") != "none" else ""
        for text in node.iter(f"{SVG}text"):
            for ground in [fill] if COLOR.fullmatch(fill) else grounds:
                assert contrast(text.get("fill", "#000000"), ground) >= 4.5


def test_print_is_black_and_grey() -> None:
    for color in re.findall(COLOR, Drawing(DRAWINGS["run"].scene, Style(theme="print", legend=True)).svg()):
        assert color[1:3] == color[3:5] == color[5:7]
    colors = vars(Style(theme="print").colors).values()
    for color in [one for known in colors for one in ([known] if isinstance(known, str) else known)]:
        assert color[1:3] == color[3:5] == color[5:7]


def test_only_the_colours_of_a_theme_are_used() -> None:
    for theme in THEMED:
        known = {color for color in vars(Style(theme=theme).colors).values() if isinstance(color, str)}
        assert set(re.findall(COLOR, Drawing(scene(), Style(theme=theme)).dot())) <= known


@every_theme
def test_roles_ways_and_fates_are_told_apart_without_colour(theme: Any) -> None:
    svg = Drawing(scene(), Style(theme=theme)).svg()
    nodes = looks(svg, "node")
    same = {("value", "position")}  # which is said by where it stands, and by its share
    for one, other in combinations(get_args(Role), 2):
        assert (nodes[f"r-{one}"] == nodes[f"r-{other}"]) == ((one, other) in same), (one, other)
    for one, other in combinations(get_args(Fate), 2):
        if {one, other} != {"added", "changed"}:  # what is changed shows the old beside the new
            assert nodes[f"f-{one}"] != nodes[f"f-{other}"], (one, other)
    arrows, edges = scene().arrows, looks(svg, "edge")
    found = {}
    for arrow in arrows:
        ends = (arrow.target, arrow.source) if arrow.way == "recurrence" else (arrow.source, arrow.target)
        found[arrow.way, arrow.fate] = edges["->".join(ends)]
    handed = {("recurrence", "both"), ("handed", "both")}  # one leads backwards, and the other on
    for one, other in combinations(found, 2):
        if {one, other} != handed and one != other:
            assert found[one] != found[other], (one, other)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@every_theme
def test_every_format_is_written_in_every_theme_and_direction(theme: Any, rankdir: Any, tmp_path: Path) -> None:
    drawing = Drawing.of_graph(mermaid.load("no_attention"), style=Style(theme=theme, rankdir=rankdir, dpi=40))
    plain = Drawing.of_graph(mermaid.load("no_attention"))
    for format in FORMATS:
        assert drawing.save(tmp_path / f"x.{format}").stat().st_size > 100
    titles = [[title for title, _ in groups(d.svg(), "node")] for d in (drawing, plain)]
    assert sorted(titles[0]) == sorted(titles[1])
    across = re.search(r'viewBox="0.00 0.00 ([\d.]+) ([\d.]+)"', drawing.svg())
    assert across and (float(across[1]) > float(across[2])) == (rankdir in ("LR", "RL"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theme": "pink"}, "theme is 'pink'; there are light, dark, print"),
        ({"rankdir": "UP"}, "rankdir is 'UP'; there are TB, LR, BT, RL"),
        ({"dpi": 0}, "dpi is 0; give a number from 1 to 1200"),
        ({"dpi": 1201}, "dpi is 1201; give a number from 1 to 1200"),
        ({"dpi": float("nan")}, "dpi is nan; give a number from 1 to 1200"),
        ({"font": ""}, "font is ''; give a font's name"),
        ({"font": 'Arial", URL="x'}, "font is 'Arial\", URL=\"x'; give a font's name"),
        ({"repository": "javascript:alert(1)"}, "repository is 'javascript:alert(1)'; give an address that begins"),
    ],
)
def test_a_style_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Style(**options)
