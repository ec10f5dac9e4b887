"""What a user may call things: every attempt of ``attacks/labels.json``, and symbols that bear such names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from seq2seq_attn import Alphabet

TEXTS: dict[str, str] = {
    label["name"]: label["text"]
    for label in json.loads((Path(__file__).parent / "attacks" / "labels.json").read_text(encoding="utf-8"))
}


@dataclass(frozen=True)
class Named(Alphabet):
    """An alphabet whose symbols are called something else."""

    names: tuple[str, ...] = ()

    @property
    def source_symbols(self) -> tuple[str, ...]:
        return self.names

    @property
    def target_symbols(self) -> tuple[str, ...]:
        return self.names
