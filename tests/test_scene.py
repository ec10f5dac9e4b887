"""What a picture consists of, and how its texts are made harmless."""

from __future__ import annotations

import pytest
from test_flowchart import DRAWINGS, every_drawing

from seq2seq_attn import Drawing, Style
from seq2seq_attn.drawing.legend import with_legend
from seq2seq_attn.drawing.scene import Box, Line, Scene, lowered, printable


@every_drawing
def test_arrows_frames_order_and_rows_name_boxes_that_are_there_once(drawing: Drawing) -> None:
    scene = drawing.scene
    ids = [box.id for box in scene.boxes]
    assert len(ids) == len(set(ids))
    known = {*ids, *(f"{frame.id}-words" for frame in scene.frames)}
    assert {end for arrow in scene.arrows for end in (arrow.source, arrow.target)} <= {*ids}
    assert {id for pair in scene.order for id in pair} <= known
    framed = [id for frame in scene.frames for id in frame.boxes]
    assert len(framed) == len(set(framed)) and {*framed} <= {*ids}
    assert {id for row in scene.rows for id in row} <= {*ids}
    pairs = [(arrow.source, arrow.target) for arrow in scene.arrows]
    assert len(pairs) == len(set(pairs))


@every_drawing
def test_a_legend_has_one_of_each_kind_of_thing_in_the_picture_and_stands_there_once(drawing: Drawing) -> None:
    scene = with_legend(drawing.scene)
    assert with_legend(scene) == scene == Drawing(scene, Style(legend=True)).scene
    samples = [box for box in scene.boxes if box.id.startswith("legend-")]
    others = [box for box in scene.boxes if not box.id.startswith("legend-")]
    ways = {arrow.way for arrow in scene.arrows if not arrow.source.startswith("legend-")}
    shown = {box.role for box in others} - {"words"}
    assert {box.role for box in samples} - {"words"} == shown
    assert [box.role for box in samples if box.role != "words" and box.fate == "both"] == [
        role for role in ("value", "operation", "tensor", "parameter", "position", "hidden") if role in shown
    ]
    told = [arrow for arrow in scene.arrows if arrow.source.startswith("legend-")]
    explained = [way for way in ("recurrence", "handed", "hidden") if way in ways]
    weighted = any(arrow.share is not None for arrow in drawing.scene.arrows)
    assert [(arrow.way, arrow.share is not None) for arrow in told] == [
        *((way, False) for way in explained),
        *([("arrow", True)] if weighted else []),
    ]
    strips = {box.signed for box in samples if box.chart}
    assert strips == {box.signed for box in drawing.scene.boxes if box.chart}
    assert {box.fate for box in samples} - {"both"} == {fate for fate, _ in scene.fates}
    assert scene.frames[-1].boxes == tuple(box.id for box in samples)


def test_a_legend_leaves_the_picture_as_it_is() -> None:
    scene = DRAWINGS["run"].scene
    explained = with_legend(scene)
    assert explained.boxes[: len(scene.boxes)] == scene.boxes
    assert explained.arrows[: len(scene.arrows)] == scene.arrows
    assert explained.frames[:-1] == scene.frames


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (Line("s", "symbol", "i\N{MINUS SIGN}1"), "sᵢ₋₁"),
        (Line("α", "symbol", "ij"), "αᵢⱼ"),
        (Line("α", "symbol", "i\N{MINUS SIGN}1,j"), "αᵢ₋₁,ⱼ"),
        (Line("m", "symbol", "max"), "m_max"),
        (Line("softmax", struck=True), "~softmax~"),
        (Line("a\nb"), "a\\x0ab"),
    ],
)
def test_a_line_is_written_in_plain_characters(line: Line, text: str) -> None:
    assert str(line) == text


def test_a_box_is_its_lines_in_one() -> None:
    assert str(Box("x", "value", (Line("s", "symbol", "i"), Line(""), Line("state", "quiet")))) == "sᵢ state"


def test_every_character_that_does_not_show_itself_is_its_number() -> None:
    for code in (*range(32), *range(127, 160), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), 0x2060):
        shown = printable(chr(code))
        if chr(code) in "\u200c\u200d":
            assert shown == chr(code)
        else:
            assert shown == (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
    assert printable("\ud800\ue000\U000e0001") == "\\ud800\\ue000\\U000e0001"
    assert printable("é 中 👩\u200d👧 αᵢⱼ") == "é 中 👩\u200d👧 αᵢⱼ"


def test_a_text_is_cut_where_it_is_too_long() -> None:
    assert printable("x" * 72) == "x" * 72
    assert printable("x" * 73) == "x" * 71 + "…"
    assert printable("abcdef", 3) == "ab…"


def test_a_subscript_without_letters_of_its_own_stands_behind_a_line() -> None:
    assert [lowered(text) for text in ("", "0", "kij", "i+1", "ab", "i\n")] == ["", "₀", "ₖᵢⱼ", "ᵢ₊₁", "_ab", "_i\\x0a"]


def test_a_scene_of_nothing_is_drawn() -> None:
    drawing = Drawing(Scene("nothing", (), ()))
    assert drawing.text().strip() == "nothing" and "<svg" in drawing.svg()
    assert drawing.mermaid().startswith("%% nothing: a picture")
