"""What goes on from hypotheses: an ensemble of models, or one, each with what its encoder has read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq_attn.config import LoopKind
from seq2seq_attn.decoder import Decoder
from seq2seq_attn.fused import Scores, likeliest, log_probabilities
from seq2seq_attn.loop import Sentence


class Ensemble:
    """Models that go on together, each with a loop over what its own encoder read of the same sentences.

    Args:
        members: each a decoder and what there is of the sources for it.
        bos: the symbol that begins a sentence.
        loop: "compiled" for compiled steps.

    Attributes:
        positions: of each sentence the number of those that the attention weights are about; known after a step.
        leaving: see `Hypotheses`.

    Raises:
        ValueError: members of different numbers of sentences; see `Loop`.
    """

    def __init__(self, members: Sequence[tuple[Decoder, Sentence]], bos: int, loop: LoopKind = "fastest") -> None:
        if len(sentences := {len(sentence.mask) for _, sentence in members}) > 1:
            raise ValueError(f"the models of an ensemble are given {sorted(sentences)} sentences; give all the same")
        self.members, self.positions, self.device = members, list[int](), members[0][1].mask.device
        self.loops = [decoder.hypotheses(sentence, bos, loop) for decoder, sentence in members]
        self.leaving = max(loop.leaving for loop in self.loops)

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
        for (_, sentence), loop in zip(self.members, self.loops, strict=True):
            loop.select(rows, sentences)
            step = loop(symbols)
            outputs.append(step.output)
            if (weights := getattr(step, "attn_weights", None)) is not None:
                looked.append((weights, sentence.mask))
        found = likeliest(outputs[0], count) if len(outputs) == 1 else _agreed(outputs, count)
        if not looked:
            nothing = found[0].new_zeros(*symbols.shape, 0)
            looked = [(nothing, torch.zeros_like(self.members[0][1].mask))]
        self.positions = self.positions or looked[0][1].sum(dim=1).tolist()
        every = [weights for weights, _ in looked]
        return *found, _mean(every) if len({one.shape for one in every}) == 1 else every[0]


def _agreed(outputs: Sequence[Tensor | Scores], count: int) -> tuple[Tensor, Tensor]:
    """The symbols that are likeliest by the mean of what several models give them."""
    made = [log_probabilities(output) for output in outputs]
    if len(widths := {one.shape[-1] for one in made}) > 1:
        raise ValueError(f"the models of an ensemble write {sorted(widths)} symbols; they need one target vocabulary")
    best = _mean(made).topk(min(count, made[0].shape[-1]))
    return best.values, best.indices


def _mean(values: Sequence[Tensor]) -> Tensor:
    """Of tensors of one shape; of one, itself."""
    return values[0] if len(values) == 1 else torch.stack(list(values)).mean(dim=0)
