"""The one mask of this package: bool, (B, S), True = real, padding on the right."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int | None = None) -> Tensor:
    """The mask of rows of given lengths.

    Args:
        lengths: (B,) whole numbers, each from 1 to ``size``.
        size: number of positions S, padding included; by default the greatest length.

    Returns:
        (B, S) bool, True = real.

    Raises:
        TypeError: lengths that are not whole numbers.
        ValueError: lengths that are not one row of numbers, or one that is below 1 or beyond ``size``.

    Example:
        >>> length_mask(torch.tensor([1, 3]))
        tensor([[ True, False, False],
                [ True,  True,  True]])
    """
    if not isinstance(lengths, Tensor):
        raise TypeError(f"lengths is a {type(lengths).__name__}; give a tensor of whole numbers")
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise TypeError(f"lengths are {lengths.dtype}; give whole numbers")
    if lengths.dim() != 1 or not len(lengths):
        raise ValueError(f"lengths are {tuple(lengths.shape)}; give one for each row, (B,)")
    size = int(lengths.max()) if size is None else size
    for row in torch.nonzero((lengths < 1) | (lengths > size)).flatten().tolist():
        raise ValueError(f"length {int(lengths[row])} of row {row} is not within 1 and {size}, the padded length")
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def rows_by_step(mask: Tensor) -> list[int]:
    """How many rows of a mask, (B, T), are real at each step, if these are the first ones, as of the longest first.

    Returns:
        T numbers; none, if all rows are real at all steps, or if rows or padding stand otherwise.

    Example:
        >>> rows_by_step(length_mask(torch.tensor([3, 1])))
        [2, 1, 1]
        >>> rows_by_step(length_mask(torch.tensor([1, 3])))
        []
    """
    counts = mask.sum(dim=0)
    rows: list[int] = counts.tolist()
    if rows[-1] == len(mask) or rows != sorted(rows, reverse=True):
        return []
    first = torch.arange(len(mask), device=mask.device)[:, None] < counts
    return rows if torch.equal(mask, first) else []


def check_symbols(name: str, symbols: Any, mask: Any, vocabulary_size: int, device: torch.device) -> None:
    """Ask at the door whether these are symbols with their mask.

    Args:
        name: what errors call the symbols; the mask is ``{name}_mask``.
        symbols: (B, S) int64, each in ``range(vocabulary_size)``, padding included.
        mask: (B, S) bool, True = real, at least one real position a row, padding on the right.
        vocabulary_size: number of symbols.
        device: where they have to be.

    Raises:
        TypeError: no tensor, or one of another dtype.
        ValueError: another shape or device, a symbol outside the vocabulary, a mask of another form.
    """
    for what, tensor, dtype in ((name, symbols, torch.int64), (f"{name}_mask", mask, torch.bool)):
        if not isinstance(tensor, Tensor) or tensor.dtype != dtype:
            kind = tensor.dtype if isinstance(tensor, Tensor) else f"a {type(tensor).__name__}"
            meaning = "True = real" if dtype is torch.bool else f"symbols from 0 to {vocabulary_size - 1}"
            raise TypeError(f"{what} is {kind}; give a tensor of {dtype}, {meaning}")
        if tensor.device != device:
            raise ValueError(f"{what} is on {tensor.device}, the model on {device}; move it with .to({str(device)!r})")
    if symbols.dim() != 2 or not symbols.numel():
        raise ValueError(f"{name} is {tuple(symbols.shape)}; give (rows, positions), at least one of each")
    if mask.shape != symbols.shape:
        raise ValueError(f"{name}_mask is {tuple(mask.shape)}; {name} is {tuple(symbols.shape)}, and so must it be")
    low, high = torch.stack(torch.aminmax(symbols)).tolist()
    if low < 0 or high >= vocabulary_size:
        row, position = torch.nonzero((symbols < 0) | (symbols >= vocabulary_size))[0].tolist()
        raise ValueError(
            f"{name}[{row}, {position}] is {int(symbols[row, position])}; "
            f"the vocabulary has the symbols 0 to {vocabulary_size - 1}"
        )
    if mask[:, 0].all() and (mask[:, 1:] <= mask[:, :-1]).all():
        return
    for row in torch.nonzero(~mask.any(dim=1)).flatten().tolist():
        raise ValueError(f"{name}_mask has no real position in row {row}; an empty row cannot be read")
    row = torch.nonzero((mask[:, 1:] & ~mask[:, :-1]).any(dim=1))[0, 0]
    raise ValueError(f"{name}_mask has padding before a real position in row {row}; pad on the right")
