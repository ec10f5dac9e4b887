"""A model that is not its picture is found out: each lie is told once, and each is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from models import PICTURES, config, edited
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq, kinds, mermaid
from seq2seq_attn.decoder import Decoder
from seq2seq_attn.examine import false_labels, false_schedule, record, whole
from seq2seq_attn.kinds import register
from seq2seq_attn.loop import Loop, Sentence
from seq2seq_attn.nodes import (
    DotEnergy,
    GRUStep,
    HardAttention,
    LayeredStep,
    MultiHeadEnergy,
    Softmax,
    Sparsemax,
    TanhLayer,
    WeightedSum,
)
from seq2seq_attn.trace import TraceError
from seq2seq_attn.whole import around
from seq2seq_attn.wiring import Step
from seq2seq_attn.wirings import Bahdanau


def built(diagram: str = "bahdanau", **options: Any) -> Seq2Seq:
    sizes = {key: value for key, value in PICTURES.get(diagram, {}).items() if key != "diagram"}
    return Seq2Seq.from_diagram(diagram, config(**{**sizes, **options}))


def lied(model: Seq2Seq, cls: type[nn.Module], part: str = "") -> Seq2Seq:
    """The model, or a part of it, as of another class."""
    model.get_submodule(part).__class__ = cls
    return model


class Moody(Bahdanau):
    """Another step in training than in evaluation."""

    def forward(self, prev_output: Any, prev_decoder: Any, encoder_hidden: Any, *, mask: Any, keys: Any = None) -> Any:
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context)
        read = prev_decoder if self.training else decoder_hidden
        return Step(self.out(prev_output, read, context), decoder_hidden, context, attn_weights, attn_energies)


class Forgetful(Decoder):
    """Hands on another state than that of the step before."""

    def forward(self, sentence: Sentence, symbols: Tensor, loop: Any = "fastest", **_: Any) -> Any:
        loop = Loop(self.step, sentence)
        for prev_output in self.embed_target(symbols).unbind(dim=1):
            values = loop(prev_output)
            loop.carried = {word: value.clone() for word, value in loop.carried.items()}
        return values


class Choosy(Decoder):
    """Goes on with another symbol than it chose."""

    def greedy(self, sentence: Sentence, **options: Any) -> Any:
        decoded = super().greedy(sentence, **options)
        return decoded._replace(symbols=(decoded.symbols + 1) % 19)


class Loud(Decoder):
    """Begins with another symbol than the one before the first."""

    def forward(self, sentence: Sentence, symbols: Tensor, loop: Any = "fastest", **_: Any) -> Any:
        return Loop(self.step, sentence).plain(2 * self.embed_target(symbols))


class Reader(Seq2Seq):
    """Reads a source as it should, with a place for each lie."""

    def read(self, source: Tensor, source_mask: Tensor) -> Sentence:
        embedded = self.told("embedded", self.embed_source(source))
        encoder_hidden = self.encoder(embedded, source_mask)
        mask = self.encoder.hidden_mask(source_mask)
        first = self.bridge(self.told("bridged", encoder_hidden), mask)
        return Sentence(self.told("h_j", encoder_hidden), mask, source, self.told("s_0", first))

    def told(self, what: str, value: Any) -> Any:
        """A value, or a lie."""
        return value.clone() if what == getattr(self, "lie", None) else value


class Unread(Seq2Seq):
    """Has an encoder and does not ask it."""

    def read(self, source: Tensor, source_mask: Tensor) -> Sentence:
        state = torch.zeros(len(source), 7)
        return Sentence(torch.ones(*source.shape, 14), source_mask, source, state)


RECORD = {
    "another step in training": (
        lambda: lied(built(), Moody, "decoder.step"),
        "the step is not the same everywhere: arrow s_ii → out is only in training; arrow s_i → out is only in "
        "evaluation",
    ),
    "another state": (
        lambda: lied(built(), Forgetful, "decoder"),
        "'s_{i} decoder_hidden' of step 1 is not 's_{i-1} prev_decoder' of step 2",
    ),
    "another symbol": (
        lambda: lied(built(), Choosy, "decoder"),
        "prev_output of step 2 is not the symbol chosen in step 1",
    ),
}


@pytest.mark.parametrize(("make", "why"), RECORD.values(), ids=RECORD)
def test_a_step_that_does_not_run_alike_everywhere_is_found_out(make: Any, why: str) -> None:
    model = make()
    for look in (record, whole):
        with pytest.raises(TraceError, match=f"^{re.escape(why)}$"):
            look(model)
    assert model.check() == [why]
    with pytest.raises(TraceError, match=re.escape(why)):
        model.trace()


@pytest.mark.parametrize("make", [make for make, _ in RECORD.values()], ids=RECORD)
def test_looking_leaves_the_model_as_it_was_even_where_it_fails(make: Any) -> None:
    model = make()
    model.encoder.eval()
    state, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    assert len(model.check()) == 1
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_looking_leaves_a_true_model_as_it_was_as_well() -> None:
    model = built("monotonic", dropout=0.5)  # which draws noise in training
    model.decoder.step.out.eval()
    state, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    assert model.check() == []
    model.trace(whole=True)
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


WAYS = {
    "embedded": "what encoder is given is not what embed_source gave: something happens between them",
    "bridged": "what bridge is given is not what encoder gave: something happens between them",
    "s_0": "what the step is given is not what bridge gave: something happens between them",
    "h_j": "what the step is given is not what encoder gave: something happens between them",
}


@pytest.mark.parametrize("lie", WAYS)
def test_what_happens_between_the_parts_of_a_model_is_found_out(lie: str) -> None:
    model = lied(built(), Reader)
    assert whole(model) == mermaid.load("seq2seq")
    model.lie = lie
    with pytest.raises(TraceError, match=f"^{WAYS[lie]}$"):
        whole(model)
    assert model.check() == [WAYS[lie]]
    assert model.check(mermaid.load("bahdanau")) == []  # of its step alone it is the picture


def test_what_happens_to_the_first_symbol_is_found_out() -> None:
    model = lied(built(), Loud, "decoder")
    why = "prev_output of step 1 is not what embed_target gave for the first symbol"
    with pytest.raises(TraceError, match=f"^{why}$"):
        whole(model)
    assert model.check() == [why]


def test_a_part_that_does_not_run_is_found_out() -> None:
    assert lied(built(), Unread).check() == ["embed_source is a part of the model, and does not run"]


def test_a_model_without_a_bridge_is_drawn_without_one() -> None:
    model = built()
    bare = Seq2Seq(model.embed_source, model.encoder, None, model.decoder, bos=17, eos=18)
    assert bare.trace(whole=True).operations.keys() == mermaid.load("seq2seq").operations.keys() - {"bridge"}
    assert bare.check() == [
        "value s_0 is only in the diagram",
        "operation bridge is only in the diagram",
        "arrow h_j → bridge is only in the diagram",
        "arrow bridge → s_0 is only in the diagram",
    ]


def test_a_model_is_compared_with_the_picture_that_it_is_asked_about() -> None:
    model = built("luong")
    assert model.check(mermaid.load("luong")) == [] == model.check(around(mermaid.load("luong"), "RNN"))
    assert "operation encoder is 'RNN' in the model, 'pyramid' in the diagram" in model.check(
        around(mermaid.load("luong"), "pyramid")
    )
    assert "arrow a_ii → rnn is only in the diagram" in model.check(mermaid.load("luong_input_feeding"))


def labelled(node: nn.Module, label: str) -> nn.Module:
    node.label = label  # type: ignore[assignment]
    return node


def layers(cell: Any, **options: Any) -> LayeredStep:
    return LayeredStep(5 + 14, 7, cell=cell, **options)


# name: (picture, changes of its text, the operation, a node in its place, what is said of it)
LABELS: dict[str, tuple[str, list[tuple[str, str]], str, nn.Module, list[str]]] = {
    "another normaliser": (
        "bahdanau",
        [],
        "softmax",
        labelled(Sparsemax(), "softmax"),
        ["operation softmax[softmax] stands for Softmax, and is Sparsemax"],
    ),
    "another temperature": (
        "bahdanau",
        [("softmax[softmax]", "softmax[softmax, temperature 2]")],
        "softmax",
        labelled(Softmax(temperature=3), "softmax, temperature 2"),
        ["operation softmax[softmax, temperature 2] has temperature=3"],
    ),
    "a scaled product that is called dot": (
        "bahdanau",
        [("a[feedforward]", "a[dot]")],
        "a",
        labelled(DotEnergy(scaled=True), "dot"),
        ["operation a[dot] has scaled=True"],
    ),
    "a product that is called scaled": (
        "bahdanau",
        [("a[feedforward]", "a[scaled_dot]")],
        "a",
        labelled(DotEnergy(), "scaled_dot"),
        ["operation a[scaled_dot] has scaled=False"],
    ),
    "another cell": (
        "bahdanau",
        [("rnn[RNN]", "rnn[LSTM]")],
        "rnn",
        labelled(GRUStep(19, 7), "LSTM"),
        ["operation rnn[LSTM] stands for LSTMStep, and is GRUStep"],
    ),
    "layers of another cell": (
        "bahdanau",
        [("rnn[RNN]", "rnn[LSTM, 2 layers]")],
        "rnn",
        labelled(LayeredStep(19, 7, cell="GRU", num_layers=2), "LSTM, 2 layers"),
        ["operation rnn[LSTM, 2 layers] has cell=GRU"],
    ),
    "heads of another energy": (
        "bahdanau",
        [
            ("a[feedforward]", "a[feedforward, 2 heads]"),
            ("e_{ij}", "e_{kij}"),
            ("alpha_{ij}", "alpha_{kij}"),
            ("wsum[weighted_sum]", "wsum[weighted_sum, 2 heads]"),
        ],
        "a",
        labelled(MultiHeadEnergy(7, 14, 12, num_heads=2, energy="concat"), "feedforward, 2 heads"),
        [
            "operation a[feedforward, 2 heads] has energy=concat",
            "operation wsum[weighted_sum, 2 heads] stands for MultiHeadSum, and is WeightedSum",
        ],
    ),
    "any cell, where it is left open": ("bahdanau", [], "rnn", GRUStep(19, 7, reset_after=False), []),
    "no cell at all, where it is left open": (
        "bahdanau",
        [],
        "rnn",
        labelled(TanhLayer(26, 7), "RNN"),
        ["operation rnn[RNN] stands for ElmanStep or GRUStep or LSTMStep, and is TanhLayer"],
    ),
    "layers that are not told": (
        "bahdanau",
        [],
        "rnn",
        labelled(layers("GRU", num_layers=2), "RNN"),
        ["operation rnn[RNN] stands for ElmanStep or GRUStep or LSTMStep, and is LayeredStep"],
    ),
    "other layers": (
        "bahdanau",
        [("rnn[RNN]", "rnn[RNN, 2 layers, residual, dropout 0.25]")],
        "rnn",
        labelled(layers("GRU", num_layers=3, dropout=0.5), "RNN, 2 layers, residual, dropout 0.25"),
        [
            "operation rnn[RNN, 2 layers, residual, dropout 0.25] has num_layers=3",
            "operation rnn[RNN, 2 layers, residual, dropout 0.25] has residual=False",
            "operation rnn[RNN, 2 layers, residual, dropout 0.25] has dropout=0.5",
        ],
    ),
    "a word that no register knows": (
        "bahdanau",
        [("wsum[weighted_sum]", "wsum[mine]")],
        "wsum",
        labelled(WeightedSum(), "mine"),
        [],
    ),
}


@pytest.mark.parametrize(("name", "changes", "id", "node", "said"), LABELS.values(), ids=LABELS)
def test_a_node_that_is_not_what_it_is_called_is_found_out(
    name: str, changes: list[tuple[str, str]], id: str, node: nn.Module, said: list[str]
) -> None:
    model = built(bidirectional=True)
    model.decoder.step.add_module(id, node)
    assert false_labels(model, mermaid.parse(edited(name, *changes))) == said


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_that_ships_has_true_labels_and_a_true_schedule(name: str) -> None:
    for cell in ("GRU", "LSTM", "Elman"):
        model = built(name, cell=cell)
        assert false_labels(model, model.specification()) == [] == false_schedule(model)


def test_a_false_label_is_part_of_a_check() -> None:
    model = built()
    model.decoder.step.softmax = labelled(HardAttention(), "softmax")
    assert "operation softmax[softmax] stands for Softmax, and is HardAttention" in model.check()


class Mixed(TanhLayer):
    """Says that it can do all steps at once, and then mixes them."""

    def forward(self, *inputs: Any) -> Tensor:
        result = super().forward(*inputs)
        return result - result.mean(dim=1, keepdim=True) if result.dim() == 3 else result


class Flat(TanhLayer):
    """Says so, and loses an axis."""

    def forward(self, *inputs: Any) -> Tensor:
        result = 0 * super().forward(*inputs)
        return result[:, :1] if result.dim() == 3 else result


class Narrow(TanhLayer):
    """Says so, and cannot."""

    def forward(self, *inputs: Any) -> Tensor:
        if inputs[0].dim() == 3:
            raise ValueError("one step, please")
        return super().forward(*inputs)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node of a user's own that keeps attn_hidden from being read by `out`, forgotten after the test."""
    monkeypatch.setattr(kinds, "_KINDS", [*kinds._KINDS])
    for cls in (Mixed, Flat, Narrow):
        register(cls, cls.__name__.lower(), "i input_size, *i input_size -> i readout_size")
    yield


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mixed", ["attn_hidden is another when what can leave the loop has left it"]),
        ("flat", ["attn_hidden is another when what can leave the loop has left it"]),
        ("narrow", ["when what can leave the loop has left it, the step does not run: one step, please"]),
    ],
)
def test_a_node_that_does_not_do_all_steps_at_once_as_it_says_is_found_out(kind: str, said: list[str]) -> None:
    text = edited("luong", ("attend[tanh]", f"attend[{kind}]"), ("a_i --> out\n", "s_i --> out\n"))
    model = built(text).train()
    modes = [module.training for module in model.modules()]
    assert false_schedule(model) == said
    assert set(said) <= set(model.check())
    assert [module.training for module in model.modules()] == modes


@pytest.mark.usefixtures("own")
def test_what_reads_such_a_node_is_named_too() -> None:
    model = built(edited("luong", ("attend[tanh]", "attend[mixed]")))
    assert false_schedule(model) == [
        "output is another when what can leave the loop has left it",
        "attn_hidden is another when what can leave the loop has left it",
    ]
