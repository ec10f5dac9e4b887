"""What the command line understands: its commands, their options, and what the help says of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from seq2seq_attn.drawing.drawing import FORMATS
from seq2seq_attn.drawing.style import DIRECTIONS, THEMES
from seq2seq_attn.kinds import CELLS


def parser() -> argparse.ArgumentParser:
    """All commands with their options; ``name`` says which of them was given."""
    top = argparse.ArgumentParser(
        prog="seq2seq-attn",
        description="Attention encoder-decoders whose diagram is specification, program and picture.",
    )
    commands = top.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def add(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=help, description=help, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )

    cipher = add("cipher", "train a model that decrypts a Caesar cipher, score it, and draw it")
    cipher.add_argument("--key", type=int, default=13, help="how far each symbol of A…Z- is shifted to the right")
    cipher.add_argument("--message", help="a message in ciphertext to decrypt as well")
    cipher.add_argument("--out", type=Path, default=Path("cipher-run"), help="folder to write into")
    cipher.add_argument("--seed", type=_seed, default=0, help="of the first weights and the messages")
    cipher.add_argument("--device", default="cpu", help="where to compute: cpu, cuda, cuda:1, …")
    cipher.add_argument("--steps", type=_positive, default=700, help="steps of training")
    cipher.add_argument("--batch-size", type=_positive, default=64, help="messages a step")
    cipher.add_argument("--learning-rate", type=_rate, default=5e-3, help="the highest, of Adam")
    cipher.add_argument("--max-length", type=_positive, default=32, help="symbols of a message at most")
    cipher.add_argument("--held-out", type=_positive, default=1000, help="messages to score, never trained on")
    cipher.add_argument("--animate", action="store_true", help="write attention.gif too: where it looks as it learns")
    model = cipher.add_argument_group("the model")
    model.add_argument("--diagram", metavar="DIAGRAM", default="bahdanau", help=_DIAGRAM)
    encoders = ("RNN", "pyramid", "convolution", "transformer")
    model.add_argument("--encoder", choices=encoders, default="RNN", help="where the diagram does not show it")
    model.add_argument("--cell", choices=CELLS, default="GRU", help="of the encoder, and of what the diagram calls RNN")
    model.add_argument("--num-layers", type=_positive, default=1, help="layers of the encoder")
    model.add_argument("--embedding-size", type=_positive, default=24, help="of a symbol")
    model.add_argument("--hidden-size", type=_positive, default=80, help="of the decoder and of each encoder direction")
    model.add_argument("--attention-size", type=_positive, default=128, help="hidden layer of the energy")
    model.add_argument("--readout-size", type=_positive, default=32, help="hidden layer of the output")

    draw = add("draw", "draw a diagram, what two of them differ in, or the computation graph of a model")
    _add_path(draw)
    draw.add_argument(
        "-o", "--out", type=Path, help=f"picture to write: {', '.join('.' + f for f in FORMATS)}; or print"
    )
    level = draw.add_argument_group(
        "what to show", "instead of one step; what needs a run is run, of a diagram in a model with first weights"
    )
    level.add_argument("--whole", action="store_true", help="embeddings, encoder and bridge around the step")
    level.add_argument("--schedule", action="store_true", help="bands: before, inside and after the loop")
    level.add_argument("--expand", metavar="ID", help="the tensor operations inside of one operation")
    level.add_argument("--unroll", type=_positive, metavar="N", help="the first N target steps")
    level.add_argument("--example", metavar="TEXT", help=_EXAMPLE)
    level.add_argument("--at", type=_positive, default=1, metavar="I", help="which target step of --example")
    level.add_argument("--hidden", action="store_true", help="also what no diagram shows: the mask, the keys, …")
    level.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="two diagrams, or models, in one: what B adds and lacks"
    )
    looks = draw.add_argument_group("what it looks like")
    looks.add_argument("--theme", choices=THEMES, default="light", help="print is black and grey")
    looks.add_argument("--rankdir", choices=DIRECTIONS, default="TB", help="top to bottom, left to right, …")
    looks.add_argument("--font", default="Helvetica", help="of its letters")
    looks.add_argument("--dpi", type=_positive, default=192, help="dots per inch of a .png")
    looks.add_argument("--legend", action="store_true", help="say what shapes and strokes mean")
    looks.add_argument("--repository", metavar="URL", help=_REPOSITORY)

    explore = add("explore", "write a page that replays one decode of a model, to look into")
    explore.add_argument("path", metavar="MODEL", help="a model's folder")
    explore.add_argument("text", metavar="TEXT", help="what to read; numbers with spaces if it has no alphabet.txt")
    explore.add_argument("-o", "--out", type=Path, required=True, help="page to write, .html")
    explore.add_argument("--beam", type=_positive, default=5, help="hypotheses of the beam search beside it")
    explore.add_argument("--max-length", type=_positive, help="target symbols at most; else 10 more than twice TEXT")
    explore.add_argument("--repository", metavar="URL", help=_REPOSITORY)

    check = add("check", "trace a model and compare it with its diagram; exits 1 if they differ")
    _add_path(check)

    summary = add("summary", "print a model's modules with shapes and parameters")
    _add_path(summary)
    return top


_EXAMPLE = (
    "a step of a run: shapes, numbers, where it looked in TEXT; numbers with spaces for a model without "
    "alphabet.txt, letters of A…Z- for a diagram"
)
_REPOSITORY = "where links to the source lead: https://…/blob/main"
_DIAGRAM = "the picture of the step: the name of one that ships, or a .mmd file"


def _add_path(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", nargs="?", help="a model's folder, or a diagram by name or .mmd file")
    what = "a diagram, by name or .mmd file: of a new model, or, beside a model's folder, to compare with it"
    command.add_argument("--diagram", metavar="DIAGRAM", help=what)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^63 - 1")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return rate
