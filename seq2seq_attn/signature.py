"""What a kind of operation takes and gives: a signature over subscripts, as in einsum. No tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq_attn import code
from seq2seq_attn.code import Code
from seq2seq_attn.graph import Value

_AXES = {
    "": "one for a sentence",
    "i": "one for each target step",
    "j": "one for each source position",
    "ij": "one for each pair of target step and source position",
    "ijk": "one for each pair, of each head",
}


@dataclass(frozen=True)
class Slot:
    """One argument of a node, or its result: the axes of its subscript, and the name of its size, if it has one."""

    axes: str
    name: str | None = None
    many: bool = False

    @classmethod
    def parse(cls, text: str) -> Slot:
        """Read ``i query_size``, or ``*i input_size`` for any number of such arguments."""
        axes, name = re.fullmatch(r"\*?([ijk]*) ?(\w*)", text.strip()).groups()  # type: ignore[union-attr]
        return cls("".join(sorted(set(axes))), name or None, text.strip().startswith("*"))

    def __str__(self) -> str:
        return f"{self.axes}…" if self.many else self.axes


@dataclass(frozen=True)
class Kind:
    """What an operation's text may say, and the node that it stands for.

    The signature is written as in einsum: ``"i query_size, j memory_size -> ij"`` takes a value of each step and one of
    each source position, and gives one of each pair. Behind the axes stands the name of the value's size: a parameter
    of the node's constructor (the sizes of all arguments of one name are added up), or any word, which then has one
    size wherever it stands. A value without a size is a number for each pair. ``*`` is any number of such arguments.

    Args:
        label: the text's first word, and the node's.
        signature: of the arguments and the result.
        node: the class of the node, or where it is: ``"nodes.energy:FeedforwardEnergy"``.
        options: what may follow in the text, by the constructor's parameter: ``("num_heads",)`` lets it say
            ``dot, 4 heads``. An option that is a parameter without a default has to be there.
        given: what the constructor is given besides.

    Example:
        >>> Kind("dot", "i size, j size -> ij", "nodes.energy:DotEnergy").arguments
        (Slot(axes='i', name='size', many=False), Slot(axes='j', name='size', many=False))
    """

    label: str
    signature: str
    node: Any
    options: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def arguments(self) -> tuple[Slot, ...]:
        """A slot for each argument."""
        return tuple(map(Slot.parse, self.signature.split("->")[0].split(",")))

    @cached_property
    def result(self) -> Slot:
        """The slot of the result."""
        return Slot.parse(self.signature.split("->")[1])

    @property
    def axes(self) -> str:
        """The signature without the sizes: ``i, j -> ij``."""
        return f"{', '.join(map(str, self.arguments))} -> {self.result}"

    def slots(self, number: int) -> list[Slot] | None:
        """A slot for each of ``number`` arguments; None if it takes another number."""
        slots = list(self.arguments)
        if slots[-1].many:
            slots[-1:] = slots[-1:] * (number - len(slots) + 1)
        return slots if len(slots) == number else None

    def misfit(self, inputs: Sequence[Value], output: Value) -> tuple[str | None, str] | None:
        """The argument at fault and why these values are not those of this kind; None if they are."""
        slots = self.slots(len(inputs))
        if slots is None:
            return None, (
                f"takes the arguments {', '.join(map(str, self.arguments))} and has {len(inputs)}; each is an arrow "
                f"in, in this order"
            )
        for number, (slot, value) in enumerate(zip(slots, inputs, strict=True), start=1):
            if slot.axes != value.axes:
                has, wanted = (_AXES.get(axes, axes) for axes in (value.axes, slot.axes))
                return value.id, (
                    f"takes ({', '.join(map(str, self.arguments))}); argument {number}, {value.id} '{value}', is "
                    f"{has}, where {wanted} belongs{_hint(value, slot)}"
                )
        if self.result.axes != output.axes:
            return output.id, (
                f"gives {_AXES.get(self.result.axes, self.result.axes)} ({self.axes}); "
                f"{output.id} '{output}' is {_AXES.get(output.axes, output.axes)}"
            )
        return None

    def load(self) -> Any:
        """The class of the node."""
        if not isinstance(self.node, str):
            return self.node
        module, name = self.node.split(":")
        return getattr(import_module(f"seq2seq_attn.{module}"), name)

    def file(self) -> Path | None:
        """The file of the class, if it is this package's own: found without loading it."""
        if not isinstance(self.node, str):
            return None
        return Path(__file__).parent.joinpath(*self.node.split(":")[0].split(".")).with_suffix(".py")

    def code(self) -> Code | None:
        """The code of the class; of this package's own it is found without loading it."""
        if not isinstance(self.node, str):
            return code.of(self.node)
        file = self.file()
        return code.read(file, self.node.split(":")[1]) if file else None


@dataclass(frozen=True)
class Choice:
    """The kind that an operation of a picture stands for, with the options that its text gives."""

    kind: Kind
    options: Mapping[str, Any]


def _hint(value: Value, slot: Slot) -> str:
    if value.axes == "ij" and slot.axes == "i":
        return f": the j of {value.id} is summed nowhere; a weighted_sum sums it (ij, j -> i)"
    if value.axes == "i" and slot.axes == "j":
        return ": a value of one step cannot stand for the values of all source positions, such as h_j"
    if value.axes == "j" and slot.axes == "i":
        return ": what is there for every source position has to be summed first, by a weighted_sum (ij, j -> i)"
    return ""
