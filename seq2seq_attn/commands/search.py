"""What the commands that search have in common: the models that they search with, and how."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_attn import runs
from seq2seq_attn.commands.arguments import positive

if TYPE_CHECKING:
    from seq2seq_attn.translate import Translator

MODEL = (
    "the folder of a run, of which the best checkpoint is taken, or of a model; or owner/name@COMMIT, of the Hugging "
    "Face Hub by the full hash of a commit; several are an ensemble"
)


def add_search(command: argparse._ActionsContainer) -> None:
    """How a beam search goes, and where."""
    command.add_argument("--beam", type=positive, default=5, metavar="N", help="hypotheses of a text; 1 is greedy")
    command.add_argument(
        "--length-penalty",
        type=float,
        default=0.0,
        metavar="X",
        help="rank by log P / ((5 + symbols) / 6) ** X: 0 is by probability, more prefers longer ones, from which "
        "sentences may gain: choose from 0 to 1.5 on the dev data",
    )
    command.add_argument("--max-length", type=positive, metavar="N", help="target symbols; else 3 * the source's + 50")
    command.add_argument("--max-tokens", type=positive, default=1024, metavar="N", help="source symbols of a batch")
    loops = ("fastest", "compiled")
    command.add_argument("--loop", default="fastest", choices=loops, help="compiled needs a C++ compiler; see train")
    precisions = ("float32", "bfloat16")
    command.add_argument(
        "--precision",
        default="float32",
        choices=precisions,
        help="of matrix products: bfloat16 takes less time where the processor, or the GPU, has a unit for it",
    )
    command.add_argument("--device", default="cpu", help="where to compute: cpu, cuda, cuda:1, …")


def translator(
    models: Sequence[str], options: argparse.Namespace, *, n_best: int = 1, window: int = 4096
) -> Translator:
    """What translates as the options of `add_search` say.

    Args:
        models: see `MODEL`.
        options: of the command.
        n_best, window: as `Translator` has them.

    Raises:
        FileNotFoundError: a folder without a model, or without its vocabularies.
        ValueError: what is damaged; models of different vocabularies; a device that is not there; see `place`.
        OSError: see `place`.
    """
    from seq2seq_attn.data.vocabularies import Vocabularies
    from seq2seq_attn.seq2seq import Seq2Seq
    from seq2seq_attn.training.ranks import usable
    from seq2seq_attn.translate import Translator

    device, folders = usable(options.device), [place(model) for model in models]
    found = [Seq2Seq.from_pretrained(folder, device=device) for folder in folders]
    for model in found:
        model.loop = options.loop
    return Translator(
        found,
        [Vocabularies.load(folder) for folder in folders],
        beam=options.beam,
        length_penalty=options.length_penalty,
        max_length=options.max_length,
        n_best=n_best,
        max_tokens=options.max_tokens,
        window=window,
        precision=options.precision,
    )


def place(model: str) -> Path:
    """Where a `MODEL` is; no network is asked for one that is here.

    Raises:
        ValueError: a checkpoint that is damaged; a name of the Hub without a full hash; see `hub.find`.
        OSError: a model of the Hub that cannot be fetched.
    """
    from seq2seq_attn import hub

    name, _, commit = model.rpartition("@")
    return hub.find(name, commit) if name and not Path(model).exists() else runs.model_of(hub.find(model))


def say_cut(cut: int, total: int, where: str) -> None:
    """Say on standard error how many translations never came to their end; nothing if none."""
    if cut:
        print(f"{cut:,} of {total:,} translations {where} were cut off: see --max-length", file=sys.stderr)
