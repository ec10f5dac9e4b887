"""Any diagram as a program: the sketchpad for a new wiring, and the oracle for a written one."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Mapping
from functools import cache
from inspect import Parameter
from typing import Any

from torch import Tensor, nn

from seq2seq_attn.graph import Graph, Operation
from seq2seq_attn.wiring import Wiring, keywords, kind_of


class Wired(Wiring):
    """Runs a diagram, operation by operation, on the nodes given for it.

    Called like a written wiring: the diagram's inputs in the order of their declaration, or by their words; what no
    picture shows (``mask``, ``keys``) by keyword, handed to each node that takes it.

    Args:
        graph: the diagram.
        nodes: a module for every operation, by its id; the arrows into an operation are its arguments, in order.

    Raises:
        ValueError: an operation without a node, a node without an operation, a node of another kind than the diagram
            says, or one that takes another number of arguments.

    Example:
        >>> import torch
        >>> from seq2seq_attn import mermaid
        >>> from seq2seq_attn.nodes import WeightedSum
        >>> text = '''graph TD
        ... w_j["w_{j} weights"]
        ... h_j["h_{j} memory"]
        ... c_i["c_{i} context"]
        ... subgraph
        ...     wsum[weighted_sum]
        ... end
        ... w_j --> wsum
        ... h_j --> wsum
        ... wsum --> c_i
        ... '''
        >>> step = Wired(mermaid.parse(text), {"wsum": WeightedSum()})
        >>> step(torch.tensor([[0.25, 0.75]]), torch.tensor([[[4.0], [8.0]]]))
        Step(context=tensor([[7.]]))
    """

    def __init__(self, graph: Graph, nodes: Mapping[str, nn.Module]) -> None:
        nn.Module.__init__(self)
        for id in nodes.keys() - graph.operations.keys():
            raise ValueError(f"node {id!r} is no operation of the diagram; it has {', '.join(graph.operations)}")
        for operation in graph.operations.values():
            if operation.id not in nodes:
                raise ValueError(
                    f"operation {operation.id}[{operation.kind}] has no node; give nodes['{operation.id}']"
                )
            _check_node(operation, nodes[operation.id])
        self.graph = graph
        self._arguments = inspect.Signature(
            [Parameter(value.word, Parameter.POSITIONAL_OR_KEYWORD) for value in graph.inputs]
        )
        self._order = graph.order()
        self._takes = {id: keywords(node) for id, node in nodes.items()}
        for id in graph.operations:
            if hasattr(self, id):
                raise ValueError(f"operation {id!r} has the name of an attribute of Wired; rename it")
            self.add_module(id, nodes[id])

    def arguments(self) -> tuple[str, ...]:
        """The words of the diagram's inputs."""
        return tuple(self._arguments.parameters)

    def keywords(self) -> frozenset[str]:
        """The names of what its nodes take and no picture shows."""
        return frozenset[str]().union(*self._takes.values())

    def specification(self) -> Graph:
        """The diagram that it runs."""
        return self.graph

    def keys(self, encoder_hidden: Tensor) -> Tensor | None:
        """What its energy can compute once a sentence; None unless the arrows say that it reads ``encoder_hidden``."""
        given = {value.id: value.word for value in self.graph.inputs}
        for operation in self._order:
            reads = [given.get(id) for id in operation.inputs[1:2]]
            if hasattr(self.get_submodule(operation.id), "keys") and reads != ["encoder_hidden"]:
                return None
        return super().keys(encoder_hidden)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """One run of the diagram; returns a named tuple of all values that its operations make."""
        words = self._arguments.parameters
        hidden = {name: value for name, value in kwargs.items() if name not in words}
        if unknown := hidden.keys() - self.keywords():
            raise TypeError(f"no node takes {', '.join(sorted(unknown))}; the values are {', '.join(words)}")
        given = self._arguments.bind(*args, **{name: kwargs[name] for name in kwargs if name in words}).arguments
        values = {value.id: given[value.word] for value in self.graph.inputs}
        for operation in self._order:
            extra = {name: value for name, value in hidden.items() if name in self._takes[operation.id]}
            arguments = (values[id] for id in operation.inputs)
            values[operation.output] = self.get_submodule(operation.id)(*arguments, **extra)
        return _result(tuple(value.word for value in self.graph.outputs))(
            *(values[value.id] for value in self.graph.outputs)
        )


def _check_node(operation: Operation, node: nn.Module) -> None:
    name, label = type(node).__name__, kind_of(node)
    if label != operation.kind:
        raise ValueError(f"operation {operation.id} is {operation.kind!r} in the diagram; {name} is {label!r}")
    parameters = inspect.signature(node.forward).parameters.values()
    positional = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is Parameter.empty for p in positional)
    open_ended = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    if len(operation.inputs) < required or (len(operation.inputs) > len(positional) and not open_ended):
        takes, gets = ", ".join(p.name for p in positional), ", ".join(operation.inputs)
        raise ValueError(f"operation {operation.id} has the arrows ({gets}); its node {name} takes ({takes})")


@cache
def _result(words: tuple[str, ...]) -> Any:
    """The named tuple of all values that are made; not an attribute, so that a model of it can be copied and saved."""
    return namedtuple("Step", words)
