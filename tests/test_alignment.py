from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn.scores import Sentence
from seq2seq_attn.scores.alignment import Match, align, confusion_table, confusions, matches, worst
from seq2seq_attn.scores.columns import columns, markdown, shown, width
from seq2seq_attn.scores.edits import nearest

SYMBOLS = ["a", "aː", "t͡s", "日", "ｋ", "नु", "한국", "ŋ̟"]
sequences = st.lists(st.sampled_from(SYMBOLS), max_size=7)
# Names of Unicode's own, so that what the functions make of them is not what wrote them down here.
WIDTHS = {
    "": 0,
    "word": 4,
    "t\N{COMBINING DOUBLE INVERTED BREVE}s": 2,
    "\N{LATIN SMALL LETTER ALPHA}\N{COMBINING TILDE}": 1,
    "a\N{MODIFIER LETTER TRIANGULAR COLON}": 2,
    "\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C}": 4,
    "\N{FULLWIDTH LATIN SMALL LETTER K}": 2,
    "\N{HALFWIDTH KATAKANA LETTER KA}": 1,
    "\N{HANGUL SYLLABLE HAN}": 2,
    "\N{DEVANAGARI LETTER NA}\N{DEVANAGARI VOWEL SIGN U}": 1,
    "\N{DEVANAGARI LETTER NA}\N{DEVANAGARI VOWEL SIGN AA}": 2,
    "\N{ARABIC LETTER MEEM}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER MEEM}": 2,
    "\N{GRINNING FACE}": 2,
    "a\N{COMBINING ENCLOSING CIRCLE}": 1,
}


def sentence(text: str) -> Sentence:
    return Sentence.of(text, str.split)


def cut(text: str, place: int) -> tuple[str, str]:
    """What stands in the first columns of a line, and the rest; no letter may be cut in two."""
    end = 0
    while end < len(text) and (width(text[:end]) < place or not width(text[end])):
        end += 1
    assert width(text[:end]) in (place, width(text))
    return text[:end], text[end:]


@pytest.mark.parametrize("text", WIDTHS)
def test_a_mark_has_no_width_and_a_wide_letter_two(text: str) -> None:
    assert width(text) == WIDTHS[text]


@pytest.mark.parametrize(
    ("symbol", "seen"),
    [
        ("a", "a"),
        ("", "◌"),
        (" ", "␣"),
        ("a b", "a␣b"),
        ("\N{NO-BREAK SPACE}", "\\xa0"),
        ("\N{IDEOGRAPHIC SPACE}", "\\u3000"),
        ("\n", "\\n"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}a", "\\u202ea"),
        ("\N{COMBINING TILDE}", "◌\N{COMBINING TILDE}"),
        ("\N{ZERO WIDTH JOINER}", "◌\N{ZERO WIDTH JOINER}"),
        ("x" * 999, "x" * 999),
    ],
)
def test_a_symbol_is_shown_so_that_it_can_be_seen(symbol: str, seen: str) -> None:
    assert shown(symbol) == seen


@given(rows=st.lists(st.tuples(*[st.sampled_from(SYMBOLS)] * 3), min_size=1, max_size=5))
def test_columns_stand_under_one_another(rows: list[tuple[str, ...]]) -> None:
    lines = columns(rows).split("\n")
    place = max(width(row[0]) for row in rows) + 2
    for row, line in zip(rows, lines, strict=True):
        first, rest = cut(line, place)
        assert first.split() == [row[0]] and rest.split() == [*row[1:]]
        assert rest.startswith(row[1]) and not line.endswith(" ")


def test_a_markdown_table_has_a_head_and_no_stroke_within_a_cell() -> None:
    lines = markdown([("name", "WER"), ("a|b", " 1.00"), ("c", "2.00")]).split("\n")
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [3] * 4
    assert lines[1] == "|---|---|" and lines[2] == r"| a\|b | 1.00 |"


@given(hypothesis=sequences, reference=sequences)
def test_an_alignment_has_all_symbols_of_both_and_as_few_edits_as_can_be(
    hypothesis: list[str], reference: list[str]
) -> None:
    found = matches(hypothesis, reference)
    assert [match.reference for match in found if match.reference is not None] == reference
    assert [match.hypothesis for match in found if match.hypothesis is not None] == hypothesis
    assert sum(bool(match.mark) for match in found) == nearest(hypothesis, [reference]).edits
    assert Match(None, None) not in found


@given(hypothesis=sequences, reference=sequences)
def test_marks_stand_under_their_symbols(hypothesis: list[str], reference: list[str]) -> None:
    lines = align(hypothesis, reference).split("\n")
    marks = lines[2] if len(lines) > 2 else ""
    labels, rests = zip(*(cut(line, 12) for line in (*lines[:2], marks)), strict=True)
    assert [label.strip() for label in labels] == ["reference", "hypothesis", ""]
    for match in matches(hypothesis, reference):
        room = max(width(symbol or "-") for symbol in match) + 1
        cells, rests = zip(*(cut(rest, room) for rest in rests), strict=True)
        assert [cell.strip() for cell in cells] == [match.reference or "-", match.hypothesis or "-", match.mark]
    assert [*rests] == ["", "", ""]


@pytest.mark.parametrize(
    ("match", "mark"),
    [(Match("a", "a"), ""), (Match("a", "b"), "S"), (Match("a", None), "D"), (Match(None, "a"), "I")],
)
def test_an_edit_has_the_mark_of_its_kind(match: Match, mark: str) -> None:
    assert match.mark == mark


def test_a_long_alignment_goes_on_behind_an_empty_line() -> None:
    words = [f"w{number:03}" for number in range(97)]  # 5 columns each, the space behind it included
    blocks = [block.split("\n") for block in align(words[1:], words).split("\n\n")]
    for row, sequence in enumerate((words, ["-", *words[1:]])):
        lines = [block[row][12:].split() for block in blocks]
        assert [symbol for line in lines for symbol in line] == sequence
        assert [*map(len, lines)] == [20, 20, 20, 20, 17]
    assert [*map(len, blocks)] == [3, 2, 2, 2, 2]


def test_a_symbol_wider_than_a_line_stands_alone() -> None:
    blocks = align(["x" * 101, "a"], ["x" * 101, "b"]).split("\n\n")
    assert [block.split("\n")[0].split()[1] for block in blocks] == ["x" * 101, "b"]


def test_the_worst_have_the_most_edits_and_what_is_right_is_not_among_them() -> None:
    hypotheses = [sentence(text) for text in ("a b c", "a b c", "x y", "x y c d", "")]
    references = [[sentence(text)] for text in ("a b c", "a b d", "a b", "a b c d", "a b c")]
    assert [(error.row, error.edits) for error in worst(hypotheses, references, 9)] == [(4, 3), (2, 2), (3, 2), (1, 1)]
    assert [error.row for error in worst(hypotheses[::-1], references[::-1], 9)] == [0, 2, 1, 3]  # the shortest of two
    first, second = worst(hypotheses, references, 2)
    assert first.alignment == align([], ["a", "b", "c"]) and second.row == 2


def test_errors_are_counted_against_the_nearest_reference() -> None:
    hypotheses, references = [sentence("a b x")], [[sentence("d e f"), sentence("a b c"), sentence("a")]]
    (error,) = worst(hypotheses, references, 5)
    assert error == (0, 1, align(["a", "b", "x"], ["a", "b", "c"]))
    assert confusions(hypotheses, references) == {("c", "x"): 1}


def test_every_edit_is_a_confusion_and_nothing_else_is() -> None:
    hypotheses = [sentence(text) for text in ("b b", "b b", "a", "a b a")]
    references = [[sentence(text)] for text in ("a b", "a b", "a a", "a b")]
    assert confusions(hypotheses, references) == {("a", "b"): 2, ("a", None): 1, (None, "a"): 1}


def test_the_most_frequent_confusions_stand_first_in_their_table() -> None:
    counted = Counter({Match("b", None): 2, Match("ŋ͡m", "日"): 13, Match(None, "ŋ͡m"): 2, Match("a", "b"): 1})
    assert confusion_table(counted, 3).split("\n") == [
        "times  reference  hypothesis",
        "13     ŋ͡m         日",
        "2      -          ŋ͡m",
        "2      b          -",
    ]


@pytest.mark.parametrize("ask", [lambda *both: worst(*both, 3), confusions])
def test_what_cannot_be_scored_has_no_errors_to_show(ask: Callable[[Sequence[Sentence], Sequence[Any]], Any]) -> None:
    with pytest.raises(ValueError, match="hypotheses: 1, lists of references: 0"):
        ask([sentence("a")], [])


def test_without_rapidfuzz_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(ValueError, match=r"rapidfuzz is not installed; pip install 'seq2seq_attn\[scores\]'"):
        align("a", "b")
