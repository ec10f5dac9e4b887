"""What every wiring of a decoder step has: named values, named nodes, and a picture."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from torch import Tensor, nn

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph, Value
from seq2seq_attn.nodes import State


class Step(NamedTuple):
    """Every value that one step of the decoder makes; after the loop, the same with an axis T behind B.

    Attributes:
        output: y_i, logits (B, V).
        decoder_hidden: s_i, (B, H), or the several tensors of an LSTM or of layers; after the loop what others read of
            them, (B, T, H).
        context: c_i, (B, M).
        attn_weights: alpha_ij, (B, S), zero on padding; of K heads (B, K, S).
        attn_energies: e_ij, (B, S), before the mask; of K heads (B, K, S).
    """

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor


class Wiring(nn.Module):
    """A module whose children are nodes and whose ``forward`` only hands values from one to the next.

    Subclasses name their arguments and the fields of their result by the words of ``diagram``, and their children by
    its operations. What no picture shows is keyword-only: ``mask``, ``keys``.

    Args:
        nodes: a module for every operation of the diagram, by its id.

    Raises:
        TypeError: an operation without a node, a node without an operation.
    """

    diagram: ClassVar[str]

    def __init__(self, **nodes: nn.Module) -> None:
        super().__init__()
        operations = self.specification().operations
        if wrong := nodes.keys() ^ operations.keys():
            faults = (f"{id} is {'missing' if id in operations else 'no operation'}" for id in sorted(wrong))
            raise TypeError(f"{type(self).__name__} takes the nodes {', '.join(operations)}; {', '.join(faults)}")
        for id in operations:
            self.add_module(id, nodes[id])

    if TYPE_CHECKING:  # a node is called as it is, whatever it takes

        def __getattr__(self, name: str) -> Any: ...

    @property
    def legend(self) -> Sequence[Value]:
        """The words of the code and the symbols of the picture."""
        return tuple(self.specification().values.values())

    def arguments(self) -> tuple[str, ...]:
        """The words of the values that a step is given; what is keyword-only stays out of the picture."""
        return tuple(p.name for p in _parameters(self) if p.kind is not inspect.Parameter.KEYWORD_ONLY)

    def keywords(self) -> frozenset[str]:
        """The names of what a step is given and no picture shows."""
        return keywords(self)

    def specification(self) -> Graph:
        """The graph that this wiring was built from: the diagram of its name."""
        return shipped_graph(self.diagram)

    def keys(self, encoder_hidden: Tensor) -> Tensor | None:
        """What its energy can compute once a sentence; None where there is not exactly one such node."""
        makers: list[Any] = [node for node in self.children() if hasattr(node, "keys")]
        keys: Tensor | None = makers[0].keys(encoder_hidden) if len(makers) == 1 else None
        return keys


def kind_of(node: nn.Module) -> str:
    """A node's kind in the picture: its ``label``, or the name of its class for one that has none (torch.nn's own)."""
    return str(getattr(node, "label", type(node).__name__))


def keywords(module: nn.Module) -> frozenset[str]:
    """The names of the arguments that a module takes by keyword only."""
    return frozenset(p.name for p in _parameters(module) if p.kind is inspect.Parameter.KEYWORD_ONLY)


_PARAMETERS: dict[Any, tuple[inspect.Parameter, ...]] = {}


def _parameters(module: nn.Module) -> tuple[inspect.Parameter, ...]:
    """What a module's ``forward`` takes; of a method found out once, since a loop asks at every batch."""
    forward = module.forward
    method = getattr(forward, "__func__", None)
    if method is None:  # put there by hand, on this one module
        return tuple(inspect.signature(forward).parameters.values())
    if method not in _PARAMETERS:
        _PARAMETERS[method] = tuple(inspect.signature(forward).parameters.values())
    return _PARAMETERS[method]


_SHIPPED: dict[str, Graph] = {}


def shipped_graph(name: str) -> Graph:
    """The graph of a diagram that ships, by its name; read once."""
    if name not in _SHIPPED:  # and no functools.cache, which torch.compile looks through and reads again
        _SHIPPED[name] = mermaid.load(name)
    return _SHIPPED[name]


def parts(value: Any) -> tuple[Tensor, ...]:
    """The tensors of a value: itself, or all of a state, in order."""
    if isinstance(value, tuple):
        return tuple(tensor for part in value for tensor in parts(part))
    return (value,)
