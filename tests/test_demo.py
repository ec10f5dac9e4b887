"""What the cipher command measures is what happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq_attn import Batch, Seq2Seq, cipher, demo, mermaid
from seq2seq_attn.cipher import ALPHABET

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
        rows = [text for batch in batches for text in ALPHABET.decode(batch.target, batch.target_mask)]
        kept["scored"], kept["model"] = rows, model
        return 0.25

    monkeypatch.setattr(cipher, "training_batches", spy_training)
    monkeypatch.setattr(demo, "exact_match", spy_score)
    measured = demo.run(out=tmp_path, **OPTIONS)
    assert len(kept["scored"]) == 20 and set(kept["scored"]) == kept["left out"]
    assert measured["exact_match"] == 0.25


def test_the_score_the_text_and_the_heatmap_are_those_of_the_model_that_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: dict[str, Any] = {}

    def spy(path: Path, weights: Tensor, source: str, target: list[str]) -> None:
        drawn.update(weights=weights, source=source, target=target)

    monkeypatch.setattr(demo.plot, "attention", spy)
    measured = demo.run(out=tmp_path, **OPTIONS)
    decoded = demo.decrypt(Seq2Seq.from_pretrained(tmp_path), "ABCD")
    assert measured["message"] == drawn["source"] == "ABCD"
    assert measured["decrypted"] == ALPHABET.decode(decoded.symbols, decoded.mask)[0]
    assert torch.equal(drawn["weights"], decoded.attn_weights[0])
    torch.testing.assert_close(drawn["weights"].sum(dim=1), torch.ones(len(drawn["target"])))
    printed = capsys.readouterr().out
    assert f"wrong: {cipher.decrypt('ABCD', 5)}" in printed and "right" not in printed


def test_what_is_right_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def oracle(model: Seq2Seq, text: str, device: str) -> Any:
        (symbols, mask) = ALPHABET.encode([cipher.decrypt(text, 5)], ended=True)
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
    assert measured["decrypted"] == ALPHABET.decode(decoded.symbols, decoded.mask)[0]
