from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from models import batch, config, model
from safetensors.torch import load_file, save_file

from seq2seq_attn import Seq2Seq, checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Seq2Seq.from_config(config()).save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_holds_a_readable_config_and_safetensors_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 7
    assert load_file(folder / "model.safetensors").keys() == Seq2Seq.from_config(config()).state_dict().keys()


def test_saving_again_replaces_what_was_there(folder: Path) -> None:
    other = Seq2Seq.from_config(config(cell="LSTM")).eval()
    other.save_pretrained(folder)
    assert torch.equal(Seq2Seq.from_pretrained(folder)(*batch()).output, other(*batch()).output.new_tensor(0)) is False
    assert Seq2Seq.from_pretrained(folder).config == other.config


def test_a_save_that_fails_leaves_the_model_that_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        Seq2Seq.from_config(config(cell="LSTM")).save_pretrained(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_not_there_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"holds no model: {name} is not there"):
        Seq2Seq.from_pretrained(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"config.json: Expecting"),
        ("[1]", r"config.json: an object is expected, not list"),
        ('{"hidden_size": 7}', r"config.json: keys of the config, missing: attention_size, bos"),
        ("{}", r"config.json: keys of the config, missing: "),
    ],
)
def test_a_config_that_is_none_is_refused_with_its_file(folder: Path, text: str, message: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        Seq2Seq.from_pretrained(folder)


def test_a_config_with_a_wrong_type_is_refused_with_its_file(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "hidden_size": "7"}))
    with pytest.raises(ValueError, match=r"config.json: hidden_size is '7'; it is of type int"):
        Seq2Seq.from_pretrained(folder)


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_damaged_weights_are_refused(folder: Path, cut: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"model.safetensors is damaged or no safetensors file"):
        Seq2Seq.from_pretrained(folder)


def test_a_pickle_is_refused(folder: Path) -> None:
    torch.save(model("gru").state_dict(), folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"model.safetensors is damaged or no safetensors file"):
        Seq2Seq.from_pretrained(folder)


def test_weights_that_do_not_fit_are_named_all_at_once(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["decoder.step.a.v.weight"]
    weights["decoder.step.b.v.weight"] = torch.zeros(1)
    weights["bridge.hidden.bias"] = torch.zeros(3)
    weights["bridge.hidden.weight"] = weights["bridge.hidden.weight"].double()
    save_file(weights, path)
    with pytest.raises(ValueError, match=r"does not fit config.json") as caught:
        Seq2Seq.from_pretrained(folder)
    for fault in (
        "decoder.step.a.v.weight is missing",
        "decoder.step.b.v.weight is unknown",
        "bridge.hidden.bias is (3,) torch.float32; the config makes it (7,) torch.float32",
        "bridge.hidden.weight is (7, 14) torch.float64; the config makes it (7, 14) torch.float32",
    ):
        assert fault in str(caught.value)
