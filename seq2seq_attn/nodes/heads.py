"""Nodes `a` and `wsum` of several heads: each looks at the source in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.energy import ConcatEnergy, DotEnergy, FeedforwardEnergy, GeneralEnergy
from seq2seq_attn.nodes.state import State, visible

_ENERGIES: dict[str, Callable[[int], nn.Module]] = {
    "dot": lambda size: DotEnergy(),
    "scaled_dot": lambda size: DotEnergy(scaled=True),
    "general": lambda size: GeneralEnergy(size, size),
    "concat": lambda size: ConcatEnergy(size, size, size),
    "feedforward": lambda size: FeedforwardEnergy(size, size, size),
}


class MultiHeadEnergy(nn.Module):
    """Node `a` of K heads: e_kij = f_k(W_k s_i, U_k h_j), with f_k any of the energies, of its own parameters.

    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2, with f the scaled product, W_k = W_k^Q and
    U_k = W_k^K, between a recurrent decoder and encoder. Normalise over the last axis, as ever, and read with
    `MultiHeadSum`.

    Args:
        query_size: size of s_i (its visible part).
        memory_size: size of h_j.
        attention_size: sizes of W_k s_i of all heads together; each has attention_size / num_heads.
        num_heads: number K of heads.
        energy: "dot", "scaled_dot", "general", "concat" or "feedforward".

    Raises:
        ValueError: an ``attention_size`` that ``num_heads`` does not divide; another ``energy``.

    Example:
        >>> a = MultiHeadEnergy(query_size=3, memory_size=5, attention_size=8, num_heads=4)
        >>> a(torch.zeros(2, 3), torch.zeros(2, 7, 5)).shape, a.label
        (torch.Size([2, 4, 7]), 'scaled_dot, 4 heads')
    """

    label = "heads"  # of an instance: "scaled_dot, 4 heads"
    all_steps = True

    def __init__(
        self, query_size: int, memory_size: int, attention_size: int, *, num_heads: int, energy: str = "scaled_dot"
    ) -> None:
        super().__init__()
        if energy not in _ENERGIES:
            known = ", ".join(map(repr, _ENERGIES))
            raise ValueError(f"energy is {energy!r}; MultiHeadEnergy knows {known}")
        size = _divided(attention_size, num_heads, "attention_size", "MultiHeadEnergy")
        self.query_size, self.memory_size, self.attention_size = query_size, memory_size, attention_size
        self.num_heads, self.energy, self.label = num_heads, energy, f"{energy}, {num_heads} heads"
        self.W = nn.Linear(query_size, attention_size, bias=False)
        self.U = nn.Linear(memory_size, attention_size, bias=False)
        self.heads = nn.ModuleList(_ENERGIES[energy](size) for _ in range(num_heads))

    def keys(self, encoder_hidden: Tensor) -> Tensor:
        """What each head needs of the source, side by side: U_k h_j, or the keys that f_k makes of it.

        (B, S, M) → (B, S, attention).
        """
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        parts = self.U(encoder_hidden).chunk(self.num_heads, dim=-1)
        made: list[Tensor] = [
            part if isinstance(head, DotEnergy) else cast(Any, head).keys(part)
            for head, part in zip(self.heads, parts, strict=True)
        ]
        return torch.cat(made, dim=-1)

    def forward(self, decoder_hidden: State, encoder_hidden: Tensor, *, keys: Tensor | None = None) -> Tensor:
        """Energies of all source positions in every head, padding included.

        Args:
            decoder_hidden: s_i, (B, [T], H).
            encoder_hidden: h_j, (B, S, M).
            keys: ``self.keys(encoder_hidden)``, if computed before the loop.

        Returns:
            e_kij, (B, [T], K, S), unnormalised.

        Raises:
            TypeError, ValueError: see `check`.
        """
        query = visible(decoder_hidden)
        keys = self.keys(encoder_hidden) if keys is None else keys
        check(
            self,
            decoder_hidden=(query, "B [T] query_size"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
            keys=(keys, "B S attention_size"),
        )
        queries, parts = self.W(query).chunk(self.num_heads, dim=-1), keys.chunk(self.num_heads, dim=-1)
        energies = [  # a head that is given its keys reads nothing else of the source
            head(q, part) if isinstance(head, DotEnergy) else head(q, part, keys=part)
            for head, q, part in zip(self.heads, queries, parts, strict=True)
        ]
        return torch.stack(energies, dim=-2)


class MultiHeadSum(nn.Module):
    """Node `wsum` of K heads: c_i = W_o [sum_j alpha_kij V_k h_j]_k, what the heads read side by side.

    Vaswani et al. 2017, section 3.2.2. Computed as V_k (sum_j alpha_kij h_j), which is the same number and projects K
    vectors a step instead of S.

    Args:
        memory_size: size of h_j and of c_i.
        num_heads: number K of heads.

    Raises:
        ValueError: a ``memory_size`` that ``num_heads`` does not divide.

    Example:
        >>> MultiHeadSum(memory_size=6, num_heads=2)(torch.zeros(3, 2, 5), torch.zeros(3, 5, 6)).shape
        torch.Size([3, 6])
    """

    label = "weighted_sum"  # of an instance: "weighted_sum, 4 heads"
    all_steps = True

    def __init__(self, memory_size: int, *, num_heads: int) -> None:
        super().__init__()
        _divided(memory_size, num_heads, "memory_size", "MultiHeadSum")
        self.memory_size, self.num_heads = memory_size, num_heads
        self.label = f"weighted_sum, {num_heads} heads"
        self.V = nn.Linear(memory_size, memory_size, bias=False)
        self.W = nn.Linear(memory_size, memory_size, bias=False)

    def forward(self, attn_weights: Tensor, encoder_hidden: Tensor) -> Tensor:
        """The weighted sums over source positions.

        Args:
            attn_weights: alpha_kij, (B, [T], K, S), zero on padding.
            encoder_hidden: h_j, (B, S, M), finite on padding too.

        Returns:
            c_i, (B, [T], M).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(
            self,
            attn_weights=(attn_weights, "B [T] num_heads S"),
            encoder_hidden=(encoder_hidden, "B S memory_size"),
        )
        read = torch.bmm(attn_weights.flatten(1, -2), encoder_hidden)  # (B, [T] K, M)
        read = read.reshape(*attn_weights.shape[:-1], self.memory_size)  # (B, [T], K, M)
        heads = self.V.weight.reshape(self.num_heads, -1, self.memory_size)  # (K, M / K, M)
        context: Tensor = self.W(torch.einsum("...km,kdm->...kd", read, heads).flatten(-2))
        return context

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for c_0: zeros, (B, M)."""
        return encoder_hidden.new_zeros(len(encoder_hidden), self.memory_size)


def _divided(size: int, num_heads: int, name: str, node: str) -> int:
    """The size of a head."""
    if num_heads < 1 or size % num_heads:
        raise ValueError(f"{name} is {size} and num_heads {num_heads}; {node} gives each head an equal part")
    return size // num_heads
