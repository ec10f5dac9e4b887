"""The table of nodes: one row each, with sample arguments and bad ones. A new node is one new row here.

Sizes are different primes, so that no axis passes for another: B 2, S 3, E 5, H 7, M 11, attention 13, R 17, V 19.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes import (
    FeedforwardEnergy,
    FeedforwardOutput,
    GRUStep,
    LSTMState,
    LSTMStep,
    Softmax,
    WeightedSum,
)

B, S, E, H, M, A, R, V = 2, 3, 5, 7, 11, 13, 17, 19


@dataclass(frozen=True)
class Row:
    """A node, how it is built, what it takes (shapes by name, in order) and gives, and the last position it may see."""

    name: str
    build: Callable[[], nn.Module]
    shapes: dict[str, tuple[int, ...]]
    result: tuple[int, ...]
    masked: bool = False
    pairs: frozenset[str] = field(default_factory=frozenset)  # arguments that are an LSTMState of two

    def node(self) -> nn.Module:
        """The node in float64, with every parameter random: none is zero by its first weights."""
        node = self.build().double()
        for parameter in node.parameters():
            nn.init.normal_(parameter, std=0.5)
        return node

    def arguments(self, batch: int = B, source: int = S) -> list[Any]:
        """Random arguments, in order."""
        sizes = {B: batch, S: source}

        def sample(shape: tuple[int, ...]) -> Tensor:
            return torch.randn([sizes.get(size, size) for size in shape], dtype=torch.float64)

        return [
            LSTMState(sample(shape), sample(shape)) if name in self.pairs else sample(shape)
            for name, shape in self.shapes.items()
        ]

    def hidden(self, mask: Tensor) -> dict[str, Tensor]:
        """What the picture does not show."""
        return {"mask": mask} if self.masked else {}


_STEP = {"prev_output": (B, E), "prev_decoder": (B, H), "context": (B, M)}
_OUT = {"prev_output": (B, E), "decoder_hidden": (B, H), "context": (B, M)}
_ATTEND = {"prev_decoder": (B, H), "encoder_hidden": (B, S, M)}

NODES = [
    Row("energy", lambda: FeedforwardEnergy(H, M, A), _ATTEND, (B, S)),
    Row("softmax", Softmax, {"attn_energies": (B, S)}, (B, S), masked=True),
    Row("weighted_sum", WeightedSum, {"attn_weights": (B, S), "encoder_hidden": (B, S, M)}, (B, M)),
    Row("gru", lambda: GRUStep(E, M, H), _STEP, (B, H)),
    Row("gru, reset before", lambda: GRUStep(E, M, H, reset_after=False), _STEP, (B, H)),
    Row("lstm", lambda: LSTMStep(E, M, H), _STEP, (B, H), pairs=frozenset({"prev_decoder"})),
    Row("output, tanh", lambda: FeedforwardOutput(E, H, M, R, V), _OUT, (B, V)),
    Row("output, maxout", lambda: FeedforwardOutput(E, H, M, R, V, readout="maxout"), _OUT, (B, V)),
]


def tensors(value: Any) -> tuple[Tensor, ...]:
    """The tensors of a value: one, or the two of an LSTMState."""
    return tuple(value) if isinstance(value, tuple) else (value,)
