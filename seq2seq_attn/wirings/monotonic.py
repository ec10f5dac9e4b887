"""The wiring of diagrams/monotonic.mmd, written by hand."""

from __future__ import annotations

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Step, Wiring


class Monotonic(Wiring):
    """One step of the decoder: diagrams/monotonic.mmd, one line an operation.

    Raffel et al. 2017: the softmax gives way to a node that moves from left to right only, from where the step before
    looked.
    """

    diagram = "monotonic"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        prev_weights: Tensor,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> Step:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.mono(attn_energies, prev_weights, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return Step(output, decoder_hidden, context, attn_weights, attn_energies)
