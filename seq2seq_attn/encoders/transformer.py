"""The Transformer's encoder: every position looks at all others, layer upon layer."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_attn.encoders.encoder import Encoder
from seq2seq_attn.encoders.positions import sinusoids


class TransformerEncoder(Encoder):
    """Attends to itself: u = h^{l-1} + Attention(LN(h^{l-1})), h^l = u + FFN(LN(u)), and LN upon the last layer.

    h_j^0 = W^0 x_j + b^0 + p_j, with sinusoids p_j. Vaswani et al. 2017, sections 3.1 to 3.5, but with the layer norm
    before each part and not behind it (Xiong et al. 2020), which trains without a warm-up. The factor
    sqrt(hidden_size) of section 3.4 is left to W^0.

    Args:
        embedding_size: size of x_j, an embedded source symbol.
        hidden_size: size of h_j.
        num_layers: layers, one upon the other.
        num_heads: heads of the attention; they share ``hidden_size``.
        feedforward_size: hidden layer of the FFN; by default 4 times ``hidden_size``, as in the paper.
        dropout: probability of zeroing an element of x_j, an attention weight, an element of the FFN's hidden layer or
            of what a part adds, in training.

    Raises:
        ValueError: a ``hidden_size`` that the heads cannot share; no layer.

    Example:
        >>> import torch
        >>> encoder = TransformerEncoder(3, hidden_size=8, num_heads=2)
        >>> encoder(torch.zeros(1, 3, 3), torch.tensor([[True, True, False]])).shape
        torch.Size([1, 3, 8])
    """

    label = "transformer"

    def __init__(
        self,
        embedding_size: int,
        hidden_size: int,
        *,
        num_layers: int = 2,
        num_heads: int = 4,
        feedforward_size: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"hidden_size is {hidden_size}, num_heads is {num_heads}; "
                f"the heads share hidden_size: give a multiple of num_heads"
            )
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; a TransformerEncoder has at least 1")
        self.embedding_size, self.hidden_size = embedding_size, hidden_size
        self.memory_size, self.bidirectional = hidden_size, False
        self.dropout = nn.Dropout(dropout)
        self.input = nn.Linear(embedding_size, hidden_size)
        layer = nn.TransformerEncoderLayer(
            hidden_size,
            num_heads,
            4 * hidden_size if feedforward_size is None else feedforward_size,
            dropout,
            batch_first=True,
            norm_first=True,
        )
        self.transformer = nn.TransformerEncoder(
            layer, num_layers, norm=nn.LayerNorm(hidden_size), enable_nested_tensor=False
        )
        for weight in self.transformer.parameters():  # its layers are copies of one; these are nn.Transformer's weights
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)

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
        inputs = self.input(self.dropout(self.checked(embedded, source_mask)))
        padding = ~source_mask
        hidden: Tensor = self.transformer(inputs + sinusoids(inputs), src_key_padding_mask=padding)
        return hidden.masked_fill(padding[:, :, None], 0)
