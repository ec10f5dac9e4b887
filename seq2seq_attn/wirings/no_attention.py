"""The wiring of diagrams/no_attention.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class NoAttentionStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State


class NoAttention(Wiring):
    """One step of the decoder: diagrams/no_attention.mmd, one line an operation.

    Sutskever et al. 2014: all that the decoder knows of the source is s_0.
    """

    diagram = "no_attention"

    def forward(self, prev_output: Tensor, prev_decoder: State) -> NoAttentionStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        decoder_hidden = self.rnn(prev_output, prev_decoder)
        output = self.out(decoder_hidden)
        return NoAttentionStep(output, decoder_hidden)
