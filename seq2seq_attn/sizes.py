"""The size of every value of a picture, along its arrows, and whether each operation can take what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from inspect import Parameter
from typing import Any

from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.kinds import known
from seq2seq_attn.signature import Choice


def sizes(
    graph: Graph, choices: Mapping[str, Choice], given: Mapping[str, Any], inputs: Mapping[str, int]
) -> dict[str, int | None]:
    """The size of every value, by id, None where it is one number. What is handed on has the size of its past."""
    sizes: dict[str, int | None] = {
        value.id: inputs.get(value.word) for value in graph.inputs if value.word in (*inputs, "source")
    }
    handed_on = {before.id: now.id for now, before in graph.recurrences}
    for last, past in graph.recurrences:
        if graph.maker(last.id) is None:
            raise GraphError(
                f"value {past.id} '{past}' has no initial value: it is {last.id} of the step before, and nothing "
                f"makes {last.id} '{last}'; let an operation make it",
                reader(graph, past.id),
            )
    for value in graph.inputs:
        if value.id not in sizes and value.id not in handed_on:
            raise GraphError(
                f"value {value.id} '{value}' is read and never made: {_unmade(value.later)}", reader(graph, value.id)
            )
    waiting = dict(graph.operations)
    while waiting:
        for before, now in handed_on.items():
            if now in sizes:
                sizes.setdefault(before, sizes[now])
        for operation in list(waiting.values()):
            found = _result_size(operation, choices[operation.id], sizes, given, handed_on)
            if found is not Parameter.empty:
                sizes[operation.output] = found
                del waiting[operation.id]
                break
        else:
            id = next(iter(waiting))
            raise GraphError(
                f"the size of {waiting[id].output} cannot be told: it depends on itself, through {id} and what is "
                f"handed on to the next step; let a kind whose size the config knows, as hidden_size, make one of them",
                id,
            )
    return {before: sizes[now] for before, now in handed_on.items()} | sizes


def _result_size(
    operation: Operation,
    choice: Choice,
    sizes: Mapping[str, int | None],
    given: Mapping[str, Any],
    handed_on: Mapping[str, str],
) -> Any:
    """The size of what an operation makes; Parameter.empty while it is not known."""
    name = choice.kind.result.name
    if name is None:
        return None
    if name.isdecimal():
        return int(name)
    parameters = constructor_parameters(choice.kind.load())
    for source in (choice.options, choice.kind.given, given):
        if name in source:
            return source[name]
    slots = choice.kind.slots(len(operation.inputs)) or []
    for slot, value in zip(slots, operation.inputs, strict=True):
        if slot.name == name and handed_on.get(value) != operation.output:
            return sizes.get(value, Parameter.empty)
    return parameters[name].default if name in parameters else None


def argument_sizes(
    graph: Graph, operation: Operation, choice: Choice, sizes: Mapping[str, int | None], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The sizes of the arguments by the names of the signature: those of a constructor's parameter are added up."""
    parameters = constructor_parameters(choice.kind.load())
    found: dict[str, Any] = {}
    for slot, id in zip(choice.kind.slots(len(operation.inputs)) or [], operation.inputs, strict=True):
        size, name = sizes[id], slot.name
        if name is not None and name in parameters and name not in given:
            found[name] = found.get(name, 0) + (1 if size is None else size)
            continue
        if name is None:
            expected = None
        elif name.isdecimal():
            expected = int(name)
        else:
            expected = given[name] if name in given else found.setdefault(name, size)
        if size != expected:
            has, takes = (
                "a single number" if n is None else f"{n} number{'s' if n > 1 else ''}" for n in (size, expected)
            )
            raise GraphError(
                f"operation {operation.id}[{operation.kind}] takes {takes} there{f' ({name})' if name else ''}; "
                f"{id} '{graph.values[id]}' has {has}; {_instead(choice, name, given)}",
                (id, operation.id),
            )
    return found


def _instead(choice: Choice, name: str | None, given: Mapping[str, Any]) -> str:
    """What can be done where sizes do not agree."""
    kind = choice.kind
    if name is None:
        return "draw the arrow from another value"
    if name == kind.result.name:
        return "the past of its own result belongs there"
    if name in given:
        return f"the config says so with {name}={given[name]}"
    others = [
        other.label
        for other in known()
        if other.axes == kind.axes and len({slot.name for slot in other.arguments}) == len(other.arguments)
    ]
    return f"{', '.join(others)} can take two sizes" if others else "draw the arrow from another value"


@cache
def constructor_parameters(cls: Any) -> dict[str, Parameter]:
    """The named parameters of a constructor."""
    unnamed = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return {name: p for name, p in inspect.signature(cls).parameters.items() if p.kind not in unnamed}


def _unmade(later: tuple[str, str] | None) -> str:
    if later is None:
        return "a model has y_{i-1} prev_output, h_{j} encoder_hidden and x_{j} source; let an operation make it"
    symbol, subscript = later
    return f"it would be {symbol}_{{{subscript}}} of the step before; let an operation make that"


def reader(graph: Graph, value: str) -> tuple[str, str]:
    """The first arrow out of a value that is read, by the value's id."""
    return next((value, operation.id) for operation in graph.operations.values() if value in operation.inputs)
