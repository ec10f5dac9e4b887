"""The seed's task: read a message that a Caesar cipher shifted, and write it in plain text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Any

from seq2seq_attn import mermaid
from seq2seq_attn.config import Config
from seq2seq_attn.data.batch import Batch
from seq2seq_attn.data.corpus import Pair
from seq2seq_attn.data.segmentation import Characters
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.data.vocabulary import Vocabulary

SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
VOCABULARIES = Vocabularies(*[Vocabulary(tuple(SYMBOLS), Characters(), closed=True)] * 2)
SECRET = "THIS-IS-A-SECRET"


def config(diagram: str = "bahdanau", **options: Any) -> Config:
    """A model of the size that learns the cipher in a minute.

    Args:
        diagram: the name of a picture that ships, a ``.mmd`` file, or a text.
        options: other fields of the `Config`, which win.

    Raises:
        ValueError: a diagram that is none, an option that is not allowed.
        OSError: a file that cannot be read.

    Example:
        >>> config("luong", cell="LSTM").hidden_size
        80
    """
    graph = mermaid.load(diagram)
    source = {value.id for value in graph.inputs if value.word == "source"}
    copies = any(source & {*operation.inputs} for id, operation in graph.operations.items() if id != "embed_source")
    sizes = VOCABULARIES.sizes()
    if not copies:  # then a source has no bos and eos
        sizes["source_vocabulary"] = len(VOCABULARIES.source)
    sizes |= {
        "diagram": diagram if diagram in mermaid.shipped() else mermaid.emit(graph),
        "embedding_size": 24,
        "hidden_size": 80,
        "attention_size": 128,
        "readout_size": 32,
    }
    return Config(**(sizes | options))


def encrypt(text: str, key: int) -> str:
    """Shift every symbol to the right by ``key``, around the end of ``SYMBOLS``.

    Raises:
        ValueError: an empty text, or a character that is none of them.

    Example:
        >>> encrypt("THIS-IS-A-SECRET", 13)
        'FUVEMVEMNMERPDRF'
    """
    shifted = SYMBOLS[key % len(SYMBOLS) :] + SYMBOLS[: key % len(SYMBOLS)]
    return "".join([shifted[number] for number in VOCABULARIES.source.indices(text)])


def decrypt(text: str, key: int) -> str:
    """Undo `encrypt`.

    Example:
        >>> decrypt("ERPDRF", 13)
        'SECRET'
    """
    return encrypt(text, -key)


def encrypted_batch(messages: Sequence[str], key: int) -> Batch:
    """Messages in plain text, as a batch from ciphertext to plaintext.

    Raises:
        ValueError: no message, or one that `encrypt` refuses.
    """
    return VOCABULARIES.batch([Pair(encrypt(message, key), message) for message in messages])


def random_message(length: int, random: Random) -> str:
    """Any message of this length, all equally likely."""
    return "".join(random.choices(SYMBOLS, k=length))


def stuttering_message(length: int, random: Random) -> str:
    """A message in which each symbol repeats one of the last three with a probability of 1/5, and is any one otherwise.

    Repeats are where a reader loses its place; among `random_message`s they are too rare to learn from.
    """
    message = random.choice(SYMBOLS)
    while len(message) < length:
        repeated = message[-min(len(message), random.randint(1, 3))]
        message += repeated if random.random() < 0.2 else random.choice(SYMBOLS)
    return message


def hold_out(count: int, max_length: int, random: Random) -> list[str]:
    """Different messages of 1 to ``max_length`` symbols to score a model on; training must leave them out.

    Every length is equally likely, but at most a third of all messages of a length are held out: of the 27 with one
    symbol, 9.

    Raises:
        ValueError: more messages than there are.
    """
    room = {length: len(SYMBOLS) ** length // 3 for length in range(1, max_length + 1)}
    if not 1 <= count <= sum(room.values()):
        raise ValueError(
            f"{count} messages cannot be held out of length 1 to {max_length}; 1 to {sum(room.values())} can"
        )
    held_out: dict[str, None] = {}
    while len(held_out) < count:
        length = random.choice([length for length in room if room[length]])
        message = random_message(length, random)
        if message not in held_out:
            held_out[message] = None
            room[length] -= 1
    return list(held_out)


def training_messages(
    *, steps: int, batch_size: int, max_length: int, random: Random, held_out: Collection[str] = frozenset()
) -> Iterator[list[str]]:
    """Lists of new `stuttering_message`s, of all lengths from 1 to a longest that grows with the steps.

    The longest grows in a straight line from 6 to ``max_length`` over the first half of the steps: short messages teach
    the alignment at a fraction of the cost.

    Args:
        steps: number of lists.
        batch_size: messages in each.
        max_length: symbols of a message at most.
        random: where the messages come from.
        held_out: messages that are never given.
    """
    first = min(6, max_length)
    for step in range(steps):
        longest = first + round((max_length - first) * min(2 * step / steps, 1.0))
        messages: list[str] = []
        while len(messages) < batch_size:
            message = stuttering_message(random.randint(1, longest), random)
            if message not in held_out:
                messages.append(message)
        yield messages


def training_batches(
    key: int, *, steps: int, batch_size: int, max_length: int, random: Random, held_out: Collection[str] = frozenset()
) -> Iterator[Batch]:
    """`training_messages` as batches from ciphertext to plaintext, each with its longest message first.

    Args:
        key: of the cipher.
        steps, batch_size, max_length, random, held_out: see `training_messages`.
    """
    lists = training_messages(
        steps=steps, batch_size=batch_size, max_length=max_length, random=random, held_out=held_out
    )
    return (encrypted_batch(messages, key).longest_first() for messages in lists)
