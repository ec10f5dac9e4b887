"""Embedded symbols that are multiplied before they are looked up: once for each symbol, not for each position."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from seq2seq_attn.fused.refused import Refused
from seq2seq_attn.fused.units import check_hooks
from seq2seq_attn.nodes import Embedding


class Lookup(NamedTuple):
    """Embedded symbols, as what they are made of.

    Attributes:
        symbols: (B, T) int64.
        weight: of the embedding, (V, E).
    """

    symbols: Tensor
    weight: Tensor


def lookup(symbols: Tensor, embedding: nn.Embedding, *, times: int = 1) -> Lookup | None:
    """None for a vocabulary not much smaller than the batch, and for an embedding that does more than look up.

    Args:
        symbols: (B, T) int64.
        embedding: of these symbols.
        times: how often such symbols will come.
    """
    few = 4 * embedding.num_embeddings <= times * symbols.numel()
    plain_gradient = embedding.padding_idx is None and not embedding.scale_grad_by_freq and not embedding.sparse
    return Lookup(symbols, embedding.weight) if few and plain_gradient and only_looks_up(embedding) else None


def only_looks_up(embedding: nn.Embedding) -> bool:
    """Whether what an embedding makes are rows of its weight, and nobody listens."""
    if type(embedding) not in (nn.Embedding, Embedding) or embedding.max_norm is not None:
        return False
    try:
        check_hooks("embedding", embedding)
    except Refused:
        return False
    return True
