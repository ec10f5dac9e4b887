"""Where a word stands, for the encoders that have no order of their own."""

from __future__ import annotations

import torch
from torch import Tensor


def sinusoids(inputs: Tensor) -> Tensor:
    """Sines and cosines of the position j: p_{j,2k} = sin(j / 10000^{2k/D}), p_{j,2k+1} = cos(j / 10000^{2k/D}).

    Vaswani et al. 2017, section 3.5. Nothing is learnt, and a source may be of any length.

    Args:
        inputs: (B, S, D), what they are to be added to: tells their number, size, type and place.

    Returns:
        (S, D).

    Example:
        >>> sinusoids(torch.zeros(1, 2, 3))
        tensor([[0.0000, 1.0000, 0.0000],
                [0.8415, 0.5403, 0.0022]])
    """
    length, size = inputs.shape[1:]
    exact = torch.promote_types(inputs.dtype, torch.float32)  # a half has no room for the angle of a late position
    positions = torch.arange(length, device=inputs.device, dtype=exact)
    frequencies = 10000 ** -(torch.arange(0, size, 2, device=inputs.device, dtype=exact) / size)
    angles = positions[:, None] * frequencies  # (S, ceil(D / 2))
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)
    return pairs.flatten(1)[:, :size].to(inputs.dtype)
