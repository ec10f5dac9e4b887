from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from seq2seq_attn import plot
from seq2seq_attn.training import Progress


def test_the_heatmap_is_dark_where_the_weight_is_and_pale_elsewhere(tmp_path: Path) -> None:
    plot.attention(tmp_path / "a.png", torch.eye(3)[:2], "ABC", ["x", "end"])
    with Image.open(tmp_path / "a.png") as image:
        colors = image.convert("RGB").getcolors(1 << 20) or []
    counts = {color: count for count, color in colors}
    dark, pale = counts[8, 48, 107], counts[247, 251, 255]  # the two ends of matplotlib's Blues
    assert (
        dark > 1000 and 1.5 < pale / dark < 2.5
    )  # 2 cells of 6 are dark, 4 pale; the bar beside them has a little of both


def test_weights_of_another_shape_than_the_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weights are \(3, 3\); 2 target and 3 source symbols make \(2, 3\)"):
        plot.attention(tmp_path / "a.png", torch.eye(3), "ABC", "xy")
    assert not list(tmp_path.iterdir())


def test_the_learning_curve_has_a_line_for_loss_and_one_for_exact_match(tmp_path: Path) -> None:
    plot.learning(tmp_path / "l.png", [Progress(step, 3.0 / step, step / 50) for step in range(1, 51)])
    with Image.open(tmp_path / "l.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(0, 114, 178), (213, 94, 0)} <= colors
