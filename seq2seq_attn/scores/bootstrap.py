"""What another sample of sentences might have scored: intervals, and whether one system is better than another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq_attn.scores.metrics import Numbers
from seq2seq_attn.scores.scoring import Score, score
from seq2seq_attn.scores.sentence import Sentence

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """Between these a score would be, in percent."""

    low: float
    high: float


class Difference(NamedTuple):
    """Two systems on the same sentences, by one metric, in percent.

    Attributes:
        metric: its name.
        first: score of the first system.
        second: score of the second.
        interval: of the second less the first.
        p_value: how often a difference as large, either way, would come of the choice of sentences alone.
        level: of the interval.
        resamples: that interval and p-value are of.
    """

    metric: str
    first: float
    second: float
    interval: Interval
    p_value: float
    level: float
    resamples: int

    @property
    def value(self) -> float:
        """The second less the first."""
        return self.second - self.first


def interval(scored: Score, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The bootstrap percentile interval of a score (Efron & Tibshirani 1993, chapter 13; Koehn 2004).

    Sentences are drawn with replacement, as many as there are, and scored again; a share of ``level`` of the resamples
    is within. It knows no error but those that it has seen: where all sentences are right it is the point 100.

    Args:
        scored: what `score` gives of a metric.
        level: between 0 and 1.
        resamples: 1 at least.
        seed: of the sentences drawn; the same draws for every metric of the same corpus.

    Raises:
        ValueError: a level or number of resamples out of these.
    """
    _check(level, resamples)
    drawn = scored.counts.formula(_resampled(scored.counts.counts, resamples, seed))
    return _middle(drawn, level)


def compare(
    first: Sequence[Sentence],
    second: Sequence[Sentence],
    references: Sequence[Sequence[Sentence]],
    *,
    metrics: Sequence[str],
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """The paired bootstrap of two systems (Koehn 2004): each resample is of the same sentences for both.

    The p-value is two-sided: the share of resamples whose difference is off the observed one by at least as much as
    that is off zero. The observed one is counted in, so that it is never 0 (Davison & Hinkley 1997, chapter 4). Systems
    swapped are the same difference with the other sign. It is not the p-value of sacrebleu's `PairedTest`, which
    centres the absolute values of differences, and is smaller.

    Args:
        first: hypotheses of one system.
        second: those of the other, of the same sources.
        references: of both, see `score`.
        metrics: names.
        level, resamples, seed: see `interval`.

    Raises:
        TypeError, ValueError: what `score` or `interval` refuses.
    """
    _check(level, resamples)
    one, other = (score(hypotheses, references, metrics=metrics) for hypotheses in (first, second))
    found = {}
    for name in one:
        counts = [system[name].counts for system in (one, other)]
        sums = _resampled(np.hstack([own.counts for own in counts]), resamples, seed)
        before, after = (own.formula(part) for own, part in zip(counts, np.hsplit(sums, 2), strict=True))
        differences = after - before
        observed = other[name].value - one[name].value
        extreme = np.abs(differences - observed) >= abs(observed) - 1e-9  # rounding makes no tie, nor breaks one
        p_value = (int(extreme.sum()) + 1) / (resamples + 1)
        values = one[name].value, other[name].value
        found[name] = Difference(name, *values, _middle(differences, level), p_value, level, resamples)
    return found


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, like 0.95")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; give 1 or more, like 1000")


def _resampled(counts: Numbers, resamples: int, seed: int) -> Numbers:
    """Sums (R, K) of the counts (N, K) of N sentences drawn, R times; one draw at a time, for N may be large."""
    random, size = np.random.default_rng(seed), len(counts)
    return np.stack([np.bincount(random.integers(size, size=size), minlength=size) @ counts for _ in range(resamples)])


def _middle(values: Numbers, level: float) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
