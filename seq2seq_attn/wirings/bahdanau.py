"""The wiring of diagrams/bahdanau.mmd, written by hand."""

from __future__ import annotations

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Step, Wiring


class Bahdanau(Wiring):
    """One step of the decoder: diagrams/bahdanau.mmd, one line an operation.

    Bahdanau et al. 2015, section 3.1: look (a, softmax, wsum), update (rnn), generate (out).
    """

    diagram = "bahdanau"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> Step:
        """One step.

        Args:
            prev_output: y_{i-1}, the embedded previous symbol, (B, E).
            prev_decoder: s_{i-1}, (B, H) or an LSTMState of two.
            encoder_hidden: h_j, (B, S, M).
            mask: (B, S) bool, True = real.
            keys: ``self.keys(encoder_hidden)``, if computed before the loop.
        """
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return Step(output, decoder_hidden, context, attn_weights, attn_energies)
