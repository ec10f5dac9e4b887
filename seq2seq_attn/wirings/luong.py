"""The wiring of diagrams/luong.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class LuongStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor
    attn_hidden: Tensor


class Luong(Wiring):
    """One step of the decoder: diagrams/luong.mmd, one line an operation.

    Luong et al. 2015, section 3: update (rnn), then look with the *new* state s_i (a, softmax, wsum), put context and
    state together (attend, equation 5), generate (out, equation 6). Without input feeding nothing of the attention is
    needed by the next step, so that with the symbols given only rnn waits: one call of the library.
    """

    diagram = "luong"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> LuongStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        decoder_hidden = self.rnn(prev_output, prev_decoder)
        attn_energies = self.a(decoder_hidden, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        attn_hidden = self.attend(context, decoder_hidden)
        output = self.out(attn_hidden)
        return LuongStep(output, decoder_hidden, context, attn_weights, attn_energies, attn_hidden)
