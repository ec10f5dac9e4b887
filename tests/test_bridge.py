from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq_attn.bridge import Bridge
from seq2seq_attn.mask import length_mask
from seq2seq_attn.nodes import LayeredState, LayeredStep, Layers, LSTMState

MEMORY = torch.randn(3, 5, 6, dtype=torch.float64)  # two directions of 3
LENGTHS = (5, 1, 3)
MASK = length_mask(torch.tensor(LENGTHS))


def remembered(reads: str, bidirectional: bool) -> Tensor:
    """r, row by row."""
    rows = []
    for memory, length in zip(MEMORY, LENGTHS, strict=True):
        if reads == "mean":
            rows.append(sum(memory[:length]) / length)
        elif reads == "backward":
            rows.append(memory[0, 3:])
        else:
            rows.append(torch.cat([memory[length - 1, :3], memory[0, 3:]]) if bidirectional else memory[length - 1])
    return torch.stack(rows)


READS = [("final", True), ("final", False), ("backward", True), ("mean", True), ("mean", False)]


@pytest.mark.parametrize("cell", ["GRU", "Elman"])
@pytest.mark.parametrize(("reads", "bidirectional"), READS)
def test_the_first_state_is_a_layer_of_what_is_read(reads: Any, bidirectional: bool, cell: Any) -> None:
    bridge = Bridge(6, 7, cell=cell, reads=reads, bidirectional=bidirectional).double()
    expected = torch.tanh(remembered(reads, bidirectional) @ bridge.hidden.weight.T + bridge.hidden.bias)
    torch.testing.assert_close(bridge(MEMORY, MASK), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("reads", "bidirectional"), READS)
def test_an_lstm_gets_a_cell_of_its_own_without_tanh(reads: Any, bidirectional: bool) -> None:
    bridge = Bridge(6, 7, cell="LSTM", reads=reads, bidirectional=bidirectional).double()
    state = bridge(10 * MEMORY, MASK)
    read = 10 * remembered(reads, bidirectional)
    torch.testing.assert_close(state.hidden, torch.tanh(read @ bridge.hidden.weight.T + bridge.hidden.bias))
    torch.testing.assert_close(state.cell, read @ bridge.cell.weight.T + bridge.cell.bias)
    assert state.cell.abs().max() > 1 >= state.hidden.abs().max()


@pytest.mark.parametrize(("num_layers", "layered"), [(1, True), (2, False), (3, True)])
@pytest.mark.parametrize("cell", ["GRU", "LSTM", "Elman"])
def test_every_layer_gets_a_projection_of_its_own(cell: Any, num_layers: int, layered: bool) -> None:
    bridge = Bridge(6, 7, cell=cell, num_layers=num_layers, layered=layered).double()
    output, layers, noise = bridge(MEMORY, MASK)
    assert (len(layers), noise) == (num_layers, Layers())
    for number, state in enumerate(layers):
        single, own = Bridge(6, 7, cell=cell).double(), slice(7 * number, 7 * (number + 1))
        with torch.no_grad():
            for part, whole in ((single.hidden, bridge.hidden), (single.cell, bridge.cell)):
                if part is not None and whole is not None:
                    part.weight.copy_(whole.weight[own])
                    part.bias.copy_(whole.bias[own])
        torch.testing.assert_close(state, single(MEMORY, MASK), rtol=0, atol=1e-12)
    top = layers[-1].hidden if cell == "LSTM" else layers[-1]
    assert torch.equal(output, top)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell", ["GRU", "LSTM", "Elman"])
def test_a_layered_step_takes_what_the_bridge_gives(cell: Any, num_layers: int) -> None:
    state = Bridge(6, 7, cell=cell, num_layers=num_layers, layered=True).double()(MEMORY, MASK)
    step = LayeredStep(5, 7, cell=cell, num_layers=num_layers).double()
    assert step(torch.zeros(3, 5, dtype=torch.float64), state).output.shape == (3, 7)


def test_a_layered_state_is_one_only_where_asked_or_needed() -> None:
    for options, kind in (
        ({}, Tensor),
        ({"cell": "LSTM"}, LSTMState),
        ({"layered": True}, LayeredState),
        ({"num_layers": 2}, LayeredState),
    ):
        assert type(Bridge(6, 7, **options).double()(MEMORY, MASK)) is kind  # type: ignore[arg-type]


@pytest.mark.parametrize("junk", [1e30, -17.0])
@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
@pytest.mark.parametrize(("reads", "bidirectional"), READS)
def test_padding_changes_no_value_and_no_gradient(reads: Any, bidirectional: bool, cell: Any, junk: float) -> None:
    bridge = Bridge(6, 7, cell=cell, num_layers=2, reads=reads, bidirectional=bidirectional).double()

    def run(memory: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        memory = memory.clone().requires_grad_()
        state = bridge(memory, mask)
        parts = [part for layer in state.layers for part in (layer if cell == "LSTM" else [layer])]
        value = torch.cat(parts, dim=-1)
        return value, *torch.autograd.grad(value.sin().sum(), [memory, *bridge.parameters()])

    plain = run(MEMORY, MASK)
    dirty = torch.cat([MEMORY, MEMORY[:, :2]], dim=1).masked_fill(
        ~length_mask(torch.tensor(LENGTHS), 7)[..., None], junk
    )
    longer = run(dirty, length_mask(torch.tensor(LENGTHS), 7))
    assert not longer[1][~length_mask(torch.tensor(LENGTHS), 7)].any()
    for before, after in zip(plain, (longer[0], longer[1][:, :5], *longer[2:]), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("reads", "bidirectional"), READS)
def test_gradients_are_those_of_finite_differences(reads: Any, bidirectional: bool) -> None:
    bridge = Bridge(6, 2, cell="LSTM", reads=reads, bidirectional=bidirectional).double()
    memory = MEMORY.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda memory: tuple(bridge(memory, MASK)), (memory,))


def test_one_layer_keeps_the_names_and_sizes_of_its_parameters() -> None:
    shapes = {name: tuple(weight.shape) for name, weight in Bridge(6, 7, cell="LSTM").named_parameters()}
    one = {"hidden.weight": (7, 6), "hidden.bias": (7,), "cell.weight": (7, 6), "cell.bias": (7,)}
    assert shapes == one
    three = Bridge(6, 7, num_layers=3, reads="backward")
    assert {name: tuple(weight.shape) for name, weight in three.named_parameters()} == {
        "hidden.weight": (21, 3),
        "hidden.bias": (21,),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "SRU"}, "cell is 'SRU'; Bridge knows 'GRU', 'LSTM' and 'Elman'"),
        ({"reads": "first"}, "reads is 'first'; Bridge knows 'final', 'backward' and 'mean'"),
        ({"reads": "backward", "bidirectional": False}, "reads='backward' needs an encoder with that direction"),
        ({"num_layers": 0}, "num_layers is 0; a decoder has at least 1"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bridge(6, 7, **options)


def test_an_odd_memory_is_no_two_halves() -> None:
    with pytest.raises(ValueError, match="memory_size is 11, not two halves; set bidirectional=False"):
        Bridge(11, 7)
    for options in ({"bidirectional": False}, {"reads": "mean"}):
        assert Bridge(11, 7, **options)(torch.zeros(3, 5, 11), MASK).shape == (3, 7)  # type: ignore[arg-type]


def test_what_it_was_not_built_for_is_refused() -> None:
    bridge = Bridge(6, 7).double()
    with pytest.raises(ValueError, match=r"encoder_hidden is \(3, 5, 4\); node Bridge was built for 6"):
        bridge(MEMORY[..., :4], MASK)
    with pytest.raises(ValueError, match=r"mask is \(1, 5\); node Bridge takes \(3, 5\), True = real"):
        bridge(MEMORY, MASK[:1])
    with pytest.raises(TypeError, match=r"mask is torch.float32; node Bridge takes a bool tensor"):
        bridge(MEMORY, MASK.float())
    with pytest.raises(ValueError, match="source_mask has a row that does not begin with a real position"):
        bridge(MEMORY, torch.zeros_like(MASK))
