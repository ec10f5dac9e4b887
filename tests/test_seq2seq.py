"""The laws of the whole model, over the table of models."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from models import OPTIONS, batch, config, model
from table import tensors
from test_trace import lying
from torch import Tensor

from seq2seq_attn import Bahdanau, Seq2Seq, Wired
from seq2seq_attn.mask import length_mask
from seq2seq_attn.mermaid import parse, shipped
from seq2seq_attn.seq2seq import cross_entropy
from seq2seq_attn.wiring import Step

OUT = "output = self.out(prev_output, decoder_hidden, context)"  # the line of Bahdanau.forward
every_model = pytest.mark.parametrize("name", OPTIONS)


def close(first: Any, second: Any) -> None:
    for a, b in zip(tensors(first), tensors(second), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def padded(symbols: Tensor, mask: Tensor, by: int, junk: int) -> tuple[Tensor, Tensor]:
    """The same rows with more padding, and every padded position of them another symbol."""
    longer = torch.cat([symbols, symbols.new_zeros(len(symbols), by)], dim=1)
    longer_mask = torch.cat([mask, mask.new_zeros(len(mask), by)], dim=1)
    return longer.masked_fill(~longer_mask, junk), longer_mask


@every_model
def test_what_ran_is_the_picture_before_and_after_training_and_in_both_modes(name: str) -> None:
    net = model(name)
    assert net.trace() == net.decoder.step.specification() and net.check() == []
    optimizer = torch.optim.Adam(net.train().parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        net.loss(*batch()).backward()
        optimizer.step()
    assert net.trace() == net.decoder.step.specification() and net.check() == []
    assert net.eval().check() == []


@every_model
def test_the_written_wiring_is_its_picture_run_as_a_program(name: str) -> None:
    net, arguments = model(name), batch()
    twin = model(name)
    twin.load_state_dict(net.state_dict())
    twin.decoder.step = Wired(twin.decoder.step.specification(), dict(twin.decoder.step.named_children()))
    written, wired = net(*arguments), twin(*arguments)
    for word in Step._fields:
        for a, b in zip(tensors(getattr(written, word)), tensors(getattr(wired, word)), strict=True):
            assert torch.equal(a, b), word
    net.loss(*arguments).backward()
    twin.loss(*arguments).backward()
    ours, theirs = dict(net.named_parameters()), dict(twin.named_parameters())
    assert ours.keys() == theirs.keys()
    for parameter, value in ours.items():
        assert torch.equal(value.grad, theirs[parameter].grad), parameter
    assert twin.check() == []


@every_model
def test_a_batch_is_its_sentences_one_by_one(name: str) -> None:
    net = model(name)
    source, source_mask, target, target_mask = batch()
    together = net(source, source_mask, target, target_mask)
    for row in range(3):
        s, t = int(source_mask[row].sum()), int(target_mask[row].sum())
        one = slice(row, row + 1)
        alone = net(source[one, :s], source_mask[one, :s], target[one, :t], target_mask[one, :t])
        for word in ("output", "decoder_hidden", "context"):
            for whole, single in zip(tensors(getattr(together, word)), tensors(getattr(alone, word)), strict=True):
                close(whole[one, :t], single)
        close(together.attn_weights[one, :t, :s], alone.attn_weights)
        assert not together.attn_weights[one, :t, s:].any()


@every_model
def test_padding_changes_nothing_whatever_stands_on_it(name: str) -> None:
    net = model(name)
    source, source_mask, target, target_mask = batch()
    net.loss(source, source_mask, target, target_mask).backward()
    gradients = {key: parameter.grad.clone() for key, parameter in net.named_parameters()}
    short = net.greedy(source, source_mask, max_length=6)
    net.zero_grad()
    long_source, long_mask = padded(source, source_mask, by=4, junk=22)
    loss = net.loss(long_source, long_mask, *padded(target, target_mask, by=2, junk=16))
    close(loss, net.loss(source, source_mask, target, target_mask))
    loss.backward()
    for key, parameter in net.named_parameters():
        close(parameter.grad, gradients[key])
    long = net.greedy(long_source, long_mask, max_length=6)
    assert torch.equal(short.symbols, long.symbols) and torch.equal(short.mask, long.mask)
    close(short.scores, long.scores)
    close(long.attn_weights[..., :5], short.attn_weights)


@every_model
def test_decoding_step_by_step_is_teacher_forcing_on_the_same_symbols(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch()
    decoded = net.greedy(source, source_mask, max_length=9)
    forced = net(source, source_mask, decoded.symbols, decoded.mask)
    best, symbols = torch.log_softmax(forced.output, dim=-1).max(dim=-1)
    assert torch.equal(symbols[decoded.mask], decoded.symbols[decoded.mask])
    close(decoded.scores, best.masked_fill(~decoded.mask, 0.0).sum(dim=1))
    close(decoded.attn_weights, forced.attn_weights)


@every_model
def test_what_was_saved_gives_the_same_bits(name: str, tmp_path: Any) -> None:
    torch.manual_seed(7)
    net, arguments = Seq2Seq.from_config(config(**OPTIONS[name])).eval(), batch()
    net.save_pretrained(tmp_path)
    state = torch.random.get_rng_state()
    again = Seq2Seq.from_pretrained(tmp_path)
    assert torch.equal(state, torch.random.get_rng_state())  # loading uses up no random numbers
    assert again.config == net.config
    for a, b in zip(net(*arguments), again(*arguments), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))


def test_decoding_stops_when_every_row_has_ended_and_masks_what_follows() -> None:
    net = model("gru")
    net.decoder.step.out.W.bias.data[18] = 1e3  # eos, whatever comes
    source, source_mask, _, _ = batch()
    decoded = net.greedy(source, source_mask, max_length=9)
    assert decoded.symbols.tolist() == [[18]] * 3 and decoded.mask.all()
    net.decoder.step.out.W.bias.data[18] = -1e3  # never
    decoded = net.greedy(source, source_mask, max_length=9)
    assert decoded.symbols.shape == (3, 9) and decoded.mask.all() and not (decoded.symbols == 18).any()


def test_a_row_that_ended_is_padding_until_the_last_one_has() -> None:
    torch.manual_seed(3)
    net = model("gru", scale=6.0)
    source, source_mask = torch.randint(23, (41, 5)), torch.ones(41, 5, dtype=torch.bool)
    decoded = net.greedy(source, source_mask, max_length=12)
    lengths = decoded.mask.sum(dim=1)
    assert len(lengths.unique()) > 2  # the rows end at different steps
    assert torch.equal(decoded.mask, length_mask(lengths, decoded.mask.shape[1]))
    for row, length in enumerate(lengths.tolist()):
        ends = (decoded.symbols[row] == 18).nonzero().flatten().tolist()
        assert ends[:1] == [length - 1] or (not ends and length == 12)


def test_greedy_leaves_no_gradient_and_takes_no_random_numbers() -> None:
    net = model("gru")
    source, source_mask, _, _ = batch()
    state = torch.random.get_rng_state()
    assert not net.greedy(source, source_mask, max_length=3).attn_weights.requires_grad
    net.train().trace()
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_loss_is_the_mean_over_real_symbols() -> None:
    net = model("gru")
    source, source_mask, target, target_mask = batch()
    output = net(source, source_mask, target, target_mask).output
    each = [
        -torch.log_softmax(output[row, step], dim=-1)[target[row, step]]
        for row in range(3)
        for step in range(4)
        if target_mask[row, step]
    ]
    close(net.loss(source, source_mask, target, target_mask), torch.stack(each).mean())
    close(cross_entropy(output, target, target_mask), torch.stack(each).mean())


def test_every_parameter_learns() -> None:
    for name in OPTIONS:
        net = model(name)
        net.loss(*batch()).backward()
        assert [key for key, parameter in net.named_parameters() if not parameter.grad.any()] == [], name


def test_dropout_acts_in_training_only() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5, num_layers=2)).double()
    arguments = batch()
    assert not torch.equal(net(*arguments).output, net(*arguments).output)
    net.eval()
    assert torch.equal(net(*arguments).output, net(*arguments).output)


def test_a_model_from_parts_says_why_it_cannot_be_saved(tmp_path: Any) -> None:
    net = model("gru")
    parts = Seq2Seq(net.encoder, net.bridge, net.decoder, bos=17, eos=18)
    with pytest.raises(ValueError, match="built from parts, not from a config; save its state_dict"):
        parts.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": torch.tensor([[23]])}, "source[0, 0] is 23; the vocabulary has the symbols 0 to 22"),
        ({"target": torch.tensor([[19]])}, "target[0, 0] is 19; the vocabulary has the symbols 0 to 18"),
        (
            {"target": torch.tensor([[1], [2]]), "target_mask": torch.ones(2, 1, dtype=torch.bool)},
            "target has 2 rows and source 1; give one target a source",
        ),
        ({"source_mask": torch.tensor([[False]])}, "source_mask has no real position in row 0"),
        ({"target_mask": torch.tensor([[False]])}, "target_mask has no real position in row 0"),
    ],
)
def test_bad_batches_are_refused_at_the_door(change: dict[str, Tensor], message: str) -> None:
    one, real = torch.tensor([[1]]), torch.tensor([[True]])
    arguments = {"source": one, "source_mask": real, "target": one, "target_mask": real} | change
    with pytest.raises(ValueError, match=re.escape(message)):
        model("gru")(**arguments)


def test_a_length_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length is 0; decode at least 1 symbol"):
        model("gru").greedy(*batch()[:2], max_length=0)


def test_check_names_the_arrow_that_is_missing_and_the_one_that_is_dead() -> None:
    net = model("gru")
    graph = net.trace()
    operation = graph.operations["out"]
    fewer = type(graph)(
        graph.values.values(),
        [
            o if o is not operation else type(o)(o.id, o.kind, ("s_i", "c_i"), o.output)
            for o in graph.operations.values()
        ],
    )
    assert net.check(fewer) == ["arrow y_ii → out is only in the model"]
    net.decoder.step.a.W.register_forward_hook(lambda _, args, result: result.detach() * 0)
    assert net.check() == ["arrow s_ii → a is dead: nothing flows through it"]


@pytest.mark.parametrize(
    ("word", "change", "message"),
    [
        ("prev_decoder", torch.clone, "'s_{i} decoder_hidden' of step 1 is not 's_{i-1} prev_decoder' of step 2"),
        ("prev_output", lambda value: value + 1, "prev_output of step 2 is not the symbol chosen in step 1"),
    ],
)
def test_check_finds_a_loop_that_hands_on_something_else(word: str, change: Any, message: str) -> None:
    net = model("gru")
    net.decoder.step.register_forward_pre_hook(
        lambda _, args, kwargs: (args, {**kwargs, word: change(kwargs[word])}), with_kwargs=True
    )
    assert net.check() == [message]


def test_check_finds_a_state_changed_in_place_between_two_steps() -> None:
    net = model("gru")

    def halve(_: Any, args: Any, kwargs: dict[str, Any]) -> None:
        with torch.no_grad():
            kwargs["encoder_hidden"].mul_(0.5)

    net.decoder.step.register_forward_pre_hook(halve, with_kwargs=True)
    assert len(net.check()) == 1 and "was changed in place" in net.check()[0]


@pytest.mark.parametrize("when", ["training", "gradients"])
def test_check_finds_a_step_that_is_another_in_training(when: str) -> None:
    net = model("gru")

    trains = "self.training" if when == "training" else "torch.is_grad_enabled()"
    net.decoder.step.__class__ = lying(
        OUT, f"output = self.out(prev_output, prev_decoder if {trains} else decoder_hidden, context)"
    )
    (difference,) = net.check()
    assert difference == (
        "the step is not the same everywhere: arrow s_ii → out is only in training; "
        "arrow s_i → out is only in evaluation"
    )


def test_check_finds_keys_that_are_not_those_of_the_arguments() -> None:
    net = model("gru")

    class Lie(Bahdanau):
        def keys(self, encoder_hidden: Tensor) -> Tensor | None:
            return super().keys(encoder_hidden.flip(1))

    net.decoder.step.__class__ = Lie
    assert net.check() == ["node a gives something else with the keys= that it was handed than without"]


def test_an_edited_diagram_whose_energy_reads_something_else_makes_its_own_keys() -> None:
    text = shipped()["bahdanau"].replace("h_j --> a\n", "h_j --> proj\nproj --> k_j\nk_j --> a\n")
    text = text.replace("e_ij[", 'k_j["k_{j} projected"]\ne_ij[').replace(
        "subgraph \n    a[", "subgraph \n    proj[Linear]\nend\nsubgraph \n    a["
    )
    net = model("gru")
    nodes = dict(net.decoder.step.named_children()) | {"proj": torch.nn.Linear(14, 14).double()}
    net.decoder.step = Wired(parse(text), nodes)
    assert net.check() == []
    source, source_mask, _, _ = batch()
    step = net.decoder.step
    given = torch.randn(3, 5).double(), torch.randn(3, 7).double(), net.encoder(source, source_mask)
    assert step.keys(given[2]) is None
    words = dict(zip(("prev_output", "prev_decoder", "encoder_hidden"), given, strict=True))
    energies = step(**words, mask=source_mask).attn_energies
    close(energies, nodes["a"](given[1], nodes["proj"](given[2])))


def test_check_says_which_arrow_a_node_was_handed_twice() -> None:
    net = model("gru")

    net.decoder.step.__class__ = lying(OUT, "output = self.out(decoder_hidden, decoder_hidden)")
    net.decoder.step.out = torch.nn.Bilinear(7, 7, 19).double()
    net.decoder.step.out.label = "feedforward"
    assert net.check() == ["Lie ran as no diagram can: arrow s_i → out is there twice"]


def test_looking_at_a_model_leaves_its_modes_as_they_were() -> None:
    net = model("gru").train()
    net.encoder.eval()
    modes = [module.training for module in net.modules()]
    net.draw()
    assert [module.training for module in net.modules()] == modes


def test_a_class_without_a_file_is_drawn_without_a_link() -> None:
    net = model("gru")
    namespace: dict[str, Any] = {}
    exec("from seq2seq_attn.nodes import Softmax\nclass Mine(Softmax): pass", {"__name__": "notebook"}, namespace)
    net.decoder.step.softmax = namespace["Mine"]()
    drawing = net.draw()
    assert drawing.sources.keys() == {"a", "wsum", "rnn", "out"}


def test_symbols_behind_the_end_are_eos() -> None:
    torch.manual_seed(3)
    net = model("gru", scale=6.0)
    decoded = net.greedy(torch.randint(23, (41, 5)), torch.ones(41, 5, dtype=torch.bool), max_length=12)
    assert not decoded.mask.all() and (decoded.symbols[~decoded.mask] == 18).all()


def test_greedy_takes_the_first_of_the_greatest_outputs_however_the_logarithm_rounds() -> None:
    for seed in range(40):
        torch.manual_seed(seed)
        net = Seq2Seq.from_config(config(**OPTIONS["paper"]))
        assert net.check() == []


def test_dropout_acts_on_the_readout_too() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5)).double()
    net.encoder.dropout.p = 0.0
    arguments = batch()
    assert not torch.equal(net(*arguments).output, net(*arguments).output)


def test_bos_and_eos_outside_the_vocabulary_are_refused() -> None:
    net = model("gru")
    with pytest.raises(ValueError, match="eos is 99; the target has the symbols 0 to 18"):
        Seq2Seq(net.encoder, net.bridge, net.decoder, bos=0, eos=99)
