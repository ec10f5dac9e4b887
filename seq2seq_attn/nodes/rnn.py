"""Node `rnn`: one step of the decoder's recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.state import LSTMState


class GRUStep(nn.Module):
    """Node `rnn`: s_i = f(s_{i-1}, y_{i-1}, c_i), with f a gated recurrent unit over x = [y_{i-1}; c_i].

    r = sigmoid(W_r x + U_r s_{i-1}), z = sigmoid(W_z x + U_z s_{i-1}), s_i = (1 - z) * n + z * s_{i-1}, where the
    candidate n is tanh(W_n x + r * (U_n s_{i-1})) as in torch and cuDNN (``reset_after=True``), or
    tanh(W_n x + U_n (r * s_{i-1})) as in Cho et al. 2014 and Bahdanau et al. 2015, appendix A.1.1 (``False``); biases
    left out here. As in torch, z keeps the old state; the paper's z takes the new one, which is the same unit with z
    written for 1 - z. Both orders have the same parameters.

    The state is updated before the output is generated ("look, update, generate", section 3.1); the authors' own
    code (GroundHog, Blocks) generates from s_{i-1} before it updates.

    Args:
        input_size: size of y_{i-1}, the embedding of the previous symbol.
        context_size: size of c_i.
        hidden_size: size of s_i.
        reset_after: apply the reset gate after the product with U_n (True) or before it (False, the paper).

    Example:
        >>> rnn = GRUStep(input_size=3, context_size=5, hidden_size=7)
        >>> rnn(torch.zeros(2, 3), torch.zeros(2, 7), torch.zeros(2, 5)).shape
        torch.Size([2, 7])
    """

    label = "RNN"

    def __init__(self, input_size: int, context_size: int, hidden_size: int, *, reset_after: bool = True) -> None:
        super().__init__()
        self.input_size, self.context_size, self.hidden_size = input_size, context_size, hidden_size
        self.reset_after = reset_after
        self.cell = nn.GRUCell(input_size + context_size, hidden_size)

    def forward(self, prev_output: Tensor, prev_decoder: Tensor, context: Tensor) -> Tensor:
        """One step.

        Args:
            prev_output: y_{i-1}, (B, E), embedded.
            prev_decoder: s_{i-1}, (B, H).
            context: c_i, (B, M).

        Returns:
            s_i, (B, H).

        Raises:
            TypeError, ValueError: see `check`.
        """
        check(
            self,
            prev_output=(prev_output, "B input_size"),
            prev_decoder=(prev_decoder, "B hidden_size"),
            context=(context, "B context_size"),
        )
        inputs = torch.cat([prev_output, context], dim=-1)
        if self.reset_after:
            state: Tensor = self.cell(inputs, prev_decoder)
            return state
        cell = self.cell
        gates = F.linear(inputs, cell.weight_ih, cell.bias_ih)
        return reset_before(gates, prev_decoder, cell.weight_hh, cell.bias_hh)


def reset_before(gates: Tensor, state: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    """A GRU step whose reset gate acts before the recurrent product (Bahdanau et al. 2015, appendix A.1.1).

    Args:
        gates: W x + b for the gates r, z, n in torch's order, (B, 3 H).
        state: the previous state, (B, H).
        weight_hh: U_r, U_z, U_n, (3 H, H).
        bias_hh: (3 H).

    Returns:
        The new state, (B, H).
    """
    hidden = state.shape[-1]
    recurrent = F.linear(state, weight_hh[: 2 * hidden], bias_hh[: 2 * hidden])
    r, z = torch.sigmoid(gates[:, : 2 * hidden] + recurrent).chunk(2, dim=-1)
    n = torch.tanh(gates[:, 2 * hidden :] + F.linear(r * state, weight_hh[2 * hidden :], bias_hh[2 * hidden :]))
    return (1 - z) * n + z * state


class LSTMStep(nn.Module):
    """Node `rnn`: s_i = f(s_{i-1}, y_{i-1}, c_i), with f an LSTM (Hochreiter & Schmidhuber 1997) over [y_{i-1}; c_i].

    Its state, hidden and cell, travels as one value, an `LSTMState`; the other nodes read its hidden part.

    Args:
        input_size: size of y_{i-1}, the embedding of the previous symbol.
        context_size: size of c_i.
        hidden_size: size of s_i, hidden and cell each.

    Example:
        >>> rnn = LSTMStep(input_size=3, context_size=5, hidden_size=7)
        >>> rnn(torch.zeros(2, 3), LSTMState(torch.zeros(2, 7), torch.zeros(2, 7)), torch.zeros(2, 5)).cell.shape
        torch.Size([2, 7])
    """

    label = "RNN"

    def __init__(self, input_size: int, context_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.context_size, self.hidden_size = input_size, context_size, hidden_size
        self.cell = nn.LSTMCell(input_size + context_size, hidden_size)

    def forward(self, prev_output: Tensor, prev_decoder: LSTMState, context: Tensor) -> LSTMState:
        """One step.

        Args:
            prev_output: y_{i-1}, (B, E), embedded.
            prev_decoder: s_{i-1}, an `LSTMState` of two (B, H).
            context: c_i, (B, M).

        Returns:
            s_i, an `LSTMState` of two (B, H).

        Raises:
            TypeError, ValueError: see `check`; a ``prev_decoder`` that is no `LSTMState`.
        """
        if not isinstance(prev_decoder, LSTMState):
            kind = type(prev_decoder).__name__
            raise TypeError(f"prev_decoder is a {kind}; node LSTMStep takes an LSTMState(hidden, cell)")
        check(
            self,
            prev_output=(prev_output, "B input_size"),
            prev_decoder=(prev_decoder.hidden, "B hidden_size"),
            context=(context, "B context_size"),
            **{"prev_decoder.cell": (prev_decoder.cell, "B hidden_size")},
        )
        return LSTMState(*self.cell(torch.cat([prev_output, context], dim=-1), tuple(prev_decoder)))
