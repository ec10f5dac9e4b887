"""Every picture that ships learns its task without a mistake: its time, its score and where it looked, in one table.

    python benchmarks/pictures.py                         # all of them, 15 to 25 minutes; writes benchmarks/pictures/
    python benchmarks/pictures.py luong coverage          # some of them, the other rows left as they are
    python benchmarks/pictures.py luong --seed 1 --dry    # another seed; writes nothing

The task is the seed's cipher, but for two pictures: without attention all of a message has to fit into one state, so
`no_attention` decrypts short messages that are written backwards, as Sutskever et al. 2014 reversed their sources; and
`pointer_generator` copies messages in which every other symbol is unknown, a kind of symbol that no vocabulary holds.
It computes on one core. `first_rnn` is trained by examples/first_rnn.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch

from seq2seq_attn import Batch, Seq2Seq, exact_match, plot_attention, train
from seq2seq_attn.cipher import (
    SECRET,
    SYMBOLS,
    VOCABULARIES,
    config,
    encrypt,
    encrypted_batch,
    hold_out,
    training_messages,
)
from seq2seq_attn.data.corpus import Pair
from seq2seq_attn.mask import length_mask

FOLDER = Path(__file__).parent / "pictures"
KEY = 13
FOREIGN = "abcdefghijklmnop"  # symbols that no vocabulary holds; the first half to train on, the second to score on


def backwards(messages: Sequence[str]) -> Batch:
    """From ciphertext written backwards to plaintext."""
    return VOCABULARIES.batch([Pair(encrypt(message, KEY)[::-1], message) for message in messages])


def foreign(messages: Sequence[str], scored: bool = False) -> Batch:
    """Copies of messages in which every other symbol is a foreign one: the k-th new one has the number V + k."""
    half = len(FOREIGN) // 2
    letters = FOREIGN[half:] if scored else FOREIGN[:half]
    rows = []
    for message in messages:
        new: dict[str, int] = {}
        row = []
        for position, symbol in enumerate(message):
            index = SYMBOLS.index(symbol)
            if position % 2:
                letter = letters[index % half]
                index = new.setdefault(letter, VOCABULARIES.target.target_size + len(new))
            row.append(index)
        rows.append(row)
    mask, target_mask = (length_mask(torch.tensor([len(row) + end for row in rows])) for end in (0, 1))
    source, target = (
        torch.tensor([row + [VOCABULARIES.target.eos] * (size - len(row)) for row in rows])
        for size in (mask.shape[1], target_mask.shape[1])
    )
    return Batch(source, mask, target, target_mask)


@dataclass(frozen=True)
class Recipe:
    """How a picture is trained, with batches of 64 and torch's own first weights: what it needs beyond 700 steps."""

    steps: int = 700
    max_length: int = 32
    batch: Callable[[Sequence[str]], Batch] = lambda messages: encrypted_batch(messages, KEY)
    task: str = "cipher"
    learning_rate: float = 5e-3
    options: dict[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """What the table and the file say of it."""
        return {
            "task": self.task,
            "length": self.max_length,
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "options": self.options,
        }


RECIPES = {
    "seq2seq": Recipe(),
    "bahdanau": Recipe(),
    "luong": Recipe(steps=1500, max_length=16, options={"cell": "LSTM"}),
    "luong_input_feeding": Recipe(steps=1000, max_length=16, options={"cell": "LSTM"}),
    "no_attention": Recipe(
        steps=3000,
        max_length=4,
        batch=backwards,
        task="cipher, backwards",
        learning_rate=3e-3,
        options={"hidden_size": 256, "cell": "LSTM"},
    ),
    "location_aware": Recipe(),
    "coverage": Recipe(),
    "pointer_generator": Recipe(
        steps=1200, max_length=16, batch=foreign, task="copy, half of it unknown", options={"unknown_size": 8}
    ),
    "monotonic": Recipe(steps=1500, max_length=16),
    "multihead": Recipe(steps=1000),
    "conditional_gru": Recipe(),
    "groundhog": Recipe(steps=1000, max_length=16),
    "appendix": Recipe(),
}


def run(name: str, recipe: Recipe, seed: int, heatmap: Path | None) -> dict[str, Any]:
    """Train one picture, score it on 1,000 held-out messages, and draw where it looked."""
    torch.manual_seed(seed)
    random = Random(seed)
    model = Seq2Seq.from_diagram(name, config(name, **recipe.options))
    unseen = hold_out(1000, recipe.max_length, random)
    lists = training_messages(
        steps=recipe.steps, batch_size=64, max_length=recipe.max_length, random=random, held_out=frozenset(unseen)
    )
    begin = time.perf_counter()
    batches = map(recipe.batch, lists)
    for progress in train(model, batches, steps=recipe.steps, learning_rate=recipe.learning_rate):
        if progress.step % 50 == 0:
            print(f"\r{name:20} step {progress.step:5} loss {progress.loss:.4f}", end="", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - begin
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    rows = sorted(unseen, key=len)
    scored = [recipe.batch(rows[start : start + 100]) for start in range(0, len(rows), 100)]
    if recipe.batch is foreign:
        scored = [foreign(rows[start : start + 100], scored=True) for start in range(0, len(rows), 100)]
    score = exact_match(model, scored)
    if heatmap is not None:
        draw(model, recipe, heatmap)
    return recipe.said() | {"seed": seed, "seconds": seconds, "score": score}


def draw(model: Seq2Seq, recipe: Recipe, path: Path) -> None:
    """The attention of one message; nothing for a picture without."""
    message = SECRET[: recipe.max_length]
    batch = recipe.batch([message])
    decoded = model.eval().greedy(batch.source, batch.source_mask, max_length=batch.target.shape[1])
    if not decoded.attn_weights.numel():
        return

    def label(symbol: int) -> str:
        if symbol == VOCABULARIES.target.eos:
            return "end"
        if symbol >= VOCABULARIES.target.target_size:
            return f"?{symbol - VOCABULARIES.target.target_size}"
        return SYMBOLS[symbol]

    weights = decoded.attn_weights[0]
    plot_attention(
        path,
        weights.mean(dim=1) if weights.dim() == 3 else weights,  # a small picture: not of every head
        [label(symbol) for symbol in batch.source[0].tolist()],
        [label(symbol) for symbol in decoded.symbols[0].tolist()],
    )


def otherwise(row: dict[str, Any]) -> str:
    """What a recipe changes beside length and steps."""
    changes = dict(row["options"])
    if row["learning_rate"] != Recipe().learning_rate:
        changes["learning_rate"] = row["learning_rate"]
    return ", ".join(f"{name} {value}" for name, value in changes.items()) or "–"


def write(results: dict[str, dict[str, Any]]) -> None:
    """The table, from the figures that this script has measured, whenever that was."""
    lines = [
        "# Every picture learns its task",
        "",
        "Written by `python benchmarks/pictures.py`: training from scratch on one CPU core with one seed, then greedy",
        "decoding of 1,000 held-out messages of 1 to *length* symbols. Exact match counts a message only if every",
        "symbol and the end are right. The step is drawn in [diagrams/](../../diagrams/README.md).",
        "",
        "The recipes were chosen with this seed: where 700 steps of 64 messages of up to 32, and a GRU,",
        "left a few messages wrong, mostly at repeated letters, there are more steps, an LSTM, which counts better,",
        "or shorter messages. Seconds were measured beside other work on the machine: an order of size.",
        "",
        "| picture | task | length | steps | otherwise | seed | seconds | exact match | where it looked |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in RECIPES:
        if (row := results.get(name)) is not None:
            image = f'<img src="{name}.png" width="240" alt="attention of {name}">'
            look = image if (FOLDER / f"{name}.png").exists() else "no attention"
            lines.append(
                f"| [{name}](../../diagrams/README.md#{name}) | {row['task']} | {row['length']} | {row['steps']} "
                f"| {otherwise(row)} | {row['seed']} | {row['seconds']:.0f} | {row['score']:.1%} | {look} |"
            )
    (FOLDER / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train every picture that ships; write a table of times and heatmaps.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"pictures: {', '.join(RECIPES)}; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the messages")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in RECIPES]:
        parser.error(f"no recipe for {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    torch.set_num_threads(1)  # as fast as two for models of this size, and the same figures beside other work
    FOLDER.mkdir(exist_ok=True)
    measured = FOLDER / "measured.json"
    results = json.loads(measured.read_text(encoding="utf-8")) if measured.exists() else {}
    for name in arguments.names or RECIPES:
        results[name] = run(name, RECIPES[name], arguments.seed, None if arguments.dry else FOLDER / f"{name}.png")
        print(f"{name:20} {results[name]['seconds']:6.1f} s  exact match {results[name]['score']:.2%}", flush=True)
        if not arguments.dry:
            measured.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
            write(results)


if __name__ == "__main__":
    main()
