from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn import Alphabet
from seq2seq_attn.alphabet import Batch, numbered

ABC = Alphabet("abcde")


@given(st.lists(st.text("abcde", min_size=1, max_size=7), min_size=1, max_size=5), st.booleans())
def test_texts_come_back_from_their_indices(texts: list[str], ended: bool) -> None:
    symbols, mask = ABC.encode(texts, ended=ended)
    assert ABC.decode(symbols, mask) == texts
    assert mask.sum(dim=1).tolist() == [len(text) + ended for text in texts]
    assert not symbols[~mask].any()
    if ended:
        assert all(row[real][-1] == ABC.eos for row, real in zip(symbols, mask, strict=True))


def test_sizes_count_the_two_symbols_of_a_target() -> None:
    assert (len(ABC), ABC.bos, ABC.eos, ABC.target_size) == (5, 5, 6, 7)


def test_a_bos_in_the_middle_is_shown_and_not_dropped() -> None:
    assert ABC.decode(torch.tensor([[0, 5, 1, 6]]), torch.ones(1, 4, dtype=torch.bool)) == ["a‹bos›b"]


def test_a_batch_moves_whole() -> None:
    batch = Batch(*ABC.encode(["ab"]), *ABC.encode(["c"], ended=True))
    assert {tensor.device.type for tensor in batch.to("meta")} == {"meta"}


def test_what_is_no_text_of_the_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match="character 3 of 'abxc' is 'x', which is not in 'abcde'"):
        ABC.encode(["a", "abxc"])
    with pytest.raises(ValueError, match="the text is empty; give at least one character"):
        ABC.encode(["a", ""])
    with pytest.raises(ValueError, match="there is no text to encode"):
        ABC.encode([])


def test_what_is_no_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match="alphabet 'abcb' has 'b' twice; give each character once"):
        Alphabet("abcb")
    with pytest.raises(ValueError, match="alphabet '' is empty"):
        Alphabet("")


def test_one_text_instead_of_several_is_refused() -> None:
    with pytest.raises(TypeError, match=r"texts is the str 'abc'; give a list of texts, \['abc'\]"):
        ABC.encode("abc")


@pytest.mark.parametrize("symbol", [-1, 7])
def test_a_symbol_that_is_none_is_refused(symbol: int) -> None:
    with pytest.raises(ValueError, match=f"symbol {symbol} is none of the 7 of 'abcde', bos and eos"):
        ABC.decode(torch.tensor([[symbol]]), torch.tensor([[True]]))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("ab", ValueError, "source is a text, and no alphabet says what its characters are; give one, or numbers"),
        (torch.tensor([[1]]), ValueError, "source is (1, 1) torch.int64; give one sentence, (S,) int64"),
        (torch.tensor(1), ValueError, "source is () torch.int64; give one sentence, (S,) int64"),
        (torch.tensor([1.0]), ValueError, "source is (1,) torch.float32; give one sentence, (S,) int64"),
        ([1, 2.0], TypeError, "source holds the float 2.0; give whole numbers, or a text"),
        (5, TypeError, "source is the int 5; give whole numbers, or a text"),
    ],
)
def test_what_is_no_sentence_is_refused(source: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        numbered(source)


def test_symbols_have_names_those_that_begin_and_end_too() -> None:
    assert ABC.source_symbols == ("a", "b", "c", "d", "e")
    assert ABC.target_symbols == ("a", "b", "c", "d", "e", "‹bos›", "‹end›")
    assert (len(ABC.source_symbols), len(ABC.target_symbols)) == (len(ABC), ABC.target_size)


@given(characters=st.text(st.characters(exclude_categories=()), min_size=1).map(dict.fromkeys).map("".join))
def test_any_characters_come_back_from_their_file(characters: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "alphabet"
    Alphabet(characters).save(folder)
    assert Alphabet.load(folder) == Alphabet(characters)


def test_what_cannot_be_seen_stands_in_the_file_by_its_number(tmp_path: Path) -> None:
    path = Alphabet("a \n\\\u202eé\U000e0001").save(tmp_path / "made" / "on the way")
    assert path == tmp_path / "made" / "on the way" / "alphabet.txt"
    assert path.read_bytes() == "a\nU+0020\nU+000A\n\\\nU+202E\né\nU+E0001\n".encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nbc\n", r"alphabet.txt:2: 'bc' is no character; give one a line, a space as U\+0020"),
        (b"a\n\nb\n", "alphabet.txt:2: '' is no character"),
        (b"", "alphabet.txt:1: '' is no character"),
        (b"a\nU+110000\n", r"alphabet.txt:2: 'U\+110000' is no character"),
        (b"a\nU+41\n", r"alphabet.txt:2: 'U\+41' is no character"),
        (b"a\nb\nU+0061\n", r"alphabet.txt:3: 'U\+0061' is there twice, first in line 1"),
        (b"a\n\xff\n", "alphabet.txt is no UTF-8 text: invalid start byte at byte 2"),
    ],
)
def test_a_file_that_is_no_alphabet_is_refused_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "alphabet.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Alphabet.load(tmp_path)


def test_a_folder_without_an_alphabet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"alphabet\.txt"):
        Alphabet.load(tmp_path)
