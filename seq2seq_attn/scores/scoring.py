"""Scores of a corpus: what a model wrote, measured against what it should have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from seq2seq_attn.scores.metrics import METRICS, Counts
from seq2seq_attn.scores.sentence import Sentence, check


@dataclass(frozen=True)
class Score:
    """One score of a corpus.

    Attributes:
        metric: its name.
        value: in percent.
        counts: of each sentence, for `bootstrap`.
    """

    metric: str
    value: float
    counts: Counts = field(repr=False, compare=False)

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        return len(self.counts.counts)

    @property
    def signature(self) -> str:
        """What sacrebleu says of how it counted, to be reported with the score (Post 2018); empty for the others."""
        return self.counts.signature


Scores = dict[str, Score]  # by the metric's name, in the order asked for


def score(
    hypotheses: Sequence[Sentence], references: Sequence[Sequence[Sentence]], *, metrics: Sequence[str]
) -> Scores:
    """Scores of hypotheses, each with one reference or several, in percent.

    ``exact_match`` is the share of sentences with the symbols of one of their references. ``word_error_rate`` is 100
    less that, as grapheme-to-phoneme conversion has it, where a sentence is one word (Gorman et al. 2020); speech
    recognition means by it what is here ``symbol_error_rate`` over symbols that are words.

    ``symbol_error_rate`` is the edits to the nearest reference over the symbols of that one, both summed over the
    corpus: it may exceed 100. With phones as symbols it is the phone error rate (PER), with characters the CER. Of
    references that are equally near, the longest counts.

    ``bleu`` (Papineni et al. 2002) and ``chrf`` (Popović 2015) are sacrebleu's of the texts, with its defaults, which
    its signature names (Post 2018). The texts have to be as a reader has them: sacrebleu finds the words itself. Of
    references that chrF finds equally near it takes the first. Where no hypothesis has four words BLEU is 0, right as
    they may be.

    Args:
        hypotheses: at least one. An empty one has no symbol right.
        references: for each hypothesis a list, none of them empty.
        metrics: names of `METRICS`.

    Raises:
        TypeError, ValueError: what `sentence.check` refuses; no metric, or one that is none; a package of the extra
            ``scores`` that is not installed.

    Example:
        >>> written = [Sentence.of(text, str.split) for text in ("K AE B", "B AE")]
        >>> wanted = [[Sentence.of(text, str.split)] for text in ("K AE B", "B AE D")]
        >>> for one in score(written, wanted, metrics=["word_error_rate", "symbol_error_rate"]).values():
        ...     print(one)
        Score(metric='word_error_rate', value=50.0)
        Score(metric='symbol_error_rate', value=16.666666666666668)
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics is the str {metrics!r}; give a list of names, [{metrics!r}]")
    if not metrics:
        raise ValueError(f"there is no metric to score by; give one or more of {', '.join(METRICS)}")
    if unknown := [name for name in metrics if name not in METRICS]:
        raise ValueError(f"{unknown[0]!r} is no metric; give one of {', '.join(METRICS)}")
    check(hypotheses, references)
    found = {name: METRICS[name].count(hypotheses, references) for name in metrics}
    return {
        name: Score(name, float(own.formula(own.counts.sum(0, keepdims=True))[0]), own) for name, own in found.items()
    }
