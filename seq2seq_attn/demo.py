"""What ``seq2seq-attn cipher`` does: train on the seed's task, score, decrypt, and show."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from seq2seq_attn import cipher, plots
from seq2seq_attn.checkpoint import CONFIG, WEIGHTS
from seq2seq_attn.cipher import VOCABULARIES
from seq2seq_attn.config import Config, LoopKind
from seq2seq_attn.decoder import Decoded
from seq2seq_attn.drawing.drawing import RenderError
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.training.loop import Progress, exact_match, train
from seq2seq_attn.training.ranks import usable

_FRAMES = 24  # of the animation


def run(
    *,
    key: int,
    message: str | None,
    out: Path,
    seed: int,
    device: str,
    steps: int,
    batch_size: int,
    learning_rate: float,
    max_length: int,
    held_out: int,
    config: Config,
    diagram: str | None = None,
    loop: LoopKind = "fastest",
    animate: bool = False,
) -> dict[str, Any]:
    """Train, score and write everything into ``out``; the arguments are the options of the command.

    Args: as ``seq2seq-attn cipher --help`` says; ``config`` holds those that make the model,
    and ``diagram`` is read instead of the config's own, so that what is refused has its line there.

    Returns:
        What measured.json holds.

    Raises:
        ValueError: a message with a symbol that the cipher does not have, an option that is not possible.
    """
    secret = cipher.encrypt(cipher.SECRET, key)
    messages = [secret] if message in (None, secret) else [secret, message]
    VOCABULARIES.source.indices(messages[-1])
    torch.manual_seed(seed)
    random = Random(seed)
    model = Seq2Seq.from_diagram(diagram or config.diagram, config).to(usable(device))
    model.loop = loop
    unseen = cipher.hold_out(held_out, max_length, random)
    _check_writable(out)
    longest = max_length + max_length // 8  # a model errs first at the edge of what it has seen
    batches = cipher.training_batches(
        key, steps=steps, batch_size=batch_size, max_length=longest, random=random, held_out=frozenset(unseen)
    )

    history: list[Progress] = []
    frames: list[tuple[str, Tensor]] = []
    looks = {round(n * steps / (_FRAMES - 1)) for n in range(_FRAMES)} if animate else set()

    def look(step: int) -> None:
        if step in looks and (weights := _forced(model, messages[-1], key, device)) is not None:
            frames.append((f"step {step} of {steps}", weights))

    look(0)
    begin = time.perf_counter()
    with tqdm(total=steps, desc="training", unit="step", file=sys.stderr) as bar:
        for progress in train(model, (b.to(device) for b in batches), steps=steps, learning_rate=learning_rate):
            history.append(progress)
            bar.set_postfix(loss=f"{progress.loss:.4f}", exact_match=f"{progress.exact_match:.0%}", refresh=False)
            bar.update()
            look(progress.step)
    seconds = time.perf_counter() - begin

    rows = sorted(unseen, key=len)  # neighbours of one length, so that hardly anything is padding
    score = exact_match(
        model, (cipher.encrypted_batch(rows[n : n + 100], key).to(device) for n in range(0, len(rows), 100))
    )
    decoded = [decrypt(model, text, device) for text in messages]
    plain = [VOCABULARIES.decode(each.symbols, each.mask)[0] for each in decoded]
    measured: dict[str, Any] = {
        "exact_match": score,
        "held_out": len(unseen),
        "training_seconds": round(seconds, 2),
        "steps": steps,
        "key": key,
        "seed": seed,
        "message": messages[-1],
        "decrypted": plain[-1],
    }
    written = _write(out, model, measured, history, decoded[-1])
    if frames:
        plots.animate_attention(
            out / "attention.gif", frames, messages[-1], [*cipher.decrypt(messages[-1], key), "end"]
        )
        written.append("attention.gif")
    _print(measured, messages, plain, out, written)
    return measured


def decrypt(model: Seq2Seq, text: str, device: str = "cpu") -> Decoded:
    """What a model makes of one message in ciphertext."""
    source, mask = VOCABULARIES.encode([text])
    return model.eval().greedy(source.to(device), mask.to(device), max_length=len(text) + 1)


@torch.no_grad()
def _forced(model: Seq2Seq, text: str, key: int, device: str) -> Tensor | None:
    """Where a model in training looks with the plain text given, (T, S), or (T, K, S) with heads; None without any."""
    values = model.eval()(*cipher.encrypted_batch([cipher.decrypt(text, key)], key).to(device))
    model.train()
    return values.attn_weights[0] if hasattr(values, "attn_weights") else None


def _write(out: Path, model: Seq2Seq, measured: dict[str, Any], history: list[Progress], decoded: Decoded) -> list[str]:
    """Write everything; returns the names."""
    model.save_pretrained(out)
    tables = VOCABULARIES.save(out)
    drawing = model.draw(out / "diagram.mmd")
    drawn = ["diagram.mmd", "diagram.svg"]
    try:
        drawing.save(out / "diagram.svg")
    except RenderError as error:
        print(error, file=sys.stderr)
        drawn = ["diagram.mmd", "diagram.dot"]
    target = [*VOCABULARIES.decode(decoded.symbols, decoded.mask)[0], "end"][: decoded.symbols.shape[1]]
    if decoded.attn_weights.numel():
        plots.plot_attention(out / "attention.png", decoded.attn_weights[0], measured["message"], target)
        drawn.append("attention.png")
    plots.learning(out / "learning.png", history)
    (out / "measured.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    return [WEIGHTS, CONFIG, *(path.name for path in tables), *drawn, "learning.png", "measured.json"]


def _print(measured: dict[str, Any], messages: list[str], plain: list[str], out: Path, written: list[str]) -> None:
    right = [cipher.decrypt(message, measured["key"]) for message in messages]
    width = max(len("encrypted"), *map(len, messages))
    print(f"{'encrypted':{width}}  {'decrypted':{width}}")
    for message, read, true in zip(messages, plain, right, strict=True):
        print(f"{message:{width}}  {read:{width}}  {'right' if read == true else f'wrong: {true}'}")
    print(f"\nexact match  {measured['exact_match']:.2%} of {measured['held_out']:,} held-out messages")
    print(f"training     {measured['training_seconds']:.1f} s for {measured['steps']:,} steps")
    print(f"written to   {out}/: {', '.join(written)}")


def _check_writable(out: Path) -> None:
    """Before the work, so that no training is lost to a folder that cannot be written."""
    out.mkdir(parents=True, exist_ok=True)
    probe = out / "measured.json.new"
    probe.write_text("")
    probe.unlink()
