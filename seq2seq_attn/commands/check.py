"""``seq2seq-attn check``: is a model its diagram?"""

from __future__ import annotations

import argparse
from pathlib import Path

from seq2seq_attn import mermaid
from seq2seq_attn.commands import models
from seq2seq_attn.commands.arguments import add_path

HELP = "trace a model and compare it with its diagram; exits 1 if they differ"
arguments = add_path


def run(options: argparse.Namespace) -> int:
    """Do it."""
    is_folder = options.path and Path(options.path).is_dir()
    specification = mermaid.load(options.diagram) if options.diagram and is_folder else None
    model = models.load(options.path) if is_folder else models.new(models.one(options))
    differences = model.check(specification)
    for difference in differences:
        print(difference)
    name = options.diagram or (options.path if not is_folder else model.config.diagram if model.config else "")
    name = f"{name}.mmd" if name in mermaid.shipped() else "its diagram" if "\n" in name else name
    print(f"{options.path if is_folder else 'a new model'} {'differs from' if differences else 'is'} {name}")
    return 1 if differences else 0
