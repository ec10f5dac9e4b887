"""What TensorBoard is told, read back by TensorBoard itself."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seq2seq_attn import Config, Corpus, Recipe, Seq2Seq, Trainer, Vocabularies
from seq2seq_attn.training.board import FOLDER, Board
from seq2seq_attn.training.journal import entries

WORDS = ["cab", "bad", "dab", "add", "bead", "fed", "cafe"]
TRAIN = Corpus.of([(word, " ".join(word)) for word in WORDS], "train")
DEV = Corpus.of([("bead", "b e a d")], "dev")


def trainer(run: Path, updates: int, diagram: str = "bahdanau") -> Trainer:
    vocabularies = Vocabularies.of(TRAIN)
    torch.manual_seed(3)
    sizes = {"embedding_size": 11, "hidden_size": 13, "attention_size": 7, "readout_size": 5}
    model = Seq2Seq.from_diagram(diagram, Config(**vocabularies.sizes(), **sizes))
    recipe = Recipe(updates=updates, evaluate_every=3, learning_rate=0.01, metric="exact_match")
    return Trainer(model, vocabularies, recipe, run)


def told(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run / FOLDER))
    found.Reload()
    return found


def scalars(found: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(name)]


def test_each_update_and_evaluation_is_as_in_the_log_also_when_a_run_goes_on(tmp_path: Path) -> None:
    trainer(tmp_path, 4).fit(TRAIN, DEV, tensorboard=True)
    trainer(tmp_path, 6).fit(TRAIN, DEV, resume=True, tensorboard=True)
    found, log = told(tmp_path), entries(tmp_path)
    updates = {entry["update"]: entry for entry in log if "loss" in entry}
    for name in ("loss", "nll", "norm", "rate", "symbols"):
        assert scalars(found, f"train/{name}") == [
            (update, pytest.approx(entry[name], rel=1e-6)) for update, entry in updates.items()
        ]
    scores = {entry["update"]: entry["dev"] for entry in log if "dev" in entry}
    assert [*scores] == [3, 4, 6]
    for name in ("loss", "exact_match"):
        assert scalars(found, f"dev/{name}") == [
            (update, pytest.approx(values[name], rel=1e-6)) for update, values in scores.items()
        ]


def test_attention_is_drawn_at_each_evaluation(tmp_path: Path) -> None:
    trainer(tmp_path, 6).fit(TRAIN, TRAIN, tensorboard=True)
    found = told(tmp_path)
    names = found.Tags()["images"]
    assert names == [f"attention/{number}" for number in range(1, 6)]
    for name in names:
        pictures = found.Images(name)
        assert [picture.step for picture in pictures] == [3, 6]
        assert all(picture.width > 100 and picture.encoded_image_string.startswith(b"\x89PNG") for picture in pictures)


def test_a_model_without_attention_has_no_pictures(tmp_path: Path) -> None:
    trainer(tmp_path, 3, "no_attention").fit(TRAIN, TRAIN, tensorboard=True)
    assert told(tmp_path).Tags()["images"] == []


def test_training_is_the_same_with_it_and_without(tmp_path: Path) -> None:
    for name in ("with", "without"):
        trainer(tmp_path / name, 4).fit(TRAIN, DEV, tensorboard=name == "with")
    one, two = (tmp_path / name / "checkpoint-4" / "training.safetensors" for name in ("with", "without"))
    assert one.read_bytes() == two.read_bytes()
    assert not (tmp_path / "without" / FOLDER).exists()


def test_what_is_not_finite_leaves_a_gap(tmp_path: Path) -> None:
    with Board(tmp_path, Vocabularies.of(TRAIN), []) as board:
        for update, loss in enumerate([1.0, math.nan, math.inf, 2.0]):
            board.trained(update, {"loss": loss})
    assert scalars(told(tmp_path), "train/loss") == [(0, 1.0), (3, 2.0)]


def test_letters_that_no_font_has_are_said_in_place_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise ValueError("no font here has U+10FFFF")

    monkeypatch.setattr("seq2seq_attn.plots.plot_attention", refuse)
    trainer(tmp_path, 3).fit(TRAIN, TRAIN, tensorboard=True)
    found = told(tmp_path)
    assert found.Tags()["images"] == []
    assert b"U+10FFFF" in found.Tensors("attention/1/text_summary")[0].tensor_proto.string_val[0]


def test_without_the_extra_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"missing: pip install 'seq2seq_attn\[train,tensorboard\]'"):
        Board(tmp_path, Vocabularies.of(TRAIN), [])
