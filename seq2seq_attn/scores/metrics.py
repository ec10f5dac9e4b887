"""The metrics: each is counts of every sentence, and a formula of their sums over a corpus.

So a corpus and every resample of it (see `bootstrap`) are scored by the same formula, and no sentence is read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seq2seq_attn.scores.edits import nearest
from seq2seq_attn.scores.sentence import Sentence

Numbers = NDArray[np.float64]
Hypotheses = Sequence[Sentence]
References = Sequence[Sequence[Sentence]]


class Counts(NamedTuple):
    """What a metric counts in each of N sentences, K numbers.

    Attributes:
        counts: (N, K), whole numbers.
        formula: sums of counts, (R, K), to as many scores in percent, (R,).
        signature: what sacrebleu says of how it counted; empty for a metric that has one way only.
    """

    counts: Numbers
    formula: Callable[[Numbers], Numbers]
    signature: str = ""


@dataclass(frozen=True)
class Metric:
    """A way to score.

    Attributes:
        count: hypotheses and the references of each, to their counts.
        lower_is_better: as errors are.
    """

    count: Callable[[Hypotheses, References], Counts]
    lower_is_better: bool = False


def _exact_match(hypotheses: Hypotheses, references: References) -> Counts:
    hits = [any(one.symbols == other.symbols for other in own) for one, own in zip(hypotheses, references, strict=True)]
    return Counts(np.array([(hit, 1) for hit in hits], dtype=np.float64), _share)


def _word_error_rate(hypotheses: Hypotheses, references: References) -> Counts:
    hits = _exact_match(hypotheses, references).counts
    return Counts(np.stack([1 - hits[:, 0], hits[:, 1]], axis=1), _share)


def _symbol_error_rate(hypotheses: Hypotheses, references: References) -> Counts:
    rows = []
    for hypothesis, own in zip(hypotheses, references, strict=True):
        found = nearest(hypothesis.symbols, [reference.symbols for reference in own])
        rows.append((found.edits, len(own[found.row].symbols)))
    return Counts(np.array(rows, dtype=np.float64), _share)


def _share(sums: Numbers) -> Numbers:
    return 100 * sums[:, 0] / sums[:, 1]


def _by_sacrebleu(name: str) -> Callable[[Hypotheses, References], Counts]:
    """BLEU or CHRF of sacrebleu, with its defaults.

    What sacrebleu has in public resamples a corpus for itself (`corpus_score(…, n_bootstrap=…)`, `PairedTest`), and
    gives no interval of a difference. The counts that it does so with are two methods of its class `Metric`; the tests
    hold what we make of them to the public `corpus_score`.
    """

    def count(hypotheses: Hypotheses, references: References) -> Counts:
        metric = getattr(_sacrebleu(), name)()
        most = max(map(len, references))
        texts = [[own[row].text if row < len(own) else None for own in references] for row in range(most)]
        counts = metric._extract_corpus_statistics([one.text for one in hypotheses], texts)

        def formula(sums: Numbers) -> Numbers:
            return np.array([metric._compute_score_from_stats(row.tolist()).score for row in sums])

        return Counts(np.array(counts, dtype=np.float64), formula, str(metric.get_signature()))

    return count


def _sacrebleu() -> ModuleType:
    try:
        import sacrebleu
    except ImportError:
        raise ValueError("sacrebleu is not installed; pip install 'seq2seq_attn[scores]'") from None
    return sacrebleu


METRICS = {
    "exact_match": Metric(_exact_match),
    "word_error_rate": Metric(_word_error_rate, lower_is_better=True),
    "symbol_error_rate": Metric(_symbol_error_rate, lower_is_better=True),
    "bleu": Metric(_by_sacrebleu("BLEU")),
    "chrf": Metric(_by_sacrebleu("CHRF")),
}
