"""Node `rnn` of several layers, one upon the other, with residuals and dropout between them."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.rnn import ElmanStep, GRUStep, LSTMStep, before, joined
from seq2seq_attn.nodes.state import LayeredState, Layers, LSTMState, State, visible


class LayeredStep(nn.Module):
    """Node `rnn`: s_i^l = f_l(s_{i-1}^l, x_i^l), with x_i^1 = [y_{i-1}; c_i] and x_i^{l+1} = s_i^l (+ x_i^l).

    Graves 2013 (layers); Wu et al. 2016, section 3.1 (residuals: from the second layer on, what goes up is s_i^l +
    x_i^l, and what other nodes read is what goes up from the highest); Zaremba et al. 2014 (dropout of what goes up
    from one layer to the next); Gal & Ghahramani 2016 (variational: dropout of s_{i-1}^l too, with one mask for a whole
    sentence, which travels in the state).

    Args:
        input_size: size of x_i^1, of all arguments but the state together.
        hidden_size: size of each layer's state.
        cell: "GRU", "LSTM" or "Elman".
        num_layers: number L of layers.
        residual: add what a layer read to what it gives, from the second layer on.
        dropout: probability of zeroing an element of what a layer above the first reads, in training.
        variational: zero elements of each layer's previous hidden state too, the same ones in all steps of a sentence.
        reset_after: of a GRU; see `GRUStep`.

    Raises:
        ValueError: another ``cell``; less than one layer.

    Example:
        >>> rnn = LayeredStep(3 + 5, 7, cell="GRU", num_layers=2)
        >>> s_0 = rnn.initial(torch.zeros(2, 4, 5))
        >>> rnn(torch.zeros(2, 3), s_0, torch.zeros(2, 5)).output.shape
        torch.Size([2, 7])
    """

    label = "RNN"
    rows = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM", "Elman"],
        num_layers: int,
        residual: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        reset_after: bool = True,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; LayeredStep takes 1 or more")
        self.input_size, self.hidden_size, self.num_layers, self.cell = input_size, hidden_size, num_layers, cell
        self.residual, self.variational = residual, variational
        self.dropout = nn.Dropout(dropout)

        def layer(size: int) -> GRUStep | LSTMStep | ElmanStep:
            if cell == "GRU":
                return GRUStep(size, hidden_size, reset_after=reset_after)
            if cell not in ("LSTM", "Elman"):
                raise ValueError(f"cell is {cell!r}; LayeredStep knows 'GRU', 'LSTM' and 'Elman'")
            return (LSTMStep if cell == "LSTM" else ElmanStep)(size, hidden_size)

        self.layers = nn.ModuleList(layer(hidden_size if n else input_size) for n in range(num_layers))

    def forward(self, prev_output: State, prev_decoder: LayeredState, *context: State) -> LayeredState:
        """One step; with an axis K as in `GRUStep.forward`.

        Args:
            prev_output: y_{i-1}, embedded, or whatever the first arrow brings, (B, [K], E).
            prev_decoder: s_{i-1}, a `LayeredState`.
            context: c_i, (B, [K], M), and whatever further arrows bring.

        Returns:
            s_i, a `LayeredState`.

        Raises:
            TypeError, ValueError: see `check` and `check_inputs`; a ``prev_decoder`` that is no `LayeredState` of as
                many layers.
        """
        inputs, noise = self._begin(prev_output, prev_decoder, context)
        states: list[Tensor | LSTMState] = []
        for number, layer in enumerate(self.layers):
            state = prev_decoder.layers[number]
            if noise:
                state = _times(state, cast(Tensor, noise[number]))
            states.append(layer(self.dropout(inputs) if number else inputs, state))
            given = visible(states[-1])
            inputs = given + inputs if self.residual and number else given
        return LayeredState(inputs, Layers(*states), noise)

    def sequence(self, prev_output: State, prev_decoder: LayeredState, *context: State) -> Tensor:
        """What the highest layer gives at all steps, (B, T, H): a call of the library a layer; see `GRUStep.sequence`.

        With variational dropout in training the steps run one by one: no library drops the previous state.
        """
        inputs, noise = self._begin(prev_output, prev_decoder, context, axes="B T")
        if noise:
            state, outputs = prev_decoder._replace(noise=noise), []
            for step in inputs.unbind(dim=1):
                state = self(step, state)
                outputs.append(state.output)
            return torch.stack(outputs, dim=1)
        for number, layer in enumerate(self.layers):
            given = cast(Any, layer).sequence(self.dropout(inputs) if number else inputs, prev_decoder.layers[number])
            inputs = given + inputs if self.residual and number else given
        return inputs

    def initial(self, encoder_hidden: Tensor) -> LayeredState:
        """What stands for s_0 where no bridge makes it: zeros."""
        states = [cast(Any, layer).initial(encoder_hidden) for layer in self.layers]
        return LayeredState(visible(states[-1]).clone(), Layers(*states), Layers())

    def _begin(
        self, prev_output: State, prev_decoder: LayeredState, context: tuple[State, ...], axes: str = "B [K]"
    ) -> tuple[Tensor, Layers]:
        """The inputs side by side, and this sentence's noise: drawn at its first step, kept in the state after it."""
        layers = len(prev_decoder.layers) if isinstance(prev_decoder, LayeredState) else 0
        if layers != self.num_layers:
            kind = f"LayeredState of {layers}" if layers else type(prev_decoder).__name__
            raise TypeError(f"prev_decoder is a {kind}; node LayeredStep takes a LayeredState of {self.num_layers}")
        check(self, **{"prev_decoder.output": (prev_decoder.output, f"{before(axes)} hidden_size")})
        inputs = joined(self, prev_output, visible(prev_decoder.layers[-1]), context, axes)
        if not (self.variational and self.training):
            return inputs, Layers()
        return inputs, prev_decoder.noise or Layers(
            *(self.dropout(torch.ones_like(visible(state))) for state in prev_decoder.layers)
        )


def _times(state: Tensor | LSTMState, noise: Tensor) -> Tensor | LSTMState:
    """A state whose hidden part is multiplied; an LSTM's cell part is left as it is."""
    return state._replace(hidden=state.hidden * noise) if isinstance(state, LSTMState) else state * noise
