"""The laws of the whole model, over the table of models."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from models import OPTIONS, PICTURES, batch, config, edited, model
from table import tensors
from test_trace import lying
from torch import Tensor

from seq2seq_attn import Drawing, Seq2Seq, Wired
from seq2seq_attn.mask import length_mask
from seq2seq_attn.mermaid import load, parse, shipped
from seq2seq_attn.schedule import schedule
from seq2seq_attn.seq2seq import coverage_loss, cross_entropy
from seq2seq_attn.wirings import WIRINGS, Bahdanau

OUT = "output = self.out(prev_output, decoder_hidden, context)"  # the line of Bahdanau.forward
every_model = pytest.mark.parametrize("name", OPTIONS)
every_written = pytest.mark.parametrize(
    "name", [name for name, options in OPTIONS.items() if options.get("diagram", "bahdanau") in PICTURES]
)


def close(first: Any, second: Any) -> None:
    for a, b in zip(tensors(first), tensors(second), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def padded(symbols: Tensor, mask: Tensor, by: int, junk: int) -> tuple[Tensor, Tensor]:
    """The same rows with more padding, and every padded position of them another symbol."""
    longer = torch.cat([symbols, symbols.new_zeros(len(symbols), by)], dim=1)
    longer_mask = torch.cat([mask, mask.new_zeros(len(mask), by)], dim=1)
    return longer.masked_fill(~longer_mask, junk), longer_mask


def same(first: Any, second: Any) -> None:
    """Every value of two results, bit for bit."""
    assert first._fields == second._fields
    for word, a, b in zip(first._fields, first, second, strict=True):
        assert torch.equal(a, b), word


def gradients(net: Seq2Seq, arguments: Any) -> dict[str, Tensor]:
    """Of the loss, by name. A monotonic attention has some in training only."""
    has_some = "mono" not in net.specification().operations
    net.zero_grad()
    net.train(net.training or not has_some).loss(*arguments).backward()
    net.eval()
    return {key: parameter.grad.clone() for key, parameter in net.named_parameters()}


def source_axis(net: Seq2Seq, word: str) -> int | None:
    """Where a value of all steps has its source positions, behind B, T and perhaps K; None if it has none."""
    axes = {value.word: value.axes for value in net.specification().values.values()}[word]
    return {"j": 2, "ij": 2, "ijk": 3}.get(axes)


@every_model
def test_what_ran_is_the_picture_before_and_after_training_and_in_both_modes(name: str) -> None:
    net = model(name)
    assert net.trace() == net.decoder.step.specification() and net.check() == []
    optimizer = torch.optim.Adam(net.train().parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        net.loss(*batch(name)).backward()
        optimizer.step()
    assert net.training and net.check() == []


@every_model
def test_a_model_is_the_picture_that_its_config_says(name: str) -> None:
    picture = load(OPTIONS[name].get("diagram", "bahdanau"))
    assert model(name).specification(whole="encoder" in picture.operations) == picture


@pytest.mark.parametrize("name", ["gru", "no_attention", "pyramid", "seq2seq", "pointer_generator"])
def test_what_ran_around_the_step_is_the_whole_picture(name: str) -> None:
    net = model(name)
    assert net.trace(whole=True) == net.specification(whole=True)


@every_written
def test_the_written_wiring_is_its_picture_run_as_a_program(name: str) -> None:
    net, arguments = model(name), batch(name)
    assert type(net.decoder.step) in WIRINGS.values()
    twin = model(name)
    twin.load_state_dict(net.state_dict())
    twin.decoder.step = Wired(twin.decoder.step.specification(), dict(twin.decoder.step.named_children()))
    written, wired = net(*arguments), twin(*arguments)
    assert {*written._fields} == {*wired._fields}
    for word in written._fields:
        assert torch.equal(getattr(written, word), getattr(wired, word)), word
    ours, theirs = gradients(net, arguments), gradients(twin, arguments)
    assert ours.keys() == theirs.keys()
    for parameter, gradient in ours.items():
        assert torch.equal(gradient, theirs[parameter]), parameter
    assert twin.check() == []


def test_every_written_wiring_is_in_the_table_and_every_picture_of_a_model_has_one() -> None:
    steps = {name: type(Seq2Seq.from_config(config(**options)).decoder.step) for name, options in PICTURES.items()}
    assert steps == {**WIRINGS, "seq2seq": Bahdanau}
    assert {*PICTURES} == {*shipped()} - {"first_rnn"}


@every_model
def test_a_batch_is_its_sentences_one_by_one(name: str) -> None:
    net = model(name)
    source, source_mask, target, target_mask = batch(name)
    together = net(source, source_mask, target, target_mask)
    for row in range(3):
        s, t = int(source_mask[row].sum()), int(target_mask[row].sum())
        one = slice(row, row + 1)
        alone = net(source[one, :s], source_mask[one, :s], target[one, :t], target_mask[one, :t])
        for word, whole, single in zip(together._fields, together, alone, strict=True):
            whole = whole[one, :t]
            if axis := source_axis(net, word):
                positions = single.shape[axis]
                behind = whole.narrow(axis, positions, whole.shape[axis] - positions)
                assert word in ("attn_energies", "location") or not behind.any()  # those are before the mask
                whole = whole.narrow(axis, 0, positions)
            close(whole, single)


@every_model
def test_padding_changes_nothing_whatever_stands_on_it(name: str) -> None:
    net = model(name)
    source, source_mask, target, target_mask = batch(name)
    short = net.greedy(source, source_mask, max_length=6)
    long_source, long_mask = padded(source, source_mask, by=4, junk=22)
    arguments = (source, source_mask, target, target_mask)
    longer = (long_source, long_mask, *padded(target, target_mask, by=2, junk=16))
    close(net.loss(*longer), net.loss(*arguments))
    ours, theirs = gradients(net, arguments), gradients(net, longer)
    for key, gradient in ours.items():
        close(theirs[key], gradient)
    long = net.greedy(long_source, long_mask, max_length=6)
    assert torch.equal(short.symbols, long.symbols) and torch.equal(short.mask, long.mask)
    close(short.scores, long.scores)
    positions = short.attn_weights.shape[-1]
    close(long.attn_weights[..., :positions], short.attn_weights)
    assert not long.attn_weights[..., positions:].any()


KNOW_PLACES = {"location", "monotonic", "local_p"}  # kinds that know where a position is


def kinds_of(name: str) -> set[str]:
    """The first words of all operations of a model of the table."""
    graph = load(OPTIONS[name].get("diagram", "bahdanau"))
    return {operation.kind.split(",")[0] for operation in graph.operations.values()}


@pytest.mark.parametrize("name", [name for name in OPTIONS if not KNOW_PLACES & kinds_of(name)])
def test_permuting_what_the_encoder_read_permutes_what_stands_at_it_and_changes_nothing_else(name: str) -> None:
    net = model(name)
    source, target = torch.randint(17, (2, 5)), torch.randint(17, (2, 4))
    sentence = net.read(source, torch.ones_like(source, dtype=torch.bool))
    order = torch.arange(sentence.encoder_hidden.shape[1]).roll(2)  # no position stays where it was
    assert (order != order.sort().values).all()
    moved = sentence._replace(
        encoder_hidden=sentence.encoder_hidden[:, order], source=source[:, order[: source.shape[1]]]
    )
    values, others = net.decoder(sentence, net.before(target)), net.decoder(moved, net.before(target))
    for word, value, other in zip(values._fields, values, others, strict=True):
        axis = source_axis(net, word)
        close(value if axis is None else value.index_select(axis, order), other)


@every_model
def test_decoding_step_by_step_is_teacher_forcing_on_the_same_symbols(name: str) -> None:
    net = model(name)
    source, source_mask, _, _ = batch(name)
    decoded = net.greedy(source, source_mask, max_length=9)
    forced = net(source, source_mask, decoded.symbols, decoded.mask)
    best, symbols = torch.log_softmax(forced.output, dim=-1).max(dim=-1)
    assert torch.equal(symbols[decoded.mask], decoded.symbols[decoded.mask])
    close(decoded.scores, best.masked_fill(~decoded.mask, 0.0).sum(dim=1))
    if "attn_weights" in forced._fields:
        close(decoded.attn_weights[decoded.mask], forced.attn_weights[decoded.mask])
        assert not decoded.attn_weights[~decoded.mask].any()
    else:
        assert decoded.attn_weights.shape == (3, decoded.symbols.shape[1], 0)


def ending(name: str) -> tuple[Seq2Seq, Tensor, Tensor]:
    """A model, with sources of which it ends most within nine steps, but not all."""
    net, (source, mask) = model(name, scale=6.0), (torch.cat([given] * 5) for given in batch(name)[:2])
    source = torch.where(mask, (source + torch.arange(len(source))[:, None]) % 17, source)
    for net.eos in range(17):
        if 0 < net.greedy(source, mask, max_length=9).mask[:, -1].sum() <= 7:
            return net, source, mask
    raise AssertionError(f"{name} ends all sources or few, whatever the symbol")


@pytest.mark.parametrize("name", ["gru", "lstm", "monotonic", "pointer_generator"])
def test_rows_that_have_ended_leave_the_batch(name: str) -> None:
    net, source, mask = ending(name)
    going = net.greedy(source, mask, max_length=9).mask.sum(dim=0)
    sizes: list[int] = []
    listening = net.decoder.step.register_forward_hook(lambda step, args, made: sizes.append(len(made.output)))
    decoded = net.greedy(source, mask, max_length=9)
    listening.remove()
    assert len(sizes) == len(going) and all(n <= size < max(2 * n, 16) for n, size in zip(going, sizes, strict=True))
    assert min(sizes) < len(source) == sizes[0]
    close(net.greedy(source, mask, max_length=9).attn_weights, decoded.attn_weights)
    for n in range(len(source)):
        alone = net.greedy(source[n : n + 1], mask[n : n + 1], max_length=9)
        length = int(decoded.mask[n].sum())
        assert alone.symbols[0].tolist() == decoded.symbols[n, :length].tolist()
        close(alone.attn_weights[0], decoded.attn_weights[n, :length])
        close(alone.scores[0], decoded.scores[n])


@every_model
def test_what_was_saved_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    torch.manual_seed(7)
    net, arguments = Seq2Seq.from_config(config(**OPTIONS[name])).eval(), batch(name)
    net.save_pretrained(tmp_path)
    state = torch.random.get_rng_state()
    again = Seq2Seq.from_pretrained(tmp_path)
    assert torch.equal(state, torch.random.get_rng_state())  # loading uses up no random numbers
    assert again.config == net.config
    same(net(*arguments), again(*arguments))


@pytest.mark.parametrize("name", [name for name in OPTIONS if name not in PICTURES or name == "tied"])
def test_a_copy_and_a_pickle_give_the_same_bits(name: str) -> None:
    net, arguments = model(name), batch(name)
    values = net(*arguments)
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), torch.load(file, weights_only=False)):
        assert type(again.decoder.step) is type(net.decoder.step) and again.specification() == net.specification()
        same(values, again(*arguments))
    assert again.trace() == net.decoder.step.specification()


def test_a_picture_that_someone_wrote_travels_in_the_config_and_needs_no_file(tmp_path: Path) -> None:
    """The text of a user's own picture: config.json carries it, and the file may be gone."""
    text = edited("bahdanau", ("c_i --> out\n", ""))
    path = tmp_path / "mine.mmd"
    path.write_text(text, encoding="utf-8")
    net, arguments = Seq2Seq.from_diagram(path, config()).eval(), batch()
    path.unlink()
    net.save_pretrained(tmp_path / "model")
    assert parse(json.loads((tmp_path / "model" / "config.json").read_text())["diagram"]) == parse(text)
    again = Seq2Seq.from_pretrained(tmp_path / "model")
    assert again.specification() == again.trace() == parse(text) and again.check() == []
    same(net(*arguments), again(*arguments))


def test_a_picture_that_ships_travels_by_its_name(tmp_path: Path) -> None:
    net = Seq2Seq.from_diagram("luong", config())
    assert net.config is not None and net.config.diagram == "luong"
    net.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["diagram"] == "luong"
    assert type(Seq2Seq.from_pretrained(tmp_path).decoder.step) is WIRINGS["luong"]


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


@pytest.mark.parametrize("name", ["coverage loss", "fertility, coverage loss"])
def test_the_coverage_loss_is_what_is_read_again(name: str) -> None:
    """See et al. 2017, equation 12, in scalar loops; with fertility too, whose sum is not that of the weights."""
    net, arguments = model(name), batch(name)
    values, target, target_mask = net(*arguments), arguments[2], arguments[3]
    each = []
    for row in range(3):
        coverage = [0.0] * 5
        for step in range(4):
            if target_mask[row, step]:
                alpha = values.attn_weights[row, step].tolist()
                each.append(sum(map(min, alpha, coverage)))
            coverage = values.coverage[row, step].tolist()
    again = torch.tensor(sum(each) / len(each), dtype=torch.float64)
    assert again > 0.01
    close(coverage_loss(values.coverage, values.attn_weights, target_mask), again)
    weight = OPTIONS[name]["coverage_loss"]
    close(net.loss(*arguments), cross_entropy(values.output, target, target_mask) + weight * again)


def test_what_is_unknown_is_copied_from_where_the_step_looks() -> None:
    net = model("pointer_generator")
    net.decoder.step.gate.w.bias.data.fill_(-1e3)  # generate nothing
    source, source_mask, _, _ = batch("pointer_generator")
    decoded = net.greedy(source, source_mask, max_length=3)
    weights = decoded.attn_weights[:, 0]
    assert (decoded.symbols[1, :] == 22).all()  # a source of one symbol, which is unknown
    for row in range(3):
        sums = torch.zeros(23, dtype=torch.float64).index_add(0, source[row], weights[row])
        assert decoded.symbols[row, 0] == sums.argmax()


def test_every_parameter_learns() -> None:
    for name in OPTIONS:
        without = [key for key, gradient in gradients(model(name), batch(name)).items() if not gradient.any()]
        assert without == [], name


def test_dropout_acts_in_training_only() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5, num_layers=2)).double()
    arguments = batch()
    assert not torch.equal(net(*arguments).output, net(*arguments).output)
    net.eval()
    assert torch.equal(net(*arguments).output, net(*arguments).output)


def test_a_model_from_parts_says_why_it_cannot_be_saved(tmp_path: Any) -> None:
    net = model("gru")
    parts = Seq2Seq(net.embed_source, net.encoder, net.bridge, net.decoder, bos=17, eos=18)
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
    given = torch.randn(3, 5).double(), torch.randn(3, 7).double(), net.read(source, source_mask).encoder_hidden
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


def test_check_compares_with_the_picture_of_a_step_and_with_a_whole_one() -> None:
    net = model("pyramid")
    assert net.check(load("bahdanau")) == []
    assert net.check(load("seq2seq")) == ["operation encoder is 'pyramid' in the model, 'RNN' in the diagram"]
    assert net.check(parse(edited("seq2seq", ("encoder[RNN]", "encoder[pyramid]")))) == []
    assert net.check(load("appendix")) == [
        "arrow s_i → out is only in the model",
        "arrow s_ii → out is only in the diagram",
    ]


def test_a_model_of_nothing_but_its_last_symbol_is_a_picture_too() -> None:
    """No state, so no bridge; no attention; nothing of the source."""
    text = (
        'graph TD\ny_ii["y_{i-1} prev_output"]\ny_i["y_{i} output"]\n'
        'subgraph " "\nout[linear]\nend\ny_ii --> out\nout --> y_i\n'
    )
    net = Seq2Seq.from_diagram(text, config()).double().eval()
    assert net.bridge is None and net.check() == [] and net.trace() == parse(text)
    assert net.trace(whole=True).operations.keys() == {"embed_source", "encoder", "embed_target", "out"}
    source, source_mask, target, target_mask = batch()
    values = net(source, source_mask, target, target_mask)
    close(values.output, net.decoder.step.out(net.decoder.embed_target(net.before(target))))
    assert net.greedy(source, source_mask, max_length=3).attn_weights.shape == (3, 3, 0)


def linked(drawing: Drawing) -> dict[str, str]:
    """The name of the file behind each operation that has one."""
    return {box.id: box.code.file.name for box in drawing.scene.boxes if box.code and box.code.file}


def test_a_drawing_has_the_file_of_each_operation_and_the_bands_of_its_schedule() -> None:
    net = model("transformer")
    drawing = net.draw(whole=True, schedule=True)
    graph = net.specification(whole=True)
    assert [box.id for box in drawing.scene.boxes] == [*graph.values, *graph.operations]
    files = linked(drawing)
    assert files["encoder"] == "transformer.py" and files["bridge"] == "bridge.py" and files["a"] == "energy.py"
    assert files["embed_source"] == files["embed_target"] == "embedding.py"
    framed = {id: frame.id for frame in drawing.scene.frames for id in frame.boxes if id in graph.operations}
    assert framed == schedule(graph).bands()
    assert {id for id, band in framed.items() if band == "inside"} == {"rnn"}
    assert not net.draw().scene.frames


def test_an_operation_that_is_called_like_a_part_of_the_model_is_drawn_with_its_own_file() -> None:
    text = (
        shipped()["luong"].replace("rnn[", "decoder[").replace("rnn -->", "decoder -->").replace("> rnn", "> decoder")
    )
    drawing = Seq2Seq.from_diagram(text, config()).draw(whole=True)
    assert linked(drawing)["decoder"] == "rnn.py"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diagram": "first_rnn"}, "first_rnn.mmd:17: nothing makes 'y_{i} output'"),
        ({"unknown_size": 2}, "bahdanau.mmd:23: unknown_size is 2, but no operation copies; set it to 0"),
        (
            {"diagram": "pointer_generator"},
            "pointer_generator.mmd:12: x_j 'x_{j} source' is read as target symbols, but there are 23 source and "
            "19 target symbols; number them alike",
        ),
        ({"coverage_loss": 1.0}, "bahdanau.mmd:23: coverage_loss is 1.0, but nothing makes coverage; set it to 0"),
        ({"diagram": "luon"}, "no diagram is called 'luon'; there are appendix, bahdanau"),
        ({"diagram": "diagrams/luong.mmd"}, "no diagram is called 'diagrams/luong.mmd'; there are appendix, bahdanau"),
        ({"diagram": "multihead"}, "multihead.mmd:11: operation a[scaled_dot, 4 heads]: attention_size is 13 and num_"),
        ({"encoder": "transformer"}, "hidden_size is 7, num_heads is 4; the heads share hidden_size"),
        ({"encoder": "convolution", "bridge": "backward"}, "'backward' needs an encoder with that direction"),
    ],
)
def test_a_config_that_its_picture_excludes_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Seq2Seq.from_config(config(**options))


def test_a_picture_in_a_file_is_refused_with_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.mmd"
    path.write_text(edited("bahdanau", ("rnn[RNN]", "rnn[RMN]")), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}:20: operation rnn[RMN]")):
        Seq2Seq.from_diagram(path, config())


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
    assert linked(drawing).keys() == {"a", "wsum", "rnn", "out"}
    assert drawing.dot().count("URL=") == 4


def test_symbols_behind_the_end_are_eos() -> None:
    torch.manual_seed(3)
    net = model("gru", scale=6.0)
    decoded = net.greedy(torch.randint(23, (41, 5)), torch.ones(41, 5, dtype=torch.bool), max_length=12)
    assert not decoded.mask.all() and (decoded.symbols[~decoded.mask] == 18).all()


def test_greedy_takes_the_first_of_the_greatest_outputs_however_the_logarithm_rounds() -> None:
    for seed in range(40):
        torch.manual_seed(seed)
        net = Seq2Seq.from_config(config(**OPTIONS["paper"]))
        assert net.trace() == net.decoder.step.specification()  # or it says that another symbol was handed on


def test_dropout_acts_on_the_readout_too() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5)).double()
    net.encoder.dropout.p = 0.0
    arguments = batch()
    assert not torch.equal(net(*arguments).output, net(*arguments).output)


def test_bos_and_eos_outside_the_vocabulary_are_refused() -> None:
    net = model("gru")
    with pytest.raises(ValueError, match="eos is 99; the target has the symbols 0 to 18"):
        Seq2Seq(net.embed_source, net.encoder, net.bridge, net.decoder, bos=0, eos=99)
