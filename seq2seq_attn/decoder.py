"""The decoder: one step, again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq_attn.nodes import State
from seq2seq_attn.wiring import Step, Wiring, stack


class Decoded(NamedTuple):
    """What the decoder chose, in the form of a target: each row with the symbol that ends it, then padding.

    Attributes:
        symbols: (B, T) int64, ``eos`` after the end of a row.
        mask: (B, T) bool, True = chosen, the ending symbol included; a row that never ended is True to T.
        scores: (B,), the sum of the log-probabilities of the symbols chosen.
        attn_weights: (B, T, S), alpha_ij of every step.
    """

    symbols: Tensor
    mask: Tensor
    scores: Tensor
    attn_weights: Tensor


class Decoder(nn.Module):
    """The loop over target steps: s_i and y_i of one step are s_{i-1} and y_{i-1} of the next.

    Args:
        step: the wiring of one step, called with the words of the picture.
        embedding: of the target symbols; y_{i-1} is embedded.
    """

    def __init__(self, step: Wiring, embedding: nn.Embedding) -> None:
        super().__init__()
        self.step, self.embedding = step, embedding

    def forward(self, prev_decoder: State, encoder_hidden: Tensor, symbols: Tensor, *, mask: Tensor) -> Step:
        """Teacher forcing: the previous symbols are given.

        Args:
            prev_decoder: s_0, (B, H), or an `LSTMState`.
            encoder_hidden: h_j, (B, S, M).
            symbols: (B, T) int64, the symbol *before* each step: the first is the one that begins a sentence.
            mask: (B, S) bool, True = real.

        Returns:
            The values of all steps: output (B, T, V), decoder_hidden (B, T, H), attn_weights (B, T, S), …
        """
        run = self._for_sentence(encoder_hidden, mask)
        steps: list[Step] = []
        for prev_output in self.embedding(symbols).unbind(dim=1):
            step = run(prev_output=prev_output, prev_decoder=prev_decoder)
            prev_decoder = step.decoder_hidden
            steps.append(step)
        return stack(steps)

    @torch.no_grad()
    def greedy(
        self,
        prev_decoder: State,
        encoder_hidden: Tensor,
        *,
        mask: Tensor,
        bos: int,
        eos: int | None,
        max_length: int,
    ) -> Decoded:
        """Choose the best symbol at every step, and go on with it.

        Args:
            prev_decoder: s_0, (B, H), or an `LSTMState`.
            encoder_hidden: h_j, (B, S, M).
            mask: (B, S) bool, True = real.
            bos: the symbol that begins a sentence.
            eos: the symbol that ends one: the loop stops when every row has it. None: it runs to ``max_length``.
            max_length: number of steps at most.

        Raises:
            ValueError: a ``max_length`` below 1.
        """
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}; decode at least 1 symbol")
        run = self._for_sentence(encoder_hidden, mask)
        symbol = torch.full((len(encoder_hidden),), bos, device=encoder_hidden.device)
        going = torch.ones_like(symbol, dtype=torch.bool)
        scores = encoder_hidden.new_zeros(len(encoder_hidden))
        symbols, masks, weights = [], [], []
        for _ in range(max_length):
            step = run(prev_output=self.embedding(symbol), prev_decoder=prev_decoder)
            prev_decoder = step.decoder_hidden
            symbol = step.output.argmax(dim=-1)
            best = torch.log_softmax(step.output, dim=-1).gather(1, symbol[:, None])[:, 0]
            if eos is not None:
                symbol = symbol.masked_fill(~going, eos)
            scores = scores + best.masked_fill(~going, 0.0)
            symbols.append(symbol)
            masks.append(going)
            weights.append(step.attn_weights)
            if eos is not None:
                going = going & (symbol != eos)
                if not going.any():
                    break
        return Decoded(torch.stack(symbols, 1), torch.stack(masks, 1), scores, torch.stack(weights, 1))

    def _for_sentence(self, encoder_hidden: Tensor, mask: Tensor) -> Callable[..., Step]:
        """The step, with what is the same at every step of a sentence."""
        keys = self.step.keys(encoder_hidden)
        return partial(self.step, encoder_hidden=encoder_hidden, mask=mask, keys=keys)
