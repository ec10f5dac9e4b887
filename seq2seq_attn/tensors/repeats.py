"""What a loop in Python runs again and again is one thing with a count, so that no picture grows with a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Draft:
    """A thing that may be drawn.

    Attributes:
        key: what the turns of a loop have in common: place in the program, name, shape of the result.
        operands: the numbers of the drafts that it took, all below its own.
    """

    key: Hashable
    operands: tuple[int, ...]


def first_turns(drafts: Sequence[Draft]) -> list[int]:
    """For each draft, the number of the one that it repeats; of one that is no repetition, its own number.

    A repetition has the key of an earlier draft and took the same, or repetitions of the same. The second turn may
    differ from the first in one way: where that took what was there before the loop (s_0), it takes what the loop hands
    on (s_1), which is repeated oftener. So what is repeated depends on what is repeated: all that have one key count as
    repetitions at first, and these groups are split until they stay as they are.

    Example:
        >>> before, gates, *turns = Draft("zeros", ()), Draft("linear", ()), *(Draft("+", (n, 1)) for n in (0, 2, 3))
        >>> first_turns([before, gates, *turns, Draft("tanh", (4,))])
        [0, 1, 2, 2, 2, 5]
    """
    firsts: dict[Hashable, int] = {}
    groups = [firsts.setdefault(draft.key, number) for number, draft in enumerate(drafts)]
    while (parts := _split(drafts, groups)) != groups:
        groups = parts
    return groups


def _split(drafts: Sequence[Draft], groups: Sequence[int]) -> list[int]:
    """Groups of which each draft repeats the one before it, as far as the groups up to now tell."""
    sizes = Counter(groups)
    result: list[int] = []
    latest: dict[int, dict[int, int]] = {}  # the parts of each group: the first draft of each, and the latest

    def repeats(number: int, earlier: int) -> bool:
        pairs = list(zip(drafts[earlier].operands, drafts[number].operands, strict=False))
        return len(drafts[earlier].operands) == len(drafts[number].operands) and all(
            result[then] == result[now]
            or (result[earlier] == earlier <= now and sizes[groups[then]] < sizes[groups[now]])  # s_0, and s_1
            for then, now in pairs
        )

    for number, group in enumerate(groups):
        parts = latest.setdefault(group, {})
        first = next((first for first, earlier in parts.items() if repeats(number, earlier)), number)
        parts[first] = number
        result.append(first)
    return result
