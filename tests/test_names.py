from __future__ import annotations

import re
from typing import Any

import models
import pytest
import torch
from models import LETTERS

from seq2seq_attn import Corpus, Vocabularies, Vocabulary
from seq2seq_attn.data.segmentation import Spaces
from seq2seq_attn.explorer.names import Example

MODEL = models.model("gru")
OPEN = Vocabularies(Vocabulary.of(["jump twice walk"], Spaces()), LETTERS.target)


def test_a_text_its_numbers_and_a_tensor_of_them_are_one_example() -> None:
    text, numbers, tensor = (Example.of(MODEL, each, LETTERS) for each in ("cab", [2, 0, 1], torch.tensor([2, 0, 1])))
    assert text[1:] == numbers[1:] == tensor[1:]
    assert text.symbols.tolist() == numbers.symbols.tolist() == tensor.symbols.tolist() == [2, 0, 1]
    assert text.source == ("c", "a", "b")
    assert [text.written(symbol) for symbol in (2, 17, 18, 19)] == ["c", "‹bos›", "‹end›", "19"]


def test_without_vocabularies_symbols_are_called_by_their_numbers() -> None:
    example = Example.of(MODEL, [2, 0, 1])
    assert example.source == ("2", "0", "1") and example.written(17) == "17"


def test_a_symbol_that_the_source_s_vocabulary_does_not_reach_is_called_by_its_number() -> None:
    assert Example.of(MODEL, [2, 22, -1], LETTERS).source == ("c", "22", "-1")


def test_an_unknown_symbol_is_called_as_it_was_given_and_said() -> None:
    example = Example.of(MODEL, "jump thrice  jump around", OPEN)
    assert example.symbols.tolist() == [0, 3, 0, 3]
    assert example.source == ("jump", "thrice", "jump", "around")
    assert example.lacking() == "unknown: thrice, around"
    assert Example.of(MODEL, "jump", OPEN).lacking() == Example.of(MODEL, [0, 3], OPEN).lacking() == ""
    assert Example.of(MODEL, [0, 3], OPEN).source == ("jump", "‹unknown›")


def test_of_many_unknown_symbols_the_first_are_said() -> None:
    text = " ".join(f"<b>{number}\n" for number in range(11))
    assert Example.of(MODEL, text, OPEN).lacking() == (
        "unknown: " + ", ".join(f"<b>{number}\\x0a" for number in range(8)) + " and 3 more"
    )


def test_a_text_is_composed_as_a_corpus_is() -> None:
    corpus = Corpus.of([("é", "a")], "pairs")
    vocabularies = Vocabularies(Vocabularies.of(corpus).source, LETTERS.target)
    example = Example.of(MODEL, "e\u0301", vocabularies)
    assert example.source == ("é",) and not example.lacking()


@pytest.mark.parametrize(
    ("vocabularies", "positions"), [(LETTERS, ["abcd", "efg"]), (None, ["0 1 2 3", "4 5 6"]), (OPEN, None)]
)
def test_a_position_of_a_pyramid_is_called_by_all_that_it_has_read(
    vocabularies: Vocabularies | None, positions: list[str] | None
) -> None:
    pyramid = models.model("pyramid of three layers, lstm")
    words = ["jump", "twice", "walk", "left", "jump", "walk", "twice"]
    source = list(range(7)) if positions else " ".join(words)
    example = Example.of(pyramid, source, vocabularies)
    assert example.positions(pyramid) == (positions or [" ".join(words[:4]), " ".join(words[4:])])


@pytest.mark.parametrize(
    ("name", "shown"),
    [(" ", "␣"), ("\u3000\u3000", "␣␣"), ("\n", "\\x0a"), ("a b", "a b"), ("\u202e", "\\u202e"), ("", "‹empty›")],
)
def test_a_name_that_cannot_be_seen_is_spelt_out(name: str, shown: str) -> None:
    example = Example(torch.tensor([3, 1]), (name,) * 2, (name,) * 19)
    assert example.positions(MODEL) == [shown] * 2 and example.written(18) == shown


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("ab", ValueError, "source is a text, and no vocabularies say what its symbols are; give them, or numbers"),
        (torch.tensor([[1]]), ValueError, "source is (1, 1) torch.int64; give one sentence, (S,) int64"),
        (torch.tensor(1), ValueError, "source is () torch.int64; give one sentence, (S,) int64"),
        (torch.tensor([1.0]), ValueError, "source is (1,) torch.float32; give one sentence, (S,) int64"),
        ([1, 2.0], TypeError, "source holds the float 2.0; give whole numbers, or a text"),
        (5, TypeError, "source is the int 5; give whole numbers, or a text"),
    ],
)
def test_what_is_no_sentence_is_refused(source: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Example.of(MODEL, source)


def test_a_symbol_that_a_closed_vocabulary_does_not_have_is_refused_with_those_that_it_has() -> None:
    message = "symbol 2 of 'cä' is 'ä', which is none of the 17 of the vocabulary, 'abcdefghijklmnopq'"
    with pytest.raises(ValueError, match=f"^{message}$"):
        Example.of(MODEL, "cä", LETTERS)


def test_vocabularies_of_another_model_are_refused() -> None:
    other = Vocabularies.of(Corpus.of([("ab", "ab")], "pairs"), target="character")
    message = "the vocabularies have bos 3 and eos 4, the model 17 and 18; give those that it was trained with"
    for source in ("ab", [0, 1]):
        with pytest.raises(ValueError, match=f"^{message}$"):
            Example.of(MODEL, source, other)
