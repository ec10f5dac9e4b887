"""The wiring of diagrams/conditional_gru.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class ConditionalGRUStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor
    attn_query: State


class ConditionalGRU(Wiring):
    """One step of the decoder: diagrams/conditional_gru.mmd, one line an operation.

    Sennrich et al. 2017 (Nematus), section 2: GRU(y_{i-1}) makes r_i, the attention looks with it, GRU(c_i) makes s_i.
    """

    diagram = "conditional_gru"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> ConditionalGRUStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_query = self.rnn1(prev_output, prev_decoder)
        attn_energies = self.a(attn_query, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn2(context, attn_query)
        output = self.out(prev_output, decoder_hidden, context)
        return ConditionalGRUStep(output, decoder_hidden, context, attn_weights, attn_energies, attn_query)
