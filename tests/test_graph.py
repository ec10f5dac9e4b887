"""The graph: its rules, what it answers, and the words in which two of them differ."""

from __future__ import annotations

import re
from keyword import iskeyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph, GraphError, Operation, Value

SEED = mermaid.shipped()["bahdanau"]
PICTURE = mermaid.parse(SEED)

X, Y, Z = map(Value.parse, ("x_{i} given", "y_{i} found", "z_{i} left"))
F = Operation("f", "linear", ("x_i",), "y_i")

IDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True).filter(lambda id: id not in mermaid.RESERVED)
WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True).filter(lambda word: not iskeyword(word))
SYMBOLS = st.from_regex(r"[A-Za-z]{1,5}", fullmatch=True)
SUBSCRIPTS = st.one_of(
    st.sampled_from(["i", "j", "ij", "i-1", "i-1j", "i-1,j", "i-2", "kij"]),
    st.from_regex(r"[A-Za-z0-9+-]{1,4}", fullmatch=True),
)
KINDS = st.from_regex(r"[A-Za-z0-9_ ,.+-]{1,9}", fullmatch=True)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A valid graph: each operation reads values that are given or that one before it has made, in any declaration."""
    inputs, made = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    every_value, every_id = inputs + made, inputs + 2 * made
    ids = draw(st.lists(IDS, min_size=every_id, max_size=every_id, unique=True))
    words = draw(st.lists(WORDS, min_size=every_value, max_size=every_value, unique=True))
    names = draw(
        st.lists(
            st.tuples(SYMBOLS, SUBSCRIPTS),
            min_size=every_value,
            max_size=every_value,
            unique_by=lambda name: (name[0], name[1].replace(",", "")),
        )
    )
    values = [Value(id, *name, word) for id, name, word in zip(ids, names, words, strict=False)]
    operations = []
    for number, id in enumerate(ids[every_value:]):
        readable = [value.id for value in values[: inputs + number]]
        sources = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3, unique=True))
        operations.append(Operation(id, draw(KINDS), tuple(sources), values[inputs + number].id))
    used = {id for operation in operations for id in (*operation.inputs, operation.output)}
    declared = draw(st.permutations([value for value in values if value.id in used]))
    return Graph(declared, draw(st.permutations(operations)))


any_graph = settings(deadline=None, derandomize=True, max_examples=40)


@pytest.mark.parametrize(
    ("text", "id", "value"),
    [
        ("s_{i-1} prev_decoder", None, Value("s_ii", "s", "i-1", "prev_decoder")),
        ("alpha_{ij} attn_weights", None, Value("alpha_ij", "alpha", "ij", "attn_weights")),
        ("b_{i-1j} prev_coverage", None, Value("b_iij", "b", "i-1j", "prev_coverage")),
        ("b_{i-1,j} prev_coverage", None, Value("b_ii_j", "b", "i-1,j", "prev_coverage")),
        ("s_{i-2} earlier_decoder", None, Value("s_i_2", "s", "i-2", "earlier_decoder")),
        ("h_{0} first", "start", Value("start", "h", "0", "first")),
    ],
)
def test_a_value_reads_as_symbol_subscript_and_word_and_writes_itself_so(
    text: str, id: str | None, value: Value
) -> None:
    assert Value.parse(text, id) == value
    assert str(value) == text


@pytest.mark.parametrize("text", ["", "s", "s_i state", "s_{i}", "s_{} state", "_{i} state", "s_{i} 2nd", "s_{i} a b"])
def test_a_text_that_is_no_value_is_quoted_in_the_error(text: str) -> None:
    message = f"a value reads 'symbol_{{subscript}} word', as in 's_{{i-1}} prev_decoder'; got {text!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        Value.parse(text)


@pytest.mark.parametrize("word", ["in", "lambda", "_hidden", "self"])
def test_a_word_that_no_argument_can_have_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' cannot be the name of an argument or a field in Python"):
        Value.parse(f"s_{{i}} {word}")


@pytest.mark.parametrize(("subscript", "id"), [("i-1", "s_ii"), ("i+1", "s_i_1"), ("j-1", "s_j_1"), ("ij", "s_ij")])
def test_a_subscript_becomes_an_id_that_mermaid_can_write(subscript: str, id: str) -> None:
    assert Value.parse(f"s_{{{subscript}}} state").id == id


@pytest.mark.parametrize(
    ("subscript", "axes", "later"),
    [
        ("i", "i", None),
        ("j", "j", None),
        ("0", "", None),
        ("kij", "ijk", None),
        ("ijk", "ijk", None),
        ("i,j", "ij", None),
        ("i-1", "i", "i"),
        ("i-2", "i", "i-1"),
        ("i-10", "i", "i-9"),
        ("i-1,j", "ij", "ij"),
        ("i-1j", "ij", "ij"),
        ("k,i-2,j", "ijk", "ki-1j"),
    ],
)
def test_a_subscript_says_what_there_is_one_for_and_what_it_is_a_step_later(
    subscript: str, axes: str, later: str | None
) -> None:
    value = Value.parse(f"s_{{{subscript}}} state")
    assert value.axes == axes and value.later == (later and ("s", later))


FAULTS = {
    "a value declared twice": ([X, Y, X], [F], "x_i is declared twice", "x_i"),
    "an operation declared twice": ([X, Y, Z], [F, Operation("f", "linear", ("x_i",), "z_i")], "f is declared", "f"),
    "one id for a value and an operation": (
        [X, Y],
        [Operation("x_i", "linear", ("x_i",), "y_i")],
        "x_i is declared twice",
        "x_i",
    ),
    "one word for two values": (
        [X, Y, Value("w", "w", "i", "given")],
        [F],
        "values x_i and w have the same word, given",
        "w",
    ),
    "one symbol for two values": (
        [X, Y, Value("w", "x", "i", "other")],
        [F],
        "values x_i and w have the same symbol, x_{i}",
        "w",
    ),
    "one symbol for two values, with a comma": (
        [X, Y, Value("v", "w", "ij", "one"), Value("w", "w", "i,j", "other")],
        [F],
        "values v and w have the same symbol, w_{i,j}",
        "w",
    ),
    "no arrow in": ([X, Y], [Operation("f", "linear", (), "y_i")], "operation f has no arrow in", "f"),
    "an arrow from nowhere": (
        [X, Y],
        [Operation("f", "linear", ("x_i", "u"), "y_i")],
        "arrow u → f does not start at a value",
        ("u", "f"),
    ),
    "an arrow from an operation": (
        [X, Y, Z],
        [F, Operation("g", "linear", ("f",), "z_i")],
        "arrow f → g does not start at a value",
        ("f", "g"),
    ),
    "a doubled arrow": (
        [X, Y],
        [Operation("f", "linear", ("x_i", "x_i"), "y_i")],
        "arrow x_i → f is there twice",
        ("x_i", "f"),
    ),
    "an arrow to nowhere": (
        [X, Y],
        [Operation("f", "linear", ("x_i",), "u")],
        "arrow f → u does not end at a value",
        ("f", "u"),
    ),
    "a value made twice": (
        [X, Y],
        [F, Operation("g", "linear", ("x_i",), "y_i")],
        "value y_i is made twice, by f and by g",
        ("g", "y_i"),
    ),
    "a value beside the graph": ([X, Y, Z], [F], "value z_i is neither made nor read by an operation", "z_i"),
    "an operation that reads its own result": (
        [X, Y],
        [Operation("f", "linear", ("x_i", "y_i"), "y_i")],
        "operations f → f form a cycle within one step; hand the value on through i-1",
        "f",
    ),
}


@pytest.mark.parametrize(("values", "operations", "message", "subject"), FAULTS.values(), ids=FAULTS)
def test_a_graph_that_breaks_a_rule_is_refused_with_what_is_at_fault(
    values: list[Value], operations: list[Operation], message: str, subject: object
) -> None:
    with pytest.raises(GraphError, match=re.escape(message)) as refused:
        Graph(values, operations)
    assert refused.value.subject == subject


def test_a_cycle_through_two_operations_is_refused_and_spelt_out() -> None:
    circle = [Operation("f", "linear", ("x_i", "z_i"), "y_i"), Operation("g", "linear", ("y_i",), "z_i")]
    with pytest.raises(GraphError, match=r"operations (f → g → f|g → f → g) form a cycle within one step") as refused:
        Graph([X, Y, Z], circle)
    assert refused.value.subject in ("f", "g")


def test_the_seed_is_inputsthree_every_valueand_makes_five_and_hands_two_on() -> None:
    assert [value.id for value in PICTURE.inputs] == ["y_ii", "s_ii", "h_j"]
    assert [value.id for value in PICTURE.outputs] == ["y_i", "s_i", "c_i", "alpha_ij", "e_ij"]
    assert {(now.id, before.id) for now, before in PICTURE.recurrences} == {("y_i", "y_ii"), ("s_i", "s_ii")}


def test_a_past_value_without_a_present_one_is_no_recurrence() -> None:
    before = Value.parse("x_{i-1} prev_given")
    assert Graph([before, Y], [Operation("f", "linear", ("x_ii",), "y_i")]).recurrences == ()


def test_a_recurrence_keeps_its_other_subscripts() -> None:
    before, now = Value.parse("b_{i-1j} prev_coverage"), Value.parse("b_{ij} coverage")
    assert Graph([before, now], [Operation("add", "sum", ("b_iij",), "b_ij")]).recurrences == ((now, before),)


@pytest.mark.parametrize(("past", "present"), [("i-1,j", "ij"), ("i-1j", "i,j"), ("k,i-1,j", "kij")])
def test_a_comma_in_a_subscript_changes_nothing(past: str, present: str) -> None:
    before, now = Value.parse(f"b_{{{past}}} prev_coverage", "b"), Value.parse(f"b_{{{present}}} coverage")
    assert Graph([before, now], [Operation("add", "sum", ("b",), now.id)]).recurrences == ((now, before),)


def test_what_a_step_makes_is_not_handed_to_it_though_it_is_of_an_earlier_step() -> None:
    """GroundHog's order: the step makes s_{i-1} of s_{i-2}, and hands on the one as the other."""
    now, before = Value.parse("s_{i-1} prev_state"), Value.parse("s_{i-2} earlier_state")
    graph = Graph([now, before, X, Y], [Operation("rnn", "RNN", (before.id,), now.id), F])
    assert graph.recurrences == ((now, before),)
    later = Value.parse("s_{i} state")
    rnn, g = graph.operations["rnn"], Operation("g", "RNN", (now.id,), later.id)
    longer = Graph([now, before, later], [rnn, g])
    assert longer.recurrences == ((now, before),)


def test_a_value_that_is_two_steps_old_needs_one_that_is_one_step_old() -> None:
    before, now = Value.parse("s_{i-2} earlier_state"), Value.parse("s_{i} state")
    assert Graph([before, now], [Operation("rnn", "RNN", (before.id,), now.id)]).recurrences == ()


def test_what_begins_a_recurrence_is_the_same_symbol_with_0() -> None:
    first = Value.parse("s_{0} first_decoder")
    start = Operation("bridge", "bridge", ("h_j",), first.id)
    whole = Graph([*PICTURE.values.values(), first], [*PICTURE.operations.values(), start])
    assert whole.beginnings == ((first, PICTURE.values["s_ii"]),) and PICTURE.beginnings == ()


def test_a_value_has_at_most_one_maker() -> None:
    assert PICTURE.maker("s_i") == PICTURE.operations["rnn"] and PICTURE.maker("s_ii") is None


def test_arrows_come_operation_by_operation_with_the_arguments_in_order() -> None:
    assert PICTURE.arrows[:3] == (("s_ii", "a"), ("h_j", "a"), ("a", "e_ij"))
    assert len(PICTURE.arrows) == SEED.count("-->") == 16


def test_the_order_of_the_seed_is_look_update_generate() -> None:
    backwards = Graph(PICTURE.values.values(), reversed(PICTURE.operations.values()))
    assert [o.id for o in backwards.order()] == ["a", "softmax", "wsum", "rnn", "out"]


@any_graph
@given(graphs())
def test_in_order_each_operation_finds_its_arguments_made(graph: Graph) -> None:
    known = {value.id for value in graph.inputs}
    for operation in graph.order():
        assert known.issuperset(operation.inputs)
        known.add(operation.output)
    assert known == set(graph.values)


@any_graph
@given(graphs(), st.data())
def test_the_order_of_declaration_does_not_count(graph: Graph, data: st.DataObject) -> None:
    shuffled = Graph(
        data.draw(st.permutations([*graph.values.values()])), data.draw(st.permutations([*graph.operations.values()]))
    )
    assert shuffled == graph and shuffled.diff(graph) == []


@any_graph
@given(graphs(), graphs())
def test_graphs_are_equal_exactly_when_nothing_differs(first: Graph, second: Graph) -> None:
    assert (first == second) == (first.diff(second) == []) == (second.diff(first) == [])


def test_a_graph_is_equal_to_nothing_but_a_graph_and_shows_what_it_does() -> None:
    graph = Graph([X, Y], [F])
    assert graph != "y_i = f(x_i)"
    assert repr(graph) == "<Graph y_i = f(x_i)>"


DIFFERENCES = {
    "an arrow left out": ("c_i --> out\n", "", ["arrow c_i → out is only in the picture"]),
    "an arrow too many": ("c_i --> out\n", "c_i --> out\ns_ii --> out\n", ["arrow s_ii → out is only in the run"]),
    "an arrow moved": (
        "s_i --> out",
        "s_ii --> out",
        ["arrow s_i → out is only in the picture", "arrow s_ii → out is only in the run"],
    ),
    "arguments swapped": (
        "alpha_ij --> wsum\nh_j --> wsum",
        "h_j --> wsum\nalpha_ij --> wsum",
        ["operation wsum reads (alpha_ij, h_j) in the picture, (h_j, alpha_ij) in the run"],
    ),
    "another kind": ("rnn[RNN]", "rnn[LSTM]", ["operation rnn is 'RNN' in the picture, 'LSTM' in the run"]),
    "another word": (
        "c_{i} context",
        "c_{i} glimpse",
        ["value c_i is 'c_{i} context' in the picture, 'c_{i} glimpse' in the run"],
    ),
    "a value too many": (
        "\ns_ii --> a\n",
        '\nd_j["d_{j} distance"]\ns_ii --> a\nd_j --> a\n',
        ["value d_j is only in the run", "arrow d_j → a is only in the run"],
    ),
    "an operation too many": (
        "\ns_ii --> a\n",
        'q_i["q_{i} quality"]\nsubgraph\n judge[linear]\nend\ny_i --> judge\njudge --> q_i\ns_ii --> a\n',
        [
            "value q_i is only in the run",
            "operation judge is only in the run",
            "arrow y_i → judge is only in the run",
            "arrow judge → q_i is only in the run",
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "words"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_said_in_words_that_name_node_and_arrow(old: str, new: str, words: list[str]) -> None:
    assert SEED.count(old) == 1
    edited = mermaid.parse(SEED.replace(old, new))
    assert PICTURE.diff(edited, "the picture", "the run") == words


def test_a_difference_is_between_here_and_there_when_no_names_are_given() -> None:
    edited = mermaid.parse(SEED.replace("c_i --> out\n", ""))
    assert PICTURE.diff(edited) == ["arrow c_i → out is only in here"]
    assert edited.diff(PICTURE) == ["arrow c_i → out is only in there"]
