"""``seq2seq-attn cipher``: the seed's task, from the first weights to a picture of where the model looks."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import get_args

from seq2seq_attn.commands.arguments import LOOP, positive, rate, seed
from seq2seq_attn.config import InitialWeights, LoopKind
from seq2seq_attn.kinds import CELLS

HELP = "train a model that decrypts a Caesar cipher, score it, and draw it"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    command.add_argument("--key", type=int, default=13, help="how far each symbol of A…Z- is shifted to the right")
    command.add_argument("--message", help="a message in ciphertext to decrypt as well")
    command.add_argument("--out", type=Path, default=Path("cipher-run"), help="folder to write into")
    command.add_argument("--seed", type=seed, default=0, help="of the first weights and the messages")
    command.add_argument("--device", default="cpu", help="where to compute: cpu, cuda, cuda:1, …")
    command.add_argument("--steps", type=positive, default=700, help="steps of training")
    command.add_argument("--batch-size", type=positive, default=32, help="messages a step")
    command.add_argument("--learning-rate", type=rate, default=1e-2, help="the highest, of Adam")
    command.add_argument("--max-length", type=positive, default=32, help="symbols of a message that is scored, at most")
    command.add_argument("--held-out", type=positive, default=1000, help="messages to score, never trained on")
    command.add_argument("--loop", default="fastest", choices=get_args(LoopKind), help=LOOP)
    command.add_argument("--animate", action="store_true", help="write attention.gif too: where it looks as it learns")
    model = command.add_argument_group("the model")
    what = "the picture of the step: the name of one that ships, or a .mmd file"
    model.add_argument("--diagram", metavar="DIAGRAM", default="bahdanau", help=what)
    encoders = ("RNN", "pyramid", "convolution", "transformer")
    model.add_argument("--encoder", choices=encoders, default="RNN", help="where the diagram does not show it")
    model.add_argument("--cell", choices=CELLS, default="GRU", help="of the encoder, and of what the diagram calls RNN")
    model.add_argument("--num-layers", type=positive, default=1, help="layers of the encoder")
    model.add_argument("--embedding-size", type=positive, default=24, help="of a symbol")
    model.add_argument("--hidden-size", type=positive, default=80, help="of the decoder and of each encoder direction")
    model.add_argument("--attention-size", type=positive, default=128, help="hidden layer of the energy")
    model.add_argument("--readout-size", type=positive, default=32, help="hidden layer of the output")
    what = "torch's own, those of Bahdanau et al. 2015, or torch's with embeddings of length 1"
    model.add_argument("--initial-weights", choices=get_args(InitialWeights), default="unit", help=what)


def run(options: argparse.Namespace) -> int:
    """Do it."""
    from seq2seq_attn.cipher import config as make_config
    from seq2seq_attn.config import Config

    try:
        from seq2seq_attn.demo import run
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing, of the extra 'demo': pip install {error.name}") from None
    given = vars(options)
    of_the_model = {field.name for field in fields(Config)} & given.keys()
    config = make_config(**{name: given[name] for name in of_the_model})
    run(
        **{name: given[name] for name in given if name not in {"name", *of_the_model}},
        config=config,
        diagram=options.diagram,
    )
    return 0
