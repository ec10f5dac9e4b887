"""Two graphs laid one over the other: what both have, what was added, what is gone, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.whole import chosen

Fate = Literal["both", "added", "gone", "changed"]
Arrow = tuple[str, str]

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True)
class Pair(Generic[T]):
    """The same thing in both graphs; None where a graph does not have it."""

    before: T | None
    after: T | None

    @property
    def last(self) -> T:
        """The thing as it is after, or as it was before if it is gone."""
        last = self.before if self.after is None else self.after
        assert last is not None, "a pair of nothing"
        return last

    @property
    def fate(self) -> Fate:
        if self.before is None:
            return "added"
        if self.after is None:
            return "gone"
        return "both" if self.before == self.after else "changed"


class Difference:
    """Two graphs in one: every value, operation, arrow and recurrence of either, by id, those of ``before`` first.

    A graph laid over itself is the graph, so whatever draws a difference draws a graph as well.

    Args:
        before: the graph that we come from.
        after: the graph that we come to.
        names: what the two are called, usually their files.

    Raises:
        ValueError: an id that is a value in one graph and an operation in the other; one picture cannot show both.

    >>> from seq2seq_attn.mermaid import load, parse, shipped
    >>> edited = parse(shipped()["bahdanau"].replace("c_i --> out", ""))
    >>> Difference(load("bahdanau"), edited).arrows["c_i", "out"].fate
    'gone'
    """

    def __init__(self, before: Graph, after: Graph, names: tuple[str, str] = ("before", "after")) -> None:
        for mine, theirs, (here, there) in ((before, after, names), (after, before, names[::-1])):
            for id in mine.values:
                if id in theirs.operations:
                    raise ValueError(
                        f"{id} is a value in {here} and an operation in {there}; rename one to see both in one picture"
                    )
        self.before, self.after, self.names = before, after, names
        self.values: dict[str, Pair[Value]] = _pairs(before.values, after.values)
        self.operations: dict[str, Pair[Operation]] = _pairs(before.operations, after.operations)
        self.arrows: dict[Arrow, Pair[Arrow]] = _pairs(_itself(before.arrows), _itself(after.arrows))
        self.recurrences: dict[Arrow, Pair[Arrow]] = _pairs(  # (now, before)
            *(_itself((now.id, last.id) for now, last in graph.recurrences) for graph in (before, after))
        )
        self.choices: dict[Arrow, Pair[Arrow]] = _pairs(  # (y_i, w_{i-1}) of a whole picture
            *(_itself([(pair[0].id, pair[1].id)] if (pair := chosen(graph)) else []) for graph in (before, after))
        )
        self.beginnings: dict[Arrow, Pair[Arrow]] = _pairs(  # (first, before)
            *(_itself((first.id, last.id) for first, last in graph.beginnings) for graph in (before, after))
        )

    @property
    def same(self) -> bool:
        """Whether the two graphs are equal."""
        return self.before == self.after

    def words(self) -> list[str]:
        """What differs, as `Graph.diff` says it."""
        return self.before.diff(self.after, *self.names)

    def rewired(self, id: str) -> bool:
        """Whether an operation of both graphs reads its arguments in an order that the arrows alone do not tell.

        They tell it where what stays keeps its order, and what is new takes the place of what is gone or comes last.
        """
        pair = self.operations[id]
        if pair.before is None or pair.after is None:
            return False
        old, new = pair.before.inputs, pair.after.inputs
        added = [source for source in new if source not in old]
        told = [source if source in new else added.pop(0) for source in old if source in new or added]
        return [*told, *added] != list(new)

    def fate(self, id: str) -> Fate:
        """What became of a value or an operation; an operation with other arrows alone is in ``both``."""
        if id in self.values:
            return self.values[id].fate
        pair = self.operations[id]
        if pair.fate != "changed":
            return pair.fate
        assert pair.before is not None and pair.after is not None
        return "changed" if pair.before.kind != pair.after.kind or self.rewired(id) else "both"


def _pairs(before: Mapping[K, T], after: Mapping[K, T]) -> dict[K, Pair[T]]:
    return {
        key: Pair(before.get(key), after.get(key)) for key in (*before, *(key for key in after if key not in before))
    }


def _itself(arrows: Iterable[Arrow]) -> dict[Arrow, Arrow]:
    return {arrow: arrow for arrow in arrows}
