"""What a user may call things: every attempt of ``attacks/labels.json``, and symbols that bear such names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seq2seq_attn import Vocabularies, Vocabulary
from seq2seq_attn.data.segmentation import Spaces

TEXTS: dict[str, str] = {
    label["name"]: label["text"]
    for label in json.loads((Path(__file__).parent / "attacks" / "labels.json").read_text(encoding="utf-8"))
}


def named(names: Sequence[str], size: int) -> Vocabularies:
    """Vocabularies whose first symbols are called like this, ``size`` of them in the target.

    A name that is empty is none; what is missing is made up.
    """
    symbols = [*filter(None, names), *(f"made up {number}" for number in range(size))]
    return Vocabularies(*(Vocabulary(tuple(each), Spaces(), closed=True) for each in (symbols, symbols[:size])))
