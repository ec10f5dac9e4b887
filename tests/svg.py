"""Reading an SVG as a picture of a graph."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"


def groups(svg: Path | str, kind: str) -> list[tuple[str, Element]]:
    """The nodes, edges or clusters of an SVG, each with its title."""
    root = ElementTree.parse(svg).getroot() if isinstance(svg, Path) else ElementTree.fromstring(svg)
    return [(group.findtext(f"{SVG}title", ""), group) for group in root.iter(f"{SVG}g") if group.get("class") == kind]


def texts(group: Element) -> list[tuple[str, float]]:
    """Every text of a group, with its size."""
    return [("".join(text.itertext()), float(text.get("font-size", "nan"))) for text in group.iter(f"{SVG}text")]


def struck(group: Element) -> list[str]:
    """The texts of a group that are struck through."""
    lines = [text for text in group.iter(f"{SVG}text") if text.get("text-decoration") == "line-through"]
    return ["".join(text.itertext()) for text in lines]


def dashed(group: Element) -> bool:
    return any("stroke-dasharray" in path.attrib for path in group.iter(f"{SVG}path"))
