"""What the cipher command measures is what happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq_attn import Batch, Seq2Seq, cipher, cli, demo, mermaid
from seq2seq_attn.cipher import VOCABULARIES

OPTIONS: dict[str, Any] = {
    "key": 5,
    "message": "ABCD",
    "seed": 3,
    "device": "cpu",
    "steps": 3,
    "batch_size": 4,
    "learning_rate": 0.01,
    "max_length": 5,
    "held_out": 20,
}
SIZES: dict[str, Any] = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
OPTIONS["config"] = cipher.config(**SIZES)
CONFIGS = {
    "no_attention": cipher.config("no_attention", **SIZES),
    "multihead": cipher.config("multihead", **SIZES | {"hidden_size": 6, "attention_size": 8}),
    "pointer_generator": cipher.config("pointer_generator", **SIZES),
    "pyramid": cipher.config(encoder="pyramid", num_layers=2, **SIZES),
    "its text": cipher.config(mermaid.shipped()["luong"].replace("[general]", "[concat]"), **SIZES),
}


def test_what_is_scored_was_held_out_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}
    make = cipher.training_batches

    def spy_training(*args: Any, **kwargs: Any) -> Iterator[Batch]:
        kept["left out"] = kwargs["held_out"]
        return make(*args, **kwargs)

    def spy_score(model: Seq2Seq, batches: Iterator[Batch]) -> float:
        rows = [text for batch in batches for text in VOCABULARIES.decode(batch.target, batch.target_mask)]
        kept["scored"], kept["model"] = rows, model
        return 0.25

    monkeypatch.setattr(cipher, "training_batches", spy_training)
    monkeypatch.setattr(demo, "exact_match", spy_score)
    measured = demo.run(out=tmp_path, loop="scheduled", **OPTIONS)
    assert len(kept["scored"]) == 20 and set(kept["scored"]) == kept["left out"]
    assert measured["exact_match"] == 0.25
    assert kept["model"].loop == "scheduled"


def test_the_score_the_text_and_the_heatmap_are_those_of_the_model_that_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: dict[str, Any] = {}

    def spy(path: Path, weights: Tensor, source: str, target: list[str]) -> None:
        drawn.update(weights=weights, source=source, target=target)

    monkeypatch.setattr(demo.plots, "plot_attention", spy)
    measured = demo.run(out=tmp_path, **OPTIONS)
    decoded = demo.decrypt(Seq2Seq.from_pretrained(tmp_path), "ABCD")
    assert measured["message"] == drawn["source"] == "ABCD"
    assert measured["decrypted"] == VOCABULARIES.decode(decoded.symbols, decoded.mask)[0]
    assert torch.equal(drawn["weights"], decoded.attn_weights[0])
    torch.testing.assert_close(drawn["weights"].sum(dim=1), torch.ones(len(drawn["target"])))
    printed = capsys.readouterr().out
    assert f"wrong: {cipher.decrypt('ABCD', 5)}" in printed and "right" not in printed


def test_what_is_right_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def oracle(model: Seq2Seq, text: str, device: str) -> Any:
        symbols, mask = cipher.encrypted_batch([cipher.decrypt(text, 5)], 5)[2:]
        return demo.Decoded(symbols, mask, torch.zeros(1), torch.zeros(1, symbols.shape[1], len(text)))

    monkeypatch.setattr(demo, "decrypt", oracle)
    assert demo.run(out=tmp_path, **OPTIONS)["decrypted"] == cipher.decrypt("ABCD", 5)
    assert capsys.readouterr().out.count("  right\n") == 2


def test_only_what_was_written_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    demo.run(out=tmp_path, **OPTIONS)
    names = capsys.readouterr().out.splitlines()[-1].split(": ")[1].split(", ")
    assert sorted([*names, "mine.txt"]) == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_model_is_trained_scored_drawn_and_saved(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = demo.run(out=tmp_path, **OPTIONS | {"config": CONFIGS[name]})
    names = capsys.readouterr().out.splitlines()[-1].split(": ")[1].split(", ")
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert ("attention.png" in names) == (name != "no_attention")
    again = Seq2Seq.from_pretrained(tmp_path)
    assert again.config == CONFIGS[name]
    assert mermaid.load(tmp_path / "diagram.mmd") == again.specification() == again.trace()
    decoded = demo.decrypt(again, "ABCD")
    assert measured["decrypted"] == VOCABULARIES.decode(decoded.symbols, decoded.mask)[0]


def test_the_animation_shows_the_message_with_its_true_plain_text_from_before_the_first_step_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}

    def spy(path: Path, frames: list[tuple[str, Tensor]], source: str, target: list[str]) -> None:
        drawn.update(name=path.name, frames=frames, source=source, target=target)

    monkeypatch.setattr(demo.plots, "animate_attention", spy)
    demo.run(out=tmp_path, **OPTIONS, animate=True)
    plain = cipher.decrypt("ABCD", 5)
    assert (drawn["name"], drawn["source"], drawn["target"]) == ("attention.gif", "ABCD", [*plain, "end"])
    assert [title for title, _ in drawn["frames"]] == [f"step {step} of 3" for step in range(4)]
    with torch.no_grad():
        values = Seq2Seq.from_pretrained(tmp_path).eval()(*cipher.encrypted_batch([plain], 5))
    weights = [weights for _, weights in drawn["frames"]]
    torch.testing.assert_close(weights[-1], values.attn_weights[0])
    assert all((one - other).abs().max() > 1e-6 for one, other in itertools.pairwise(weights))


def test_an_animation_of_many_steps_has_24_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(demo.plots, "animate_attention", lambda path, frames, *labels: titles.extend(dict(frames)))
    demo.run(out=tmp_path, **OPTIONS | {"steps": 50, "batch_size": 1}, animate=True)
    assert len(titles) == 24 and titles[0] == "step 0 of 50" and titles[-1] == "step 50 of 50"


@pytest.mark.parametrize("name", ["multihead", "no_attention"])
def test_an_animation_changes_nothing_else(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = cipher.config(name, dropout=0.5, **SIZES | {"hidden_size": 6, "attention_size": 8})
    measured, said = [], []
    for animate in (False, True):
        result = demo.run(out=tmp_path / str(animate), **OPTIONS | {"config": config}, animate=animate)
        measured.append({key: value for key, value in result.items() if key != "training_seconds"})
        said.append({*capsys.readouterr().out.splitlines()[-1].split(": ")[1].split(", ")})
    assert measured[0] == measured[1]
    assert said[1] - said[0] == ({"attention.gif"} if name == "multihead" else set())
    for file in said[0] - {"measured.json"}:
        assert (tmp_path / "True" / file).read_bytes() == (tmp_path / "False" / file).read_bytes()
    assert {path.name for path in (tmp_path / "True").iterdir()} == said[1]


def test_the_command_writes_the_animation_if_it_is_asked_to(tmp_path: Path) -> None:
    small = ["--steps", "2", "--held-out", "20", "--max-length", "5", "--batch-size", "4", "--hidden-size", "8"]
    small += ["--message", "AB"]
    for option in ([], ["--animate"]):
        assert cli.main(["cipher", *small, *option, "--out", str(tmp_path)]) == 0
        assert (tmp_path / "attention.gif").exists() == bool(option)
