"""``seq2seq-attn explore``: one decode as a page."""

from __future__ import annotations

import argparse
from pathlib import Path

from seq2seq_attn.commands import models
from seq2seq_attn.commands.arguments import REPOSITORY, positive

HELP = "write a page that replays one decode of a model, to look into"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    command.add_argument("path", metavar="MODEL", help="a model's folder")
    command.add_argument(
        "text", metavar="TEXT", help="what to read; numbers with spaces if it has no tokenizer_config.json"
    )
    command.add_argument("-o", "--out", type=Path, required=True, help="page to write, .html")
    command.add_argument("--beam", type=positive, default=5, help="hypotheses of the beam search beside it")
    command.add_argument("--max-length", type=positive, help="target symbols at most; else 10 more than twice TEXT")
    command.add_argument("--repository", metavar="URL", help=REPOSITORY)


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if not Path(options.path).is_dir():
        raise ValueError(
            f"there is no model's folder {options.path!r}; seq2seq-attn cipher makes one, of any diagram with --diagram"
        )
    model = models.load(options.path)
    source, vocabularies = models.source(options.text, options.path)
    page = model.explore(
        source,
        options.out,
        vocabularies=vocabularies,
        beam=options.beam,
        max_length=options.max_length,
        repository=options.repository,
    )
    print(f"wrote {page}")
    return 0
