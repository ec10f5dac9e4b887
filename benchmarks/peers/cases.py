"""What is measured: sizes of models, options, batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from benchmarks.peers import Case

CHAR = Case(vocabulary=32, source=20, target=20, embedding=256, encoder=256, attention=512, hidden=512, batch=64)
NMT = replace(CHAR, vocabulary=8000, source=25, target=25)
SMALL = Case(
    vocabulary=32, source=20, target=20, embedding=32, encoder=64, attention=64, hidden=64, batch=32, threads=1
)
COPY = Case(vocabulary=16, source=5, target=5, embedding=32, encoder=16, attention=32, hidden=32, batch=16, threads=1)
BEAM = 5
LENGTHS = (10, 20, 50, 100, 200, 400)

Kind = Literal["training", "ragged", "bfloat16", "greedy", "beam", "memory", "scaling"]


class Part(NamedTuple):
    """What is measured of a case: a step of training, a decoding, or the memory that a step adds."""

    kind: Kind
    case: Case


def ragged(case: Case) -> Case:
    """The same with what real training has."""
    return replace(case, ragged=True, dropout=0.2, label_smoothing=0.1)


PARTS: dict[str, Part] = {
    "char": Part("training", CHAR),
    "nmt": Part("training", NMT),
    "hidden 512": Part("training", replace(NMT, encoder=512)),
    "small": Part("training", SMALL),
    "char, ragged + dropout + smoothing": Part("ragged", ragged(CHAR)),
    "nmt, ragged + dropout + smoothing": Part("ragged", ragged(NMT)),
    "char, bfloat16": Part("bfloat16", replace(CHAR, precision="bfloat16")),
    "nmt, bfloat16": Part("bfloat16", replace(NMT, precision="bfloat16")),
    "char, greedy": Part("greedy", CHAR),
    "nmt, greedy": Part("greedy", NMT),
    "nmt, greedy, one sentence": Part("greedy", replace(NMT, batch=1)),
    "char, beam 5": Part("beam", CHAR),
    "nmt, beam 5": Part("beam", NMT),
    "nmt, beam 5, one sentence": Part("beam", replace(NMT, batch=1)),
    "memory": Part("memory", replace(CHAR, source=200, target=200, batch=16)),
    **{f"source {length}": Part("scaling", replace(CHAR, source=length)) for length in LENGTHS},
    **{f"target {length}": Part("scaling", replace(CHAR, target=length)) for length in LENGTHS},
    **{f"batch {rows}": Part("scaling", replace(CHAR, batch=rows)) for rows in LENGTHS},
}
