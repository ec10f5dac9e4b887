"""One operation opened: the tensor operations that ran in it, with shapes and parameters, where it stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.levels.step import step
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Role, Scene
from seq2seq_attn.graph import Graph

if TYPE_CHECKING:
    from seq2seq_attn.tensors import Opened

_ROLES: dict[str, Role] = {"parameter": "parameter", "operation": "tensor", "constant": "hidden"}


def opened(graph: Graph, id: str, inside: Opened, title: str, codes: Mapping[str, Code] | None = None) -> Scene:
    """The scene of a graph in which one operation is opened; its arguments keep their places in the picture.

    Args:
        graph: of the step, or of the whole model around it.
        id: of the operation.
        inside: what ran in it; its arguments are named by the words of the values that it reads.
        title: what the picture is of.
        codes: the code behind an operation, by its id.
    """
    scene = step(Difference(graph, graph), title, codes=codes)
    operation = graph.operations[id]
    values = {graph.values[source].word: source for source in operation.inputs}
    ids, boxes, arrows = dict[str, str](), list[Box](), list[Arrow]()
    for item in inside.items:
        word = item.name.partition(".")[0]
        if item.role == "argument" and word in values:
            ids[item.id] = values[word]
            continue
        ids[item.id] = f"{id}-{item.id}"
        size = shape(item.shape)
        lines = [Line(item.name), Line(size if item.role == "parameter" else item.detail, "quiet")]
        if item.count > 1:
            lines.append(Line(f"{item.count} times", "quiet"))
        tooltip = f"{item.name}({item.detail}): {size}" if item.role == "operation" else f"{item.name}: {size}"
        role = _ROLES.get(item.role, "hidden")
        boxes.append(Box(ids[item.id], role, tuple(line for line in lines if line.text), tooltip))
    parameters = {item.id for item in inside.items if item.role == "parameter"}
    seen = {item.id for item in inside.items if item.role == "argument"}
    for item in inside.items:
        for source, operand in zip(item.inputs, item.operands, strict=True):
            label = "" if source in parameters else shape(operand)
            arrows.append(Arrow(ids[source], ids[item.id], "arrow" if source in seen else "recurrence", label))
        seen.add(item.id)
    gives = zip(inside.results, inside.shapes, strict=True)
    arrows += [Arrow(ids[result], operation.output, label=shape(sizes)) for result, sizes in gives]
    frame = Frame(f"{id}-opened", f"{id}[{operation.kind}]", tuple(box.id for box in boxes), "active")
    frames = [replace(outer, boxes=tuple(other for other in outer.boxes if other != id)) for outer in scene.frames]
    return replace(
        scene,
        boxes=(*(box for box in scene.boxes if box.id != id), *boxes),
        arrows=(*(arrow for arrow in scene.arrows if id not in (arrow.source, arrow.target)), *arrows),
        frames=(*frames, frame),
    )


def shape(sizes: tuple[int, ...]) -> str:
    """A tensor's shape: ``2×5×7``; a single number has none.

    >>> shape((2, 5, 7))
    '2×5×7'
    """
    return "×".join(map(str, sizes))
