"""An optimiser's state as named tensors and back, for a safetensors file: no pickle."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seq2seq_attn.checkpoint import misfits

_PREFIX, _UNTOUCHED = "optimizer.", "untouched"


def pack(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, as ``optimizer.exp_avg.decoder.step.a.W.weight``.

    The tensors are the optimiser's own: the next step changes them. Its options, as the learning rate, are not among
    them. Of a parameter that has had no gradient yet there is only an empty ``optimizer.untouched.…``; a tied one is
    there once, by its first name.

    Args:
        model: whose parameters it trains.
        optimizer: one whose state is tensors, as those of torch.optim are, but for LBFGS.

    Raises:
        TypeError: a state that is no tensor.
        ValueError: a parameter that is not the model's; a state that is not finite, from which nothing could go on.
    """
    tensors = _named(_names(model, optimizer), optimizer)
    if faults := misfits(tensors, tensors):
        raise ValueError(f"the optimiser cannot be saved: {'; '.join(faults)}")
    return tensors


def unpack(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser what `pack` took from one like it, bit for bit, on the devices where its own would be.

    What it has to be given is found out by a step of a copy of it.

    Raises:
        ValueError: an entry that is missing, unknown, of another shape or type, or not finite; the optimiser is then as
            it was.
    """
    names = _names(model, optimizer)
    untouched = {name for name in names if f"{_PREFIX}{_UNTOUCHED}.{name}" in tensors}
    rehearsed = copy.deepcopy(optimizer)
    for name, parameter in zip(names, _parameters(rehearsed), strict=True):
        parameter.grad = None if name in untouched else torch.zeros_like(parameter)
        if name in untouched:
            rehearsed.state.pop(parameter, None)
    rehearsed.step()
    own = _named(names, rehearsed)
    if faults := misfits(own, tensors):
        raise ValueError(f"this is not the state of this optimiser: {'; '.join(faults)}")
    for name, parameter, twin in zip(names, _parameters(optimizer), _parameters(rehearsed), strict=True):
        optimizer.state[parameter] = {
            what: tensors[f"{_PREFIX}{what}.{name}"].to(like.device, copy=True)
            for what, like in rehearsed.state.get(twin, {}).items()
        }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _names(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """Those of an optimiser's parameters, in its order."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    if strange := [tuple(parameter.shape) for parameter in _parameters(optimizer) if parameter not in names]:
        raise ValueError(f"the optimiser trains parameters of shapes {strange} that the model does not have")
    return [names[parameter] for parameter in _parameters(optimizer)]


def _named(names: list[str], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, parameter in zip(names, _parameters(optimizer), strict=True):
        kept = optimizer.state.get(parameter) or {_UNTOUCHED: torch.empty(0)}
        for what, value in kept.items():
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{type(optimizer).__name__} keeps {what}, of type {type(value).__name__}, for {name}; "
                    "only tensors can be saved"
                )
            tensors[f"{_PREFIX}{what}.{name}"] = value.detach()
    return tensors
