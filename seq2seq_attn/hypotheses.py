"""A plain loop with several hypotheses of each sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seq2seq_attn.loop import Loop, Sentence
from seq2seq_attn.nodes.state import each
from seq2seq_attn.wiring import Wiring


class Hypotheses(Loop):
    """A loop with K hypotheses of each sentence, (B, K, …), that share what was read of it: h_j, its keys, its mask.

    They stand on the axis on which a node takes all steps of a target at once, against (B, S, M). A step with a node
    that has no such axis, or that someone listens to with hooks, runs on (B K, …), with what was read copied for each.

    Args:
        step: the wiring of one step.
        sentence: what there is of the source; each sentence begins with one hypothesis.
        embedding: of the symbols.
        shared: whether all nodes have that axis, and nobody listens.

    Attributes:
        leaving: what it costs that sentences leave, in steps.

    Raises:
        ValueError: see `Loop`.
    """

    leaving: ClassVar[float] = 0.0

    def __init__(self, step: Wiring, sentence: Sentence, embedding: nn.Module, *, shared: bool) -> None:
        super().__init__(step, sentence)
        self.embedding, self.shared = embedding, shared
        self._read, self._given_to = (self.constant, self.hidden), ([*range(len(sentence.mask))], 1)
        if shared:
            self._carry(lambda tensor: tensor[:, None])

    def __call__(self, symbols: Tensor) -> Any:
        """One step with the last symbols, (B, K) int64; the values that it made, (B, K, …)."""
        embedded: Tensor = self.embedding(symbols)
        if self.shared:
            return super().__call__(embedded)
        result = super().__call__(embedded.flatten(0, 1))
        return each(lambda tensor: tensor.reshape(*symbols.shape, *tensor.shape[1:]), result)

    def select(self, rows: Tensor, sentences: list[int]) -> None:
        """Go on from some hypotheses of the last step, in any order, from one perhaps several times.

        Args:
            rows: (B, K) int64, which of the last step's each new one goes on from, counted through all sentences.
            sentences: the rows of the batch that are left, B of them.
        """
        self._carry(lambda tensor: tensor.flatten(0, 1)[rows] if self.shared else tensor[rows.flatten()])
        copies = 1 if self.shared else rows.shape[1]
        if (sentences, copies) == self._given_to:
            return
        self._given_to = sentences, copies
        left = torch.tensor(sentences, device=rows.device)

        def given(tensor: Tensor) -> Tensor:
            part = tensor if sentences == [*range(len(tensor))] else tensor[left]
            return part if copies == 1 else part[:, None].expand(-1, copies, *part.shape[1:]).flatten(0, 1)

        self.constant, self.hidden = (
            {word: each(given, value) for word, value in values.items()} for values in self._read
        )

    def _carry(self, function: Callable[[Tensor], Tensor]) -> None:
        """Let the next step be given what a function makes of each tensor that the last one hands on."""
        self.carried = {word: each(function, value) for word, value in self.carried.items()}
