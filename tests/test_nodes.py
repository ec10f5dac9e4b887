"""Every node of the table keeps the same contract."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from table import (
    NODES,
    PER_SOURCE,
    UNKNOWN,
    A,
    B,
    E,
    H,
    M,
    R,
    Row,
    S,
    T,
    V,
    layered,
    lstm,
    mapped,
    normal,
    rebuilt,
    tensors,
    weights,
)
from torch import Tensor, nn

from seq2seq_attn import nodes
from seq2seq_attn.nodes import (
    Copy,
    DotEnergy,
    FeedforwardEnergy,
    FeedforwardOutput,
    FertilityCoverage,
    GRUStep,
    HardAttention,
    LayeredStep,
    Layers,
    LinearOutput,
    LocalWindow,
    LocationFeatures,
    LSTMState,
    LSTMStep,
    MixtureOfSoftmaxes,
    Monotonic,
    MultiHeadEnergy,
    MultiHeadSum,
    Softmax,
    Sparsemax,
    TanhLayer,
    TiedOutput,
    WeightedSum,
)
from seq2seq_attn.nodes.state import visible

ROWS = {row.name: row for row in NODES}
REAL = torch.ones(B, S, dtype=torch.bool)
RAGGED = torch.tensor([[True, True, True], [True, True, False]])


def every(rows: list[Row]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def every_argument(rows: list[Row]) -> Any:
    cases = [pytest.param(row, name, id=f"{row.name}: {name}") for row in rows for name in row.shapes]
    return pytest.mark.parametrize(("row", "name"), cases)


every_node = every(NODES)
every_normaliser = every(normalisers := [row for row in NODES if row.masked])
every_energy = every([row for row in NODES if row.name.startswith(("energy", "heads, ")) and "sum" not in row.name])


def run(row: Row, arguments: list[Any], mask: Tensor = REAL) -> Any:
    return row.node()(*arguments, **row.hidden(mask))


def changed(row: Row, name: str, change: Callable[[Tensor], Any]) -> list[Any]:
    """Sample arguments with one of them changed."""
    return [mapped(a, change) if other == name else a for other, a in zip(row.shapes, row.arguments(), strict=True)]


def leaves(arguments: list[Any]) -> list[Tensor]:
    """All tensors that can have a gradient, and are asked for one."""
    return [part.requires_grad_() for a in arguments for part in tensors(a) if part.is_floating_point()]


def close(one: Any, other: Any) -> None:
    torch.testing.assert_close(tensors(one), tensors(other), rtol=1e-12, atol=1e-12)


def close_with_gradients(node: nn.Module, arguments: list[Any], one: Tensor, other: Tensor) -> None:
    """Two results are equal, and the gradients of a random sum of each, by arguments and parameters."""
    close(one, other)
    wanted = [*leaves(arguments), *node.parameters()]
    if one.requires_grad:
        scale = torch.randn_like(one)
        close(*(torch.autograd.grad((value * scale).sum(), wanted, materialize_grads=True) for value in (one, other)))


def test_every_exported_node_has_a_row() -> None:
    exported = {value for value in vars(nodes).values() if isinstance(value, type) and issubclass(value, nn.Module)}
    assert {type(row.build()) for row in NODES} == exported - {nodes.Embedding}  # torch's own


@every_node
def test_the_result_has_the_shape_that_the_docstring_says(row: Row) -> None:
    assert {tuple(part.shape) for part in tensors(run(row, row.arguments()))} == {row.result}


@every([row for row in NODES if row.differentiable])
def test_gradients_and_second_gradients_are_right(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    parts = [part for argument in arguments for part in tensors(argument)]
    names = [name for name, _ in node.named_parameters()]
    differentiable = [*leaves(arguments), *node.parameters()]

    def function(*flat: Tensor) -> tuple[Tensor, ...]:
        rest = iter(flat)
        given = iter([next(rest) if part.is_floating_point() else part for part in parts])
        inputs = tuple(rebuilt(argument, given) for argument in arguments)
        values = dict(zip(names, rest, strict=True))
        return tensors(torch.func.functional_call(node, values, inputs, row.hidden(RAGGED)))

    fast = sum(tensor.numel() for tensor in differentiable) > 60  # along random directions, not along each axis
    assert torch.autograd.gradcheck(function, differentiable, fast_mode=fast)
    assert torch.autograd.gradgradcheck(function, differentiable, fast_mode=fast)


@every_node
def test_a_batch_is_its_rows_one_by_one(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    together = tensors(node(*arguments, **row.hidden(RAGGED)))
    for number in range(B):
        one = slice(number, number + 1)
        alone = node(*(mapped(a, lambda part, one=one: part[one]) for a in arguments), **row.hidden(RAGGED[one]))
        close(tuple(part[one] for part in together), tensors(alone))


@every_node
def test_a_node_leaves_its_arguments_and_itself_as_they_were(row: Row) -> None:
    node, arguments = row.node(), row.arguments()
    before = [part.clone() for argument in arguments for part in tensors(argument)]
    attributes = dict(vars(node))
    first = tensors(node(*arguments, **row.hidden(RAGGED)))
    assert vars(node) == attributes
    assert all(torch.equal(a, b) for a, b in zip(before, (p for a in arguments for p in tensors(a)), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, tensors(node(*arguments, **row.hidden(RAGGED))), strict=True))


@every([row for row in NODES if getattr(row.build(), "all_steps", False)])
def test_all_steps_at_once_are_the_steps_one_by_one(row: Row) -> None:
    node, columns = row.node(), list(zip(*(row.arguments() for _ in range(T)), strict=True))
    together = [c[0] if n in PER_SOURCE else torch.stack(c, dim=1) for n, c in zip(row.shapes, columns, strict=True)]
    leaves(together)
    rows = zip(
        *([a] * T if n in PER_SOURCE else a.unbind(dim=1) for n, a in zip(row.shapes, together, strict=True)),
        strict=True,
    )
    steps = torch.stack([node(*step, **row.hidden(RAGGED)) for step in rows], dim=1)
    close_with_gradients(node, together, node(*together, **row.hidden(RAGGED)), steps)


@every([row for row in NODES if getattr(row.build(), "rows", False)])
def test_rows_that_know_nothing_of_each_other_are_the_rows_one_by_one(row: Row) -> None:
    node, columns = row.node(), list(zip(*(row.arguments() for _ in range(T)), strict=True))

    def stacked(column: Any) -> Any:
        parts = zip(*map(tensors, column), strict=True)
        return rebuilt(column[0], (torch.stack(part, dim=1) for part in parts))

    alone = [node(*arguments) for arguments in zip(*columns, strict=True)]
    close(node(*map(stacked, columns)), stacked(alone))


@every([row for row in NODES if getattr(row.build(), "rows", False)])
def test_rows_in_one_argument_only_are_refused(row: Row) -> None:
    first, state, second = row.arguments()
    with pytest.raises(ValueError, match=r"no K, but K = 1 in prev_decoder(.output)?; node \w+ does not broadcast"):
        row.node()(first, mapped(state, lambda part: part[:, None]), second)
    with pytest.raises(ValueError, match=r"K = 1, but no K in prev_decoder; node \w+ does not broadcast"):
        row.node()(first[:, None], state, second)


@every([row for row in NODES if hasattr(row.build(), "sequence")])
def test_a_sequence_is_the_steps_one_by_one(row: Row) -> None:
    node, (first, state, second) = row.node(), row.arguments()
    first, second = normal((B, T, E)), normal((B, T, M))
    arguments = [first, state, second]
    leaves(arguments)
    steps = []
    for one, other in zip(first.unbind(dim=1), second.unbind(dim=1), strict=True):
        state = node(one, state, other)
        steps.append(visible(state))
    close_with_gradients(node, arguments, node.sequence(*arguments), torch.stack(steps, dim=1))


@every([row for row in NODES if hasattr(row.build(), "sequence")])
def test_a_sequence_of_one_step_without_its_axis_is_refused(row: Row) -> None:
    with pytest.raises(ValueError, match=r"input 1 is \(2, 5\); node \w+ takes \(B, T, F1\)"):
        row.node().sequence(*row.arguments())


@every([row for row in NODES if hasattr(row.build(), "initial")])
def test_what_stands_before_the_first_step_is_like_what_the_node_gives(row: Row) -> None:
    node = row.node()
    first = node.initial(normal((B, S, row.shapes.get("encoder_hidden", (M,))[-1])))
    given = node(*row.arguments(), **row.hidden(REAL))
    assert rebuilt(first, iter(range(100))) == rebuilt(given, iter(range(100)))  # a state of the same form
    for part, like in zip(tensors(first), tensors(given), strict=True):
        assert (part.shape, part.dtype, part.device) == (like.shape, like.dtype, like.device)
        expected = torch.zeros_like(part)
        expected[:, 0] = float(isinstance(node, Monotonic))  # which sets out from the first position
        assert torch.equal(part, expected)


@every([row for row in NODES if hasattr(row.build(), "keys")])
def test_keys_computed_before_the_loop_give_the_same_energies(row: Row) -> None:
    a, arguments = row.node(), row.arguments()
    keys = a.keys(arguments[1])
    assert torch.equal(a(*arguments), a(*arguments, keys=keys))
    size = keys.shape[-1] + 1
    with pytest.raises(ValueError, match=rf"keys is \(2, 3, {size}\); node \w+ was built for {size - 1}"):
        a(*arguments, keys=torch.zeros(B, S, size, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"encoder_hidden is \(2, 3, 12\); node \w+ was built for 11"):
        a.keys(torch.zeros(B, S, M + 1, dtype=torch.float64))


@every_argument(NODES)
def test_an_argument_of_another_rank_is_refused_by_name(row: Row, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}(\.\w+)? is \(\d+,\); node \w+ takes \("):
        run(row, changed(row, name, torch.flatten))


@every_argument(NODES)
def test_an_argument_of_another_size_is_refused_with_what_to_do(row: Row, name: str) -> None:
    size = rf"{name}(\.\w+)? is \(.*\); node \w+ was built for \d+. Build \w+\(…, \w+=\d+\)."
    expected = row.misfits.get(name, size)
    arguments = changed(row, name, lambda value: torch.cat([value, value.narrow(-1, 0, 1)], dim=-1))
    if expected is None:
        assert tensors(run(row, arguments))[0].shape != row.result
        return
    with pytest.raises(ValueError, match=expected):
        run(row, arguments)


@every_argument([row for row in NODES if len(row.shapes) > 1 or row.masked])
def test_a_batch_of_one_does_not_broadcast_in_silence(row: Row, name: str) -> None:
    expected = (
        r"B = \d, but B = \d in .*; node \w+ does not broadcast"
        r"|mask is \(2, 3\); node \w+ takes \(1, 3\)|source is \(1, 3\); node Copy takes \(B, S\), here \(2, 3\)"
    )
    with pytest.raises(ValueError, match=expected):
        run(row, changed(row, name, lambda value: value[:1]))


@every_argument(NODES)
def test_an_argument_of_another_type_is_refused(row: Row, name: str) -> None:
    alone = len(row.shapes) == 1 and not list(row.build().parameters())  # which computes in whatever it is given
    if not alone:
        number = r"torch.float(32|64)"
        expected = rf"is {number}; node \w+ computes in {number}|source is {number}; node Copy takes an int64 tensor"
        with pytest.raises(TypeError, match=expected):
            run(row, changed(row, name, lambda value: value.float()))
    with pytest.raises(TypeError, match=rf"{name} is a NoneType; node \w+ takes "):
        run(row, [None if other == name else a for other, a in zip(row.shapes, row.arguments(), strict=True)])


@every_argument(NODES)
def test_an_argument_on_another_device_is_refused(row: Row, name: str) -> None:
    with pytest.raises(ValueError, match=r"is on (meta|cpu); node \w+ computes on (meta|cpu)"):
        run(row, changed(row, name, lambda value: value.to("meta")))


@every([row for row in NODES if getattr(row.build(), "all_steps", False) and len(row.shapes) > 1])
def test_steps_in_one_argument_only_are_refused(row: Row) -> None:
    first, *others = row.arguments()
    if all(name in PER_SOURCE for name in list(row.shapes)[1:]):
        assert row.node()(first[:, None], *others).shape == (B, 1, *row.result[1:])
        return
    with pytest.raises(ValueError, match=r"no T, but T = 1 in .*; node \w+ does not broadcast"):
        row.node()(first[:, None], *others, **row.hidden(REAL))


@every_normaliser
def test_weights_are_zero_on_padding_and_sum_to_at_most_one_elsewhere(row: Row) -> None:
    result = run(row, row.arguments(), RAGGED)
    assert not result[~RAGGED].any() and (result >= 0).all() and result.any()
    sums = result.sum(dim=1)
    if len(row.shapes) == 1:
        close(sums, torch.ones_like(sums))
    assert (sums < 1 + 1e-12).all()


@every_normaliser
@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan, 1e38])
def test_numbers_on_padding_change_nothing_and_have_no_gradient(row: Row, value: float) -> None:
    node, (first, *others) = row.node(), row.arguments()
    other = first.masked_fill(~RAGGED, value).requires_grad_()
    wanted = [other, *leaves(others), *node.parameters()]
    result = node(other, *others, mask=RAGGED)
    assert torch.equal(node(first, *others, mask=RAGGED), result)
    if result.requires_grad:
        gradients = torch.autograd.grad((result * result * normal((B, S))).sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(gradient.square().sum() for gradient in gradients), wanted)
        assert all(torch.isfinite(gradient).all() for gradient in (*gradients, *second))
        assert not gradients[0][~RAGGED].any() and not second[0][~RAGGED].any()


@every_normaliser
def test_padding_anywhere_in_a_sentence_changes_nothing(row: Row) -> None:
    node, arguments, places = row.node(), row.arguments(), torch.tensor([1, 2, 4])
    mask = torch.zeros(B, 6, dtype=torch.bool).index_fill(1, places, True)
    padded = [
        torch.zeros(B, 6, dtype=torch.float64).index_copy(1, places, a) if a.shape == (B, S) else a for a in arguments
    ]
    result = node(*padded, mask=mask)
    close(result[mask].view(B, S), node(*arguments, mask=REAL))
    assert not result[~mask].any()


@every_normaliser
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_row_without_a_real_position_gives_zero_weights_and_context_and_never_nan(
    row: Row, dtype: torch.dtype
) -> None:
    node, (first, *others) = row.node().to(dtype), (argument.to(dtype) for argument in row.arguments())
    first = (first / 4).requires_grad_()  # near each other, so that sparse weights are not of one position
    memory = torch.randn(B, S, M, dtype=dtype)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    result = node(first, *others, mask=mask)
    context = WeightedSum()(result, memory)
    assert result.dtype == dtype and torch.isfinite(result).all() and torch.isfinite(context).all()
    assert result[0].any() and not result[1].any() and not context[1].any()
    if result.requires_grad:
        (gradient,) = torch.autograd.grad(context.square().sum(), first, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), first)
        assert torch.isfinite(gradient).all() and torch.isfinite(second).all()
        assert gradient[0].any() and not gradient[1].any() and second[0].any() and not second[1].any()


@every([row for row in normalisers if len(row.shapes) == 1])
def test_heads_are_normalised_each_for_itself(row: Row) -> None:
    node, energies = row.node(), normal((B, T, E, S))
    result = node(energies, mask=RAGGED)
    for step in range(T):
        close(node(energies[:, step], mask=RAGGED), result[:, step])
        for head in range(E):
            close(node(energies[:, step, head], mask=RAGGED), result[:, step, head])


@every_normaliser
def test_a_mask_is_asked_for_and_is_bool(row: Row) -> None:
    with pytest.raises(TypeError, match=r"mask is torch.int64; node \w+ takes a bool tensor, True = real"):
        run(row, row.arguments(), REAL.long())
    with pytest.raises(TypeError, match=r"mask is a NoneType; node \w+ takes a bool tensor"):
        row.node()(*row.arguments(), mask=None)
    with pytest.raises(ValueError, match=r"mask is on meta; node \w+ computes on cpu"):
        run(row, row.arguments(), REAL.to("meta"))


@every_energy
def test_permuting_the_source_permutes_the_energies(row: Row) -> None:
    a, (query, memory, *features) = row.node(), row.arguments()
    order = torch.tensor([2, 0, 1])
    permuted = a(query, memory[:, order], *(feature[:, order] for feature in features))
    close(permuted, a(query, memory, *features)[..., order])


@every_energy
def test_an_energy_reads_the_visible_part_of_a_state(row: Row) -> None:
    a, (query, *others) = row.node(), row.arguments()
    state = LSTMState(query, torch.randn_like(query))
    assert torch.equal(a(state, *others), a(query, *others))
    assert visible(state) is query


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_sparse_weights_are_right_and_smooth_where_energies_are_equal_alone_or_far_apart(name: str) -> None:
    node = ROWS[name].node()
    equal = torch.full((1, S), 3.0, dtype=torch.float64, requires_grad=True)
    alone = normal((1, 1)).requires_grad_()
    apart = torch.tensor([[-1e4, 1e4, -torch.inf]], dtype=torch.float64, requires_grad=True)
    for energies, expected in ((equal, [1 / 3] * 3), (alone, [1.0]), (apart, [0.0, 1.0, 0.0])):
        result = node(energies, mask=torch.ones(energies.shape, dtype=torch.bool))
        close(result, torch.tensor([expected], dtype=torch.float64))
        (gradient,) = torch.autograd.grad((result * result * normal(energies.shape)).sum(), energies, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), energies)
        assert torch.isfinite(gradient).all() and torch.isfinite(second).all()
        assert gradient.any() == (energies is equal)


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_sparse_weights_of_a_long_sentence_are_those_of_a_search_for_the_threshold(name: str) -> None:
    energies = torch.randn(B, 997) * 2
    result = ROWS[name].node()(energies, mask=torch.ones(B, 997, dtype=torch.bool))
    z, power = (energies.double(), 1) if name == "sparsemax" else (energies.double() / 2, 2)
    low, high = z.amax(dim=1, keepdim=True) - 1, z.amax(dim=1, keepdim=True)
    for _ in range(60):
        middle = (low + high) / 2
        more = (z - middle).clamp(min=0).pow(power).sum(dim=1, keepdim=True) > 1
        low, high = torch.where(more, middle, low), torch.where(more, high, middle)
    torch.testing.assert_close(result.double(), (z - low).clamp(min=0).pow(power), rtol=0, atol=1e-6)
    assert ((result > 0).sum(dim=1) < 100).all()


@pytest.mark.parametrize("name", ["sparsemax", "entmax15", "monotonic"])
def test_sums_over_a_sentence_are_not_taken_in_half_precision(name: str) -> None:
    node, mask = ROWS[name].node().bfloat16(), torch.ones(B, 97, dtype=torch.bool)
    energies, *others = (torch.randn(B, 97).bfloat16(), weights((B, 97)).bfloat16())[: len(ROWS[name].shapes)]
    result = node(energies, *others, mask=mask)
    single = node.float()(energies.float(), *(other.float() for other in others), mask=mask)
    assert torch.equal(result, single.bfloat16()) and result.dtype == torch.bfloat16


def test_hard_attention_draws_each_position_as_often_as_the_softmax_says() -> None:
    energies, many = torch.tensor([[0.0, 1.0, 2.0, 9.0]]), 20_000
    mask = torch.tensor([[True, True, True, False]])
    drawn = HardAttention(temperature=0.3)(energies.expand(many, 4), mask=mask.expand(many, 4))
    assert torch.equal(drawn.amax(dim=1), torch.ones(many)) and torch.equal(drawn.sum(dim=1), torch.ones(many))
    chance = Softmax()(energies, mask=mask)[0]
    spread = (chance * (1 - chance) / many).sqrt()
    assert ((drawn.mean(dim=0) - chance).abs() <= 4 * spread).all()


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_of_hard_attention_is_that_of_the_softmax_that_it_was_drawn_from(training: bool) -> None:
    energies, scale = normal((B, S)).requires_grad_(), normal((B, S))
    torch.manual_seed(1)
    result = HardAttention(temperature=1.7).train(training)(energies, mask=RAGGED)
    torch.manual_seed(1)
    noise = -torch.empty_like(energies).exponential_().log() if training else torch.zeros_like(energies)
    noisy = (energies + noise).masked_fill(~RAGGED, -torch.inf)
    assert torch.equal(result, nn.functional.one_hot(noisy.argmax(dim=1), S).double())
    soft = torch.softmax(noisy / 1.7, dim=1)
    close(*(torch.autograd.grad((value * scale).sum(), energies)[0] for value in (result, soft)))


def test_monotonic_noise_is_added_to_the_energies_in_training_only() -> None:
    energies, before = normal((B, S)), weights((B, S))
    torch.manual_seed(1)
    result = Monotonic(noise=0.7).double()(energies, before, mask=RAGGED)
    torch.manual_seed(1)
    noisy = energies + 0.7 * torch.randn_like(energies)
    close(result, Monotonic(noise=0.0).double()(noisy, before, mask=RAGGED))
    node = Monotonic(noise=1e9, initial_bias=0.0).double().eval()
    assert torch.equal(node(energies, before, mask=RAGGED), node(energies, before, mask=RAGGED))


def test_monotonic_weights_of_certain_energies_are_those_of_the_hard_process() -> None:
    node = Monotonic(noise=0.0)
    energies = torch.randint(2, (50, 31)).float() * 2e4 - 1e4
    before = nn.functional.one_hot(torch.randint(31, (50,)), 31).float()
    mask = torch.rand(50, 31) > 0.2
    result = node(energies.requires_grad_(), before, mask=mask)
    assert torch.equal(result, node.eval()(energies, before, mask=mask)) and result.any()
    (gradient,) = torch.autograd.grad(result.square().sum(), energies)
    assert torch.isfinite(gradient).all()


def test_monotonic_weights_of_a_long_sentence_are_exact_where_products_underflow() -> None:
    energies, before = torch.randn(B, 499, dtype=torch.float64) * 9 + 4, weights((B, 499))
    result = Monotonic(noise=0.0, initial_bias=-4.0).double()(
        energies, before, mask=torch.ones(B, 499, dtype=torch.bool)
    )
    p, q, expected = torch.sigmoid(energies - 4), torch.zeros(B, dtype=torch.float64), []
    for j in range(499):  # equations 13 and 14
        q = before[:, j] + (q * (1 - p[:, j - 1]) if j else 0.0)
        expected.append(p[:, j] * q)
    assert (1 - p).prod(dim=1).max() == 0
    close(result, torch.stack(expected, dim=1))
    assert (result.sum(dim=1) < 1 + 1e-12).all()


def test_a_monotonic_decoder_never_goes_back_and_stays_past_the_end() -> None:
    node = Monotonic(initial_bias=0.0).eval()
    mask = torch.ones(1, S, dtype=torch.bool)
    place, seen = node.initial(torch.zeros(1, S, M)), []
    for energies in ([[-1.0, 1.0, 1.0]], [[1.0, -1.0, 1.0]], [[1.0, 1.0, -1.0]], [[1.0, 1.0, 1.0]]):
        place = node(torch.tensor(energies), place, mask=mask)
        seen.append(place[0].tolist())
    assert seen == [[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_the_bias_of_monotonic_energies_is_learned_from_its_first_value() -> None:
    assert Monotonic().r.item() == 0.0
    node = Monotonic(noise=0.0, initial_bias=1.5)
    energies, before = torch.randn(B, S), torch.full((B, S), 1 / S)
    close(node(energies, before, mask=REAL), Monotonic(noise=0.0, initial_bias=0.0)(energies + 1.5, before, mask=REAL))
    assert torch.autograd.grad(node(energies, before, mask=REAL).sum(), node.r)[0] > 0


def test_a_window_is_as_wide_as_it_says() -> None:
    node = LocalWindow(H, A, width=3)
    nn.init.zeros_(node.v.weight)  # so that the centre is in the middle, at 8
    result = node(torch.ones(1, 16), torch.randn(1, H), mask=torch.ones(1, 16, dtype=torch.bool))
    assert result[0].nonzero().flatten().tolist() == [5, 6, 7, 8, 9, 10, 11]
    torch.testing.assert_close(result[0, 8:12], torch.exp(-torch.tensor([0.0, 1.0, 4.0, 9.0]) / (2 * 1.5**2)))


def test_a_tied_output_has_the_embedding_itself_and_both_uses_train_it() -> None:
    embedding = nn.Embedding(V, R)
    node = TiedOutput(E, embedding)
    assert node.embedding.weight is embedding.weight and not node.b.any()
    scores = node(torch.randn(B, E))
    (from_scores,) = torch.autograd.grad(scores.square().sum(), embedding.weight, retain_graph=True)
    (from_both,) = torch.autograd.grad(
        scores.square().sum() + embedding(torch.tensor([3])).sum(), embedding.weight, retain_graph=True
    )
    assert from_scores.any(dim=1).all()
    torch.testing.assert_close((from_both - from_scores)[3], torch.ones(R))


def test_a_mixture_is_a_distribution_and_of_one_component_a_softmax() -> None:
    row = ROWS["output, mixture"]
    total = run(row, row.arguments()).exp().sum(dim=1)
    close(total, torch.ones_like(total))
    one, x = MixtureOfSoftmaxes(E, R, V, components=1).double(), normal((B, E))
    close(one(x), torch.log_softmax(one.W(torch.tanh(one.hidden(x))), dim=1))


def test_copying_gives_a_distribution_in_which_the_impossible_has_a_floor_and_no_gradient() -> None:
    node, row = Copy(V, unknown_size=UNKNOWN), ROWS["copy"]
    scores, generate, alpha, _ = arguments = row.arguments()
    source = torch.tensor([[V, V, 3], [V + 1, 4, V + 1]])
    arguments[3] = source
    leaves(arguments)
    result = node(*arguments)
    close(result.exp().sum(dim=1), torch.ones(B, dtype=torch.float64))
    close(result[0, V].exp(), (1 - generate[0, 0]) * alpha[0, :2].sum())
    assert result.min() == math.log(torch.finfo(torch.float64).tiny)
    impossible = result == result.min()
    assert impossible.sum(dim=1).tolist() == [UNKNOWN - 1, UNKNOWN - 1] and not impossible[:, :V].any()
    wanted = (scores, generate, alpha)
    gradients = torch.autograd.grad(result[impossible].sum(), wanted, create_graph=True)
    assert not any(gradient.any() for gradient in gradients)
    for gradient in torch.autograd.grad(sum(g.square().sum() for g in gradients) + result.sum(), wanted):
        assert torch.isfinite(gradient).all() and gradient.any()


def test_copying_from_half_precision_gives_single_precision() -> None:
    result = Copy(2)(
        torch.tensor([[9.0, -9.0]]).half(), torch.ones(1, 1).half(), torch.ones(1, 1).half(), torch.zeros(1, 1).long()
    )
    torch.testing.assert_close(result, torch.log_softmax(torch.tensor([[9.0, -9.0]]), dim=1))


def test_copying_refuses_symbols_that_it_was_not_built_for() -> None:
    arguments = ROWS["copy"].arguments()
    for symbol in (-1, V + UNKNOWN):
        arguments[3] = torch.tensor([[1, 2, 3], [4, 5, symbol]])
        low, high = min(1, symbol), max(5, symbol)
        expected = (
            rf"source goes from {low} to {high}; node Copy was built for 0 to 22. Build Copy\(vocabulary_size, un"
        )
        with pytest.raises(ValueError, match=expected):
            Copy(V, unknown_size=UNKNOWN)(*arguments)


@pytest.mark.parametrize("build", [TanhLayer, lambda *sizes, **options: FeedforwardOutput(*sizes, V, **options)])
def test_dropout_zeroes_and_scales_in_training_only(build: Callable[..., nn.Module]) -> None:
    node, x = build(E, R, dropout=0.5), torch.randn(B, T, E)
    if isinstance(node, FeedforwardOutput):
        node.W = nn.Identity()  # to look at what it reads
    dropped, whole = node(x), node.eval()(x)
    kept = dropped != 0
    assert 0.3 < kept.float().mean() < 0.7
    torch.testing.assert_close(dropped, torch.where(kept, 2 * whole, 0.0))
    assert torch.equal(whole, node(x)) and whole.all()


@pytest.mark.parametrize("cell", ["GRU", "LSTM", "Elman"])
def test_variational_dropout_zeroes_the_same_elements_in_all_steps_of_a_sentence(cell: Any) -> None:
    node = LayeredStep(E, H, cell=cell, num_layers=2, dropout=0.5, variational=True)
    state, noises, zeros = node.initial(torch.zeros(B, S, M)), [], []
    for _ in range(4):
        before = mapped(state, lambda part: part.detach().requires_grad_())._replace(noise=state.noise)
        state = node(torch.randn(B, E), before)
        noises.append(state.noise)
        reached = [visible(part) for part in before.layers]
        gradients = torch.autograd.grad(sum(map(torch.sum, tensors(state.layers))), reached)
        zeros.append(torch.stack(gradients) == 0)
    assert all(noise is noises[0] for noise in noises)
    assert all(torch.equal(zero, torch.stack(tuple(noises[0])) == 0) for zero in zeros)
    assert {value for noise in noises[0] for value in noise.flatten().tolist()} == {0.0, 2.0}
    other = node(torch.randn(B, E), node.initial(torch.zeros(B, S, M))).noise
    assert not torch.equal(torch.stack(tuple(other)), torch.stack(tuple(noises[0])))
    assert node.eval()(torch.randn(B, E), state).noise == Layers()


@pytest.mark.parametrize("variational", [True, False])
def test_a_sequence_with_dropout_is_drawn_from_the_seed_and_whole_in_evaluation(variational: bool) -> None:
    node = LayeredStep(E, H, cell="GRU", num_layers=2, dropout=0.5, variational=variational)
    x, first = torch.randn(B, T, E), node.initial(torch.zeros(B, S, M))
    torch.manual_seed(1)
    drawn = node.sequence(x, first)
    torch.manual_seed(1)
    state, steps = first, []
    for step in x.unbind(dim=1):
        state = node(step, state)
        steps.append(state.output)
    if variational:  # which runs step by step, so that it draws in the same order
        torch.testing.assert_close(drawn, torch.stack(steps, dim=1))
    whole = node.eval().sequence(x, first)
    assert not torch.allclose(whole, drawn)
    without = LayeredStep(E, H, cell="GRU", num_layers=2).eval()
    without.load_state_dict(node.state_dict())
    torch.testing.assert_close(whole, without.sequence(x, first))


def test_dropout_between_layers_is_of_what_goes_up() -> None:
    node = LayeredStep(E, H, cell="GRU", num_layers=2, dropout=0.5)
    x, first = torch.randn(B, E).requires_grad_(), node.initial(torch.zeros(B, S, M))
    torch.manual_seed(1)
    result = node(x, first)
    torch.manual_seed(1)
    below, above = node.layers
    lower = below(x, first.layers[0])
    close(result.output, above(nn.functional.dropout(lower, 0.5), first.layers[1]))
    close(result.layers[0], lower)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FeedforwardOutput(2, 3, 5, readout="relu"), "readout is 'relu'; FeedforwardOutput knows 'tanh' and"),
        (lambda: Softmax(temperature=0.0), "temperature is 0.0; it is a number above 0"),
        (lambda: HardAttention(temperature=math.inf), "temperature is inf; it is a number above 0"),
        (lambda: Monotonic(noise=-1.0), "noise is -1.0; it is a number from 0 upwards"),
        (lambda: LocalWindow(2, 3, width=0), "width is 0; it is a number above 0"),
        (lambda: LocationFeatures(width=4), "width is 4; it is odd, to see as far to the left as to the right"),
        (lambda: LocationFeatures(width=-1), "width is -1; it is odd"),
        (lambda: LocationFeatures(filters=0), "filters is 0; LocationFeatures takes 1 or more"),
        (lambda: FertilityCoverage(2, max_fertility=0.0), "max_fertility is 0.0; it is a number above 0"),
        (
            lambda: MultiHeadEnergy(2, 3, 7, num_heads=2),
            "attention_size is 7 and num_heads 2; MultiHeadEnergy gives each head an equal part",
        ),
        (lambda: MultiHeadEnergy(2, 3, 7, num_heads=0), "attention_size is 7 and num_heads 0; MultiHeadEnergy gives"),
        (
            lambda: MultiHeadEnergy(2, 3, 4, num_heads=2, energy="cosine"),
            "energy is 'cosine'; MultiHeadEnergy knows 'dot', 'scaled_dot', 'general', 'concat', 'feedforward'",
        ),
        (
            lambda: MultiHeadSum(7, num_heads=2),
            "memory_size is 7 and num_heads 2; MultiHeadSum gives each head an equal part",
        ),
        (lambda: MixtureOfSoftmaxes(2, 3, 5, components=0), "components is 0; MixtureOfSoftmaxes takes 1 or more"),
        (lambda: LayeredStep(2, 3, cell="GRU", num_layers=0), "num_layers is 0; LayeredStep takes 1 or more"),
        (lambda: LayeredStep(2, 3, cell="RNN", num_layers=2), "cell is 'RNN'; LayeredStep knows 'GRU', 'LSTM' and"),
    ],
)
def test_a_constructor_refuses_what_cannot_be_built(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


def test_an_output_is_tied_to_an_embedding_only() -> None:
    with pytest.raises(TypeError, match=r"embedding is a Tensor; TiedOutput takes an nn\.Embedding"):
        TiedOutput(5, torch.zeros(V, R))  # type: ignore[arg-type]


def test_a_label_says_which_energy_and_how_many_heads() -> None:
    assert (DotEnergy().label, DotEnergy(scaled=True).label, DotEnergy.label) == ("dot", "scaled_dot", "dot")
    assert MultiHeadEnergy(2, 3, 4, num_heads=2).label == "scaled_dot, 2 heads"
    assert MultiHeadEnergy(2, 3, 4, num_heads=4, energy="concat").label == "concat, 4 heads"
    assert MultiHeadSum(6, num_heads=3).label == "weighted_sum, 3 heads"


def test_an_energy_refuses_features_that_it_was_not_built_for() -> None:
    query, memory = torch.zeros(B, H), torch.zeros(B, S, M)
    with pytest.raises(ValueError, match=r"got 1 features and was built for 0 numbers. Build FeedforwardEnergy\(…, f"):
        FeedforwardEnergy(H, M, A)(query, memory, torch.zeros(B, S))
    with pytest.raises(ValueError, match="got 0 features and was built for 5 numbers"):
        FeedforwardEnergy(H, M, A, feature_size=5)(query, memory)


def test_a_recurrent_node_asks_for_its_whole_state() -> None:
    y, s = torch.zeros(B, E), torch.zeros(B, H)
    with pytest.raises(TypeError, match=r"prev_decoder is a Tensor; node LSTMStep takes an LSTMState\(hidden, cell\)"):
        LSTMStep(E, H)(y, s)
    with pytest.raises(ValueError, match=r"prev_decoder.cell is \(2, 3\); node LSTMStep was built for 7"):
        LSTMStep(E, H)(y, LSTMState(s, torch.zeros(B, 3)))
    with pytest.raises(TypeError, match="prev_decoder is a LSTMState; node GRUStep takes a tensor"):
        GRUStep(E, H)(y, LSTMState(s, s))
    node = LayeredStep(E, H, cell="GRU", num_layers=2)
    with pytest.raises(TypeError, match="prev_decoder is a Tensor; node LayeredStep takes a LayeredState of 2"):
        node(y, s)
    with pytest.raises(
        TypeError, match="prev_decoder is a LayeredState of 3; node LayeredStep takes a LayeredState of 2"
    ):
        node(y, layered(normal, 3, (B, H)))
    with pytest.raises(TypeError, match="prev_decoder is a LSTMState; node GRUStep takes a tensor"):
        node.double()(y.double(), layered(lstm, 2, (B, H)))


def test_a_node_of_any_number_of_inputs_takes_at_least_one() -> None:
    with pytest.raises(ValueError, match="node LinearOutput takes at least one argument"):
        LinearOutput(E, V)()
    with pytest.raises(TypeError, match="input 2 is a list; node LinearOutput takes a tensor"):
        LinearOutput(E, V)(torch.zeros(B, E), [1.0])


def test_numbers_without_a_point_are_refused_where_there_is_no_parameter_to_compare_with() -> None:
    whole = torch.ones(B, S, dtype=torch.int64)
    with pytest.raises(TypeError, match=r"attn_energies is torch.int64; node Softmax computes with floating-point"):
        Softmax()(whole, mask=REAL)
    with pytest.raises(TypeError, match=r"attn_weights is torch.int64; node WeightedSum computes with floating-point"):
        WeightedSum()(whole, torch.ones(B, S, M, dtype=torch.int64))


def test_autocast_is_not_taken_for_a_wrong_dtype() -> None:
    a = FeedforwardEnergy(H, M, A)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        energies = a(torch.randn(B, H, dtype=torch.bfloat16), torch.randn(B, S, M), keys=a.keys(torch.randn(B, S, M)))
        place = Monotonic()(energies, torch.full((B, S), 1 / S), mask=REAL)
        sparse = Sparsemax()(energies, mask=REAL)
    assert torch.isfinite(energies).all() and torch.isfinite(place).all()
    torch.testing.assert_close(sparse.float().sum(dim=1), torch.ones(B), rtol=0, atol=0.02)
