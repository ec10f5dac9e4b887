from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn import Config
from seq2seq_attn.data.corpus import Corpus, Pair
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.data.segmentation import Characters, Segmentation, Spaces
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.data.vocabulary import Vocabulary

WORDS = Corpus.of([("cab", "K AE B"), ("bad", "B AE D"), ("a", "AH")], "words")
ENDINGS = [(f"{stem}{end}", f"{stem} {end}") for stem in ("walk", "talk", "jump") for end in ("ing", "ed", "er", "s")]


def test_each_side_has_symbols_of_its_own() -> None:
    vocabularies = Vocabularies.of(WORDS)
    assert vocabularies.source.symbols == ("a", "b", "c", "d")
    assert vocabularies.target.symbols == ("AE", "B", "AH", "D", "K")


def test_sources_are_rows_of_numbers_padded_on_the_right() -> None:
    symbols, mask = Vocabularies.of(WORDS).encode(["bat", "a"])
    assert torch.equal(symbols, torch.tensor([[1, 0, 4], [0, 0, 0]]))
    assert torch.equal(mask, torch.tensor([[True, True, True], [True, False, False]]))


def test_a_batch_has_sources_and_ended_targets() -> None:
    vocabularies = Vocabularies.of(WORDS)
    batch = vocabularies.batch([WORDS[0], WORDS[2]])
    assert torch.equal(batch.target, torch.tensor([[4, 0, 1, 7], [2, 7, 0, 0]]))
    assert batch.target_mask.sum(dim=1).tolist() == [4, 2]
    for mine, theirs in zip(batch[:2], vocabularies.encode(["cab", "a"]), strict=True):
        assert torch.equal(mine, theirs)


@given(st.lists(st.tuples(*[st.text("abcdefg", min_size=1)] * 2), min_size=1))
def test_targets_come_back_from_a_batch(pairs: list[tuple[str, str]]) -> None:
    corpus = Corpus.of(pairs, "pairs")
    vocabularies = Vocabularies.of(corpus, target="character")
    batch = vocabularies.batch(corpus[:])
    assert vocabularies.decode(batch.target, batch.target_mask) == [target for _, target in pairs]


def test_a_batch_moves_whole() -> None:
    batch = Vocabularies.of(WORDS).batch(WORDS[:])
    assert {tensor.device.type for tensor in batch.to("meta")} == {"meta"}


def test_rare_symbols_are_unknown_on_both_sides() -> None:
    vocabularies = Vocabularies.of(WORDS, min_count=2)
    assert (vocabularies.source.symbols, vocabularies.target.symbols) == (("a", "b"), ("AE", "B"))


def test_a_shared_vocabulary_numbers_both_sides_alike_in_a_size_that_can_be_copied() -> None:
    corpus = Corpus.of([("a b", "b c"), ("b", "d")], "pairs")
    vocabularies = Vocabularies.of(corpus, source="space", shared=True)
    assert vocabularies.source is vocabularies.target
    assert vocabularies.source.symbols == ("b", "a", "c", "d")
    assert vocabularies.sizes() == {"source_vocabulary": 7, "target_vocabulary": 7, "bos": 5, "eos": 6}


def test_the_sizes_are_those_of_a_config() -> None:
    vocabularies = Vocabularies.of(WORDS)
    config = Config(**vocabularies.sizes(), embedding_size=3, hidden_size=5, attention_size=7, readout_size=2)
    assert config.source_vocabulary == len(vocabularies.source.source_symbols) == 5
    assert config.target_vocabulary == len(vocabularies.target.target_symbols) == 8
    assert vocabularies.target.target_symbols[config.bos] == "‹bos›"
    assert vocabularies.target.target_symbols[config.eos] == "‹end›"


def test_two_segmentations_share_no_vocabulary() -> None:
    with pytest.raises(ValueError, match="cannot be split by character and by space; give both sides the same"):
        Vocabularies.of(WORDS, shared=True)


@pytest.mark.parametrize(
    ("source", "target", "shared"),
    [
        ("character", "space", False),
        ("space", "space", True),
        ("sentencepiece:19", "character", False),
        ("sentencepiece:19", "sentencepiece:19", True),
        (Spaces(), Pieces.train([target for _, target in ENDINGS], 19), False),
    ],
)
def test_vocabularies_come_back_from_their_folder(
    source: str | Segmentation, target: str | Segmentation, shared: bool, tmp_path: Path
) -> None:
    vocabularies = Vocabularies.of(Corpus.of(ENDINGS, "endings"), source, target, shared=shared)
    written = vocabularies.save(tmp_path / "made" / "on the way")
    assert sorted(written) == sorted((tmp_path / "made" / "on the way").iterdir())
    loaded = Vocabularies.load(tmp_path / "made" / "on the way")
    assert loaded == vocabularies
    assert loaded.sizes() == vocabularies.sizes()
    assert loaded.batch([Pair(*ENDINGS[0])]).target.tolist() == vocabularies.batch([Pair(*ENDINGS[0])]).target.tolist()


def test_a_closed_vocabulary_comes_back_closed(tmp_path: Path) -> None:
    closed, other = Vocabulary(("a", " "), Characters(), closed=True), Vocabulary(("b",), Spaces())
    Vocabularies(closed, other).save(tmp_path)
    assert Vocabularies.load(tmp_path) == Vocabularies(closed, other)
    assert (tmp_path / "source_vocabulary.txt").read_text(encoding="utf-8") == "a\n\\u{20}\n"


def test_what_is_no_list_of_texts_is_refused() -> None:
    vocabularies = Vocabularies.of(WORDS)
    with pytest.raises(TypeError, match=r"sources is the str 'abc'; give a list of texts, \['abc'\]"):
        vocabularies.encode("abc")
    with pytest.raises(ValueError, match="there is no text to encode; give at least one"):
        vocabularies.encode([])
    with pytest.raises(ValueError, match="there is no text to encode; give at least one"):
        vocabularies.batch([])
    with pytest.raises(ValueError, match="the text '' is empty; give at least one symbol"):
        vocabularies.encode(["a", ""])


SIDE = {"segmentation": "character", "closed": False}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON: Expecting property name"),
        (b"\xff{}", "is no JSON: "),
        (b"[" * 99999, "is no JSON: maximum recursion depth exceeded"),
        (b"[]", ": give an object with format, source and target"),
        ({"format": 1, "source": SIDE}, ": give an object with format, source and target"),
        ({"format": 2, "source": SIDE, "target": SIDE}, ": format 2; this version reads 1, install one that fits"),
        ({"format": 1, "source": SIDE, "target": 5}, ": target is 5; give it segmentation, one of character, sp"),
        (
            {"format": 1, "source": {**SIDE, "closed": 0}, "target": SIDE},
            ": source is {'segmentation': 'character', 'c",
        ),
        (
            {"format": 1, "source": {**SIDE, "more": 0}, "target": SIDE},
            ": source is {'segmentation': 'character', 'clo",
        ),
        (
            {"format": 1, "source": {**SIDE, "segmentation": "sentencepiece:9"}, "target": SIDE},
            ": source is {'segmentation': 'sentencepiece:9', 'closed': False}; give it segmentation, one of ch",
        ),
    ],
)
def test_settings_that_are_none_are_refused_with_their_path(
    content: bytes | dict[str, object], message: str, tmp_path: Path
) -> None:
    Vocabularies.of(WORDS).save(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} ?{re.escape(message)}"):
        Vocabularies.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["tokenizer_config.json", "source_vocabulary.txt", "target_vocabulary.txt", "source.spm"]
)
def test_a_folder_that_lacks_a_file_is_refused(name: str, tmp_path: Path) -> None:
    Vocabularies.of(Corpus.of(ENDINGS, "endings"), source="sentencepiece:19").save(tmp_path)
    (tmp_path / name).unlink()
    message = re.escape(f"{tmp_path / name} is not there; a folder of vocabularies has it")
    with pytest.raises(FileNotFoundError, match=message):
        Vocabularies.load(tmp_path)


def test_a_vocabulary_that_is_damaged_is_refused_with_its_line(tmp_path: Path) -> None:
    Vocabularies.of(WORDS).save(tmp_path)
    (tmp_path / "target_vocabulary.txt").write_bytes(b"AE\n\n")
    with pytest.raises(ValueError, match=r"target_vocabulary\.txt:2: '' is no symbol"):
        Vocabularies.load(tmp_path)
