"""Node `softmax`: energies become weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check, check_mask


class Softmax(nn.Module):
    """Node `softmax`: alpha_ij = exp(e_ij) / sum_k exp(e_ik), over the real positions k.

    Bahdanau et al. 2015, section 3.1, equation 6. The paper has no mask; here padding gets weight zero exactly, and a
    row without any real position gets all zeros (and so a zero context), never NaN, in values, gradients and second
    gradients: the energies are filled with the lowest finite number, not with -inf.

    Example:
        >>> Softmax()(torch.tensor([[0.0, 0.0, 9.0]]), mask=torch.tensor([[True, True, False]]))
        tensor([[0.5000, 0.5000, 0.0000]])
    """

    label = "softmax"

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        """Weights that sum to one over the real positions of each row.

        Args:
            attn_energies: e_ij, (B, S).
            mask: (B, S) bool, True = real.

        Returns:
            alpha_ij, (B, S).

        Raises:
            TypeError, ValueError: see `check` and `check_mask`.
        """
        check(self, attn_energies=(attn_energies, "B S"))
        check_mask(self, mask, attn_energies)
        lowest = torch.finfo(attn_energies.dtype).min
        weights = torch.softmax(attn_energies.masked_fill(~mask, lowest), dim=-1)
        return weights.masked_fill(~mask, 0.0)
