from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_attn.scores import METRICS, Difference, Interval, Scores, Sentence, compare, interval, score
from seq2seq_attn.scores.edits import nearest
from seq2seq_attn.scores.tables import difference_table, table

OURS = ["exact_match", "word_error_rate", "symbol_error_rate"]
symbols = st.lists(st.sampled_from(["a", "aː", "b", "ʔ", "t͡s"]), max_size=5).map(tuple)
some = st.lists(st.sampled_from(["a", "aː", "b", "ʔ", "t͡s"]), min_size=1, max_size=5).map(tuple)
corpora = st.lists(st.tuples(symbols, st.lists(some, min_size=1, max_size=3)), min_size=1, max_size=5)
WRITTEN = [
    "A man in a blue shirt is standing on a ladder.",
    "Two dogs play in the snow",
    "",
    "The cat sat on mat , didn't it?",
]
WANTED = [
    ["A man in a blue shirt is standing on a ladder.", "A man wearing blue stands on a ladder."],
    ["Two dogs are playing in the snow."],
    ["A girl."],
    ["The cat sat on the mat, didn't it?", "The cat was sitting on the mat.", "On the mat sat the cat, no?"],
]


def sentence(text: str) -> Sentence:
    return Sentence.of(text, str.split)


def values(hypotheses: Sequence[str], references: Sequence[Sequence[str]], *metrics: str) -> list[float]:
    found = score([*map(sentence, hypotheses)], [[*map(sentence, own)] for own in references], metrics=metrics)
    return [one.value for one in found.values()]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein's recurrence: rows are symbols of one, columns those of the other."""
    row = [*range(len(other) + 1)]
    for i, symbol in enumerate(one, start=1):
        above, row = row, [i]
        for j, wanted in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (symbol != wanted)))
    return row[-1]


@given(corpus=corpora)
def test_rates_are_what_their_formulas_say(corpus: list[tuple[tuple[str, ...], list[tuple[str, ...]]]]) -> None:
    hits = edits = length = 0
    for written, wanted in corpus:
        hits += written in wanted
        fewest, most = min((distance(written, one), -len(one)) for one in wanted)
        edits, length = edits + fewest, length - most
    found = values(
        [" ".join(written) for written, _ in corpus], [[" ".join(one) for one in wanted] for _, wanted in corpus], *OURS
    )
    assert found == pytest.approx([100 * hits / len(corpus), 100 - 100 * hits / len(corpus), 100 * edits / length])


@given(corpus=corpora)
@settings(max_examples=23)  # sacrebleu takes its time
def test_the_order_of_sentences_does_not_matter_nor_that_of_references_but_for_chrf(
    corpus: list[tuple[tuple[str, ...], list[tuple[str, ...]]]],
) -> None:
    texts = [(" ".join(written), [" ".join(one) for one in wanted]) for written, wanted in corpus]
    turned = [(written, wanted[::-1]) for written, wanted in texts]
    there, back, other = (
        values([w for w, _ in each], [r for _, r in each], *METRICS) for each in (texts, texts[::-1], turned)
    )
    assert there == pytest.approx(back)
    assert there[:-1] == other[:-1] and [*METRICS][-1] == "chrf"


@pytest.mark.parametrize("metric", METRICS)
def test_a_corpus_that_is_its_references_has_the_best_score_and_another_a_worse_one(metric: str) -> None:
    wanted = [[own[-1], own[0]] for own in WANTED]
    best, worse = (values(each, wanted, metric)[0] for each in ([own[-1] for own in WANTED], WRITTEN))
    assert best == pytest.approx(0 if METRICS[metric].lower_is_better else 100)
    assert worse > best if METRICS[metric].lower_is_better else worse < best


@pytest.mark.parametrize("metric", METRICS)
def test_a_model_that_writes_nothing_has_no_symbol_right(metric: str) -> None:
    assert values(["", ""], [["a b"], ["c", "d e f"]], metric) == [100 if METRICS[metric].lower_is_better else 0]


def test_a_symbol_error_rate_may_exceed_100() -> None:
    assert values(["a b c"], [["d"]], "symbol_error_rate") == [300]


def test_of_equally_near_references_the_longest_counts() -> None:
    for references in (["a b", "a b c d"], ["a b c d", "a b"]):
        assert values(["a b c"], [references], "symbol_error_rate") == [25]


def test_a_symbol_of_several_characters_is_one() -> None:
    assert nearest(("t͡s", "aː"), [("t͡s", "a"), ("ts", "a")]) == (1, 0)


def test_symbols_that_are_equal_are_a_match_however_far_apart_they_were_written() -> None:
    assert values(["a  b"], [["a b"]], *OURS) == [100, 0, 0]


def test_bleu_is_0_where_no_hypothesis_has_four_words() -> None:
    assert values(["a b c", "d"], [["a b c"], ["d"]], "bleu", "exact_match") == [0, 100]
    assert values(["a b c d", "d"], [["a b c d"], ["d"]], "bleu") == pytest.approx([100])


def test_every_sentence_is_composed() -> None:
    assert sentence("c afe\u0301") == Sentence(("c", "afé"), "c afé")


@pytest.mark.parametrize(("name", "theirs"), [("bleu", sacrebleu.BLEU), ("chrf", sacrebleu.CHRF)])
@pytest.mark.parametrize("several", [False, True])
def test_bleu_and_chrf_are_those_of_sacrebleu_with_its_signature(name: str, theirs: type[Any], several: bool) -> None:
    references = WANTED if several else [own[:1] for own in WANTED]
    metric = theirs()
    columns = [[own[row] if row < len(own) else None for own in references] for row in range(3 if several else 1)]
    expected = metric.corpus_score(WRITTEN, columns).score
    found = score([*map(sentence, WRITTEN)], [[*map(sentence, own)] for own in references], metrics=[name])[name]
    assert 0 < expected < 100 and found.value == pytest.approx(expected, abs=1e-12)
    assert found.signature == str(metric.get_signature())
    assert (
        f"nrefs:{'var' if several else 1}|" in found.signature and f"version:{sacrebleu.__version__}" in found.signature
    )


def test_scores_stand_in_the_order_asked_for_and_know_their_corpus() -> None:
    names = ["chrf", "exact_match"]
    found = score([sentence("a"), sentence("b")], [[sentence("a")]] * 2, metrics=names)
    assert [*found] == names == [one.metric for one in found.values()]
    assert [one.sentences for one in found.values()] == [2, 2] and found["exact_match"].signature == ""


A, B, EMPTY = sentence("a"), sentence("b"), sentence("")
REFUSED: dict[str, tuple[Any, Any, Any, str]] = {
    "no sentence": ([], [], OURS, "there is no sentence to score; give at least one"),
    "sizes": ([A], [[A], [B]], OURS, "hypotheses: 1, lists of references: 2; give one for each hypothesis"),
    "no reference": ([A, B], [[A], []], OURS, "sentence 2 has no reference; give it at least one, or leave it out"),
    "empty": ([A], [[A, EMPTY]], OURS, "sentence 1 has an empty reference; give it a symbol, or leave it out"),
    "bare": (
        ["a"],
        [[A]],
        OURS,
        "sentence 1 has the str 'a' for a hypothesis; give a Sentence, which Sentence.of makes",
    ),
    "flat": ([A], [A], OURS, "sentence 1 has the tuple ('a',) for a reference; give each sentence a list of its"),
    "no metric": ([A], [[A]], [], "there is no metric to score by; give one or more of exact_match, word_error_rate"),
    "unknown": ([A], [[A]], ["bleu", "ter"], "'ter' is no metric; give one of exact_match, word_error_rate, symbol"),
    "one name": ([A], [[A]], "bleu", "metrics is the str 'bleu'; give a list of names, ['bleu']"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused(case: str) -> None:
    hypotheses, references, metrics, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        score(hypotheses, references, metrics=metrics)


@pytest.mark.parametrize(
    ("package", "metric"),
    [("sacrebleu", "bleu"), ("sacrebleu", "chrf"), ("rapidfuzz", "symbol_error_rate")],
)
def test_without_a_package_its_extra_is_named(package: str, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"^{package} is not installed; pip install 'seq2seq_attn\[scores\]'$"):
        values(["a"], [["a"]], metric)
    assert values(["a"], [["a"]], "exact_match") == [100]


def scored(*metrics: str) -> Scores:
    """The corpus of this file, scored by one reference each."""
    return score([*map(sentence, WRITTEN)], [[sentence(own[0])] for own in WANTED], metrics=metrics)


def cells(line: str) -> list[str]:
    """Those of a line of plain text or of a Markdown table."""
    return [cell.strip() for cell in re.split(r" {2,}|\|", line.strip("| ")) if cell.strip()]


@pytest.mark.parametrize("as_markdown", [False, True])
def test_a_table_has_a_row_a_system_and_says_how_it_was_measured(as_markdown: bool) -> None:
    systems = {"seed 1": scored("bleu", "exact_match"), "日本": scored("exact_match")}
    written = table(systems, as_markdown=as_markdown)
    head, *rows = (cells(line) for line in written.split("\n\n")[0].split("\n") if "---" not in line)
    shown = {
        name: "{:.2f} [{:.2f}, {:.2f}]".format(one.value, *interval(one)) for name, one in systems["seed 1"].items()
    }
    assert head == ["name", "sentences", "bleu", "exact_match"]
    assert [[re.sub(r"\[ +", "[", cell) for cell in row] for row in rows] == [
        ["seed 1", "4", shown["bleu"], shown["exact_match"]],
        ["日本", "4", shown["exact_match"]],
    ]
    notes = [line for line in written.split("\n") if "In percent" in line or "nrefs" in line]
    assert notes == [
        "In percent; in brackets 95 % intervals, of 1,000 bootstrap resamples of the sentences.",
        f"bleu: {systems['seed 1']['bleu'].signature}",
    ]


@pytest.mark.parametrize("as_markdown", [False, True])
def test_a_comparison_has_a_row_a_metric_with_the_sign_of_what_changed(as_markdown: bool) -> None:
    written, wanted = [*map(sentence, WRITTEN)], [[sentence(own[0])] for own in WANTED]
    right = [own[0] for own in wanted]
    found = compare(written, right, wanted, metrics=OURS, level=0.9, resamples=97)
    found["chrf"] = Difference("chrf", 50, 50 - 1e-9, Interval(-2, -1e-9), 0.5, 0.9, 97)
    text = difference_table(found, "old", "new", as_markdown=as_markdown)
    head, *rows = (cells(line) for line in text.split("\n\n")[0].split("\n") if "---" not in line)
    assert head == ["metric", "old", "new", "difference", "p-value"]
    assert [row[:3] for row in rows[:2]] == [["exact_match", "25.00", "100.00"], ["word_error_rate", "75.00", "0.00"]]
    assert [row[3].split(" ")[0] for row in rows[:2]] == ["+75.00", "-75.00"]
    assert rows[3] == ["chrf", "50.00", "50.00", "+0.00 [-2.00, +0.00]", "0.5000"]
    assert "In percent; in brackets 90 % intervals, of 97 bootstrap resamples of the sentences." in text


def test_a_note_is_written_once_and_in_markdown_is_a_paragraph() -> None:
    systems = {name: scored("bleu") for name in ("one", "two")}
    signature = f"bleu: {systems['one']['bleu'].signature}"
    plain, marked = (table(systems, as_markdown=as_markdown) for as_markdown in (False, True))
    assert plain.split("\n\n")[1].split("\n")[1:] == [signature] == marked.split("\n\n")[2:]


def test_a_large_number_of_sentences_is_legible() -> None:
    a = sentence("a")
    assert "1,013" in table({"one": score([a] * 1013, [[a]] * 1013, metrics=["exact_match"])})


def test_a_table_shows_no_control_character_of_a_name() -> None:
    assert "\x1b" not in table({"\x1b[31mred": scored("exact_match")})


@pytest.mark.parametrize("systems", [{}, {"a": {}}])
def test_a_table_of_nothing_is_refused(systems: dict[str, Scores]) -> None:
    with pytest.raises(ValueError, match="there is no score to show; give at least one of each system"):
        table(systems)
    with pytest.raises(ValueError, match="there is no difference to show; compare by at least one metric"):
        difference_table({}, "a", "b")
