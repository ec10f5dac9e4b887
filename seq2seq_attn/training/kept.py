"""What a checkpoint keeps beside its model, so that training goes on from it: numbers in JSON, and tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from seq2seq_attn import runs
from seq2seq_attn.training.rates import Standing
from seq2seq_attn.training.recipe import Recipe

_TENSORS, _WEIGHTS, _FORMAT = "training.safetensors", "weights.", 1
_MAY_CHANGE = {"updates", "patience", "keep", "compile", "accumulate"}  # a resumed run may have others


@dataclass(frozen=True)
class Place:
    """How far a training has come, in numbers for JSON.

    Attributes:
        update: the number of the last one; 0 before the first.
        epoch: the one that is being read, from 0.
        batch: how many of its batches have been.
        standing: what the dev scores up to now come to.
    """

    update: int = 0
    epoch: int = 0
    batch: int = 0
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True)
class Kept:
    """The numbers, ``training.json``.

    Attributes:
        cost: what the checkpoint is judged by, lower is better; None without a finite score.
        place: how far training had come.
        data: the digests of its corpora, by what they are for.
        recipe: how it trained.
        update: see `Update.state_dict`.
    """

    cost: float | None
    place: Place
    data: Mapping[str, str]
    recipe: Recipe
    update: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write them into a checkpoint's folder."""
        numbers = {
            "format": _FORMAT,
            "cost": self.cost,
            "place": asdict(self.place),
            "data": dict(self.data),
            "recipe": self.recipe.to_dict(),
            "update": self.update,
        }
        (folder / runs.TRAINING).write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, checkpoint: Path) -> Kept:
        """What `write` has written.

        Raises:
            ValueError: a file that is damaged, or of another version.
        """
        path = checkpoint / runs.TRAINING
        try:
            found = json.loads(path.read_bytes())
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']!r}; this version reads {_FORMAT}")
            place = Place(**(found["place"] | {"standing": Standing(**found["place"]["standing"])}))
            return cls(found["cost"], place, found["data"], Recipe.from_dict(found["recipe"]), found["update"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is damaged: {type(error).__name__}: {error}; remove {checkpoint}") from None

    def check(self, recipe: Recipe, data: Mapping[str, str], checkpoint: Path) -> None:
        """Ask whether a training goes on as it began.

        Raises:
            ValueError: another recipe, but for what may change, or other data.
        """
        for name, value in self.recipe.to_dict().items():
            now = getattr(recipe, name)
            if name not in _MAY_CHANGE and value != now:
                raise ValueError(
                    f"{name} is {now!r}, and {value!r} in {checkpoint / runs.TRAINING}: a run goes on as it began; "
                    f"give another folder for another one"
                )
        for name, digest in data.items():
            if self.data.get(name) != digest:
                raise ValueError(
                    f"the {name} data are not those that {checkpoint.parent} began with; give these, or another folder"
                )


def write_tensors(folder: Path, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
    """Write the weights that training has, and the state of its optimiser, see `state.pack`, into a checkpoint."""
    tensors = {f"{_WEIGHTS}{name}": weight for name, weight in weights.items()} | dict(optimizer)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / _TENSORS)


def read_tensors(checkpoint: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights that training had, not their average, and the state of its optimiser.

    Raises:
        ValueError: a file that is damaged.
    """
    try:
        found = load_file(checkpoint / _TENSORS)
    except (OSError, SafetensorError) as error:
        path = checkpoint / _TENSORS
        raise ValueError(f"{path} is damaged or no safetensors file: {error}; remove {checkpoint}") from None
    weights = {name.removeprefix(_WEIGHTS): value for name, value in found.items() if name.startswith(_WEIGHTS)}
    return weights, {name: value for name, value in found.items() if not name.startswith(_WEIGHTS)}


def mean(several: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of weights, on the device of the first of them; numbers that are no floats are the first's."""
    first, *_ = several
    return {
        name: torch.stack([weights[name].to(weight.device) for weights in several]).mean(dim=0)
        if weight.is_floating_point() and len(several) > 1
        else weight
        for name, weight in first.items()
    }
