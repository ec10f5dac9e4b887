"""The pyramid: a recurrent encoder whose every further layer is half as long, for sources of many small pieces."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.encoders.encoder import Encoder
from seq2seq_attn.encoders.rnn import RNNEncoder


class PyramidEncoder(Encoder):
    """Reads pairs of neighbours from the second layer on: h_j^l = RNN(h_{j-1}^l, [h_{2j}^{l-1}; h_{2j+1}^{l-1}]).

    Chan et al. 2016 (Listen, Attend and Spell), equation 5, with j counted from 0. A row of n positions leaves
    ceil(n / 2^(num_layers-1)) vectors h_j: the partner of an odd last one is zero. So the attention is over fewer
    positions than the source has, and its mask is `hidden_mask`, not the source's.

    Args:
        embedding_size: size of an embedded source symbol, which the lowest layer reads.
        hidden_size: size of each direction of each layer; h_j has ``memory_size``, twice as much with two directions.
        cell: "GRU", "LSTM" (the paper) or "Elman" (tanh).
        num_layers: layers; each above the lowest halves the length.
        bidirectional: also read from right to left.
        dropout: probability of zeroing an element of what a layer reads, in training.
        reset_after: where a GRU's reset gate acts; see `GRUStep`.

    Raises:
        ValueError: another ``cell``; ``reset_after=False`` without a GRU; no layer.

    Example:
        >>> import torch
        >>> encoder = PyramidEncoder(3, hidden_size=5, num_layers=3)
        >>> encoder(torch.zeros(2, 9, 3), torch.ones(2, 9, dtype=torch.bool)).shape
        torch.Size([2, 3, 10])
    """

    label = "pyramid"

    def __init__(
        self,
        embedding_size: int,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM", "Elman"] = "GRU",
        num_layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.0,
        reset_after: bool = True,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; a PyramidEncoder has at least 1")
        self.embedding_size, self.hidden_size, self.num_layers = embedding_size, hidden_size, num_layers
        self.bidirectional = bidirectional
        self.memory_size = hidden_size * (2 if bidirectional else 1)
        self.layers = nn.ModuleList(
            RNNEncoder(
                2 * self.memory_size if layer else embedding_size,
                hidden_size,
                cell=cell,
                bidirectional=bidirectional,
                dropout=dropout,
                reset_after=reset_after,
            )
            for layer in range(num_layers)
        )

    def forward(self, embedded: Tensor, source_mask: Tensor) -> Tensor:
        """Read a batch.

        Args:
            embedded: the source symbols, embedded, (B, S, E).
            source_mask: (B, S) bool, True = real, padding on the right, at least one real position a row.

        Returns:
            h_j, (B, S', M), zero on padding, with S' = ceil(S / 2^(num_layers-1)).

        Raises:
            TypeError, ValueError: see `Encoder.checked`.
        """
        hidden, mask = self.checked(embedded, source_mask), source_mask
        for number, layer in enumerate(self.layers):
            if number:
                hidden, mask = _pairs(hidden), mask[:, ::2]
            hidden = layer(hidden, mask)
        return hidden

    def hidden_mask(self, source_mask: Tensor) -> Tensor:
        """The mask of h_j, (B, S'), True = real: a pair is real if its first is, padding being on the right."""
        return source_mask[:, :: 2 ** (self.num_layers - 1)]


def _pairs(hidden: Tensor) -> Tensor:
    """Neighbours side by side, an odd last one beside zeros: (B, S, M) → (B, ceil(S / 2), 2 M)."""
    even = F.pad(hidden, (0, 0, 0, hidden.shape[1] % 2))
    return even.reshape(hidden.shape[0], -1, 2 * hidden.shape[2])
