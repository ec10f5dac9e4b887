"""What every node asks of its arguments before it computes: shape, type and place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def check(node: nn.Module, **arguments: tuple[Any, str]) -> None:
    """Compare arguments with the shapes that the node was built for.

    Args:
        node: the node; its first parameter, if any, tells the expected dtype and device.
        arguments: by name, each value with its shape: ``"B S memory_size"``. A capital letter is an axis on which all
            arguments agree; a word is an attribute of the node that holds the size.

    Raises:
        TypeError: an argument that is no tensor, or of another dtype.
        ValueError: an argument of another shape or batch size, or on another device.
    """
    held = next(node.parameters(), None)
    axes: dict[str, tuple[str, int]] = {}
    for name, (value, shape) in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; node {_name(node)} takes a tensor ({_commas(shape)})")
        wanted = shape.split()
        if value.dim() != len(wanted):
            raise ValueError(f"{name} is {tuple(value.shape)}; node {_name(node)} takes ({_commas(shape)})")
        for axis, size in zip(wanted, value.shape, strict=True):
            if axis.islower():
                built = getattr(node, axis)
                if size != built:
                    raise ValueError(
                        f"{name} is {tuple(value.shape)}; node {_name(node)} was built for {built}. "
                        f"Build {_name(node)}(…, {axis}={size})."
                    )
            elif axes.setdefault(axis, (name, size))[1] != size:
                other, expected = axes[axis]
                raise ValueError(
                    f"{name} is {tuple(value.shape)}: {axis} = {size}, but {axis} = {expected} in {other}; "
                    f"node {_name(node)} does not broadcast"
                )
        if not value.is_floating_point():
            raise TypeError(f"{name} is {value.dtype}; node {_name(node)} computes with floating-point numbers")
        reference = held if held is not None else next(iter(arguments.values()))[0]
        if value.device != reference.device:
            raise ValueError(f"{name} is on {value.device}; node {_name(node)} computes on {reference.device}")
        if value.dtype != reference.dtype and not torch.is_autocast_enabled(value.device.type):
            raise TypeError(f"{name} is {value.dtype}; node {_name(node)} computes in {reference.dtype}")


def check_mask(node: nn.Module, mask: Any, masked: Tensor) -> None:
    """Ask of a mask what every mask here is: bool, True = real, of exactly the first two axes (B, S) of what it masks.

    Raises:
        TypeError: a mask that is not bool.
        ValueError: a mask of another shape, or on another device.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else f"a {type(mask).__name__}"
        raise TypeError(f"mask is {kind}; node {_name(node)} takes a bool tensor, True = real")
    if mask.shape != masked.shape[:2]:
        raise ValueError(
            f"mask is {tuple(mask.shape)}; node {_name(node)} takes {tuple(masked.shape[:2])}, True = real"
        )
    if mask.device != masked.device:
        raise ValueError(f"mask is on {mask.device}; node {_name(node)} computes on {masked.device}")


def _name(node: nn.Module) -> str:
    return type(node).__name__


def _commas(shape: str) -> str:
    return ", ".join(shape.split())
