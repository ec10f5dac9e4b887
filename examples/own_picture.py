"""A variant is an edited picture: take one arrow out of the seed, train both, and see what it cost. No new class.

    python examples/own_picture.py                # or with a file for the picture: … own_picture.py difference.svg

The arrow is `c_i --> rnn`: the state no longer hears what was read at each step. What to expect, in about 12 s on one
core: for both pictures the exact match on 300 unseen messages of a Caesar cipher after the same 300 steps, the
seconds that took, and what is left inside the loop. The seed has about three messages wrong, the other about thirty;
but then only `rnn` waits for the step before it, so that the whole attention leaves the loop and training takes a
third less time.
"""

from __future__ import annotations

import sys
import time
from random import Random

import torch

from seq2seq_attn import Drawing, Seq2Seq, exact_match, mermaid, train
from seq2seq_attn.cipher import config, encrypted_batch, hold_out, training_batches
from seq2seq_attn.schedule import schedule

ARROW = "c_i --> rnn\n"
KEY, STEPS, LENGTH = 13, 300, 16


def learn(text: str) -> str:
    """Train a model of this picture, and say in one line what came of it."""
    torch.manual_seed(0)
    random = Random(0)
    model = Seq2Seq.from_diagram(text, config(hidden_size=64, attention_size=48))
    assert model.check() == []  # the model is the picture, arrow for arrow
    unseen = hold_out(300, LENGTH, random)
    batches = training_batches(
        KEY, steps=STEPS, batch_size=32, max_length=LENGTH, random=random, held_out=frozenset(unseen)
    )
    begin = time.perf_counter()
    for _ in train(model, batches, steps=STEPS, learning_rate=5e-3):
        pass
    seconds = time.perf_counter() - begin
    exact = exact_match(model, [encrypted_batch(unseen, KEY)])
    return f"{exact:6.1%} exact match, {seconds:4.1f} s, in the loop: {', '.join(schedule(model.trace()).inside)}"


def main(path: str | None = None) -> None:
    seed = mermaid.shipped()["bahdanau"]
    edited = seed.replace(ARROW, "")
    print(f"the seed            {learn(seed)}")
    print(f"without c_i --> rnn {learn(edited)}")
    if path is not None:
        names = ("the seed", "without c_i --> rnn")
        print("wrote", Drawing.of_difference(mermaid.parse(seed), mermaid.parse(edited), names=names).save(path))


if __name__ == "__main__":
    main(*sys.argv[1:2])
