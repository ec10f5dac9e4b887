"""One step on zeros, before a model is given out: what only the nodes can say of a picture comes to light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.kinds import known
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.wiring import keywords


@torch.no_grad()
def rehearse(graph: Graph, nodes: Mapping[str, nn.Module], *, memory_size: int, embed_target: nn.Embedding) -> None:
    """Run the nodes of a step once, as the picture says; uses up no random numbers.

    No subscript tells the form of a state, and no signature how many heads a node was built for.

    Args:
        graph: the picture of one step, whose recurrences all have a maker with an ``initial``.
        nodes: a node for every operation.
        memory_size: size of h_j.
        embed_target: of the target symbols.

    Raises:
        GraphError: an operation whose node cannot take what its arrows bring, gives no tensor, or begins with something
            else than it goes on with; an output that does not tell the target symbols apart.
    """
    weight = embed_target.weight
    if weight.is_meta:  # built for its names and shapes only
        return
    encoder_hidden = torch.zeros(1, 2, memory_size)
    symbols = torch.zeros(1, 2, dtype=torch.int64)
    given = {"encoder_hidden": encoder_hidden, "source": symbols, "prev_output": embed_target(symbols[:, 0])}
    hidden = {"mask": torch.ones(1, 2, dtype=torch.bool)}
    values: dict[str, Any] = {value.id: given[value.word] for value in graph.inputs if value.word in given}
    handed_on = {before.id: now.id for now, before in graph.recurrences if now.word != "output"}
    with torch.random.fork_rng(devices=[weight.device] if weight.is_cuda else []):
        for before, now in handed_on.items():
            if maker := graph.maker(now):
                values[before] = _run(maker, nodes[maker.id].initial, encoder_hidden)
        for operation in graph.order():
            node = nodes[operation.id]
            shown = {word: value for word, value in hidden.items() if word in keywords(node)}
            values[operation.output] = _run(operation, node, *(values[id] for id in operation.inputs), **shown)
    for before, now in handed_on.items():
        first, made = (f"{type(value).__name__} {_shape(value)}" for value in (values[before], values[now]))
        if first != made and (maker := graph.maker(now)):
            raise GraphError(
                f"value {before} '{graph.values[before]}' is {first} before the first step, by "
                f"{type(nodes[maker.id]).__name__}.initial, and {made} after it; they have to be one",
                (maker.id, now),
            )
    output = next(value for value in graph.outputs if value.word == "output")
    shape, wanted = _shape(values[output.id]), (1, embed_target.num_embeddings)
    if shape != wanted and (maker := graph.maker(output.id)):
        makers = ", ".join(kind.label for kind in known() if str(kind.result.name).startswith("vocabulary"))
        raise GraphError(
            f"operation {maker.id}[{maker.kind}] makes '{output}' of {shape[-1]} numbers, where one of {wanted[1]} "
            f"symbols is to be chosen by them; there are {makers}",
            (maker.id, output.id),
        )


def _run(operation: Operation, node: Any, *arguments: Any, **hidden: Any) -> Any:
    where = f"operation {operation.id}[{operation.kind}]"
    try:
        value = node(*arguments, **hidden)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        how = ""
        if hasattr(node, "sequence") and isinstance(error, TypeError):
            how = f"; {operation.inputs[1]} is its state, to be made by an operation of the same cell and layers"
        raise GraphError(f"{where} cannot run: {error}{how}", operation.id) from error
    if not isinstance(visible(value), Tensor):
        raise GraphError(
            f"{where} gives a {type(value).__name__}, where a node gives one tensor or a State", operation.id
        )
    return value


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(visible(value).shape)
