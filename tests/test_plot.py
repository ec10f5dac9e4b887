from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from seq2seq_attn import plot
from seq2seq_attn.encoders import PyramidEncoder
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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are made."""
    figures: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr(plot, "Figure", Kept)
    return figures


def test_of_several_heads_the_mean_is_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    weights = torch.rand(2, 5, 3)
    plot.attention(tmp_path / "a.png", weights, "ABC", ["x", "end"])
    shown = torch.tensor(drawn[0].axes[0].images[0].get_array().tolist())
    torch.testing.assert_close(shown, weights.mean(dim=1))


@pytest.mark.parametrize(
    ("source", "halvings", "labels"),
    [
        ("ABCDE", 1, ["AB", "CD", "E"]),
        ("ABCDE", 2, ["ABCD", "E"]),
        ("ABCDEF", 2, ["ABCD", "EF"]),
        ("ABCDEFGHI", 3, ["ABCDEFGH", "I"]),
        ("ABC", 3, ["ABC"]),
        ("A", 1, ["A"]),
    ],
)
def test_what_a_position_of_a_pyramid_has_read_is_its_label(
    source: str, halvings: int, labels: list[str], tmp_path: Path, drawn: list[Figure]
) -> None:
    encoder = PyramidEncoder(2, 3, num_layers=halvings + 1)
    positions = encoder(torch.zeros(1, len(source), 2), torch.ones(1, len(source), dtype=torch.bool)).shape[1]
    plot.attention(tmp_path / "a.png", torch.rand(2, positions), source, ["x", "end"])
    assert [text.get_text() for text in drawn[0].axes[0].get_xticklabels()] == labels


def test_weights_of_another_shape_than_the_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weights are \(3, 3\); 2 target and 3 source symbols make \(2, 3\)"):
        plot.attention(tmp_path / "a.png", torch.eye(3), "ABC", "xy")
    with pytest.raises(ValueError, match=r"weights are \(2, 0\); 2 target and 3 source symbols make \(2, 3\)"):
        plot.attention(tmp_path / "a.png", torch.zeros(2, 0), "ABC", "xy")  # of a model without attention
    assert not list(tmp_path.iterdir())


def test_the_learning_curve_has_a_line_for_loss_and_one_for_exact_match(tmp_path: Path) -> None:
    plot.learning(tmp_path / "l.png", [Progress(step, 3.0 / step, step / 50) for step in range(1, 51)])
    with Image.open(tmp_path / "l.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(0, 114, 178), (213, 94, 0)} <= colors
