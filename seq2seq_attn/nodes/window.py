"""Node `window`: weights are kept near a place that the decoder's state foretells."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check, check_mask
from seq2seq_attn.nodes.state import State, visible


class LocalWindow(nn.Module):
    """Node `window`: alpha_ij exp(-(j - p_i)^2 / (2 sigma^2)), with p_i = length · sigmoid(v · tanh(W s_i)).

    Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation", section 3.2 ("local-p"),
    equations 9 and 10, with sigma = width / 2. Zero where |j - p_i| > width. As in the paper the weights then sum to
    less than one and are not made to sum to one again. The j are counted from 0 over the real positions of a sentence,
    so that padding before it changes nothing either.

    Args:
        query_size: size of s_i (its visible part).
        attention_size: size of the hidden layer that foretells p_i.
        width: positions to each side of p_i, D in the paper (which has 10).

    Raises:
        ValueError: a ``width`` of 0 or less.

    Example:
        >>> window = LocalWindow(query_size=3, attention_size=5)
        >>> weights, mask = torch.full((1, 4), 0.25), torch.ones(1, 4, dtype=torch.bool)
        >>> window(weights, torch.zeros(1, 3), mask=mask)  # v · tanh(0) is 0, so p_i is in the middle, at 2
        tensor([[0.0338, 0.1516, 0.2500, 0.1516]], grad_fn=<MaskedFillBackward0>)
    """

    label = "local_p"
    all_steps = True

    def __init__(self, query_size: int, attention_size: int, *, width: float = 2) -> None:
        super().__init__()
        if not 0 < width < float("inf"):
            raise ValueError(f"width is {width}; it is a number above 0")
        self.query_size, self.attention_size, self.width = query_size, attention_size, width
        self.W = nn.Linear(query_size, attention_size, bias=False)
        self.v = nn.Linear(attention_size, 1, bias=False)

    def forward(self, attn_weights: Tensor, decoder_hidden: State, *, mask: Tensor) -> Tensor:
        """The weights that are left.

        Args:
            attn_weights: alpha_ij, (B, [T], S).
            decoder_hidden: s_i, (B, [T], H).
            mask: (B, S) bool, True = real.

        Returns:
            (B, [T], S), zero on padding.

        Raises:
            TypeError, ValueError: see `check` and `check_mask`.
        """
        query = visible(decoder_hidden)
        check(self, attn_weights=(attn_weights, "B [T] S"), decoder_hidden=(query, "B [T] query_size"))
        check_mask(self, mask, attn_weights, axis=-1)
        real = mask if query.dim() == 2 else mask[:, None]  # (B, [1], S)
        centre = real.sum(dim=-1, keepdim=True) * torch.sigmoid(self.v(torch.tanh(self.W(query))))  # (B, [T], 1)
        distance = real.cumsum(dim=-1) - 1 - centre  # (B, [T], S)
        window = torch.exp(-2 * (distance / self.width).square())  # sigma is width / 2
        return (attn_weights.masked_fill(~real, 0.0) * window).masked_fill(distance.abs() > self.width, 0.0)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        """What stands for the weights before the first step: zeros, (B, S)."""
        return encoder_hidden.new_zeros(encoder_hidden.shape[:2])
