"""Attention with its labels, checked and made ready to be drawn: one panel for each sentence, head or name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seq2seq_attn.drawing.scene import printable

Labels = Sequence[str]

_LONGEST = 24  # characters of a label


@dataclass(frozen=True)
class Panel:
    """One heatmap.

    Attributes:
        weights: (T, S) float32 on the CPU, from 0 to 1.
        source: S labels.
        target: T labels.
        title: stands above, if it is not empty.
    """

    weights: Tensor
    source: Sequence[str]
    target: Sequence[str]
    title: str = ""


def panels(weights: Any, source: Any, target: Any) -> list[list[Panel]]:
    """A row for each sentence or name, with one panel a head; the arguments are those of `plot_attention`.

    Raises:
        ValueError: weights and labels that do not fit.
    """
    if not isinstance(weights, Tensor) and not len(weights):
        raise ValueError("there are no weights; give those of one sentence at least")
    if isinstance(weights, Tensor):
        return [of_sentence(weights, source, target)]
    if isinstance(weights, Mapping):
        return [
            of_sentence(each, _of(name, "source", source), _of(name, "target", target), name)
            for name, each in weights.items()
        ]
    if not len(weights) == len(source) == len(target):
        raise ValueError(
            f"there are weights of {len(weights)} sentences, {len(source)} sources and {len(target)} targets; "
            "give one source and one target for each"
        )
    return [of_sentence(*sentence) for sentence in zip(weights, source, target, strict=True)]


def of_sentence(weights: Tensor, source: Labels, target: Labels, title: str = "") -> list[Panel]:
    """The panels of one sentence: one, or one a head.

    Raises:
        ValueError: weights of another shape than the labels say, or not from 0 to 1.
    """
    given = f"weights are {tuple(weights.shape)}"
    if weights.dim() not in (2, 3):
        raise ValueError(f"{given}; one sentence has (T, S) or (T, K, S), and a batch is a list of them: list(weights)")
    heads = (weights[:, None] if weights.dim() == 2 else weights).detach().to("cpu", torch.float32)
    merged = 0 < weights.shape[-1] < len(source)
    labels = _merged(source, weights.shape[-1]) if merged else source
    rows = len(weights) == len(target) if merged else len(weights) >= len(target)
    if not (rows and target and labels and heads.shape[1] and weights.shape[-1] >= len(labels)):
        raise ValueError(
            f"{given}; {len(target)} target and {len(source)} source symbols make ({len(target)}, {len(source)})"
        )
    heads, behind = heads[: len(target), :, : len(labels)], heads[: len(target), :, len(labels) :]
    if behind.any():
        raise ValueError(
            f"{given} and look behind the {len(labels)} source symbols; "
            "give a label for each column, and a batch as list(weights)"
        )
    if not ((heads >= 0) & (heads <= 1.001)).all():  # a sum of 1 is rounded
        raise ValueError(f"weights reach from {heads.min():.3g} to {heads.max():.3g}; attention lies between 0 and 1")
    columns, lines = ([_shown(label) for label in symbols] for symbols in (labels, target))
    names = [f"head {k}" for k in range(1, heads.shape[1] + 1)] if weights.dim() == 3 else [""]
    return [
        Panel(heads[:, k], columns, lines, ", ".join(part for part in (_shown(title), name) if part))
        for k, name in enumerate(names)
    ]


def _merged(source: Labels, positions: int) -> Labels:
    """The labels of a pyramid's positions: each layer halves them, and rounds up."""
    size = 2 ** (math.ceil(len(source) / positions) - 1).bit_length()
    gap = "" if all(len(label) <= 1 for label in source) else " "  # letters make a text, words and phones a row
    return [gap.join(source[start : start + size]) for start in range(0, len(source), size)]


def _shown(label: str) -> str:
    """A label as one short line in which everything can be seen: spaces that stand alone, and signs that control."""
    once = printable(label, _LONGEST) if label.strip() else "␣" * len(label)
    return printable(once, _LONGEST)  # the numbers that stand for signs may have made it long again


def _of(name: str, what: str, labels: Mapping[str, Labels] | Labels) -> Labels:
    """The labels of one entry of a mapping: its own, or those of all."""
    if not isinstance(labels, Mapping):
        return labels
    if name not in labels:
        raise ValueError(f"{what} has no labels for {name!r}; it has some for {', '.join(map(repr, labels))}")
    return labels[name]
