"""The command line: seq2seq-attn cipher, draw, check, summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_attn import mermaid
from seq2seq_attn.draw import Drawing, RenderError, sources

if TYPE_CHECKING:  # torch is loaded by the commands that compute; drawing a diagram does not
    from seq2seq_attn.seq2seq import Seq2Seq


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a check that found something, 2 for what could not be done."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
        return status
    except (ValueError, OSError, RenderError) as error:
        print(f"seq2seq-attn {options.name}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seq2seq-attn",
        description="Attention encoder-decoders whose diagram is specification, program and picture.",
    )
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def add(name: str, command: object, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=help, description=help, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        added.set_defaults(command=command)
        return added

    cipher = add("cipher", _cipher, "train a model that decrypts a Caesar cipher, score it, and draw it")
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
    cipher.add_argument("--cell", choices=("GRU", "LSTM"), default="GRU", help="of encoder and decoder")
    cipher.add_argument("--embedding-size", type=_positive, default=24, help="of a symbol")
    cipher.add_argument(
        "--hidden-size", type=_positive, default=80, help="of the decoder and of each encoder direction"
    )
    cipher.add_argument("--attention-size", type=_positive, default=128, help="hidden layer of the energy")
    cipher.add_argument("--readout-size", type=_positive, default=32, help="hidden layer of the output")

    draw = add("draw", _draw, "draw a diagram, or the computation graph of a trained model from a real run")
    draw.add_argument("path", metavar="PATH", help="a diagram's name (bahdanau), a .mmd file, or a model's folder")
    draw.add_argument("-o", "--out", type=Path, required=True, help="picture to write: .mmd, .dot, .svg, .png or .pdf")

    check = add("check", _check, "trace a model and compare it with its diagram; exits 1 if they differ")
    check.add_argument("path", metavar="PATH", help="a model's folder")
    check.add_argument("--diagram", metavar="DIAGRAM", help="another diagram, by name or as a .mmd file")

    summary = add("summary", _summary, "print a model's modules with shapes and parameters")
    summary.add_argument("path", metavar="PATH", help="a model's folder")
    return parser


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


def _cipher(options: argparse.Namespace) -> int:
    try:
        from seq2seq_attn.demo import run
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing, of the extra 'demo': pip install {error.name}") from None
    run(**{name: value for name, value in vars(options).items() if name not in ("name", "command")})
    return 0


def _draw(options: argparse.Namespace) -> int:
    if Path(options.path).is_dir():
        saved = _load(options.path).draw().save(options.out)
    else:
        graph = mermaid.load(options.path)
        saved = Drawing(graph, sources(graph), Path(options.path).stem).save(options.out)
    print(f"wrote {saved}")
    return 0


def _check(options: argparse.Namespace) -> int:
    specification = mermaid.load(options.diagram) if options.diagram else None
    model = _load(options.path)
    differences = model.check(specification)
    for difference in differences:
        print(difference)
    name = options.diagram or f"{model.decoder.step.diagram}.mmd"
    print(f"{options.path} {'differs from' if differences else 'is'} {name}")
    return 1 if differences else 0


def _summary(options: argparse.Namespace) -> int:
    import torchinfo

    model = _load(options.path)
    # torchinfo counts a layer twice that first runs outside its parent, as U does for the keys: the energy makes them.
    setattr(model.decoder.step, "keys", lambda encoder_hidden: None)  # noqa: B010
    print(
        torchinfo.summary(
            model,
            input_data=model.example(steps=1),
            col_names=("input_size", "output_size", "num_params"),
            row_settings=("var_names",),
            depth=4,
            verbose=0,
        )
    )
    return 0


def _load(folder: str) -> Seq2Seq:
    from seq2seq_attn.seq2seq import Seq2Seq

    return Seq2Seq.from_pretrained(folder)


if __name__ == "__main__":
    sys.exit(main())
