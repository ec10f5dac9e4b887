"""The decoder's state: one value in the diagram; a tensor, or several of them that travel together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor


class LSTMState(NamedTuple):
    """An LSTM's state, handed from step to step as one value.

    Attributes:
        hidden: (B, H), the part that other nodes read.
        cell: (B, H), the part that only the LSTM itself reads.
    """

    hidden: Tensor
    cell: Tensor


class Layers(tuple[Tensor | LSTMState, ...]):
    """One value a layer, the lowest first: ``Layers(first, second)``."""

    def __new__(cls, *values: Tensor | LSTMState) -> Layers:
        """A tuple takes one iterable; this takes the values, as a named tuple does."""
        return super().__new__(cls, values)


class LayeredState(NamedTuple):
    """The state of several layers, handed from step to step as one value.

    Attributes:
        output: (B, H), what the highest layer gives: the part that other nodes read.
        layers: the state of each layer.
        noise: what each layer's previous hidden state is multiplied with in this sentence, (B, H) each; empty without
            variational dropout, in evaluation, and before the first step.
    """

    output: Tensor
    layers: Layers
    noise: Layers


State: TypeAlias = Tensor | LSTMState | LayeredState


def visible(state: State) -> Tensor:
    """The part of a state that the other nodes read: (B, H)."""
    if isinstance(state, LayeredState):
        return state.output
    return state.hidden if isinstance(state, LSTMState) else state


def each(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """A value of the same form, a tensor or a state of several, of what a function makes of each tensor."""
    if isinstance(value, Tensor):
        return function(value)
    return type(value)(*(each(function, part) for part in value)) if isinstance(value, tuple) else value
