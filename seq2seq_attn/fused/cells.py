"""Units of one recurrent node: what a cell reads is multiplied once for all steps, but for what the loop makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from seq2seq_attn.fused.run import Affine, Argument, Run


@dataclass(frozen=True)
class Cell(ABC):
    """A recurrent node; its weights stand among the inputs of a run as ``{node}.weight_ih`` and so on.

    Attributes:
        node: the operation's id.
        output: the id of s_i.
        state: what it takes for s_{i-1}; s_{i+1}, if it reads from the last step to the first.
        inputs: what it puts side by side as x.
        size: H.
    """

    node: str
    output: str
    state: Argument
    inputs: tuple[Argument, ...]
    size: int

    @property
    def made(self) -> Mapping[str, int]:
        return {self.output: self.size}

    @property
    def reversed(self) -> bool:
        return self.state.when == "after"

    @abstractmethod
    def forward(self, run: Run) -> None: ...

    @abstractmethod
    def backward(self, run: Run) -> Callable[[], None]: ...

    def _weight(self, run: Run, name: str) -> Tensor:
        return run.inputs[f"{self.node}.{name}"]

    @property
    def _affine(self) -> Affine:
        return Affine(f"{self.node}.weight_ih", self.inputs)

    def _with_state(self, run: Run, gates: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Fill the gates W x + b + U s + d with what is known; what the loop adds, the state with it."""
        bias = self._weight(run, "bias_ih") + self._weight(run, "bias_hh")
        values, weights = self._affine.begin(run, gates, bias)
        name = f"{self.node}.weight_hh"
        return [*values, run.read(self.state)], [*weights, run.turned(name, run.inputs[name])]

    def _with_state_back(self, run: Run) -> tuple[list[Tensor], list[Tensor]]:
        values, weights = self._affine.back(run)
        return [*values, run.grad(self.state)], [*weights, run.straight(self._weight(run, "weight_hh"))]

    def _finish(self, run: Run, d_gates: Tensor) -> None:
        """The gradients of all weights, from that of W x + b + U s + d at all steps."""
        self._affine.finish(run, d_gates)
        self._finish_biases(run, d_gates)
        rows = d_gates.flatten(0, 1)
        run.add(f"{self.node}.weight_hh", run.products.product(rows.t(), run.read(self.state).flatten(0, 1)))

    def _finish_biases(self, run: Run, d_gates: Tensor) -> None:
        """The gradients of b and d, each in memory of its own."""
        bias = d_gates.sum(dim=(0, 1))
        run.add(f"{self.node}.bias_ih", bias)
        run.add(f"{self.node}.bias_hh", bias.clone())


class GRU(Cell):
    """`nodes.GRUStep` with the reset gate after the product."""

    def forward(self, run: Run) -> None:
        both, last = self._parts(run, "bias_hh")
        weights = self._parts(run, "weight_hh")
        gates = run.keep(f"{self.node}.gates", 3 * self.size)
        bias = self._weight(run, "bias_ih") + torch.cat([both, torch.zeros_like(last)])
        run.kernels.gru(
            *self._affine.begin(run, gates, bias),
            run.read(self.state),
            run.turned(f"{self.node}.weight_hh both", weights[0]),
            run.turned(f"{self.node}.weight_hh last", weights[1]),
            last,
            gates,
            run.keep(f"{self.node}.candidate", self.size),
            run.column(self.output),
        )

    def backward(self, run: Run) -> Callable[[], None]:
        d_gates, d_candidate = run.new(run.steps, 3 * self.size), run.new(run.steps, self.size)
        both, last = self._parts(run, "weight_hh")
        run.kernels.gru_back(
            *self._affine.back(run),
            run.read(self.state),
            run.straight(both),
            run.straight(last),
            run.kept[f"{self.node}.gates"],
            run.kept[f"{self.node}.candidate"],
            run.grad_column(self.output),
            d_gates,
            d_candidate,
            run.grad(self.state),
        )

        def finish() -> None:
            self._affine.finish(run, d_gates)
            both, last = d_gates.flatten(0, 1)[:, : 2 * self.size], d_candidate.flatten(0, 1)
            self._finish_state(run, (both, run.read(self.state)), (last, run.read(self.state)))
            bias = d_gates.sum(dim=(0, 1))
            run.add(f"{self.node}.bias_ih", bias)
            run.add(f"{self.node}.bias_hh", torch.cat([bias[: 2 * self.size], last.sum(dim=0)]))

        return finish

    def _finish_state(self, run: Run, *pairs: tuple[Tensor, Tensor]) -> None:
        """The gradient of U, from those of what its two parts made, (T B, …), and what these multiplied, (T, B, H)."""
        d_weight = torch.empty_like(self._weight(run, "weight_hh"))
        parts = torch.split_with_sizes(d_weight, [2 * self.size, self.size])
        for (d_made, values), part in zip(pairs, parts, strict=True):
            run.products.product(d_made.t(), values.flatten(0, 1), part)
        run.add(f"{self.node}.weight_hh", d_weight)

    def _parts(self, run: Run, name: str) -> tuple[Tensor, Tensor]:
        """That of both gates, (2 H, …), and that of the candidate, (H, …)."""
        both, last = torch.split_with_sizes(self._weight(run, name), [2 * self.size, self.size])
        return both, last


class ResetBefore(GRU):
    """`nodes.GRUStep` with the reset gate before the product, as in the paper."""

    def forward(self, run: Run) -> None:
        both, last = self._parts(run, "weight_hh")
        gates = run.keep(f"{self.node}.gates", 3 * self.size)
        run.kernels.gru_before(
            *self._affine.begin(run, gates, self._weight(run, "bias_ih") + self._weight(run, "bias_hh")),
            run.read(self.state),
            run.turned(f"{self.node}.weight_hh both", both),
            run.turned(f"{self.node}.weight_hh last", last),
            gates,
            run.keep(f"{self.node}.reset", self.size),
            run.column(self.output),
        )

    def backward(self, run: Run) -> Callable[[], None]:
        d_gates, d_reset = run.new(run.steps, 3 * self.size), run.new(1, self.size).expand(run.steps, -1, -1)
        both, last = self._parts(run, "weight_hh")
        run.kernels.gru_before_back(
            *self._affine.back(run),
            run.read(self.state),
            run.straight(both),
            run.straight(last),
            run.kept[f"{self.node}.gates"],
            run.grad_column(self.output),
            d_gates,
            d_reset,
            run.grad(self.state),
        )

        def finish() -> None:
            self._affine.finish(run, d_gates)
            both, last = torch.split_with_sizes(d_gates.flatten(0, 1), [2 * self.size, self.size], dim=1)
            self._finish_state(run, (both, run.read(self.state)), (last, run.kept[f"{self.node}.reset"]))
            self._finish_biases(run, d_gates)

        return finish


class LSTM(Cell):
    """`nodes.LSTMStep`; the cell part of a state stands beside it, as ``{id}.cell``."""

    @property
    def made(self) -> Mapping[str, int]:
        return {self.output: self.size, f"{self.output}.cell": self.size}

    @property
    def _cell(self) -> Argument:
        return Argument(f"{self.state.id}.cell", self.state.when, self.size)

    def forward(self, run: Run) -> None:
        gates = run.keep(f"{self.node}.gates", 4 * self.size)
        made_cell, made = run.column(f"{self.output}.cell"), run.column(self.output)
        run.kernels.lstm(*self._with_state(run, gates), gates, run.read(self._cell), made_cell, made)

    def backward(self, run: Run) -> Callable[[], None]:
        d_gates = run.new(run.steps, 4 * self.size)
        run.kernels.lstm_back(
            *self._with_state_back(run),
            run.kept[f"{self.node}.gates"],
            run.read(self._cell),
            run.column(f"{self.output}.cell"),
            run.grad_column(self.output),
            run.grad_column(f"{self.output}.cell"),
            d_gates,
            run.grad(self._cell),
        )
        return lambda: self._finish(run, d_gates)


class Elman(Cell):
    """`nodes.ElmanStep`."""

    def forward(self, run: Run) -> None:
        gates = run.keep(f"{self.node}.gates", self.size)
        run.kernels.layer(*self._with_state(run, gates), [], gates, run.column(self.output))

    def backward(self, run: Run) -> Callable[[], None]:
        d_gates, gates = run.new(run.steps, self.size), run.kept[f"{self.node}.gates"]
        run.kernels.layer_back(*self._with_state_back(run), [], gates, run.grad_column(self.output), d_gates)
        return lambda: self._finish(run, d_gates)
