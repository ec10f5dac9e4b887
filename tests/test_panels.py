"""Weights and labels that fit become panels; what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seq2seq_attn import Seq2Seq, cipher
from seq2seq_attn.encoders import PyramidEncoder
from seq2seq_attn.plots.panels import of_sentence, panels


def weights(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).softmax(dim=-1)


def test_one_sentence_is_one_panel_with_its_labels() -> None:
    ((panel,),) = panels(weights(2, 3), "ABC", ["x", "end"])
    assert (panel.source, panel.target, panel.title) == (["A", "B", "C"], ["x", "end"], "")
    assert torch.equal(panel.weights, weights(2, 3))


def test_each_head_is_a_panel_with_a_title() -> None:
    (row,) = panels(weights(2, 5, 3), "ABC", "xy")
    assert [panel.title for panel in row] == [f"head {k}" for k in (1, 2, 3, 4, 5)]
    assert torch.equal(torch.stack([panel.weights for panel in row], dim=1), weights(2, 5, 3))


def test_what_has_a_name_is_a_row_with_the_name_as_title() -> None:
    rows = panels({"luong": weights(2, 3), "multihead": weights(2, 2, 3)}, "ABC", "xy")
    assert [[panel.title for panel in row] for row in rows] == [
        ["luong"],
        ["multihead, head 1", "multihead, head 2"],
    ]
    assert {(*panel.source, *panel.target) for row in rows for panel in row} == {(*"ABCxy",)}


def test_what_has_a_name_may_have_labels_of_its_own() -> None:
    rows = panels({"a": weights(2, 3), "b": weights(1, 3)}, "ABC", {"b": "z", "a": "xy"})
    assert [row[0].target for row in rows] == [["x", "y"], ["z"]]
    with pytest.raises(ValueError, match="target has no labels for 'b'; it has some for 'a'"):
        panels({"a": weights(2, 3), "b": weights(1, 3)}, "ABC", {"a": "xy"})


def test_a_batch_is_its_sentences_without_their_padding() -> None:
    torch.manual_seed(0)
    model = Seq2Seq.from_config(cipher.config(embedding_size=3, hidden_size=5, attention_size=7, readout_size=2)).eval()
    texts = ["ABCDE", "FG", "HIJ"]
    batch = model(*cipher.encrypted_batch(texts, key=3)).attn_weights
    assert batch.shape == (3, 6, 5)
    rows = panels(list(batch), [cipher.encrypt(text, 3) for text in texts], [[*text, "end"] for text in texts])
    for (panel,), text, row in zip(rows, texts, batch, strict=True):
        assert torch.equal(panel.weights, row[: len(text) + 1, : len(text)])
        torch.testing.assert_close(panel.weights.sum(dim=1), torch.ones(len(text) + 1))
    with pytest.raises(ValueError, match=r"and a batch as list\(weights\)"):
        panels(batch, texts, texts)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_weights_of_any_kind_are_taken_as_they_come(dtype: torch.dtype, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no cuda device here")
    given = torch.eye(3)[:2].to(device, dtype).requires_grad_(dtype.is_floating_point)
    ((panel,),) = panels(given, "ABC", "xy")
    torch.testing.assert_close(panel.weights, torch.eye(3)[:2], rtol=0, atol=0)  # of its dtype and device too
    assert not panel.weights.requires_grad


@pytest.mark.parametrize(
    ("source", "halvings", "labels"),
    [
        ("ABCDE", 1, ["AB", "CD", "E"]),
        ("ABCDE", 2, ["ABCD", "E"]),
        ("ABCDEF", 2, ["ABCD", "EF"]),
        ("ABCDEFGHI", 3, ["ABCDEFGH", "I"]),
        ("ABC", 3, ["ABC"]),
        ("A", 1, ["A"]),
        (["jump", "twice", "a"], 1, ["jump twice", "a"]),
    ],
)
def test_what_a_position_of_a_pyramid_has_read_is_its_label(
    source: str | list[str], halvings: int, labels: list[str]
) -> None:
    encoder = PyramidEncoder(2, 3, num_layers=halvings + 1)
    positions = encoder(torch.zeros(1, len(source), 2), torch.ones(1, len(source), dtype=torch.bool)).shape[1]
    assert of_sentence(weights(2, positions), source, ["x", "end"])[0].source == labels


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("$x^2$", "$x^2$"),
        ("a\nb", "a\\x0ab"),
        ("\0", "\\x00"),
        ("\u200fabc", "\\u200fabc"),
        ("\ud800", "\\ud800"),
        ("  ", "␣␣"),
        (" a", " a"),
        ("", ""),
        ("x" * 24, "x" * 24),
        ("x" * 10_000, "x" * 23 + "…"),
        ("\0" * 10_000, "\\x00" * 5 + "\\x0…"),
        (" " * 10_000, "␣" * 23 + "…"),
        ("t͡ʃ", "t͡ʃ"),
        ("می‌روم", "می‌روم"),
    ],
)
def test_a_label_is_one_short_line_in_which_everything_can_be_seen(label: str, shown: str) -> None:
    (panel,) = of_sentence(weights(1, 2), [label, "B"], [label], title=label)
    assert (panel.source[0], panel.target[0], panel.title) == (shown, shown, shown)


REFUSED: dict[str, tuple[Any, Any, Any, str]] = {
    "fewer steps": (weights(1, 3), "ABC", "xy", r"are \(1, 3\); 2 target and 3 source symbols make \(2, 3\)"),
    "no attention": (torch.zeros(2, 0), "ABC", "xy", r"are \(2, 0\); 2 target and 3 source symbols make \(2, 3\)"),
    "no head": (torch.zeros(2, 0, 3), "ABC", "xy", r"are \(2, 0, 3\); 2 target"),
    "no target": (weights(2, 3), "ABC", "", r"0 target and 3 source symbols make \(0, 3\)"),
    "no source": (weights(2, 3), "", "xy", r"2 target and 0 source symbols make \(2, 0\)"),
    "the other way around": (weights(5, 3), "ABCDE", "xyz", r"\(5, 3\); 3 target and 5 source .* make \(3, 5\)"),
    "and again": (weights(3, 5), "ABC", "uvxyz", r"\(3, 5\); 5 target and 3 source symbols make \(5, 3\)"),
    "a label too few": (
        weights(2, 3),
        "AB",
        "xy",
        r"\(2, 3\) and look behind the 2 source symbols; give a label for each",
    ),
    "a batch": (weights(7, 5, 2, 3), "ABC", "xy", r"\(7, 5, 2, 3\); one sentence .* list\(weights\)"),
    "a vector": (weights(3), "ABC", "xy", r"\(3,\); one sentence has \(T, S\) or \(T, K, S\)"),
    "energies": (torch.tensor([[-0.5, 2.0]]), "AB", "x", "reach from -0.5 to 2; attention lies between 0 and 1"),
    "a little too much": (torch.tensor([[0.0, 1.01]]), "AB", "x", "reach from 0 to 1.01; attention lies between 0 and"),
    "not a number": (torch.tensor([[float("nan"), 0.0]]), "AB", "x", "from nan to nan; attention lies between"),
    "nothing": ([], [], [], "there are no weights; give those of one sentence at least"),
    "no name": ({}, "AB", "x", "there are no weights; give those of one sentence at least"),
    "a source too few": (
        [weights(1, 2), weights(1, 2)],
        ["AB"],
        ["x", "y"],
        "weights of 2 sentences, 1 sources and 2 targets; give one source and one target for each",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_weights_and_labels_that_do_not_fit_are_refused(fault: str) -> None:
    given, source, target, message = REFUSED[fault]
    with pytest.raises(ValueError, match=message):
        panels(given, source, target)
