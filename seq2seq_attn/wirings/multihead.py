"""The wiring of diagrams/multihead.mmd, written by hand."""

from __future__ import annotations

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Step, Wiring


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
    ) -> Step:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return Step(output, decoder_hidden, context, attn_weights, attn_energies)
