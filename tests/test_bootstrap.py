from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from seq2seq_attn.scores import METRICS, Sentence, compare, interval, score

WORDS = ("the", "cat", "sat", "on", "a", "mat", "dog")


def sentence(text: str) -> Sentence:
    return Sentence.of(text, str.split)


def corpus(size: int, *, wrong: float, seed: int) -> tuple[list[Sentence], list[list[Sentence]]]:
    """Random sentences of 5 to 9 words, and hypotheses of which a share of the words is another."""
    random = np.random.default_rng(seed)
    wanted = [random.choice(WORDS, size=random.integers(5, 10)) for _ in range(size)]
    written = [np.where(random.random(len(own)) < wrong, random.choice(WORDS, size=len(own)), own) for own in wanted]
    return [sentence(" ".join(own)) for own in written], [[sentence(" ".join(own))] for own in wanted]


def coins(hits: Sequence[bool]) -> tuple[list[Sentence], list[list[Sentence]]]:
    """A corpus in which these sentences are right."""
    return [sentence("a" if hit else "b") for hit in hits], [[sentence("a")] for _ in hits]


@pytest.mark.parametrize("metric", METRICS)
def test_what_all_sentences_share_has_a_point_for_its_interval(metric: str) -> None:
    hypotheses = [sentence("the cat sat on a hat")] * 13
    found = score(hypotheses, [[sentence("the cat sat on a mat")]] * 13, metrics=[metric])[metric]
    low, high = interval(found, resamples=97)
    assert low == pytest.approx(found.value) == high


@pytest.mark.parametrize("metric", METRICS)
def test_an_interval_holds_the_score_and_a_higher_level_is_wider(metric: str) -> None:
    found = score(*corpus(53, wrong=0.2, seed=3), metrics=[metric])[metric]
    narrow, wide = (interval(found, level=level) for level in (0.5, 0.95))
    assert wide.low < narrow.low < found.value < narrow.high < wide.high


def test_an_interval_covers_the_true_share_about_as_often_as_its_level_says() -> None:
    random = np.random.default_rng(7)
    covered = []
    for number in range(400):
        found = score(*coins(random.random(101) < 0.3), metrics=["exact_match"])["exact_match"]
        low, high = interval(found, level=0.9, resamples=200, seed=number)
        covered.append(low <= 30 <= high)
    assert 0.86 < np.mean(covered) < 0.94  # 0.9, with a standard deviation of 0.015


def test_an_interval_is_as_wide_as_theory_has_it() -> None:
    found = score(*coins([True] * 300 + [False] * 700), metrics=["exact_match"])["exact_match"]
    low, high = interval(found, resamples=4000)
    assert (high - low) / 2 == pytest.approx(100 * 1.96 * math.sqrt(0.3 * 0.7 / 1000), rel=0.05)


def test_the_seed_decides_the_interval() -> None:
    found = score(*corpus(53, wrong=0.2, seed=3), metrics=["bleu"])["bleu"]
    assert interval(found, seed=5) == interval(found, seed=5) != interval(found, seed=6)


@pytest.mark.parametrize("metric", METRICS)
def test_a_resample_scores_as_the_corpus_of_its_sentences(metric: str) -> None:
    hypotheses, references = corpus(11, wrong=0.3, seed=2)
    found = score(hypotheses, references, metrics=[metric])[metric]
    rows = np.random.default_rng(13).integers(11, size=11)
    again = score([hypotheses[row] for row in rows], [references[row] for row in rows], metrics=[metric])[metric]
    assert interval(found, resamples=1, seed=13) == pytest.approx([again.value] * 2)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_systems_do_not_differ(metric: str) -> None:
    hypotheses, references = corpus(53, wrong=0.2, seed=3)
    found = compare(hypotheses, hypotheses, references, metrics=[metric], resamples=97)[metric]
    assert (found.value, *found.interval, found.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("metric", METRICS)
def test_systems_swapped_are_the_same_difference_with_the_other_sign(metric: str) -> None:
    first, references = corpus(53, wrong=0.2, seed=3)
    second = [own[0] if row % 5 else one for row, (one, own) in enumerate(zip(first, references, strict=True))]
    one = compare(first, second, references, metrics=[metric], resamples=97)[metric]
    other = compare(second, first, references, metrics=[metric], resamples=97)[metric]
    assert (one.first, one.second, one.value, one.p_value) == (other.second, other.first, -other.value, other.p_value)
    assert one.interval == pytest.approx((-other.interval.high, -other.interval.low))
    assert one.value < 0 if METRICS[metric].lower_is_better else one.value > 0


def test_a_clear_difference_has_a_small_p_value_and_its_interval_is_off_zero() -> None:
    worse, references = corpus(97, wrong=0.3, seed=3)
    better = [own[0] if row % 2 else one for row, (one, own) in enumerate(zip(worse, references, strict=True))]
    for found in compare(worse, better, references, metrics=[*METRICS]).values():
        assert found.p_value == 1 / 1001
        assert found.interval.low * found.interval.high > 0


def test_sentences_that_both_systems_have_alike_do_not_blur_their_difference() -> None:
    hits = np.random.default_rng(3).random(400) < 0.5
    others = hits.copy()
    others[np.flatnonzero(~hits)[:12]] = True
    first, references = coins(hits)
    second, _ = coins(others)
    found = compare(first, second, references, metrics=["exact_match"])["exact_match"]
    alone = [interval(score(each, references, metrics=["exact_match"])["exact_match"]) for each in (first, second)]
    assert alone[0].high > alone[1].low and found.interval.low > 0 and found.p_value < 0.01


@pytest.mark.parametrize("size", [7, 14, 29, 31])
def test_a_tie_counts_for_the_p_value_whatever_was_rounded(size: int) -> None:
    hits = np.random.default_rng(5).random((2, size)) < 0.6
    (first, references), (second, _) = map(coins, hits)
    found = compare(first, second, references, metrics=["exact_match"], resamples=97, seed=3)["exact_match"]
    random, differences = np.random.default_rng(3), hits[1].astype(int) - hits[0]  # in whole numbers
    drawn = [differences[random.integers(size, size=size)].sum() for _ in range(97)]
    observed = differences.sum()
    assert observed and found.p_value == (sum(abs(one - observed) >= abs(observed) for one in drawn) + 1) / 98


def test_a_p_value_of_systems_that_are_as_good_is_small_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    small = []
    for number in range(400):
        first, references = coins(random.random(101) < 0.4)
        second, _ = coins(random.random(101) < 0.4)
        found = compare(first, second, references, metrics=["exact_match"], resamples=200, seed=number)
        small.append(found["exact_match"].p_value <= 0.1)
    assert 0.06 < np.mean(small) < 0.14  # 0.1, with a standard deviation of 0.015


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 95}, "level is 95; give a share between 0 and 1, like 0.95"),
        ({"level": 0.0}, "level is 0.0; give a share"),
        ({"resamples": 0}, "resamples is 0; give 1 or more, like 1000"),
    ],
)
def test_odd_options_are_refused(options: dict[str, Any], message: str) -> None:
    hypotheses, references = coins([True, False])
    found = score(hypotheses, references, metrics=["exact_match"])["exact_match"]
    with pytest.raises(ValueError, match=re.escape(message)):
        interval(found, **options)
    with pytest.raises(ValueError, match=re.escape(message)):
        compare(hypotheses, hypotheses, references, metrics=["exact_match"], **options)
