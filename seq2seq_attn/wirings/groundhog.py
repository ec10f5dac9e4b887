"""The wiring of diagrams/groundhog.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class GroundhogStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    context: Tensor
    prev_decoder: State
    attn_weights: Tensor
    attn_energies: Tensor


class Groundhog(Wiring):
    """One step of the decoder: diagrams/groundhog.mmd, one line an operation.

    The order of Bahdanau's own code (GroundHog): generate from s_{i-1}, then update with y_i. A step cannot read the
    symbol that is chosen from its own result, so the update stands first in the step after it: s_{i-1} = f(y_{i-1},
    s_{i-2}, c_{i-1}). GroundHog generates the first symbol from the bridge's state itself; here that state has been
    updated once by then, with the symbol that begins a sentence and a context of zeros.
    """

    diagram = "groundhog"

    def forward(
        self,
        prev_output: Tensor,
        earlier_decoder: State,
        prev_context: Tensor,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> GroundhogStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        prev_decoder = self.rnn(prev_output, earlier_decoder, prev_context)
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        output = self.out(prev_output, prev_decoder, context)
        return GroundhogStep(output, context, prev_decoder, attn_weights, attn_energies)
