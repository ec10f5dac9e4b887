"""What is scored: the symbols and the text of a sentence, a hypothesis with one reference or several."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Sentence(NamedTuple):
    """One target, written by a model or by a person.

    Attributes:
        symbols: what edits are counted in.
        text: what BLEU and chrF read.
    """

    symbols: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, text: str, split: Callable[[str], Iterable[str]]) -> Sentence:
        """A text, composed (NFC) as that of a file is, with the symbols that it splits into.

        Example:
            >>> Sentence.of("K AE B", str.split)
            Sentence(symbols=('K', 'AE', 'B'), text='K AE B')
        """
        composed = unicodedata.normalize("NFC", text)
        return cls(tuple(split(composed)), composed)


def check(hypotheses: Sequence[Sentence], references: Sequence[Sequence[Sentence]]) -> None:
    """Whether there is something to score, and something to score it by.

    A hypothesis may be empty: a model may write nothing. A reference may not: no rate is a share of no symbols.

    Raises:
        TypeError: a hypothesis or a reference that is no `Sentence`, as when a sentence stands in place of its list of
            references.
        ValueError: no hypothesis; more or fewer lists of references; a list that is empty, or holds an empty reference.
    """
    if len(hypotheses) != len(references):
        raise ValueError(
            f"hypotheses: {len(hypotheses)}, lists of references: {len(references)}; give one for each hypothesis"
        )
    if not hypotheses:
        raise ValueError("there is no sentence to score; give at least one")
    for number, (hypothesis, own) in enumerate(zip(hypotheses, references, strict=True), start=1):
        if not isinstance(hypothesis, Sentence):
            raise TypeError(
                f"sentence {number} has the {type(hypothesis).__name__} {hypothesis!r} for a hypothesis; "
                "give a Sentence, which Sentence.of makes of a text"
            )
        if not own:
            raise ValueError(f"sentence {number} has no reference; give it at least one, or leave it out")
        for reference in own:
            if not isinstance(reference, Sentence):
                raise TypeError(
                    f"sentence {number} has the {type(reference).__name__} {reference!r} for a reference; "
                    "give each sentence a list of its references"
                )
            if not reference.symbols:
                raise ValueError(f"sentence {number} has an empty reference; give it a symbol, or leave it out")
