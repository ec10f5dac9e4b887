"""The wiring of diagrams/luong_input_feeding.mmd, written by hand."""

from __future__ import annotations

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring
from seq2seq_attn.wirings.luong import LuongStep


class LuongInputFeeding(Wiring):
    """One step of the decoder: diagrams/luong_input_feeding.mmd, one line an operation.

    Luong et al. 2015, section 3.3: `luong`, whose rnn also reads what the step before has put together, a_{i-1}.
    """

    diagram = "luong_input_feeding"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        prev_attn_hidden: Tensor,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> LuongStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        decoder_hidden = self.rnn(prev_output, prev_decoder, prev_attn_hidden)
        attn_energies = self.a(decoder_hidden, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        attn_hidden = self.attend(context, decoder_hidden)
        output = self.out(attn_hidden)
        return LuongStep(output, decoder_hidden, context, attn_weights, attn_energies, attn_hidden)
