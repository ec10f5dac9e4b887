"""Scores as a table, for a terminal or in Markdown: each with its interval, and with what has to be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from seq2seq_attn.drawing.scene import printable
from seq2seq_attn.scores.bootstrap import LEVEL, RESAMPLES, Difference, Interval, interval
from seq2seq_attn.scores.columns import columns, markdown
from seq2seq_attn.scores.scoring import Scores


def table(systems: Mapping[str, Scores], *, as_markdown: bool = False) -> str:
    """Scores of several systems or corpora, a row each, a metric a column, and sacrebleu's signatures below.

    The intervals are those of `interval` with its defaults.

    Args:
        systems: by name, at least one; a metric that one of them lacks is an empty cell.
        as_markdown: a Markdown table instead of one of plain text.

    Raises:
        ValueError: no system, or one without a score.

    Example:
        >>> from seq2seq_attn.scores import Sentence, score
        >>> cab = Sentence.of("K AE B", str.split)
        >>> print(table({"words": score([cab] * 7, [[cab]] * 7, metrics=["word_error_rate"])}))
        name   sentences  word_error_rate
        words  7           0.00 [ 0.00,  0.00]
        <BLANKLINE>
        In percent; in brackets 95 % intervals, of 1,000 bootstrap resamples of the sentences.
    """
    if not systems or not all(systems.values()):
        raise ValueError("there is no score to show; give at least one of each system")
    found = [one for scores in systems.values() for one in scores.values()]
    metrics = list(dict.fromkeys(one.metric for one in found))
    rows = [["name", "sentences", *metrics]]
    for name, scores in systems.items():
        size = next(iter(scores.values())).sentences
        cells = [_cell(scores[one].value, interval(scores[one])) if one in scores else "" for one in metrics]
        rows.append([name, f"{size:,}", *cells])
    notes = [f"In percent; in brackets {_interval(LEVEL, RESAMPLES)}."]
    return _written(rows, [*notes, *(f"{one.metric}: {one.signature}" for one in found if one.signature)], as_markdown)


def difference_table(
    differences: Mapping[str, Difference], first: str, second: str, *, as_markdown: bool = False
) -> str:
    """Two systems compared, a metric a row.

    Args:
        differences: what `compare` gives, at least one.
        first: name of the first system.
        second: name of the second.
        as_markdown: a Markdown table instead of one of plain text.

    Raises:
        ValueError: no difference.
    """
    if not differences:
        raise ValueError("there is no difference to show; compare by at least one metric")
    rows = [["metric", first, second, "difference", "p-value"]]
    for one in differences.values():
        values = f"{one.first:5.2f}", f"{one.second:5.2f}", _cell(one.value, one.interval, "+")
        rows.append([one.metric, *values, f"{one.p_value:.4f}"])
    notes = {f"In percent; in brackets {_interval(one.level, one.resamples)}." for one in differences.values()}
    return _written(rows, [*sorted(notes), "Each resample has the same sentences of both."], as_markdown)


def _interval(level: float, resamples: int) -> str:
    return f"{100 * level:g} % intervals, of {resamples:,} bootstrap resamples of the sentences"


def _cell(value: float, within: Interval, sign: str = "") -> str:
    shown, low, high = (f"{number:{sign}z5.2f}" for number in (value, *within))
    return f"{shown} [{low}, {high}]"


def _written(rows: Sequence[Sequence[str]], notes: Iterable[str], as_markdown: bool) -> str:
    seen = [[printable(cell, len(cell)) for cell in row] for row in rows]
    gap = "\n\n" if as_markdown else "\n"  # lines that follow one another are one paragraph in Markdown
    return f"{(markdown if as_markdown else columns)(seen)}\n\n{gap.join(dict.fromkeys(notes))}"
