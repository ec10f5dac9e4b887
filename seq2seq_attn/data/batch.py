"""What a model is given at once: several sources with their targets, as numbers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Sources with their targets, in the order in which `Seq2Seq` takes them: ``model.loss(*batch)``.

    Attributes:
        source: (B, S) int64.
        source_mask: (B, S) bool, True = real, padding on the right.
        target: (B, T) int64, each row with the symbol that ends it.
        target_mask: (B, T) bool, that symbol included.
    """

    source: Tensor
    source_mask: Tensor
    target: Tensor
    target_mask: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(*(tensor.to(device) for tensor in self))

    def longest_first(self) -> Batch:
        """The same pairs, those with the longest targets first: then a fused loop leaves their padding out."""
        order = self.target_mask.sum(dim=1).argsort(descending=True, stable=True)
        return Batch(*(tensor[order] for tensor in self))
