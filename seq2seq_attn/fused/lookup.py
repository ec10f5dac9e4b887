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
    plain = embedding.max_norm is embedding.padding_idx is None
    if (
        type(embedding) not in (nn.Embedding, Embedding)
        or not plain
        or embedding.scale_grad_by_freq
        or embedding.sparse
    ):
        return None
    try:
        check_hooks("embedding", embedding)
    except Refused:
        return None
    return Lookup(symbols, embedding.weight) if 4 * embedding.num_embeddings <= times * symbols.numel() else None
