"""Node `location`: where the decoder looked last, as features of every source position."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_attn.nodes.check import check


class LocationFeatures(nn.Module):
    """Node `location`: f_i = F * alpha_{i-1}, the last weights convolved with a few filters.

    Chorowski et al. 2015, "Attention-Based Models for Speech Recognition", equation 8; `FeedforwardEnergy` takes the
    result as a feature (equation 9). As in torch, f_ij = sum_r F_r alpha_{i-1, j+r}, with r from -width // 2 to
    width // 2, and zeros beyond both ends.

    Args:
        filters: number of features of each position, k in the paper.
        width: number of positions that a filter sees, odd.

    Raises:
        ValueError: a ``width`` that is not odd; less than one filter.

    Example:
        >>> import torch
        >>> LocationFeatures(filters=3)(torch.zeros(2, 7)).shape
        torch.Size([2, 7, 3])
    """

    label = "location"
    all_steps = True

    def __init__(self, *, filters: int = 10, width: int = 5) -> None:
        super().__init__()
        if filters < 1:
            raise ValueError(f"filters is {filters}; LocationFeatures takes 1 or more")
        if width < 1 or width % 2 == 0:
            raise ValueError(f"width is {width}; it is odd, to see as far to the left as to the right")
        self.filters, self.width = filters, width
        self.F = nn.Conv1d(1, filters, width, padding=width // 2, bias=False)

    def forward(self, prev_weights: Tensor) -> Tensor:
        """The features of every source position.

        Args:
            prev_weights: alpha_{i-1,j}, (B, [T], S), zero on padding.

        Returns:
            f_ij, (B, [T], S, filters).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(self, prev_weights=(prev_weights, "B [T] S"))
        rows = prev_weights.reshape(-1, 1, prev_weights.shape[-1])  # (B [T], 1, S)
        features: Tensor = self.F(rows)  # (B [T], filters, S)
        return features.transpose(1, 2).reshape(*prev_weights.shape, self.filters)
