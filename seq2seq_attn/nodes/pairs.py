"""Node `mix`: one energy of several numbers for each pair, such as another energy and coverage."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_attn.nodes.check import check_features


class LinearEnergy(nn.Module):
    """Node `mix`: e_ij = w · [x_ij; f_ij], everything there is for a pair side by side.

    So that an energy without features can have some: `general` of state and source, and this of that and coverage.

    Args:
        feature_size: sizes of all arguments together; a number for each pair counts as 1.

    Example:
        >>> import torch
        >>> LinearEnergy(2)(torch.zeros(3, 5), torch.zeros(3, 5)).shape
        torch.Size([3, 5])
    """

    label = "linear"
    all_steps = True

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.feature_size = feature_size
        self.w = nn.Linear(feature_size, 1, bias=False)
        nn.init.ones_(self.w.weight)  # a sum, to begin with

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Energies of all source positions, padding included.

        Args:
            first: x_ij, (B, [T], S): an energy.
            others: f_ij, each (B, [T], S), or (B, [T], S, F) for several numbers a pair.

        Returns:
            e_ij, (B, [T], S).

        Raises:
            TypeError, ValueError: see `check_features`.
        """
        joined = check_features(self, (first, *others), first.dim() if isinstance(first, Tensor) else 2)
        energies: Tensor = self.w(joined)
        return energies.squeeze(-1)
