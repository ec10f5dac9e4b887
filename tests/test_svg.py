"""What is added to a renderer's SVG for those who do not see it."""

from __future__ import annotations

from xml.etree import ElementTree

from svg import SVG
from test_flowchart import DRAWINGS, every_drawing

from seq2seq_attn import Drawing
from seq2seq_attn.drawing.svg import described

SVG_LINE = '<svg width="3pt" xmlns="http://www.w3.org/2000/svg">'
PLAIN = f'<?xml version="1.0"?>\n<!-- Title: <svg> -->\n{SVG_LINE}\n<g class="graph"/>\n</svg>'


@every_drawing
def test_a_picture_has_a_role_a_title_and_its_tree_as_description_ahead_of_all_else(drawing: Drawing) -> None:
    root = ElementTree.fromstring(drawing.svg())
    assert (root.get("role"), root.get("aria-label")) == ("img", drawing.scene.title)
    assert [child.tag for child in root][:3] == [f"{SVG}title", f"{SVG}desc", f"{SVG}g"]
    assert root.findtext(f"{SVG}title") == drawing.scene.title
    assert root.findtext(f"{SVG}desc") == drawing.text().rstrip("\n")


def test_the_description_of_a_picture_names_every_box() -> None:
    description = ElementTree.fromstring(DRAWINGS["whole"].svg()).findtext(f"{SVG}desc", "")
    for box in DRAWINGS["whole"].scene.boxes:
        assert box.lines[0].text in description and box.lines[-1].text in description


def test_nothing_else_of_the_picture_is_touched() -> None:
    marked = described(PLAIN, "a title", "a\ndescription")
    root, plain = ElementTree.fromstring(marked), ElementTree.fromstring(PLAIN)
    assert {name: value for name, value in root.attrib.items() if name not in ("role", "aria-label")} == plain.attrib
    assert [child.tag for child in root][2:] == [child.tag for child in plain]


def test_titles_and_descriptions_are_texts() -> None:
    hostile = "</title></desc><script>alert(1)</script>&nosuch;\"' onload=x \\1 \\g<0>"
    root = ElementTree.fromstring(described(PLAIN, hostile, f"{hostile}\x00\u202e"))
    assert root.findtext(f"{SVG}title") == root.get("aria-label") == hostile
    assert root.findtext(f"{SVG}desc") == f"{hostile}\\x00\\u202e"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "desc", "g"}
