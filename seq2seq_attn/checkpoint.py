"""A model on disk: a folder with config.json and model.safetensors. No pickle, nothing that runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq_attn.config import Config

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def save(folder: str | Path, config: Config, weights: Mapping[str, Tensor]) -> None:
    """Write a model; each file is written beside its place and then moved there, so that none is ever half a file.

    Args:
        folder: made if it is not there.
        config: what the model is built from.
        weights: its state_dict.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
    replacements = [(folder / f"{name}.new", folder / name) for name in (WEIGHTS, CONFIG)]
    save_file(contiguous, replacements[0][0])
    replacements[1][0].write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
    for new, final in replacements:
        os.replace(new, final)


def load(folder: str | Path, device: torch.device | str = "cpu") -> tuple[Config, dict[str, Tensor]]:
    """Read what `save` wrote.

    Raises:
        FileNotFoundError: a folder that holds no model.
        ValueError: a config.json that is no JSON or no config, a model.safetensors that is damaged.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} holds no model: {name} is not there; a folder that save_pretrained wrote has it"
            )
    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"an object is expected, not {type(values).__name__}")
        config = Config.from_dict(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    try:
        return config, load_file(folder / WEIGHTS, device=str(device))
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged or no safetensors file: {error}") from None


def fill(model: nn.Module, weights: Mapping[str, Tensor], folder: str | Path) -> None:
    """Put weights into a model: every one of its own, and no other.

    Raises:
        ValueError: a weight that is missing, unknown, of another shape or type; the model is then as it was.
    """
    own = model.state_dict()
    faults = [f"{name} is missing" for name in own if name not in weights]
    faults += [f"{name} is unknown" for name in weights if name not in own]
    for name in own.keys() & weights.keys():
        mine, theirs = own[name], weights[name]
        if (mine.shape, mine.dtype) != (theirs.shape, theirs.dtype):
            faults.append(
                f"{name} is {tuple(theirs.shape)} {theirs.dtype}; the config makes it {tuple(mine.shape)} {mine.dtype}"
            )
    if faults:
        raise ValueError(f"{Path(folder) / WEIGHTS} does not fit {CONFIG}: {'; '.join(sorted(faults))}")
    model.load_state_dict(weights)
