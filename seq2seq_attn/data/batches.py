"""Batches of a corpus: pairs of like length together, within a budget of symbols, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seq2seq_attn.data.batch import Batch
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies

Rows = NDArray[np.int64]
_POOL = 64  # batches that are sorted by length together


class Batches:
    """Which rows of a corpus go together, epoch by epoch; a function of seed and epoch, so that nothing is to be saved.

    The rows of a batch, times the positions of its longest source or of its longest target with ``eos``, whichever are
    more, are at most ``max_tokens``. All pairs are read once, for their lengths, of which 20 bytes a pair are kept.

    Args:
        corpus: where the rows are.
        vocabularies: count symbols and number them.
        max_tokens: symbols of a batch on its longer side, padding included.
        batch_size: rows of a batch at most; by default as many as fit.
        seed: of the order, at least 0.
        max_length: symbols of a text at most, ``eos`` not counted; a pair with a longer one is left out.

    Attributes:
        left_out: how many pairs are longer than ``max_length`` on either side.

    Raises:
        ValueError: a number that is too small; a pair that fits no batch, or whose text the vocabulary refuses, with
            ``file:line``; no pair that is short enough.

    Example:
        >>> corpus = Corpus.of([("cab", "K AE B"), ("a", "AH"), ("bad", "B AE D"), ("be", "B IY")], "words")
        >>> batches = Batches(corpus, Vocabularies.of(corpus), max_tokens=8)
        >>> batches.ordered()
        [array([1, 3]), array([0, 2])]
        >>> batches.target_symbols(batches.ordered()[0])
        5
    """

    def __init__(
        self,
        corpus: Corpus,
        vocabularies: Vocabularies,
        *,
        max_tokens: int,
        batch_size: int | None = None,
        seed: int = 0,
        max_length: int | None = None,
    ) -> None:
        for name, value, least in (
            ("max_tokens", max_tokens, 1),
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("max_length", max_length, 1),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}; it is at least {least}")
        self.corpus, self.vocabularies = corpus, vocabularies
        self._max_tokens, self._most, self._seed = max_tokens, batch_size or len(corpus), seed
        self._source, self._target = _lengths(corpus, vocabularies)
        self._longest = np.maximum(self._source, self._target)
        longest_text = np.maximum(self._source, self._target - 1)
        self._rows: Rows = np.flatnonzero(longest_text <= (max_length or longest_text.max()))
        self.left_out = len(corpus) - len(self._rows)
        if not len(self._rows):
            raise ValueError(f"{corpus.name}: no pair has at most {max_length} symbols on each side; raise max_length")
        for row in self._rows[self._longest[self._rows] > max_tokens]:
            raise ValueError(
                f"{corpus.where(row)}: {self._longest[row]} symbols fit in no batch of {max_tokens}; "
                "raise max_tokens, or leave such pairs out (max_length leaves them out of training)"
            )
        positions = int(self._longest[self._rows].sum(dtype=np.int64))
        self._pool = _POOL * max(1, min(max_tokens * len(self._rows) // positions, self._most))

    def epoch(self, number: int) -> list[Rows]:
        """The rows of each batch, in the order to train on them; every row is there once.

        Rows are shuffled, sorted by length within pools of some 64 batches, and cut; then the batches are shuffled. The
        order is that of the raw numbers of NumPy's PCG64, which every machine and every version gives alike.
        """
        bits = np.random.PCG64(np.random.SeedSequence(self._seed, spawn_key=(number,)))
        rows = self._rows[np.argsort(bits.random_raw(len(self._rows)), kind="stable")]
        batches = [
            batch for start in range(0, len(rows), self._pool) for batch in self._cut(rows[start : start + self._pool])
        ]
        return [batches[place] for place in np.argsort(bits.random_raw(len(batches)), kind="stable")]

    def ordered(self) -> list[Rows]:
        """The rows of each batch, all sorted by length, the shortest first: to score, where no order is better."""
        return list(self._cut(self._rows))

    def batch(self, rows: Rows) -> Batch:
        """The pairs of these rows as numbers."""
        return self.vocabularies.batch([self.corpus[row] for row in rows])

    def target_symbols(self, rows: Rows) -> int:
        """How many target symbols these rows have, each ``eos`` included: what a mean of their loss divides by."""
        return int(self._target[rows].sum(dtype=np.int64))

    def _cut(self, rows: Rows) -> Iterator[Rows]:
        """Rows by length, equally long ones as they come, in batches as large as may be."""
        rows = rows[np.lexsort((self._source[rows], self._target[rows], self._longest[rows]))]
        while len(rows):
            most = min(self._max_tokens // int(self._longest[rows[0]]), self._most)
            positions = np.arange(1, len(rows[:most]) + 1) * self._longest[rows[:most]]  # of the first row, two rows, …
            size = int(np.count_nonzero(positions <= self._max_tokens))
            yield rows[:size]
            rows = rows[size:]


def _lengths(corpus: Corpus, vocabularies: Vocabularies) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The number of symbols of each source, and of each target with its ``eos``."""
    source, target = np.empty(len(corpus), dtype=np.int32), np.empty(len(corpus), dtype=np.int32)
    for row, pair in enumerate(corpus):
        try:
            source[row] = len(vocabularies.source.indices(pair.source))
            target[row] = len(vocabularies.target.indices(pair.target)) + 1
        except ValueError as error:
            raise ValueError(f"{corpus.where(row)}: {error}") from None
    return source, target
