"""The text of a diagram: read, written, and refused with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from test_graph import any_graph, graphs

from seq2seq_attn.graph import Graph, Operation, Value
from seq2seq_attn.mermaid import RESERVED, emit, load, parse, shipped

FOLDER = Path(__file__).parents[1] / "diagrams"
SEED = shipped()["bahdanau"]
LINES = SEED.splitlines()


def edit(number: int, *instead: str) -> str:
    """The seed with other lines in the place of one."""
    return "\n".join([*LINES[: number - 1], *instead, *LINES[number:]]) + "\n"


def test_the_seed_is_written_as_it_was_read_but_for_the_subgraphs_that_todays_mermaid_cannot_read() -> None:
    seed = (FOLDER / "bahdanau.mmd").read_bytes()
    assert emit(load("bahdanau")).encode() == seed.replace(b"subgraph \n", b'subgraph " "\n') != seed


def test_a_subgraph_without_a_label_is_read_in_both_spellings() -> None:
    assert parse(SEED.replace("subgraph \n", 'subgraph " "\n')) == parse(SEED.replace("subgraph \n", "subgraph\n"))


def test_every_diagram_of_the_folder_ships() -> None:
    assert shipped() == {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.mmd"))}


@pytest.mark.parametrize("name", shipped())
def test_a_diagram_that_ships_is_read_written_and_read_the_same(name: str) -> None:
    assert parse(emit(load(name))) == load(name)
    assert emit(load(name)) == shipped()[name].replace("subgraph \n", 'subgraph " "\n')


@any_graph
@given(graphs())
def test_any_graph_is_written_and_read_the_same(graph: Graph) -> None:
    again = parse(emit(graph))
    assert again == graph
    assert emit(again) == emit(graph)


@pytest.mark.parametrize("number", [n for n, line in enumerate(LINES, 1) if line.strip()])
def test_no_line_of_the_seed_can_be_left_out_unnoticed(number: int) -> None:
    try:
        assert parse(edit(number)) != parse(SEED)
    except ValueError as error:
        assert re.match(r"diagram:\d+: ", str(error))


ACCEPTED = {
    "comments": edit(1, "%% a comment before the head", "graph TD", "  %% and one behind it"),
    "blank lines": SEED.replace("\n", "\n\n"),
    "flowchart LR": edit(1, "flowchart LR"),
    "indented": SEED.replace("\n", "\n    "),
    "the line ends of Windows": SEED.replace("\n", "\r\n"),
    "arrows without blanks": SEED.replace(" --> ", "-->"),
    "no line end at the end": SEED.rstrip("\n"),
    "arrows before what they join": "\n".join(["graph TD", *LINES[25:], *LINES[1:25]]),
    "two operations in one subgraph": edit(12).replace("    a[feedforward]\nsubgraph ", "    a[feedforward]", 1),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_another_hand_for_the_same_graph_is_read(text: str) -> None:
    assert text != SEED
    assert parse(text) == parse(SEED)


NEITHER = 'neither a value id["s_{i} word"], an operation id[kind] nor an arrow a --> b: '
REFUSED = {
    "an unknown arrow": (edit(26, "s_ii -.-> a"), f"26: {NEITHER}'s_ii -.-> a'"),
    "an unknown shape": (edit(14, "softmax(softmax)"), f"14: {NEITHER}'softmax(softmax)'"),
    "a labelled subgraph": (edit(10, "subgraph look"), f"10: {NEITHER}'subgraph look'"),
    "no head": (edit(1), "1: a diagram begins with 'graph TD'; got 'y_i[\"y_{i} output\"]'"),
    "a head of no direction": (edit(1, "graph UP"), "1: a diagram begins with 'graph TD'; got 'graph UP'"),
    "an arrow from nowhere": (edit(26, "s_iii --> a"), "26: 's_iii' is not declared"),
    "an arrow to nowhere": (edit(28, "a --> e_i"), "28: 'e_i' is not declared"),
    "an arrow to a reserved word": (edit(28, "a --> end"), "28: 'end' is not declared"),
    "two values joined": (
        edit(28, "s_ii --> e_ij"),
        "28: s_ii --> e_ij joins two values; an arrow joins one of each",
    ),
    "two operations joined": (
        edit(29, "a --> softmax"),
        "29: a --> softmax joins two operations; an arrow joins one of each",
    ),
    "a doubled arrow": (edit(27, "s_ii --> a"), "27: arrow s_ii → a is there twice"),
    "no arrow out": (edit(41), "23: operation out makes 0 values (); it has one arrow out"),
    "two arrows out": (
        edit(41, "out --> y_i", "out --> y_ii"),
        "42: operation out makes 2 values (y_i, y_ii); it has one arrow out",
    ),
    "no arrow in": (edit(29), "14: operation softmax has no arrow in; draw one from a value that it reads"),
    "a value made twice": (
        edit(41, "out --> s_i"),
        "41: value s_i is made twice, by rnn and by out; give one of them a value of its own",
    ),
    "a value beside the graph": (
        edit(9, LINES[8], 'q_i["q_{i} question"]'),
        "10: value q_i is neither made nor read by an operation; draw an arrow, or leave it out",
    ),
    "a value declared twice": (edit(2, LINES[1], LINES[1]), "3: y_i is declared twice; give one of them another id"),
    "one word twice": (
        edit(5, 'c_i["c_{i} output"]'),
        "5: values y_i and c_i have the same word, output; a word names one value",
    ),
    "one symbol twice": (
        edit(5, 'c_i["y_{i} context"]'),
        "5: values y_i and c_i have the same symbol, y_{i}; it names one value",
    ),
    "one symbol twice, with a comma": (
        edit(5, 'c_i["alpha_{i,j} context"]'),
        "8: values c_i and alpha_ij have the same symbol, alpha_{ij}; it names one value",
    ),
    "a value inside a subgraph": (
        edit(11, 'q_i["q_{i} question"]'),
        "11: a value stands outside 'subgraph … end'; got 'q_i[\"q_{i} question\"]'",
    ),
    "an operation outside a subgraph": (
        edit(25, "q[feedforward]"),
        "25: an operation stands inside 'subgraph … end'; got 'q[feedforward]'",
    ),
    "a subgraph without end": (edit(24), "22: this subgraph has no end"),
    "a subgraph in a subgraph": (edit(12), f"12: {NEITHER}'subgraph'"),
    "an end without subgraph": (edit(25, "end"), f"25: {NEITHER}'end'"),
    "a value without subscript": (
        edit(2, 'y_i["output"]'),
        "2: a value reads 'symbol_{subscript} word', as in 's_{i-1} prev_decoder'; got 'output'",
    ),
    "an empty text": ("", "1: the diagram is empty"),
    "a comment only": ("%% nothing\n\n", "2: the diagram is empty"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_text_that_is_no_diagram_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('seed.mmd:' + message)}$"):
        parse(text, "seed.mmd")


def test_a_cycle_within_one_step_is_refused_at_an_operation_on_it() -> None:
    cycle = r"seed.mmd:(11|14|17|20): operations .* → .* form a cycle within one step; hand the value on through i-1"
    with pytest.raises(ValueError, match=cycle):
        parse(edit(26, "s_i --> a"), "seed.mmd")


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_word_of_mermaids_own_is_refused_as_an_id(word: str) -> None:
    message = f"'{word}' is a word of Mermaid's own and cannot be an id; call it {word}_"
    with pytest.raises(ValueError, match=f"diagram:23: {message}"):
        parse(edit(23, f"    {word}[feedforward]"))
    with pytest.raises(ValueError, match=f"diagram:2: {message}"):
        parse(edit(2, f'{word}["y_{{i}} output"]'))


def test_end_is_among_the_words_that_are_refused() -> None:
    assert {"end", "graph", "subgraph", "style", "class"} <= RESERVED


def test_a_diagram_is_loaded_by_name_and_by_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.mmd"
    path.write_text(edit(40), encoding="utf-8")
    assert load("bahdanau") == parse(SEED)
    assert load(path) == load(str(path)) == parse(edit(40)) == load(edit(40))


def test_a_place_that_may_hold_anything_is_not_read_as_a_file(tmp_path: Path) -> None:
    """What comes with a model that someone sent must not open files here."""
    path = tmp_path / "mine.mmd"
    path.write_text(SEED, encoding="utf-8")
    with pytest.raises(ValueError, match=r"no diagram is called '.*mine.mmd'; there are appendix, .*seq2seq$"):
        load(path, files=False)
    assert load("bahdanau", files=False) == load(SEED, files=False) == parse(SEED)


def test_the_places_of_a_diagram_are_known_for_messages_and_are_no_part_of_it() -> None:
    graph = parse(SEED, "seed.mmd")
    assert graph.places["softmax"] == "seed.mmd:14" and graph.places["y_i"] == "seed.mmd:2"
    assert graph.places["s_ii", "a"] == "seed.mmd:26" and graph.places["out", "y_i"] == "seed.mmd:41"
    assert graph == parse("%% moved\n" + SEED, "other.mmd")


def test_a_text_in_the_place_of_a_name_is_refused_with_its_line() -> None:
    with pytest.raises(ValueError, match=r"^diagram:27: arrow s_ii → a is there twice$"):
        load(edit(27, "s_ii --> a"))


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    message = f"no diagram is called 'bahdanou'; there are {', '.join(shipped())}, or give a .mmd file"
    with pytest.raises(ValueError, match=re.escape(message)):
        load("bahdanou")


def test_a_file_that_is_no_diagram_is_named_in_the_error_and_one_that_is_not_there_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.mmd"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        load(path)
    path.write_text(edit(27, "s_ii --> a"), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}:27: arrow s_ii → a is there twice")):
        load(path)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeff" + SEED) == parse(SEED)


@pytest.mark.parametrize("id", ["end", "s-i", "2s", ""])
def test_an_id_that_the_notation_cannot_write_is_refused(id: str) -> None:
    values = [Value("x", "x", "i", "given"), Value(id, "y", "i", "found")]
    with pytest.raises(
        ValueError, match=f"'{id}' cannot be an id in Mermaid; use a letter, then letters, digits and _"
    ):
        emit(Graph(values, [Operation("f", "linear", ("x",), id)]))


def test_a_kind_that_the_notation_cannot_write_is_refused() -> None:
    values = [Value("x", "x", "i", "given"), Value("y", "y", "i", "found")]
    with pytest.raises(ValueError, match=r"'a\]' cannot be a kind; use letters, digits, spaces and _ , . \+ -"):
        emit(Graph(values, [Operation("f", "a]", ("x",), "y")]))


def test_a_result_arrow_that_is_there_twice_is_called_so() -> None:
    with pytest.raises(ValueError, match=r"seed.mmd:42: arrow out → y_i is there twice"):
        parse(SEED + "out --> y_i\n", "seed.mmd")
