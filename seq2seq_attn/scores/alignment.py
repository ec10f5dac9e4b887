"""Where a hypothesis differs from its reference, symbol by symbol, and which errors are the worst and the most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from seq2seq_attn.scores.columns import columns, shown, width
from seq2seq_attn.scores.edits import levenshtein, nearest
from seq2seq_attn.scores.sentence import Sentence, check

_GAP = "-"
_LINE = 100  # columns that the symbols of a line take at most


class Match(NamedTuple):
    """A symbol of the reference and what the hypothesis has in its place.

    Attributes:
        reference: None where the hypothesis has a symbol too many.
        hypothesis: None where it lacks one.
    """

    reference: str | None
    hypothesis: str | None

    @property
    def mark(self) -> str:
        """``S`` for a substitution, ``D`` a deletion, ``I`` an insertion, nothing for symbols that are equal."""
        if self.reference == self.hypothesis:
            return ""
        return "I" if self.reference is None else "D" if self.hypothesis is None else "S"


class Error(NamedTuple):
    """A hypothesis that is not its reference.

    Attributes:
        row: which one it is, from 0.
        edits: to the nearest reference.
        alignment: with that, see `align`.
    """

    row: int
    edits: int
    alignment: str


def matches(hypothesis: Sequence[str], reference: Sequence[str]) -> list[Match]:
    """All symbols of both, in order, with as few edits as can be; of several such ways the one that rapidfuzz finds.

    Raises:
        ValueError: rapidfuzz is not installed.

    Example:
        >>> matches("ca", "a")
        [Match(reference=None, hypothesis='c'), Match(reference='a', hypothesis='a')]
    """
    found = []
    for step in levenshtein().opcodes(reference, hypothesis):
        wanted, written = reference[step.src_start : step.src_end], hypothesis[step.dest_start : step.dest_end]
        found += [Match(*both) for both in zip_longest(wanted, written)]
    return found


def align(hypothesis: Sequence[str], reference: Sequence[str]) -> str:
    """Reference and hypothesis one under the other, ``-`` for a gap, and under them a mark for each edit: see `Match`.

    What is longer than a line of about 100 columns goes on under it, behind an empty line.

    Raises:
        ValueError: rapidfuzz is not installed.

    Example:
        >>> print(align("S IH T IH NG".split(), "K IH T AH N".split()))
        reference   K IH T AH N
        hypothesis  S IH T IH NG
                    S      S  S
    """
    blocks = []
    for block in _blocks([_cells(match) for match in matches(hypothesis, reference)]):
        symbols = zip(*block, strict=True) if block else ((), (), ())
        rows = [(name, *row) for name, row in zip(("reference ", "hypothesis ", ""), symbols, strict=True)]
        blocks.append(columns(rows, gap=1).rstrip("\n"))
    return "\n\n".join(blocks)


def worst(hypotheses: Sequence[Sentence], references: Sequence[Sequence[Sentence]], n: int) -> list[Error]:
    """The ``n`` hypotheses with the most edits to their nearest reference; of equal ones the shortest reference first.

    They are what the symbol error rate is made of. Hypotheses without an edit are not among them.

    Raises:
        TypeError, ValueError: what `sentence.check` refuses; rapidfuzz is not installed.
    """
    found = [
        (-edits, len(reference), row, hypothesis, reference)
        for row, (edits, hypothesis, reference) in enumerate(_nearest(hypotheses, references))
        if edits
    ]
    return [
        Error(row, -fewer, align(hypothesis, reference)) for fewer, _, row, hypothesis, reference in sorted(found)[:n]
    ]


def confusions(hypotheses: Sequence[Sentence], references: Sequence[Sequence[Sentence]]) -> Counter[Match]:
    """How often each edit to the nearest reference was made.

    Raises:
        TypeError, ValueError: what `sentence.check` refuses; rapidfuzz is not installed.
    """
    return Counter(
        match
        for _, hypothesis, reference in _nearest(hypotheses, references)
        for match in matches(hypothesis, reference)
        if match.mark
    )


def confusion_table(counted: Counter[Match], n: int) -> str:
    """The ``n`` most frequent of `confusions` in plain text, a line each; of as many the first in their alphabet.

    Example:
        >>> print(confusion_table(Counter({Match("a", "aː"): 2, Match("b", None): 3}), n=5))
        times  reference  hypothesis
        3      b          -
        2      a          aː
    """
    most = sorted(counted.items(), key=lambda item: (-item[1], *(symbol or "" for symbol in item[0])))[:n]
    return columns([("times", *Match._fields), *((str(times), *_cells(match)[:2]) for match, times in most)])


def _nearest(
    hypotheses: Sequence[Sentence], references: Sequence[Sequence[Sentence]]
) -> Iterator[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    """The edits between each hypothesis and its nearest reference, and the symbols of both."""
    check(hypotheses, references)
    for hypothesis, own in zip(hypotheses, references, strict=True):
        symbols = [reference.symbols for reference in own]
        edits, row = nearest(hypothesis.symbols, symbols)
        yield edits, hypothesis.symbols, symbols[row]


def _cells(match: Match) -> tuple[str, str, str]:
    reference, hypothesis = (_GAP if symbol is None else shown(symbol) for symbol in match)
    return reference, hypothesis, match.mark


def _blocks(cells: Sequence[tuple[str, str, str]]) -> Iterator[Sequence[tuple[str, str, str]]]:
    """As many as a line has room for, and one at least."""
    start, taken = 0, 0
    for place, own in enumerate(cells):
        room = max(map(width, own)) + 1
        if taken and taken + room > _LINE:
            yield cells[start:place]
            start, taken = place, 0
        taken += room
    yield cells[start:]
