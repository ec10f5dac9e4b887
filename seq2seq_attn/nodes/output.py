"""Node `out`: scores of the next symbol."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check
from seq2seq_attn.nodes.state import State, visible


class FeedforwardOutput(nn.Module):
    """Node `out`: y_i = g(y_{i-1}, s_i, c_i) = W_o t, with t = tanh or maxout of V_o y_{i-1} + U_o s_i + C_o c_i + b.

    Bahdanau et al. 2015, section 3.1, equation 4, whose g reads the *new* state s_i. The paper's appendix A.2.2, taken
    literally, reads s_{i-1}; that is another diagram, not this one. Maxout (Goodfellow et al. 2013) takes the larger
    of each pair of neighbours: t_k = max(t~_{2k-1}, t~_{2k}). The paper's readout is maxout; it
    leaves the biases out of its equations, and they are here.

    Args:
        input_size: size of y_{i-1}, the embedding of the previous symbol.
        hidden_size: size of s_i (its visible part, for an LSTM).
        context_size: size of c_i.
        readout_size: size of t, l in the paper.
        vocabulary_size: number V of symbols.
        readout: "tanh" or "maxout".
        dropout: probability of zeroing an element of t in training.

    Raises:
        ValueError: another ``readout``.

    Example:
        >>> out = FeedforwardOutput(3, 5, 7, readout_size=4, vocabulary_size=11, readout="maxout")
        >>> out(torch.zeros(2, 3), torch.zeros(2, 5), torch.zeros(2, 7)).shape
        torch.Size([2, 11])
    """

    label = "feedforward"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        context_size: int,
        readout_size: int,
        vocabulary_size: int,
        *,
        readout: Literal["tanh", "maxout"] = "tanh",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if readout not in ("tanh", "maxout"):
            raise ValueError(f"readout is {readout!r}; FeedforwardOutput knows 'tanh' and 'maxout'")
        self.input_size, self.hidden_size, self.context_size = input_size, hidden_size, context_size
        self.readout = readout
        pieces = 2 if readout == "maxout" else 1
        self.hidden = nn.Linear(input_size + hidden_size + context_size, pieces * readout_size)
        self.dropout = nn.Dropout(dropout)
        self.W = nn.Linear(readout_size, vocabulary_size)

    def forward(self, prev_output: Tensor, decoder_hidden: State, context: Tensor) -> Tensor:
        """Scores of every symbol of the vocabulary.

        Args:
            prev_output: y_{i-1}, (B, E), embedded.
            decoder_hidden: s_i, (B, H).
            context: c_i, (B, M).

        Returns:
            y_i, (B, V): logits, not probabilities.

        Raises:
            TypeError, ValueError: see `check`.
        """
        state = visible(decoder_hidden)
        check(
            self,
            prev_output=(prev_output, "B input_size"),
            decoder_hidden=(state, "B hidden_size"),
            context=(context, "B context_size"),
        )
        hidden: Tensor = self.hidden(torch.cat([prev_output, state, context], dim=-1))
        t = maxout(hidden) if self.readout == "maxout" else torch.tanh(hidden)
        logits: Tensor = self.W(self.dropout(t))
        return logits


def maxout(hidden: Tensor) -> Tensor:
    """The larger of each pair of neighbours, (B, 2 R) → (B, R). Goodfellow et al. 2013, with pieces of two."""
    return hidden.reshape(len(hidden), -1, 2).amax(dim=-1)
