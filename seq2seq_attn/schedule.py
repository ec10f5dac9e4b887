"""What can leave the loop: which operations of a graph run before, inside and after the loop over target steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter
from typing import NamedTuple

from seq2seq_attn.graph import Graph


class Schedule(NamedTuple):
    """The operations of a graph in three bands, each in an order in which it can run.

    Attributes:
        before: what waits for no step: it needs the source, or what is given for all steps, only.
        inside: what waits for a step before it, and what lies between two such operations.
        after: what only reads the results.
    """

    before: tuple[str, ...]
    inside: tuple[str, ...]
    after: tuple[str, ...]

    def bands(self) -> dict[str, str]:
        """The band of each operation, by its id."""
        return {id: band for band, ids in self._asdict().items() for id in ids}


def schedule(graph: Graph, given: Collection[str] = ("output",)) -> Schedule:
    """Put every operation where it runs the fewest times.

    Args:
        graph: of one step.
        given: words of the values that are known for all steps from the start, though a step makes them: with teacher
            forcing the output, since the true symbols stand for it.

    Example:
        >>> from seq2seq_attn import mermaid
        >>> schedule(mermaid.load("bahdanau"))
        Schedule(before=(), inside=('a', 'softmax', 'wsum', 'rnn'), after=('out',))
    """
    order = [operation.id for operation in graph.order()]
    past = {before.id: now.id for now, before in graph.recurrences if now.word not in given}
    readers: dict[str, set[str]] = {id: set() for id in order}
    for operation in graph.operations.values():
        for value in operation.inputs:
            if maker := graph.maker(past.get(value, value)):
                readers[maker.id].add(operation.id)
    loops = {id for id in order if id in _reached(readers, readers[id])}
    waiting = _reached(readers, loops)
    needed = {id for id in order if loops & _reached(readers, [id])}
    return Schedule(
        _sorted([id for id in order if id not in waiting], readers),
        tuple(id for id in order if id in waiting and id in needed),
        _sorted([id for id in order if id in waiting and id not in needed], readers),
    )


def _sorted(band: list[str], readers: dict[str, set[str]]) -> tuple[str, ...]:
    """A band in which nothing waits for itself, each behind all that it reads, though it be of the step before."""
    return tuple(
        TopologicalSorter({id: [maker for maker in band if id in readers[maker]] for id in band}).static_order()
    )


def _reached(readers: dict[str, set[str]], start: Iterable[str]) -> set[str]:
    """The operations of ``start`` and all that read, however indirectly, what they make."""
    reached: set[str] = set()
    ahead = list(start)
    while ahead:
        id = ahead.pop()
        if id not in reached:
            reached.add(id)
            ahead.extend(readers[id])
    return reached
