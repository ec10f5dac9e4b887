"""Two graphs in one: nothing of either is lost, and what is said of each thing is what the two graphs say."""

from __future__ import annotations

import re

import pytest
from edits import EDITS, GRAPH, TEXT, every_edit, fates

from seq2seq_attn import mermaid
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing.drawing import Drawing
from seq2seq_attn.graph import Graph, Operation, Value

LEGEND = {"only in after": "added", "only in before": "gone", "changed": "changed"}


def mermaid_of(before: Graph, after: Graph, names: tuple[str, str] = ("before", "after")) -> str:
    """The text of a difference, with what is gone between ~ and ~ instead of struck through."""
    text = Drawing.of_difference(before, after, names=names).mermaid()
    return re.sub("(?:(?:#[0-9]+;|.)\N{COMBINING LONG STROKE OVERLAY})+", lambda gone: f"~{gone[0]}~", text).replace(
        "\N{COMBINING LONG STROKE OVERLAY}", ""
    )


@pytest.mark.parametrize(
    ("name", "added", "gone", "changed"),
    [
        ("an arrow less", set(), {("c_i", "out")}, set()),
        ("a value more", {"m_i", ("m_i", "rnn")}, set(), set()),
        ("another kind", set(), set(), {"softmax"}),
        ("another word", set(), set(), {"alpha_ij"}),
        ("another order", set(), set(), {"a"}),
        ("no recurrence", set(), {("y_i", "y_ii")}, {"y_ii"}),
    ],
)
def test_an_edit_is_told_as_what_it_is(name: str, added: set[str], gone: set[str], changed: set[str]) -> None:
    assert fates(Difference(GRAPH, EDITS[name])) == {"added": added, "gone": gone, "changed": changed}


@every_edit
def test_the_other_way_round_added_is_gone_and_gone_is_added(after: Graph) -> None:
    there, back = fates(Difference(GRAPH, after)), fates(Difference(after, GRAPH))
    assert (there["added"], there["gone"]) == (back["gone"], back["added"])


@every_edit
def test_either_graph_is_in_the_difference_whole(after: Graph) -> None:
    difference = Difference(GRAPH, after)
    for graph, side in ((GRAPH, "before"), (after, "after")):
        for kind in ("values", "operations"):
            pairs = getattr(difference, kind)
            assert {id: here for id, pair in pairs.items() if (here := getattr(pair, side))} == getattr(graph, kind)
        assert {arrow for arrow, pair in difference.arrows.items() if getattr(pair, side)} == set(graph.arrows)
        handed_on = {arrow for arrow, pair in difference.recurrences.items() if getattr(pair, side)}
        assert handed_on == {(now.id, before.id) for now, before in graph.recurrences}


@pytest.mark.parametrize("name", mermaid.shipped())
def test_a_graph_laid_over_itself_is_the_graph_in_its_own_order(name: str) -> None:
    graph = mermaid.load(name)
    difference = Difference(graph, mermaid.load(name))
    assert difference.same
    assert not any(fates(difference).values())
    assert (*difference.values, *difference.operations) == (*graph.values, *graph.operations)
    assert tuple(difference.arrows) == graph.arrows


@every_edit
def test_a_difference_is_the_same_only_if_nothing_differs(after: Graph) -> None:
    assert not Difference(GRAPH, after).same
    assert Difference(GRAPH, after, ("mine", "yours")).words() == GRAPH.diff(after, "mine", "yours") != []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pqr", "pqr", True),
        ("pqr", "pr", True),
        ("pr", "prq", True),
        ("pqr", "psr", True),
        ("pqr", "sp", False),
        ("pq", "rs", True),
        ("pqr", "rsp", False),
        ("pqr", "prs", False),
        ("pqr", "prq", False),
        ("pr", "qpr", False),
        ("pqr", "rp", False),
    ],
)
def test_arrows_tell_the_order_if_what_stays_keeps_it_and_what_is_new_takes_a_free_place_or_the_last(
    old: str, new: str, told: bool
) -> None:
    values = [Value(id, id, "i", f"word_{id}") for id in "pqrsyz"]
    all_read = Operation("g", "kind", tuple("pqrs"), "y")
    before, after = (Graph(values, [Operation("f", "kind", tuple(inputs), "z"), all_read]) for inputs in (old, new))
    assert Difference(before, after).rewired("f") is not told


def test_an_id_that_is_a_value_here_and_an_operation_there_is_refused() -> None:
    after = mermaid.parse(re.sub(r"\brnn\b", "c_i", re.sub(r"\bc_i\b", "c", TEXT)))
    message = "c_i is a value in mine and an operation in yours; rename one to see both in one picture"
    with pytest.raises(ValueError, match=f"^{message}$"):
        Difference(GRAPH, after, ("mine", "yours"))
    with pytest.raises(ValueError, match=r"^c_i is a value in yours and an operation in mine; "):
        Difference(after, GRAPH, ("mine", "yours"))


@every_edit
def test_the_text_draws_every_arrow_and_gives_each_its_stroke_by_number(after: Graph) -> None:
    difference = Difference(GRAPH, after)
    text = mermaid_of(GRAPH, after)
    arrows = re.findall(r"^(\w+) (-->|-\.->) (\w+)$", text, flags=re.MULTILINE)
    expected = [(source, "-->", target) for source, target in difference.arrows]
    assert arrows == expected + [(now, "-.->", before) for now, before in difference.recurrences]
    samples = {name: text for name, text in re.findall(r'^ +(\S+)\("~?([^"~]+)~?"\)$', text, flags=re.MULTILINE)}
    classes = {fate: set(ids.split(",")) for ids, fate in re.findall(r"^class (\S+) (\w+)$", text, flags=re.MULTILINE)}
    strokes = {stroke: fate for fate, stroke in re.findall(r"^classDef (\w+) (.+)$", text, flags=re.MULTILINE)}
    drawn: dict[str, set[object]] = {"added": set(), "gone": set(), "changed": set()}
    drawn |= {fate: {*ids} - samples.keys() for fate, ids in classes.items() if fate in drawn}
    for numbers, stroke in re.findall(r"^linkStyle (\S+) (.+)$", text, flags=re.MULTILINE):
        if fate := strokes.get(stroke):
            drawn[fate] |= {(arrows[int(number)][0], arrows[int(number)][2]) for number in numbers.split(",")}
    assert drawn == fates(difference)
    said = {(words, fate) for fate in drawn for name, words in samples.items() if name in classes.get(fate, ())}
    assert said == {(words, fate) for words, fate in LEGEND.items() if fates(difference)[fate]}


def test_the_text_says_both_kinds_both_orders_and_both_names() -> None:
    text = mermaid_of(GRAPH, EDITS["another kind"], ('my "best"', "yours"))
    assert 'softmax(["~softmax~<br>sparsemax<br>softmax"])' in text
    assert '["my #34;best#34; → yours"]\n' in text
    text = mermaid_of(GRAPH, EDITS["an arrow less"], ('my "best"', "yours"))
    assert '("~only in my #34;best#34;~")\n' in text
    text = mermaid_of(GRAPH, EDITS["another order"])
    old, new = "(prev_decoder, encoder_hidden)", "(encoder_hidden, prev_decoder)"
    assert f'a(["feedforward<br>~{old}~<br>{new}<br>a"])' in text
    assert 'alpha_ij("αᵢⱼ<br>~attn_weights~<br>weights")' in mermaid_of(GRAPH, EDITS["another word"])


def test_the_text_of_a_difference_is_not_taken_for_a_diagram() -> None:
    text = mermaid_of(GRAPH, EDITS["another kind"], ("mine", "yours"))
    assert text.startswith("%% mine → yours: a picture, not a diagram that runs\nflowchart TB\n")
    with pytest.raises(ValueError, match=r"^diagram:\d+: "):
        mermaid.parse(text)


@pytest.mark.parametrize("again", [GRAPH, mermaid.parse(TEXT)], ids=["itself", "another like it"])
def test_no_difference_is_said_above_the_picture(again: Graph) -> None:
    text = mermaid_of(GRAPH, again, ("mine", "yours"))
    assert '["no difference#58; mine and yours are the same diagram"]' in text
    assert "classDef added" not in text and "legend" not in text


def test_an_id_that_mermaid_has_another_use_for_is_drawn_under_a_name_that_it_can_read() -> None:
    values = [Value("x", "x", "i", "x"), Value("z", "z", "i", "z")]
    after = Graph(values, [Operation("end", "kind", ("x",), "z")])
    (name,) = re.findall(r'^(\S+)\(\["kind<br>end"]\)$', mermaid_of(after, after), flags=re.MULTILINE)
    assert name != "end" and f"x --> {name}\n{name} --> z\n" in mermaid_of(after, after)
