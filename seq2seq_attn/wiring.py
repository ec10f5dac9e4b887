"""What every wiring of a decoder step has: named values, named nodes, and a picture."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph, Value
from seq2seq_attn.nodes import FeedforwardEnergy, State

# The words of the code and the symbols of the pictures: the one legend of both.
LEGEND = tuple(
    Value.parse(text)
    for text in (
        "y_{i} output",
        "y_{i-1} prev_output",
        "s_{i} decoder_hidden",
        "c_{i} context",
        "s_{i-1} prev_decoder",
        "h_{j} encoder_hidden",
        "alpha_{ij} attn_weights",
        "e_{ij} attn_energies",
    )
)


class Step(NamedTuple):
    """Every value that one step of the decoder makes; after the loop, the same with an axis T behind B.

    Attributes:
        output: y_i, logits (B, V).
        decoder_hidden: s_i, (B, H), or an LSTMState of two.
        context: c_i, (B, M).
        attn_weights: alpha_ij, (B, S), zero on padding.
        attn_energies: e_ij, (B, S), before the mask.
    """

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor


class Wiring(nn.Module):
    """A module whose children are nodes and whose ``forward`` only hands values from one to the next.

    Subclasses name their arguments and the fields of their result by the words of ``legend``, and their children by the
    operations of ``diagram``.
    """

    legend: Sequence[Value] = LEGEND
    diagram: ClassVar[str]

    def arguments(self) -> tuple[str, ...]:
        """The words of the values that a step is given; what is keyword-only stays out of the picture."""
        parameters = inspect.signature(self.forward).parameters.values()
        return tuple(p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY)

    def specification(self) -> Graph:
        """The graph that this wiring was built from: the diagram of its name."""
        return mermaid.load(self.diagram)

    def keys(self, encoder_hidden: Tensor) -> Tensor | None:
        """What its energy can compute once a sentence; None where there is not exactly one such node."""
        energies = [node for node in self.children() if isinstance(node, FeedforwardEnergy)]
        return energies[0].keys(encoder_hidden) if len(energies) == 1 else None


def kind_of(node: nn.Module) -> str:
    """A node's kind in the picture: its ``label``, or the name of its class for one that has none (torch.nn's own)."""
    return str(getattr(node, "label", type(node).__name__))


def stack(steps: Sequence[Step]) -> Step:
    """Put the steps of a loop behind one another: every (B, …) becomes (B, T, …)."""
    return cast(Step, _stack(steps))


def _stack(values: Sequence[Any]) -> Any:
    if isinstance(values[0], tuple):
        return type(values[0])(*(_stack(column) for column in zip(*values, strict=True)))
    return torch.stack(list(values), dim=1)
