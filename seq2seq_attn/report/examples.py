"""Which sentences are shown: right ones and wrong ones, short ones and long ones, always the same."""

from __future__ import annotations

from collections.abc import Sequence


def chosen(lengths: Sequence[int], right: Sequence[bool], n: int) -> list[int]:
    """Rows of ``n`` sentences, or of all if there are fewer, from the shortest to the longest.

    Half of them are wrong, rounded down, as far as there are so many of both; the right ones and the wrong ones are
    each from the middle of equal parts of all right or wrong ones, sorted by length.

    Example:
        >>> chosen([3, 9, 4, 1, 5, 2, 7, 6], [True, True, False, True, True, True, True, False], n=4)
        [5, 2, 7, 6]
    """
    rows = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    good, bad = ([row for row in rows if right[row] is wanted] for wanted in (True, False))
    wrong = min(len(bad), max(n // 2, n - len(good)))
    picked = {*_spread(good, min(len(good), n - wrong)), *_spread(bad, wrong)}
    return [row for row in rows if row in picked]


def _spread(rows: Sequence[int], n: int) -> list[int]:
    """The middle of each of ``n`` equal parts."""
    return [rows[(2 * part + 1) * len(rows) // (2 * n)] for part in range(n)]
