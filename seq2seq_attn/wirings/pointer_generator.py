"""The wiring of diagrams/pointer_generator.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class PointerGeneratorStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor
    vocabulary_scores: Tensor
    generate: Tensor


class PointerGenerator(Wiring):
    """One step of the decoder: diagrams/pointer_generator.mmd, one line an operation.

    See et al. 2017, section 2.2, equations 8 and 9, on the seed: each symbol is generated (out) with the probability
    p_i (gate) and copied from where the step looked (copy) otherwise, so that unknown source symbols can be written.
    """

    diagram = "pointer_generator"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        encoder_hidden: Tensor,
        source: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> PointerGeneratorStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        vocabulary_scores = self.out(prev_output, decoder_hidden, context)
        generate = self.gate(prev_output, decoder_hidden, context)
        output = self.copy(vocabulary_scores, generate, attn_weights, source)
        return PointerGeneratorStep(
            output, decoder_hidden, context, attn_weights, attn_energies, vocabulary_scores, generate
        )
