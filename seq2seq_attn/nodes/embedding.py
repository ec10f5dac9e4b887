"""Node `embed`: a symbol becomes a vector."""

from __future__ import annotations

from torch import nn


class Embedding(nn.Embedding):
    """Nodes `embed_source` and `embed_target`: u_j = E x_j, and y_{i-1} = E w_{i-1}; torch's own, named for pictures.

    Args, shapes: those of `torch.nn.Embedding`: (vocabulary_size, embedding_size), int64 (B, S) → (B, S, E).

    Example:
        >>> import torch
        >>> Embedding(11, 3)(torch.tensor([[4, 8]])).shape
        torch.Size([1, 2, 3])
    """

    label = "embedding"
