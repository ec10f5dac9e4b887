"""The seed's diagram, and edits of it to compare it with."""

from __future__ import annotations

import pytest

from seq2seq_attn import mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.graph import Graph

TEXT = mermaid.shipped()["bahdanau"]
GRAPH = mermaid.parse(TEXT)


def edited(*changes: tuple[str, str]) -> Graph:
    """The seed with parts of its text replaced."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return mermaid.parse(text)


MEMORY = ('y_i["', 'm_i["m_{i} memory"]\ny_i["')
EDITS = {
    "an arrow less": edited(("c_i --> out\n", "")),
    "a value more": edited(MEMORY, ("c_i --> rnn\n", "c_i --> rnn\nm_i --> rnn\n")),
    "another kind": edited(("softmax[softmax]", "softmax[sparsemax]")),
    "another word": edited(("{ij} attn_weights", "{ij} weights")),
    "another order": edited(("s_ii --> a\nh_j --> a\n", "h_j --> a\ns_ii --> a\n")),
    "no recurrence": edited(("y_{i-1} prev_output", "x_{i} input")),
    "another diagram": mermaid.load("first_rnn"),
}

every_edit = pytest.mark.parametrize("after", EDITS.values(), ids=EDITS)


def fates(difference: Difference) -> dict[str, set[object]]:
    """The ids and arrows by what became of them, without those that are in both."""
    found: dict[str, set[object]] = {"added": set(), "gone": set(), "changed": set()}
    for id in (*difference.values, *difference.operations):
        found.setdefault(difference.fate(id), set()).add(id)
    for pairs in (difference.arrows, difference.recurrences):
        for arrow, pair in pairs.items():
            found.setdefault(pair.fate, set()).add(arrow)
    found.pop("both", None)
    return found
