"""Node `softmax`: energies become weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check_energies


class Softmax(nn.Module):
    """Node `softmax`: alpha_ij = exp(e_ij / t) / sum_k exp(e_ik / t), over the real positions k.

    Bahdanau et al. 2015, section 3.1, equation 6, where t = 1. The paper has no mask; here padding gets weight zero
    exactly, and a row without any real position gets all zeros (and so a zero context), never NaN, in values, gradients
    and second gradients: the energies are filled with the lowest finite number, not with -inf.

    Args:
        temperature: t, above 0; below 1 the weights are sharper, above 1 flatter.

    Raises:
        ValueError: another ``temperature``.

    Example:
        >>> Softmax()(torch.tensor([[0.0, 0.0, 9.0]]), mask=torch.tensor([[True, True, False]]))
        tensor([[0.5000, 0.5000, 0.0000]])
    """

    label = "softmax"
    all_steps = True

    def __init__(self, *, temperature: float = 1.0) -> None:
        super().__init__()
        if not 0.0 < temperature < float("inf"):
            raise ValueError(f"temperature is {temperature}; it is a number above 0")
        self.temperature = temperature

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        """Weights that sum to one over the real positions of each row.

        Args:
            attn_energies: e_ij, (B, …, S): a step's, or with axes T (all steps) and K (heads) between.
            mask: (B, S) bool, True = real.

        Returns:
            alpha_ij, of the same shape.

        Raises:
            TypeError, ValueError: see `check_energies`.
        """
        mask = check_energies(self, attn_energies, mask)
        energies = attn_energies if self.temperature == 1.0 else attn_energies / self.temperature
        lowest = torch.finfo(energies.dtype).min
        weights = torch.softmax(energies.masked_fill(~mask, lowest), dim=-1)
        return weights.masked_fill(~mask, 0.0)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for alpha_{0,j}: zeros, (B, S); nothing was looked at yet."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])
