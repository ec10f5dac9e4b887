from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, config
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq
from seq2seq_attn.training.state import pack, unpack

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "Adam": {"fused": True},
    "AdamW": {"amsgrad": True, "weight_decay": 0.1},
    "SGD": {},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adagrad": {},
    "NAdam": {},
    "ASGD": {},
    "Adafactor": {},
}


def begun(name: str = "Adam", options: str = "gru", steps: int = 3) -> tuple[Seq2Seq, torch.optim.Optimizer]:
    """A model that has been trained for some steps, always the same, and what trained it."""
    torch.manual_seed(7)
    net = Seq2Seq.from_config(config(**OPTIONS[options]))
    optimizer = getattr(torch.optim, name)(net.parameters(), lr=0.01, **OPTIMIZERS[name])
    for _ in range(steps):
        step(net, optimizer, options)
    return net, optimizer


def step(net: Seq2Seq, optimizer: torch.optim.Optimizer, options: str = "gru") -> None:
    torch.manual_seed(11)
    optimizer.zero_grad()
    net.loss(*batch(options)).backward()
    optimizer.step()


def states(optimizer: torch.optim.Optimizer) -> list[dict[str, Tensor]]:
    """Of each parameter, in order, a copy of what is remembered."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [{what: value.clone() for what, value in optimizer.state.get(one, {}).items()} for one in parameters]


def same(found: list[dict[str, Tensor]], expected: list[dict[str, Tensor]]) -> bool:
    return len(found) == len(expected) and all(
        one.keys() == other.keys()
        and all(one[what].dtype == other[what].dtype and torch.equal(one[what], other[what]) for what in one)
        for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("options", ["gru", "tied", "transformer"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_from_a_file_bit_for_bit(tmp_path: Path, name: str, options: str) -> None:
    net, optimizer = begun(name, options)
    save_file(pack(net, optimizer), tmp_path / "state")
    again, fresh = begun(name, options, steps=0)
    again.load_state_dict(net.state_dict())
    unpack(again, fresh, load_file(tmp_path / "state"))
    assert same(states(fresh), states(optimizer))
    for each in ((net, optimizer), (again, fresh)):
        step(*each, options)
    assert same(states(fresh), states(optimizer))
    for key, value in net.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


def test_entries_are_called_as_parameters_are_and_a_tied_one_is_there_once() -> None:
    net, optimizer = begun(options="tied")
    names = [name for name, _ in net.named_parameters()]
    tensors = pack(net, optimizer)
    expected = {f"optimizer.{what}.{name}" for what in ("step", "exp_avg", "exp_avg_sq") for name in names}
    assert tensors.keys() == expected and len(names) == len([*net.parameters()])
    for name, parameter in net.named_parameters():
        assert torch.equal(tensors[f"optimizer.exp_avg.{name}"], optimizer.state[parameter]["exp_avg"]), name


def test_several_groups_of_parameters_in_any_order_keep_their_own() -> None:
    def grouped(net: nn.Module) -> torch.optim.Optimizer:
        first, *others = net.parameters()
        return torch.optim.Adam([{"params": others[::-1]}, {"params": [first], "lr": 0.5}])

    net, _ = begun(steps=0)
    optimizer, fresh = grouped(net), grouped(net)
    step(net, optimizer)
    unpack(net, fresh, pack(net, optimizer))
    assert same(states(fresh), states(optimizer))


def test_a_parameter_without_a_gradient_is_still_without_a_state_afterwards(tmp_path: Path) -> None:
    net, optimizer = begun(steps=0)
    unused = net.bridge.hidden.bias
    net.loss(*batch()).backward()
    unused.grad = None
    optimizer.step()
    save_file(pack(net, optimizer), tmp_path / "state")
    tensors = load_file(tmp_path / "state")
    assert [name for name in tensors if "untouched" in name] == ["optimizer.untouched.bridge.hidden.bias"]
    again, fresh = begun(steps=2)
    unpack(again, fresh, tensors)
    assert same(states(fresh), states(optimizer))
    assert not fresh.state[again.bridge.hidden.bias]


def test_an_optimiser_that_has_done_nothing_can_be_saved(tmp_path: Path) -> None:
    net, optimizer = begun(steps=0)
    save_file(pack(net, optimizer), tmp_path / "state")
    again, used = begun()
    unpack(again, used, load_file(tmp_path / "state"))
    assert same(states(used), states(optimizer))


def test_what_is_unpacked_is_not_shared() -> None:
    net, optimizer = begun()
    again, fresh = begun(steps=0)
    unpack(again, fresh, pack(net, optimizer))
    before = states(fresh)
    step(net, optimizer)
    assert same(states(fresh), before)


def test_neither_way_changes_a_weight_or_uses_a_random_number() -> None:
    net, optimizer = begun()
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    before, random = states(optimizer), torch.get_rng_state()
    unpack(net, optimizer, pack(net, optimizer))
    assert same(states(optimizer), before) and torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


BIAS = "bridge.hidden.bias"
FAULTS: dict[str, tuple[dict[str, Tensor | None], str]] = {
    "missing": ({f"optimizer.exp_avg.{BIAS}": None}, rf"optimizer\.exp_avg\.{BIAS} is missing"),
    "a parameter is missing": (
        {f"optimizer.{what}.{BIAS}": None for what in ("step", "exp_avg", "exp_avg_sq")},
        rf"exp_avg\.{BIAS} is missing; optimizer\.exp_avg_sq\.{BIAS} is missing; optimizer\.step\.{BIAS} is missing",
    ),
    "unknown parameter": ({"optimizer.exp_avg.x": torch.zeros(7)}, r"optimizer\.exp_avg\.x is unknown"),
    "unknown state": ({f"optimizer.mean.{BIAS}": torch.zeros(7)}, rf"optimizer\.mean\.{BIAS} is unknown"),
    "unknown": ({BIAS: torch.zeros(7)}, rf"{BIAS} is unknown"),
    "untouched with a state": (
        {f"optimizer.untouched.{BIAS}": torch.empty(0)},
        rf"optimizer\.exp_avg\.{BIAS} is unknown",
    ),
    "shape": (
        {f"optimizer.exp_avg.{BIAS}": torch.zeros(5)},
        rf"optimizer\.exp_avg\.{BIAS} is \(5,\) torch\.float32; the config makes it \(7,\) torch\.float32",
    ),
    "shape of a number": ({f"optimizer.step.{BIAS}": torch.ones(1)}, rf"optimizer\.step\.{BIAS} is \(1,\)"),
    "type": (
        {f"optimizer.exp_avg.{BIAS}": torch.zeros(7, dtype=torch.bfloat16)},
        rf"optimizer\.exp_avg\.{BIAS} is \(7,\) torch\.bfloat16; the config makes it \(7,\) torch\.float32",
    ),
    "nan": (
        {f"optimizer.exp_avg.{BIAS}": torch.tensor([0, 0, math.nan, 0, 0, 0, 0])},
        rf"{BIAS} has numbers that are not finite",
    ),
    "infinite": (
        {f"optimizer.step.{BIAS}": torch.tensor(math.inf)},
        rf"optimizer\.step\.{BIAS} has numbers that are not finite",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_and_nothing_is_changed(fault: str) -> None:
    changes, message = FAULTS[fault]
    tensors = pack(*begun())
    net, optimizer = begun(steps=2)
    before = states(optimizer)
    changed = {name: value for name, value in (tensors | changes).items() if value is not None}
    with pytest.raises(ValueError, match=r"this is not the state of this optimiser: .*" + message):
        unpack(net, optimizer, changed)
    assert same(states(optimizer), before)


def test_the_state_of_another_optimiser_is_refused() -> None:
    net, optimizer = begun("Adam")
    for name in ("RMSprop", "SGD"):
        with pytest.raises(ValueError, match=rf"this is not the state of this optimiser: .*exp_avg\.{BIAS} is unknown"):
            unpack(*begun(name, steps=0), pack(net, optimizer))


def test_a_state_that_is_not_finite_is_not_saved() -> None:
    net, optimizer = begun()
    optimizer.state[net.bridge.hidden.bias]["exp_avg_sq"][3] = math.inf
    message = rf"cannot be saved: optimizer\.exp_avg_sq\.{BIAS} has numbers that are not finite"
    with pytest.raises(ValueError, match=message):
        pack(net, optimizer)


def test_a_parameter_that_is_not_the_models_is_refused() -> None:
    other = torch.optim.Adam([nn.Parameter(torch.zeros(2, 3))])
    with pytest.raises(ValueError, match=r"trains parameters of shapes \[\(2, 3\)\] that the model does not have"):
        pack(begun()[0], other)


def test_a_state_that_is_no_tensor_is_refused() -> None:
    net, optimizer = begun("Adam")
    optimizer.state[net.bridge.hidden.bias]["step"] = 3
    with pytest.raises(TypeError, match=rf"Adam keeps step, of type int, for {BIAS}; only tensors can be saved"):
        pack(net, optimizer)
