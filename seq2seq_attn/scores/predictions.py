"""What a model wrote, as a file of tab-separated values in the form of the SIGMORPHON tasks."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq_attn.data.lines import Lines

_NO_FIELD = re.compile("[\0\t\n\r\ud800-\udfff]")


class Prediction(NamedTuple):
    """A source and what became of it.

    Attributes:
        source: the text.
        hypotheses: texts, best first, one at least; symbols split by space have spaces between them.
        scores: of each hypothesis, the higher the better; none if none are known, and then there is one hypothesis.
    """

    source: str
    hypotheses: tuple[str, ...]
    scores: tuple[float, ...] = ()


def line(prediction: Prediction) -> str:
    """A prediction as a line of a file, without its end.

    The fields are ``source TAB hypothesis``, as the SIGMORPHON tasks have them; with scores ``source TAB hypothesis TAB
    score``, and then hypothesis and score of the second best, and so on: the first two fields stay what they are.

    Raises:
        ValueError: no hypothesis; several of them without scores, or with more or fewer; a score that is not finite; a
            text with a tab, the end of a line, a NUL or half of a surrogate pair.

    Example:
        >>> line(Prediction("cab", ("K AE B", "K AA B"), (-0.25, -1.5)))
        'cab\\tK AE B\\t-0.25\\tK AA B\\t-1.5'
    """
    source, hypotheses, scores = prediction
    for text in (source, *hypotheses):
        if found := _NO_FIELD.search(text):
            raise ValueError(f"{text!r} has {found[0]!r} in it, which no field of a line can hold; remove it")
    if not scores and len(hypotheses) == 1:
        return f"{source}\t{hypotheses[0]}"
    if not hypotheses or len(hypotheses) != len(scores):
        raise ValueError(f"{source!r} has {len(hypotheses)} hypotheses and {len(scores)} scores; give as many of each")
    if wrong := [score for score in scores if not math.isfinite(score)]:
        raise ValueError(f"{source!r} has a hypothesis of score {wrong[0]}; give a finite one")
    pairs = zip(hypotheses, scores, strict=True)
    return "\t".join((source, *(field for text, score in pairs for field in (text, repr(float(score))))))


def write(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write predictions, a line each, see `line`, in UTF-8; each as soon as it is there.

    Raises:
        OSError: a file that cannot be written.
        ValueError: a prediction that cannot stand in a line; those before it are written.
    """
    with Path(path).open("w", encoding="utf-8", newline="\n", buffering=1) as file:  # a line at a time
        for prediction in predictions:
            file.write(f"{line(prediction)}\n")


def read(path: str | Path, sources: Sequence[str] | None = None) -> list[Prediction]:
    """Read what `write` wrote, or a file of the SIGMORPHON form from elsewhere; see `Lines` for what is a text file.

    Args:
        path: of the file.
        sources: what the sources have to be once they are composed (NFC), in their order: those of the references that
            it will be scored by.

    Raises:
        OSError: a file that cannot be read.
        ValueError: a line that is no text or no prediction, or has another source, with ``file:line``; more or fewer
            lines than sources.
    """
    with Lines(path) as lines:
        found = []
        wanted = None if sources is None else [unicodedata.normalize("NFC", source) for source in sources]
        for row, text in enumerate(lines):
            try:
                found.append(_prediction(text))
                if wanted is not None and row < len(wanted) and found[row].source != wanted[row]:
                    raise ValueError(f"the source is {found[row].source!r}, where the references have {wanted[row]!r}")
            except ValueError as error:
                raise ValueError(f"{lines.where(row)}: {error}") from None
        if sources is not None and len(found) != len(sources):
            raise ValueError(f"{path} has {len(found)} lines, and the references are of {len(sources)}; give as many")
    return found


def gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Each source with all of its targets, both in the order in which they come first: a word and its pronunciations.

    Example:
        >>> gathered([("read", "R IY D"), ("cab", "K AE B"), ("read", "R EH D")])
        {'read': ['R IY D', 'R EH D'], 'cab': ['K AE B']}
    """
    found: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        found.setdefault(source, {})[target] = None
    return {source: [*targets] for source, targets in found.items()}


def _prediction(text: str) -> Prediction:
    source, *fields = text.split("\t")
    if len(fields) == 1:
        return Prediction(source, (fields[0],))
    if not fields or len(fields) % 2:
        raise ValueError(
            f"fields: {len(fields) + 1}; give source and hypothesis, or source and pairs of hypothesis and score, "
            "with tabs between them"
        )
    return Prediction(source, tuple(fields[::2]), tuple(map(_score, fields[1::2])))


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(f"{text!r} is no score; give a finite number")
    return score
