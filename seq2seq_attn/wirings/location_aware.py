"""The wiring of diagrams/location_aware.mmd, written by hand."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Wiring


class LocationAwareStep(NamedTuple):
    """Every value that one step makes; after the loop, the same with an axis T behind B."""

    output: Tensor
    decoder_hidden: State
    context: Tensor
    attn_weights: Tensor
    attn_energies: Tensor
    location: Tensor


class LocationAware(Wiring):
    """One step of the decoder: diagrams/location_aware.mmd, one line an operation.

    Chorowski et al. 2015, section 2.2, equations 8 and 9: the energy also sees where the step before looked, through a
    convolution (conv) of its weights.
    """

    diagram = "location_aware"

    def forward(
        self,
        prev_output: Tensor,
        prev_decoder: State,
        prev_weights: Tensor,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        keys: Tensor | None = None,
    ) -> LocationAwareStep:
        """One step; the arguments are the values that the picture is given, by their words."""
        location = self.conv(prev_weights)
        attn_energies = self.a(prev_decoder, encoder_hidden, location, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        output = self.out(prev_output, decoder_hidden, context)
        return LocationAwareStep(output, decoder_hidden, context, attn_weights, attn_energies, location)
