"""One decode as a page to explore: one HTML file with everything in it, which asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import html
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from torch import Tensor, nn

from seq2seq_attn import code
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.explorer.names import Example
from seq2seq_attn.explorer.replay import replay
from seq2seq_attn.graph import Graph

if TYPE_CHECKING:
    from seq2seq_attn.data.vocabularies import Vocabularies
    from seq2seq_attn.seq2seq import Seq2Seq

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_SHAPES = {"svg", "g", "path", "polygon", "polyline", "ellipse", "text"}
_LOOKS = re.compile(
    "class|viewBox|transform|d|points|c?[xy]|r[xy]|fill|stroke(-width|-dasharray)?"
    "|text-(anchor|decoration)|font-(family|style|weight|size)"
)


def explore(
    model: Seq2Seq,
    source: str | Sequence[int] | Tensor,
    path: str | Path,
    *,
    vocabularies: Vocabularies | None = None,
    beam: int = 5,
    max_length: int | None = None,
    repository: str | None = None,
) -> Path:
    """See `Seq2Seq.explore`."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{path} ends in {path.suffix!r}; a page ends in .html")
    example = Example.of(model, source, vocabularies)
    max_length = 2 * len(example.symbols) + 10 if max_length is None else max_length
    drawing = model.draw(style=Style(repository=repository))
    assert drawing.graph is not None, "the drawing of a step is that of a graph"
    data = replay(model, example, beam=beam, max_length=max_length, picture=drawing.graph)
    svg = _in_order(ElementTree.fromstring(drawing.svg()), drawing.graph)
    data |= {
        "name": type(model.decoder.step).__name__,
        "beam": beam,
        "gap": example.gaps[1],
        "labels": {box.id: str(box) for box in drawing.scene.boxes},
        "recurrences": [[now.id, before.id] for now, before in drawing.graph.recurrences],
        "operations": _operations(model, drawing.graph, _links(svg)),
    }
    path.write_bytes(page(data, _markup(svg)).encode())
    return path


def page(data: Mapping[str, Any], diagram: str) -> str:
    """The page of some data and a diagram, closed to everything but its own script and style.

    Args:
        data: what page.js reads; any text in it stays text.
        diagram: markup of an SVG, whose nodes and edges bear a ``data-id``.
    """
    template, style, script = (
        (resources.files("seq2seq_attn") / "explorer" / f"page.{ending}").read_text(encoding="utf-8")
        for ending in ("html", "css", "js")
    )
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))  # in ASCII: no U+2028, which would end a line
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Template(template).substitute(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=text,
        diagram=diagram,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _operations(model: Seq2Seq, graph: Graph, links: Mapping[str, str]) -> dict[str, Any]:
    """What the page says of each operation."""
    found = {}
    for operation in graph.operations.values():
        node = model.decoder.step.get_submodule(operation.id)
        about = code.of(type(node))
        found[operation.id] = {
            "inputs": operation.inputs,
            "output": operation.output,
            "name": about.name,
            "place": _place(type(node), about),
            "link": links.get(operation.id),
            "equation": about.equation,
            "parameters": [[name, list(p.shape), p.numel()] for name, p in node.named_parameters()],
        }
    return found


def _place(cls: type[nn.Module], about: code.Code) -> str | None:
    """File and line, as far as the name of the module says where it is: never where this machine keeps it."""
    if about.file is None:
        return None
    names = inspect.getmodule(cls).__name__.split(".")  # type: ignore[union-attr]
    file = Path(*about.file.parts[-len(names) :]).as_posix()
    return f"{file}:{about.line}" if about.line else file


def _links(svg: Element) -> dict[str, str]:
    """Where the nodes of a picture lead, by their ids, if it is to the web."""
    return {
        group.findtext(f"{_SVG}title", ""): address
        for group in svg.iter(f"{_SVG}g")
        if group.get("class") == "node"
        for anchor in group.iter(f"{_SVG}a")
        if (address := anchor.get(_LINK, "")).startswith(("https://", "http://"))
    }


def _in_order(svg: Element, graph: Graph) -> Element:
    """The picture with its nodes in the order in which a step makes them, so that keys go through them so."""
    made = [id for operation in graph.order() for id in (*operation.inputs, operation.id, operation.output)]
    place = {id: made.index(id) for id in made}
    for group in svg.iter(f"{_SVG}g"):
        nodes = [child for child in group if child.get("class") == "node"]
        for node in sorted(nodes, key=lambda node: place[node.findtext(f"{_SVG}title", "")]):
            group.remove(node)
            group.append(node)
    return svg


def _markup(element: Element) -> str:
    """A picture as markup for a page: shapes and looks, with ids in ``data-id``; no links, and nothing unheard of."""
    tag = element.tag.removeprefix(_SVG)
    inner = html.escape((element.text or "").strip()) + "".join(map(_markup, element))
    if tag == "a" or (tag == "g" and "class" not in element.attrib):
        return inner
    if tag not in _SHAPES:
        return ""
    looks = {name: value for name, value in element.attrib.items() if _LOOKS.fullmatch(name)}
    if element.get("class") in ("node", "edge"):
        looks["data-id"] = element.findtext(f"{_SVG}title", "")
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in looks.items())
    return f"<{tag}{attributes}>{inner}</{tag}>"
