"""An attention encoder-decoder learns to decrypt a Caesar cipher, and shows where it looked.

    python examples/cipher.py

What to expect, in about 10 seconds on a CPU: a line of progress every 100 steps, the share of messages it decrypts
without a mistake (99 % or more; `seq2seq-attn cipher` trains longer), a secret in plain text with, under each letter,
the letter of the ciphertext that the model looked at most, and the step that ran as Mermaid text, equal to the diagram.
"""

from __future__ import annotations

import random

import torch

from seq2seq_attn import Config, Seq2Seq, exact_match, mermaid, train
from seq2seq_attn.cipher import VOCABULARIES, encrypted_batch, hold_out, training_batches

KEY = 13


def main(steps: int = 400) -> None:
    torch.manual_seed(0)
    generator = random.Random(0)

    # 1. The data: messages to score on, and batches of others to learn from.
    unseen = hold_out(500, 16, generator)
    batches = training_batches(
        KEY, steps=steps, batch_size=32, max_length=16, random=generator, held_out=frozenset(unseen)
    )

    # 2. The model: encoder, bridge, and a decoder whose step is diagrams/bahdanau.mmd.
    config = Config(
        **VOCABULARIES.sizes(),
        embedding_size=24,
        hidden_size=64,
        attention_size=48,
        readout_size=32,
    )
    model = Seq2Seq.from_config(config)

    # 3. Training, one step an item.
    for progress in train(model, batches, steps=steps, learning_rate=5e-3):
        if progress.step % 100 == 0:
            print(f"step {progress.step}  loss {progress.loss:.4f}  exact match {progress.exact_match:.0%}")
    print(f"unseen messages without a mistake: {exact_match(model, [encrypted_batch(unseen, KEY)]):.1%}")

    # 4. Decoding, and where the model looked.
    encrypted = "FUVEMVEMNMERPDRF"
    decoded = model.greedy(*VOCABULARIES.encode([encrypted]), max_length=len(encrypted) + 1)
    plain = VOCABULARIES.decode(decoded.symbols, decoded.mask)[0]
    looked_at = decoded.attn_weights[0].argmax(dim=-1).tolist()
    print(f"{encrypted} →\n{plain}\n{''.join(encrypted[j] for j in looked_at[: len(plain)])}")

    # 5. The model draws itself, and the drawing is its diagram.
    print(mermaid.emit(model.trace()))
    print("differences from diagrams/bahdanau.mmd:", model.check())


if __name__ == "__main__":
    main()
