"""One node opened, as values to draw: what ran in it and on what, as `tensors.record` saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]
Role = Literal["argument", "parameter", "operation", "constant"]


@dataclass(frozen=True)
class Item:
    """A tensor of an opened node, and the operation that made it.

    Attributes:
        id: "t1", "t2", …, unique in the node.
        role: "argument", "parameter" (or buffer), "operation", or "constant", which holds no value that the node was
            given: zeros, positions, noise.
        name: an argument's word, with the part of a state (``prev_decoder.hidden``); a parameter's name in the node
            (``W.weight``); of an operation or a constant, what a reader calls it: "linear", "+", "softmax", "zeros".
        detail: arguments of the operation that are no tensors, where they are not the usual ones: "dim=-1"; "" without.
        shape: of its result; of several results, the first; () of a number.
        dtype: of its result, "" where that is torch's default.
        inputs: ids of what the operation took, in the order of its arguments. An operation of a loop may take what it
            handed on in the turn before: itself, or one that stands later in `Opened.items`. Ahead of that stands what
            the first turn took.
        operands: the shape of each input as the operation took it: a fold may have cut or turned it on the way.
        count: how many times it ran: more than once in a loop that did the same with the same parameters.
    """

    id: str
    role: Role
    name: str
    detail: str
    shape: Shape
    dtype: str
    inputs: tuple[str, ...]
    operands: tuple[Shape, ...]
    count: int


@dataclass(frozen=True)
class Opened:
    """What ran in a node.

    Attributes:
        items: arguments first, then in the order in which things ran, each parameter ahead of its first use.
        results: the ids of the node's result, or of the parts of a state, in order, each once.
        shapes: the shape of each of these as the node gave it: a fold may have cut or turned it on the way.
    """

    items: tuple[Item, ...]
    results: tuple[str, ...]
    shapes: tuple[Shape, ...]
