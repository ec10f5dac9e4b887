"""The wiring of diagrams/coverage.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class CoverageStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor
    coverage: Tensor


class Coverage(Wiring):
    """One step of the decoder: diagrams/coverage.mmd, one line an operation.

    See et al. 2017, section 2.3, equations 10 and 11, on the seed: the energy also sees how much of each source
    position was read so far, k_{i-1,j}; `Config.coverage_loss` weighs their equation 12.
    """

    diagram = "coverage"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        prev_coverage: Tensor,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> CoverageStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        attn_energies = self.a(prev_decoder, encoder_hidden, prev_coverage, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        coverage = self.cover(prev_coverage, attn_weights)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return CoverageStep(output, decoder_hidden, context, attn_weights, attn_energies, coverage)
