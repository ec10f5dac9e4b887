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


def contrast(one: str, other: str) -> float:
    """Of two colours, #rrggbb, as WCAG 2 defines it: from 1 to 21."""
    darker, lighter = sorted(_luminance(color) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
