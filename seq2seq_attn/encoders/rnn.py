"""The recurrent encoder: a source sentence, read word by word from both ends."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq_attn.encoders.encoder import Encoder
from seq2seq_attn.nodes.rnn import reset_before


class RNNEncoder(Encoder):
    """Reads with a recurrent network: h_j = [f(x_j, forward state at j-1); f'(x_j, backward state at j+1)].

    Bahdanau et al. 2015, section 3.2. The sentences are packed: the backward direction begins at each row's own last
    word, not on padding.

    Args:
        embedding_size: size of x_j, an embedded source symbol.
        hidden_size: size of each direction; h_j has ``memory_size``, twice as much with two directions.
        cell: "GRU", "LSTM" or "Elman" (tanh).
        num_layers: layers, one upon the other.
        bidirectional: also read from right to left.
        dropout: probability of zeroing an element of x_j, or of a further layer's input, in training.
        reset_after: where a GRU's reset gate acts; see `GRUStep`. False is the paper, and here a loop in Python.

    Raises:
        ValueError: another ``cell``; ``reset_after=False`` without a GRU; no layer.

    Example:
        >>> encoder = RNNEncoder(3, hidden_size=5)
        >>> encoder(torch.zeros(1, 3, 3), torch.tensor([[True, True, False]])).shape
        torch.Size([1, 3, 10])
    """

    label = "RNN"

    def __init__(
        self,
        embedding_size: int,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM", "Elman"] = "GRU",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        reset_after: bool = True,
    ) -> None:
        super().__init__()
        if cell not in ("GRU", "LSTM", "Elman"):
            raise ValueError(f"cell is {cell!r}; {type(self).__name__} knows 'GRU', 'LSTM' and 'Elman'")
        if cell != "GRU" and not reset_after:
            raise ValueError(f"reset_after=False is an option of the GRU; cell is {cell!r}, which has no reset gate")
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; an RNNEncoder has at least 1")
        self.embedding_size, self.hidden_size = embedding_size, hidden_size
        self.bidirectional, self.reset_after = bidirectional, reset_after
        self.memory_size = hidden_size * (2 if bidirectional else 1)
        self.dropout = nn.Dropout(dropout)
        self.rnn = {"GRU": nn.GRU, "LSTM": nn.LSTM, "Elman": nn.RNN}[cell](
            embedding_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )

    def forward(self, embedded: Tensor, source_mask: Tensor) -> Tensor:
        """Read a batch.

        Args:
            embedded: x_j, (B, S, E).
            source_mask: (B, S) bool, True = real, padding on the right, at least one real position a row.

        Returns:
            h_j, (B, S, M), zero on padding.

        Raises:
            TypeError, ValueError: see `Encoder.checked`.
        """
        inputs = self.dropout(self.checked(embedded, source_mask))
        if not self.reset_after:
            return self._reset_before(inputs, source_mask)
        lengths = source_mask.sum(dim=1).cpu()
        packed, _ = self.rnn(pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])[0]

    def _reset_before(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """The same layers and parameters, with the reset gate before the recurrent product."""
        for layer in range(self.rnn.num_layers):
            if layer:
                inputs = self.dropout(inputs)
            directions = [self._direction(inputs, mask, f"l{layer}")]
            if self.bidirectional:
                backward = self._direction(inputs.flip(1), mask.flip(1), f"l{layer}_reverse")
                directions.append(backward.flip(1))
            inputs = torch.cat(directions, dim=-1)
        return inputs

    def _direction(self, inputs: Tensor, mask: Tensor, suffix: str) -> Tensor:
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(self.rnn, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        gates = F.linear(inputs, weight_ih, bias_ih)
        state = inputs.new_zeros(inputs.shape[0], self.hidden_size)
        states = []
        for position in range(inputs.shape[1]):
            new = reset_before(gates[:, position], state, weight_hh, bias_hh)
            state = torch.where(mask[:, position, None], new, state)  # padding keeps the state, before and after
            states.append(state)
        return torch.stack(states, dim=1) * mask[:, :, None]
