"""``seq2seq-attn summary``: torchinfo's table of a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from seq2seq_attn.commands import models
from seq2seq_attn.commands.arguments import add_path

HELP = "print a model's modules with shapes and parameters"
arguments = add_path


def run(options: argparse.Namespace) -> int:
    """Do it."""
    import torchinfo

    is_folder = options.path and Path(options.path).is_dir()
    model = models.load(options.path) if is_folder else models.new(models.one(options))
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
