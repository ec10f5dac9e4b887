"""The page on other packages: every edit on it is one of a picture that ships, and a model, or refused as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seq2seq_attn import Seq2Seq, mermaid
from seq2seq_attn.cipher import config

PAGE = (Path(__file__).parent.parent / "docs" / "attends_with.md").read_text(encoding="utf-8")
EDITS = {
    name: (diagram, hunks)
    for name, diagram, hunks in re.findall(r"### (E\d+): .*?from `(\w+)`\n\n```diff\n(.*?)```", PAGE, re.S)
}


def edited(diagram: str, hunks: str) -> str:
    """A picture after an edit: each hunk is there exactly once."""
    lines = [line.rstrip() for line in mermaid.shipped()[diagram].splitlines()]
    for hunk in filter(str.strip, hunks.strip("\n").split("\n\n")):
        old, new = ([line[1:].rstrip() for line in hunk.splitlines() if line[0] in kept] for kept in (" -", " +"))
        (at,) = (n for n in range(len(lines)) if lines[n : n + len(old)] == old)
        lines[at : at + len(old)] = new
    return "\n".join(lines) + "\n"


def test_every_edit_that_the_table_names_is_on_the_page() -> None:
    all_seven = [f"E{n}" for n in range(1, 8)]
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    assert set(re.findall(r"\bE\d+\b", rows)) == set(EDITS) == set(all_seven)
    assert re.findall(r"^### (E\d+)", PAGE, re.M) == all_seven  # each once, in order
    assert set(re.findall(r"\bE\d+\b", PAGE)) == set(all_seven)  # and the text speaks of no other


@pytest.mark.parametrize("name", [name for name in EDITS if name != "E7"])
@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_an_edited_picture_is_a_model(name: str, cell: str) -> None:
    text = edited(*EDITS[name])
    model = Seq2Seq.from_diagram(text, config(text, cell=cell))
    assert model.trace() == mermaid.parse(text) and model.check() == []


def test_the_tutorials_old_energy_is_refused_as_the_page_says() -> None:
    text = edited(*EDITS["E7"])
    with pytest.raises(ValueError) as refused:
        Seq2Seq.from_diagram(text, config())
    told = re.sub(r"\s+", " ", PAGE)
    assert str(refused.value).split(": ", 1)[1] in told


def test_every_link_within_the_page_leads_somewhere() -> None:
    heads = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)$", PAGE, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= heads
