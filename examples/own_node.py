"""A node of your own: write a class, register its word, and any picture may use it.

    python examples/own_node.py                   # or with a file for the picture: … own_node.py step.svg

The node is an energy that no paper needs to have: minus the distance between where the state points and each source
position, e_ij = - |W s_{i-1} - U h_j|. What to expect, in under a minute on a CPU: the seed's picture with
`a[distance]` instead of `a[feedforward]`, trained for 250 steps on a Caesar cipher, reads held-out messages without a
mistake, and what ran is the edited picture.
"""

from __future__ import annotations

import sys
from random import Random

import torch
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq, exact_match, mermaid, register, train
from seq2seq_attn.cipher import config, encrypted_batch, hold_out, training_batches


class DistanceEnergy(nn.Module):
    """Node `a`: e_ij = - |W s_{i-1} - U h_j|.

    Its sizes have the names of the signature below, or of a field of the `Config`: attention_size.
    """

    all_steps = True  # forward also takes the states of all steps at once, (B, T, H), where a picture allows that

    def __init__(self, query_size: int, memory_size: int, attention_size: int) -> None:
        super().__init__()
        self.W = nn.Linear(query_size, attention_size, bias=False)
        self.U = nn.Linear(memory_size, attention_size, bias=False)

    def forward(self, prev_decoder: Tensor, encoder_hidden: Tensor) -> Tensor:
        """(B, [T], H) and (B, S, M) → (B, [T], S)."""
        query, keys = self.W(prev_decoder), self.U(encoder_hidden)
        return -torch.cdist(query.reshape(len(keys), -1, keys.shape[-1]), keys).reshape(*query.shape[:-1], -1)


register(DistanceEnergy, "distance", "i query_size, j memory_size -> ij")


def main(path: str | None = None) -> None:
    torch.manual_seed(0)
    random = Random(0)
    text = mermaid.shipped()["bahdanau"].replace("a[feedforward]", "a[distance]")
    model = Seq2Seq.from_diagram(text, config())
    unseen = hold_out(300, 10, random)
    batches = training_batches(13, steps=250, batch_size=32, max_length=10, random=random, held_out=frozenset(unseen))
    for progress in train(model, batches, steps=250, learning_rate=5e-3):
        if progress.step % 50 == 0:
            print(f"step {progress.step:3}  loss {progress.loss:.4f}")
    print(f"exact match {exact_match(model, [encrypted_batch(unseen, 13)]):.1%} of {len(unseen)} held-out messages")
    print("what ran is the edited picture:", model.trace() == mermaid.parse(text))
    print("found wrong by the check:", model.check() or "nothing")
    if path is not None:
        model.draw(path)


if __name__ == "__main__":
    main(*sys.argv[1:2])
