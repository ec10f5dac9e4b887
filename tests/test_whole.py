"""The whole encoder-decoder as one picture: what stands around every step, and that it is what runs."""

from __future__ import annotations

from typing import Any

import pytest
from models import PICTURES, config, edited
from test_build import drawn, node
from test_schedule import BANDS, sets

from seq2seq_attn import Seq2Seq, mermaid
from seq2seq_attn.graph import Graph, GraphError
from seq2seq_attn.whole import OUTSIDE, around, split
from seq2seq_attn.wirings import WIRINGS

STEPS = [name for name in mermaid.shipped() if name != "seq2seq"]


def sizes(name: str) -> dict[str, Any]:
    return {key: value for key, value in PICTURES[name].items() if key != "diagram"}


def words(graph: Graph) -> dict[str, str]:
    """What each operation makes of what, by the words."""
    word = {id: value.word for id, value in graph.values.items()}
    return {o.id: f"{', '.join(word[id] for id in o.inputs)} -> {word[o.output]}" for o in graph.operations.values()}


def test_the_picture_that_ships_is_the_seed_and_what_stands_around_it() -> None:
    assert around(mermaid.load("bahdanau"), "RNN") == mermaid.load("seq2seq")
    assert split(mermaid.load("seq2seq")) == (mermaid.load("bahdanau"), "RNN")


@pytest.mark.parametrize("encoder", ["RNN", "transformer, 2 layers, 3 heads"])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_was_put_into_a_whole_is_found_again(name: str, encoder: str) -> None:
    step = mermaid.load(name)
    whole = around(step, encoder)
    assert mermaid.parse(mermaid.emit(whole)) == whole
    assert split(whole) == (step, encoder)
    assert split(step) == (step, None)


def test_what_a_step_does_not_carry_or_read_has_nothing_around_it() -> None:
    step = mermaid.parse(
        edited("luong", ("y_ii --> rnn\ns_ii --> rnn\n", "q_i --> rnn\n"), ("s_{i-1} prev_decoder", "r_{i} other"))
        .replace('y_ii["y_{i-1} prev_output"]\n', 'q_i["q_{i} given"]\n')
        .replace('s_ii["r_{i} other"]\n', "")
    )
    assert around(step, "RNN").operations.keys() == {"embed_source", "encoder", *step.operations}


def test_the_words_of_a_step_are_taken_where_they_mean_what_stands_around_it() -> None:
    whole = around(mermaid.load("pointer_generator"), "RNN")
    assert words(whole)["embed_source"] == "source -> embedded" and words(whole)["copy"].endswith("source -> output")
    whole = around(mermaid.load("no_attention"), "RNN")
    assert words(whole)["encoder"] == "embedded -> encoder_hidden" and words(whole)["bridge"].startswith(
        "encoder_hidden"
    )


PLAIN = {"x_{j} source", "u_{j} embedded", "s_{0} first_decoder", "w_{i-1} prev_symbol"}
CLASHES = {  # a step, and what stands around it under another name
    "a symbol": (
        edited("luong", ('a_i["a_{i} attn_hidden"]', 'a_i["w_{i-1} attn_hidden"]')),
        {"w_{i-1} prev_symbol": "ww_{i-1} prev_symbol"},
    ),
    "an id": (
        edited("luong", ('a_i["', 'u_j["'), ("attend --> a_i\na_i -->", "attend --> u_j\nu_j -->")),
        {"u_{j} embedded": "uu_{j} embedded"},
    ),
    "a word": (edited("luong", ("a_{i} attn_hidden", "a_{i} embedded")), {"u_{j} embedded": "u_{j} embedded_"}),
    "a symbol of what the step does not read": (
        drawn("no_attention", node("more[tanh]", "s_i", 'h_j["h_{j} more"]'), "h_j --> out"),
        {"h_{j} encoder_hidden": "hh_{j} encoder_hidden"},
    ),
    "an operation": (
        edited(
            "luong", ("attend[", "s_0["), ("c_i --> attend\ns_i --> attend\nattend", "c_i --> s_0\ns_i --> s_0\ns_0")
        ),
        {"s_{0} first_decoder": "ss_{0} first_decoder"},
    ),
}


@pytest.mark.parametrize(("text", "instead"), CLASHES.values(), ids=CLASHES)
def test_what_stands_around_a_step_gets_out_of_the_way_of_its_names(text: str, instead: dict[str, str]) -> None:
    step = mermaid.parse(text)
    whole = around(step, "RNN")
    assert split(whole) == (step, "RNN")
    outside = {str(value) for id, value in whole.values.items() if id not in step.values}
    assert outside == (PLAIN - instead.keys()) | {*instead.values()}


def test_names_that_clash_do_not_keep_a_model_from_being_drawn() -> None:
    text = drawn("luong", ("a_{i} attn_hidden", "a_{i} embedded"), ('c_i["c_{i} context"]', 'c_i["w_{i} prev_symbol"]'))
    model = Seq2Seq.from_diagram(text, config())
    assert model.check() == []
    assert model.trace(whole=True) == around(mermaid.parse(text), "RNN")


def faults(graph: Graph) -> tuple[str, Any]:
    with pytest.raises(GraphError) as caught:
        split(graph)
    return str(caught.value).split("is free: ")[1], caught.value.subject


@pytest.mark.parametrize(
    ("changes", "said", "subject"),
    [
        (
            [("h_j --> bridge", "u_j --> bridge")],
            "arrow u_j → bridge is only in this picture; arrow h_j → bridge is only in a whole one around its step",
            ("u_j", "bridge"),
        ),
        (
            [("w_{i-1} prev_symbol", "w_{i-1} symbol")],
            "value w_ii is 'w_{i-1} symbol' in this picture, 'w_{i-1} prev_symbol' in a whole one around its step",
            "w_ii",
        ),
        (
            [("embed_source[embedding]", "embed_source[tanh]")],
            "operation embed_source is 'tanh' in this picture, 'embedding' in a whole one around its step",
            "embed_source",
        ),
        (
            [
                ("h_j --> bridge\nbridge --> s_0\n", ""),
                ('subgraph " "\n    bridge[bridge]\nend\n', ""),
                ('s_0["s_{0} first_decoder"]\n', ""),
            ],
            "value s_0 is only in a whole one around its step; operation bridge is only in a whole one around its "
            "step; arrow h_j → bridge is only in a whole one around its step; arrow bridge → s_0 is only in a whole "
            "one around its step",
            "encoder",
        ),
    ],
)
def test_a_whole_of_other_surroundings_is_refused_where_it_differs(
    changes: list[tuple[str, str]], said: str, subject: Any
) -> None:
    assert faults(mermaid.parse(edited("seq2seq", *changes))) == (said, subject)


def test_a_step_between_an_encoder_and_nothing_else_is_no_whole() -> None:
    graph = mermaid.parse(edited("luong") + node("encoder[RNN]", "x_j", "h_j") + '\nx_j["x_{j} source"]\n')
    said, subject = faults(graph)
    assert said.startswith("value u_j is only in a whole one") and subject == ("x_j", "encoder")


ENCODERS = {
    "RNN": {},
    "RNN, 2 layers": {},
    "pyramid": {"num_layers": 2},
    "pyramid, 3 layers": {},
    "convolution, width 5": {"num_layers": 2},
    "transformer, 2 layers, 7 heads": {},
    "transformer, 1 layers, 7 heads, dropout 0.5": {},
}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_whole_picture_is_what_runs_whatever_its_encoder(encoder: str) -> None:
    text = edited("seq2seq", ("encoder[RNN]", f"encoder[{encoder}]"), ("rnn[RNN]", "rnn[LSTM]"))
    model = Seq2Seq.from_diagram(text, config(**ENCODERS[encoder]))
    picture = mermaid.parse(text)
    assert model.trace(whole=True) == picture == model.specification(whole=True)
    assert model.trace() == model.specification() == split(picture)[0]
    assert model.check() == [] and model.check(picture) == [] and model.check(split(picture)[0]) == []
    assert model.check(mermaid.load("seq2seq")) != []


def test_the_options_of_an_encoder_in_a_picture_reach_it_before_the_config_does() -> None:
    text = edited("seq2seq", ("encoder[RNN]", "encoder[transformer, 3 layers, 1 heads, dropout 0.25]"))
    encoder = Seq2Seq.from_diagram(text, config(num_layers=2, dropout=0.5)).encoder
    assert len(encoder.transformer.layers) == 3 and encoder.dropout.p == 0.25


def test_an_encoder_is_the_configs_where_the_picture_is_of_a_step_and_the_pictures_where_it_is_whole() -> None:
    assert Seq2Seq.from_diagram("bahdanau", config(encoder="convolution")).encoder.label == "convolution"
    assert Seq2Seq.from_diagram("seq2seq", config()).encoder.label == "RNN"
    why = r"^seq2seq.mmd:18: the picture shows encoder\[RNN\], the config says encoder='convolution'$"
    with pytest.raises(ValueError, match=why):
        Seq2Seq.from_diagram("seq2seq", config(encoder="convolution"))


@pytest.mark.parametrize("name", WIRINGS)
def test_every_model_runs_as_the_whole_around_its_step(name: str) -> None:
    model = Seq2Seq.from_diagram(name, config(**sizes(name)))
    assert model.trace(whole=True) == around(mermaid.load(name), "RNN")


@pytest.mark.parametrize("name", ["bahdanau", "luong", "no_attention"])
def test_a_drawing_shows_the_step_or_the_whole_and_the_bands_of_either(name: str) -> None:
    model = Seq2Seq.from_diagram(name, config())
    step, whole = mermaid.load(name), around(mermaid.load(name), "RNN")
    before, inside, after = sets(BANDS[name])
    assert {*OUTSIDE} == whole.operations.keys() - step.operations.keys()
    for is_whole, graph in ((False, step), (True, whole)):
        drawing = model.draw(whole=is_whole, schedule=True)
        boxes = {box.id: box for box in drawing.scene.boxes}
        assert list(boxes) == [*graph.values, *graph.operations]
        assert {id for id, box in boxes.items() if box.code} == graph.operations.keys()
        framed = {frame.id: {*frame.boxes} & graph.operations.keys() for frame in drawing.scene.frames}
        expected = {"before": before | ({*OUTSIDE} if is_whole else set()), "inside": inside, "after": after}
        assert framed == {band: ids for band, ids in expected.items() if ids}
        plain = model.draw(whole=is_whole)
        assert plain.graph == graph
        assert [frame.id for frame in plain.scene.frames] == (["step"] if is_whole else [])
