"""Node `softmax`, sparse: energies become weights, most of which are zero exactly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check_energies


class Sparsemax(nn.Module):
    """Node `softmax`: alpha_ij = max(e_ij - tau_i, 0), with the tau_i that makes them sum to one.

    Martins & Astudillo 2016, "From Softmax to Sparsemax", equation 2 and algorithm 1: the nearest point of the simplex.
    Padding gets weight zero exactly, and a row without any real position all zeros, never NaN, as in `Softmax`.

    Example:
        >>> Sparsemax()(torch.tensor([[0.5, 0.0, -2.0]]), mask=torch.tensor([[True, True, True]]))
        tensor([[0.7500, 0.2500, 0.0000]])
    """

    label = "sparsemax"
    all_steps = True

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
        z = _below_zero(attn_energies, mask)
        with torch.no_grad():  # which positions keep a weight: the first k of the sorted ones
            best = z.sort(dim=-1, descending=True).values
            sums = best.cumsum(dim=-1) - 1
            count = _counts(z)
            tau = (sums / count).gather(-1, (count * best > sums).sum(dim=-1, keepdim=True) - 1)
            kept = z > tau
        tau = (torch.where(kept, z, 0.0).sum(dim=-1, keepdim=True) - 1) / kept.sum(dim=-1, keepdim=True)
        weights = torch.where(kept & mask, z - tau, 0.0).clamp(min=0.0)
        return weights.to(attn_energies.dtype)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for alpha_{0,j}: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])


class Entmax15(nn.Module):
    """Node `softmax`: alpha_ij = max(e_ij / 2 - tau_i, 0)^2, with the tau_i that makes them sum to one.

    Peters, Niculae & Martins 2019, "Sparse Sequence-to-Sequence Models", section 3 and algorithm 2 (1.5-entmax, half
    way from softmax to sparsemax). With k positions that keep a weight, of mean m and squared deviations d, tau_i is
    m - sqrt((1 - d) / k); what stands under the root is at least 1 / k^2, so its derivatives are finite. Padding as in
    `Softmax`.

    Example:
        >>> Entmax15()(torch.tensor([[1.0, 0.0, -2.0]]), mask=torch.tensor([[True, True, True]]))
        tensor([[0.8307, 0.1693, 0.0000]])
    """

    label = "entmax15"
    all_steps = True

    def forward(self, attn_energies: Tensor, *, mask: Tensor) -> Tensor:
        """Weights that sum to one over the real positions of each row; see `Sparsemax.forward`."""
        mask = check_energies(self, attn_energies, mask)
        z = _below_zero(attn_energies / 2, mask)
        with torch.no_grad():  # which positions keep a weight: the first k of the sorted ones
            best = z.sort(dim=-1, descending=True).values
            count = _counts(z)
            mean = best.cumsum(dim=-1) / count
            deviation = best.square().cumsum(dim=-1) - count * mean.square()
            tau = mean - ((1 - deviation) / count).clamp(min=0.0).sqrt()
            kept = z > tau.gather(-1, (tau <= best).sum(dim=-1, keepdim=True) - 1)
        number = kept.sum(dim=-1, keepdim=True)
        mean = torch.where(kept, z, 0.0).sum(dim=-1, keepdim=True) / number
        deviation = torch.where(kept, z - mean, 0.0).square().sum(dim=-1, keepdim=True)
        tau = mean - ((1 - deviation) / number).sqrt()
        weights = torch.where(kept & mask, z - tau, 0.0).clamp(min=0.0).square()
        return weights.to(attn_energies.dtype)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for alpha_{0,j}: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])


def _below_zero(energies: Tensor, mask: Tensor) -> Tensor:
    """Energies less the highest of their row, which changes no weight, at least in float32, and -2 on padding.

    The highest weight is at most 1, so tau is at least -1 where the highest energy is 0: what is at -2 gets no weight.
    """
    wide = energies.to(torch.promote_types(energies.dtype, torch.float32))
    highest = wide.detach().masked_fill(~mask, torch.finfo(wide.dtype).min).amax(dim=-1, keepdim=True)
    return (wide - highest).masked_fill(~mask, -2.0)


def _counts(z: Tensor) -> Tensor:
    """1 to S, as numbers like z."""
    return torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
