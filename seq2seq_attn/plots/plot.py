"""Pictures of numbers, with matplotlib: attention as heatmaps, also as they change, and training as a curve."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure
from torch import Tensor

from seq2seq_attn.plots.heatmap import heatmaps
from seq2seq_attn.plots.panels import Labels, Panel, of_sentence, panels

if TYPE_CHECKING:
    from seq2seq_attn.training.loop import Progress

_DPI, _DPI_OF_FRAMES = 150, 80
_METADATA: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_LOSS, _SCORE = "#0072b2", "#d55e00"
_FRAMES_A_SECOND, _LAST_FRAMES = 4, 8  # the last frame stays two seconds


def plot_attention(
    path: str | Path,
    weights: Tensor | Mapping[str, Tensor] | Sequence[Tensor],
    source: Labels | Mapping[str, Labels] | Sequence[Labels],
    target: Labels | Mapping[str, Labels] | Sequence[Labels],
    *,
    font: str | Path | None = None,
) -> None:
    """Draw attention: dark where the target symbol of a row looked at the source symbol of a column.

    One sentence is one heatmap, or one a head; ``weights.mean(dim=1)`` is the mean of the heads. Of several sentences
    give sequences, of several layers, models or anything with a name a mapping of names to weights.

    Args:
        path: where to write, a .png, .svg or .pdf file; it is written when all else is done.
        weights: alpha_ij of a sentence, (T, S), or of K heads, (T, K, S), on any device; or several. Steps behind the
            last label, and columns of zeros behind the last label, are those of a padded batch and are left out.
        source: S labels, or more, which are then drawn together, as many as a position of a pyramid has read. Of a
            mapping's weights the same for all, or a mapping by the same names; of a sequence's one for each.
        target: T labels, and of several as ``source``.
        font: a font file for characters that no installed font has.

    Raises:
        ValueError: weights of another shape than the labels say, or not from 0 to 1; another ending of ``path``;
            characters that no font has.
        OSError: a ``path`` that cannot be written, a ``font`` that cannot be read.

    Example:
        >>> import tempfile, torch
        >>> weights = torch.tensor([[0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plot_attention(f"{folder}/attention.svg", weights, ["le", "chat", "dort"], ["the", "cat"])
        ...     plot_attention(f"{folder}/two.png", {"before": weights, "after": weights**2}, "abc", "xy")
        ...     plot_attention(f"{folder}/batch.pdf", [weights, weights], ["abc", "ab"], ["xy", "z"])
    """
    path = _checked(path, _METADATA)
    figure, _ = heatmaps(_grid(panels(weights, source, target)), font)
    _save(figure, path)


def animate_attention(
    path: str | Path,
    frames: Iterable[tuple[str, Tensor]],
    source: Labels,
    target: Labels,
    *,
    font: str | Path | None = None,
) -> None:
    """Draw how the attention over one sentence changes, as a GIF that starts again at its end: four frames a second.

    Args:
        path: where to write, a .gif file.
        frames: a title and the weights of each; weights, ``source``, ``target`` and ``font`` as `plot_attention` has
            them for one sentence.

    Raises:
        ValueError: no frame, frames of different shapes; and as `plot_attention`.
        OSError: as `plot_attention`.

    Example:
        >>> import tempfile, torch
        >>> frames = [(f"step {step}", torch.eye(2) * step / 9) for step in range(10)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     animate_attention(f"{folder}/attention.gif", frames, ["le", "chat"], ["the", "cat"])
    """
    path = _checked(path, (".gif",))
    rows = [of_sentence(weights, source, target, title) for title, weights in frames]
    if len(shapes := {(len(row), *row[0].weights.shape) for row in rows}) != 1:
        fault = f"the frames are of {len(shapes)} shapes" if shapes else "there is no frame"
        raise ValueError(f"{fault}; give frames of one sentence and one model")
    figure, shown = heatmaps(_grid(rows[:1]), font, titles=[panel.title for row in rows for panel in row])
    writer = PillowWriter(fps=_FRAMES_A_SECOND)
    with TemporaryDirectory() as folder, _settings():
        writer.setup(figure, f"{folder}/attention.gif", dpi=_DPI_OF_FRAMES)
        for row in rows + rows[-1:] * (_LAST_FRAMES - 1):
            for heatmap, panel in zip(shown, row, strict=True):
                heatmap.show(panel)
            writer.grab_frame()
        writer.finish()
        _write(path, Path(folder, "attention.gif").read_bytes())


def learning(
    path: str | Path, history: Sequence[Progress], dev: Mapping[str, Mapping[int, float]] | None = None
) -> None:
    """Draw loss and exact match over the steps of training; see `plot_attention` for ``path``.

    Args:
        history: the steps.
        dev: scores on a dev set, by name and step: ``loss`` in nats a symbol, others in percent. With them the loss of
            training is smoothed, a point the mean of a hundredth of the steps, and they are drawn in place of the exact
            match of each batch. A value that is not finite leaves a gap.
    """
    checked = _checked(path, _METADATA)
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    left = figure.add_subplot()
    steps, losses = [progress.step for progress in history], [progress.loss for progress in history]
    left.set_xlabel("training step")
    left.set_ylabel("loss (nats a symbol)", color=_LOSS)
    if dev is None:
        lines = left.plot(steps, losses, color=_LOSS, label="loss")
        scores = {"exact match": dict(zip(steps, [progress.exact_match * 100 for progress in history], strict=True))}
        what, marker = "exact match (% of the batch)", ""
    else:
        lines = left.plot(_hundred(steps), _hundred(losses), color=_LOSS, alpha=0.5, label="loss of training")
        scores = {name.replace("_", " "): dict(values) for name, values in dev.items() if name != "loss"}
        what, marker = f"{', '.join(scores)} on dev (%)", "."
        if values := dev.get("loss"):
            lines += left.plot([*values], [*values.values()], color=_LOSS, marker=marker, label="loss of dev")
    left.set_ylim(bottom=0.0)
    if scores:
        right = left.twinx()
        right.set_ylabel(what, color=_SCORE)
        for name, values in scores.items():
            lines += right.plot([*values], [*values.values()], color=_SCORE, linestyle="--", marker=marker, label=name)
        right.set_ylim(0.0, 105.0 if dev is None else None)
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines))
    _save(figure, checked)


def _hundred(values: Sequence[float]) -> list[float]:
    """The means of a hundred parts of a sequence, or fewer."""
    size = math.ceil(len(values) / 100)
    return [fmean(values[start : start + size]) for start in range(0, len(values), size or 1)]


def _grid(rows: Sequence[Sequence[Panel]]) -> list[Sequence[Panel]]:
    """A row for each that has several panels; what has one each stands in a square."""
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        return list(rows)
    flat = [panel for row in rows for panel in row]
    wide = math.ceil(math.sqrt(len(flat)))
    return [flat[start : start + wide] for start in range(0, len(flat), wide)]


def _checked(path: str | Path, endings: Iterable[str]) -> Path:
    if (ending := Path(path).suffix.lower()) not in endings:
        raise ValueError(
            f"{str(path)!r} ends with {ending!r}; a picture of this kind is written to {', '.join(endings)}"
        )
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"{str(path)!r} cannot be written: there is no folder {str(Path(path).parent)!r}")
    return Path(path)


def _settings() -> AbstractContextManager[None]:
    """What decides over the bytes of a file, whatever the user has set for other plots."""
    return matplotlib.rc_context({"svg.hashsalt": "seq2seq_attn", "savefig.bbox": "standard"})


def _save(figure: Figure, path: Path) -> None:
    """Write a figure, always with the same bytes."""
    content, ending = BytesIO(), path.suffix.lower()
    with _settings():
        figure.savefig(content, format=ending[1:], dpi=_DPI, metadata=_METADATA[ending])
    _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> None:
    """Write a file all at once; what stood there stays if that fails."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(content)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
