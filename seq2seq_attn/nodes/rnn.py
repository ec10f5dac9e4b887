"""Node `rnn`: one step of the decoder's recurrence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check, check_inputs
from seq2seq_attn.nodes.state import LSTMState, State, visible


class GRUStep(nn.Module):
    """Node `rnn`: s_i = f(s_{i-1}, y_{i-1}, c_i), with f a gated recurrent unit over x = [y_{i-1}; c_i].

    r = sigmoid(W_r x + U_r s_{i-1}), z = sigmoid(W_z x + U_z s_{i-1}), s_i = (1 - z) * n + z * s_{i-1}, where the
    candidate n is tanh(W_n x + r * (U_n s_{i-1})) as in torch and cuDNN (``reset_after=True``), or
    tanh(W_n x + U_n (r * s_{i-1})) as in Cho et al. 2014 and Bahdanau et al. 2015, appendix A.1.1 (``False``); biases
    left out here. As in torch, z keeps the old state; the paper's z takes the new one, which is the same unit with z
    written for 1 - z. Both orders have the same parameters.

    The second argument is the state, all others are put side by side as x.

    Args:
        input_size: size of x, of all arguments but the state together.
        hidden_size: size of s_i.
        reset_after: apply the reset gate after the product with U_n (True) or before it (False, the paper).

    Example:
        >>> rnn = GRUStep(input_size=3 + 5, hidden_size=7)
        >>> rnn(torch.zeros(2, 3), torch.zeros(2, 7), torch.zeros(2, 5)).shape
        torch.Size([2, 7])
    """

    label = "RNN"
    rows = True

    def __init__(self, input_size: int, hidden_size: int, *, reset_after: bool = True) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.reset_after = input_size, hidden_size, reset_after
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, prev_output: State, prev_decoder: Tensor, *context: State) -> Tensor:
        """One step; with an axis K, of as many rows that know nothing of each other, each with a state of its own.

        Args:
            prev_output: y_{i-1}, embedded, or whatever the first arrow brings, (B, [K], E).
            prev_decoder: s_{i-1}, (B, [K], H).
            context: c_i, (B, [K], M), and whatever further arrows bring.

        Returns:
            s_i, (B, [K], H).

        Raises:
            TypeError, ValueError: see `check` and `check_inputs`.
        """
        inputs = joined(self, prev_output, prev_decoder, context)
        if self.reset_after:
            state: Tensor = self.cell(flat(inputs), flat(prev_decoder))
            return state.reshape(prev_decoder.shape)
        cell = self.cell
        gates = F.linear(inputs, cell.weight_ih, cell.bias_ih)
        return reset_before(gates, prev_decoder, cell.weight_hh, cell.bias_hh)

    def sequence(self, prev_output: State, prev_decoder: Tensor, *context: State) -> Tensor:
        """All steps at once, where no argument waits for a step before it; ``prev_decoder`` is s_0.

        Args, Returns, Raises: as `forward`, with an axis T behind B in all but ``prev_decoder``.
        """
        inputs = joined(self, prev_output, prev_decoder, context, axes="B T")
        if self.reset_after:
            states: Tensor = torch.gru(inputs, prev_decoder[None], *library(self, self.cell))[0]
            return states
        cell, state, steps = self.cell, prev_decoder, []
        for gates in F.linear(inputs, cell.weight_ih, cell.bias_ih).unbind(dim=1):
            state = reset_before(gates, state, cell.weight_hh, cell.bias_hh)
            steps.append(state)
        return torch.stack(steps, dim=1)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for s_0 where no bridge makes it: zeros, (B, H)."""
        return encoder_hidden.new_zeros(len(encoder_hidden), self.hidden_size)


def reset_before(gates: Tensor, state: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    """A GRU step whose reset gate acts before the recurrent product (Bahdanau et al. 2015, appendix A.1.1).

    Args:
        gates: W x + b for the gates r, z, n in torch's order, (B, [K], 3 H).
        state: the previous state, (B, [K], H).
        weight_hh: U_r, U_z, U_n, (3 H, H).
        bias_hh: (3 H).

    Returns:
        The new state, (B, [K], H).
    """
    hidden = state.shape[-1]
    recurrent = F.linear(state, weight_hh[: 2 * hidden], bias_hh[: 2 * hidden])
    r, z = torch.sigmoid(gates[..., : 2 * hidden] + recurrent).chunk(2, dim=-1)
    n = torch.tanh(gates[..., 2 * hidden :] + F.linear(r * state, weight_hh[2 * hidden :], bias_hh[2 * hidden :]))
    return (1 - z) * n + z * state


class ElmanStep(nn.Module):
    """Node `rnn`: s_i = tanh(W x + U s_{i-1} + b), the plain recurrent network (Elman 1990), x as in `GRUStep`.

    Args:
        input_size: size of x, of all arguments but the state together.
        hidden_size: size of s_i.

    Example:
        >>> rnn = ElmanStep(input_size=3 + 5, hidden_size=7)
        >>> rnn(torch.zeros(2, 3), torch.zeros(2, 7), torch.zeros(2, 5)).shape
        torch.Size([2, 7])
    """

    label = "RNN"
    rows = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, prev_output: State, prev_decoder: Tensor, *context: State) -> Tensor:
        """One step; see `GRUStep.forward`."""
        state: Tensor = self.cell(flat(joined(self, prev_output, prev_decoder, context)), flat(prev_decoder))
        return state.reshape(prev_decoder.shape)

    def sequence(self, prev_output: State, prev_decoder: Tensor, *context: State) -> Tensor:
        """All steps at once; see `GRUStep.sequence`."""
        inputs = joined(self, prev_output, prev_decoder, context, axes="B T")
        states: Tensor = torch.rnn_tanh(inputs, prev_decoder[None], *library(self, self.cell))[0]
        return states

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for s_0 where no bridge makes it: zeros, (B, H)."""
        return encoder_hidden.new_zeros(len(encoder_hidden), self.hidden_size)


class LSTMStep(nn.Module):
    """Node `rnn`: s_i = f(s_{i-1}, y_{i-1}, c_i), with f an LSTM (Hochreiter & Schmidhuber 1997) over [y_{i-1}; c_i].

    Its state, hidden and cell, travels as one value, an `LSTMState`; the other nodes read its hidden part.

    Args:
        input_size: size of all arguments but the state together.
        hidden_size: size of s_i, hidden and cell each.

    Example:
        >>> rnn = LSTMStep(input_size=3 + 5, hidden_size=7)
        >>> rnn(torch.zeros(2, 3), LSTMState(torch.zeros(2, 7), torch.zeros(2, 7)), torch.zeros(2, 5)).cell.shape
        torch.Size([2, 7])
    """

    label = "RNN"
    rows = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, prev_output: State, prev_decoder: LSTMState, *context: State) -> LSTMState:
        """One step; with an axis K as in `GRUStep.forward`.

        Args:
            prev_output: y_{i-1}, embedded, or whatever the first arrow brings, (B, [K], E).
            prev_decoder: s_{i-1}, an `LSTMState` of two (B, [K], H).
            context: c_i, (B, [K], M), and whatever further arrows bring.

        Returns:
            s_i, an `LSTMState` of two (B, [K], H).

        Raises:
            TypeError, ValueError: see `check` and `check_inputs`; a ``prev_decoder`` that is no `LSTMState`.
        """
        inputs = self._joined(prev_output, prev_decoder, context)
        made = self.cell(flat(inputs), tuple(map(flat, prev_decoder)))
        return LSTMState(*(part.reshape(prev_decoder.hidden.shape) for part in made))

    def sequence(self, prev_output: State, prev_decoder: LSTMState, *context: State) -> Tensor:
        """The hidden parts of all steps at once, (B, T, H); see `GRUStep.sequence`."""
        inputs = self._joined(prev_output, prev_decoder, context, axes="B T")
        first = [part[None] for part in prev_decoder]
        states: Tensor = torch.lstm(inputs, first, *library(self, self.cell))[0]
        return states

    def initial(self, encoder_hidden: Tensor) -> LSTMState:
        """What stands for s_0 where no bridge makes it: zeros."""
        zeros = encoder_hidden.new_zeros(len(encoder_hidden), self.hidden_size)
        return LSTMState(zeros, zeros.clone())

    def _joined(self, prev_output: State, prev_decoder: Any, context: tuple[State, ...], axes: str = "B [K]") -> Tensor:
        if not isinstance(prev_decoder, LSTMState):
            kind = type(prev_decoder).__name__
            raise TypeError(f"prev_decoder is a {kind}; node LSTMStep takes an LSTMState(hidden, cell)")
        check(
            self,
            prev_decoder=(prev_decoder.hidden, f"{before(axes)} hidden_size"),
            **{"prev_decoder.cell": (prev_decoder.cell, f"{before(axes)} hidden_size")},
        )
        return joined(self, prev_output, prev_decoder.hidden, context, axes)


def joined(
    node: nn.Module, first: State, prev_decoder: Tensor, others: tuple[State, ...], axes: str = "B [K]"
) -> Tensor:
    """The inputs of a recurrent node side by side, checked against each other and its state: (*axes, input_size)."""
    inputs = tuple(visible(value) for value in (first, *others))
    shapes = {f"input {n}": (value, f"{axes} F{n}") for n, value in enumerate(inputs, start=1)}
    check(node, prev_decoder=(prev_decoder, f"{before(axes)} hidden_size"), **shapes)
    return check_inputs(node, inputs, "input_size")


def before(axes: str) -> str:
    """The axes of s_{i-1}, by those of the inputs: a sequence of them, "B T", has one state to begin with."""
    return axes.removesuffix(" T")


def flat(value: Tensor) -> Tensor:
    """As torch's cells take it, (B, [K], F) → (B [K], F)."""
    return value if value.dim() == 2 else value.flatten(0, 1)


def library(node: nn.Module, cell: nn.RNNCellBase) -> tuple[Any, ...]:
    """What torch.gru, torch.lstm and torch.rnn_tanh take behind inputs and state to run this cell over a sequence."""
    weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
    has_biases, num_layers, dropout, bidirectional, batch_first = True, 1, 0.0, False, True
    return weights, has_biases, num_layers, dropout, node.training, bidirectional, batch_first
