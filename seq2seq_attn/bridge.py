"""The bridge: what the encoder hands the decoder to begin with, s_0."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes import LSTMState, State
from seq2seq_attn.nodes.check import check, check_mask


class Bridge(nn.Module):
    """The decoder's first state: s_0 = tanh(W r + b), where r is what the encoder remembers of the whole sentence.

    Args:
        memory_size: size of h_j.
        hidden_size: size of s_i.
        cell: "GRU", or "LSTM", whose cell part is a second projection of r, without tanh.
        bidirectional: whether h_j is two halves, forward and backward.
        reads: "final": r is the last state of each direction, the forward one at the last word and the backward one
            at the first. "backward": only the backward state at the first word (Bahdanau et al. 2015, appendix A.2.2).

    Raises:
        ValueError: another ``cell`` or ``reads``; "backward" without that direction.

    Example:
        >>> bridge = Bridge(memory_size=10, hidden_size=7)
        >>> bridge(torch.zeros(2, 3, 10), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 7])
    """

    def __init__(
        self,
        memory_size: int,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM"] = "GRU",
        bidirectional: bool = True,
        reads: Literal["final", "backward"] = "final",
    ) -> None:
        super().__init__()
        if cell not in ("GRU", "LSTM"):
            raise ValueError(f"cell is {cell!r}; Bridge knows 'GRU' and 'LSTM'")
        if reads not in ("final", "backward"):
            raise ValueError(f"reads is {reads!r}; Bridge knows 'final' and 'backward'")
        if reads == "backward" and not bidirectional:
            raise ValueError("reads='backward' needs an encoder with that direction; set bidirectional=True")
        self.memory_size = memory_size
        self.forward_size = memory_size // 2 if bidirectional else memory_size
        self.reads = reads
        read_size = memory_size - self.forward_size if reads == "backward" else memory_size
        self.hidden = nn.Linear(read_size, hidden_size)
        self.cell = nn.Linear(read_size, hidden_size) if cell == "LSTM" else None

    def forward(self, encoder_hidden: Tensor, source_mask: Tensor) -> State:
        """The first state.

        Args:
            encoder_hidden: h_j, (B, S, M).
            source_mask: (B, S) bool, True = real, padding on the right.

        Returns:
            s_0, (B, H), or an `LSTMState` of two.

        Raises:
            TypeError, ValueError: see `check` and `check_mask`; a row without a real position.
        """
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        check_mask(self, source_mask, encoder_hidden)
        if not source_mask[:, 0].all():
            raise ValueError("source_mask has a row that does not begin with a real position; pad on the right")
        read = encoder_hidden[:, 0, self.forward_size :]  # the backward direction ends at the first word
        if self.reads == "final":
            last = source_mask.sum(dim=1) - 1
            rows = torch.arange(len(last), device=last.device)
            read = torch.cat([encoder_hidden[rows, last, : self.forward_size], read], dim=-1)
        hidden = torch.tanh(self.hidden(read))
        return hidden if self.cell is None else LSTMState(hidden, self.cell(read))
