"""The first target steps side by side: each value with the number of its step instead of i."""

from __future__ import annotations

import re
from collections.abc import Mapping

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.levels.step import operation_box, symbol_line
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene
from seq2seq_attn.graph import Graph, Value
from seq2seq_attn.whole import chosen

STEPS = range(1, 51)  # more would be a thicket


def unrolled(graph: Graph, steps: int, title: str, codes: Mapping[str, Code] | None = None) -> Scene:
    """The scene of the first ``steps`` steps. What is handed on as it is stands there once: s_1 of steps 1 and 2.

    The output is no such thing: a symbol is chosen by y_1, and its embedding is the y_1 that step 2 reads.

    Args:
        graph: of the step, or of the whole model around it.
        steps: how many.
        title: what the picture is of.
        codes: the code behind an operation, by its id.

    Raises:
        ValueError: a number of steps that is not in ``STEPS``.
    """
    if steps not in STEPS:
        raise ValueError(f"unrolled over {steps} steps; give a number from {STEPS[0]} to {STEPS[-1]}")
    same = Difference(graph, graph)
    boxes: dict[str, Box] = {}
    arrows: dict[tuple[str, str], Arrow] = {}
    frames = []
    # What a whole model begins with is s_0, but where a step first makes its own s_0 it is another.
    begins = [pair for pair in graph.beginnings if _numbered(pair[1].subscript, 1) != pair[0].subscript]
    apart = {first.id for first, _ in begins}
    for number in range(1, steps + 1):
        inside: list[str] = []
        ids: dict[str, str] = {}
        for value in graph.values.values():
            ids[value.id] = id = value.id if value.id in apart else _id(value, number)
            if id not in boxes:
                boxes[id] = _box(value, number, id)
                if value.word == "prev_output" or (graph.maker(value.id) and "i" in value.axes):
                    inside.append(id)
        for operation in graph.operations.values():
            each_step = "i" in graph.values[operation.output].axes
            id = f"{operation.id}-in-{number}" if each_step else operation.id  # beside a value a_1, an operation a
            drawn = operation_box(same, operation.id, (codes or {}).get(operation.id))
            boxes[id] = Box(id, drawn.role, drawn.lines, drawn.tooltip, drawn.code)
            inside += [id] * each_step
            for arrow in (*((ids[source], id) for source in operation.inputs), (id, ids[operation.output])):
                arrows[arrow] = Arrow(*arrow)
        for now, before in graph.recurrences:
            arrow = (_id(now, number - 1), ids[before.id])
            if arrow[0] != arrow[1] and number > 1:
                tooltip = f"{now.word} of step {number - 1} is {before.word} of step {number}"
                arrows[arrow] = Arrow(*arrow, "handed", tooltip=tooltip)
        for first, before in begins if number == 1 else ():
            tooltip = f"{first.word} is {before.word} of step 1"
            arrows[first.id, ids[before.id]] = Arrow(first.id, ids[before.id], "handed", tooltip=tooltip)
        if (pair := chosen(graph)) and number > 1:
            arrow = (_id(pair[0], number - 1), ids[pair[1].id])
            arrows[arrow] = Arrow(*arrow, "handed", tooltip=f"the symbol chosen in step {number - 1}")
        frames.append(Frame(f"step-{number}", f"step {number}", tuple(inside), "active"))
    return Scene(title, tuple(boxes.values()), tuple(arrows.values()), tuple(frames))


def _id(value: Value, number: int) -> str:
    """Symbol and number, so that s_i of one step and s_{i-1} of the next are one; y_{i-1}, an embedding, is another."""
    if "i" not in value.axes and value.subscript != "0":
        return value.id
    kind = "-embedded" if value.word == "prev_output" else ""
    subscript = re.sub(r"(?<=\d)(?=i)|(?<=i)(?=\d)", "_", value.subscript.replace(",", ""))  # i1 of 1 is not i of 11
    return f"{value.symbol}-{_numbered(subscript, number)}{kind}"


def _numbered(subscript: str, number: int) -> str:
    """The subscript in a step: ``i-1,j`` is ``0,j`` in the first."""
    return re.sub(r"i(-\d+)?", lambda found: str(number + int(found[1] or 0)), subscript)


def _box(value: Value, number: int, id: str) -> Box:
    numbered = Value(value.id, value.symbol, _numbered(value.subscript, number), value.word)
    return Box(id, "value", (symbol_line(numbered), Line(value.word, "quiet")), str(numbered))
