"""Node `wsum`: the context, what the decoder reads of the source at this step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check


class WeightedSum(nn.Module):
    """Node `wsum`: c_i = sum_j alpha_ij h_j.

    Bahdanau et al. 2015, section 3.1, equation 5.

    Example:
        >>> WeightedSum()(torch.tensor([[0.25, 0.75]]), torch.tensor([[[4.0], [8.0]]]))
        tensor([[7.]])
    """

    label = "weighted_sum"
    all_steps = True

    def forward(self, attn_weights: Tensor, encoder_hidden: Tensor) -> Tensor:
        """The weighted sum over source positions.

        Args:
            attn_weights: alpha_ij, (B, [T], S), zero on padding.
            encoder_hidden: h_j, (B, S, M), finite on padding too.

        Returns:
            c_i, (B, [T], M).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(self, attn_weights=(attn_weights, "B [T] S"), encoder_hidden=(encoder_hidden, "B S M"))
        if attn_weights.dim() == 3:
            return torch.bmm(attn_weights, encoder_hidden)
        return torch.bmm(attn_weights[:, None, :], encoder_hidden).squeeze(1)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for c_0: zeros, (B, M)."""
        return encoder_hidden.new_zeros(len(encoder_hidden), encoder_hidden.shape[-1])
