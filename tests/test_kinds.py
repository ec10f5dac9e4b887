"""The table of kinds: what a picture may say of an operation, which node that is, and what is answered to the rest."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from models import config
from torch import Tensor, nn

from seq2seq_attn import build, code, kinds, mermaid
from seq2seq_attn.graph import Graph, GraphError, Operation, Value
from seq2seq_attn.kinds import CELLS, codes, find, known, register
from seq2seq_attn.signature import Choice, Kind, Slot
from seq2seq_attn.whole import split

SEED = mermaid.load("bahdanau")
NUMBERS = {"int": ("3 {}", 3), "float": ("{} 0.25", 0.25), "bool": ("{}", True)}  # how a text says an option of a type


def picture(kind: Kind, text: str, many: int = 0) -> tuple[Graph, Operation]:
    """One operation that fits a kind, with ``many`` more arguments where it takes any number."""
    slots = kind.slots(len(kind.arguments) + many if kind.arguments[-1].many else len(kind.arguments)) or []
    inputs = [Value.parse(f"{'abcdefg'[n]}_{{{slot.axes or 0}}} argument{n}", f"v{n}") for n, slot in enumerate(slots)]
    output = Value.parse(f"z_{{{kind.result.axes or 0}}} result", "z")
    operation = Operation("node", text, tuple(value.id for value in inputs), "z")
    return Graph([*inputs, output], [operation]), operation


def options(kind: Kind) -> tuple[str, dict[str, Any]]:
    """The text that says every option of a kind, and what it says."""
    parameters = inspect.signature(kind.load()).parameters
    said = {name: NUMBERS[parameters[name].annotation] for name in kind.options}
    texts = [text.format(name.removeprefix("num_")) for name, (text, _) in said.items()]
    return ", ".join([kind.label, *texts]), {name: value for name, (_, value) in said.items()}


def seed(id: str, text: str, inputs: tuple[str, ...] | None = None, output: str | None = None) -> tuple[Graph, str]:
    """The seed with another operation of an id, and the id."""
    operations = [
        Operation(o.id, text, inputs or o.inputs, output or o.output) if o.id == id else o
        for o in SEED.operations.values()
    ]
    return Graph(SEED.values.values(), operations), id


def refusal(graph: Graph, id: str) -> tuple[str, Any]:
    """What is said of an operation, and of which id or arrow it is said."""
    with pytest.raises(GraphError) as caught:
        find(graph, graph.operations[id])
    return str(caught.value), caught.value.subject


every_kind = pytest.mark.parametrize("kind", known(), ids=lambda kind: f"{kind.label} {kind.axes} {kind.node}")


@pytest.mark.parametrize(
    ("signature", "arguments", "result", "axes"),
    [
        ("ij -> ij", (Slot("ij"),), Slot("ij"), "ij -> ij"),
        ("i query_size, j memory -> ij", (Slot("i", "query_size"), Slot("j", "memory")), Slot("ij"), "i, j -> ij"),
        ("i a, *i b -> i c", (Slot("i", "a"), Slot("i", "b", many=True)), Slot("i", "c"), "i, i… -> i"),
        ("kij, ji -> jik 4", (Slot("ijk"), Slot("ij")), Slot("ijk", "4"), "ijk, ij -> ijk"),
        ("j memory_size -> hidden_size", (Slot("j", "memory_size"),), Slot("", "hidden_size"), "j -> "),
    ],
)
def test_a_signature_is_read_as_in_einsum(signature: str, arguments: Any, result: Slot, axes: str) -> None:
    kind = Kind("word", signature, nn.Module)
    assert (kind.arguments, kind.result, kind.axes) == (arguments, result, axes)


@pytest.mark.parametrize(
    ("signature", "numbers"),
    [("i, j -> ij", {2}), ("i a, i b, *i a -> i b", {2, 3, 4, 5}), ("*i a -> i", {1, 2, 3, 4, 5})],
)
def test_a_star_is_any_number_of_arguments_none_as_well(signature: str, numbers: set[int]) -> None:
    kind = Kind("word", signature, nn.Module)
    taken = {number for number in range(1, 6) if kind.slots(number) is not None}
    assert taken == numbers
    assert [len(kind.slots(number) or ()) for number in sorted(numbers)] == sorted(numbers)


@every_kind
def test_every_kind_is_found_by_its_label_and_all_its_options_where_its_arrows_fit(kind: Kind) -> None:
    text, said = options(kind)
    for many in range(3) if kind.arguments[-1].many else (0,):
        graph, operation = picture(kind, text, many)
        assert find(graph, operation) == Choice(kind, said)


@every_kind
def test_every_class_exists_and_its_constructor_can_be_filled(kind: Kind) -> None:
    cls = kind.load()
    parameters = inspect.signature(cls).parameters
    assert Path(inspect.getfile(cls)) == kind.file()
    assert cls.label == {**dict.fromkeys(CELLS, "RNN"), "scaled_dot": "dot"}.get(kind.label, kind.label) or (
        kind.given == {"energy": kind.label} and cls.label == "heads"
    )
    if kind.label in CELLS:
        assert cls.__name__ == f"{kind.label}Step" or kind.given == {"cell": kind.label}
    assert {*kind.options, *kind.given} <= parameters.keys()
    sizes = {slot.name for slot in kind.arguments}
    filled = {*kind.options, *kind.given, *sizes, *build.fields(config()), "embedding"}
    needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    own = {"num_embeddings", "embedding_dim", "args", "kwargs"}  # torch's Embedding, which only a model builds
    assert needed - own <= filled


@pytest.mark.parametrize("name", mermaid.shipped())
def test_every_operation_of_a_picture_that_ships_has_a_kind(name: str) -> None:
    step, encoder = split(mermaid.load(name))
    if name == "first_rnn":  # torch's own modules, and no step of a decoder
        with pytest.raises(GraphError, match=r"operation lstm\[LSTM\] takes the arguments i, i, i… and has 1"):
            find(step, step.operations["lstm"])
        return
    for operation in step.operations.values():
        kind = find(step, operation).kind
        assert kind.label == operation.kind.split(",")[0] or (kind.label, operation.kind) == ("GRU", "RNN")
    assert encoder in (None, "RNN")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LSTM, 2 layers, residual, dropout 0.3", {"num_layers": 2, "residual": True, "dropout": 0.3}),
        ("LSTM,residual ,layers 3", {"num_layers": 3, "residual": True}),
        ("LSTM", {}),
        ("RNN, 1 layers, variational", {"num_layers": 1, "variational": True}),
    ],
)
def test_options_stand_behind_the_label_in_any_order(text: str, said: dict[str, Any]) -> None:
    graph, id = seed("rnn", text)
    assert find(graph, graph.operations[id]).options == said


def test_the_same_label_with_options_is_another_class() -> None:
    for text, cls in (("Elman", "ElmanStep"), ("Elman, 2 layers", "LayeredStep")):
        graph, id = seed("rnn", text)
        assert find(graph, graph.operations[id]).kind.load().__name__ == cls


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_picture_calls_rnn_is_the_cell_of_the_config_and_of_an_encoder_the_encoder(cell: str) -> None:
    operation = SEED.operations["rnn"]
    assert find(SEED, operation, cell).kind.load().__name__ == f"{cell}Step"
    graph, id = seed("rnn", "GRU")
    assert find(graph, graph.operations[id], cell).kind.load().__name__ == "GRUStep"  # the picture has the last word
    encoder = Operation("encoder", "RNN", ("u_j",), "h_j")
    values = [Value.parse("u_{j} embedded"), Value.parse("h_{j} encoder_hidden")]
    assert find(Graph(values, [encoder]), encoder, cell).kind.load().__name__ == "RNNEncoder"


LABELS = ", ".join(sorted({kind.label for kind in known()} | {"RNN"}))


@pytest.mark.parametrize(
    ("id", "text", "near"),
    [
        ("softmax", "softmaks", "softmax"),
        ("softmax", "Softmax", "softmax"),
        ("rnn", "rnn", "RNN"),
        ("rnn", "lstm, 2 layers", "LSTM"),
        ("a", "feedfoward", "feedforward"),
        ("a", "scaled dot", "scaled_dot"),
        ("wsum", "weightedsum", "weighted_sum"),
        ("out", "liner", "linear"),
    ],
)
def test_an_unknown_operation_is_answered_with_the_nearest_known_one(id: str, text: str, near: str) -> None:
    said = text.split(",")[0]
    assert refusal(*seed(id, text)) == (
        f"operation {id}[{text}]: no operation is called {said!r}; did you mean {near!r}? There are {LABELS}; "
        f"seq2seq_attn.register adds one of your own",
        id,
    )


@pytest.mark.parametrize(
    ("id", "text", "why"),
    [
        ("softmax", "softmax, heat 2", "'heat 2' is no option of softmax; it takes the options temperature"),
        (
            "softmax",
            "softmax, temperature 2 3",
            "'temperature 2 3' is no option of softmax; it takes the options tempera",
        ),
        ("softmax", "softmax, 2", "'2' is no option of softmax; it takes the options temperature"),
        ("softmax", "softmax,", "'' is no option of softmax; it takes the options temperature"),
        ("softmax", "sparsemax, temperature 2", "'temperature 2' is no option of sparsemax; it takes no options"),
        (
            "rnn",
            "GRU, layers 2, num_heads 2",
            "'num_heads 2' is no option of GRU; it takes the options layers, residual",
        ),
        ("rnn", "GRU, 2 layers, 3 layers", "'3 layers' says layers a second time; leave one of them out"),
        (
            "a",
            "dot, 4 heads",
            "'4 heads' is no option of dot; it takes no options; dot of (i, j -> ijk) takes it",
        ),
    ],
)
def test_an_option_that_a_kind_does_not_take_is_refused_with_those_that_it_does(id: str, text: str, why: str) -> None:
    said, subject = refusal(*seed(id, text))
    assert said.startswith(f"operation {id}[{text}]: {why}") and subject == id


MISFITS = {
    "too few arguments": (
        seed("a", "feedforward", ("s_ii",)),
        "operation a[feedforward] takes the arguments i, j, ij… and has 1; each is an arrow in, in this order",
        "a",
    ),
    "too many": (
        seed("softmax", "softmax", ("e_ij", "s_ii")),
        "operation softmax[softmax] takes the arguments ij and has 2; each is an arrow in, in this order; with the "
        "arrows as they are it can be local_p",
        "softmax",
    ),
    "j summed nowhere": (
        seed("rnn", "GRU", ("y_ii", "s_ii", "alpha_ij")),
        "operation rnn[GRU] takes (i, i, i…); argument 3, alpha_ij 'alpha_{ij} attn_weights', is one for each pair of "
        "target step and source position, where one for each target step belongs: the j of alpha_ij is summed nowhere; "
        "a weighted_sum sums it (ij, j -> i)",
        ("alpha_ij", "rnn"),
    ),
    "a value of a step for one of each position": (
        seed("a", "general", ("s_ii", "y_ii")),
        "operation a[general] takes (i, j); argument 2, y_ii 'y_{i-1} prev_output', is one for each target step, where "
        "one for each source position belongs: a value of one step cannot stand for the values of all source "
        "positions, such as h_j",
        ("y_ii", "a"),
    ),
    "a value of each position for one of a step": (
        seed("rnn", "GRU", ("y_ii", "h_j", "c_i")),
        "operation rnn[GRU] takes (i, i, i…); argument 2, h_j 'h_{j} encoder_hidden', is one for each source position, "
        "where one for each target step belongs: what is there for every source position has to be summed first, by a "
        "weighted_sum (ij, j -> i)",
        ("h_j", "rnn"),
    ),
    "another result": (
        seed("out", "softmax", ("e_ij",)),
        "operation out[softmax] gives one for each pair of target step and source position (ij -> ij); y_i 'y_{i} "
        "output' is one for each target step",
        ("out", "y_i"),
    ),
    "what it could be": (
        seed("out", "GRU", ("s_i",)),
        "operation out[GRU] takes the arguments i, i, i… and has 1; each is an arrow in, in this order; with the "
        "arrows as they are it can be feedforward, gate, linear, mixture_of_softmaxes, tanh, tied",
        "out",
    ),
}


@pytest.mark.parametrize(("picture", "why", "subject"), MISFITS.values(), ids=MISFITS)
def test_values_that_do_not_fit_are_refused_with_what_belongs_there(picture: Any, why: str, subject: Any) -> None:
    assert refusal(*picture) == (why, subject)


class Double(nn.Module):
    """A node of a user's own."""

    def __init__(self, size: int, *, factor: float = 2.0) -> None:
        super().__init__()
        self.size, self.factor = size, factor

    def forward(self, value: Tensor) -> Tensor:
        return self.factor * value


class Other(Double):
    """Another."""


@pytest.fixture
def register_for_now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(kinds, "_KINDS", [*kinds._KINDS])
    yield


def resolved(text: str, axes: str = "i") -> Choice:
    values = [Value.parse(f"a_{{{axes}}} given", "a"), Value.parse(f"b_{{{axes}}} found", "b")]
    operation = Operation("node", text, ("a",), "b")
    return find(Graph(values, [operation]), operation)


@pytest.mark.usefixtures("register_for_now")
def test_a_node_of_your_own_is_found_by_its_label_where_its_arrows_fit() -> None:
    register(Double, "my double", "i size -> i size", options=("factor",))
    choice = resolved("my double, factor 3.5")
    assert (choice.kind.load(), choice.options, choice.kind.file()) == (Double, {"factor": 3.5}, None)
    with pytest.raises(GraphError, match=re.escape("operation node[my double] takes (i); argument 1, a 'a_{j} given'")):
        resolved("my double", "j")


@pytest.mark.usefixtures("register_for_now")
def test_one_node_can_stand_under_one_label_for_several_shapes_written_in_any_order() -> None:
    for signature in ("i size -> i size", "ji -> ij", "kij -> kij"):
        register(Double, "double", signature)
    assert [resolved("double", axes).kind.signature for axes in ("i", "ij", "kij")] == [
        "i size -> i size",
        "ji -> ij",
        "kij -> kij",
    ]


@pytest.mark.usefixtures("register_for_now")
def test_a_class_that_is_written_anew_takes_the_place_of_the_old_one() -> None:
    before = len(known())
    register(Double, "double", "i size -> i size")
    again = type("Double", (Double,), {"__module__": Double.__module__, "__qualname__": Double.__qualname__})
    register(again, "double", "i size -> i size")
    assert len(known()) == before + 1
    assert resolved("double").kind.node is again


@pytest.mark.usefixtures("register_for_now")
def test_a_label_can_have_a_second_kind_with_options_of_its_own() -> None:
    register(Other, "softmax", "ij -> ij", options=("factor",))
    assert resolved("softmax, factor 3", "ij").kind.load() is Other
    assert resolved("softmax", "ij").kind.load().__name__ == "Softmax"


@pytest.mark.usefixtures("register_for_now")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("2x", "i -> i"), "label '2x' cannot be written in a picture; use letters, digits, spaces and _ . + -"),
        (("x, y", "i -> i"), "label 'x, y' cannot be written in a picture; use letters, digits, spaces and _ . + -"),
        (("x ", "i -> i"), "label 'x ' cannot be written in a picture; use letters, digits, spaces and _ . + -"),
        (("", "i -> i"), "label '' cannot be written in a picture; use letters, digits, spaces and _ . + -"),
        (("RNN", "i -> i"), "'RNN' is the cell that the config says; use another label"),
        (("x", "i, j"), "signature 'i, j' is not of the form 'i query_size, j memory_size -> ij'"),
        (("x", "i->i"), "signature 'i->i' is not of the form 'i query_size, j memory_size -> ij'"),
        (("x", "b -> i"), "signature 'b -> i' is not of the form 'i query_size, j memory_size -> ij'"),
        (("x", "i -> *i"), "signature 'i -> *i' is not of the form 'i query_size, j memory_size -> ij'"),
        (
            ("x", "*i, j -> i"),
            "signature '*i, j -> i' has a * that is not the last argument; no arrow could be told from it",
        ),
        (
            ("x", "i, j -> j"),
            "signature 'i, j -> j' has no i in its result; what reads a step's value is there each step",
        ),
        (("x", "i -> i", ("speed", "size")), "speed: no parameter of Double, so that no text can set it"),
        (("softmax", "ij -> ij", ("factor",)), None),
        (("sparsemax", "ij -> ij"), "a kind 'sparsemax' of ij -> ij is there already; use another label"),
        (("copy", "i, i, ji, j -> i"), "a kind 'copy' of i, i, ij, j -> i is there already; use another label"),
    ],
)
def test_what_no_picture_could_use_is_not_registered(arguments: tuple[Any, ...], why: str | None) -> None:
    before = known()
    if why is None:
        register(Double, *arguments)
        assert len(known()) == len(before) + 1
        return
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        register(Double, *arguments)
    assert known() == before


@pytest.mark.usefixtures("register_for_now")
def test_what_two_users_call_alike_is_refused() -> None:
    register(Double, "double", "i size -> i size")
    with pytest.raises(ValueError, match="a kind 'double' of i -> i is there already; use another label"):
        register(Other, "double", "i size -> i size")


def test_the_files_behind_a_picture_are_found_without_torch() -> None:
    program = (
        "import sys\n"
        "from seq2seq_attn import mermaid\n"
        "from seq2seq_attn.kinds import codes\n"
        "for name in mermaid.shipped():\n"
        "    for id, code in codes(mermaid.load(name)).items():\n"
        "        print(name, id, code.file)\n"
        "assert 'torch' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found = [line.split(" ", 2) for line in run.stdout.splitlines()]
    assert {(name, id) for name, id, _ in found} == {
        (name, id) for name in mermaid.shipped() for id in mermaid.load(name).operations if name != "first_rnn"
    }
    assert all(Path(file).is_file() for _, _, file in found)


def test_the_file_behind_an_operation_is_the_one_of_its_class() -> None:
    package = Path(kinds.__file__).parent
    found = {id: (code.file or package).relative_to(package) for id, code in codes(mermaid.load("seq2seq")).items()}
    assert {id: file.as_posix() for id, file in found.items()} == {
        "embed_source": "nodes/embedding.py",
        "encoder": "encoders/rnn.py",
        "bridge": "bridge.py",
        "embed_target": "nodes/embedding.py",
        "a": "nodes/energy.py",
        "softmax": "nodes/softmax.py",
        "wsum": "nodes/weighted_sum.py",
        "rnn": "nodes/rnn.py",
        "out": "nodes/output.py",
    }


@pytest.mark.usefixtures("register_for_now")
def test_the_code_of_a_kind_of_ones_own_is_its_class_and_an_unknown_kind_has_none() -> None:
    register(Double, "double", "ij -> ij")
    found = codes(seed("softmax", "double")[0])
    assert found.keys() == SEED.operations.keys() and found["softmax"] == code.of(Double)
    assert (found["softmax"].name, found["softmax"].file) == ("Double", Path(__file__))
    assert codes(seed("softmax", "tripled")[0]).keys() == SEED.operations.keys() - {"softmax"}
