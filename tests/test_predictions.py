from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seq2seq_attn.scores import Sentence, score
from seq2seq_attn.scores.predictions import Prediction, gathered, line, read, write

fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r\ufeff")).map(
    lambda text: unicodedata.normalize("NFC", text)
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
scored = st.lists(st.tuples(fields, numbers), min_size=1, max_size=3).map(lambda pairs: tuple(zip(*pairs, strict=True)))
predictions = st.one_of(
    st.builds(lambda source, text: Prediction(source, (text,)), fields, fields),
    st.builds(lambda source, both: Prediction(source, *both), fields, scored),
)


@given(wanted=st.lists(predictions))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # one file, written anew each time
def test_what_is_written_is_read_again(wanted: list[Prediction], tmp_path: Path) -> None:
    write(tmp_path / "dev.tsv", wanted)
    assert read(tmp_path / "dev.tsv", [one.source for one in wanted]) == wanted == read(tmp_path / "dev.tsv")


def test_the_first_two_fields_are_those_of_the_sigmorphon_tasks(tmp_path: Path) -> None:
    write(tmp_path / "dev.tsv", [Prediction("abîme", ("a b i m",)), Prediction("cab", ("K AE B", ""), (-0.5, -3.0))])
    assert (tmp_path / "dev.tsv").read_bytes() == "abîme\ta b i m\ncab\tK AE B\t-0.5\t\t-3.0\n".encode()


def test_a_file_from_elsewhere_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_bytes(b"\xef\xbb\xbfcafe\xcc\x81\tk a f e\r\nb\t")
    assert read(tmp_path / "dev.tsv") == [Prediction("caf\xe9", ("k a f e",)), Prediction("b", ("",))]


def test_a_source_is_the_same_however_its_letters_were_composed(tmp_path: Path) -> None:
    write(tmp_path / "dev.tsv", [Prediction("cafe\u0301", ("k a f e",))])
    for source in ("cafe\u0301", "caf\xe9"):
        assert read(tmp_path / "dev.tsv", [source]) == [Prediction("caf\xe9", ("k a f e",))]


def test_predictions_are_written_as_they_come(tmp_path: Path) -> None:
    path, made = tmp_path / "dev.tsv", [Prediction("a", ("b",)), Prediction("c", ("d",))]

    def stream() -> Iterator[Prediction]:
        for count, prediction in enumerate(made):
            assert read(path) == made[:count]
            yield prediction

    write(path, stream())
    assert read(path) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "fields: 1; give source and hypothesis, or source and pairs of hypothesis and score, with tabs between"),
        ("", "fields: 1; give source and hypothesis"),
        ("a\tb\t-1.0\tc", "fields: 4; give source and hypothesis"),
        ("a\tb\tc", "'c' is no score; give a finite number"),
        ("a\tb\t-1.0\tc\tnan", "'nan' is no score"),
        ("a\tb\t-inf", "'-inf' is no score"),
        ("x\tb", "the source is 'x', where the references have 'a'"),
        ("a\tb\rc", "a carriage return in the text"),
    ],
)
def test_a_line_that_is_no_prediction_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_bytes(f"first\tb\n{text}\nlast\tb\n".encode())
    with pytest.raises(ValueError, match="^" + re.escape(f"{tmp_path / 'dev.tsv'}:2: {message}")):
        read(tmp_path / "dev.tsv", ["first", "a", "last"])


@pytest.mark.parametrize("sources", [["a"], ["a", "b", "c"]])
def test_a_file_of_another_length_than_the_references_is_refused(sources: list[str], tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("a\tx\nb\ty\n")
    message = f"dev.tsv has 2 lines, and the references are of {len(sources)}; give as many"
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "dev.tsv", sources)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (Prediction("a\tb", ("c",)), r"'a\tb' has '\t' in it, which no field of a line can hold; remove it"),
        (Prediction("a", ("b", "c\nd"), (0.0, -1.0)), r"'c\nd' has '\n' in it"),
        (Prediction("a", ("\ud800",)), r"'\ud800' has '\ud800' in it"),
        (Prediction("a\rb", ("c",)), r"'a\rb' has '\r' in it"),
        (Prediction("a", ("b\0",)), r"'b\x00' has '\x00' in it"),
        (Prediction("a", ()), "'a' has 0 hypotheses and 0 scores; give as many of each"),
        (Prediction("a", ("b", "c")), "'a' has 2 hypotheses and 0 scores"),
        (Prediction("a", ("b",), (-1.0, -2.0)), "'a' has 1 hypotheses and 2 scores"),
        (Prediction("a", ("b",), (float("nan"),)), "'a' has a hypothesis of score nan; give a finite one"),
        (Prediction("a", ("b", "c"), (0.0, float("-inf"))), "'a' has a hypothesis of score -inf"),
    ],
)
def test_what_cannot_stand_in_a_line_is_refused(prediction: Prediction, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        line(prediction)
    with pytest.raises(ValueError, match=re.escape(message)):
        write(tmp_path / "dev.tsv", [prediction])


def test_a_word_is_right_by_any_of_its_gathered_pronunciations(tmp_path: Path) -> None:
    wanted = gathered([("read", "R IY D"), ("cab", "K AE B"), ("read", "R EH D"), ("read", "R IY D")])
    assert wanted == {"read": ["R IY D", "R EH D"], "cab": ["K AE B"]}
    (tmp_path / "dev.tsv").write_text("read\tR EH D\ncab\tK AE P\n")
    written = [Sentence.of(one.hypotheses[0], str.split) for one in read(tmp_path / "dev.tsv", [*wanted])]
    references = [[Sentence.of(target, str.split) for target in targets] for targets in wanted.values()]
    assert score(written, references, metrics=["exact_match"])["exact_match"].value == 50
