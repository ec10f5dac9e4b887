"""Pictures of numbers, with matplotlib: attention as a heatmap, training as a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from seq2seq_attn.training import Progress


def attention(path: str | Path, weights: Tensor, source: Sequence[str], target: Sequence[str]) -> None:
    """Draw one sentence's attention: dark where the target symbol of a row looked at the source symbol of a column.

    Args:
        path: where to write; the ending says how, .png for one.
        weights: alpha_ij, (T, S), or of several heads, (T, K, S), whose mean is drawn.
        source: S labels, or more, which are then drawn together, as many as a position of a pyramid has read.
        target: T labels.

    Raises:
        ValueError: weights of another shape than the labels say.
    """
    weights = weights.mean(dim=1) if weights.dim() == 3 else weights
    if 0 < weights.shape[-1] < len(source):
        size = 2 ** (math.ceil(len(source) / weights.shape[-1]) - 1).bit_length()
        source = ["".join(source[start : start + size]) for start in range(0, len(source), size)]
    if tuple(weights.shape) != (len(target), len(source)):
        raise ValueError(
            f"weights are {tuple(weights.shape)}; {len(target)} target and {len(source)} source symbols "
            f"make ({len(target)}, {len(source)})"
        )
    figure = Figure(figsize=(1.6 + 0.32 * len(source), 1.2 + 0.32 * len(target)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(weights.detach().cpu().tolist(), cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(source)), source)
    axes.set_yticks(range(len(target)), target)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source $j$")
    axes.set_ylabel("target $i$")
    figure.colorbar(image, ax=axes, label="$\\alpha_{ij}$", shrink=0.7)
    figure.savefig(path, dpi=150)


def learning(path: str | Path, history: Sequence[Progress]) -> None:
    """Draw loss and exact match over the steps of training; see `attention` for ``path``."""
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    left = figure.add_subplot()
    right = left.twinx()
    steps = [progress.step for progress in history]
    (loss,) = left.plot(steps, [progress.loss for progress in history], color="#0072b2", label="loss")
    (exact,) = right.plot(
        steps,
        [100 * progress.exact_match for progress in history],
        color="#d55e00",
        linestyle="--",
        label="exact match",
    )
    left.set_xlabel("training step")
    left.set_ylabel("loss (nats a symbol)", color=loss.get_color())
    left.set_ylim(bottom=0.0)
    right.set_ylabel("exact match (% of the batch)", color=exact.get_color())
    right.set_ylim(0.0, 105.0)
    left.legend(handles=[loss, exact], loc="center right")
    figure.savefig(path, dpi=150)
