"""The convolutional encoder: every position sees its neighbours, each layer a little farther, all at once."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.encoders.encoder import Encoder
from seq2seq_attn.encoders.positions import sinusoids


class ConvolutionalEncoder(Encoder):
    """Convolves with gates: h_j^l = sqrt(0.5) (GLU(W^l [h_{j-w}^{l-1}; …; h_{j+w}^{l-1}] + b^l) + h_j^{l-1}).

    GLU([a; b]) = a * sigmoid(b), 2 w + 1 = ``width``, h_j^0 = W^0 (x_j + p_j) + b^0, and beyond a sentence's ends stand
    zeros. Gehring et al. 2017 (Convolutional Sequence to Sequence Learning), sections 3.1 and 3.2, first weights of the
    convolutions from section 3.5. Other than in the paper, the positions p_j are sinusoids and not learnt, so that a
    source may be of any length, there is no weight normalisation, and h_j is not brought back to the embedding's size.
    One h_j sees num_layers * w words to either side.

    Args:
        embedding_size: size of x_j, an embedded source symbol.
        hidden_size: size of h_j.
        num_layers: convolutions, one upon the other.
        width: odd number of positions that a convolution sees.
        dropout: probability of zeroing an element of x_j, or of a convolution's input, in training.

    Raises:
        ValueError: an even ``width``, or one below 1; no layer.

    Example:
        >>> import torch
        >>> encoder = ConvolutionalEncoder(3, hidden_size=5)
        >>> encoder(torch.zeros(1, 3, 3), torch.tensor([[True, True, False]])).shape
        torch.Size([1, 3, 5])
    """

    label = "convolution"

    def __init__(
        self, embedding_size: int, hidden_size: int, *, num_layers: int = 2, width: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if width < 1 or width % 2 == 0:
            raise ValueError(f"width is {width}; give an odd number, as many positions to the left as to the right")
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; a ConvolutionalEncoder has at least 1")
        self.embedding_size, self.hidden_size = embedding_size, hidden_size
        self.memory_size, self.bidirectional = hidden_size, False
        self.dropout = nn.Dropout(dropout)
        self.input = nn.Linear(embedding_size, hidden_size)

        def layer() -> nn.Conv1d:
            convolution = nn.Conv1d(hidden_size, 2 * hidden_size, width, padding=width // 2)
            nn.init.normal_(convolution.weight, std=math.sqrt(4 * (1 - dropout) / (width * hidden_size)))
            nn.init.zeros_(cast(Tensor, convolution.bias))
            return convolution

        self.convolutions = nn.ModuleList(layer() for _ in range(num_layers))

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
        padding = ~source_mask[:, :, None]
        hidden: Tensor = self.input(inputs + sinusoids(inputs)).masked_fill(padding, 0)
        for convolution in self.convolutions:
            gated = F.glu(convolution(self.dropout(hidden).transpose(1, 2)), dim=1).transpose(1, 2)
            hidden = ((gated + hidden) * math.sqrt(0.5)).masked_fill(padding, 0)  # as if beyond a sentence's end
        return hidden
