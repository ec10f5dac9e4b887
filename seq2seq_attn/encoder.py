"""The encoder: a source sentence becomes one hidden vector per position, h_j."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq_attn.mask import check_symbols
from seq2seq_attn.nodes.rnn import reset_before


class Encoder(nn.Module):
    """Reads the embedded source with a recurrent network: h_j = [forward state at j; backward state at j].

    Bahdanau et al. 2015, section 3.2. The sentences are packed: padding changes nothing, and h_j is zero there.

    Args:
        embedding: of the source symbols; its ``embedding_dim`` is the input size.
        hidden_size: of each direction; h_j has ``memory_size``, twice as much with two directions.
        cell: "GRU" or "LSTM".
        num_layers: layers, one upon the other.
        bidirectional: also read from right to left.
        dropout: probability of zeroing an element of an embedding, or of a layer's input, in training.
        reset_after: where a GRU's reset gate acts; see `GRUStep`. False is the paper, and a slower loop in Python.

    Raises:
        ValueError: another ``cell``; ``reset_after=False`` with an LSTM.

    Example:
        >>> encoder = Encoder(nn.Embedding(11, 3), hidden_size=5)
        >>> encoder(torch.tensor([[4, 8, 0]]), torch.tensor([[True, True, False]])).shape
        torch.Size([1, 3, 10])
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM"] = "GRU",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        reset_after: bool = True,
    ) -> None:
        super().__init__()
        if cell not in ("GRU", "LSTM"):
            raise ValueError(f"cell is {cell!r}; Encoder knows 'GRU' and 'LSTM'")
        if cell == "LSTM" and not reset_after:
            raise ValueError("reset_after=False is an option of the GRU; an LSTM has no reset gate")
        self.embedding = embedding
        self.hidden_size, self.bidirectional, self.reset_after = hidden_size, bidirectional, reset_after
        self.memory_size = hidden_size * (2 if bidirectional else 1)
        self.dropout = nn.Dropout(dropout)
        self.rnn = (nn.GRU if cell == "GRU" else nn.LSTM)(
            embedding.embedding_dim,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )

    def forward(self, source: Tensor, source_mask: Tensor) -> Tensor:
        """Read a batch.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool, True = real, padding on the right, at least one real position a row.

        Returns:
            h_j, (B, S, M), zero on padding.

        Raises:
            TypeError, ValueError: see `check_symbols`.
        """
        check_symbols("source", source, source_mask, self.embedding.num_embeddings, self.embedding.weight.device)
        embedded: Tensor = self.dropout(self.embedding(source))
        if not self.reset_after:
            return self._reset_before(embedded, source_mask)
        lengths = source_mask.sum(dim=1).cpu()
        packed, _ = self.rnn(pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])[0]

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
