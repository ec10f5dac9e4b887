"""The unit of a layer within the loop: Luong's attentional state, where it is fed to the next step; a readout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from seq2seq_attn.fused.run import Affine, Argument, Run


@dataclass(frozen=True)
class Layer:
    """`nodes.TanhLayer`: a_i = tanh(W x); W is the input ``{node}.W``.

    A readout, which is run on the way there alone, has a b too, ``{node}.b``.

    Attributes:
        node: the operation's id.
        output: the id of a_i.
        inputs: what it puts side by side as x.
        size: R.
        dropout: probability of zeroing an element of a_i.
    """

    node: str
    output: str
    inputs: tuple[Argument, ...]
    size: int
    dropout: float

    reversed: ClassVar[bool] = False

    @property
    def made(self) -> Mapping[str, int]:
        return {self.output: self.size}

    def forward(self, run: Run) -> None:
        shown, noise = run.keep(f"{self.node}.tanh", self.size), []
        if self.dropout:
            noise = [run.keep(f"{self.node}.noise", self.size)]
            noise[0].copy_(F.dropout(torch.ones_like(noise[0]), self.dropout))
        values, weights = self._affine.begin(run, shown, run.inputs.get(f"{self.node}.b"))
        run.kernels.layer(values, weights, noise, shown, run.column(self.output))

    def backward(self, run: Run) -> Callable[[], None]:
        d_shown = run.new(run.steps, self.size)
        noise = [run.kept[f"{self.node}.noise"]] if self.dropout else []
        shown = run.kept[f"{self.node}.tanh"]
        run.kernels.layer_back(*self._affine.back(run), noise, shown, run.grad_column(self.output), d_shown)
        return lambda: self._affine.finish(run, d_shown)

    @property
    def _affine(self) -> Affine:
        return Affine(f"{self.node}.W", self.inputs)
