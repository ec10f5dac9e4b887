"""A loop as one function of autograd: there step by step, and back by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from seq2seq_attn.fused.compiled import compiled_kernels
from seq2seq_attn.fused.kernels import Kernels
from seq2seq_attn.fused.products import Products, loops_are_narrow
from seq2seq_attn.fused.run import Run, Unit


@dataclass
class FusedLoop(ABC):
    """What is run at each step, and what it is given.

    Attributes:
        units: in the order in which they run.
        tensors: by name: "first X", what stands before the first step for X; what is known for all steps, (T, B, …);
            parameters, memory and keys.
        shown: the ids of the values that are wanted.
        steps: number T of steps.
        batch: number B of rows.
        products: how products are made, and whether its steps are compiled.
        symbols: of the tensors that are looked up: see `Run`.
        rows: of each step the number of rows that it is about, the first ones; empty: all.
        joined: values that are not made by a unit: those whose parts, side by side, are what units make.
    """

    units: Sequence[Unit]
    tensors: Mapping[str, Tensor]
    shown: Sequence[str]
    steps: int
    batch: int
    products: Products
    symbols: Mapping[str, Tensor] = field(default_factory=dict)
    rows: Sequence[int] = ()
    joined: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @abstractmethod
    def again(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The values shown, (T, B, …), by autograd, as functions of these tensors."""

    def walk(self) -> dict[str, Tensor]:
        """The values shown, at all steps, (T, B, …), by id."""
        made = _Walk.apply(self, *self.tensors.values())  # type: ignore[no-untyped-call]
        return dict(zip(self.shown, made, strict=True))

    def columns(self, new: Callable[[int, int], Tensor]) -> dict[str, Tensor]:
        """``new`` tensors for all values of the loop, (T + 2, B, …)."""
        made = {id: size for unit in self.units for id, size in unit.made.items()}
        found = dict[str, Tensor]()
        for id, parts in self.joined.items():
            sizes = [made[part] for part in parts]
            found[id] = new(self.steps + 2, sum(sizes))
            found |= zip(parts, torch.split_with_sizes(found[id], sizes, dim=-1), strict=True)
        return {id: new(self.steps + 2, size) for id, size in made.items() if id not in found} | found

    def run(self, tensors: Sequence[Tensor]) -> Run:
        """A run that is given these tensors, in the widest of their dtypes."""
        first, *others = {tensor.dtype for tensor in tensors}
        dtype = reduce(torch.promote_types, others, first)
        inputs = dict(zip(self.tensors, tensors, strict=True))
        if others:
            inputs = {name: tensor.to(dtype) for name, tensor in inputs.items()}
        kernels = (compiled_kernels if self.products.compiled else Kernels)(self.steps, self.batch, self.rows)
        products = self.products.of(dtype)
        return Run(kernels, products, self.steps, self.batch, inputs, self.symbols, bool(self.rows))

    def begin(self, run: Run) -> None:
        """Make a run ready to be walked."""
        run.kept |= self.columns(run.new)
        for unit in self.units:
            for id in unit.made:
                if f"first {id}" in run.inputs:
                    _first(run.kept[id], unit).copy_(run.inputs[f"first {id}"])
            run.kernels.turn(unit.reversed)
            unit.forward(run)


def _first(column: Tensor, unit: Unit) -> Tensor:
    """Of what a unit makes, (T + 2, B, …), what stands before the step that is walked first, (B, …)."""
    return column[-1 if unit.reversed else 0]


def suits(tensor: Tensor) -> bool:
    """Whether a fused loop is the fastest where this tensor is, of those that need no compiler.

    It is on a processor, unless `torch.compile` looks on, or autocast makes the loop faster than that; see
    `loops_are_narrow`.
    """
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling() and not loops_are_narrow()


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loop: FusedLoop, *tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast(tensors[0].device.type, enabled=False):
            loop.begin(run := loop.run(tensors))
            run.kernels.walk(False)
        ctx.loop, ctx.names = loop, list(run.kept)
        device = tensors[0].device.type
        ctx.autocast = device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        ctx.save_for_backward(*tensors, *run.kept.values())
        ctx.set_materialize_grads(False)
        return tuple(map(run.column, loop.shown))

    @staticmethod
    def backward(ctx: Any, *outer: Tensor | None) -> tuple[Tensor | None, ...]:
        loop, saved = ctx.loop, ctx.saved_tensors
        tensors = saved[: len(loop.tensors)]
        if torch.is_grad_enabled():  # a gradient of this gradient is wanted
            with torch.autocast(*ctx.autocast):
                return None, *_differentiable(loop, tensors, outer)
        given = dict(zip(loop.shown, outer, strict=True))
        with torch.autocast(tensors[0].device.type, enabled=False):
            run = loop.run(tensors)
            run.kept = dict(zip(ctx.names, saved[len(tensors) :], strict=True))
            run.grads |= loop.columns(run.zeros)
            for id, grad in given.items():
                if grad is not None:
                    run.grad_column(id).copy_(grad)
            last = list[Callable[[], None]]()
            for unit in reversed(loop.units):
                run.kernels.turn(unit.reversed)
                last.append(unit.backward(run))
            run.kernels.walk(True)
            for finish in last:
                finish()
        for unit in loop.units:
            run.grads |= {f"first {id}": _first(run.grads[id], unit) for id in unit.made}
        return None, *(run.grads[name].to(tensor.dtype) for name, tensor in zip(loop.tensors, tensors, strict=True))


def _differentiable(
    loop: FusedLoop, tensors: Sequence[Tensor], outer: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """The gradients of a loop by autograd, which can be differentiated once more."""
    aliases = [tensor.view_as(tensor) for tensor in tensors]  # one may have been made of another: keys, of the memory
    pairs = [(made, grad) for made, grad in zip(loop.again(aliases), outer, strict=True) if grad is not None]
    made, grads = zip(*pairs, strict=True)
    wanted = [alias for alias in aliases if alias.requires_grad]
    found = iter(torch.autograd.grad(made, wanted, grads, create_graph=True, allow_unused=True))
    return tuple(next(found) if alias.requires_grad else None for alias in aliases)
