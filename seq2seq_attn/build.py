"""From a picture to its nodes: the text of each operation picks the class, the config and the arrows its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any, cast

import torch
from torch import nn

from seq2seq_attn.bridge import Bridge
from seq2seq_attn.config import Config
from seq2seq_attn.encoders import Encoder
from seq2seq_attn.graph import Graph, GraphError, Operation, Value
from seq2seq_attn.kinds import find
from seq2seq_attn.nodes import LayeredState, LSTMState
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.picture import check_operation
from seq2seq_attn.rehearsal import rehearse
from seq2seq_attn.signature import Choice
from seq2seq_attn.sizes import argument_sizes, constructor_parameters, reader, sizes


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
    choices = {operation.id: find(graph, operation, config.cell) for operation in graph.operations.values()}
    for operation in graph.operations.values():
        check_operation(graph, operation, choices[operation.id])
    given = fields(config)
    found = sizes(graph, choices, given, {"prev_output": config.embedding_size, "encoder_hidden": memory_size})
    built: dict[str, nn.Module] = {}
    for operation in graph.operations.values():
        choice = choices[operation.id]
        own = argument_sizes(graph, operation, choice, found, given)
        built[operation.id] = construct(operation, choice, given, own | {"embedding": embed_target})
    for now, before in graph.recurrences:
        maker = graph.maker(now.id)
        if now.word != "output" and maker is not None and not hasattr(built[maker.id], "initial"):
            raise GraphError(
                f"value {before.id} '{before}' has no initial value: it is {now.id} of the step before, and "
                f"{type(built[maker.id]).__name__} has no method initial(encoder_hidden); give its class one, or let "
                f"another operation make {now.id}",
                reader(graph, before.id),
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
    built = cast(Encoder, construct(operation, choice, vars(config), {}))
    if choice.kind.label == "pyramid" and choice.options.get("num_layers", config.num_layers) == 1:
        raise GraphError(
            "operation encoder[pyramid] has one layer, which shortens nothing; write 'pyramid, 2 layers' or set "
            "num_layers in the config",
            "encoder",
        )
    return built


def bridge(picture: Graph, nodes: dict[str, nn.Module], reads: Encoder, config: Config) -> Bridge | None:
    """The bridge to s_0, in the form of the state that the picture's s has; None for a picture without s."""
    makers = [picture.maker(now.id) for now, _ in picture.recurrences if now.symbol == "s"]
    if not makers or makers[0] is None:
        return None
    node: Any = nodes[makers[0].id]
    state = node.initial(torch.zeros(1, 1, reads.memory_size))
    layered = isinstance(state, LayeredState)
    first = state.layers[0] if layered else state
    return Bridge(
        reads.memory_size,
        visible(state).shape[-1],
        cell="LSTM" if isinstance(first, LSTMState) else "GRU",
        num_layers=len(state.layers) if layered else 1,
        layered=layered,
        bidirectional=reads.bidirectional,
        reads=config.bridge,
    )


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
    _check_options(operation, choice, constructor_parameters(cls))
    for name, parameter in constructor_parameters(cls).items():
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
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise GraphError(f"operation {operation.id}[{operation.kind}]: {error}", operation.id) from error
    node.label = operation.kind  # type: ignore[assignment]
    return node


def fields(config: Config) -> dict[str, Any]:
    """What a config says to the constructors of a step, by the names of their parameters."""
    of_the_encoder = ("cell", "num_layers", "bidirectional", "bridge")
    given = {name: value for name, value in vars(config).items() if name not in of_the_encoder}
    return given | {"vocabulary_size": config.target_vocabulary}


def _check_options(operation: Operation, choice: Choice, parameters: Mapping[str, Parameter]) -> None:
    """What a text says of an option is of the type that the constructor's parameter has."""
    for name, value in choice.options.items():
        annotation = parameters[name].annotation
        wanted = getattr(annotation, "__name__", annotation)
        word = name.removeprefix("num_")
        of_ours = isinstance(choice.kind.node, str)
        if name == "dropout" and type(value) is not bool and not 0 <= value < 1:
            how = "takes a probability below 1, as in 'dropout 0.5'"
        elif wanted == "int" and (type(value) is not int or (of_ours and value < 1)):
            how = f"takes a whole number{' from 1 up' if of_ours else ''}, as in '{word} 2'"
        elif wanted == "float" and type(value) is bool:
            how = f"takes a number, as in '{word} 0.5'"
        elif wanted == "bool" and type(value) is not bool:
            how = "takes no number"
        else:
            continue
        raise GraphError(f"operation {operation.id}[{operation.kind}]: {word} {how}", operation.id)
