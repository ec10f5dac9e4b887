"""Law 3 for the fused loop, of torch's operations and compiled; what it refuses, it refuses by name."""

from __future__ import annotations

import copy
import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from models import batch, config, edited, model
from test_build import drawn, node
from test_loop import CELLS, MORE, B, Doubling, S, T, built, equal, own, results, rewired, same, sentence, symbols
from test_search import forced
from test_seq2seq import close, ending
from torch import Tensor, nn

from seq2seq_attn import Batch, Recipe, Seq2Seq
from seq2seq_attn.fused import Refused, Scores, Stepper, bands, compiled, encode, load
from seq2seq_attn.fused.lookup import Lookup, lookup
from seq2seq_attn.fused.walk import FusedLoop
from seq2seq_attn.mask import length_mask
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.wirings import WIRINGS

__all__ = ["own"]  # the nodes that the pictures of `MORE` name

COMPILER = shutil.which("c++") and (shutil.which("ninja") or importlib.util.find_spec("ninja"))
with_compiler = pytest.mark.skipif(not COMPILER, reason="there is no C++ compiler, or no ninja")
LOOPS = ["fused", pytest.param("compiled", marks=with_compiler)]
in_both = pytest.mark.parametrize("loop", LOOPS)
FUSED = ["appendix", "bahdanau", "conditional_gru", "groundhog", "luong", "luong_input_feeding", "no_attention"]
FUSED += ["pointer_generator"]
REFUSED = {
    "coverage": "node cover is a Coverage, for which the fused loop has no unit",
    "location_aware": "conv.F is a Conv1d, which the fused loop does not know",
    "monotonic": "node mono is a Monotonic, for which the fused loop has no unit",
    "multihead": "a.heads is a ModuleList, which the fused loop does not know",
}


def run(model: Seq2Seq, loop: Any) -> Callable[[Any, Tensor], Any]:
    return lambda given, before: model.decoder(given, before, loop)


REAL = length_mask(torch.tensor([4, 2, 1]))  # of the targets; the longest is the first


def run_real(model: Seq2Seq, loop: Any) -> Callable[[Any, Tensor], Any]:
    """`run` of targets that are not all real, with 0 for what stands on padding."""

    def values(given: Any, before: Tensor) -> Any:
        made = model.decoder(given, before, loop, mask=REAL)
        return type(made)(*(value.where(REAL.reshape(B, T, *[1] * (value.dim() - 2)), 0) for value in made))

    return values


@in_both
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", FUSED)
def test_a_fused_loop_is_the_plain_one(name: str, cell: str, loop: str) -> None:
    net = built(name, **CELLS[cell])
    equal(results(net, run(net, loop)), results(net, net.decoder.steps))
    equal(results(net, run_real(net, loop)), results(net, run_real(net, "plain")))


def test_all_wirings_were_tried_or_are_refused() -> None:
    assert sorted([*FUSED, *REFUSED]) == sorted(WIRINGS)


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_what_has_no_unit_is_refused_by_name_and_runs_by_itself(name: str, why: str) -> None:
    net = built(name)
    with pytest.raises(Refused, match=f"^{re.escape(why)}$"):
        run(net, "fused")(sentence(net), symbols())
    same(net)


ENERGIES = {
    "concat": edited("bahdanau", ("a[feedforward]", "a[concat]")),
    "general": edited("bahdanau", ("a[feedforward]", "a[general]")),
    "temperature": edited("bahdanau", ("softmax[softmax]", "softmax[softmax, temperature 2]")),
    "feedforward, input feeding": edited("luong_input_feeding", ("a[general]", "a[feedforward]")),
}


@in_both
@pytest.mark.parametrize("text", ENERGIES.values(), ids=ENERGIES)
def test_every_energy_has_a_unit(text: str, loop: str) -> None:
    net = built(text)
    equal(results(net, run(net, loop)), results(net, net.decoder.steps))
    equal(results(net, run_real(net, loop)), results(net, run_real(net, "plain")))


@with_compiler
@pytest.mark.parametrize("diagram", ["bahdanau", ENERGIES["concat"]], ids=["feedforward", "concat"])
def test_compiled_energies_of_float32_are_as_near_as_those_of_torch(diagram: str) -> None:
    """In float64 they are the same code but for vectors, which these many numbers fill, with some left over."""
    net = built(diagram, attention_size=83)
    exact = results(net, net.decoder.steps)
    net.float()
    found = [results(net, run(net, loop)) for loop in ("plain", "compiled")]
    for name, value in exact.items():
        plain, compiled = ((one[name].double() - value).abs().max() / value.abs().max() for one in found)
        assert compiled < 2 * plain + 2e-6, name


@with_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("query", "key"), [(20.9, 20.9), (20.9, -20.9), (400.0, 0.3), (0.3, 400.0), (-400.0, 399.5)])
def test_compiled_energies_of_large_numbers_are_those_of_torch(query: float, key: float, dtype: torch.dtype) -> None:
    """e^2x is finite up to 44 in float32, and e^2q e^2k long not; a tanh always is."""
    net = built("bahdanau", attention_size=83)
    with torch.no_grad():  # all queries and keys of the first half of A, but for the others' noise, are these
        node: Any = net.decoder.step.get_submodule("a")
        net.decoder.step.get_submodule("rnn").cell.weight_ih.mul_(0.1)  # type: ignore[union-attr, operator]
        node.W.weight[:41], node.U.weight[:41], node.U.bias[:41] = query, 0.0, key
    exact = results(net, net.decoder.steps)
    found = results(net.to(dtype), run(net, "compiled"))
    tolerance = 1e-9 if dtype == torch.float64 else 2e-4
    for name, value in exact.items():
        difference = (found[name].double() - value).abs().max() / value.abs().max()
        assert difference < tolerance, f"{name}: {difference}"


@with_compiler
def test_compiled_energies_of_small_numbers_have_absolute_errors_of_rounding() -> None:
    """As 1 - 2 / (1 + e^2x) has them, so that of a tanh of 0.001 four digits are right; weights begin that small."""
    net = built("bahdanau", attention_size=83)
    with torch.no_grad():
        for name in ("W", "U"):
            for parameter in net.decoder.step.get_submodule(f"a.{name}").parameters():
                parameter.mul_(1e-3)
    exact = results(net, net.decoder.steps)
    found = results(net.float(), run(net, "compiled"))
    scale = exact["attn_energies"].abs().max()
    assert scale < 0.02 and (found["attn_energies"] - exact["attn_energies"]).abs().max() < 1e-6
    assert (found["context"] - exact["context"]).abs().max() < 2e-6
    name = "gradient of decoder.step.a.v.weight"
    assert (found[name] - exact[name]).abs().max() < 1e-3 * exact[name].abs().max()


@in_both
@pytest.mark.parametrize("energy", ["dot", "scaled_dot"])
def test_energies_without_keys_of_their_own_have_a_unit(energy: str, loop: str) -> None:
    net = built(edited("bahdanau", ("a[feedforward]", f"a[{energy}]")), bidirectional=False)
    equal(results(net, run(net, loop)), results(net, net.decoder.steps))
    equal(results(net, run_real(net, loop)), results(net, run_real(net, "plain")))


@in_both
def test_rows_leave_a_loop_where_their_targets_end(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest has to be the first; of rows in another order all are run to the end."""
    seen: list[list[int]] = []
    made = FusedLoop.run
    monkeypatch.setattr(FusedLoop, "run", lambda self, given: seen.append([*self.rows]) or made(self, given))
    net, given = model("gru"), batch()
    net.loop = loop
    net(*given)
    assert seen[-1] == []
    values = net(*Batch(*given).longest_first())
    assert seen[-1] == [3, 3, 2, 1] and not values.decoder_hidden[2, 2:].any() and values.decoder_hidden[2, :2].all()
    net.decoder(sentence(net), symbols(), loop, mask=torch.tensor([[True, False, True, False]] * B))
    assert seen[-1] == []  # what is real behind padding is run too


def test_another_mask_than_that_of_the_symbols_is_refused() -> None:
    net = built("bahdanau")
    for mask in (REAL[:, 1:], REAL[1:], REAL.long()):
        with pytest.raises(ValueError, match=r"^mask is torch\.\w+, \(\d, \d\); symbols are \(3, 4\): give a bool"):
            net.decoder(sentence(net), symbols(), mask=mask)


@in_both
def test_a_gradient_does_not_depend_on_whether_it_is_differentiated_again(loop: Any) -> None:
    """Not even with a gradient that arrives where a row has left the loop."""
    net = built("luong_input_feeding")
    found = []
    for create_graph in (False, True):
        values = net.decoder(given := sentence(net), symbols(), loop, mask=REAL)
        total = sum(value.sin().sum() for value in values)
        leaves = [given.encoder_hidden, *net.decoder.parameters()]
        found.append(torch.autograd.grad(total, leaves, create_graph=create_graph))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@with_compiler
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_share_rows_of_different_lengths(threads: int) -> None:
    net, given = model("gru", scale=1.5), Batch(*(tensor[:41] for tensor in repeated(batch()))).longest_first()
    expected = trained(net, given, "plain", 0.1)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = trained(net, given, "compiled", 0.1)
    finally:
        torch.set_num_threads(before)
    equal(found, expected)


@in_both
@pytest.mark.parametrize(("text", "options", "_"), MORE.values(), ids=MORE)
def test_an_edited_picture_is_its_plain_loop_or_refused(text: str, options: Any, _: str, loop: str) -> None:
    net = built(text, **options)
    try:
        found = results(net, run(net, loop))
    except Refused as error:
        assert re.search(r"^(node|what node|rnn|a|second|the)\b.* ", str(error))
    else:
        equal(found, results(net, net.decoder.steps))


REASONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "layers": (edited("bahdanau", ("rnn[RNN]", "rnn[RNN, 2 layers]")), {}, "rnn.layers is a ModuleList"),
    "a normaliser": (edited("bahdanau", ("softmax[softmax]", "softmax[sparsemax]")), {}, "node softmax is a Sparsemax"),
    "a state read with its cell outside": (
        drawn("luong", node("second[LSTM]", "y_ii s_i", 'r_i["r_{i} second"]'), "r_i --> out"),
        {"cell": "LSTM"},
        "node second reads the state of node rnn with its cell, outside of the loop",
    ),
    "weights read twice": (
        edited(
            "bahdanau",
            ("h_j[", 'z_i["z_{i} more"]\nh_j['),
            ("    wsum[weighted_sum]\n", "    wsum[weighted_sum]\nend\nsubgraph \n    again[weighted_sum]\n"),
            ("alpha_ij --> wsum", "alpha_ij --> again\nh_j --> again\nagain --> z_i\nalpha_ij --> wsum"),
            ("c_i --> rnn", "c_i --> rnn\nz_i --> rnn"),
        ),
        {},
        "the loop reads 'alpha_{ij} attn_weights' also in node again",
    ),
}


@pytest.mark.parametrize(("text", "options", "why"), REASONS.values(), ids=REASONS)
def test_a_refusal_says_what_and_why(text: str, options: dict[str, Any], why: str) -> None:
    net = built(text, **options)
    with pytest.raises(Refused, match=re.escape(why)):
        run(net, "fused")(sentence(net), symbols())
    same(net)


@pytest.mark.parametrize("where", ["rnn", "rnn.cell", "a.W"])
def test_a_node_that_someone_listens_to_is_not_fused(where: str) -> None:
    net = built("bahdanau")
    heard: list[Any] = []
    handle = net.decoder.step.get_submodule(where).register_forward_hook(lambda *args: heard.append(args))
    with pytest.raises(Refused, match=f"^{where} has hooks, which the fused loop would not call$"):
        run(net, "fused")(sentence(net), symbols())
    net.decoder(sentence(net), symbols())
    assert heard
    handle.remove()


def test_hooks_of_all_modules_are_called() -> None:
    net = built("bahdanau")
    run(net, "fused")(sentence(net), symbols())
    handle = nn.modules.module.register_module_forward_hook(lambda *args: None)
    try:
        with pytest.raises(Refused, match=r"^all modules have hooks"):
            run(net, "fused")(sentence(net), symbols())
    finally:
        handle.remove()


def test_a_step_that_can_only_be_looped_is_refused() -> None:
    net = rewired(built("bahdanau"), Doubling)
    for loop in ("scheduled", "fused"):
        with pytest.raises(ValueError, match=r"^no picture is true of the step; it can only be looped; leave out"):
            run(net, loop)(sentence(net), symbols())
    with pytest.raises(ValueError, match=r"^loop is 'fast'; a model knows 'fastest', 'plain', 'scheduled', "):
        run(net, "fast")(sentence(net), symbols())


@pytest.mark.parametrize("run", [run, run_real])
@pytest.mark.parametrize("name", ["bahdanau", "luong_input_feeding", "conditional_gru"])
@pytest.mark.parametrize("cell", ["gru", "reset before", "lstm"])
def test_a_gradient_of_a_gradient_is_that_of_the_plain_loop(name: str, cell: str, run: Any) -> None:
    net = built(name, **CELLS[cell])
    found = []
    for loop in ("plain", "fused"):
        given = sentence(net)
        values = run(net, loop)(given, symbols())
        leaves = [given.encoder_hidden, *net.decoder.parameters()]
        total = values.output.square().sum() + values.attn_weights.cos().sum()
        first = torch.autograd.grad(total, leaves, create_graph=True)
        found.append([*first, *torch.autograd.grad(sum(grad.square().sum() for grad in first), leaves)])
    for expected, gradient in zip(*found, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-8)


ENCODERS = {
    f"{cell}, {layers} layers, {'both directions' if both else 'one direction'}": {
        **CELLS[cell],
        "num_layers": layers,
        "bidirectional": both,
    }
    for cell in CELLS
    for layers in (1, 2)
    for both in (True, False)
}


@in_both
@pytest.mark.parametrize("lengths", [[5, 5, 5], [3, 5, 1], [5, 3, 1]], ids=["full", "ragged", "the longest first"])
@pytest.mark.parametrize("options", ENCODERS.values(), ids=ENCODERS)
def test_a_fused_encoder_is_the_librarys(options: dict[str, Any], lengths: list[int], loop: str) -> None:
    encoder = Seq2Seq.from_config(config(diagram="no_attention", **options)).double().encoder
    mask = torch.arange(S) < torch.tensor(lengths)[:, None]
    embedded = torch.randn(B, S, 5, dtype=torch.float64, requires_grad=True)
    found = []
    for make in (lambda: encoder(embedded, mask), lambda: encode(encoder, embedded, mask, compiled=loop == "compiled")):
        leaves = [embedded, *encoder.parameters()]
        total = (hidden := make()).sin().sum()
        first = torch.autograd.grad(total, leaves, create_graph=True)
        second = torch.autograd.grad(sum(grad.square().sum() for grad in first), leaves)
        found.append([hidden, *torch.autograd.grad(make().sin().sum(), leaves), *first, *second])
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)


def test_an_encoder_of_another_kind_runs_as_it_is() -> None:
    net = Seq2Seq.from_config(config(encoder="pyramid", num_layers=2))
    with pytest.raises(Refused, match=r"^there is no fused loop for the encoder \w+, as it was built$"):
        encode(net.encoder, torch.zeros(2, 3, 5), torch.ones(2, 3, dtype=torch.bool))
    net.loop = "fused"
    net(*net.example())


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores in pieces, though there are few symbols."""
    monkeypatch.setattr(bands, "_MANY", 0)


def trained(net: Seq2Seq, given: tuple[Tensor, ...], loop: Any, smoothing: float) -> dict[str, Tensor]:
    """The sums of an objective, and the gradient of every parameter."""
    net.loop = loop
    net.zero_grad()
    sums = Objective(net, Recipe(updates=1, label_smoothing=smoothing))(*given)
    sums.loss.backward()
    gradients = {name: parameter.grad for name, parameter in net.named_parameters() if parameter.grad is not None}
    return {**{key: value.detach() for key, value in sums._asdict().items()}, **gradients}


def repeated(given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A batch so large that its symbols are looked up."""
    return tuple(tensor.repeat(16, 1) for tensor in given)


@pytest.mark.usefixtures("pieces")
@in_both
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("name", ["gru", "lstm", "tied", "luong", "luong, lstm", "coverage loss", "pointer_generator"])
def test_a_loss_and_its_gradients_are_those_of_the_plain_loop(name: str, smoothing: float, loop: Any) -> None:
    net = model(name, scale=1.5).train()
    for given in (batch(name), repeated(batch(name)), Batch(*repeated(batch(name))).longest_first()):
        expected = trained(net, given, "plain", smoothing)
        for chosen in (loop, "fastest") if name != "coverage loss" else ("fastest",):
            equal(trained(net, given, chosen, smoothing), expected)


def test_scores_that_only_a_loss_needs_are_not_made_of_many_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    net, given = model("gru"), batch()
    assert isinstance(net(*given, scored=False).output, Tensor)
    monkeypatch.setattr(bands, "_MANY", 0)
    assert isinstance(net(*given, scored=False).output, Scores)
    assert isinstance(net(*given).output, Tensor)
    net.loop = "plain"
    assert isinstance(net(*given, scored=False).output, Tensor)
    other, again = model("mixture of softmaxes"), batch()
    assert isinstance(other(*again, scored=False).output, Tensor)


@pytest.mark.usefixtures("pieces")
def test_the_gradient_of_a_loss_can_be_differentiated_again() -> None:
    net, given = model("gru", scale=1.5), batch()
    found = []
    for loop in ("plain", "fused"):
        net.loop = loop
        first = torch.autograd.grad(net.loss(*given), list(net.parameters()), create_graph=True)
        found.append(torch.autograd.grad(sum(grad.square().sum() for grad in first), list(net.parameters())))
    for expected, gradient in zip(*found, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.usefixtures("pieces")
@in_both
def test_a_second_way_back_through_a_loss_gives_the_same_gradients(loop: Any) -> None:
    net, given = model("gru", scale=1.5).float(), repeated(batch())
    net.loop = loop
    for precision in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", precision, enabled=precision == torch.bfloat16):
            loss = net.loss(*given)
        found = [torch.autograd.grad(loss * 3, list(net.parameters()), retain_graph=True) for _ in range(2)]
        assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@pytest.mark.usefixtures("pieces")
def test_only_the_loss_of_scores_has_a_gradient() -> None:
    net, (source, source_mask, target, target_mask) = model("gru"), batch()
    made = net(source, source_mask, target, target_mask, scored=False).output.likelihood(target, target_mask)
    with pytest.raises(RuntimeError, match=r"^only the loss of a Likelihood has a gradient$"):
        made.nll.backward()


@pytest.mark.usefixtures("pieces")
@in_both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_precision_is_double_precision_rounded(dtype: torch.dtype, loop: Any) -> None:
    net, given = model("gru", scale=1.0).train(), batch()
    exact = trained(net, given, "plain", 0.1)
    found = trained(copy.deepcopy(net).to(dtype), given, loop, 0.1)
    tolerance = 1e-9 if dtype == torch.float64 else 2e-5
    for name, value in exact.items():
        torch.testing.assert_close(found[name].double(), value.double(), rtol=tolerance, atol=tolerance)


@in_both
def test_nothing_is_hidden_of_numbers_that_are_not_finite(loop: Any) -> None:
    net, given = model("gru").float(), batch()
    net.loop = loop
    with torch.no_grad():
        net.embed_source.weight[int(given[0][0, 0])] = torch.nan
    values = net(*given)
    assert values.attn_weights[0].isnan().all() and values.output[0].isnan().all()
    assert not torch.isfinite(net.loss(*given))


def test_what_is_multiplied_before_it_is_looked_up_is_a_plain_embedding_of_few_symbols() -> None:
    few, many = torch.zeros(8, 2, dtype=torch.int64), torch.zeros(8, 5, dtype=torch.int64)
    embedding = nn.Embedding(5, 3)
    assert lookup(few, embedding) is None
    assert lookup(many, embedding) == Lookup(many, embedding.weight)
    for other in (nn.Embedding(5, 3, padding_idx=0), nn.Embedding(5, 3, max_norm=1.0), nn.Embedding(5, 3, sparse=True)):
        assert lookup(many, other) is None
    embedding.register_forward_hook(lambda *args: None)
    assert lookup(many, embedding) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_of_few_bits_runs_as_before(dtype: torch.dtype) -> None:
    net = Seq2Seq.from_config(config()).to(dtype)
    values = net(*net.example())
    assert values.output.dtype == dtype and net.loss(*net.example()).isfinite()
    net.loop = "fused"
    with pytest.raises(Refused, match=rf"^the loop is of {dtype}; a fused one is of torch.float32 or torch.float64$"):
        net(*net.example())


@in_both
@pytest.mark.parametrize("encoder", ["RNN", "pyramid", "convolution", "transformer"])
def test_a_source_is_embedded_once(encoder: Any, loop: Any) -> None:
    options = {"pyramid": {"num_layers": 2}, "transformer": {"hidden_size": 8, "bidirectional": False}}.get(encoder, {})
    net, called = Seq2Seq.from_config(config(encoder=encoder, **options)), list[Any]()
    net.embed_source.register_forward_hook(lambda *args: called.append(args))
    for net.loop in ("fastest", loop):
        net.read(*batch()[:2])
    assert len(called) == 2


def test_what_a_fused_encoder_refuses_has_drawn_nothing() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5)).bfloat16().train()
    found = []
    for net.loop in ("plain", "fastest"):
        torch.manual_seed(3)
        found.append(net.read(*repeated(batch())[:2]).encoder_hidden)
    assert torch.equal(*found)


@in_both
def test_an_embedding_of_another_size_than_the_encoder_reads_is_named(loop: Any) -> None:
    net = model("gru")
    net.embed_source, net.loop = nn.Embedding(23, 4).double(), loop
    for given in (batch(), repeated(batch())):  # the second is looked up
        with pytest.raises(ValueError, match=r"was built for 5\. Build RNNEncoder\(…, embedding_size=4\)"):
            net.read(*given[:2])


def test_dropout_of_what_is_read_is_not_looked_up() -> None:
    net = Seq2Seq.from_config(config(dropout=0.5)).double().train()
    given = repeated(batch())
    values = []
    for loop in ("plain", "fused"):
        net.loop = loop
        torch.manual_seed(3)
        values.append(net.read(*given[:2]).encoder_hidden)
    torch.testing.assert_close(*values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_dropout_inside_the_loop_keeps_the_mean(p: float) -> None:
    text = edited("luong_input_feeding", ("attend[tanh]", f"attend[tanh, dropout {p}]")) if p else "luong_input_feeding"
    net = built(text).train()
    zeros = [run(net, "fused")(sentence(net), symbols()).attn_hidden.eq(0).double().mean() for _ in range(20)]
    assert abs(torch.stack(zeros).mean() - p) < 0.05


DECODED = ["gru", "reset before", "lstm", "elman", "two layers", "maxout", "tied", "mixture of softmaxes", "concat"]
DECODED += ["dot", "temperature", "appendix", "conditional_gru", "groundhog", "groundhog, lstm", "luong", "luong, lstm"]
DECODED += ["luong_input_feeding", "luong_input_feeding, lstm", "no_attention", "pointer_generator", "pyramid"]
DECODED += ["readout of two states"]


@with_compiler
@pytest.mark.parametrize("name", DECODED)
def test_compiled_decoding_is_that_of_the_step_as_it_is(name: str) -> None:
    net, (source, mask, _, _) = model(name), (tensor.repeat(6, 1) for tensor in batch(name))
    found = []
    for loop in ("fastest", "compiled"):
        net.loop = loop  # type: ignore[assignment]
        searched = [
            net.beam(source, mask, size=4, max_length=9, n_best=3),
            net.beam(source, mask, size=3, max_length=[3, 9, 5] * 6, n_best=2, length_penalty=0.6),
            net.beam(source[:1], mask[:1], size=2, max_length=7),
            net.beam(source, mask, size=1, max_length=[3, 9, 5] * 6),
        ]
        hypotheses = [hypothesis for hypotheses in searched for each in hypotheses for hypothesis in each]
        read = net.read(source, mask)
        endless = net.decoder.greedy(read, bos=net.bos, eos=None, max_length=[3, 9, 5] * 6, loop=net.loop)
        greedy = net.greedy(source, mask, max_length=9), net.greedy(source[:1], mask[:1], max_length=9), endless
        found.append((*greedy, hypotheses))
    for one, other in zip(*(decoded[:3] for decoded in found), strict=True):
        assert torch.equal(one.symbols, other.symbols) and torch.equal(one.mask, other.mask)
        torch.testing.assert_close(one.scores, other.scores, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(one.attn_weights, other.attn_weights, rtol=1e-9, atol=1e-9)
    for one, other in zip(*(decoded[3] for decoded in found), strict=True):
        assert (one.symbols, one.ended) == (other.symbols, other.ended) and abs(one.score - other.score) < 1e-9
        torch.testing.assert_close(one.attn_weights, other.attn_weights, rtol=1e-9, atol=1e-9)


STEP_BY_STEP = ["maxout", "tied", "mixture of softmaxes", "dot", "luong", "luong, lstm", "pointer_generator"]


@with_compiler
@pytest.mark.parametrize("name", DECODED)
def test_compiled_greedy_decoding_asks_nothing_of_python_from_symbol_to_symbol(name: str) -> None:
    net, (source, mask, _, _) = model(name), batch(name)
    net.loop = "compiled"
    steps = net.decoder.hypotheses(net.read(source, mask), net.bos, "compiled")
    assert getattr(steps, "chooses", False) == (name not in STEP_BY_STEP)


@with_compiler
def test_an_embedding_whose_gradient_alone_is_its_own_is_looked_up_in_compiled_decoding() -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    net.decoder.embed_target.padding_idx = 0
    assert lookup(source, net.decoder.embed_target, times=1000) is None
    steps = net.decoder.hypotheses(net.read(source, mask), net.bos, "compiled")
    assert isinstance(steps, Stepper) and steps.chooses


@with_compiler
def test_an_embedding_of_ones_own_is_called_at_each_step_of_compiled_decoding() -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    assert net.embed_source is not net.decoder.embed_target
    expected, called = net.greedy(source, mask, max_length=3), list[Tensor]()
    handle = net.decoder.embed_target.register_forward_hook(lambda *args: called.append(args[1][0]))
    net.loop = "compiled"
    decoded = net.greedy(source, mask, max_length=3)
    handle.remove()
    assert torch.equal(decoded.symbols, expected.symbols)
    assert all(any(torch.equal(one.flatten(), column) for one in called) for column in decoded.symbols[:, :-1].t())


@with_compiler
def test_compiled_greedy_decoding_goes_on_for_as_long_as_it_is_asked_to() -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    net.eos = None
    expected = net.greedy(source, mask, max_length=150)
    net.loop = "compiled"
    decoded = net.greedy(source, mask, max_length=150)
    assert decoded.symbols.shape == (len(source), 150) and decoded.mask.all()
    assert torch.equal(decoded.symbols, expected.symbols)
    torch.testing.assert_close(decoded.scores, expected.scores, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(decoded.attn_weights, expected.attn_weights, rtol=1e-9, atol=1e-9)


@with_compiler
def test_what_a_search_multiplies_of_contexts_is_multiplied_once_a_position(monkeypatch: pytest.MonkeyPatch) -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    net.loop = "compiled"
    seen: list[tuple[bool, list[torch.Size]]] = []
    called, choose = Stepper.__call__, Stepper.choose

    def call(stepper: Stepper, symbols: Tensor) -> Any:
        seen.append((stepper.run.by_position, [one.shape for one in stepper._multiplied.values()]))
        return called(stepper, symbols)

    def chosen(stepper: Stepper, *args: Any) -> Any:
        seen.append((stepper.run.by_position, []))
        return choose(stepper, *args)

    monkeypatch.setattr(Stepper, "__call__", call)
    monkeypatch.setattr(Stepper, "choose", chosen)
    net.greedy(source, mask, max_length=4)
    net.beam(source, mask, size=2, max_length=4, n_best=2)
    assert [by_position for by_position, _ in seen] == [False, False, False, True, True]
    assert seen[-1][1] == [(3, 5, 21), (3, 5, 11)]  # of the gates and of the readout


@with_compiler
@pytest.mark.parametrize("name", ["gru", "lstm", "luong_input_feeding", "groundhog"])
def test_rows_that_have_ended_leave_a_compiled_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, source, mask = ending(name)
    expected = net.greedy(source, mask, max_length=9)
    left: list[int] = []
    select = Stepper.select
    monkeypatch.setattr(Stepper, "select", lambda *given: left.append(len(given[2])) or select(*given))
    net.loop = "compiled"
    decoded = net.greedy(source, mask, max_length=9)
    assert left and torch.equal(decoded.symbols, expected.symbols) and torch.equal(decoded.mask, expected.mask)
    close(decoded.attn_weights, expected.attn_weights)
    close(decoded.scores, expected.scores)
    monkeypatch.setattr("seq2seq_attn.decoder._STEPS", 2)  # C++ is asked again while some have ended and stay
    again = net.greedy(source, mask, max_length=9)
    assert all(map(torch.equal, again, decoded))


@with_compiler
@pytest.mark.parametrize("name", ["gru", "lstm", "luong_input_feeding"])
def test_compiled_greedy_decoding_in_float32_is_that_of_the_step_as_it_is(name: str) -> None:
    """Of more rows than 16, so that weights are packed where they can be."""
    net, (source, mask, _, _) = model(name).float(), (tensor.repeat(6, 1) for tensor in batch(name))
    expected = net.greedy(source, mask, max_length=9)
    net.loop = "compiled"
    decoded = net.greedy(source, mask, max_length=9)
    assert torch.equal(decoded.symbols, expected.symbols)
    torch.testing.assert_close(decoded.scores, expected.scores, rtol=2e-5, atol=2e-5)


@with_compiler
@pytest.mark.parametrize("name", ["gru", "luong"])
def test_what_a_compiled_search_finds_under_autocast_is_as_likely_without(name: str) -> None:
    net, (source, mask, _, _) = model(name).float(), batch(name)
    net.loop = "compiled"
    with torch.autocast("cpu", torch.bfloat16):
        found = net.beam(source, mask, size=3, max_length=6)
        chosen = net.greedy(source, mask, max_length=6)
    net.loop = "plain"
    for row, real in enumerate(chosen.mask):
        written = tuple(chosen.symbols[row, real].tolist())
        scores, _ = forced(net, source[row : row + 1, : int(mask[row].sum())], [written])
        assert abs(chosen.scores[row] - float(scores)) < 0.1
    for row, (best, *_) in enumerate(found):
        scores, _ = forced(net, source[row : row + 1, : int(mask[row].sum())], [best.symbols])
        assert abs(best.score - float(scores)) < 0.1


@with_compiler
def test_models_search_together_compiled() -> None:
    (first, second), (source, mask, _, _) = (model("gru"), model("luong")), batch()
    found = []
    for loop in ("fastest", "compiled"):
        first.loop = loop  # type: ignore[assignment]
        found.append(first.beam(source, mask, size=3, max_length=6, others=[second]))
    for one, other in zip(*found, strict=True):
        assert one[0].symbols == other[0].symbols and abs(one[0].score - other[0].score) < 1e-9


@with_compiler
@pytest.mark.parametrize(("name", "why"), [("coverage", "node cover"), ("monotonic", "the step has a node that runs")])
def test_what_cannot_be_compiled_is_not_decoded_either(name: str, why: str) -> None:
    net, (source, mask, _, _) = model(name), batch()
    net.loop = "compiled"
    with pytest.raises(Refused, match=f"^{why}"):
        net.greedy(source, mask, max_length=3)
    with pytest.raises(Refused, match=f"^{why}"):
        net.beam(source, mask, size=2, max_length=3)


@with_compiler
def test_a_model_whose_loop_is_compiled_still_draws_itself() -> None:
    net = Seq2Seq.from_config(config())
    net.loop = "compiled"
    assert net.trace() == net.specification() and net.check() == []


@with_compiler
def test_logits_that_are_no_numbers_are_found_in_a_compiled_search_too() -> None:
    net, (source, mask, _, _) = model("gru"), batch()
    net.loop = "compiled"
    with torch.no_grad():
        net.decoder.step.out.W.bias[3] = torch.nan
    with pytest.raises(ValueError, match=r"^output of step 1 is no distribution for sentence 0"):
        net.beam(source, mask, size=2, max_length=3)


def test_without_a_compiler_the_compiled_loop_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    compiled.load.cache_clear()
    try:
        for name, value, said in (
            ("CXX", "no-such-compiler", r"there is no no-such-compiler \(a C\+\+ compiler, such as Debian's g\+\+\)"),
            ("CXX", "false", r".+"),
        ):
            monkeypatch.setenv(name, value)
            with pytest.raises(Refused, match=rf"^the compiled loop cannot be built: {said}; use loop='fused'$"):
                load()
        net = model("gru")
        net.loop = "compiled"
        with pytest.raises(Refused, match=r"^the compiled loop cannot be built"):
            net(*batch())
        assert not [path for path in tmp_path.iterdir() if path.suffix == ".so"]
    finally:
        compiled.load.cache_clear()
