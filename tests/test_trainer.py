"""A training that can be left alone."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seq2seq_attn import Batch, Config, Seq2Seq
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.runs import best, checkpoints, cost_of
from seq2seq_attn.training.journal import Journal, entries
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.trainer import Trainer
from seq2seq_attn.training.update import Update

WORDS = ["cab", "bad", "dab", "add", "bead", "fed", "cafe", "face", "deaf", "fab", "bee", "ace", "dead"]
TRAIN = Corpus.of([(word, " ".join(reversed(word))) for word in WORDS], "train")
DEV = Corpus.of([(word, " ".join(reversed(word))) for word in ("feed", "abc", "cede")], "dev")
BASE: dict[str, Any] = {"updates": 13, "max_tokens": 17, "evaluate_every": 5, "learning_rate": 0.01}
RECIPES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "averaged": {"average": 3, "keep": 3},
    "plateau, judged by decoding": {"schedule": "plateau", "metric": "exact_match", "evaluate_every": 2},
    "own symbols, smoothed": {"scheduled_sampling": 0.5, "label_smoothing": 0.1, "schedule": "cosine", "warmup": 3},
    "in pieces, decayed": {"accumulate": 2, "optimizer": "AdamW", "weight_decay": 0.1},
    "bfloat16": {"precision": "bfloat16"},
    "ends early": {"patience": 2, "learning_rate": 0.0, "evaluate_every": 4},
    "few, short": {"batch_size": 3, "max_length": 4},
}


def trainer(run: Path, *, hidden_size: int = 7, **options: Any) -> Trainer:
    vocabularies = Vocabularies.of(TRAIN)
    torch.manual_seed(3)
    config = Config(
        **vocabularies.sizes(),
        embedding_size=3,
        hidden_size=hidden_size,
        attention_size=5,
        readout_size=2,
        dropout=0.3,
    )
    return Trainer(Seq2Seq.from_config(config), vocabularies, Recipe(**(BASE | options)), run)


def stopped_after(update: int, monkeypatch: pytest.MonkeyPatch, number: signal.Signals = signal.SIGTERM) -> None:
    """Let the signal come while that update is trained."""
    trained = Journal.trained

    def trained_and_told(journal: Journal, now: int, **others: Any) -> None:
        trained(journal, now, **others)
        if now == update - 1:
            signal.raise_signal(number)

    monkeypatch.setattr(Journal, "trained", trained_and_told)


def files(checkpoint: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in checkpoint.iterdir()}


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Of each recipe a training that was never stopped."""
    folder = tmp_path_factory.mktemp("wholes")

    def whole(name: str) -> Path:
        if not (folder / name).exists():
            assert trainer(folder / name, **RECIPES[name]).fit(TRAIN, DEV) == 0
        return folder / name

    return whole


@pytest.mark.parametrize("update", [2, 7, 10])
@pytest.mark.parametrize("name", RECIPES)
def test_stopped_and_resumed_is_never_stopped_bit_for_bit(
    name: str, update: int, wholes: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = wholes(name), tmp_path / "cut"
    with monkeypatch.context() as patch:
        stopped_after(update, patch)
        assert trainer(cut, **RECIPES[name]).fit(TRAIN, DEV) == 143
    assert checkpoints(cut)[-1].name == f"checkpoint-{update}"
    assert trainer(cut, **RECIPES[name]).fit(TRAIN, DEV, resume=True) == 0
    assert [path.name for path in checkpoints(cut)] == [path.name for path in checkpoints(whole)]
    for one, other in zip(checkpoints(whole), checkpoints(cut), strict=True):
        assert files(one) == files(other)
    assert entries(whole) == entries(cut)


def test_ctrl_c_lets_the_update_end_and_ends_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_after(4, monkeypatch, signal.SIGINT)
    assert trainer(tmp_path).fit(TRAIN, DEV) == 130
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-4"]


def test_a_checkpoint_is_a_model_with_its_vocabularies(tmp_path: Path) -> None:
    made = trainer(tmp_path)
    made.fit(TRAIN, DEV)
    (last,) = [path for path in checkpoints(tmp_path) if path.name == "checkpoint-13"]
    loaded = Seq2Seq.from_pretrained(last)
    for name, weight in made.model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)
    assert Vocabularies.load(last) == made.vocabularies


def test_the_model_of_a_run_is_its_best_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([4.0, 1.0, 3.0, 2.0])
    monkeypatch.setattr("seq2seq_attn.training.trainer.dev_scores", lambda *given: {"loss": next(losses)})
    trainer(tmp_path, keep=9, evaluate_every=2, updates=8).fit(TRAIN, DEV)
    chosen, own = Seq2Seq.from_pretrained(tmp_path), Seq2Seq.from_pretrained(tmp_path / "checkpoint-4")
    for name, weight in own.state_dict().items():
        assert torch.equal(chosen.state_dict()[name], weight)


def test_the_average_is_that_of_the_weights_at_the_last_checkpoints(tmp_path: Path) -> None:
    plain, averaged = tmp_path / "plain", tmp_path / "averaged"
    trainer(plain, keep=9).fit(TRAIN, DEV)
    trainer(averaged, keep=9, average=2).fit(TRAIN, DEV)
    each = [Seq2Seq.from_pretrained(path).state_dict() for path in checkpoints(plain)]
    means = [Seq2Seq.from_pretrained(path).state_dict() for path in checkpoints(averaged)]
    for name, mean in means[0].items():
        assert torch.equal(mean, each[0][name])
    for before, after, mean in zip(each, each[1:], means[1:], strict=False):
        for name in mean:
            torch.testing.assert_close(mean[name], (before[name] + after[name]) / 2)


def test_training_ends_when_dev_scores_are_no_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trainer(tmp_path, updates=99, evaluate_every=1, patience=2, learning_rate=0.0).fit(TRAIN, DEV) == 0
    assert max(entry["update"] for entry in entries(tmp_path)) == 3
    assert "2 evaluations without a better one: done" in capsys.readouterr().err


def test_a_run_that_has_ended_does_not_go_on(tmp_path: Path) -> None:
    early: dict[str, Any] = {"updates": 99, "evaluate_every": 1, "patience": 2, "learning_rate": 0.0}
    for options in (early, {}):
        run = tmp_path / str(len(options))
        trainer(run, **options).fit(TRAIN, DEV)
        before = entries(run)
        assert trainer(run, **options).fit(TRAIN, DEV, resume=True) == 0
        assert entries(run) == before


def test_a_dev_loss_that_is_not_finite_is_no_score_and_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([1.0, math.nan, math.inf, 2.0])
    monkeypatch.setattr("seq2seq_attn.training.trainer.dev_scores", lambda *given: {"loss": next(losses)})
    assert trainer(tmp_path, updates=20, keep=9).fit(TRAIN, DEV) == 0
    assert [entry["dev"]["loss"] for entry in entries(tmp_path) if "dev" in entry] == [1.0, None, None, 2.0]
    assert [cost_of(path) for path in checkpoints(tmp_path)] == [1.0, 2.0]
    assert best(tmp_path).name == "checkpoint-5"


def test_a_damaged_checkpoint_is_named_and_left_out_of_the_average(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"average": 3, "keep": 3, "evaluate_every": 4}
    trainer(tmp_path / "whole", **options).fit(TRAIN, DEV)
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    for name in ("checkpoint-4", "checkpoint-12", "checkpoint-13"):
        shutil.rmtree(tmp_path / "run" / name, ignore_errors=True)
    trainer(tmp_path / "run", **(options | {"updates": 11})).fit(TRAIN, DEV, resume=True)
    spoilt = tmp_path / "run" / "checkpoint-8" / "training.safetensors"
    spoilt.write_bytes(spoilt.read_bytes()[:-4] + b"\0\0\x80\x7f")
    trainer(tmp_path / "run", **options).fit(TRAIN, DEV, resume=True)
    assert re.search(r"checkpoint-8 is not what was written.*; it is not in the average", capsys.readouterr().err)
    last, before = (load_file(tmp_path / "run" / f"checkpoint-{n}" / "training.safetensors") for n in (12, 11))
    for name, weight in Seq2Seq.from_pretrained(tmp_path / "run" / "checkpoint-12").state_dict().items():
        torch.testing.assert_close(weight, (last[f"weights.{name}"] + before[f"weights.{name}"]) / 2)


@pytest.mark.parametrize("sizes", [None, {"target_vocabulary": 60}])
def test_a_model_that_cannot_be_saved_or_not_with_these_vocabularies_is_refused(
    sizes: dict[str, int] | None, tmp_path: Path
) -> None:
    vocabularies = Vocabularies.of(TRAIN)
    given = vocabularies.sizes() | (sizes or {})
    config = Config(**given, embedding_size=3, hidden_size=7, attention_size=5, readout_size=2)
    model = Seq2Seq.from_config(config)
    if not sizes:
        model.config = None
    message = "the model was built for .*60" if sizes else "a model without a config cannot be saved"
    with pytest.raises(ValueError, match=message):
        Trainer(model, vocabularies, Recipe(**BASE), tmp_path)


def test_batches_are_trained_with_the_longest_targets_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    run = Update.run

    def spied(update: Update, batch: Batch, *given: Any, **options: Any) -> Any:
        seen.append(batch.target_mask.sum(dim=1).tolist())
        return run(update, batch, *given, **options)

    monkeypatch.setattr(Update, "run", spied)
    trainer(tmp_path, max_tokens=99).fit(TRAIN, DEV)
    assert any(len(set(lengths)) > 1 for lengths in seen)
    assert all(lengths == sorted(lengths, reverse=True) for lengths in seen)


def test_it_learns(tmp_path: Path) -> None:
    trainer(tmp_path, updates=100, evaluate_every=100, learning_rate=0.03).fit(TRAIN, DEV)
    losses = [entry["nll"] for entry in entries(tmp_path) if "nll" in entry]
    assert sum(losses[-10:]) / 10 < losses[0] * 0.7


def test_the_log_has_what_was_left_out_and_every_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer(tmp_path, max_length=3).fit(TRAIN, DEV)
    assert "5 of 13 pairs are longer than 3: left out" in capsys.readouterr().err
    found = [entry for entry in entries(tmp_path) if "loss" in entry]
    assert [entry["update"] for entry in found] == list(range(1, 14))
    assert all(entry["applied"] and entry["rate"] == 0.01 and entry["symbols"] > 0 for entry in found)


def test_a_run_that_is_there_is_not_begun_again(tmp_path: Path) -> None:
    trainer(tmp_path).fit(TRAIN, DEV)
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path))} holds a run already; go on with it by --resume"):
        trainer(tmp_path).fit(TRAIN, DEV)


def test_a_run_goes_on_only_as_it_began(tmp_path: Path) -> None:
    trainer(tmp_path).fit(TRAIN, DEV)
    with pytest.raises(ValueError, match=r"learning_rate is 0\.02, and 0\.01 in .*: a run goes on as it began"):
        trainer(tmp_path, learning_rate=0.02).fit(TRAIN, DEV, resume=True)
    with pytest.raises(ValueError, match=r"the train data are not those that .* began with"):
        trainer(tmp_path).fit(DEV, DEV, resume=True)
    with pytest.raises(ValueError, match=r"the dev data are not those that .* began with"):
        trainer(tmp_path).fit(TRAIN, TRAIN, resume=True)
    with pytest.raises(ValueError, match="is of another model; give its options"):
        trainer(tmp_path, hidden_size=11).fit(TRAIN, DEV, resume=True)
    others: dict[str, Any] = {"updates": 15, "patience": 9, "keep": 2, "accumulate": 2}
    assert trainer(tmp_path, **others).fit(TRAIN, DEV, resume=True) == 0
    assert checkpoints(tmp_path)[-1].name == "checkpoint-15"


@pytest.mark.parametrize("name", ["training.json", "training.safetensors", "model.safetensors", "config.json"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_is_gone_on_from(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer(tmp_path / "run", keep=2, average=2).fit(TRAIN, DEV)
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    path = tmp_path / "other" / "checkpoint-13" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert trainer(tmp_path / "other", keep=2, average=2).fit(TRAIN, DEV, resume=True) == 0
    assert re.search(rf"checkpoint-13 is not what was written: {name}", capsys.readouterr().err)
    assert files(tmp_path / "other" / "checkpoint-13") == files(tmp_path / "run" / "checkpoint-13")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.pop("recipe"), r"training\.json is damaged: KeyError: 'recipe'"),
        (lambda kept: kept.update(format=2), r"format 2; this version reads 1"),
        (lambda kept: kept["place"].update(epochs=2), "damaged: TypeError"),
    ],
)
def test_a_state_that_is_none_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    from seq2seq_attn import manifest

    trainer(tmp_path).fit(TRAIN, DEV)
    last = checkpoints(tmp_path)[-1]
    kept = json.loads((last / "training.json").read_text())
    change(kept)
    (last / "training.json").write_text(json.dumps(kept))
    manifest.write(last)
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path).fit(TRAIN, DEV, resume=True)
