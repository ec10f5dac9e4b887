"""From a picture to its nodes: an edited one runs as it is drawn, or is refused with line, id and a proposal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from models import PICTURES, config, edited
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq, build, kinds, mermaid
from seq2seq_attn.examine import false_schedule
from seq2seq_attn.graph import Value
from seq2seq_attn.kinds import known, register
from seq2seq_attn.signature import Slot

SEED = mermaid.shipped()["bahdanau"]
ARROWS = [" --> ".join(arrow) for arrow in mermaid.load("bahdanau").arrows]


def drawn(name: str, *changes: tuple[str, str] | str) -> str:
    """The text of a picture that ships, with parts replaced, and more text at its end."""
    text = edited(name, *(change for change in changes if not isinstance(change, str)))
    return "\n".join([text, *(change for change in changes if isinstance(change, str)), ""])


def node(operation: str, inputs: str, result: str) -> str:
    """The text of an operation more, with its arrows; its result is declared too, where it is more than an id."""
    id, value = operation.split("[")[0], result.split("[")[0]
    lines = [result] if "[" in result else []
    lines += [
        'subgraph " "',
        operation,
        "end",
        *(f"{source} --> {id}" for source in inputs.split()),
        f"{id} --> {value}",
    ]
    return "\n".join(lines)


def refused(text: str, folder: Path, **options: Any) -> tuple[str, str]:
    """What is said of a picture in a file, and the line of the text of which it is said."""
    file = folder / "mine.mmd"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        Seq2Seq.from_diagram(file, config(**options))
    place, _, why = str(caught.value).partition(".mmd:")
    number, _, why = why.partition(": ")
    assert place == str(file).removesuffix(".mmd"), str(caught.value)
    return why, text.splitlines()[int(number) - 1].strip()


def runs(text: str, **options: Any) -> Seq2Seq:
    """The model of a picture: what ran is the picture, and a step of training changes its loss."""
    model = Seq2Seq.from_diagram(text, config(**options))
    graph = mermaid.parse(text)
    assert model.trace(whole="encoder" in graph.operations) == graph
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        losses.append(model.loss(*model.example()))
        losses[-1].backward()
        optimizer.step()
    assert losses[0].isfinite() and losses[1].isfinite() and losses[0] != losses[1]
    return model


LABELS = ", ".join(sorted({kind.label for kind in known()} | {"RNN"}))
UNKNOWN = f"There are {LABELS}; seq2seq_attn.register adds one of your own"
ONE_SIZE = {"bidirectional": False}  # h_j has 7 numbers, as s_i has, and not 14
COPIES = {"source_vocabulary": 19}

# name: (picture, changes, what the config says besides, the line at fault, what is said of it)
REFUSED: dict[str, tuple[str, list[tuple[str, str] | str], dict[str, Any], str, str]] = {
    "unknown operation": (
        "bahdanau",
        [("softmax[softmax]", "softmax[softmaks]")],
        {},
        "softmax[softmaks]",
        f"operation softmax[softmaks]: no operation is called 'softmaks'; did you mean 'softmax'? {UNKNOWN}",
    ),
    "value made twice": (
        "bahdanau",
        [node("b[general]", "s_ii h_j", "e_ij")],
        {},
        "b --> e_ij",
        "value e_ij is made twice, by a and by b; give one of them a value of its own",
    ),
    "value never made": (
        "bahdanau",
        ['z_i["z_{i} extra"]', "z_i --> out"],
        {},
        "z_i --> out",
        "value z_i 'z_{i} extra' is read and never made: a model has y_{i-1} prev_output, h_{j} encoder_hidden and "
        "x_{j} source; let an operation make it",
    ),
    "j summed nowhere": (
        "bahdanau",
        [("c_i --> rnn", "alpha_ij --> rnn")],
        {},
        "alpha_ij --> rnn",
        "operation rnn[RNN] takes (i, i, i…); argument 3, alpha_ij 'alpha_{ij} attn_weights', is one for each pair of "
        "target step and source position, where one for each target step belongs: the j of alpha_ij is summed nowhere; "
        "a weighted_sum sums it (ij, j -> i)",
    ),
    "a step's value where one of each position belongs": (
        "bahdanau",
        [("h_j --> a\n", "c_ii --> a\n"), 'c_ii["c_{i-1} prev_context"]'],
        {},
        "c_ii --> a",
        "operation a[feedforward] takes (i, j, ij…); argument 2, c_ii 'c_{i-1} prev_context', is one for each target "
        "step, where one for each source position belongs: a value of one step cannot stand for the values of all "
        "source positions, such as h_j",
    ),
    "one of each position where a step's value belongs": (
        "bahdanau",
        [("c_i --> rnn", "h_j --> rnn")],
        {},
        "h_j --> rnn",
        "operation rnn[RNN] takes (i, i, i…); argument 3, h_j 'h_{j} encoder_hidden', is one for each source position, "
        "where one for each target step belongs: what is there for every source position has to be summed first, by a "
        "weighted_sum (ij, j -> i)",
    ),
    "cycle within one step": (
        "bahdanau",
        [("s_ii --> a", "s_i --> a")],
        {},
        "a[feedforward]",
        "operations a → softmax → wsum → rnn → a form a cycle within one step; hand the value on through i-1",
    ),
    "recurrence of a value that nothing makes": (
        "bahdanau",
        ['k_iij["k_{i-1,j} prev_coverage"]', "k_iij --> a"],
        {},
        "k_iij --> a",
        "value k_iij 'k_{i-1,j} prev_coverage' is read and never made: it would be k_{ij} of the step before; let an "
        "operation make that",
    ),
    "recurrence of a value that is read only": (
        "bahdanau",
        ['k_ij["k_{ij} coverage"]', 'k_iij["k_{i-1,j} prev_coverage"]', "k_ij --> a", "k_iij --> a"],
        {},
        "k_iij --> a",
        "value k_iij 'k_{i-1,j} prev_coverage' has no initial value: it is k_ij of the step before, and nothing makes "
        "k_ij 'k_{ij} coverage'; let an operation make it",
    ),
    "recurrence of two steps": (
        "bahdanau",
        ['s_iii["s_{i-2} earlier"]', "s_iii --> rnn"],
        {},
        "s_iii --> rnn",
        "value s_iii 's_{i-2} earlier' has no initial value: it is s_ii of the step before, and nothing makes s_ii "
        "'s_{i-1} prev_decoder'; let an operation make it",
    ),
    "recurrence of what has no initial value": (
        "luong",
        [node("g[gate]", "s_i", 'p_i["p_{i} gate"]'), 'p_ii["p_{i-1} prev_gate"]', "p_ii --> out"],
        {},
        "p_ii --> out",
        "value p_ii 'p_{i-1} prev_gate' has no initial value: it is p_i of the step before, and Gate has no method "
        "initial(encoder_hidden); give its class one, or let another operation make p_i",
    ),
    "state not in its slot": (
        "bahdanau",
        [("y_ii --> rnn\ns_ii --> rnn", "s_ii --> rnn\ny_ii --> rnn")],
        {},
        "s_ii --> rnn",
        "operation rnn[RNN] reads its own past, s_ii 's_{i-1} prev_decoder', as argument 1; its state is argument 2: "
        "change the order of its arrows",
    ),
    "state of another size": (
        "bahdanau",
        [("s_ii --> rnn\nc_i --> rnn", "c_i --> rnn")],
        {},
        "c_i --> rnn",
        "operation rnn[RNN] takes 7 numbers there (hidden_size); c_i 'c_{i} context' has 14 numbers; the past of its "
        "own result belongs there",
    ),
    "dot of two sizes": (
        "bahdanau",
        [("a[feedforward]", "a[dot]")],
        {},
        "h_j --> a",
        "operation a[dot] takes 7 numbers there (size); h_j 'h_{j} encoder_hidden' has 14 numbers; general, concat can "
        "take two sizes",
    ),
    "features where one number belongs": (
        "location_aware",
        [("a --> e_ij\ne_ij --> softmax", "a --> e_ij\nf_ij --> softmax")],
        {},
        "f_ij --> softmax",
        "operation softmax[softmax] takes a single number there; f_ij 'f_{ij} location' has 10 numbers; draw the arrow "
        "from another value",
    ),
    "a number where the vocabulary belongs": (
        "pointer_generator",
        [("v_i --> copy\np_i --> copy", "p_i --> copy\nv_i --> copy")],
        COPIES,
        "p_i --> copy",
        "operation copy[copy] takes 19 numbers there (vocabulary_size); p_i 'p_{i} generate' has 1 number; the config "
        "says so with vocabulary_size=19",
    ),
    "output missing": (
        "luong",
        [("y_{i} output", "y_{i} scores")],
        {},
        "out[linear]",
        "nothing makes 'y_{i} output', by which symbols are chosen; what is made is 'y_{i} scores', 's_{i} "
        "decoder_hidden', 'c_{i} context', 'alpha_{ij} attn_weights', 'e_{ij} attn_energies', 'a_{i} attn_hidden'; "
        "give one of them the word output",
    ),
    "output of something else": (
        "luong",
        [("y_{i} output", "z_{i} scores"), ("e_{ij} attn_energies", "e_{ij} output")],
        {},
        'e_ij["e_{ij} output"]',
        "value e_ij 'e_{ij} output' has another subscript than i; an output is one for each i",
    ),
    "output of another size": (
        "luong",
        [("out[linear]", "out[tanh]")],
        {},
        "out --> y_i",
        "operation out[tanh] makes 'y_{i} output' of 11 numbers, where one of 19 symbols is to be chosen by them; "
        "there are feedforward, linear, tied, mixture_of_softmaxes, copy",
    ),
    "output without the unknown symbols": (
        "pointer_generator",
        [("copy --> y_i", "copy --> z_i"), 'z_i["z_{i} mixture"]', node("last[linear]", "s_i", "y_i")],
        {"source_vocabulary": 19, "unknown_size": 4},
        "last --> y_i",
        "operation last[linear] makes 'y_{i} output' of 19 numbers, where one of 23 symbols is to be chosen by them; "
        "there are feedforward, linear, tied, mixture_of_softmaxes, copy",
    ),
    "heads without a number": (
        "multihead",
        [("a[scaled_dot, 4 heads]", "a[dot]")],
        {},
        "a[dot]",
        "operation a[dot]: MultiHeadEnergy needs num_heads; write how many, as in 'dot, 2 heads'",
    ),
    "heads that do not agree": (
        "multihead",
        [("wsum[weighted_sum, 4 heads]", "wsum[weighted_sum, 2 heads]")],
        {"attention_size": 20},
        "wsum[weighted_sum, 2 heads]",
        "operation wsum[weighted_sum, 2 heads] cannot run: attn_weights is (1, 4, 2); node MultiHeadSum was built for "
        "2. Build MultiHeadSum(…, num_heads=4).",
    ),
    "heads that divide nothing": (
        "multihead",
        [],
        {},
        "a[scaled_dot, 4 heads]",
        "operation a[scaled_dot, 4 heads]: attention_size is 13 and num_heads 4; MultiHeadEnergy gives each head an "
        "equal part",
    ),
    "heads of the step before": (
        "multihead",
        [("alpha_kij --> wsum", "past --> wsum"), 'past["alpha_{k,i-1,j} prev_weights"]'],
        {"attention_size": 20, "hidden_size": 2},
        "wsum[weighted_sum, 4 heads]",
        "operation wsum[weighted_sum, 4 heads] cannot run: attn_weights is (1, 2); node MultiHeadSum takes (B, [T], "
        "num_heads, S)",
    ),
    "an initial value of another shape": (
        "multihead",
        [node("more[softmax]", "past", 'q_kij["q_{kij} again"]'), 'past["alpha_{k,i-1,j} prev_weights"]'],
        {"attention_size": 20, "hidden_size": 2},
        "softmax --> alpha_kij",
        "value past 'alpha_{k,i-1,j} prev_weights' is Tensor (1, 2) before the first step, by Softmax.initial, and "
        "Tensor (1, 4, 2) after it; they have to be one",
    ),
    "states of two forms": (
        "conditional_gru",
        [("rnn1[RNN]", "rnn1[RNN, 2 layers]")],
        {},
        "rnn1[RNN, 2 layers]",
        "operation rnn1[RNN, 2 layers] cannot run: prev_decoder is a Tensor; node LayeredStep takes a LayeredState of "
        "2; s_ii is its state, to be made by an operation of the same cell and layers",
    ),
    "a state without a cell": (
        "bahdanau",
        [("y_ii --> rnn\ns_ii --> rnn", "y_ii --> rnn"), ("rnn[RNN]", "rnn[LSTM]")],
        ONE_SIZE,
        "rnn[LSTM]",
        "operation rnn[LSTM] cannot run: prev_decoder is a Tensor; node LSTMStep takes an LSTMState(hidden, cell); c_i "
        "is its state, to be made by an operation of the same cell and layers",
    ),
    "layers without a number": (
        "bahdanau",
        [("rnn[RNN]", "rnn[RNN, residual]")],
        {},
        "rnn[RNN, residual]",
        "operation rnn[RNN, residual]: LayeredStep needs num_layers; write how many, as in 'RNN, residual, 2 layers'",
    ),
    "encoder unknown": (
        "seq2seq",
        [("encoder[RNN]", "encoder[pyramids]")],
        {},
        "encoder[pyramids]",
        f"operation encoder[pyramids]: no operation is called 'pyramids'; did you mean 'pyramid'? {UNKNOWN}",
    ),
    "encoder that is none": (
        "seq2seq",
        [("encoder[RNN]", "encoder[general]")],
        {},
        "encoder[general]",
        "operation encoder[general] takes the arguments i, j and has 1; each is an arrow in, in this order; with the "
        "arrows as they are it can be RNN, convolution, pyramid, transformer",
    ),
    "encoder that the config cannot size": (
        "seq2seq",
        [("encoder[RNN]", "encoder[transformer, 3 heads]")],
        {},
        "encoder[transformer, 3 heads]",
        "operation encoder[transformer, 3 heads]: hidden_size is 7, num_heads is 3; the heads share hidden_size: give "
        "a multiple of num_heads",
    ),
    "another arrow around the step": (
        "seq2seq",
        [("h_j --> bridge", "u_j --> bridge")],
        {},
        "u_j --> bridge",
        "around the step stands what does not in seq2seq.mmd, where only the encoder's text is free: arrow u_j → "
        "bridge is only in this picture; arrow h_j → bridge is only in a whole one around its step",
    ),
    "another kind around the step": (
        "seq2seq",
        [("bridge[bridge]", "bridge[tanh]")],
        {},
        "bridge[tanh]",
        "around the step stands what does not in seq2seq.mmd, where only the encoder's text is free: operation bridge "
        "is 'tanh' in this picture, 'bridge' in a whole one around its step",
    ),
    "no bridge around the step": (
        "seq2seq",
        [
            ('subgraph " "\n    bridge[bridge]\nend\n', ""),
            ("h_j --> bridge\nbridge --> s_0\n", ""),
            ('s_0["s_{0} first_decoder"]\n', ""),
        ],
        {},
        "encoder[RNN]",
        "around the step stands what does not in seq2seq.mmd, where only the encoder's text is free: value s_0 is only "
        "in a whole one around its step; operation bridge is only in a whole one around its step; arrow h_j → bridge "
        "is only in a whole one around its step; arrow bridge → s_0 is only in a whole one around its step",
    ),
    "a part of the model in the step": (
        "bahdanau",
        [
            ("softmax[softmax]", "bridge[softmax]"),
            ("e_ij --> softmax", "e_ij --> bridge"),
            ("softmax --> al", "bridge --> al"),
        ],
        {},
        "bridge[softmax]",
        "bridge is the name of a part of the model around the step; use another id",
    ),
    "an operation that is an attribute": (
        "bahdanau",
        [
            ("softmax[softmax]", "train[softmax]"),
            ("e_ij --> softmax", "e_ij --> train"),
            ("softmax --> al", "train --> al"),
        ],
        {},
        "train[softmax]",
        "operation train has a name that every torch module has for something else; give it another id",
    ),
    "unknown symbols without copy": (
        "bahdanau",
        [],
        {"unknown_size": 3},
        "out[feedforward]",
        "unknown_size is 3, but no operation copies; set it to 0, or let copy make the output",
    ),
    "coverage loss without coverage": (
        "bahdanau",
        [],
        {"coverage_loss": 1.0},
        "out[feedforward]",
        "coverage_loss is 1.0, but nothing makes coverage; set it to 0, or draw what makes that",
    ),
    "source of other symbols": (
        "pointer_generator",
        [],
        {},
        'x_j["x_{j} source"]',
        "x_j 'x_{j} source' is read as target symbols, but there are 23 source and 19 target symbols; number them "
        "alike",
    ),
    "h of each step": (
        "no_attention",
        ['h_i["h_{i} encoder_hidden"]', "h_i --> out"],
        {},
        'h_i["h_{i} encoder_hidden"]',
        "value h_i 'h_{i} encoder_hidden' is one for each j; write that as its subscript",
    ),
    "h made by the step": (
        "luong",
        [("a_{i} attn_hidden", "a_{i} source")],
        {"source_vocabulary": 19},
        "attend --> a_i",
        "value a_i 'a_{i} source' is made by attend, but a model gives each step what is called source; use another "
        "word",
    ),
    "y of the step before under another word": (
        "bahdanau",
        [("y_{i-1} prev_output", "y_{i-1} last_output")],
        {},
        'y_ii["y_{i-1} last_output"]',
        "value y_ii 'y_{i-1} last_output' is the output of the step before, of which a step is given the symbol that "
        "was chosen, embedded, as prev_output; use that word",
    ),
    "another value under the word of y": (
        "luong_input_feeding",
        [
            ('y_ii["y_{i-1} prev_output"]\n', ""),
            ("y_ii --> rnn\n", ""),
            ("a_{i-1} prev_attn_hidden", "a_{i-1} prev_output"),
            ("s_ii --> rnn\na_ii --> rnn", "a_ii --> rnn\ns_ii --> rnn"),
        ],
        {},
        'a_ii["a_{i-1} prev_output"]',
        "value a_ii 'a_{i-1} prev_output' is a_i 'a_{i} attn_hidden' of the step before, but what is called "
        "prev_output is the symbol that was chosen by the output, embedded; use another symbol",
    ),
    "a word of what no picture shows": (
        "luong_input_feeding",
        [("a_{i-1} prev_attn_hidden", "a_{i-1} mask")],
        {},
        'a_ii["a_{i-1} mask"]',
        "value a_ii 'a_{i-1} mask' has a word that stands for what no picture shows; use another",
    ),
    "weights under the letter of the state": (
        "location_aware",
        [("alpha_{i-1,j}", "s_{i-1,j}"), ("alpha_{ij}", "s_{ij}")],
        {},
        'alpha_ij["s_{ij} attn_weights"]',
        "value alpha_ij 's_{ij} attn_weights' has the symbol of the decoder's state, which the bridge begins, and is "
        "one for each ij; use another symbol",
    ),
    "sizes that depend on each other": (
        "coverage",
        [
            ("k_iij --> cover\n", "q_iij --> cover\n"),
            ("k_iij --> a\n", "q_iij --> a\n"),
            ('k_iij["k_{i-1,j} prev_coverage"]', 'q_iij["q_{i-1,j} prev"]'),
            node("second[coverage]", "k_ij alpha_ij", 'q_ij["q_{ij} now"]'),
        ],
        {},
        "cover[coverage]",
        "the size of k_ij cannot be told: it depends on itself, through cover and what is handed on to the next "
        "step; let a kind whose size the config knows, as hidden_size, make one of them",
    ),
    "a part of a model as a node": (
        "luong",
        [("h_j --> a\n", "k_j --> a\n"), node("again[convolution]", "h_j", 'k_j["k_{j} again"]')],
        {"embedding_size": 14},
        "again[convolution]",
        "operation again[convolution] belongs around a step, not into one; draw the whole model, as seq2seq.mmd does, "
        "or use another",
    ),
}


@pytest.mark.parametrize(("name", "changes", "options", "line", "why"), REFUSED.values(), ids=REFUSED)
def test_a_picture_that_cannot_run_is_refused_with_its_line_and_what_to_do(
    name: str, changes: list[tuple[str, str] | str], options: dict[str, Any], line: str, why: str, tmp_path: Path
) -> None:
    assert refused(drawn(name, *changes), tmp_path, **options) == (why, line)


RUNS = None  # an arrow less, and still a model
LESS: dict[str, tuple[str, str] | None] = {  # the seed without one arrow: the line at fault, and what is said of it
    "s_ii --> a": (
        "a[feedforward]",
        "operation a[feedforward] takes the arguments i, j, ij… and has 1; each is an arrow in, in this order",
    ),
    "h_j --> a": (
        "a[feedforward]",
        "operation a[feedforward] takes the arguments i, j, ij… and has 1; each is an arrow in, in this order",
    ),
    "a --> e_ij": ("a[feedforward]", "operation a makes 0 values (); it has one arrow out"),
    "e_ij --> softmax": (
        "softmax[softmax]",
        "operation softmax has no arrow in; draw one from a value that it reads",
    ),
    "softmax --> alpha_ij": ("softmax[softmax]", "operation softmax makes 0 values (); it has one arrow out"),
    "alpha_ij --> wsum": (
        "wsum[weighted_sum]",
        "operation wsum[weighted_sum] takes the arguments ij, j and has 1; each is an arrow in, in this order",
    ),
    "h_j --> wsum": (
        "wsum[weighted_sum]",
        "operation wsum[weighted_sum] takes the arguments ij, j and has 1; each is an arrow in, in this order",
    ),
    "wsum --> c_i": ("wsum[weighted_sum]", "operation wsum makes 0 values (); it has one arrow out"),
    "y_ii --> rnn": (
        "s_ii --> rnn",
        "operation rnn[RNN] reads its own past, s_ii 's_{i-1} prev_decoder', as argument 1; its state is argument 2: "
        "change the order of its arrows",
    ),
    "s_ii --> rnn": (
        "c_i --> rnn",
        "operation rnn[RNN] takes 7 numbers there (hidden_size); c_i 'c_{i} context' has 14 numbers; the past of its "
        "own result belongs there",
    ),
    "c_i --> rnn": RUNS,
    "rnn --> s_i": ("rnn[RNN]", "operation rnn makes 0 values (); it has one arrow out"),
    "y_ii --> out": RUNS,
    "s_i --> out": RUNS,
    "c_i --> out": RUNS,
    "out --> y_i": ("out[feedforward]", "operation out makes 0 values (); it has one arrow out"),
}


def test_the_table_has_every_arrow_of_the_seed() -> None:
    assert list(LESS) == ARROWS


@pytest.mark.parametrize("arrow", [arrow for arrow, outcome in LESS.items() if outcome is RUNS])
def test_the_seed_with_an_arrow_less_is_the_model_that_is_drawn(arrow: str) -> None:
    assert runs(edited("bahdanau", (f"{arrow}\n", ""))).check() == []


@pytest.mark.parametrize("arrow", [arrow for arrow, outcome in LESS.items() if outcome is not RUNS])
def test_the_seed_with_an_arrow_less_is_refused_where_something_is_missing(arrow: str, tmp_path: Path) -> None:
    line, why = LESS[arrow] or ("", "")
    assert refused(edited("bahdanau", (f"{arrow}\n", "")), tmp_path) == (why, line)


ALL_LABELS = sorted({kind.label for kind in known()} | {"RNN"})
SWAPS = {  # the operations of the seed, and the kinds that can take their place with no arrow changed
    "a": {"feedforward", "general", "concat"},
    "softmax": {"softmax", "sparsemax", "entmax15", "hard", "linear"},
    "wsum": {"weighted_sum"},
    "rnn": {"RNN", "GRU", "LSTM", "Elman", "tanh"},
    "out": {"feedforward", "linear", "tied", "mixture_of_softmaxes"},
}
KINDS = {id: operation.kind for id, operation in mermaid.load("bahdanau").operations.items()}


def swapped(id: str, label: str) -> str:
    return edited("bahdanau", (f"{id}[{KINDS[id]}]", f"{id}[{label}]"))


@pytest.mark.parametrize(("id", "label"), [(id, label) for id, labels in SWAPS.items() for label in sorted(labels)])
def test_another_kind_that_fits_is_the_model_that_is_drawn(id: str, label: str) -> None:
    model = runs(swapped(id, label))
    assert model.check() == []
    assert type(model.decoder.step.get_submodule(id)) in {kind.load() for kind in known() if kind.label == label} | (
        {type(model.decoder.step.rnn)} if label == "RNN" else set()
    )


@pytest.mark.parametrize("id", SWAPS)
def test_another_kind_that_does_not_fit_is_refused_with_the_operation_and_a_proposal(id: str, tmp_path: Path) -> None:
    for label in ALL_LABELS:
        if label not in SWAPS[id]:
            why, line = refused(swapped(id, label), tmp_path)
            names_it = why.startswith(f"operation {id}[{label}]") and (id in re.split(r"\W+", line))
            reads_it = line.endswith("--> wsum") and why.startswith(
                "operation wsum[weighted_sum] takes a single number"
            )
            begins = why.startswith("value s_ii 's_{i-1} prev_decoder' has no initial value") and line == "s_ii --> a"
            assert names_it or (id == "softmax" and reads_it) or (id == "rnn" and begins), (label, line, why)
            assert re.search("; |: ", why), why


SIZES_FIT = {"a": {"dot", "scaled_dot"}, "rnn": {"GRU"}}


@pytest.mark.parametrize(("id", "label"), [(id, label) for id, labels in SIZES_FIT.items() for label in sorted(labels)])
def test_a_kind_that_takes_one_size_fits_where_the_config_makes_them_one(id: str, label: str) -> None:
    assert runs(swapped(id, label), bidirectional=False).check() == []


MORE: dict[str, tuple[str, list[tuple[str, str] | str], dict[str, Any]]] = {
    "copy of a tied output": ("pointer_generator", [("out[feedforward]", "out[tied]")], {"source_vocabulary": 19}),
    "layers with everything": (
        "bahdanau",
        [("rnn[RNN]", "rnn[LSTM, 2 layers, residual, dropout 0.3, variational]")],
        {},
    ),
    "coverage that reads the state": (
        "coverage",
        [
            ("cover[coverage]", "cover[fertility, max_fertility 3]"),
            ("alpha_ij --> cover", "alpha_ij --> cover\nh_j --> cover"),
        ],
        {"coverage_loss": 0.5},
    ),
    "a context of the step before": (
        "no_attention",
        [
            'h_j["h_{j} encoder_hidden"]',
            node("a[general]", "c_ii h_j", 'e_ij["e_{ij} attn_energies"]'),
            node("norm[hard]", "e_ij", 'w_ij["w_{ij} attn_weights"]'),
            node("wsum[weighted_sum]", "w_ij h_j", 'c_i["c_{i} context"]'),
            'c_ii["c_{i-1} prev_context"]',
            "c_i --> rnn",
        ],
        {},
    ),
    "a step of other names": (
        "luong",
        [
            ('a_i["a_{i} attn_hidden"]', 'u_j["u_{i} embedded"]'),
            ("attend --> a_i\na_i --> out", "attend --> u_j\nu_j --> out"),
        ],
        {},
    ),
    "the whole model": (
        "seq2seq",
        [("encoder[RNN]", "encoder[transformer, 2 layers, 7 heads]"), ("rnn[RNN]", "rnn[Elman]")],
        {},
    ),
}


@pytest.mark.parametrize(("name", "changes", "options"), MORE.values(), ids=MORE)
def test_an_edited_picture_is_the_model_that_is_drawn(
    name: str, changes: list[tuple[str, str] | str], options: dict[str, Any]
) -> None:
    assert runs(drawn(name, *changes), **options).check() == []


def test_the_options_of_a_text_reach_the_node_before_the_config_does() -> None:
    text = edited(
        "bahdanau",
        ("rnn[RNN]", "rnn[LSTM, 3 layers, residual, dropout 0.25]"),
        ("softmax[softmax]", "softmax[softmax, temperature 0.5]"),
    )
    step = Seq2Seq.from_diagram(text, config(dropout=0.75)).decoder.step
    rnn = step.rnn
    assert (rnn.num_layers, rnn.residual, rnn.variational, rnn.dropout.p) == (3, True, False, 0.25)
    assert step.softmax.temperature == 0.5 and step.out.dropout.p == 0.75
    assert [type(layer).__name__ for layer in rnn.layers] == ["LSTMStep"] * 3


def test_the_sizes_of_the_nodes_are_those_of_their_arrows() -> None:
    step = Seq2Seq.from_diagram(edited("coverage", ("c_i --> rnn\n", "")), config()).decoder.step
    assert (step.a.query_size, step.a.memory_size, step.a.attention_size, step.a.feature_size) == (7, 14, 13, 1)
    assert (step.rnn.input_size, step.rnn.hidden_size, step.out.input_size) == (5, 7, 5 + 7 + 14)


BAD_OPTIONS = {
    "rnn[RNN, layers]": "layers takes a whole number from 1 up, as in 'layers 2'",
    "rnn[RNN, 0 layers]": "layers takes a whole number from 1 up, as in 'layers 2'",
    "rnn[RNN, 2.5 layers]": "layers takes a whole number from 1 up, as in 'layers 2'",
    "rnn[RNN, 2 layers, residual 3]": "residual takes no number",
    "rnn[RNN, 2 layers, dropout]": "dropout takes a number, as in 'dropout 0.5'",
    "rnn[RNN, 2 layers, dropout 2]": "dropout takes a probability below 1, as in 'dropout 0.5'",
    "softmax[softmax, temperature -1]": "temperature is -1; it is a number above 0",
    "out[mixture_of_softmaxes, 1.5 components]": "components takes a whole number from 1 up, as in 'components 2'",
}


@pytest.mark.parametrize("text", BAD_OPTIONS)
def test_an_option_of_another_type_or_range_is_refused(text: str, tmp_path: Path) -> None:
    id = text.split("[")[0]
    changed = edited("bahdanau", (f"{id}[{KINDS[id]}]", text))
    assert refused(changed, tmp_path) == (f"operation {text}: {BAD_OPTIONS[text]}", text)


class Times(nn.Module):
    """A node of a user's own, which stands for any."""

    def __init__(self, size: int, *, times: int = 1) -> None:
        super().__init__()
        self.size, self.times = size, times

    def forward(self, value: Tensor) -> Tensor:
        return value * self.times


class Demanding(Times):
    """One that wants what no picture shows, and no model knows."""

    def forward(self, value: Tensor, *, mood: float) -> Tensor:  # type: ignore[override]
        return value * mood


class Asking(Times):
    """One that looks at the numbers, which on the device "meta" there are none of."""

    def forward(self, value: Tensor) -> Tensor:
        return value + 1 if value.any() else value - 1


class Pair(Times):
    """One that gives two values."""

    def forward(self, value: Tensor) -> Any:
        return value, value


class Leaky(nn.Module):
    """One with a state, of which it does not say what stands before the first step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W, self.hidden_size = nn.Linear(input_size, hidden_size), hidden_size

    def forward(self, value: Tensor, past: Tensor) -> Tensor:
        return 0.5 * past + self.W(value)


class Begun(Leaky):
    """The same, and says it."""

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        return encoder_hidden.new_zeros(len(encoder_hidden), self.hidden_size)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nodes of a user's own, forgotten after the test."""
    monkeypatch.setattr(kinds, "_KINDS", [*kinds._KINDS])
    register(Times, "times", "i size -> i size", options=("times",))
    for node in (Demanding, Asking, Pair):
        register(node, node.__name__.lower(), "i size -> i size")
    for node in (Leaky, Begun):
        register(node, node.__name__.lower(), "i input_size, i hidden_size -> i hidden_size")
    yield


def with_own(operation: str, past: bool = False) -> str:
    """Luong's picture, with one operation more between attend and out."""
    value = 'z_i["z_{i} more"]'
    if past:
        before = 'z_ii["z_{i-1} prev_more"]'
        return drawn("luong", ("a_i --> out", "z_i --> out"), before, node(operation, "a_i z_ii", value))
    return drawn("luong", ("a_i --> out", "z_i --> out"), node(operation, "a_i", value))


@pytest.mark.usefixtures("own")
def test_a_node_of_your_own_runs_where_it_is_drawn() -> None:
    model = runs(with_own("own[times, times -3]"))
    assert model.check() == [] and (model.decoder.step.own.size, model.decoder.step.own.times) == (11, -3)
    model = runs(with_own("own[begun]", past=True))
    assert model.check() == [] and model.decoder.step.own.W.weight.shape == (7, 11)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (
            with_own("own[leaky]", past=True),
            "z_ii --> own",
            "value z_ii 'z_{i-1} prev_more' has no initial value: it is z_i of the step before, and Leaky has no "
            "method initial(encoder_hidden); give its class one, or let another operation make z_i",
        ),
        (
            with_own("own[times, times]"),
            "own[times, times]",
            "operation own[times, times]: times takes a whole number, as in 'times 2'",
        ),
        (
            with_own("own[demanding]"),
            "own[demanding]",
            "operation own[demanding] cannot run: Demanding.forward() missing 1 required keyword-only argument: 'mood'",
        ),
        (
            with_own("own[pair]"),
            "own[pair]",
            "operation own[pair] gives a tuple, where a node gives one tensor or a State",
        ),
    ],
)
def test_a_node_of_your_own_that_cannot_run_is_refused_like_any(text: str, line: str, why: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path) == (why, line)


def test_building_uses_up_random_numbers_for_weights_only() -> None:
    picture, options = mermaid.load("monotonic"), config(dropout=0.5)  # which draws noise whenever it runs in training
    encoder = build.encoder("RNN", options)
    embed_target = nn.Embedding(19, 5)
    torch.manual_seed(3)
    build.nodes(picture, options, memory_size=encoder.memory_size, embed_target=embed_target)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    for operation in picture.operations.values():
        choice = kinds.find(picture, operation)
        sizes = {"query_size": 7, "memory_size": 14, "input_size": {"rnn": 19, "out": 26}.get(operation.id)}
        build.construct(operation, choice, build.fields(options), sizes)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.usefixtures("own")
def test_a_model_of_names_and_shapes_only_is_built_as_well() -> None:
    for text in (mermaid.shipped()["pointer_generator"], with_own("own[asking]")):
        with torch.device("meta"):
            model = Seq2Seq.from_diagram(text, config(source_vocabulary=19))
        assert all(parameter.is_meta for parameter in model.parameters())


def test_a_picture_of_nothing_says_so() -> None:
    with pytest.raises(
        ValueError, match=r"nothing makes 'y_\{i\} output', by which symbols are chosen; what is made is nothing"
    ):
        Seq2Seq.from_diagram("graph TD\n", config())


HOW_MANY = {"num_heads": "4 heads", "num_layers": "2 layers"}


def before(text: str) -> str:
    """The text of the value of the step before: c_{i} context → c_{i-1} prev_context."""
    value = Value.parse(text)
    axes = value.subscript.replace("i", ",i-1,").strip(",")
    return f"{value.symbol}_{{{axes}}} prev_{value.word}"


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A picture that ships, after an edit or two of a user who knows the notation and not always what they do."""
    name = draw(st.sampled_from(sorted(PICTURES)))
    graph = mermaid.load(name)
    values = {value.id: str(value) for value in graph.values.values()}
    handed_on = {now.id for now, _ in graph.recurrences}
    values |= {
        f"{v.id}_past": before(str(v))
        for v in graph.outputs
        if v.id not in handed_on and v.axes.startswith("i") and "-" not in v.subscript
    }
    operations = {operation.id: operation.kind for operation in graph.operations.values()}
    arrows = list(graph.arrows)
    for number in range(draw(st.integers(1, 2))):
        edit = draw(st.sampled_from(["less", "kind", "rename", "order", *["add"] * 8]))
        if edit == "less":
            arrows.pop(draw(st.integers(0, len(arrows) - 1)))
        elif edit == "kind":
            options = draw(st.sampled_from(["", ", 2 layers", ", 4 heads", ", temperature 2"]))
            operations[draw(st.sampled_from(sorted(operations)))] = draw(st.sampled_from(ALL_LABELS)) + options
        elif edit == "rename":
            old, new = draw(st.sampled_from(sorted({**values, **operations}))), f"new_{number}"
            values = {new if id == old else id: text for id, text in values.items()}
            operations = {new if id == old else id: text for id, text in operations.items()}
            arrows = [(new if a == old else a, new if b == old else b) for a, b in arrows]
        elif edit == "order":
            arrows = draw(st.permutations(arrows))
        else:  # an operation more, whose arguments have the axes that it takes
            axes = {id: Value.parse(text).axes for id, text in values.items()}
            kind = draw(st.sampled_from([k for k in known() if {s.axes for s in k.arguments} <= {*axes.values()}]))
            id, made = f"op{number}", f"v{number}"
            operations[id] = ", ".join([kind.label, *(HOW_MANY[name] for name in kind.options if name in HOW_MANY)])
            for slot in kind.arguments:
                fits = [value for value in values if axes[value] == slot.axes]
                free = [value for value in fits if (value, id) not in arrows]
                arrows.append((draw(st.sampled_from(free or fits)), id))
            arrows.append((id, made))
            values[made] = f"{'qr'[number]}_{{{kind.result.axes or 0}}} more{number}"
            values |= {f"{made}_past": before(values[made])} if "i" in kind.result.axes else {}
            read = f"{made}_past" if f"{made}_past" in values else made
            more = Slot(kind.result.axes, many=True)  # which can read it beside its other arguments
            takes = {k.label for k in known() if replace(k.arguments[-1], name=None) == more} | {"RNN"}
            readers = [reader for reader, text in operations.items() if text.split(",")[0] in takes]
            arrows += [(read, reader) for reader in [draw(st.sampled_from([None, *sorted(readers)]))] if reader]
    used = {id for arrow in arrows for id in arrow}
    lines = [f'{id}["{text}"]' for id, text in values.items() if id in used]
    lines += [f'subgraph " "\n    {id}[{kind}]\nend' for id, kind in operations.items()]
    lines += [f"{source} --> {target}" for source, target in arrows]
    options = {key: value for key, value in PICTURES[name].items() if key != "diagram"}
    return "\n".join(["graph TD", *lines, ""]), options | {"bidirectional": draw(st.booleans())}


@settings(max_examples=300)
@given(edits())
def test_whatever_is_drawn_is_refused_at_a_line_or_runs_as_it_is_drawn(edit: tuple[str, dict[str, Any]]) -> None:
    text, options = edit
    try:
        model = Seq2Seq.from_diagram(text, config(**options))
    except ValueError as error:
        assert re.match(r"diagram:\d+: .", str(error)), error
        return
    event("it runs")
    graph = mermaid.parse(text)
    assert model.trace(whole="encoder" in graph.operations) == graph
    assert false_schedule(model) == []
    assert model.loss(*model.example()).isfinite()


def test_a_pyramid_of_one_layer_is_refused_since_it_shortens_nothing() -> None:
    for diagram, options in (("bahdanau", {"encoder": "pyramid"}), (edited("seq2seq", ("r[RNN]", "r[pyramid]")), {})):
        with pytest.raises(ValueError, match="has one layer, which shortens nothing; write 'pyramid, 2 layers'"):
            Seq2Seq.from_diagram(diagram, config(**options))


def test_what_copies_the_source_is_refused_an_encoder_that_shortens_it() -> None:
    with pytest.raises(ValueError, match=r"^pointer_generator.mmd:12: x_j .* makes fewer h_j than there are source"):
        Seq2Seq.from_diagram("pointer_generator", config(**COPIES, encoder="pyramid", num_layers=2))


def test_weights_by_name_are_one_for_each_pair() -> None:
    text = edited("luong", ("c_{i} context", "c_{i} attn_weights"), ("alpha_{ij} attn_weights", "alpha_{ij} weights"))
    with pytest.raises(ValueError, match=r"^diagram:4: value c_i .* is one for each i; weights are for each ij"):
        Seq2Seq.from_diagram(text, config())


@pytest.mark.parametrize(
    ("change", "id", "name", "value"),
    [
        (("softmax[softmax]", "softmax[softmax, temperature .5]"), "softmax", "temperature", 0.5),
        (("softmax[softmax]", "softmax[softmax, 5e-1 temperature]"), "softmax", "temperature", 0.5),
        (("rnn[RNN]", "rnn[RNN, 1 layer]"), "rnn", "num_layers", 1),
    ],
)
def test_numbers_and_words_of_options_may_be_written_as_people_do(
    change: tuple[str, str], id: str, name: str, value: float
) -> None:
    model = Seq2Seq.from_diagram(edited("bahdanau", change), config())
    assert getattr(model.decoder.step.get_submodule(id), name) == value and model.check() == []


def test_an_energy_without_features_gets_some_through_a_linear_one() -> None:
    text = edited(
        "coverage",
        ("a[feedforward]", "a[general]"),
        ("k_iij --> a\n", ""),
        ("a --> e_ij", "a --> g_ij\ng_ij --> mix\nk_iij --> mix\nmix --> e_ij"),
        ("e_ij[", 'g_ij["g_{ij} products"]\ne_ij['),
        ('subgraph " "\n    softmax', 'subgraph " "\n    mix[linear]\nend\nsubgraph " "\n    softmax'),
    )
    model = Seq2Seq.from_diagram(text, config(coverage_loss=1.0))
    assert model.trace() == mermaid.parse(text) and model.check() == []


def test_a_tied_output_scores_the_known_symbols_and_copy_adds_the_unknown_ones() -> None:
    text = edited("pointer_generator", ("out[feedforward]", "out[tied]"))
    model = Seq2Seq.from_diagram(text, config(**COPIES, unknown_size=3))
    assert model.decoder.step.out.vocabulary_size == 19
    assert model(*model.example()).output.shape[-1] == 22


def test_the_graph_of_a_picture_will_do() -> None:
    assert Seq2Seq.from_diagram(mermaid.load("luong"), config()).trace() == mermaid.load("luong")
