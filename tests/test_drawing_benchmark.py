"""What benchmarks/drawing.py counts in a picture, on small ones made by hand; and what its page says of its figures."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from seq2seq_attn import Seq2Seq, mermaid
from seq2seq_attn.cipher import config
from seq2seq_attn.graph import Graph, Operation, Value

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
DRAWN: dict[str, Any] = runpy.run_path(str(BENCHMARKS / "drawn.py"))
DRAWING: dict[str, Any] = runpy.run_path(str(BENCHMARKS / "drawing.py"))
MEASURED = json.loads((BENCHMARKS / "drawing" / "measured.json").read_text(encoding="utf-8"))
PAGE = (BENCHMARKS / "drawing" / "README.md").read_text(encoding="utf-8")
KINDS = ("operations", "arrows", "recurrences", "values")

BAHDANAU = mermaid.load("bahdanau")
TEXTS = ["h_{j} encoder_hidden", "s_{i-1} prev_decoder", "c_{i} context", "s_{i} decoder_hidden"]
SMALL = Graph(
    [Value.parse(text) for text in TEXTS],
    [Operation("look", "look", ("s_ii", "h_j"), "c_i"), Operation("rnn", "RNN", ("s_ii", "c_i"), "s_i")],
)
NAMES = {"look": ["step.look", "look", "Look", "bmm()"], "rnn": ["step.rnn", "rnn", "Cell", "grucell()"]}
MAKERS = {"encoder_hidden": ["encoder", "Encoder"], "prev_decoder": ["bridge"]}


def found(dot: str, graph: Graph = SMALL) -> dict[str, list[str]]:
    names = NAMES if graph is SMALL else {id: [id] for id in graph.operations}
    result: dict[str, list[str]] = DRAWN["found"](DRAWN["read"](dot), graph, names, MAKERS)
    return result


def whole(graph: Graph) -> dict[str, list[str]]:
    """All there is to find."""
    return {
        "operations": [*graph.operations],
        "arrows": [f"{source} → {target}" for source, target in graph.arrows],
        "recurrences": [f"{now.id} → {before.id}" for now, before in graph.recurrences],
        "values": [*graph.values],
    }


def drawn(folder: Path, *, around: bool = False) -> str:
    """Our picture of a model."""
    Seq2Seq.from_config(config()).draw(folder / "picture.dot", whole=around)
    return (folder / "picture.dot").read_text(encoding="utf-8")


@pytest.mark.parametrize("around", [False, True])
def test_all_of_the_diagram_is_found_in_our_pictures(around: bool, tmp_path: Path) -> None:
    assert found(drawn(tmp_path, around=around), BAHDANAU) == whole(BAHDANAU)


@pytest.mark.parametrize("kind", ["arrows", "recurrences"])
def test_what_is_taken_out_of_our_picture_is_not_found_and_all_else_is(kind: str, tmp_path: Path) -> None:
    lines = drawn(tmp_path).splitlines()
    for arrow in whole(BAHDANAU)[kind]:
        ends = arrow.split(" → ")
        edge = " -> ".join(ends if kind == "arrows" else ends[::-1])  # a recurrence is drawn backwards
        rest = [line for line in lines if not line.strip().startswith(f"{edge} [")]
        assert len(rest) == len(lines) - 1
        missing = {kind: [each for each in whole(BAHDANAU)[kind] if each != arrow]}
        assert found("\n".join(rest), BAHDANAU) == whole(BAHDANAU) | missing


ROLLED = """digraph {
    e [label="@encoder"] b [label="@bridge"] l [label="@decoder.step.look (x3)\nLook"] r [label="Cell\ndepth:3"]
    e -> keys -> l; b -> l; b -> r; l -> r; r -> r; r -> l; l -> stack -> c; r -> out
    c [label="output_1\n@output.context"]
}"""
ARROWS = ["s_ii → look", "h_j → look", "look → c_i", "s_ii → rnn", "c_i → rnn"]
RECURRENT = ["s_i → s_ii"]
TABLE: dict[str, tuple[str, str, dict[str, list[str]]]] = {
    "as it is": ("", "", {}),
    "two nodes of one name": ("keys ->", "keys [label=Look] x [label=look] y [label=look] keys ->", {}),
    "no node of that name": (
        "Cell",
        "Tanh",
        {"operations": ["look"], "arrows": ["s_ii → look", "h_j → look", "look → c_i"], "recurrences": []},
    ),
    "a value twice": (
        "out\n",
        'out; out [label="@output.context"]\n',
        {"values": [], "arrows": [arrow for arrow in ARROWS if arrow != "look → c_i"]},
    ),
    "a path only through another operation": (
        "e -> keys -> l;",
        "e -> keys -> r;",
        {"arrows": [arrow for arrow in ARROWS if arrow != "h_j → look"]},
    ),
    "a path only from another maker": (
        "e -> keys -> l;",
        "e -> b;",
        {"arrows": [arrow for arrow in ARROWS if arrow != "h_j → look"]},
    ),
    "an invisible edge": (
        "e -> keys -> l;",
        "e -> keys; keys -> l [style=invis];",
        {"arrows": [arrow for arrow in ARROWS if arrow != "h_j → look"]},
    ),
    "an edge against the arrow": ("e -> keys -> l;", "l -> e;", {"arrows": [a for a in ARROWS if a != "h_j → look"]}),
    "an edge drawn backwards": ("e -> keys -> l;", "l -> e [dir=back];", {}),
    "one reader of two gets what the step before made": ("r -> l;", "", {"recurrences": []}),
    "the step before is seen by none, the first one by all": ("r -> r; r -> l;", "", {"recurrences": []}),
    "no bridge, but the step before": ("@bridge", "@gate", {}),
    "arguments that name a value": ("@bridge", "@bridge\n(context)", {}),
}


@pytest.mark.parametrize(("old", "new", "expected"), TABLE.values(), ids=TABLE)
def test_what_is_found_in_the_picture_of_another_tool(old: str, new: str, expected: dict[str, list[str]]) -> None:
    assert old in ROLLED
    names = {"operations": ["look", "rnn"], "arrows": ARROWS, "recurrences": RECURRENT, "values": ["c_i"]}
    assert found(ROLLED.replace(old, new, 1)) == names | expected


def test_an_unrolled_picture_has_no_operation_of_its_own() -> None:
    steps = [
        f"look_{n} [label=bmm_{n}_{n + 7}] rnn_{n} [label=grucell_{n}_{n + 9}] look_{n} -> rnn_{n}" for n in (1, 2)
    ]
    once = {"operations": ["look", "rnn"], "arrows": ["c_i → rnn"], "recurrences": [], "values": []}
    assert found(f"digraph {{ {steps[0]} }}") == once
    assert found(f"digraph {{ {' '.join(steps)}; rnn_1 -> look_2 }}") == {kind: [] for kind in KINDS}


def test_a_box_stands_for_what_it_holds_and_no_path_leads_within() -> None:
    box = 'subgraph cluster_1 { label="step.rnn" x [label=grucell_1_1] y [label=grucell_2_2] x -> y }'
    assert found(f"digraph {{ {box} }}")["operations"] == ["rnn"]
    named = box.replace("grucell_1_1", '"step.rnn"').replace("grucell_2_2", "tanh")
    assert found(f"digraph {{ {named} }}")["operations"] == ["rnn"]
    assert found(f"digraph {{ {box} l [label=Look] y -> l }}")["recurrences"] == []  # rnn does not read it
    assert found(f"digraph {{ {box} l [label=Look] y -> l; y -> z -> x }}")["recurrences"] == RECURRENT
    assert found(f"digraph {{ {box.replace('cluster_1', 'rank_1')} }}")["operations"] == []  # not drawn


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("softmax_1_110 (x11)\\l(1, 10), 40 B", {"softmax_1_110", "softmax()", "(1,"}),
        ("SoftmaxBackward0", {"SoftmaxBackward0", "softmax()"}),
        ("decoder.step.out.W.weight\n (29, 32)", {"decoder.step.out.W.weight", "(29,"}),
        ("<TABLE><TR><TD>Softmax<BR/>depth:3</TD><TD>input:</TD></TR></TABLE>", {"Softmax", "depth:3", "input:"}),
        ("<B>@owner.decoder.step.a (x11)</B><br align='left'/>(Energy)", {"decoder.step.a", "(Energy)"}),
        ("&alpha;<br/>attn_weights", {"α", "attn_weights"}),
        (None, set()),
    ],
)
def test_a_label_says_the_first_word_of_each_line(label: str | None, words: set[str]) -> None:
    assert DRAWN["says"](label) == words


def test_a_node_says_in_which_box_it_stands() -> None:
    picture = DRAWN["read"]("digraph { x [label=Embedding] subgraph cluster_1 { label=Decoder y [label=Embedding] } }")
    assert DRAWN["place"](picture, ["Embedding"]) is None
    assert DRAWN["place"](picture, ["Embedding", "Decoder/Embedding"]) == {"y"}


def test_what_an_operation_may_be_called_is_read_from_the_model() -> None:
    operations, makers = DRAWN["names_of"](Seq2Seq.from_config(config()))
    assert operations["wsum"] == ["decoder.step.wsum", "step.wsum", "wsum", "WeightedSum", "bmm()"]
    assert makers["encoder_hidden"] == ["encoder", "RNNEncoder"]


def test_every_tool_has_its_rows_its_call_and_its_pictures_on_the_page() -> None:
    assert DRAWING["ROWS"].keys() == DRAWN["TOOLS"].keys()
    expected = {f"{tool} {length}" for tool, row in DRAWING["ROWS"].items() for length in row.drawn}
    assert MEASURED["rows"].keys() == expected
    assert "\n".join(DRAWING["table"](MEASURED)) in PAGE
    shown = {name for row in MEASURED["rows"].values() for name in row.get("pictures", [])}
    assert shown == {path.name for path in (BENCHMARKS / "drawing").glob("*.png")}
    assert all(f"]({name})" in PAGE for name in shown)
    assert all(path.stat().st_size < 300_000 for path in (BENCHMARKS / "drawing").glob("*.png"))


def test_the_page_says_what_was_measured() -> None:
    rows, specification = MEASURED["rows"], whole(BAHDANAU)
    assert MEASURED["specification"] == {kind: len(specification[kind]) for kind in KINDS}

    def nodes(tool: str) -> list[int]:
        return [rows[f"{tool} {length}"]["nodes"] for length in DRAWING["LENGTHS"]]

    for ours in ("ours 10", "ours-whole 10"):
        assert {kind: rows[ours][kind] for kind in KINDS} == specification
    for tool in ("torchview", "torchlens"):
        assert all(rows[f"{tool} {length}"]["operations"] == specification["operations"] for length in (10, 50, 200))
    assert rows["torchlens-step 10"]["arrows"] == specification["arrows"]
    assert rows["torchlens-step 10"]["nodes"] == rows["ours 10"]["nodes"] + 1  # the mask
    assert rows["torchlens-step 10"]["recurrences"] == []
    assert rows["torchlens 10"]["recurrences"] == ["s_i → s_ii"]
    assert rows["torchlens-greedy 10"]["recurrences"] == specification["recurrences"]
    assert rows["torchview 10"]["values"] == rows["torchview-step 10"]["values"] == []
    for growing in ("torchviz", "torchlens"):
        assert nodes(growing) == sorted(set(nodes(growing)))
    assert len(set(nodes("torchview"))) == 1 and max(nodes("torchlens-auto")) < 50
    assert all(rows[f"torchlens-auto {length}"]["operations"] == [] for length in DRAWING["LENGTHS"])
