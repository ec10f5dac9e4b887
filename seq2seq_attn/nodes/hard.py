"""Node `softmax`, hard: the decoder looks at one source position."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check_energies


class HardAttention(nn.Module):
    """Node `softmax`: alpha_ij = 1 where e_ij + g_ij is highest, 0 elsewhere; g_ij Gumbel noise in training only.

    With the noise position j is drawn with probability softmax(e_i)_j. The gradient is that of softmax((e_ij + g_ij) /
    t), handed straight through: Jang et al. 2017, "Categorical Reparameterization with Gumbel-Softmax", section 2.2.
    Padding and rows without any real position get zeros, as in `Softmax`.

    Args:
        temperature: t, above 0; lower, the gradient is nearer to the step taken, and its variance higher.

    Raises:
        ValueError: another ``temperature``.

    Example:
        >>> HardAttention().eval()(torch.tensor([[1.0, 3.0, 2.0]]), mask=torch.tensor([[True, True, True]]))
        tensor([[0., 1., 0.]])
    """

    label = "hard"
    all_steps = True

    def __init__(self, *, temperature: float = 1.0) -> None:
        super().__init__()
        if not 0.0 < temperature < float("inf"):
            raise ValueError(f"temperature is {temperature}; it is a number above 0")
        self.temperature = temperature

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        """Weights that are one at one real position of each row.

        Args:
            attn_energies: e_ij, (B, …, S): a step's, or with axes T (all steps) and K (heads) between.
            mask: (B, S) bool, True = real.

        Returns:
            alpha_ij, of the same shape.

        Raises:
            TypeError, ValueError: see `check_energies`.
        """
        mask = check_energies(self, attn_energies, mask)
        energies = attn_energies
        if self.training:
            waiting = torch.empty_like(energies).exponential_().clamp(min=torch.finfo(energies.dtype).tiny)
            energies = energies - waiting.log()
        energies = energies.masked_fill(~mask, torch.finfo(energies.dtype).min)
        soft = torch.softmax(energies / self.temperature, dim=-1)
        chosen = torch.zeros_like(soft).scatter(-1, energies.argmax(dim=-1, keepdim=True), 1.0)
        return (chosen + (soft - soft.detach())).masked_fill(~mask, 0.0)  # in this order: soft - soft is 0 exactly

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for alpha_{0,j}: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])
