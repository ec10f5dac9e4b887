"""A model on disk: a folder with config.json and model.safetensors. No pickle, nothing that runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq_attn.config import Config
from seq2seq_attn.manifest import MANIFEST

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def save(folder: str | Path, config: Config, weights: Mapping[str, Tensor]) -> None:
    """Write a model; each file is written beside its place and then moved there, so that none is ever half a file.

    Args:
        folder: made if it is not there.
        config: what the model is built from.
        weights: its `own_weights`.

    Raises:
        FileExistsError: a folder with a manifest: a checkpoint of a run stays as it is.
        OSError: a folder that cannot be written, or a full disk; what was there before is as it was.
        ValueError: two weights that share their memory.
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} has a {MANIFEST}: a checkpoint stays as it is; save into another folder")
    places: dict[int, str] = {}
    for name, tensor in weights.items():
        if (twin := places.setdefault(tensor.data_ptr(), name)) != name:
            raise ValueError(f"{twin} and {name} are one tensor, and would be two when they are loaded; untie them")
    folder.mkdir(parents=True, exist_ok=True)
    new_weights, new_config = folder / f"{WEIGHTS}.new", folder / f"{CONFIG}.new"
    try:
        new_config.write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
        save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, new_weights)
    except (OSError, SafetensorError) as error:
        for new in (new_weights, new_config):
            new.unlink(missing_ok=True)
        raise OSError(f"{folder} cannot be written: {error}") from None
    os.replace(new_weights, folder / WEIGHTS)
    os.replace(new_config, folder / CONFIG)


def own_weights(model: nn.Module) -> dict[str, Tensor]:
    """The state_dict with each tensor once, under its first name: an embedding tied to the output has no second one."""
    tied = ties(model)
    return {name: tensor for name, tensor in model.state_dict().items() if name not in tied}


def ties(model: nn.Module) -> dict[str, str]:
    """Each further name of a parameter that has several, with its first."""
    first: dict[int, str] = {}
    names = {n: first.setdefault(id(p), n) for n, p in model.named_parameters(remove_duplicate=False)}
    return {name: own for name, own in names.items() if name != own}


def load(folder: str | Path) -> tuple[Config, dict[str, Tensor]]:
    """Read what `save` wrote, onto the CPU.

    Raises:
        FileNotFoundError: a folder that holds no model.
        ValueError: a config.json that is no JSON or no config, or with more layers than there can be weights of; a
            model.safetensors that is damaged.
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
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    try:
        weights = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged or no safetensors file: {error}") from None
    layers = max(config.num_layers, *(int(digits[:9]) for digits in re.findall(r"(\d+) layers", config.diagram)), 0)
    if layers > len(weights):  # who builds them first would wait for long
        raise ValueError(
            f"{folder / CONFIG}: there are {layers:,} layers or more, in {WEIGHTS} only {len(weights)} tensors"
        )
    return config, weights


def fill(model: nn.Module, weights: Mapping[str, Tensor], folder: str | Path) -> None:
    """Put weights into a model; see `check`, which comes first: the model is as it was if they do not fit."""
    check(model, weights, folder)
    model.load_state_dict(weights, strict=False)  # but for second names of tied weights, each is there


def check(model: nn.Module, weights: Mapping[str, Tensor], folder: str | Path) -> None:
    """Whether the weights of a folder are a model's: every one of its own, and no other.

    Raises:
        ValueError: a weight that is missing, unknown, of another shape or type, or not finite; all are named.
    """
    if faults := misfits(own_weights(model), weights):
        hint = ""
        if (Path(folder) / f"{CONFIG}.new").exists():
            hint = f". A save was cut off between its two files: rename {CONFIG}.new to {CONFIG}"
        raise ValueError(f"{Path(folder) / WEIGHTS} does not fit {CONFIG}: {'; '.join(faults)}{hint}")


def misfits(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> list[str]:
    """Why these weights are not those of a model whose `own_weights` are ``own``; [] if they are."""
    faults = [f"{name} is missing" for name in own if name not in weights]
    faults += [f"{name} is unknown" for name in weights if name not in own]
    for name in own.keys() & weights.keys():
        mine, theirs = own[name], weights[name]
        if (mine.shape, mine.dtype) != (theirs.shape, theirs.dtype):
            faults.append(
                f"{name} is {tuple(theirs.shape)} {theirs.dtype}; the config makes it {tuple(mine.shape)} {mine.dtype}"
            )
        elif not theirs.isfinite().all():
            faults.append(f"{name} has numbers that are not finite")
    return sorted(faults)
