from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn import Seq2Seq, cipher, mermaid
from seq2seq_attn.cipher import (
    SYMBOLS,
    VOCABULARIES,
    config,
    decrypt,
    encrypt,
    encrypted_batch,
    hold_out,
    random_message,
    stuttering_message,
    training_batches,
)
from seq2seq_attn.mermaid import parse, shipped
from seq2seq_attn.whole import around

messages = st.text(SYMBOLS, min_size=1, max_size=40)


def test_the_seeds_examples() -> None:
    assert encrypt("THIS-IS-A-SECRET", 13) == "FUVEMVEMNMERPDRF"
    assert encrypt("SECRET", 13) == "ERPDRF"
    assert VOCABULARIES.source.indices("ERPDRF") == [4, 17, 15, 3, 17, 5]
    assert len(VOCABULARIES.source) == 27 and SYMBOLS[0] == "A" and SYMBOLS[-1] == "-"


@given(messages, st.integers(-100, 100))
def test_decrypting_undoes_encrypting_and_27_shifts_are_none(message: str, key: int) -> None:
    assert decrypt(encrypt(message, key), key) == message
    assert encrypt(message, key) == encrypt(message, key + 27)


@given(st.lists(messages, min_size=1, max_size=5), st.integers(0, 26))
def test_a_batch_is_ciphertext_with_its_ended_plaintext(texts: list[str], key: int) -> None:
    batch = encrypted_batch(texts, key)
    assert VOCABULARIES.decode(batch.target, batch.target_mask) == texts
    assert [decrypt(text, key) for text in VOCABULARIES.decode(batch.source, batch.source_mask)] == texts
    assert (batch.target[batch.target_mask] == VOCABULARIES.target.eos).sum() == len(texts)


def test_held_out_messages_are_all_different_and_of_every_length() -> None:
    held_out = hold_out(1000, 32, Random(0))
    assert len(set(held_out)) == 1000
    lengths = [len(message) for message in held_out]
    assert set(lengths) == set(range(1, 33)) and lengths.count(1) <= 9


def test_training_never_sees_a_held_out_message_and_grows_to_the_longest() -> None:
    random = Random(0)
    held_out = frozenset(hold_out(200, 7, random))
    batches = list(training_batches(3, steps=50, batch_size=32, max_length=7, random=random, held_out=held_out))
    seen = [message for batch in batches for message in VOCABULARIES.decode(batch.target, batch.target_mask)]
    assert len(seen) == 50 * 32 and not held_out & set(seen)
    assert {len(message) for message in seen} == set(range(1, 8))
    assert batches[0].source.shape[1] <= 6
    lengths = [batch.target_mask.sum(dim=1).tolist() for batch in batches]
    assert lengths == [sorted(each, reverse=True) for each in lengths]


def test_the_same_seed_gives_the_same_messages() -> None:
    def draw(seed: int) -> list[list[int]]:
        random = Random(seed)
        hold_out(20, 5, random)
        return [
            b.source.flatten().tolist() for b in training_batches(3, steps=3, batch_size=5, max_length=5, random=random)
        ]

    assert draw(1) == draw(1) != draw(2)


@pytest.mark.parametrize(("count", "length"), [(10, 1), (0, 5), (1, 0)])
def test_more_messages_than_there_are_cannot_be_held_out(count: int, length: int) -> None:
    with pytest.raises(ValueError, match=f"{count} messages cannot be held out of length 1 to {length}"):
        hold_out(count, length, Random(0))


def test_a_third_of_the_single_letters_can_be_held_out() -> None:
    assert len(set(hold_out(9, 1, Random(0)))) == 9


def test_symbols_that_the_cipher_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"symbol 1 of 'secret' is 's', which is none of the 27 .*, 'ABC.*Z-'$"):
        encrypt("secret", 13)
    with pytest.raises(ValueError, match="the text '' is empty"):
        encrypt("", 13)


def test_stuttering_messages_repeat_one_of_the_last_three_and_random_ones_do_not() -> None:
    random = Random(0)
    for make, more in ((stuttering_message, 0.2 / 3), (random_message, 0.0)):
        message = make(50_000, random)
        assert len(message) == 50_000 and set(message) == set(SYMBOLS)
        for back in (1, 2, 3):
            share = sum(a == b for a, b in zip(message, message[back:], strict=False)) / 50_000
            assert share > 1 / 27 + 0.8 * more if more else share == pytest.approx(1 / 27, abs=0.005)


def test_the_model_of_the_cipher_has_its_vocabularies_and_the_sizes_that_learn_it() -> None:
    made = config()
    assert (made.diagram, made.source_vocabulary, made.target_vocabulary) == ("bahdanau", 27, 29)
    assert (made.bos, made.eos) == (VOCABULARIES.target.bos, VOCABULARIES.target.eos)
    sizes = (made.embedding_size, made.hidden_size, made.attention_size, made.readout_size)
    assert sizes == (24, 80, 128, 32)
    assert config("luong", cell="LSTM", hidden_size=7) == replace(made, diagram="luong", cell="LSTM", hidden_size=7)


def test_who_copies_numbers_source_and_target_alike() -> None:
    copying = config("pointer_generator")
    assert copying.source_vocabulary == copying.target_vocabulary == 29
    assert config("seq2seq").source_vocabulary == 27  # its x_j is read by the encoder alone


def test_a_picture_of_ones_own_is_in_the_config_as_its_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.mmd"
    path.write_text(text := shipped()["luong"].replace("a[general]", "a[concat]"))
    for diagram in (str(path), text):
        assert parse(config(diagram).diagram) == parse(text)
    with pytest.raises(ValueError, match="no diagram is called 'luon'"):
        config("luon")


def test_training_messages_stutter() -> None:
    (batch,) = training_batches(3, steps=1, batch_size=4000, max_length=6, random=Random(0))
    pairs = [pair for text in VOCABULARIES.decode(batch.target, batch.target_mask) for pair in pairwise(text)]
    assert sum(a == b for a, b in pairs) / len(pairs) > 2 / 27


def test_who_copies_numbers_source_and_target_alike_in_a_whole_picture_too() -> None:
    whole = mermaid.emit(around(mermaid.load("pointer_generator"), "RNN"))
    for diagram, size in (("bahdanau", 27), ("seq2seq", 27), ("pointer_generator", 29), (whole, 29)):
        assert cipher.config(diagram).source_vocabulary == size
    assert Seq2Seq.from_diagram(whole, cipher.config(whole)).check() == []
