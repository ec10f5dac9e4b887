"""What changes from update to update: the learning rate, and how often the model reads what it wrote itself."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from seq2seq_attn.training.recipe import Recipe

PLATEAU = 2  # evaluations without a better one, after which the learning rate is halved


def rate(recipe: Recipe, update: int) -> float:
    """The learning rate of an update, the first of which is number 1.

    With r the ``learning_rate``, w the ``warmup`` (1 if it is 0), U the ``updates`` and u the update, it is r u / w up
    to w, and from there on

    - constant, plateau: r; on a plateau `Standing.factor` goes with it;
    - linear: r (1 - p), with p = (u - w) / (U - w + 1): after the last update it would be 0;
    - cosine: r (1 + cos(pi p)) / 2, Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts;
    - inverse_square_root: r sqrt(w / u), Vaswani et al. 2017, section 5.3, whose r is (d_model w)^-0.5.

    Raises:
        ValueError: an update that the recipe does not have.

    Example:
        >>> recipe = Recipe(updates=8, learning_rate=1.0, warmup=4, schedule="inverse_square_root")
        >>> [rate(recipe, update) for update in (1, 2, 4)]
        [0.25, 0.5, 1.0]
    """
    _check(recipe, update)
    peak = max(recipe.warmup, 1)
    if update < peak:
        return recipe.learning_rate * update / peak
    progress = (update - peak) / (recipe.updates - peak + 1)
    shares = {
        "constant": 1.0,
        "plateau": 1.0,
        "linear": 1.0 - progress,
        "cosine": (1.0 + math.cos(math.pi * progress)) / 2.0,
        "inverse_square_root": math.sqrt(peak / update),
    }
    return recipe.learning_rate * shares[recipe.schedule]


def sampling(recipe: Recipe, update: int) -> float:
    """The probability of the model's own symbol: 0 in the first update, ``scheduled_sampling`` in the last.

    Bengio et al. 2015, section 2.4, "linear decay" of the true symbol's.

    Raises:
        ValueError: an update that the recipe does not have.
    """
    _check(recipe, update)
    return recipe.scheduled_sampling * (update - 1) / max(recipe.updates - 1, 1)


@dataclass(frozen=True)
class Standing:
    """What the dev scores up to now come to; a few numbers, for JSON.

    Attributes:
        best: the best score; None before the first.
        waited: evaluations since then; early stopping compares them with ``patience``.
        factor: of the learning rate on a plateau: halved after every `PLATEAU` evaluations without a better one, as
            torch's ``ReduceLROnPlateau`` does; 1 for every other schedule.
    """

    best: float | None = None
    waited: int = 0
    factor: float = 1.0

    def after(self, score: float, recipe: Recipe) -> Standing:
        """The standing after another score."""
        if recipe.better(score, self.best):
            return dataclasses.replace(self, best=score, waited=0)
        waited = self.waited + 1
        halved = recipe.schedule == "plateau" and waited % PLATEAU == 0
        return dataclasses.replace(self, waited=waited, factor=self.factor / 2 if halved else self.factor)


def _check(recipe: Recipe, update: int) -> None:
    if not 1 <= update <= recipe.updates:
        raise ValueError(f"update is {update}; the recipe has 1 to {recipe.updates}")
