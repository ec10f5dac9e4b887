"""What goes on from hypotheses: a model, or an ensemble of several, with what each has read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from seq2seq_attn.config import LoopKind
from seq2seq_attn.decoder import Decoder
from seq2seq_attn.fused import Scores, Stepper, likeliest, log_probabilities
from seq2seq_attn.loop import Loop, Sentence
from seq2seq_attn.nodes.state import each


class Hypotheses(Loop):
    """A loop with K hypotheses of each sentence, (B, K, …), that share what was read of it: h_j, its keys, its mask.

    They stand on the axis on which a node takes all steps of a target at once, against (B, S, M). A step with a node
    that has no such axis, or that someone listens to with hooks, runs on (B K, …), with what was read copied for each.

    Args:
        decoder: whose step it runs.
        sentence: what there is of the source; each sentence begins with one hypothesis.
        first: the embedded symbol before the first step, (B, E), to find out what the step takes.

    Raises:
        ValueError: see `Loop`.
    """

    def __init__(self, decoder: Decoder, sentence: Sentence, first: Tensor) -> None:
        super().__init__(decoder.step, sentence)
        listened_to = decoder.step._forward_hooks or decoder.step._forward_pre_hooks
        planned = None if listened_to else decoder.plan(sentence, first)
        self.shared = planned is not None and planned.takes_rows(decoder.step)
        self._read, self._given_to = (self.constant, self.hidden), ([*range(len(sentence.mask))], 1)
        self._carry(lambda tensor: tensor[:, None])

    def __call__(self, prev_output: Tensor) -> Any:
        """One step with y_{i-1}, (B, K, E); the values that it made, (B, K, …)."""
        if self.shared:
            return super().__call__(prev_output)
        shape = prev_output.shape[:2]

        def grid(tensor: Tensor) -> Tensor:
            return tensor.reshape(*shape, *tensor.shape[1:])

        self._carry(lambda tensor: tensor.flatten(0, 1))
        result = super().__call__(prev_output.flatten(0, 1))
        self._carry(grid)
        return each(grid, result)

    def select(self, rows: Tensor, sentences: list[int]) -> None:
        """Go on from some hypotheses of the last step, in any order, from one perhaps several times.

        Args:
            rows: (B, K) int64, which of the last step's each new one goes on from, counted through all sentences.
            sentences: the rows of the batch that are left, B of them.
        """
        self._carry(lambda tensor: tensor.flatten(0, 1)[rows])
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


class Ensemble:
    """Models that go on together, each with a loop over what its own encoder read of the same sentences.

    Args:
        members: each a decoder and what there is of the sources for it.
        bos: the symbol that begins a sentence.
        loop: "compiled" for compiled steps.

    Attributes:
        positions: of each sentence the number of those that the attention weights are about; known after a step.

    Raises:
        ValueError: members of different numbers of sentences; see `Loop`.
    """

    def __init__(self, members: Sequence[tuple[Decoder, Sentence]], bos: int, loop: LoopKind = "fastest") -> None:
        if len(sentences := {len(sentence.mask) for _, sentence in members}) > 1:
            raise ValueError(f"the models of an ensemble are given {sorted(sentences)} sentences; give all the same")
        self.members, self.positions, self.device = members, list[int](), members[0][1].mask.device
        self.loops = [_steps_of(decoder, sentence, bos, loop) for decoder, sentence in members]

    def __call__(
        self, symbols: Tensor, rows: Tensor, sentences: list[int], count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            symbols: (B, K) int64, the last of each hypothesis.
            rows, sentences: see `Hypotheses.select`.
            count: number N of symbols that are asked for; there may be fewer.

        Returns:
            Behind each hypothesis the likeliest symbols, by the mean of the log-probabilities that the models give
            them, best first: these, (B, K, N), the symbols, (B, K, N) int64, and where the models looked, (B, K, S):
            see `Hypothesis`.

        Raises:
            ValueError: models that write different numbers of symbols.
        """
        outputs, looked = [], []
        for (decoder, sentence), loop in zip(self.members, self.loops, strict=True):
            loop.select(rows, sentences)
            step = loop(symbols) if isinstance(loop, Stepper) else loop(decoder.embed_target(symbols))
            outputs.append(step.output)
            if hasattr(step, "attn_weights"):
                looked.append((step.attn_weights, sentence.mask))
        found = likeliest(outputs[0], count) if len(outputs) == 1 else _agreed(outputs, count)
        if not looked:
            nothing = found[0].new_zeros(*symbols.shape, 0)
            looked = [(nothing, torch.zeros_like(self.members[0][1].mask))]
        self.positions = looked[0][1].sum(dim=1).tolist()
        weights = [weights for weights, _ in looked]
        return *found, _mean(weights) if len({one.shape for one in weights}) == 1 else weights[0]


def _agreed(outputs: Sequence[Tensor | Scores], count: int) -> tuple[Tensor, Tensor]:
    """The symbols that are likeliest by the mean of what several models give them."""
    made = [log_probabilities(output) for output in outputs]
    if len(widths := {one.shape[-1] for one in made}) > 1:
        raise ValueError(f"the models of an ensemble write {sorted(widths)} symbols; they need one target vocabulary")
    best = _mean(made).topk(min(count, made[0].shape[-1]))
    return best.values, best.indices


def _steps_of(decoder: Decoder, sentence: Sentence, bos: int, loop: LoopKind) -> Hypotheses | Stepper:
    symbols = torch.full((len(sentence.mask),), bos, device=sentence.mask.device)
    compiled = decoder.stepper(Loop(decoder.step, sentence), symbols) if loop == "compiled" else None
    return Hypotheses(decoder, sentence, decoder.embed_target(symbols)) if compiled is None else compiled


def _mean(values: Sequence[Tensor]) -> Tensor:
    """Of tensors of one shape; of one, itself."""
    return values[0] if len(values) == 1 else torch.stack(list(values)).mean(dim=0)
