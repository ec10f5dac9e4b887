"""The tutorial's first network: an LSTM reads an encrypted message and says what each letter was.

    python examples/first_rnn.py                 # or with a folder for the picture: … first_rnn.py pictures/

Each letter goes through an embedding (5 numbers), an LSTM (10 numbers), a linear layer (27 scores, one a symbol) and a
softmax; diagrams/first_rnn.mmd is the picture. What to expect, in a few seconds on a CPU: the shapes of one message of
16 letters as the tutorial states them, a line of progress every 20 steps up to 100 % of 128 messages of length 32 that
were never seen in training, the secret in plain text, and that the network which ran is the network of the picture.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq_attn import Drawing, Wiring
from seq2seq_attn.cipher import VOCABULARIES, encrypt, random_message
from seq2seq_attn.trace import trace

KEY = 13


class LSTM(nn.LSTM):
    """Every hidden state of the sequence, without the last states that torch returns beside them."""

    def forward(self, embedded: Tensor) -> Tensor:  # type: ignore[override]
        """(S, B, E) → (S, B, H)."""
        hidden: Tensor = super().forward(embedded)[0]
        return hidden


class Letters(NamedTuple):
    """Every value that the network makes."""

    embedded: Tensor
    lstm_out: Tensor
    scores: Tensor
    probabilities: Tensor


class FirstRNN(Wiring):
    """diagrams/first_rnn.mmd, one line an operation. S letters, B messages, V symbols; the sequence comes first."""

    diagram = "first_rnn"

    def __init__(self, vocabulary_size: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__(
            embed=nn.Embedding(vocabulary_size, embedding_size),
            lstm=LSTM(embedding_size, hidden_size),
            out=nn.Linear(hidden_size, vocabulary_size),
            softmax=nn.Softmax(dim=-1),
        )

    def forward(self, encrypted: Tensor) -> Letters:
        """Read (S, B) indices."""
        embedded = self.embed(encrypted)  # (S, B, E)
        lstm_out = self.lstm(embedded)  # (S, B, H)
        scores = self.out(lstm_out)  # (S, B, V)
        probabilities = self.softmax(scores)  # (S, B, V)
        return Letters(embedded, lstm_out, scores, probabilities)


def pairs(messages: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Ciphertext and plaintext as (S, B) indices, and which of them are real."""
    encrypted, mask = VOCABULARIES.encode([encrypt(message, KEY) for message in messages])
    return encrypted.T, VOCABULARIES.encode(messages)[0].T, mask.T


def accuracy(network: FirstRNN, messages: list[str]) -> float:
    """Share of messages of which every letter is right."""
    encrypted, plain, mask = pairs(messages)
    right = (network(encrypted).probabilities.argmax(dim=-1) == plain) | ~mask
    return float(right.all(dim=0).float().mean())


def main(folder: str | None = None) -> None:
    torch.manual_seed(0)
    generator = random.Random(0)
    network = FirstRNN(len(VOCABULARIES.source), embedding_size=5, hidden_size=10)
    for word, value in network(pairs(["THIS-IS-A-SECRET"])[0])._asdict().items():
        print(f"{word:13} {tuple(value.shape)}")

    unseen = [random_message(32, generator) for _ in range(128)]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for step in range(1, 1001):
        encrypted, plain, mask = pairs([random_message(generator.randint(1, 32), generator) for _ in range(16)])
        loss = nn.functional.cross_entropy(network(encrypted).scores[mask], plain[mask])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 20 == 0:
            exact = accuracy(network, unseen)
            print(f"step {step:4}  loss {loss.item():.4f}  exact match {exact:.1%} of {len(unseen)} unseen messages")
            if exact == 1.0:
                break

    encrypted, _, mask = pairs(["THIS-IS-A-SECRET"])
    read = network(encrypted).probabilities.argmax(dim=-1)
    print("FUVEMVEMNMERPDRF →", VOCABULARIES.decode(read.T, mask.T)[0])
    graph = trace(network, encrypted)
    print("what ran is diagrams/first_rnn.mmd:", graph == network.specification())
    if folder is not None:
        print("wrote", Drawing.of_graph(graph, "first_rnn").save(Path(folder) / "first_rnn.svg"))


if __name__ == "__main__":
    main(*sys.argv[1:2])
