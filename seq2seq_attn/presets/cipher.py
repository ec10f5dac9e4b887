"""The seed's task as pairs: messages that a Caesar cipher shifted, and what they say."""

from __future__ import annotations

from random import Random

from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.presets.preset import Corpora, Preset

_KEY, _SEED, _MAX_LENGTH = 13, 0, 32


def corpora() -> Corpora:
    """What ``seq2seq-attn cipher`` is scored on as it comes, key 13 and 1 to 32 symbols, and more to learn from.

    700 lists of 64 messages are ``train``; of the 1,000 that it holds out, half are ``dev`` and half ``test``.
    """
    from seq2seq_attn import cipher  # which loads torch

    random = Random(_SEED)
    held_out = cipher.hold_out(1000, _MAX_LENGTH, random)
    lists = cipher.training_messages(
        steps=700, batch_size=64, max_length=_MAX_LENGTH, random=random, held_out=frozenset(held_out)
    )
    parts = {
        "train": [message for messages in lists for message in messages],
        "dev": held_out[::2],
        "test": held_out[1::2],
    }
    return Corpora(
        **{
            name: Corpus.of([(cipher.encrypt(message, _KEY), message) for message in messages], f"cipher {name}")
            for name, messages in parts.items()
        }
    )


CIPHER = Preset("cipher", "a Caesar cipher, decrypted", target="character", corpora=corpora)
