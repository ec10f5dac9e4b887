"""The bridge: what the encoder hands the decoder to begin with, s_0."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes.check import check, check_mask
from seq2seq_attn.nodes.state import LayeredState, Layers, LSTMState, State


class Bridge(nn.Module):
    """The decoder's first state: s_0 = tanh(W r + b), where r is what the encoder remembers of the whole sentence.

    Each layer of a layered decoder gets a W and b of its own; those of all layers are one upon the other in `hidden`.

    Args:
        memory_size: size of h_j.
        hidden_size: size of s_i, of each layer.
        cell: "GRU" or "Elman", or "LSTM", whose cell part is a second projection of r, without tanh.
        num_layers: layers of the decoder.
        bidirectional: whether h_j is two halves, forward and backward.
        reads: "final": r is the last state of each direction, the forward one at the last word and the backward one
            at the first; of an encoder without directions, h_j at the last word. "backward": only the backward state at
            the first word (Bahdanau et al. 2015, appendix A.2.2). "mean": the mean of h_j over the sentence, for an
            encoder of any kind.
        layered: give a `LayeredState` even of one layer, as a `LayeredStep` takes it; several layers always do.

    Raises:
        ValueError: another ``cell`` or ``reads``; "backward" without that direction; two halves of an odd
            ``memory_size``; no layer.

    Example:
        >>> bridge = Bridge(memory_size=10, hidden_size=7)
        >>> bridge(torch.zeros(2, 3, 10), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 7])
    """

    label = "bridge"

    def __init__(
        self,
        memory_size: int,
        hidden_size: int,
        *,
        cell: Literal["GRU", "LSTM", "Elman"] = "GRU",
        num_layers: int = 1,
        bidirectional: bool = True,
        reads: Literal["final", "backward", "mean"] = "final",
        layered: bool = False,
    ) -> None:
        super().__init__()
        if cell not in ("GRU", "LSTM", "Elman"):
            raise ValueError(f"cell is {cell!r}; Bridge knows 'GRU', 'LSTM' and 'Elman'")
        if reads not in ("final", "backward", "mean"):
            raise ValueError(f"reads is {reads!r}; Bridge knows 'final', 'backward' and 'mean'")
        if reads == "backward" and not bidirectional:
            raise ValueError("reads='backward' needs an encoder with that direction; set bidirectional=True")
        if bidirectional and reads != "mean" and memory_size % 2:
            raise ValueError(f"memory_size is {memory_size}, not two halves; set bidirectional=False")
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; a decoder has at least 1")
        self.memory_size, self.num_layers = memory_size, num_layers
        self.forward_size = memory_size // 2 if bidirectional else memory_size
        self.reads, self.layered = reads, layered or num_layers > 1
        read_size = memory_size - self.forward_size if reads == "backward" else memory_size
        self.hidden = nn.Linear(read_size, num_layers * hidden_size)
        self.cell = nn.Linear(read_size, num_layers * hidden_size) if cell == "LSTM" else None

    def forward(self, encoder_hidden: Tensor, source_mask: Tensor) -> State:
        """The first state.

        Args:
            encoder_hidden: h_j, (B, S, M).
            source_mask: of h_j, (B, S) bool, True = real, padding on the right.

        Returns:
            s_0: (B, H), an `LSTMState` of two, or a `LayeredState` of one or the other.

        Raises:
            TypeError, ValueError: see `check` and `check_mask`; a row without a real position.
        """
        check(self, encoder_hidden=(encoder_hidden, "B S memory_size"))
        check_mask(self, source_mask, encoder_hidden)
        if not source_mask[:, 0].all():
            raise ValueError("source_mask has a row that does not begin with a real position; pad on the right")
        read = self._read(encoder_hidden, source_mask)
        hiddens = torch.tanh(self.hidden(read)).chunk(self.num_layers, dim=-1)
        states: list[Tensor | LSTMState] = list(hiddens)
        if self.cell is not None:
            cells = self.cell(read).chunk(self.num_layers, dim=-1)
            states = [LSTMState(hidden, cell) for hidden, cell in zip(hiddens, cells, strict=True)]
        return LayeredState(hiddens[-1], Layers(*states), Layers()) if self.layered else states[0]

    def _read(self, encoder_hidden: Tensor, source_mask: Tensor) -> Tensor:
        """What is remembered of the whole sentence, r: (B, read_size)."""
        if self.reads == "mean":
            real = encoder_hidden.masked_fill(~source_mask[:, :, None], 0)
            return real.sum(dim=1) / source_mask.sum(dim=1, keepdim=True)
        backward = encoder_hidden[:, 0, self.forward_size :]  # the backward direction ends at the first word
        if self.reads == "backward":
            return backward
        last = source_mask.sum(dim=1) - 1
        rows = torch.arange(len(last), device=last.device)
        return torch.cat([encoder_hidden[rows, last, : self.forward_size], backward], dim=-1)
