from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn.data import symbols
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.data.segmentation import Characters, Segmentation, Spaces, segmentation
from seq2seq_attn.data.vocabulary import Vocabulary

TEXTS = [f"</s> {stem}{end} <unk>" for stem in ("walk", "talk", "jump", "play") for end in ("ing", "ed", "er", "s")]
ANY = st.characters(exclude_categories=())


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.train(TEXTS, 29)


@given(text=st.text(ANY))
def test_characters_joined_are_the_text(text: str) -> None:
    assert Characters().join(Characters().split(text)) == text
    assert len(Characters().split(text)) == len(text)


@given(text=st.text(st.one_of(st.just(" "), ANY)))
def test_what_stands_between_spaces_joined_is_the_text_up_to_runs_of_spaces(text: str) -> None:
    assert Spaces().join(Spaces().split(text)) == re.sub(" +", " ", text).strip(" ")


def test_only_a_space_parts_symbols() -> None:
    assert Spaces().split("a\u00a0b\tc\u3000d\u2028e f") == ["a\u00a0b\tc\u3000d\u2028e", "f"]


@given(text=st.text(st.one_of(st.just(" "), st.characters(exclude_categories=["Cs"], exclude_characters="▁"))))
def test_pieces_joined_are_the_text_up_to_runs_of_spaces(pieces: Pieces, text: str) -> None:
    assert pieces.join(pieces.split(text)) == re.sub(" +", " ", text).strip(" ")


def test_the_same_texts_give_the_same_pieces(pieces: Pieces) -> None:
    assert Pieces.train(TEXTS, 29) == pieces != Pieces.train(TEXTS, 23)
    assert segmentation("sentencepiece:29", TEXTS) == pieces


def test_frequent_words_are_pieces_and_what_was_never_seen_is_one_that_no_vocabulary_has(pieces: Pieces) -> None:
    assert pieces.split("jumping☃")[0] == "▁jump"
    vocabulary = Vocabulary.of(TEXTS, pieces)
    numbers = vocabulary.indices("jumping☃")
    assert [place for place, number in enumerate(numbers) if number == vocabulary.unknown] == [len(numbers) - 1]
    assert vocabulary.text(numbers) == "jumping‹unknown›"


def test_what_looks_like_a_special_symbol_of_sentencepiece_is_text(pieces: Pieces) -> None:
    vocabulary = Vocabulary.of(TEXTS, pieces)
    assert vocabulary.text(vocabulary.indices("</s> <unk>")) == "</s> <unk>"


def test_pieces_come_back_from_their_file(pieces: Pieces, tmp_path: Path) -> None:
    pieces.save(tmp_path / "source.spm")
    assert Pieces.load(tmp_path / "source.spm") == pieces


@pytest.mark.parametrize("data", [b"", b"nonsense"])
def test_a_file_that_is_no_model_of_pieces_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "source.spm").write_bytes(data)
    message = rf"source\.spm: these {len(data)} bytes are no SentencePiece model; give those of a \.spm file"
    with pytest.raises(ValueError, match=message):
        Pieces.load(tmp_path / "source.spm")


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        (TEXTS, 9999, "9999 pieces cannot be learnt of these texts: Vocabulary size too high"),
        (TEXTS, 3, "3 pieces cannot be learnt of these texts: Vocabulary size is smaller than required_chars"),
        ([], 5, "5 pieces cannot be learnt of these texts: there is no text"),
    ],
)
def test_too_many_and_too_few_pieces_are_refused(texts: list[str], size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pieces.train(texts, size)


def test_without_the_package_its_extra_is_named(pieces: Pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    message = r"SentencePiece is not installed; pip install 'seq2seq_attn\[sentencepiece\]'"
    with pytest.raises(ValueError, match=message):
        segmentation("sentencepiece:29", TEXTS)
    with pytest.raises(ValueError, match=message):
        Pieces(pieces.model)


@pytest.mark.parametrize("name", ["word", "sentencepiece", "sentencepiece:0", "sentencepiece:8k", ""])
def test_a_segmentation_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^'{name}' is no segmentation; give character, space, or sentencepiece:8000"):
        segmentation(name, TEXTS)


def test_segmentations_have_names() -> None:
    assert segmentation("character", []) == Characters()
    assert segmentation("space", []) == Spaces()


@given(st.lists(st.text("abcd", min_size=1), min_size=1), st.booleans())
def test_texts_come_back_from_their_numbers(texts: list[str], spaced: bool) -> None:
    texts = [" ".join(texts)] if spaced else texts
    vocabulary = Vocabulary.of(texts, Spaces() if spaced else Characters())
    assert [vocabulary.text([*vocabulary.indices(text), vocabulary.eos]) for text in texts] == texts
    assert not vocabulary.unknown_in(texts)


def test_a_closed_vocabulary_has_no_number_for_what_is_unknown() -> None:
    vocabulary = Vocabulary(("b", "c", "a"), Characters(), closed=True)
    assert (vocabulary.unknown, vocabulary.bos, vocabulary.eos) == (None, 3, 4)
    assert (len(vocabulary), vocabulary.target_size) == (3, 5)
    assert vocabulary.source_symbols == ("b", "c", "a")
    assert vocabulary.target_symbols == ("b", "c", "a", "‹bos›", "‹end›")
    assert vocabulary.indices("abc") == [2, 0, 1]


def test_what_no_text_has_stands_last() -> None:
    vocabulary = Vocabulary(("b", "c", "a"), Characters())
    assert (vocabulary.unknown, vocabulary.bos, vocabulary.eos) == (3, 4, 5)
    assert (len(vocabulary), vocabulary.target_size) == (4, 6)
    assert vocabulary.source_symbols == ("b", "c", "a", "‹unknown›")
    assert vocabulary.target_symbols == ("b", "c", "a", "‹unknown›", "‹bos›", "‹end›")


def test_frequent_symbols_come_first_and_equally_frequent_ones_by_their_code_points() -> None:
    assert Vocabulary.of(["zcbaabc", "cc", "éz"], Characters()).symbols == ("c", "a", "b", "z", "é")


def test_rare_symbols_are_unknown_and_counted() -> None:
    vocabulary = Vocabulary.of(["a a b", "b c"], Spaces(), min_count=2)
    assert vocabulary.symbols == ("a", "b")
    assert vocabulary.indices("c a d") == [2, 0, 2]
    assert vocabulary.text([2, 0, 4]) == "‹unknown› a"
    assert vocabulary.text([3, 0]) == "‹bos› a"
    assert vocabulary.unknown_in(["c a d", "d"]) == Counter({"d": 2, "c": 1})


def test_a_symbol_that_looks_special_is_as_any_other() -> None:
    vocabulary = Vocabulary.of(["</s> ‹unknown› ‹bos› ‹end›"], Spaces())
    numbers = vocabulary.indices("‹unknown› </s> ‹end› ‹bos› other")
    assert {*numbers[:4]} == {0, 1, 2, 3} and numbers[4] == vocabulary.unknown == 4
    assert vocabulary.text(numbers[:4]) == "‹unknown› </s> ‹end› ‹bos›"


@pytest.mark.parametrize("segments", [Characters(), Spaces()])
def test_an_empty_text_is_refused(segments: Segmentation) -> None:
    with pytest.raises(ValueError, match="the text '' is empty; give at least one symbol"):
        Vocabulary(("a",), segments).indices("")


def test_a_closed_vocabulary_refuses_what_it_does_not_have() -> None:
    with pytest.raises(
        ValueError, match=r"symbol 3 of 'abxc' is 'x', which is none of the 3 of the vocabulary, 'abc'$"
    ):
        Vocabulary(("a", "b", "c"), Characters(), closed=True).indices("abxc")
    words = Vocabulary(tuple(f"word{number:03}" for number in range(99)), Spaces(), closed=True)
    with pytest.raises(ValueError, match=r"none of the 99 of the vocabulary, 'word000 word001 .* word006 word…'$"):
        words.indices("word")


@pytest.mark.parametrize("number", [-1, 4])
def test_a_number_that_no_symbol_has_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"symbol {number} is none of the 4 of the vocabulary, bos and eos included"):
        Vocabulary(("a",), Characters()).text([0, number])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((), "the vocabulary has no symbol; give it some text"),
        (("a", ""), "the vocabulary has an empty symbol"),
        (("a", "b", "a"), "the vocabulary has 'a' twice; give each symbol once"),
    ],
)
def test_what_is_no_vocabulary_is_refused(found: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(found, Characters())


def test_texts_without_a_symbol_of_that_count_are_refused() -> None:
    with pytest.raises(ValueError, match="none of the 2 symbols is there 3 times; give more text"):
        Vocabulary.of(["aab"], Characters(), min_count=3)


@given(
    found=st.lists(st.text(st.one_of(st.sampled_from("\\u{}09 \n\r\ufeff"), ANY), min_size=1), min_size=1, unique=True)
)
def test_any_symbols_come_back_from_their_file(found: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "vocabulary.txt"
    vocabulary = Vocabulary(tuple(found), Spaces(), closed=True)
    vocabulary.save(path)
    assert Vocabulary.load(path, Spaces(), closed=True) == vocabulary
    assert path.read_bytes().count(b"\n") == len(found)


def test_what_cannot_be_seen_stands_in_the_file_by_its_number(tmp_path: Path) -> None:
    symbols.write(tmp_path / "v.txt", ["é", " ", "\n", "a b", "\\", "\\u{20}", "\u202e", "\U000e0001"])
    lines = ["é", r"\u{20}", r"\u{a}", r"a\u{20}b", r"\\", r"\\u{20}", r"\u{202e}", r"\u{e0001}"]
    assert (tmp_path / "v.txt").read_text(encoding="utf-8").split("\n") == [*lines, ""]


def test_a_file_that_was_edited_may_have_a_mark_at_its_start_and_no_last_newline(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"\xef\xbb\xbfa\n\\u{62}")
    assert symbols.read(tmp_path / "v.txt") == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"v\.txt:1: '' is no symbol; give one a line, a space as \\u\{20\}, a backslash as \\\\$"),
        (b"a\n\nb\n", r"v\.txt:2: '' is no symbol"),
        (b"a\nb c\n", r"v\.txt:2: 'b c' is no symbol"),
        (b"a\r\nb\r\n", r"v\.txt:1: 'a\\r' is no symbol"),
        (b"a\nb\\n\n", r"v\.txt:2: 'b\\\\n' is no symbol"),
        (b"a\n\\u{110000}\n", r"v\.txt:2: '\\\\u\{110000\}' is no symbol"),
        (b"a\nb\n\\u{61}\n", r"v\.txt:3: '\\\\u\{61\}' is there twice, first in line 1; give each symbol once"),
        (b"a\nb\xff\n", r"v\.txt:2: no UTF-8 \(invalid start byte\); save the file as UTF-8"),
    ],
)
def test_a_file_that_holds_no_symbols_is_refused_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Vocabulary.load(tmp_path / "v.txt", Characters())


def test_a_file_that_is_too_large_is_neither_written_nor_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols.write(tmp_path / "v.txt", ["ab", "c"])
    monkeypatch.setattr(symbols, "LARGEST", 4)
    with pytest.raises(ValueError, match=r"v\.txt has more than 4 bytes; give a file with one symbol a line"):
        symbols.read(tmp_path / "v.txt")
    with pytest.raises(ValueError, match=r"w\.txt: 5 bytes of symbols are more than 4; leave out rare ones"):
        symbols.write(tmp_path / "w.txt", ["ab", "c"])
    assert not (tmp_path / "w.txt").exists()
