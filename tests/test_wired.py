"""Any diagram as a program: equal to the wiring written by hand, and refused where nodes and diagram disagree."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from models import PICTURES, config
from table import NODES, B, E, H, M, S, V, tensors
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq, mermaid
from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.nodes import Softmax
from seq2seq_attn.trace import trace
from seq2seq_attn.wired import Wired
from seq2seq_attn.wiring import Wiring
from seq2seq_attn.wirings import WIRINGS, Bahdanau

SEED = mermaid.shipped()["bahdanau"]
PICTURE = mermaid.parse(SEED)
ROWS = {row.name: row for row in NODES}
MASK = torch.tensor([[True, True, True], [True, True, False]])

CELLS = ["gru", "lstm", "layers, lstm"]
every_cell = pytest.mark.parametrize("cell", CELLS)
with_and_without_keys = pytest.mark.parametrize("with_keys", [False, True], ids=["no keys", "keys"])


def nodes(cell: str = "gru") -> dict[str, nn.Module]:
    """A node for each operation of the seed's diagram, in float64."""
    rows = {"a": "energy", "softmax": "softmax", "wsum": "weighted_sum", "rnn": cell, "out": "output, tanh"}
    return {id: ROWS[name].node() for id, name in rows.items()}


def arguments(cell: str = "gru") -> dict[str, Any]:
    """What one step is given, by the words of the picture."""
    prev_output, prev_decoder, _ = ROWS[cell].arguments()
    return {
        "prev_output": prev_output,
        "prev_decoder": prev_decoder,
        "encoder_hidden": torch.randn(B, S, M, dtype=torch.float64),
    }


class LSTM(nn.LSTM):
    """torch's own, with every hidden state as its one result."""

    def forward(self, embedded: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(embedded)[0]


def first_rnn() -> Wired:
    """The other diagram that ships, on nodes of torch's own."""
    built = {"embed": nn.Embedding(V, E), "lstm": LSTM(E, H), "out": nn.Linear(H, V), "softmax": nn.Softmax(dim=-1)}
    return Wired(mermaid.load("first_rnn"), built)


def letters() -> Tensor:
    return torch.randint(V, (S, B))


class Node(nn.Module):
    """A node of any kind; those below differ in what they take."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label


class One(Node):
    def forward(self, first: Tensor) -> Tensor:
        return 2 * first


class Two(Node):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first.sum() + second.sum()


class OneOrTwo(Node):
    def forward(self, first: Tensor, second: Tensor | None = None) -> Tensor:
        return first.sum() if second is None else first.sum() + second.sum()


class Several(Node):
    def forward(self, *values: Tensor) -> Tensor:
        return torch.stack([value.sum() for value in values]).sum()


@every_cell
@with_and_without_keys
def test_the_written_wiring_is_its_picture_run_as_a_program_bit_for_bit(cell: str, with_keys: bool) -> None:
    parts, given = nodes(cell), arguments(cell)
    leaves = [part.requires_grad_() for value in given.values() for part in tensors(value)]
    written, wired = Bahdanau(**parts), Wired(PICTURE, parts)
    leaves += written.parameters()

    def run(step: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        keys = step.keys(given["encoder_hidden"]) if with_keys else None
        result = step(**given, mask=MASK, keys=keys)._asdict()
        flat = torch.cat([part.flatten() for value in result.values() for part in tensors(value)])
        return result, torch.autograd.grad(flat.square().sum(), leaves)

    (values, gradients), (wired_values, wired_gradients) = run(written), run(wired)
    assert values.keys() == wired_values.keys()
    for word, value in values.items():
        for part, wired_part in zip(tensors(value), tensors(wired_values[word]), strict=True):
            assert torch.equal(part, wired_part), word
    for gradient, wired_gradient in zip(gradients, wired_gradients, strict=True):
        assert gradient.any() and torch.equal(gradient, wired_gradient)


@pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS)
def test_a_written_wiring_takes_a_node_for_every_operation_and_no_other(wiring: type[Wiring]) -> None:
    picture = mermaid.load(wiring.diagram)
    given = {id: Node(operation.kind) for id, operation in picture.operations.items()}
    step = wiring(**given)
    assert [*step.named_children()] == [*given.items()]
    assert step.specification() == picture and step.legend == tuple(picture.values.values())
    assert step.arguments() == tuple(value.word for value in picture.inputs)
    missing = re.escape(f"{wiring.__name__} takes the nodes {', '.join(given)}; judge is no operation, rnn is missing")
    kept = {id: node for id, node in given.items() if not id.startswith("rnn")}
    if "rnn" in given:
        with pytest.raises(TypeError, match=f"^{missing}$"):
            wiring(**kept, judge=Node("linear"))


@pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS)
def test_a_written_wiring_takes_by_keyword_what_its_picture_run_as_a_program_hands_its_nodes(
    wiring: type[Wiring],
) -> None:
    name = wiring.diagram
    step = Seq2Seq.from_config(config(**PICTURES[name])).decoder.step
    assert type(step) is wiring
    wired = Wired(mermaid.load(name), dict(step.named_children()))
    assert step.keywords() == wired.keywords()
    assert step.arguments() == wired.arguments()


def test_it_has_the_arguments_the_picture_and_the_parameters_of_the_written_wiring() -> None:
    parts = nodes()
    written, wired = Bahdanau(**parts), Wired(PICTURE, parts)
    assert wired.arguments() == written.arguments()
    assert wired.specification() == written.specification() == PICTURE
    assert {*wired.state_dict()} == {*written.state_dict()}


def test_it_is_called_by_words_and_by_position() -> None:
    step, given = Wired(PICTURE, nodes()), arguments()
    prev_output, prev_decoder, encoder_hidden = given.values()
    by_words = step(**given, mask=MASK)
    for result in (
        step(prev_output, prev_decoder, encoder_hidden, mask=MASK),
        step(prev_output, encoder_hidden=encoder_hidden, mask=MASK, prev_decoder=prev_decoder),
    ):
        assert result._fields == by_words._fields
        assert all(torch.equal(first, second) for first, second in zip(result, by_words, strict=True))


def test_the_result_has_a_word_for_each_value_that_is_made() -> None:
    result = Wired(PICTURE, nodes())(**arguments(), mask=MASK)
    assert result._fields == tuple(value.word for value in PICTURE.outputs)


@pytest.mark.parametrize("word", ["prev_output", "prev_decoder", "encoder_hidden"])
def test_a_missing_argument_is_refused_by_name(word: str) -> None:
    given = arguments()
    del given[word]
    with pytest.raises(TypeError, match=f"missing a required argument: '{word}'"):
        Wired(PICTURE, nodes())(**given, mask=MASK)


def test_an_argument_too_many_is_refused() -> None:
    with pytest.raises(TypeError, match="too many positional arguments"):
        Wired(PICTURE, nodes())(*arguments().values(), MASK)


def test_what_no_picture_shows_is_asked_for_by_the_node_that_takes_it() -> None:
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'mask'"):
        Wired(PICTURE, nodes())(**arguments())


REFUSED: dict[str, tuple[dict[str, nn.Module | None], str]] = {
    "a node without an operation": (
        {"judge": Softmax()},
        "node 'judge' is no operation of the diagram; it has a, softmax, wsum, rnn, out",
    ),
    "an operation without a node": ({"a": None}, "operation a[feedforward] has no node; give nodes['a']"),
    "a node of another kind": (
        {"wsum": Softmax()},
        "operation wsum is 'weighted_sum' in the diagram; Softmax is 'softmax'",
    ),
    "a node of torch's own": ({"rnn": nn.Linear(2, 3)}, "operation rnn is 'RNN' in the diagram; Linear is 'Linear'"),
    "a node that takes less": (
        {"wsum": One("weighted_sum")},
        "operation wsum has the arrows (alpha_ij, h_j); its node One takes (first)",
    ),
    "a node that takes more": (
        {"softmax": Two("softmax")},
        "operation softmax has the arrows (e_ij); its node Two takes (first, second)",
    ),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_nodes_that_are_not_those_of_the_diagram_are_refused(change: dict[str, nn.Module | None], message: str) -> None:
    given = {id: node for id, node in (nodes() | change).items() if node is not None}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Wired(PICTURE, given)


@pytest.mark.parametrize("id", ["training", "forward", "keys", "legend", "graph", "_order", "_takes"])
def test_an_operation_that_would_hide_an_attribute_is_refused(id: str) -> None:
    x, y = Value.parse("x_{i} given"), Value.parse("y_{i} found")
    with pytest.raises(ValueError, match=f"operation '{id}' has the name of an attribute of Wired; rename it"):
        Wired(Graph([x, y], [Operation(id, "double", ("x_i",), "y_i")]), {id: One("double")})


@pytest.mark.parametrize("node", [Two("feedforward"), OneOrTwo("feedforward"), Several("feedforward")])
def test_a_diagram_that_was_just_edited_runs_and_what_ran_is_that_diagram(node: nn.Module) -> None:
    edited = mermaid.parse(SEED.replace("c_i --> out\n", ""))
    step, given = Wired(edited, nodes() | {"out": node}), arguments()
    result = step(**given, mask=MASK)
    torch.testing.assert_close(result.output, given["prev_output"].sum() + result.decoder_hidden.sum())
    assert trace(step, **given, mask=MASK) == edited


def test_an_argument_that_a_node_can_do_without_needs_no_arrow() -> None:
    edited = mermaid.parse(SEED.replace("s_i --> out\nc_i --> out\n", ""))
    given = arguments()
    result = Wired(edited, nodes() | {"out": OneOrTwo("feedforward")})(**given, mask=MASK)
    torch.testing.assert_close(result.output, given["prev_output"].sum())


def test_a_diagram_of_torchs_own_modules_runs() -> None:
    step, symbols = first_rnn(), letters()
    result = step(symbols)
    expected = step.softmax(step.out(nn.LSTM.forward(step.lstm, step.embed(symbols))[0]))
    assert torch.equal(result.probabilities, expected)
    assert trace(step, symbols) == mermaid.load("first_rnn")


def test_a_keyword_that_no_node_takes_is_refused() -> None:
    step = Wired(PICTURE, nodes())
    with pytest.raises(TypeError, match="no node takes kes; the values are prev_output, prev_decoder, encoder_hidden"):
        step(**arguments(), mask=MASK, kes=None)
