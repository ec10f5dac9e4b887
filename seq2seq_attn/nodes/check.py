"""What every node asks of its arguments before it computes: shape, type and place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def check(node: nn.Module, **arguments: tuple[Any, str]) -> None:
    """Compare arguments with the shapes that the node was built for.

    Args:
        node: the node; its first parameter, if any, tells the expected dtype and device.
        arguments: by name, each value with its shape: ``"B [T] query_size"``. A capital letter is an axis on which all
            arguments agree; one in brackets, ``[T]``, the steps, or ``[K]``, rows that know nothing of each other, is
            there in all of them or in none; a word is an attribute of the node that holds the size.

    Raises:
        TypeError: an argument that is no tensor, or of another dtype.
        ValueError: an argument of another shape or batch size, or on another device.
    """
    held = next(node.parameters(), None)
    axes: dict[str, tuple[str, int | None]] = {}
    for name, (value, shape) in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; node {_name(node)} takes a tensor ({_commas(shape)})")
        wanted, bracket = shape.replace("[", "").replace("]", "").split(), shape.find("[")
        if bracket >= 0 and value.dim() == len(wanted) - 1:
            wanted.remove(shape[bracket + 1])
            _agree(node, axes, name, value, shape[bracket + 1], None)
        if value.dim() != len(wanted):
            raise ValueError(f"{name} is {tuple(value.shape)}; node {_name(node)} takes ({_commas(shape)})")
        for axis, size in zip(wanted, value.shape, strict=True):
            if axis[0].isupper():
                _agree(node, axes, name, value, axis, size)
            elif size != (built := getattr(node, axis)):
                raise ValueError(
                    f"{name} is {tuple(value.shape)}; node {_name(node)} was built for {built}. "
                    f"Build {_name(node)}(…, {axis}={size})."
                )
        if not value.is_floating_point():
            raise TypeError(f"{name} is {value.dtype}; node {_name(node)} computes with floating-point numbers")
        reference = held if held is not None else next(iter(arguments.values()))[0]
        if value.device != reference.device:
            raise ValueError(f"{name} is on {value.device}; node {_name(node)} computes on {reference.device}")
        if value.dtype != reference.dtype and not torch.is_autocast_enabled(value.device.type):
            raise TypeError(f"{name} is {value.dtype}; node {_name(node)} computes in {reference.dtype}")


def check_inputs(node: nn.Module, inputs: tuple[Any, ...], size: str) -> Tensor:
    """Compare per-step arguments with each other, and put them side by side.

    Args:
        node: the node; its attribute ``size`` is what the last axes add up to.
        inputs: each (B, [T], …); errors call them by their number.
        size: the name of that attribute.

    Returns:
        All of them, (B, [T], size).

    Raises:
        TypeError, ValueError: see `check`; no argument at all, or sizes that add up to something else.
    """
    if not inputs:
        raise ValueError(f"node {_name(node)} takes at least one argument")
    check(node, **{f"input {n}": (value, f"B [T] F{n}") for n, value in enumerate(inputs, start=1)})
    joined = inputs[0] if len(inputs) == 1 else torch.cat(inputs, dim=-1)
    if joined.shape[-1] != (built := getattr(node, size)):
        shapes = ", ".join(str(tuple(value.shape)) for value in inputs)
        raise ValueError(
            f"the inputs are {shapes}, {joined.shape[-1]} in all; node {_name(node)} was built for {built}. "
            f"Build {_name(node)}(…, {size}={joined.shape[-1]})."
        )
    return joined


def check_features(node: nn.Module, features: tuple[Any, ...], rank: int, **others: tuple[Any, str]) -> Tensor:
    """Compare features of pairs with each other and with other arguments, and put them side by side.

    Args:
        node: the node; its ``feature_size`` is what the features add up to, a number for each pair counting as 1.
        features: each (B, [T], S), or (B, [T], S, F) for several numbers a pair; errors call them by their number.
        rank: axes of a feature that is one number: 2 at one step, 3 for all.
        others: further arguments and their shapes, as `check` takes them.

    Returns:
        All features, (B, [T], S, feature_size).

    Raises:
        TypeError, ValueError: see `check`; sizes that add up to something else.
    """
    numbers = [isinstance(feature, Tensor) and feature.dim() <= rank for feature in features]
    shapes = {
        f"feature {n}": (feature, "B [T] S" if number else f"B [T] S F{n}")
        for n, (feature, number) in enumerate(zip(features, numbers, strict=True), start=1)
    }
    check(node, **others, **shapes)
    joined = torch.cat([f[..., None] if n else f for f, n in zip(features, numbers, strict=True)], dim=-1)
    if joined.shape[-1] != (built := node.feature_size):
        raise ValueError(
            f"the features have {joined.shape[-1]} numbers; node {_name(node)} was built for {built}. "
            f"Build {_name(node)}(…, feature_size={joined.shape[-1]})."
        )
    return joined


def check_mask(node: nn.Module, mask: Any, masked: Tensor, *, axis: int = 1) -> None:
    """Ask of a mask what every mask here is: bool, True = real, (B, S) as in what it masks.

    Args:
        node: the node that takes it.
        mask: (B, S) bool.
        masked: a tensor whose first axis is B.
        axis: its axis S.

    Raises:
        TypeError: a mask that is not bool.
        ValueError: a mask of another shape, or on another device.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else f"a {type(mask).__name__}"
        raise TypeError(f"mask is {kind}; node {_name(node)} takes a bool tensor, True = real")
    wanted = (masked.shape[0], masked.shape[axis])
    if mask.shape != wanted:
        raise ValueError(f"mask is {tuple(mask.shape)}; node {_name(node)} takes {wanted}, True = real")
    if mask.device != masked.device:
        raise ValueError(f"mask is on {mask.device}; node {_name(node)} computes on {masked.device}")


def check_energies(node: nn.Module, energies: Any, mask: Any) -> Tensor:
    """Ask of energies and their mask what every normaliser does, and fit the mask to them.

    Args:
        node: the normaliser.
        energies: (B, …, S): at one step or at all, of one head or of several.
        mask: (B, S) bool.

    Returns:
        The mask with as many axes as the energies, to broadcast.

    Raises:
        TypeError, ValueError: see `check` and `check_mask`.
    """
    rank = energies.dim() if isinstance(energies, Tensor) and energies.dim() in (3, 4) else 2
    check(node, attn_energies=(energies, " ".join([*"BTK"[: rank - 1], "S"])))
    check_mask(node, mask, energies, axis=-1)
    fitted: Tensor = mask.reshape(mask.shape[0], *[1] * (rank - 2), mask.shape[1])
    return fitted


def _agree(
    node: nn.Module, axes: dict[str, tuple[str, int | None]], name: str, value: Tensor, axis: str, size: int | None
) -> None:
    other, expected = axes.setdefault(axis, (name, size))
    if size != expected:
        here, there = (f"{axis} = {n}" if n is not None else f"no {axis}" for n in (size, expected))
        raise ValueError(
            f"{name} is {tuple(value.shape)}: {here}, but {there} in {other}; node {_name(node)} does not broadcast"
        )


def _name(node: nn.Module) -> str:
    return type(node).__name__


def _commas(shape: str) -> str:
    return ", ".join(shape.split())
