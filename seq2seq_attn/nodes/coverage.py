"""Node `cover`: how much of each source position has been read so far."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check


class Coverage(nn.Module):
    """Node `cover`: k_ij = k_{i-1,j} + alpha_ij, the sum of all weights so far.

    See et al. 2017, "Get To The Point: Summarization with Pointer-Generator Networks", equation 10; the energy takes
    the coverage *before* the step as a feature (equation 11).

    Example:
        >>> Coverage()(torch.tensor([[0.5, 1.0]]), torch.tensor([[0.25, 0.75]]))
        tensor([[0.7500, 1.7500]])
    """

    label = "coverage"
    all_steps = True

    def forward(self, prev_coverage: Tensor, attn_weights: Tensor) -> Tensor:
        """The coverage after this step.

        Args:
            prev_coverage: k_{i-1,j}, (B, [T], S).
            attn_weights: alpha_ij, (B, [T], S), zero on padding.

        Returns:
            k_ij, (B, [T], S).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(self, prev_coverage=(prev_coverage, "B [T] S"), attn_weights=(attn_weights, "B [T] S"))
        return prev_coverage + attn_weights

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for k_{0,j}: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])


class FertilityCoverage(nn.Module):
    """Node `cover`: k_ij = k_{i-1,j} + alpha_ij / Phi_j, with the fertility Phi_j = N sigmoid(U h_j).

    Tu et al. 2016, "Modeling Coverage for Neural Machine Translation", section 3.1 ("linguistic coverage"): Phi_j is
    how many target words source word j will be read for, so that a position is done with where its k_ij is 1.

    Args:
        memory_size: size of h_j.
        max_fertility: N, the most target words of one source word.

    Raises:
        ValueError: a ``max_fertility`` of 0 or less.

    Example:
        >>> FertilityCoverage(memory_size=5)(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 3, 5)).shape
        torch.Size([2, 3])
    """

    label = "fertility"
    all_steps = True

    def __init__(self, memory_size: int, *, max_fertility: float = 2.0) -> None:
        super().__init__()
        if not 0.0 < max_fertility < float("inf"):
            raise ValueError(f"max_fertility is {max_fertility}; it is a number above 0")
        self.memory_size, self.max_fertility = memory_size, max_fertility
        self.U = nn.Linear(memory_size, 1, bias=False)

    def forward(self, prev_coverage: Tensor, attn_weights: Tensor, encoder_hidden: Tensor) -> Tensor:
        """The coverage after this step.

        Args:
            prev_coverage: k_{i-1,j}, (B, [T], S).
            attn_weights: alpha_ij, (B, [T], S), zero on padding.
            encoder_hidden: h_j, (B, S, M).

        Returns:
            k_ij, (B, [T], S).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(
            self,
            prev_coverage=(prev_coverage, "B [T] S"),
            attn_weights=(attn_weights, "B [T] S"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
        )
        fertility = self.max_fertility * torch.sigmoid(self.U(encoder_hidden)).squeeze(-1)  # (B, S)
        return prev_coverage + attn_weights / (fertility if attn_weights.dim() == 2 else fertility[:, None])

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for k_{0,j}: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])
