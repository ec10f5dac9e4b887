"""The wiring of diagrams/multihead.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class MultiheadStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_energies: Tensor
    attn_weights: Tensor


class Multihead(Wiring):
    """One step of the decoder: diagrams/multihead.mmd, one line an operation.

    Vaswani et al. 2017, section 3.2.2, in the place of the seed's attention: four heads look, and the context is what
    all of them have read.
    """

    diagram = "multihead"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> MultiheadStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return MultiheadStep(output, decoder_hidden, context, attn_energies, attn_weights)
