"""The graph of a diagram: values, operations and the arrows between them. No tensors here."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

_VALUE = re.compile(r"([A-Za-z]+)_\{([A-Za-z0-9,+-]+)\} ([A-Za-z_][A-Za-z0-9_]*)")
_EARLIER = re.compile(r"i-(\d+)")


class GraphError(ValueError):
    """A graph that breaks the rules; ``subject`` is the id, or the arrow (source, target), at fault."""

    def __init__(self, message: str, subject: str | tuple[str, str]) -> None:
        super().__init__(message)
        self.subject = subject


@dataclass(frozen=True)
class Value:
    """A tensor of the diagram: ``s_{i-1} prev_decoder`` is symbol, subscript, and the word used in the code."""

    id: str
    symbol: str
    subscript: str
    word: str

    @classmethod
    def parse(cls, text: str, id: str | None = None) -> Value:
        """Read ``symbol_{subscript} word``; without ``id`` it is symbol_subscript, with ``ii`` for ``i-1``.

        Raises:
            ValueError: a text of another form, or a word that no argument in Python can have.

        >>> Value.parse("s_{i-1} prev_decoder")
        Value(id='s_ii', symbol='s', subscript='i-1', word='prev_decoder')
        """
        match = _VALUE.fullmatch(text)
        if match is None:
            raise ValueError(f"a value reads 'symbol_{{subscript}} word', as in 's_{{i-1}} prev_decoder'; got {text!r}")
        symbol, subscript, word = match.groups()
        if keyword.iskeyword(word) or word.startswith("_") or word == "self":
            raise ValueError(f"{word!r} cannot be the name of an argument or a field in Python; use another word")
        return cls(id or re.sub(r"\W", "_", f"{symbol}_{subscript.replace('i-1', 'ii')}"), symbol, subscript, word)

    def __str__(self) -> str:
        return f"{self.symbol}_{{{self.subscript}}} {self.word}"

    @cached_property
    def axes(self) -> str:
        """What there is one of it for: ``i`` target steps, of any time, ``j`` source positions, ``k`` heads; sorted.

        >>> Value.parse("alpha_{i-1,j} prev_weights").axes
        'ij'
        """
        return "".join(sorted(set(re.sub(r"[^ijk]", "", self.subscript))))

    @property
    def later(self) -> tuple[str, str] | None:
        """Symbol and subscript of the same value one step later, commas left out; None for a value of no earlier step.

        >>> Value.parse("alpha_{i-1,j} prev_weights").later
        ('alpha', 'ij')
        """
        match = _EARLIER.search(self.subscript)
        if match is None:
            return None
        steps = int(match[1]) - 1
        now = self.subscript.replace(match[0], f"i-{steps}" if steps else "i")
        return self.symbol, now.replace(",", "")


@dataclass(frozen=True)
class Operation:
    """A module of the diagram: its id, its kind, the ids of its arguments in order, and of its result."""

    id: str
    kind: str
    inputs: tuple[str, ...]
    output: str


class Graph:
    """Values and operations by id. Equal graphs have the same of both; the order of declaration does not count.

    Args:
        values: the tensors, in the order in which they are declared.
        operations: the modules; the order of ``inputs`` is the order of arguments.
        places: where an id or an arrow (source, target) was read, ``file:line``; for messages only.

    Raises:
        GraphError: an id, word or symbol used twice, an arrow from nowhere or doubled, an operation without an
            argument, a value made twice, a value that nothing makes or reads, a cycle within one step.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        values: Iterable[Value],
        operations: Iterable[Operation],
        places: Mapping[str | tuple[str, str], str] | None = None,
    ) -> None:
        values, operations = list(values), list(operations)
        for subject, message in _faults(values, operations):
            raise GraphError(message, subject)
        self.values = {value.id: value for value in values}
        self.operations = {operation.id: operation for operation in operations}
        self.places = dict(places or {})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self.values == other.values and self.operations == other.operations

    def __repr__(self) -> str:
        steps = "; ".join(f"{o.output} = {o.id}({', '.join(o.inputs)})" for o in self.order())
        return f"<Graph {steps}>"

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that no operation makes, in the order of declaration."""
        made = {operation.output for operation in self.operations.values()}
        return tuple(value for value in self.values.values() if value.id not in made)

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The values that an operation makes, in the order of declaration."""
        made = {operation.output for operation in self.operations.values()}
        return tuple(value for value in self.values.values() if value.id in made)

    @property
    def recurrences(self) -> tuple[tuple[Value, Value], ...]:
        """Pairs (now, before) of one symbol, ``i`` and ``i-1``: what one step hands on to the next."""
        by_name = {(value.symbol, value.subscript.replace(",", "")): value for value in self.values.values()}
        return tuple((by_name[value.later], value) for value in self.inputs if value.later in by_name)

    @property
    def beginnings(self) -> tuple[tuple[Value, Value], ...]:
        """Pairs (first, before) of one symbol, ``0`` and ``i-1``: what the first step is given as handed on."""
        firsts = {value.symbol: value for value in self.values.values() if value.subscript == "0"}
        return tuple((firsts[before.symbol], before) for _, before in self.recurrences if before.symbol in firsts)

    @property
    def arrows(self) -> tuple[tuple[str, str], ...]:
        """Every arrow (source id, target id), operation by operation: its arguments in order, then its result."""
        return tuple(
            arrow
            for operation in self.operations.values()
            for arrow in (*((source, operation.id) for source in operation.inputs), (operation.id, operation.output))
        )

    def maker(self, value: str) -> Operation | None:
        """The operation that makes a value, by the value's id; None for an input."""
        return next((operation for operation in self.operations.values() if operation.output == value), None)

    def order(self) -> tuple[Operation, ...]:
        """The operations in an order in which each finds its arguments made."""
        return tuple(self.operations[id] for id in _sorted(self.operations.values()))

    def diff(self, other: Graph, here: str = "here", there: str = "there") -> list[str]:
        """What differs, in words that name the node and the arrow; an empty list for equal graphs."""
        lines = [
            f"{kind} {id} is only in {place}"
            for kind, mine, theirs in (
                ("value", self.values.keys(), other.values.keys()),
                ("operation", self.operations.keys(), other.operations.keys()),
                ("arrow", dict.fromkeys(map(" → ".join, self.arrows)), dict.fromkeys(map(" → ".join, other.arrows))),
            )
            for place, ids in (
                (here, [id for id in mine if id not in theirs]),
                (there, [id for id in theirs if id not in mine]),
            )
            for id in ids
        ]
        for id, value in self.values.items():
            if id in other.values and value != other.values[id]:
                lines.append(f"value {id} is '{value}' in {here}, '{other.values[id]}' in {there}")
        for id, operation in self.operations.items():
            twin = other.operations.get(id, operation)
            if operation.kind != twin.kind:
                lines.append(f"operation {id} is {operation.kind!r} in {here}, {twin.kind!r} in {there}")
            if operation.inputs != twin.inputs and set(operation.inputs) == set(twin.inputs):
                mine_, theirs_ = ", ".join(operation.inputs), ", ".join(twin.inputs)
                lines.append(f"operation {id} reads ({mine_}) in {here}, ({theirs_}) in {there}")
        return lines


def _sorted(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Ids of the operations, each after those that make its arguments; raises CycleError."""
    operations = list(operations)
    maker = {operation.output: operation.id for operation in operations}
    needs = {operation.id: [maker[id] for id in operation.inputs if id in maker] for operation in operations}
    return tuple(TopologicalSorter(needs).static_order())


def _faults(values: list[Value], operations: list[Operation]) -> Iterator[tuple[str | tuple[str, str], str]]:
    """(what is at fault, why) for every rule that is broken, the plainest first."""
    ids, words, symbols, made = set[str](), dict[str, str](), dict[tuple[str, str], str](), dict[str, str]()
    for id in (*(value.id for value in values), *(operation.id for operation in operations)):
        if id in ids:
            yield id, f"{id} is declared twice; give one of them another id"
        ids.add(id)
    for value in values:
        if (twin := words.setdefault(value.word, value.id)) != value.id:
            yield value.id, f"values {twin} and {value.id} have the same word, {value.word}; a word names one value"
        if (twin := symbols.setdefault((value.symbol, value.subscript.replace(",", "")), value.id)) != value.id:
            symbol = f"{value.symbol}_{{{value.subscript}}}"
            yield value.id, f"values {twin} and {value.id} have the same symbol, {symbol}; it names one value"
    known = {value.id for value in values}
    for operation in operations:
        if not operation.inputs:
            yield operation.id, f"operation {operation.id} has no arrow in; draw one from a value that it reads"
        for source in operation.inputs:
            if source not in known:
                yield (source, operation.id), f"arrow {source} → {operation.id} does not start at a value"
            if operation.inputs.count(source) > 1:
                yield (source, operation.id), f"arrow {source} → {operation.id} is there twice"
        if operation.output not in known:
            yield (operation.id, operation.output), f"arrow {operation.id} → {operation.output} does not end at a value"
        if (twin := made.setdefault(operation.output, operation.id)) != operation.id:
            arrow = (operation.id, operation.output)
            twice = f"value {operation.output} is made twice, by {twin} and by {operation.id}"
            yield arrow, f"{twice}; give one of them a value of its own"
    read = {source for operation in operations for source in operation.inputs}
    for value in values:
        if value.id not in read and value.id not in made:
            yield value.id, f"value {value.id} is neither made nor read by an operation; draw an arrow, or leave it out"
    try:
        _sorted(operations)
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        yield error.args[1][0], f"operations {cycle} form a cycle within one step; hand the value on through i-1"
