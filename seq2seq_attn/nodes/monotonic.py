"""Node `softmax`, monotonic: the decoder reads from left to right and never goes back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check, check_mask


class Monotonic(nn.Module):
    """Node `softmax`: alpha_ij = p_ij sum_{k<=j} alpha_{i-1,k} prod_{k<=l<j} (1 - p_il), with p_ij = sigmoid(e_ij + r).

    Raffel et al. 2017, "Online and Linear-Time Attention by Enforcing Monotonic Alignments", equation 9. From where it
    stopped last, the decoder goes on to the right and stops at j with probability p_ij. In training the weights are the
    probabilities of each stop, with noise on the energies so that it learns energies far from zero (section 2.5); in
    evaluation it stops at the first j with e_ij + r > 0, and no gradient flows. The weights sum to less than one by the
    probability of running past the end; then the context is zero, at all further steps too.

    The products are exponentials of sums of log(1 - p_il) from k to j, a number for each k and j: (B, S, S) of memory,
    and neither underflow nor clipping, unlike quotients of cumulative products (appendix C.1).

    Args:
        noise: standard deviation of the Gaussian noise in training.
        initial_bias: first value of r, which is learned (section 2.4). Below 0 the decoder wanders far at first, as it
            has to over long sources: -4 is the example of the authors' own code (github.com/craffel/mad). Over a few
            dozen positions it would run past the end, so that it starts at 0 here.

    Raises:
        ValueError: a ``noise`` below 0.

    Example:
        >>> node = Monotonic(initial_bias=0.0).eval()
        >>> energies, mask = torch.tensor([[9.0, -9.0, 9.0, 9.0]]), torch.ones(1, 4, dtype=torch.bool)
        >>> node(energies, torch.tensor([[0.0, 1.0, 0.0, 0.0]]), mask=mask)
        tensor([[0., 0., 1., 0.]])
    """

    label = "monotonic"

    def __init__(self, *, noise: float = 1.0, initial_bias: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= noise < float("inf"):
            raise ValueError(f"noise is {noise}; it is a number from 0 upwards")
        self.noise = noise
        self.r = nn.Parameter(torch.tensor(float(initial_bias)))

    def forward(self, attn_energies: Tensor, prev_weights: Tensor, *, mask: Tensor) -> Tensor:
        """Weights that sum to one or less over the real positions of each row.

        Args:
            attn_energies: e_ij, (B, S).
            prev_weights: alpha_{i-1,j}, (B, S); see `initial`.
            mask: (B, S) bool, True = real. Padding is walked over.

        Returns:
            alpha_ij, (B, S).

        Raises:
            TypeError, ValueError: see `check` and `check_mask`.
        """
        check(self, attn_energies=(attn_energies, "B S"), prev_weights=(prev_weights, "B S"))
        check_mask(self, mask, attn_energies)
        wide = attn_energies.to(torch.promote_types(attn_energies.dtype, torch.float32)) + self.r
        if self.training:
            wide = wide + self.noise * torch.randn_like(wide)
            weights = _expected(wide.masked_fill(~mask, torch.finfo(wide.dtype).min), prev_weights.to(wide.dtype))
        else:
            stops = (wide > 0) & mask & (prev_weights.cumsum(dim=-1) > 0)
            weights = stops & (stops.cumsum(dim=-1) == 1)
        return weights.to(attn_energies.dtype)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for alpha_{0,j}: one at the first position, from where it sets out, (B, S)."""
        weights = encoder_hidden.new_zeros(encoder_hidden.shape[:2])
        weights[:, :1] = 1.0
        return weights


def _expected(energies: Tensor, prev_weights: Tensor) -> Tensor:
    """The probability of each stop, (B, S), from energies that are very low on padding."""
    size = energies.shape[-1]
    reached = torch.ones(size, size, dtype=torch.bool, device=energies.device).triu()  # from k (rows) to j
    passed = torch.where(reached, F.logsigmoid(-energies)[:, None, :], 0.0).cumsum(dim=-1)  # over l from k to j
    walks = torch.where(reached, F.pad(passed[..., :-1], (1, 0)), 0.0).exp()  # over l from k to j - 1
    arrived = (prev_weights[:, :, None] * torch.where(reached, walks, 0.0)).sum(dim=1)  # no matmul: autocast halves it
    return torch.sigmoid(energies) * arrived
