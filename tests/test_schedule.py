"""What can leave the loop: the bands of every picture, and an oracle that unrolls pictures into single runs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_build import drawn, node

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.schedule import Schedule, schedule

# The bands of every picture that ships: before, inside and after the loop, with the true symbols given.
BANDS = {
    "appendix": "| a softmax wsum rnn | out",  # out reads s_{i-1}, which is there when the loop is done
    "bahdanau": "| a softmax wsum rnn | out",  # a reads what rnn made a step before, rnn what wsum made of it
    "conditional_gru": "| rnn1 a softmax wsum rnn2 | out",  # rnn1 reads what rnn2 made a step before
    "coverage": "| a softmax wsum rnn cover | out",  # a reads what cover made a step before
    "first_rnn": "embed lstm out softmax | |",  # nothing is handed on
    "groundhog": "| rnn a softmax wsum | out",  # rnn reads the context of the step before
    "location_aware": "| conv a softmax wsum rnn | out",  # conv reads the weights of the step before
    "luong": "| rnn | a softmax wsum attend out",  # without input feeding rnn waits for itself only
    "luong_input_feeding": "| rnn a softmax wsum attend | out",  # rnn reads what attend made a step before
    "monotonic": "| a mono wsum rnn | out",  # mono reads its own weights of the step before, too
    "multihead": "| a softmax wsum rnn | out",
    "no_attention": "| rnn | out",
    "pointer_generator": "| a softmax wsum rnn | out gate copy",
    "seq2seq": "embed_source encoder bridge embed_target | a softmax wsum rnn | out",  # the symbols are all given
}


def sets(bands: Schedule | str) -> tuple[frozenset[str], ...]:
    """The bands without the order in them."""
    parts = bands.split("|") if isinstance(bands, str) else [" ".join(ids) for ids in bands]
    return tuple(frozenset(part.split()) for part in parts)


def test_the_table_has_every_picture_that_ships() -> None:
    assert BANDS.keys() == mermaid.shipped().keys()


@pytest.mark.parametrize("name", BANDS)
def test_every_picture_has_the_bands_that_are_expected(name: str) -> None:
    found = schedule(mermaid.load(name))
    assert sets(found) == sets(BANDS[name])
    assert found.bands() == {
        id: band for band, ids in zip(("before", "inside", "after"), found, strict=True) for id in ids
    }


@pytest.mark.parametrize("name", ["appendix", "bahdanau", "luong", "no_attention", "seq2seq"])
def test_without_the_true_symbols_what_leads_to_the_output_waits_for_the_symbol_before(name: str) -> None:
    graph = mermaid.load(name)
    symbol = next((value for value in graph.inputs if value.word == "prev_output"), None)
    found = schedule(graph, given=())
    if symbol is None:  # the whole picture: w_{i-1} is given, and not made from y_i
        assert sets(found) == sets(BANDS[name])
    else:
        assert sets(found) == (frozenset(), frozenset(graph.operations), frozenset())


EDITS = {
    "what needs the source only": (
        drawn("bahdanau", ("h_j --> a\n", "k_j --> a\n"), node("project[tanh]", "h_j", 'k_j["k_{j} projected"]')),
        "project | a softmax wsum rnn | out",
    ),
    "what needs the given symbols only": (
        drawn("bahdanau", ("y_ii --> rnn", "z_i --> rnn"), node("read[tanh]", "y_ii", 'z_i["z_{i} read"]')),
        "read | a softmax wsum rnn | out",
    ),
    "what needs them and is needed by nothing that waits": (
        drawn("luong", node("read[tanh]", "y_ii", 'z_i["z_{i} read"]'), "z_i --> out"),
        "read | rnn | a softmax wsum attend out",
    ),
    "what reads the results of the step before": (
        drawn("luong", 'c_ii["c_{i-1} prev_context"]', "c_ii --> out"),
        "| rnn | a softmax wsum attend out",
    ),
    "what is carried, and read behind the loop only": (
        drawn("luong", node("more[tanh]", "a_ii", 'z_i["z_{i} more"]'), 'a_ii["a_{i-1} prev_attn"]', "z_i --> out"),
        "| rnn | a softmax wsum attend more out",
    ),
    "two loops, one reading the other": (
        drawn(
            "luong",
            ("s_i --> a\n", "r_i --> a\n"),
            node("second[GRU]", "s_i r_ii", 'r_i["r_{i} second"]'),
            'r_ii["r_{i-1} prev_second"]',
        ),
        "| rnn second | a softmax wsum attend out",
    ),
    "two loops, and what lies between them": (
        drawn(
            "luong",
            ("softmax[softmax]", "softmax[monotonic]"),
            'alpha_iij["alpha_{i-1,j} prev_weights"]',
            "alpha_iij --> softmax",
        ),
        "| rnn a softmax | wsum attend out",
    ),
    "a value of the step before that waits for nothing": (
        drawn("luong", node("read[tanh]", "y_ii", 'z_i["z_{i} read"]'), 'z_ii["z_{i-1} prev"]', "z_ii --> out"),
        "read | rnn | a softmax wsum attend out",
    ),
    "no loop at all": (
        drawn("luong", ("s_ii --> rnn\n", "y_ij --> rnn\n"), ('s_ii["s_{i-1} prev_decoder"]', 'y_ij["q_{i} other"]')),
        "rnn a softmax wsum attend out | |",
    ),
}


@pytest.mark.parametrize(("text", "bands"), EDITS.values(), ids=EDITS)
def test_an_operation_runs_where_it_runs_the_fewest_times(text: str, bands: str) -> None:
    assert sets(schedule(mermaid.parse(text))) == sets(bands)


def needs(graph: Graph) -> dict[str, list[tuple[str, int]]]:
    """For each operation those that it reads, and how many steps before; of the output nothing is handed on."""
    past = {before.id: now.id for now, before in graph.recurrences if now.word != "output"}
    found: dict[str, list[tuple[str, int]]] = {}
    for operation in graph.operations.values():
        makers = [(graph.maker(past.get(id, id)), int(id in past)) for id in operation.inputs]
        found[operation.id] = [(maker.id, delay) for maker, delay in makers if maker is not None]
    return found


def unrolled(graph: Graph) -> tuple[frozenset[str], ...]:
    """The bands by counting: how many runs have to follow one upon the other, over more steps than operations.

    A run that comes at the end of more runs than there are operations has one twice before it, so that it waits for a
    loop; one that begins such a chain is waited for by one.
    """
    steps, reads, order = 2 * len(graph.operations) + 2, needs(graph), [o.id for o in graph.order()]
    upto: dict[tuple[str, int], int] = {}  # the longest chain that ends with a run
    for step in range(steps):
        for id in order:
            upto[id, step] = 1 + max((upto.get((maker, step - delay), 0) for maker, delay in reads[id]), default=0)
    since: dict[tuple[str, int], int] = {}  # the longest chain that begins with one
    for step in reversed(range(steps)):
        for id in reversed(order):
            readers = [(other, step + delay) for other in order for maker, delay in reads[other] if maker == id]
            since[id, step] = 1 + max((since.get(run, 0) for run in readers), default=0)
    long = len(order)
    waits = {id for id in order if upto[id, steps - 1] > long}
    awaited = {id for id in order if since[id, 0] > long}
    return frozenset(order) - waits, frozenset(waits & awaited), frozenset(waits - awaited)


@st.composite
def steps(draw: st.DrawFn) -> Graph:
    """Any step: each operation reads what is given, what one before it made, or what any made a step before."""
    given_ = [Value.parse("h_{j} encoder_hidden", "h"), Value.parse("y_{i-1} prev_output", "y")]
    made = [Value.parse(f"{letter}_{{i}} word_{letter}", letter) for letter in "abcdefg"[: draw(st.integers(1, 7))]]
    past = [Value(f"{value.id}_past", value.symbol, "i-1", f"prev_{value.word}") for value in made]
    operations = []
    for n, value in enumerate(made):
        readable = [v.id for v in (*given_, *made[:n], *past)]
        inputs = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3, unique=True))
        operations.append(Operation(f"op_{value.id}", "any", tuple(inputs), value.id))
    used = {id for operation in operations for id in (*operation.inputs, operation.output)}
    return Graph([value for value in (*given_, *made, *past) if value.id in used], draw(st.permutations(operations)))


@settings(max_examples=120)
@given(steps())
def test_the_bands_are_those_that_counting_runs_gives(graph: Graph) -> None:
    assert sets(schedule(graph)) == unrolled(graph)


@settings(max_examples=120)
@given(steps())
def test_in_its_band_each_operation_stands_behind_all_that_it_reads(graph: Graph) -> None:
    """Inside the loop behind what is made in the same step; outside, where all steps are made at once, behind all."""
    found, done, reads = schedule(graph), set[str](), needs(graph)
    for band, ids in found._asdict().items():
        for id in ids:
            waited_for = {maker for maker, delay in reads[id] if band != "inside" or not delay or maker not in ids}
            assert waited_for <= done
            done.add(id)
    assert done == graph.operations.keys()


@settings(max_examples=60)
@given(st.data(), st.sampled_from(sorted(BANDS)))
def test_the_order_of_declaration_changes_no_band(data: st.DataObject, name: str) -> None:
    graph = mermaid.load(name)
    values = data.draw(st.permutations(list(graph.values.values())))
    operations = data.draw(st.permutations(list(graph.operations.values())))
    assert sets(schedule(Graph(values, operations))) == sets(BANDS[name])
