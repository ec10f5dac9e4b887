"""One run of a fused loop: what it is given, and what it keeps from the way there for the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from seq2seq_attn.fused.kernels import Kernels
from seq2seq_attn.fused.products import Products

_ROWS = 16  # of a batch that is worth a copy of the weights
_MOVED = {"before": slice(None, -2), "now": slice(1, -1), "after": slice(2, None)}


@dataclass(frozen=True)
class Argument:
    """What a unit reads at each step.

    Attributes:
        id: of the value in the picture.
        when: a value of the loop, made at this step ("now"), at the one before ("before") or, where the last step is
            walked first, at the one after ("after"); or one that is known for all steps ("given").
        size: of its last axis.
    """

    id: str
    when: Literal["now", "before", "after", "given"]
    size: int


@dataclass
class Run:
    """Tensors by name, all of one dtype; those with an axis of steps have it first.

    Attributes:
        kernels: what runs at each step; units add to it.
        products: how products are made, those of the kernels too.
        steps: number T of steps.
        batch: number B of rows.
        inputs: what the loop is given: parameters, first states, memory, what is known for all steps, (T, B, …).
        symbols: of inputs that are looked up, (T, B) int64: such an input is the table, (V, …).
        ragged: whether not all steps are about all rows; values of the loop, and gradients, are zero elsewhere.
        kept: what the way there leaves to the way back. A value of the loop is (T + 2, B, …) under its id: before the
            steps and behind them is what stands before the one that is walked first.
        grads: gradients, on the way back: of values of the loop under their ids, and of inputs.
        known: what is made of weights alone, and is the same in each run of the same weights.
        by_position: whether a context is multiplied by what makes use of it before it is summed up: W Σ_j α_j h_j is
            Σ_j α_j (W h_j), whose products are as many as the positions, for however many steps and rows.
        multiplied: what is made of weights and the memory, W h_j, (B / K, S, G), where K rows share one.
        sums: of each context that is known at a step the id of its weights and the name of the memory.
    """

    kernels: Kernels
    products: Products
    steps: int
    batch: int
    inputs: Mapping[str, Tensor]
    symbols: Mapping[str, Tensor]
    ragged: bool
    kept: dict[str, Tensor] = field(default_factory=dict)
    grads: dict[str, Tensor] = field(default_factory=dict)
    known: dict[str, Tensor] = field(default_factory=dict)
    by_position: bool = False
    multiplied: dict[str, Tensor] = field(default_factory=dict)
    sums: dict[str, tuple[str, str]] = field(default_factory=dict)

    def turned(self, name: str, weight: Tensor) -> Tensor:
        """A weight, (G, F), the other way round, as kernels take it: for a batch packed, or turned in memory too.

        BLAS is a third faster with one that is turned, and a product of a packed one faster still.
        """
        if self.packs(weight):
            return self.once(name, lambda: self.products.packed(weight.t()))
        return self.once(name, weight.t().contiguous) if self.batch >= _ROWS else weight.t()

    def straight(self, weight: Tensor) -> Tensor:
        """A weight, (G, F), as kernels take it on the way back."""
        return self.products.packed(weight) if self.packs(weight) else weight.contiguous()

    def packs(self, weight: Tensor) -> bool:
        """Whether a weight is packed."""
        return (self.products.narrow or self.batch > _ROWS) and self.products.packs(weight)

    def once(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """What is made of weights alone."""
        if name not in self.known:
            self.known[name] = make()
        return self.known[name]

    def keep(self, name: str, size: int) -> Tensor:
        """A new tensor that stays for the way back, (T, B, size), to be filled step by step."""
        made = self.kept[name] = self.new(self.steps, size)
        return made

    def new(self, steps: int, size: int) -> Tensor:
        """A new tensor, (steps, B, size)."""
        if self.ragged:
            return self.zeros(steps, size)
        return next(iter(self.inputs.values())).new_empty((steps, self.batch, size))

    def zeros(self, steps: int, size: int) -> Tensor:
        """The same, of zeros."""
        return next(iter(self.inputs.values())).new_zeros((steps, self.batch, size))

    def column(self, id: str) -> Tensor:
        """A value of the loop, (T, B, …)."""
        return self.kept[id][1:-1]

    def read(self, argument: Argument) -> Tensor:
        """What an argument is at each step, (T, B, …)."""
        return self.inputs[argument.id] if argument.when == "given" else self.kept[argument.id][_MOVED[argument.when]]

    def grad(self, argument: Argument) -> Tensor:
        """The gradient of the value of the loop that an argument reads, (T, B, …); units add to it."""
        return self.grads[argument.id][_MOVED[argument.when]]

    def grad_column(self, id: str) -> Tensor:
        """The gradient of a value of the loop, (T, B, …)."""
        return self.grads[id][1:-1]

    def add(self, name: str, gradient: Tensor) -> None:
        """Add to the gradient of an input."""
        self.grads[name] = self.grads[name] + gradient if name in self.grads else gradient


class Unit(Protocol):
    """One or several operations of a step that have a backward pass of their own.

    ``forward`` prepares a run, and tells its kernels what to do at each step. ``backward`` does so for the way back,
    and returns what is left to do once, behind the last: the gradients of weights, of the memory, of what is given.
    """

    @property
    def reversed(self) -> bool:
        """Whether the last step is walked first."""
        ...

    @property
    def made(self) -> Mapping[str, int]:
        """The values of the loop that it makes, with the size of their last axis."""
        ...

    def forward(self, run: Run) -> None: ...

    def backward(self, run: Run) -> Callable[[], None]: ...


@dataclass(frozen=True)
class Affine:
    """W [x_1; x_2; …] + b over arguments side by side: of what is given for all steps at once, of the rest in the loop.

    Attributes:
        weight: the name of the input W, (G, F).
        inputs: the arguments.
    """

    weight: str
    inputs: tuple[Argument, ...]

    def begin(self, run: Run, made: Tensor, bias: Tensor | None) -> tuple[list[Tensor], list[Tensor]]:
        """Let walks begin with (T, B, G) of what is known before; what else there is to multiply, and with what."""
        rows, start = made.flatten(0, 1), bias
        values, weights = list[Tensor](), list[Tensor]()
        for n, (argument, columns) in enumerate(self._columns(run.inputs[self.weight])):
            name = f"{self.weight} {n}"  # not of the id: it may be read now and as it was before
            if argument.when == "given":
                self._fill(run, rows, start, argument, columns, name)
                start = rows
            elif run.by_position and argument.when == "now" and argument.id in run.sums:
                alpha, memory = run.sums[argument.id]
                if name not in run.multiplied:
                    positions = run.products.product(run.inputs[memory].flatten(0, 1), columns.t())
                    run.multiplied[name] = positions.reshape(*run.inputs[memory].shape[:2], -1)
                values.append(run.column(alpha))
                weights.append(run.multiplied[name])
            else:
                values.append(run.read(argument))
                weights.append(run.turned(name, columns))
        if start is not rows:
            run.kernels.fill(start, rows)
        return values, weights

    def _columns(self, weight: Tensor) -> Iterator[tuple[Argument, Tensor]]:
        """The arguments, each with the columns of W that it is multiplied by; or of the gradient of W."""
        sizes = [argument.size for argument in self.inputs]
        return zip(self.inputs, torch.split_with_sizes(weight, sizes, dim=1), strict=True)

    def _fill(
        self, run: Run, rows: Tensor, start: Tensor | None, argument: Argument, columns: Tensor, name: str
    ) -> None:
        """``rows`` become the product of what is given for all steps, plus what to start with."""
        table = run.inputs[argument.id]
        if argument.id in run.symbols:
            bias = start if start is not rows else None

            def multiplied() -> Tensor:
                product = run.products.product(table, columns.t())
                return product if bias is None else product + bias

            product = run.once(f"{name} of symbols", multiplied)  # in another run they may not be looked up
            run.kernels.look_up(product, run.symbols[argument.id].flatten(), rows, start is rows)
        else:
            products = run.products
            packed = (products.narrow or run.steps == 1) and run.packs(columns)  # a search has it packed for all steps
            matrix = run.turned(name, columns) if packed else products.matrix(columns.t(), len(rows))
            run.kernels.affine(table.flatten(0, 1), matrix, start, rows)

    def back(self, run: Run) -> tuple[list[Tensor], list[Tensor]]:
        """The gradients that the loop adds to, and what it multiplies that of W x with."""
        moving = [pair for pair in self._columns(run.inputs[self.weight]) if pair[0].when != "given"]
        return [run.grad(argument) for argument, _ in moving], [run.straight(columns) for _, columns in moving]

    def finish(self, run: Run, d_made: Tensor) -> None:
        """The gradients of W and of what is given, from that of W x + b at all steps."""
        rows, weight = d_made.flatten(0, 1), run.inputs[self.weight]
        d_weight = torch.empty_like(weight)
        for (argument, columns), (_, into) in zip(self._columns(weight), self._columns(d_weight), strict=True):
            if argument.id in run.symbols:
                table = run.inputs[argument.id]
                d_table = rows.new_zeros(len(table), len(weight))
                d_table.index_add_(0, run.symbols[argument.id].flatten(), rows)
                run.products.product(d_table.t(), table, into)
                run.add(argument.id, run.products.product(d_table, columns))
                continue
            run.products.product(rows.t(), run.read(argument).flatten(0, 1), into)
            if argument.when == "given":
                run.add(argument.id, run.products.product(rows, columns).reshape(*d_made.shape[:2], -1))
        run.add(self.weight, d_weight)
