from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import pytest
import torch
from models import OPTIONS, batch, config, edited, model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from seq2seq_attn import Seq2Seq, Wired, checkpoint, manifest
from seq2seq_attn.nodes import Embedding


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
    again, arguments = Seq2Seq.from_pretrained(folder), batch()
    assert again.config == other.config
    assert torch.equal(again(*arguments).output, other(*arguments).output)


def test_a_save_that_is_cut_off_between_its_files_can_be_mended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Seq2Seq.from_config(config(hidden_size=3)).eval()
    replace = os.replace

    def cut_off(new: Path, final: Path) -> None:
        if final.name == "config.json":
            raise KeyboardInterrupt
        replace(new, final)

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        other.save_pretrained(folder)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"A save was cut off between its two files: rename config.json.new to config"):
        Seq2Seq.from_pretrained(folder)
    (folder / "config.json.new").rename(folder / "config.json")
    arguments = batch()
    assert torch.equal(Seq2Seq.from_pretrained(folder)(*arguments).output, other(*arguments).output)


def test_each_file_is_written_beside_its_place_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    moved: list[str] = []

    def spy(new: Path, final: Path) -> None:
        moved.append(new.name)
        assert final.read_bytes() == before[final.name]

    monkeypatch.setattr(os, "replace", spy)
    Seq2Seq.from_config(config(hidden_size=3)).save_pretrained(folder)
    assert moved == ["model.safetensors.new", "config.json.new"]


def test_a_folder_that_cannot_be_written_is_an_os_error() -> None:
    with pytest.raises(OSError, match="/proc/model"):
        Seq2Seq.from_config(config()).save_pretrained("/proc/model")


@pytest.mark.parametrize("kind", [OSError, SafetensorError])
def test_a_save_that_fails_leaves_the_model_that_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise kind("No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match=r"cannot be written: .*No space left"):
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


def test_a_model_that_its_config_does_not_build_is_not_saved_as_another(tmp_path: Path) -> None:
    net = Seq2Seq.from_config(config())
    net.decoder.step = Wired(net.decoder.step.specification(), dict(net.decoder.step.named_children()))
    with pytest.raises(ValueError, match=r"decoder.step is Wired; the config builds Bahdanau there, another model"):
        net.save_pretrained(tmp_path)
    net = Seq2Seq.from_config(config())
    net.decoder.extra = torch.nn.Linear(2, 3)
    with pytest.raises(ValueError, match=r"decoder.extra is Linear; the config builds no module there"):
        net.save_pretrained(tmp_path)
    with pytest.raises(
        ValueError, match=r"would not load this model again: bridge.hidden.bias is \(7,\) torch.float64"
    ):
        Seq2Seq.from_config(config()).double().save_pretrained(tmp_path)
    net = Seq2Seq.from_config(config(source_vocabulary=19))
    net.decoder.embed_target = net.embed_source
    with pytest.raises(
        ValueError, match=r"embed_source.weight and decoder.embed_target.weight are one tensor, and would"
    ):
        net.save_pretrained(tmp_path)
    net = Seq2Seq.from_config(config())
    net.bridge.hidden.bias = torch.nn.Parameter(net.decoder.step.rnn.cell.bias_ih[:7].detach())  # a part of another
    with pytest.raises(ValueError, match=r"bridge.hidden.bias and decoder.step.rnn.cell.bias_ih are one tensor"):
        net.save_pretrained(tmp_path)
    net = Seq2Seq.from_config(config(**OPTIONS["tied"]))
    net.decoder.step.out.embedding = Embedding(19, 5)
    with pytest.raises(ValueError, match=r"decoder.embed_target is Embedding; the config builds no module there"):
        net.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


def test_tied_weights_are_saved_once_and_are_one_again_when_they_are_loaded(tmp_path: Path) -> None:
    net = Seq2Seq.from_config(config(**OPTIONS["tied"])).eval()
    one, other = "decoder.step.out.embedding.weight", "decoder.embed_target.weight"
    net.save_pretrained(tmp_path)
    assert net.state_dict().keys() - load_file(tmp_path / "model.safetensors").keys() == {other}
    assert {one, other} < net.state_dict().keys()
    again = Seq2Seq.from_pretrained(tmp_path)
    assert again.decoder.embed_target.weight is again.decoder.step.out.embedding.weight
    assert torch.equal(again.decoder.embed_target.weight, net.decoder.embed_target.weight)
    arguments = batch()
    for learner in (net, again):  # what one side learns the other has learnt
        learner.train().loss(*arguments).backward()
        torch.optim.SGD(learner.parameters(), lr=1.0).step()
    assert again.decoder.embed_target.weight is again.decoder.step.out.embedding.weight
    for name, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_an_encoder_that_is_not_the_configs_is_not_saved(tmp_path: Path) -> None:
    net = Seq2Seq.from_config(config())
    net.encoder = Seq2Seq.from_config(config(encoder="convolution", num_layers=2)).encoder
    with pytest.raises(ValueError, match=r"encoder is ConvolutionalEncoder; the config builds RNNEncoder there"):
        net.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_config_whose_picture_cannot_run_is_refused_with_its_file(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    for diagram, message in (
        ("mine.mmd", "no diagram is called 'mine.mmd'; there are appendix, bahdanau"),
        ("graph TD\n", "nothing makes"),
    ):
        (folder / "config.json").write_text(json.dumps(values | {"diagram": diagram}))
        with pytest.raises(ValueError, match=f"config.json: .*{message}"):
            Seq2Seq.from_pretrained(folder)


@pytest.mark.parametrize("size", [10**9, 10**15, 2**62, 10**30])
@pytest.mark.parametrize(
    "name",
    ["source_vocabulary", "target_vocabulary", "embedding_size", "hidden_size", "attention_size", "readout_size"],
)
def test_sizes_that_nobody_has_memory_for_are_refused_before_any_is_asked_for(
    folder: Path, name: str, size: int
) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {name: size}))
    with pytest.raises(ValueError, match=r"config\.json: |model\.safetensors does not fit config\.json: "):
        Seq2Seq.from_pretrained(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"num_layers": 10**9},
        {"diagram": edited("bahdanau", ("rnn[RNN]", "rnn[LSTM, 1000000000 layers]"))},
        {"diagram": edited("bahdanau", ("rnn[RNN]", f"rnn[LSTM, {'9' * 5000} layers]"))},
    ],
)
def test_more_layers_than_weights_are_refused_before_they_are_built(folder: Path, change: dict[str, int | str]) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | change))
    with pytest.raises(
        ValueError, match=r"config\.json: there are [\d,]+ layers or more, in model.safetensors only \d+ te"
    ):
        Seq2Seq.from_pretrained(folder)


def test_a_config_of_any_depth_is_refused_with_its_file(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 99999)
    with pytest.raises(ValueError, match=r"config\.json: maximum recursion depth"):
        Seq2Seq.from_pretrained(folder)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_neither_saved_nor_loaded(folder: Path, number: float) -> None:
    net = Seq2Seq.from_config(config())
    with torch.no_grad():
        net.bridge.hidden.bias[3] = number
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(
        ValueError, match=r"not load this model again: bridge\.hidden\.bias has numbers that are not fi"
    ):
        net.save_pretrained(folder)
    assert (folder / "model.safetensors").read_bytes() == before
    save_file(net.state_dict(), folder / "model.safetensors")
    with pytest.raises(
        ValueError, match=r"does not fit config\.json: bridge\.hidden\.bias has numbers that are not fini"
    ):
        Seq2Seq.from_pretrained(folder)


def test_a_checkpoint_of_a_run_is_not_overwritten(folder: Path) -> None:
    manifest.write(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(
        FileExistsError, match=r"has a manifest\.json: a checkpoint stays as it is; save into another folder"
    ):
        Seq2Seq.from_config(config(cell="LSTM")).save_pretrained(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_model_with_a_manifest_is_compared_with_it_first(folder: Path) -> None:
    manifest.write(folder)
    arguments = batch()
    before = Seq2Seq.from_pretrained(folder)(*arguments).output
    weights = load_file(folder / "model.safetensors")
    weights["bridge.hidden.bias"] += 1.0
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"is not what was written: model\.safetensors has another SHA-256"):
        Seq2Seq.from_pretrained(folder)
    (folder / "manifest.json").unlink()
    assert not torch.equal(Seq2Seq.from_pretrained(folder)(*arguments).output, before)


def test_of_a_run_the_best_checkpoint_is_read(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = tmp_path_factory.mktemp("run")
    best = Seq2Seq.from_config(config()).eval()
    for update, cost in ((1, 3.0), (2, 2.0), (3, None)):
        place = run / f"checkpoint-{update}"
        shutil.copytree(folder, place)
        if update == 2:
            best.save_pretrained(place)
        (place / "training.json").write_text(json.dumps({"cost": cost}))
        manifest.write(place)
    arguments = batch()
    assert torch.equal(Seq2Seq.from_pretrained(run)(*arguments).output, best(*arguments).output)
    (run / "checkpoint-2" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"checkpoint-2 is not what was written: config\.json has 2 bytes"):
        Seq2Seq.from_pretrained(run)


def test_no_byte_of_a_file_that_changes_is_an_error_of_another_kind(folder: Path) -> None:
    random = torch.Generator().manual_seed(0)
    for name in ("config.json", "model.safetensors"):
        data = (folder / name).read_bytes()
        end = min(len(data), 2000)  # of the weights: what describes them
        for place in torch.randint(end, (60,), generator=random).tolist():
            damaged = bytearray(data)
            damaged[place] = int(torch.randint(256, (1,), generator=random))
            (folder / name).write_bytes(damaged)
            try:
                Seq2Seq.from_pretrained(folder)
            except ValueError as error:
                assert str(folder) in str(error)
        (folder / name).write_bytes(data)


def test_a_device_that_is_not_there_is_not_called_damage(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="abacus"):
        Seq2Seq.from_pretrained(folder, device="abacus")
