from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seq2seq_attn.data import batches as module
from seq2seq_attn.data.batches import Batches
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.segmentation import Characters
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.data.vocabulary import Vocabulary

LENGTHS = st.lists(st.tuples(st.integers(1, 13), st.integers(1, 11)), min_size=1, max_size=60)


def batches(lengths: list[tuple[int, int]], **options: Any) -> Batches:
    """Batches of a corpus with sources and targets of these lengths, ``eos`` not counted."""
    corpus = Corpus.of([("a" * source, "b" * target) for source, target in lengths], "pairs")
    return Batches(corpus, Vocabularies.of(corpus, target="character"), **options)


def plain(rows: list[module.Rows]) -> list[list[int]]:
    return [batch.tolist() for batch in rows]


def random_lengths(count: int) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in np.random.default_rng(5).integers(1, 60, (count, 2))]


@given(
    lengths=LENGTHS,
    max_tokens=st.integers(13, 90),
    batch_size=st.none() | st.integers(1, 7),
    max_length=st.none() | st.integers(1, 13),
    seed=st.integers(0, 2**70),
    epoch=st.integers(0, 2**40),
    pool=st.integers(1, 5),
)
def test_the_laws_of_batches(
    lengths: list[tuple[int, int]],
    max_tokens: int,
    batch_size: int | None,
    max_length: int | None,
    seed: int,
    epoch: int,
    pool: int,
) -> None:
    short = [row for row, pair in enumerate(lengths) if max(pair) <= (max_length or 99)]
    assume(short)
    options = {"max_tokens": max_tokens, "batch_size": batch_size, "max_length": max_length, "seed": seed}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_POOL", pool)
        found, again = batches(lengths, **options), batches(lengths, **options)
    again.epoch(epoch + 1)
    order = found.epoch(epoch)
    assert plain(order) == plain(found.epoch(epoch)) == plain(again.epoch(epoch))
    assert found.left_out == len(lengths) - len(short)
    for rows in (order, found.ordered()):
        assert sorted(np.concatenate(rows).tolist()) == short
        for some in rows:
            batch = found.batch(some)
            assert 1 <= len(some) <= (batch_size or len(some))
            assert max(batch.source.numel(), batch.target.numel()) <= max_tokens
            assert found.target_symbols(some) == int(batch.target_mask.sum())
            assert batch.source_mask.sum(dim=1).tolist() == [lengths[row][0] for row in some]


@given(lengths=LENGTHS, max_tokens=st.integers(13, 90), batch_size=st.none() | st.integers(1, 7))
def test_to_score_batches_go_by_length_and_are_as_large_as_may_be(
    lengths: list[tuple[int, int]], max_tokens: int, batch_size: int | None
) -> None:
    rows = plain(batches(lengths, max_tokens=max_tokens, batch_size=batch_size).ordered())
    longest = [[max(lengths[row][0], lengths[row][1] + 1) for row in batch] for batch in rows]
    assert [*chain(*longest)] == sorted(chain(*longest))
    for batch, following in pairwise(longest):
        assert len(batch) == batch_size or (len(batch) + 1) * following[0] > max_tokens


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    lengths = random_lengths(100)
    one, other = batches(lengths, max_tokens=300, seed=1), batches(lengths, max_tokens=300, seed=2)
    orders = [one.epoch(0), one.epoch(1), other.epoch(0), other.epoch(1), one.ordered()]
    assert len({str(plain(order)) for order in orders}) == 5


def test_equally_long_rows_meet_others_in_each_epoch() -> None:
    found = batches([(5, 5)] * 60, max_tokens=36)
    together = [{frozenset(batch) for batch in plain(found.epoch(number))} for number in range(2)]
    assert not together[0] & together[1]


def test_batches_hold_rows_of_like_length_and_come_in_any_order_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, shipped = [(length, length) for length, _ in random_lengths(2000)], module._POOL

    def real(pool: int) -> float:
        """Share of the symbols of an epoch that are not padding."""
        monkeypatch.setattr(module, "_POOL", pool)
        found = batches(lengths, max_tokens=240)
        order = found.epoch(0)
        padded = sum(len(batch) * (max(lengths[row][1] for row in batch) + 1) for batch in order)
        return sum(map(found.target_symbols, order)) / padded

    assert real(shipped) > 0.97 > 0.9 > real(1)
    monkeypatch.setattr(module, "_POOL", shipped)
    longest = [max(lengths[row] for row in batch)[0] for batch in batches(lengths, max_tokens=240).epoch(0)]
    assert 0.3 < np.mean(np.diff(longest) > 0) < 0.7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, "max_tokens is 0; it is at least 1"),
        ({"max_tokens": 9, "batch_size": 0}, "batch_size is 0; it is at least 1"),
        ({"max_tokens": 9, "seed": -1}, "seed is -1; it is at least 0"),
        ({"max_tokens": 9, "max_length": 0}, "max_length is 0; it is at least 1"),
        (
            {"max_tokens": 5},
            "pairs:2: 6 symbols fit in no batch of 5; raise max_tokens, or leave such pairs out",
        ),
        ({"max_tokens": 9, "max_length": 1}, "pairs: no pair has at most 1 symbols on each side; raise max_length"),
    ],
)
def test_what_gives_no_batches_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        batches([(2, 3), (4, 5)], **options)


def test_eos_counts_for_a_budget_and_not_for_the_length_of_a_text() -> None:
    assert batches([(1, 4)], max_tokens=5, max_length=4).left_out == 0


def test_a_text_that_a_closed_vocabulary_refuses_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\ta\nab\ta\n", encoding="utf-8")
    closed = Vocabulary(("a",), Characters(), closed=True)
    with (
        Corpus.open(path) as corpus,
        pytest.raises(ValueError, match=r"pairs\.tsv:2: symbol 2 of 'ab' is 'b', which is none of the 1"),
    ):
        Batches(corpus, Vocabularies(closed, closed), max_tokens=9)
