"""From a picture to its nodes: the text of each operation picks the class, the config and the arrows its sizes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any, cast

from torch import nn

from seq2seq_attn.config import Config
from seq2seq_attn.encoders import Encoder
from seq2seq_attn.graph import Graph, GraphError, Operation, Value
from seq2seq_attn.kinds import Choice, find, known
from seq2seq_attn.rehearsal import rehearse
from seq2seq_attn.whole import OUTSIDE
from seq2seq_attn.wired import Wired

_GIVEN = {"prev_output": "i", "encoder_hidden": "j", "source": "j"}  # what a model gives a step, and its axes
_HIDDEN = ("mask", "keys")
_AROUND = ("bridge:", "encoders.", "nodes.embedding:")  # where the nodes are that only a whole model has


def nodes(graph: Graph, config: Config, *, memory_size: int, embed_target: nn.Embedding) -> dict[str, nn.Module]:
    """A node for every operation of a step.

    Args:
        graph: the picture of one step.
        config: where sizes and options come from that neither arrows nor texts give.
        memory_size: size of h_j.
        embed_target: the embedding of target symbols, for an output that is tied to it.

    Raises:
        GraphError: an unknown operation, values that do not fit, a past that nothing makes, a size that nothing gives,
            a word that stands for something else, a node that cannot take what its arrows bring.
    """
    for subject, why in _misnamed(graph):
        raise GraphError(why, subject)
    choices = {operation.id: find(graph, operation, config.cell) for operation in graph.operations.values()}
    for operation in graph.operations.values():
        if str(choices[operation.id].kind.node).startswith(_AROUND):
            raise GraphError(
                f"operation {operation.id}[{operation.kind}] belongs around a step, not into one; draw the whole "
                f"model, as seq2seq.mmd does, or use another",
                operation.id,
            )
    given = fields(config)
    sizes = _sizes(graph, choices, given, {"prev_output": config.embedding_size, "encoder_hidden": memory_size})
    built: dict[str, nn.Module] = {}
    for operation in graph.operations.values():
        choice = choices[operation.id]
        _check_state(graph, operation, choice)
        own = _argument_sizes(graph, operation, choice, sizes, given)
        built[operation.id] = construct(operation, choice, given, own | {"embedding": embed_target})
    for now, before in graph.recurrences:
        maker = graph.maker(now.id)
        if now.word != "output" and maker is not None and not hasattr(built[maker.id], "initial"):
            raise GraphError(
                f"value {before.id} '{before}' has no initial value: it is {now.id} of the step before, and "
                f"{type(built[maker.id]).__name__} has no method initial(encoder_hidden); give its class one, or let "
                f"another operation make {now.id}",
                _reader(graph, before.id),
            )
    rehearse(graph, built, memory_size=memory_size, embed_target=embed_target)
    return built


def encoder(text: str, config: Config) -> Encoder:
    """The encoder that a text in a picture, or the config, asks for.

    Raises:
        GraphError: an unknown text or option, or one that the config excludes.
    """
    u, h = Value.parse("u_{j} embedded"), Value.parse("h_{j} encoder_hidden")
    operation = Operation("encoder", text, (u.id,), h.id)
    choice = find(Graph([u, h], [operation]), operation)
    return cast(Encoder, construct(operation, choice, vars(config), {}))


def construct(operation: Operation, choice: Choice, given: Mapping[str, Any], own: Mapping[str, Any]) -> nn.Module:
    """One node: its constructor's parameters are filled by their names.

    Args:
        operation: whose node it is.
        choice: the kind, with the options of the text.
        given: what the config says.
        own: what else there is for it: the sizes of its arguments.
    """
    arguments: dict[str, Any] = {}
    cls = choice.kind.load()
    _check_options(operation, choice, _parameters(cls))
    for name, parameter in _parameters(cls).items():
        for source in (choice.options, choice.kind.given, given, own):
            if name in source:
                arguments[name] = source[name]
                break
        else:
            if parameter.default is Parameter.empty:
                word = name.removeprefix("num_")
                how = (
                    f"write how many, as in '{operation.kind}, 2 {word}'"
                    if name in choice.kind.options
                    else "it is neither the size of an argument nor a field of the Config"
                )
                raise GraphError(
                    f"operation {operation.id}[{operation.kind}]: {cls.__name__} needs {name}; {how}", operation.id
                )
    try:
        node: nn.Module = cls(**arguments)
    except (TypeError, ValueError) as error:
        raise GraphError(f"operation {operation.id}[{operation.kind}]: {error}", operation.id) from error
    node.label = operation.kind  # type: ignore[assignment]
    return node


def fields(config: Config) -> dict[str, Any]:
    """What a config says to the constructors of a step, by the names of their parameters."""
    of_the_encoder = ("cell", "num_layers", "bidirectional", "bridge")
    given = {name: value for name, value in vars(config).items() if name not in of_the_encoder}
    return given | {"vocabulary_size": config.target_vocabulary}


def _sizes(
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
                _reader(graph, past.id),
            )
    for value in graph.inputs:
        if value.id not in sizes and value.id not in handed_on:
            raise GraphError(
                f"value {value.id} '{value}' is read and never made: {_unmade(value.later)}", _reader(graph, value.id)
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
    parameters = _parameters(choice.kind.load())
    for source in (choice.options, choice.kind.given, given):
        if name in source:
            return source[name]
    slots = choice.kind.slots(len(operation.inputs)) or []
    for slot, value in zip(slots, operation.inputs, strict=True):
        if slot.name == name and handed_on.get(value) != operation.output:
            return sizes.get(value, Parameter.empty)
    return parameters[name].default if name in parameters else None


def _argument_sizes(
    graph: Graph, operation: Operation, choice: Choice, sizes: Mapping[str, int | None], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The sizes of the arguments by the names of the signature: those of a constructor's parameter are added up."""
    parameters = _parameters(choice.kind.load())
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


def _check_state(graph: Graph, operation: Operation, choice: Choice) -> None:
    """What is handed on to the next step of the same operation belongs in the slot that has the name of its result."""
    slots = choice.kind.slots(len(operation.inputs)) or []
    past = {before.id: now.id for now, before in graph.recurrences}
    named = [n for n, slot in enumerate(slots) if slot.name is not None and slot.name == choice.kind.result.name]
    for number, id in enumerate(operation.inputs):
        if past.get(id) == operation.output and named and number not in named:
            raise GraphError(
                f"operation {operation.id}[{operation.kind}] reads its own past, {id} '{graph.values[id]}', as "
                f"argument {number + 1}; its state is argument {named[0] + 1}: change the order of its arrows",
                (id, operation.id),
            )


def _check_options(operation: Operation, choice: Choice, parameters: Mapping[str, Parameter]) -> None:
    """What a text says of an option is of the type that the constructor's parameter has."""
    for name, value in choice.options.items():
        annotation = parameters[name].annotation
        wanted = getattr(annotation, "__name__", annotation)
        word = name.removeprefix("num_")
        of_ours = isinstance(choice.kind.node, str)
        if wanted == "int" and (type(value) is not int or (of_ours and value < 1)):
            how = f"takes a whole number{' from 1 up' if of_ours else ''}, as in '{word} 2'"
        elif wanted == "float" and type(value) is bool:
            how = f"takes a number, as in '{word} 0.5'"
        elif wanted == "bool" and type(value) is not bool:
            how = "takes no number"
        else:
            continue
        raise GraphError(f"operation {operation.id}[{operation.kind}]: {word} {how}", operation.id)


def _misnamed(graph: Graph) -> Iterator[tuple[str | tuple[str, str], str]]:
    """(what is at fault, why) for every name that stands for something else in a model."""
    taken = Wired(Graph([], []), {})
    for id in graph.operations:
        if hasattr(taken, id):
            yield id, f"operation {id} has a name that every torch module has for something else; give it another id"
    for id in (*graph.values, *graph.operations):
        if id in OUTSIDE:
            yield id, f"{id} is the name of a part of the model around the step; use another id"
    for value in graph.values.values():
        maker, axes = graph.maker(value.id), _GIVEN.get(value.word)
        if axes and maker:
            yield (
                (maker.id, value.id),
                f"value {value.id} '{value}' is made by {maker.id}, but a model gives each step what is called "
                f"{value.word}; use another word",
            )
        elif axes and value.axes != axes:
            yield value.id, f"value {value.id} '{value}' is one for each {axes}; write that as its subscript"
        elif value.word in _HIDDEN and not maker:
            yield value.id, f"value {value.id} '{value}' has a word that stands for what no picture shows; use another"
        elif value.word == "output" and value.axes != "i":
            yield value.id, f"value {value.id} '{value}' is one for each {value.axes}; an output is one for each i"
    for now, before in graph.recurrences:
        if now.word == "output" and before.word != "prev_output":
            yield (
                before.id,
                f"value {before.id} '{before}' is the output of the step before, of which a step is given the symbol "
                f"that was chosen, embedded, as prev_output; use that word",
            )
        elif before.word == "prev_output" and now.word != "output":
            yield (
                before.id,
                f"value {before.id} '{before}' is {now.id} '{now}' of the step before, but what is called prev_output "
                f"is the symbol that was chosen by the output, embedded; use another symbol",
            )
        elif now.symbol == "s" and now.axes != "i":
            yield (
                now.id,
                f"value {now.id} '{now}' has the symbol of the decoder's state, which the bridge begins, and is one "
                f"for each {now.axes}; use another symbol",
            )


def _parameters(cls: type[nn.Module]) -> dict[str, Parameter]:
    """The named parameters of a constructor."""
    unnamed = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return {name: p for name, p in inspect.signature(cls).parameters.items() if p.kind not in unnamed}


def _unmade(later: tuple[str, str] | None) -> str:
    if later is None:
        return "a model has y_{i-1} prev_output, h_{j} encoder_hidden and x_{j} source; let an operation make it"
    symbol, subscript = later
    return f"it would be {symbol}_{{{subscript}}} of the step before; let an operation make that"


def _reader(graph: Graph, value: str) -> tuple[str, str]:
    return next((value, operation.id) for operation in graph.operations.values() if value in operation.inputs)
