"""The unit of energies, weights and context: three operations of the picture, and one way back through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_attn.fused.run import Argument, Run


@dataclass(frozen=True)
class Attention:
    """Energies of a query, their softmax, and the sum of the memory under it.

    Attributes:
        node: the energy's id; its inputs, if ``additive``, are ``{node}.W``, (A, H) or wider, and ``{node}.v``, (1, A).
        query: what the energies are made for.
        keys: the name of the input k_j.
        memory: the id of h_j.
        energies, weights, context: the ids of what is made.
        positions: S.
        size: M.
        additive: e_j = v · tanh(W s + k_j); if not, scale * s · k_j.
        scale: of a product.
        temperature: of the softmax.
        padding: (B, S) bool, True = padding; None: there is none.
        copies: rows of the loop that share a row of the memory, one after the other; only on the way there.
    """

    node: str
    query: Argument
    keys: str
    memory: str
    energies: str
    weights: str
    context: str
    positions: int
    size: int
    additive: bool
    scale: float
    temperature: float
    padding: Tensor | None
    copies: int

    reversed: ClassVar[bool] = False

    @property
    def made(self) -> Mapping[str, int]:
        return {self.energies: self.positions, self.weights: self.positions, self.context: self.size}

    def forward(self, run: Run) -> None:
        weight, v = self._weights(run)
        run.sums[self.context] = self.weights, self.memory
        run.kernels.attention(
            run.read(self.query),
            [run.turned(f"{self.node}.W", one) for one in weight],
            v,
            run.inputs[self.keys].contiguous(),
            self.copies,
            self.scale,
            [] if self.padding is None else [self.padding],
            self.temperature,
            run.inputs[self.memory].contiguous(),
            [run.keep(f"{self.node}.queries", len(one)) for one in v],
            run.column(self.energies),
            run.column(self.weights),
            run.column(self.context),
        )

    def backward(self, run: Run) -> Callable[[], None]:
        weight, v = self._weights(run)
        keys, memory = run.inputs[self.keys].contiguous(), run.inputs[self.memory].contiguous()
        d_energies, d_queries = run.new(run.steps, self.positions), [run.new(run.steps, len(one)) for one in v]
        d_keys, d_v = torch.zeros_like(keys), memory.new_zeros(run.batch, keys.shape[-1])
        run.kernels.attention_back(
            run.read(self.query),
            [run.straight(one) for one in weight],
            v,
            keys,
            self.scale,
            self.temperature,
            memory,
            [run.kept[f"{self.node}.queries"] for _ in v],
            run.column(self.weights),
            run.grad_column(self.context),
            run.grad_column(self.weights),
            run.grad_column(self.energies),
            d_energies,
            d_queries,
            d_keys,
            d_v,
            run.grad(self.query),
        )

        def finish() -> None:
            d_context = run.grad_column(self.context).transpose(0, 1)  # (B, T, M)
            run.add(self.memory, torch.bmm(run.column(self.weights).permute(1, 2, 0), d_context))
            states = run.read(self.query)
            if not self.additive:
                run.add(self.keys, torch.bmm(d_energies.permute(1, 2, 0), states.transpose(0, 1)))
                return
            run.add(self.keys, d_keys)
            run.add(f"{self.node}.v", d_v.sum(dim=0, keepdim=True))
            d_weight = run.products.product(d_queries[0].flatten(0, 1).t(), states.flatten(0, 1))
            rest = run.inputs[f"{self.node}.W"].shape[1] - self.query.size
            run.add(f"{self.node}.W", F.pad(d_weight, (0, rest)) if rest else d_weight)

        return finish

    def _weights(self, run: Run) -> tuple[list[Tensor], list[Tensor]]:
        """W of the query alone, (A, H), where it stands before that of the memory; and v, (A); none of a product."""
        if not self.additive:
            return [], []
        return [run.inputs[f"{self.node}.W"][:, : self.query.size]], [run.inputs[f"{self.node}.v"][0]]
