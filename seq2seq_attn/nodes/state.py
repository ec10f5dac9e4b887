"""The decoder's state: one value in the diagram, a tensor for a GRU, a pair of tensors for an LSTM."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from torch import Tensor


class LSTMState(NamedTuple):
    """An LSTM's state, handed from step to step as one value.

    Attributes:
        hidden: (B, H), the part that other nodes read.
        cell: (B, H), the part that only the LSTM itself reads.
    """

    hidden: Tensor
    cell: Tensor


State: TypeAlias = Tensor | LSTMState


def visible(state: State) -> Tensor:
    """The part of a state that the other nodes read: (B, H)."""
    return state.hidden if isinstance(state, LSTMState) else state
