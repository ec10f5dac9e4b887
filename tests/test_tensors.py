"""One node opened: what ran in it, with autograd as the referee of what leads to the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import test_encoders
import torch
from table import NODES, PER_SOURCE, A, B, E, H, M, Row, S, mapped, tensors
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.bridge import Bridge
from seq2seq_attn.mask import length_mask
from seq2seq_attn.nodes import (
    Embedding,
    FeedforwardEnergy,
    FeedforwardOutput,
    GRUStep,
    LayeredState,
    LayeredStep,
    Layers,
    LSTMState,
    MultiHeadEnergy,
    Softmax,
)
from seq2seq_attn.tensors import Opened, record
from seq2seq_attn.tensors.folds import DROPOUT, MASKED, PASSING
from seq2seq_attn.tensors.repeats import Draft, first_turns
from seq2seq_attn.tensors.tape import SYMBOLS, Tape

ROWS = {row.name: row for row in NODES}
ENCODERS = {row.name: row for row in test_encoders.ROWS}
NO_GRADIENT = "monotonic, evaluation"  # weights that are 0 or 1, a stop that is there or not
every_node = pytest.mark.parametrize("name", ROWS)
every_encoder = pytest.mark.parametrize("name", ENCODERS)
with_and_without_hidden = pytest.mark.parametrize("hidden", [False, True])


def mask(batch: int = B, source: int = S) -> Tensor:
    """Padding in the second row."""
    return length_mask(torch.tensor([source, source - 1] * batch)[:batch], source)


def opened_node(row: Row, *, batch: int = B, source: int = S, hidden: bool = False) -> Opened:
    given = row.arguments(batch, source)
    return record(row.node(), given, row.hidden(mask(batch, source)), list(row.shapes), hidden=hidden)


def opened_encoder(row: test_encoders.Row, *, batch: int = B, source: int = S, hidden: bool = False) -> Opened:
    given = (test_encoders.source(batch, source), mask(batch, source))
    return record(row.encoder(), given, {}, ("embedded", "source_mask"), hidden=hidden)


def opened(module: nn.Module, *args: Any, hidden: bool = False, **kwargs: Any) -> Opened:
    return record(module, args, kwargs, "xyz"[: len(args)], hidden=hidden)


class Runs(nn.Module):
    """A node that runs a function, with a parameter W."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function, self.W = function, nn.Parameter(torch.randn(E, E))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def words(opened: Opened, role: str) -> set[str]:
    return {item.name for item in opened.items if item.role == role}


def operations(opened: Opened) -> list[str]:
    return [item.name for item in opened.items if item.role == "operation"]


def written(opened: Opened) -> str:
    """The first result as a term: ``tanh(+(x, W))``; what a loop hands on, ``…``."""
    items = {item.id: item for item in opened.items}

    def term(id: str, above: tuple[str, ...] = ()) -> str:
        inputs = items[id].inputs
        if id in above:
            return "…"
        return items[id].name + (f"({', '.join(term(name, (*above, id)) for name in inputs)})" if inputs else "")

    return term(opened.results[0])


def flows(module: nn.Module, args: list[Any], names: list[str], kwargs: dict[str, Tensor]) -> tuple[set[str], set[str]]:
    """The arguments and the parameters that autograd finds on the way to the result."""
    args = [mapped(arg, lambda part: part.requires_grad_() if part.is_floating_point() else part) for arg in args]
    parts = dict(part for name, arg in zip(names, args, strict=True) for part in named(name, arg))
    leaves = {**{name: part for name, part in parts.items() if part.requires_grad}, **dict(module.named_parameters())}
    total = sum(part.sum() for part in tensors(module(*args, **kwargs)) if part.requires_grad)
    gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    reached = {name for name, gradient in zip(leaves, gradients, strict=True) if gradient is not None}
    return reached & parts.keys(), reached - parts.keys()


def named(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    else:
        fields = value._fields if hasattr(value, "_fields") else range(len(value))
        for field, part in zip(fields, value, strict=True):
            yield from named(f"{name}.{field}", part)


def test_the_energy_reads_as_its_equation() -> None:
    a = FeedforwardEnergy(H, M, A)
    found = record(a, (torch.randn(B, H), torch.randn(B, S, M)), {}, ("prev_decoder", "encoder_hidden"))
    assert written(found) == (
        "linear(tanh(+(linear(prev_decoder, W.weight), linear(encoder_hidden, U.weight, U.bias))), v.weight)"
    )
    assert len(found.items) == 11 and [item.id for item in found.items] == [f"t{n}" for n in range(1, 12)]


@with_and_without_hidden
@pytest.mark.parametrize("name", [name for name in ROWS if name != NO_GRADIENT])
def test_what_is_drawn_of_a_node_is_what_autograd_finds_on_the_way_to_its_result(name: str, hidden: bool) -> None:
    row = ROWS[name]
    found = opened_node(row, hidden=hidden)
    arguments, parameters = flows(row.node(), row.arguments(), list(row.shapes), row.hidden(mask()))
    floating = {item.name for item in found.items if item.role == "argument" and item.dtype == "float64"}
    assert (floating, words(found, "parameter")) == (arguments, parameters)


@with_and_without_hidden
@every_encoder
def test_what_is_drawn_of_an_encoder_is_what_autograd_finds(name: str, hidden: bool) -> None:
    row = ENCODERS[name]
    found = opened_encoder(row, hidden=hidden)
    source = test_encoders.source(B, S)
    arguments, parameters = flows(row.encoder(), [source], ["embedded"], {"source_mask": mask()})
    assert words(found, "argument") == arguments | ({"source_mask"} if hidden else set())
    assert words(found, "parameter") == parameters


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
@pytest.mark.parametrize("reads", ["final", "backward", "mean"])
def test_what_is_drawn_of_a_bridge_is_what_autograd_finds(cell: Any, reads: Any) -> None:
    bridge = Bridge(2 * M, H, cell=cell, num_layers=2, reads=reads)
    source = torch.randn(B, S, 2 * M)
    found = record(bridge, (source, mask()), {}, ("encoder_hidden", "source_mask"))
    arguments, parameters = flows(bridge, [source], ["encoder_hidden"], {"source_mask": mask()})
    counted = {"source_mask"} if reads == "mean" else set()  # a mean divides by the number of words
    assert (words(found, "argument"), words(found, "parameter")) == (arguments | counted, parameters)


def test_where_no_gradient_flows_what_is_drawn_is_what_changes_the_result() -> None:
    row = ROWS[NO_GRADIENT]
    node, changing = row.node(), set()
    for _ in range(30):
        given, other = ((row.arguments()[0], torch.eye(S).double()[torch.randint(S, (B,))]) for _ in range(2))
        before = node(*given, mask=mask())
        for name, changed in zip(row.shapes, ((other[0], given[1]), (given[0], other[1])), strict=True):
            if not torch.equal(node(*changed, mask=mask()), before):
                changing.add(name)
    assert words(opened_node(row), "argument") == changing == {"attn_energies", "prev_weights"}
    assert words(opened_node(row), "parameter") == {"r"}


def test_symbols_that_change_the_result_are_drawn() -> None:
    assert "source" in words(opened_node(ROWS["copy"]), "argument")
    assert written(opened(Embedding(5, 3), torch.tensor([[1, 4]]))) == "embedding(x, weight)"
    picks = opened(Runs(lambda self, x: self.W[x] + self.W.index_select(0, x)), torch.tensor([1, 4]))
    assert written(picks) == "+(getitem(W, x), index_select(W, x))"


@with_and_without_hidden
@every_node
def test_the_picture_of_a_node_grows_with_no_axis(name: str, hidden: bool) -> None:
    row = ROWS[name]
    first = opened_node(row, hidden=hidden)
    for batch, source in ((B, 11), (5, S)):
        assert_alike(opened_node(row, batch=batch, source=source, hidden=hidden), first)


@with_and_without_hidden
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if getattr(row.build(), "all_steps", False)])
def test_the_picture_of_a_node_that_runs_all_steps_at_once_does_not_grow_with_them(name: str, hidden: bool) -> None:
    row, found = ROWS[name], []
    for steps in (2, 13):
        columns = zip(*(row.arguments() for _ in range(steps)), strict=True)
        given = [c[0] if n in PER_SOURCE else torch.stack(c, dim=1) for n, c in zip(row.shapes, columns, strict=True)]
        found.append(record(row.node(), given, row.hidden(mask()), list(row.shapes), hidden=hidden))
    assert_alike(*found)


@with_and_without_hidden
@every_encoder
def test_the_picture_of_an_encoder_does_not_grow_with_the_source(name: str, hidden: bool) -> None:
    row = ENCODERS[name]
    first = opened_encoder(row, source=8, hidden=hidden)
    for batch, source in ((B, 32), (5, 8)):
        assert_alike(opened_encoder(row, batch=batch, source=source, hidden=hidden), first)


def assert_alike(one: Opened, other: Opened) -> None:
    assert [(item.role, item.name, item.inputs) for item in one.items] == [
        (item.role, item.name, item.inputs) for item in other.items
    ]
    assert one.results == other.results


@every_node
def test_what_is_folded_away_is_form_and_masks(name: str) -> None:
    row = ROWS[name]
    given = row.arguments()
    args = (row.node(), given, row.hidden(mask()), list(row.shapes))
    folded, everything = (Counter(operations(record(*args, hidden=hidden))) for hidden in (False, True))
    checks = {"<", "≥", "or", "any"} if name == "copy" else set()  # whether a symbol is one
    assert not folded - everything
    assert (everything - folded).keys() <= PASSING | DROPOUT | {SYMBOLS.get(word, word) for word in MASKED} | {
        "¬"
    } | checks


@every_node
def test_to_record_changes_neither_the_result_nor_the_node_nor_the_random_numbers(name: str) -> None:
    row = ROWS[name]
    node, given, seen = row.node().train(), row.arguments(), list[Any]()
    before = {key: value.clone() for key, value in node.state_dict().items()}
    state = torch.random.get_rng_state()
    plain = node(*given, **row.hidden(mask()))
    torch.random.set_rng_state(state)
    with node.register_forward_hook(lambda node, args, result: seen.append(result)):
        record(node, given, row.hidden(mask()), list(row.shapes))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(tensors(plain), tensors(seen[0]), strict=True))
    assert node.training and all(torch.equal(value, before[key]) for key, value in node.state_dict().items())


def test_a_running_mean_is_as_it_was() -> None:
    norm = nn.BatchNorm1d(E)
    opened(norm, torch.randn(B, E))
    assert norm.num_batches_tracked == 0 and not norm.running_mean.any()


@pytest.mark.parametrize("p", [0.0, 0.5])
@pytest.mark.parametrize("training", [False, True])
def test_dropout_is_folded_on_or_off(p: float, training: bool) -> None:
    out = FeedforwardOutput(E, 7, 11, dropout=p).train(training)
    assert (
        written(opened(out, torch.randn(B, E)))
        == "linear(tanh(linear(x, hidden.weight, hidden.bias)), W.weight, W.bias)"
    )
    assert "dropout" in operations(opened(out, torch.randn(B, E), hidden=True))


def test_the_noise_of_variational_dropout_is_no_dropout_of_a_value() -> None:
    rnn = LayeredStep(E, H, cell="Elman", num_layers=1, dropout=0.5, variational=True)
    found = record(rnn, (torch.randn(B, E), rnn.initial(torch.zeros(B, S, M))), {}, ("y", "s"))
    assert "rnn_tanh_cell(y, ×(s.layers.0, dropout(ones_like))" in written(found)


REAL = torch.tensor([True, True, False])
X = torch.randn(3, 3)
FOLDS: dict[str, tuple[Callable[..., Any], str]] = {
    "filled": (lambda self, x, y: x.exp().masked_fill(~y, 0.0), "exp(x)"),
    "filled in place": (lambda self, x, y: x.exp().masked_fill_(~y, 0.0), "exp(x)"),
    "where": (lambda self, x, y: torch.where(y[None], x.exp(), 0.0), "exp(x)"),
    "where of a constant": (lambda self, x, y: torch.where(y, x.exp(), torch.zeros(())), "exp(x)"),
    "where padding keeps the old": (lambda self, x, y: torch.where(y, x.exp(), x), "exp(x)"),
    "where of two values": (lambda self, x, y: torch.where(y, x.exp(), self.W[0, 0]), "where(exp(x), W)"),
    "where not": (lambda self, x, y: torch.where(~y, 0.0, x.exp()), "exp(x)"),
    "times": (lambda self, x, y: x.exp() * y, "exp(x)"),
    "times a float mask": (lambda self, x, y: y.float()[:, None] * x.exp(), "exp(x)"),
    "and": (lambda self, x, y: (x > 0) & y, ">(x)"),
    "attention": (
        lambda self, x, y: F.scaled_dot_product_attention(x[None], x[None], x[None], attn_mask=y.expand(3, 3)),
        "attention(x, x, x)",
    ),
    "attention with a mask of numbers": (
        lambda self, x, y: F.scaled_dot_product_attention(
            *[x[None]] * 3, attn_mask=torch.zeros(3).masked_fill_(~y, -torch.inf)
        ),
        "attention(x, x, x)",
    ),
    "in order of lengths": (lambda self, x, y: x.exp()[y.long().argsort()], "exp(x)"),
    "length": (lambda self, x, y: x * y.sum(), "×(x, sum(y))"),
    "a condition of values": (lambda self, x, y: x.masked_fill(x > 1, 0.0), "masked_fill(x, >(x))"),
    "two conditions": (lambda self, x, y: torch.where((x > 1) & y, x, 0.0), "where(>(x), x)"),
    "a constant triangle": (
        lambda self, x, y: x.masked_fill(torch.ones(3, 3, dtype=torch.bool).triu(), 0),
        "masked_fill(x, triu(ones))",
    ),
    "form": (lambda self, x, y: x.T.reshape(-1, 1).squeeze(-1)[:4].expand(2, 4).exp(), "exp(x)"),
    "parts": (lambda self, x, y: torch.cat([part.exp() for part in x.chunk(3)]), "cat(exp(x))"),
    "checks": (lambda self, x, y: x.exp() if (x.abs() < 99).all() else x, "exp(x)"),
    "dead code": (lambda self, x, y: (x.sin(), x.exp())[1], "exp(x)"),
    "nothing": (lambda self, x, y: x, "x"),
}


@pytest.mark.parametrize("name", FOLDS)
def test_masks_form_and_what_leads_nowhere_are_folded_and_nothing_else(name: str) -> None:
    function, expected = FOLDS[name]
    assert written(opened(Runs(function), X, REAL)) == expected


def test_all_that_ran_is_shown_on_demand() -> None:
    found = record(Softmax(), (X,), {"mask": REAL.expand(3, 3)}, ("e",), hidden=True)
    assert written(found) == "masked_fill(softmax(masked_fill(e, ¬(reshape(mask)))), ¬(reshape(mask)))"
    assert operations(opened(Runs(FOLDS["dead code"][0]), X, REAL, hidden=True)) == ["sin", "exp"]


def test_an_arrow_has_the_shape_with_which_the_operand_was_taken() -> None:
    def function(self: Any, x: Tensor) -> Tensor:
        return (x.exp()[:, None] + self.W[:3, :3])[0].squeeze(0)

    found = opened(Runs(function), X)
    exp, plus = found.items[1], found.items[3]
    assert exp.shape == (3, 3) and plus.operands == ((3, 1, 3), (3, 3)) and plus.shape == (3, 3, 3)
    assert found.results == (plus.id,) and found.shapes == ((3, 3),)


def test_a_change_in_place_is_seen_by_all_that_look_at_the_same_numbers() -> None:
    def function(self: Any, x: Tensor, y: Tensor) -> Tensor:
        result = torch.zeros(3, 3)
        turned = result.mT
        result[0].add_(x)
        result[:, 1] = y
        result *= 2
        return turned.exp()

    assert written(opened(Runs(function), torch.randn(3), torch.randn(3))) == "exp(×(setitem(+(zeros, x), y)))"


def test_the_parts_of_a_state_are_named() -> None:
    layers = Layers(*(LSTMState(torch.randn(B, H), torch.randn(B, H)) for _ in range(2)))
    state = LayeredState(layers[1].hidden, layers, Layers())  # the output is the highest layer's, as in a model
    rnn = LayeredStep(E, H, cell="LSTM", num_layers=2)
    found = record(rnn, (torch.randn(B, E), state), {}, ("prev_output", "prev_decoder"))
    parts = {f"prev_decoder.layers.{layer}.{part}" for layer in (0, 1) for part in ("hidden", "cell")}
    assert words(found, "argument") == {"prev_output"} | parts
    assert found.results == tuple(item.id for item in found.items if item.name == "lstm_cell")[::-1]


def test_a_word_is_missing() -> None:
    with pytest.raises(ValueError, match="names are x, y, for 1 arguments; give one word each"):
        record(Runs(lambda self, x: x), (X,), {}, ("x", "y"))


def test_what_comes_from_nowhere_is_a_constant() -> None:
    module = Runs(lambda self, x: torch.arange(3) + REAL.long() + x.new_ones(3) + torch.zeros_like(x) + torch.rand(3))
    assert words(opened(module, X), "constant") == {"arange", "constant", "new_ones", "zeros_like", "rand"}


def test_a_buffer_has_its_name() -> None:
    norm = nn.Sequential(nn.BatchNorm1d(E)).eval()
    assert written(opened(norm, torch.randn(B, E))) == (
        "batch_norm(x, 0.running_mean, 0.running_var, 0.weight, 0.bias)"
    )


DETAILS: dict[str, tuple[Callable[[Tensor], Tensor], str, str]] = {
    "dim": (lambda x: torch.softmax(x, dim=-1), "softmax", "dim=-1"),
    "a usual argument": (lambda x: F.glu(x[:, :2], dim=-1), "glu", ""),
    "an unusual argument": (lambda x: F.glu(x[:2], dim=0), "glu", "dim=0"),
    "by position": (lambda x: x.sum(1), "sum", "dim=1"),
    "a number behind": (lambda x: x / 1.7, "÷", "1.7"),
    "a number before": (lambda x: 1 - x, "−", "1 − ·"),
    "a power of a number": (lambda x: 10000**x, "^", "10000 ^ ·"),
    "in place": (lambda x: x.exp().mul_(2), "×", "2"),
    "by an operator in place": (lambda x: x.exp().__isub__(2), "−", "2"),
    "by a function": (lambda x: torch.rsub(x, 2), "−", "2 − ·"),
    "the form of the result": (lambda x: x.amax(dim=1, keepdim=True), "amax", "dim=1"),
    "heads": (lambda x: nn.MultiheadAttention(4, 2)(*[F.pad(x, (0, 1))] * 3)[0], "attention", "num_heads=2"),
    "a bound": (lambda x: x.clamp(min=0.25), "clamp", "min=0.25"),
    "a convolution": (lambda x: F.conv1d(x, torch.ones(2, 3, 1), None, (1,), (2,)), "conv1d", "padding=2"),
    "an equation": (lambda x: torch.einsum("ij->j", x), "einsum", "ij->j"),
    "a shape": (lambda x: F.pad(x, (0, 1)), "pad", "(0, 1)"),
    "too much": (lambda x: x.roll((10,) * 30, (0,) * 30), "roll", f"({'10, ' * 14}10…"),
}


@pytest.mark.parametrize("name", DETAILS)
def test_an_operation_is_called_as_a_reader_calls_it_with_what_is_unusual(name: str) -> None:
    function, word, detail = DETAILS[name]
    last = opened(Runs(lambda self, x: function(x)), X).items[-1]
    assert (last.name, last.detail) == (word, detail)


class Loop(nn.Module):
    """A recurrence in Python over the positions of x: s_j = tanh(W s_{j-1} + x_j)."""

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Linear(E, E, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        state, states = torch.zeros(E), []
        for position in x.unbind(dim=0):
            state = torch.tanh(self.W(state) + position)
            states.append(state)
        return torch.stack(states)


@pytest.mark.parametrize("positions", [2, 7])
def test_a_loop_is_one_turn_that_takes_what_was_there_before_it_and_what_it_hands_on(positions: int) -> None:
    found = opened(Loop(), torch.randn(positions, E))
    x, zeros, weight, linear, plus, tanh, stack = found.items
    assert [item.name for item in found.items] == ["x", "zeros", "W.weight", "linear", "+", "tanh", "stack"]
    assert linear.inputs == (zeros.id, tanh.id, weight.id)
    assert (plus.inputs, tanh.inputs, stack.inputs) == ((linear.id, x.id), (plus.id,), (tanh.id,))
    assert [item.count for item in found.items] == [1, 1, 1, positions, positions, positions, 1]


def test_layers_of_their_own_parameters_are_no_turns_of_a_loop() -> None:
    layers = nn.Sequential(*(nn.Sequential(nn.Linear(E, E), nn.Tanh()) for _ in range(3)))
    found = opened(layers, X[:, :1].expand(3, E))
    assert operations(found) == ["linear", "tanh"] * 3 and {item.count for item in found.items} == {1}
    residual = Runs(lambda self, x: [x := x + layer(x) for layer in layers][-1])
    assert operations(opened(residual, torch.randn(3, E))) == ["linear", "tanh", "+"] * 3


def test_the_directions_and_layers_of_an_encoder_are_loops_of_their_own() -> None:
    row = ENCODERS["GRU, reset before"]
    positions = 8
    counts = Counter(item.count for item in opened_encoder(row, source=positions).items if item.role == "operation")
    turns = len(operations(opened_node(ROWS["gru, reset before"]))) - 2  # but for what is joined and mapped beforehand
    assert counts[positions] == 4 * turns
    assert not counts.keys() - {1, positions}


def test_heads_without_parameters_are_turns_and_those_with_parameters_are_not() -> None:
    given = (torch.randn(B, H), torch.randn(B, S, M))
    dot, general = (MultiHeadEnergy(H, M, 2 * E, num_heads=E, energy=energy) for energy in ("dot", "general"))
    assert written(opened(dot, *given)) == "stack(bmm(cat(linear(y, U.weight)), linear(x, W.weight)))"
    assert [item.count for item in opened(dot, *given).items if item.name == "bmm"] == [E]
    assert operations(opened(general, *given)).count("linear") == 2 + E


def test_turns_that_differ_in_their_detail_say_so() -> None:
    found = opened(Runs(lambda self, x: torch.stack([x * factor for factor in (2, 3)])), X)
    assert [(item.detail, item.count) for item in found.items if item.name == "×"] == [("…", 2)]


@pytest.mark.parametrize("positions", [3, 8])
def test_layers_within_a_loop_are_turns_each_of_its_own(positions: int) -> None:
    layers = nn.ModuleList(nn.RNNCell(E, E) for _ in range(2))

    def function(self: Any, x: Tensor) -> Tensor:
        states = [torch.zeros(E), torch.zeros(E)]
        for position in x:
            for number, layer in enumerate(layers):
                position = states[number] = torch.sin(layer(position, states[number]))
        return position

    found = opened(Runs(function), torch.randn(positions, E))
    assert [(item.name, item.count) for item in found.items if item.role == "operation"] == [
        ("rnn_tanh_cell", positions),
        ("sin", positions),
    ] * 2


def test_what_a_library_reads_of_lengths_and_packing_is_folded() -> None:
    for name, word in (("GRU", "gru"), ("LSTM", "lstm"), ("Elman, one direction", "rnn_tanh")):
        encoder = ENCODERS[name]
        assert operations(opened_encoder(encoder)) == [word]
        parameters = ", ".join(["rnn." + name for name, _ in encoder.encoder().rnn.named_parameters()])
        states = "zeros, zeros" if word == "lstm" else "zeros"
        assert written(opened_encoder(encoder)) == f"{word}(embedded, {states}, {parameters})"


def test_one_call_of_the_library_is_one_operation_whatever_its_length() -> None:
    rnn = GRUStep(E, H)
    sequence = Runs(lambda self, x, y: rnn.sequence(x, y))
    sequence.rnn = rnn
    found = opened(sequence, torch.randn(B, 9, E), torch.randn(B, H))
    assert operations(found) == ["gru"] and found.items[-1].detail == ""


def draft(key: str, *operands: int) -> Draft:
    return Draft(key, operands)


TURNS: dict[str, tuple[list[Draft], list[int]]] = {
    "one place, the same taken": ([draft("x"), draft("f", 0), draft("f", 0)], [0, 1, 1]),
    "one place, others taken": ([draft("x"), draft("y"), draft("f", 0), draft("f", 1)], [0, 1, 2, 3]),
    "two places": ([draft("x"), draft("f", 0), draft("g", 0)], [0, 1, 2]),
    "handed on": ([draft("0"), draft("f", 0), draft("f", 1), draft("f", 2)], [0, 1, 1, 1]),
    "two in turn": ([draft("0"), draft("f", 0), draft("g", 1), draft("f", 2), draft("g", 3)], [0, 1, 2, 1, 2]),
    "only the second differs": (
        [draft("x"), draft("f", 0), draft("f", 0), draft("g", 0), draft("g", 0), draft("g", 0), draft("f", 3)],
        [0, 1, 1, 3, 3, 3, 6],
    ),
    "two loops": (
        [draft("0"), draft("f", 0), draft("f", 1), draft("1", 2), draft("f", 3), draft("f", 4)],
        [0, 1, 1, 3, 4, 4],
    ),
    "layers": ([draft("x"), draft("W", 0), draft("f", 1), draft("V", 2), draft("f", 3)], [0, 1, 2, 3, 4]),
    "more taken": ([draft("x"), draft("f", 0), draft("f", 0, 0)], [0, 1, 2]),
}


@pytest.mark.parametrize("name", TURNS)
def test_what_repeats_is_found(name: str) -> None:
    drafts, firsts = TURNS[name]
    assert first_turns(drafts) == firsts


def test_a_tape_keeps_what_gives_a_tensor_and_no_look_at_a_shape() -> None:
    def listen() -> Tape:
        with Tape(listen) as tape:
            assert X.exp().dim() == 2 and X.shape[0] and X.sum().item() is not None
        return tape

    assert [call.word for call in listen().calls] == ["exp", "sum"]
