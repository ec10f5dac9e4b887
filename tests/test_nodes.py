"""Every node of the table keeps the same contract."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from table import NODES, B, H, M, Row, S, tensors
from torch import Tensor

from seq2seq_attn.nodes import FeedforwardEnergy, FeedforwardOutput, LSTMState, LSTMStep, Softmax, WeightedSum
from seq2seq_attn.nodes.state import visible

every_node = pytest.mark.parametrize("row", NODES, ids=[row.name for row in NODES])
every_argument = pytest.mark.parametrize(
    ("row", "position"),
    [pytest.param(row, k, id=f"{row.name}: {name}") for row in NODES for k, name in enumerate(row.shapes)],
)
REAL = torch.ones(B, S, dtype=torch.bool)
RAGGED = torch.tensor([[True, True, True], [True, True, False]])


def run(row: Row, arguments: list[Any], mask: Tensor = REAL) -> Any:
    return row.node()(*arguments, **row.hidden(mask))


def changed(row: Row, position: int, change: Any) -> list[Any]:
    """Sample arguments with one of them, or its first part, changed."""
    arguments = row.arguments()
    value = arguments[position]
    arguments[position] = LSTMState(change(value.hidden), value.cell) if isinstance(value, tuple) else change(value)
    return arguments


@every_node
def test_the_result_has_the_shape_that_the_docstring_says(row: Row) -> None:
    assert {tuple(part.shape) for part in tensors(run(row, row.arguments()))} == {row.result}


@every_node
def test_gradients_and_second_gradients_are_right(row: Row) -> None:
    node = row.node()
    leaves = [part.requires_grad_() for argument in row.arguments() for part in tensors(argument)]
    parameters = list(node.parameters())

    def function(*flat: Tensor) -> tuple[Tensor, ...]:
        rest = list(flat[: len(leaves)])
        arguments = [LSTMState(rest.pop(0), rest.pop(0)) if name in row.pairs else rest.pop(0) for name in row.shapes]
        values = dict(zip((name for name, _ in node.named_parameters()), flat[len(leaves) :], strict=True))
        return tensors(torch.func.functional_call(node, values, tuple(arguments), row.hidden(RAGGED)))

    assert torch.autograd.gradcheck(function, (*leaves, *parameters))
    assert torch.autograd.gradgradcheck(function, (*leaves, *parameters))


@every_node
def test_a_batch_is_its_rows_one_by_one(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    together = tensors(node(*arguments, **row.hidden(RAGGED)))
    for number in range(B):
        one = slice(number, number + 1)
        alone = [type(a)(*(part[one] for part in a)) if isinstance(a, tuple) else a[one] for a in arguments]
        for whole, single in zip(together, tensors(node(*alone, **row.hidden(RAGGED[one]))), strict=True):
            torch.testing.assert_close(whole[one], single, rtol=0, atol=1e-12)


@every_node
def test_a_node_leaves_its_arguments_and_itself_as_they_were(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    before = [part.clone() for argument in arguments for part in tensors(argument)]
    attributes = dict(vars(node))
    first = tensors(node(*arguments, **row.hidden(RAGGED)))
    assert vars(node) == attributes
    assert all(torch.equal(a, b) for a, b in zip(before, (p for a in arguments for p in tensors(a)), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, tensors(node(*arguments, **row.hidden(RAGGED))), strict=True))


@every_argument
def test_an_argument_of_another_rank_is_refused_by_name(row: Row, position: int) -> None:
    name = list(row.shapes)[position]
    with pytest.raises(ValueError, match=rf"{name} is \(.*\); node \w+ takes \("):
        run(row, changed(row, position, lambda value: value[0]))


@every_argument
def test_an_argument_of_another_size_is_refused_with_what_to_do(row: Row, position: int) -> None:
    name = list(row.shapes)[position]
    axis = 1 if row.name == "weighted_sum" else -1  # the last size of what is summed is free
    arguments = changed(row, position, lambda value: torch.cat([value, value.narrow(axis, 0, 1)], dim=axis))
    if row.name == "softmax":
        expected = r"mask is \(2, 3\); node Softmax takes \(2, 4\)"
    elif row.name == "weighted_sum":
        expected = r"encoder_hidden is \(2, \d, 11\): S = \d, but S = \d in attn_weights; node WeightedSum does not"
    else:
        expected = rf"{name} is \(.*\); node \w+ was built for \d+. Build \w+\(…, \w+_size=\d+\)"
    with pytest.raises(ValueError, match=expected):
        run(row, arguments)


@every_argument
def test_a_batch_of_one_does_not_broadcast_in_silence(row: Row, position: int) -> None:
    if row.name == "softmax":
        expected = r"mask is \(2, 3\); node Softmax takes \(1, 3\)"
    else:
        expected = r"B = \d, but B = \d in .*; node \w+ does not broadcast"
    with pytest.raises(ValueError, match=expected):
        run(row, changed(row, position, lambda value: value[:1]))


@every_argument
def test_an_argument_of_another_type_is_refused(row: Row, position: int) -> None:
    name = list(row.shapes)[position]
    if row.name == "softmax":
        with pytest.raises(TypeError, match="attn_energies is a list; node Softmax takes a tensor"):
            Softmax()([1.0], mask=REAL)
        return
    with pytest.raises(TypeError, match=r"is torch.float(32|64); node \w+ computes in torch.float(32|64)"):
        run(row, changed(row, position, lambda value: value.float()))
    arguments = row.arguments()
    arguments[position] = None
    with pytest.raises(TypeError, match=rf"{name} is a NoneType; node \w+ takes"):
        run(row, arguments)


@every_argument
def test_an_argument_on_another_device_is_refused(row: Row, position: int) -> None:
    with pytest.raises(ValueError, match=r"is on (meta|cpu); node \w+ computes on (meta|cpu)"):
        run(row, changed(row, position, lambda value: value.to("meta")))


def test_weights_are_zero_on_padding_and_sum_to_one_elsewhere() -> None:
    weights = Softmax()(torch.randn(B, S), mask=RAGGED)
    assert torch.equal(weights == 0, ~RAGGED)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(B))


def test_padding_energies_change_nothing() -> None:
    energies = torch.randn(B, S)
    for value in (torch.inf, -torch.inf, torch.nan, 1e38):
        assert torch.equal(
            Softmax()(energies, mask=RAGGED), Softmax()(energies.masked_fill(~RAGGED, value), mask=RAGGED)
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_row_without_a_real_position_gives_zero_weights_and_context_and_never_nan(dtype: torch.dtype) -> None:
    energies = torch.randn(B, S, dtype=dtype, requires_grad=True)
    memory = torch.randn(B, S, M, dtype=dtype, requires_grad=True)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    weights = Softmax()(energies, mask=mask)
    context = WeightedSum()(weights, memory)
    assert not weights[1].any() and not context[1].any()
    (gradient,) = torch.autograd.grad(context.square().sum(), energies, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), energies)
    for value in (weights, context, gradient, second):
        assert torch.isfinite(value).all()
    assert not gradient[1].any() and not second[1].any()
    assert gradient[0].any() and second[0].any()


def test_softmax_refuses_a_mask_that_is_not_bool_or_none() -> None:
    with pytest.raises(TypeError, match=r"mask is torch.int64; node Softmax takes a bool tensor, True = real"):
        Softmax()(torch.randn(B, S), mask=REAL.long())
    with pytest.raises(TypeError, match="mask is a NoneType"):
        Softmax()(torch.randn(B, S), mask=None)


def test_permuting_the_source_permutes_energies_and_weights_and_keeps_the_context() -> None:
    row = NODES[0]
    a, (query, memory) = row.node(), row.arguments()
    order = torch.tensor([2, 0, 1])
    weights = Softmax()(a(query, memory), mask=RAGGED)
    permuted = Softmax()(a(query, memory[:, order]), mask=RAGGED[:, order])
    torch.testing.assert_close(permuted, weights[:, order], rtol=0, atol=1e-12)
    torch.testing.assert_close(
        WeightedSum()(permuted, memory[:, order]), WeightedSum()(weights, memory), rtol=0, atol=1e-12
    )


def test_keys_computed_before_the_loop_give_the_same_energies() -> None:
    row = NODES[0]
    a, (query, memory) = row.node(), row.arguments()
    assert torch.equal(a(query, memory), a(query, memory, keys=a.keys(memory)))
    with pytest.raises(ValueError, match=r"keys is \(2, 3, 11\); node FeedforwardEnergy was built for 13"):
        a(query, memory, keys=memory)


def test_an_lstm_step_asks_for_its_whole_state() -> None:
    with pytest.raises(TypeError, match=r"prev_decoder is a Tensor; node LSTMStep takes an LSTMState\(hidden, cell\)"):
        LSTMStep(5, M, H)(torch.zeros(B, 5), torch.zeros(B, H), torch.zeros(B, M))


def test_the_energy_reads_the_visible_part_of_a_state() -> None:
    row = NODES[0]
    a, (query, memory) = row.node(), row.arguments()
    assert torch.equal(a(LSTMState(query, torch.randn_like(query)), memory), a(query, memory))
    assert visible(LSTMState(query, memory)) is query


def test_an_unknown_readout_is_refused() -> None:
    with pytest.raises(ValueError, match="readout is 'relu'; FeedforwardOutput knows 'tanh' and 'maxout'"):
        FeedforwardOutput(2, 3, 5, 7, 11, readout="relu")  # type: ignore[arg-type]


def test_autocast_is_not_taken_for_a_wrong_dtype() -> None:
    a = FeedforwardEnergy(H, M, 13)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        energies = a(torch.randn(B, H, dtype=torch.bfloat16), torch.randn(B, S, M), keys=a.keys(torch.randn(B, S, M)))
    assert torch.isfinite(energies).all()


def test_numbers_without_a_point_are_refused_where_there_is_no_parameter_to_compare_with() -> None:
    with pytest.raises(
        TypeError, match=r"attn_energies is torch.int64; node Softmax computes with floating-point numbers"
    ):
        Softmax()(torch.ones(B, S, dtype=torch.int64), mask=REAL)
    with pytest.raises(TypeError, match=r"attn_weights is torch.int64; node WeightedSum computes with floating-point"):
        WeightedSum()(torch.ones(B, S, dtype=torch.int64), torch.ones(B, S, M, dtype=torch.int64))


def test_the_cell_of_an_lstms_state_is_checked_too() -> None:
    step = LSTMStep(5, M, H)
    with pytest.raises(ValueError, match=r"prev_decoder.cell is \(2, 3\); node LSTMStep was built for 7"):
        step(torch.zeros(B, 5), LSTMState(torch.zeros(B, H), torch.zeros(B, 3)), torch.zeros(B, M))
