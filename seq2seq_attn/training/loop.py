"""Training: one pass over batches, an optimiser's step each; and what the model is worth afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seq2seq_attn.data.batch import Batch
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.update import Update


class Progress(NamedTuple):
    """One step of training, measured on its batch before the weights changed.

    Attributes:
        step: from 1.
        loss: cross-entropy in nats a symbol, and what the config weighs beside it.
        exact_match: share of rows of which every symbol is the likeliest one. Without dropout this is what greedy
            decoding of the batch would have right: its first wrong symbol, if any, is wrong here too.
    """

    step: int
    loss: float
    exact_match: float


def train(
    model: Seq2Seq, batches: Iterable[Batch], *, steps: int, learning_rate: float, warmup: int = 20, clip: float = 1.0
) -> Iterator[Progress]:
    """Train in place with Adam; every item of the result is one step, done when it is taken.

    Args:
        model: is put in training mode.
        batches: at least ``steps`` of them, on the model's device.
        steps: how many; in the second half of them the learning rate falls to 0 in a straight line.
        learning_rate: the highest.
        warmup: steps in which it rises to that.
        clip: the greatest norm of all gradients together.

    Raises:
        ValueError: batches that end before ``steps``; a loss or gradient that is not finite, before it can
            reach the weights.
    """
    recipe = Recipe(updates=steps, learning_rate=learning_rate, clip=clip)
    update = Update(Objective(model, recipe), recipe, seeded=False)
    done = 0
    for done, batch in enumerate(batches, start=1):
        falling = 2 * (1 - (done - 1) / steps)
        outcome = update.run(batch, done, rate=learning_rate * min(done / (warmup + 1), 1.0, falling))
        if not outcome.applied:
            name, value = ("gradient", outcome.norm) if math.isfinite(outcome.loss) else ("loss", outcome.loss)
            raise ValueError(f"the {name} of step {done} is {value}; try a lower learning rate than {learning_rate}")
        yield Progress(done, outcome.loss, outcome.exact_match)
        if done == steps:
            return
    raise ValueError(f"the batches ended after {done} of {steps} steps")


def exact_match(model: Seq2Seq, batches: Iterable[Batch]) -> float:
    """Share of rows that greedy decoding gives symbol for symbol, their end included. The model is put in eval mode."""
    model.eval()
    right = rows = 0
    for batch in batches:
        decoded = model.greedy(batch.source, batch.source_mask, max_length=batch.target.shape[1])
        size = decoded.symbols.shape[1]
        same = (decoded.symbols == batch.target[:, :size]) | ~batch.target_mask[:, :size]
        right += int(same.all(dim=1).sum())
        rows += len(batch.source)
    if not rows:
        raise ValueError("there is no batch to score")
    return right / rows
