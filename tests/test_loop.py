"""Law 3: whatever leaves the loop, all values and all gradients are those of the plain loop, for every wiring."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from models import PICTURES, config, edited
from test_build import Begun, Leaky, drawn, node
from test_schedule import sets
from torch import Tensor, nn

from seq2seq_attn import Seq2Seq, kinds, mermaid
from seq2seq_attn import decoder as decoders
from seq2seq_attn import loop as loops
from seq2seq_attn.kinds import register
from seq2seq_attn.loop import Loop, Sentence, plan
from seq2seq_attn.nodes import LSTMState
from seq2seq_attn.schedule import Schedule
from seq2seq_attn.wired import Wired
from seq2seq_attn.wiring import Step, Wiring, parts
from seq2seq_attn.wirings import WIRINGS, Bahdanau

B, S, T = 3, 5, 4  # E is 17, H 7, M 14, attention 13, readout 11, vocabulary 19
CELLS = {"gru": {}, "reset before": {"reset_after": False}, "lstm": {"cell": "LSTM"}, "elman": {"cell": "Elman"}}
NORMALISERS = ("softmax, temperature 2", "sparsemax", "entmax15", "hard")


def built(diagram: str, **options: Any) -> Seq2Seq:
    """A model in float64 and evaluation, whose every parameter is random and not small."""
    sizes = {key: value for key, value in PICTURES.get(diagram, {}).items() if key != "diagram"}
    model = Seq2Seq.from_diagram(diagram, config(**{"embedding_size": 17, **sizes, **options})).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=2.0 / parameter.shape[-1] ** 0.5 if parameter.dim() > 1 else 0.5)
    return model


def sentence(model: Seq2Seq) -> Sentence:
    """Made-up sources, h_j a leaf of its own: one whole, one padded, one without any real position."""
    generator = torch.Generator().manual_seed(5)
    encoder_hidden = torch.randn(B, S, model.encoder.memory_size, dtype=torch.float64, generator=generator)
    encoder_hidden = encoder_hidden.to(next(model.parameters()).dtype).requires_grad_()
    mask = torch.arange(S) < torch.tensor([[S], [2], [0]])
    state = None if model.bridge is None else model.bridge(encoder_hidden, torch.ones(B, S, dtype=torch.bool))
    return Sentence(encoder_hidden, mask, torch.randint(19, (B, S), generator=generator), state)


def symbols() -> Tensor:
    return torch.tensor([[17, 3, 5, 7], [17, 2, 2, 11], [17, 0, 13, 1]])


def results(model: Seq2Seq, run: Callable[[Sentence, Tensor], Any]) -> dict[str, Tensor]:
    """All values of a run by their words, and what h_j and each parameter gets of a gradient from all of them."""
    given = sentence(model)
    values = run(given, symbols())._asdict()
    total = torch.zeros((), dtype=torch.float64)
    for value in values.values():
        total = total + (value * torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)).sum()
    names, leaves = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(total, [given.encoder_hidden, *leaves], allow_unused=True)
    found = {f"gradient of {name}": g for name, g in zip(["h_j", *names], gradients, strict=True) if g is not None}
    return {word: value.detach() for word, value in values.items()} | found


def same(model: Seq2Seq, bands: str | None = None) -> None:
    """Whatever the decoder chooses is the plain loop; ``bands`` are those that have to have run, if not None."""
    plain, chosen = results(model, model.decoder.steps), results(model, model.decoder)
    assert all(value.isfinite().all() and value.any() for value in plain.values()), "something would be equal anyway"
    equal(chosen, plain)
    if the_plan(model) is not None:
        equal(results(model, scheduled(model)), plain)
    if bands is not None:
        planned = the_plan(model)
        assert planned is not None
        assert sets(planned.schedule) == sets(bands)


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """The same `results`."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9, msg=lambda said, n=name: f"{n}: {said}")


def scheduled(model: Seq2Seq) -> Callable[[Sentence, Tensor], Any]:
    """The decoder with what can leave the loop outside of it, and the rest by autograd."""
    return lambda given, before: model.decoder(given, before, "scheduled")


def the_plan(model: Seq2Seq) -> loops.Plan | None:
    """What the decoder will do."""
    return model.decoder.plan(sentence(model), symbols()[:, 0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", WIRINGS)
def test_every_wiring_with_every_cell_is_its_plain_loop(name: str, cell: str) -> None:
    model = built(name, **CELLS[cell])
    assert type(model.decoder.step) is WIRINGS[name]
    same(model)


NORMALISED = [name for name in WIRINGS if "softmax" in mermaid.load(name).operations]


@pytest.mark.parametrize(
    ("name", "normaliser", "cell"),  # every cell was tried on every wiring; here each meets each normaliser
    [
        (name, normaliser, [*CELLS][(n + m) % len(CELLS)])
        for n, name in enumerate(NORMALISED)
        for m, normaliser in enumerate(NORMALISERS)
    ],
)
def test_every_wiring_with_every_normaliser_is_its_plain_loop(name: str, normaliser: str, cell: str) -> None:
    sizes = {key: value for key, value in PICTURES[name].items() if key != "diagram"}
    same(built(edited(name, ("softmax[softmax]", f"softmax[{normaliser}]")), **sizes, **CELLS[cell]))


def test_the_normalisers_were_tried_on_all_wirings_that_have_one() -> None:
    assert WIRINGS.keys() - set(NORMALISED) == {"no_attention", "monotonic"}


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_monotonic_attention_is_its_plain_loop_in_both_modes(training: bool) -> None:
    same(built(edited("monotonic", ("mono[monotonic]", "mono[monotonic, noise 0]"))).train(training))


PROJECT = (("h_j --> a\n", "k_j --> a\n"), node("project[doubled]", "h_j", 'k_j["k_{j} projected"]'))
POOL = node("pool[pooled]", "h_j", 'm_i["m_{i} mean"]')
READ = node("read[tanh]", "y_ii", 'z_i["z_{i} read"]')
MORE: dict[str, tuple[str, dict[str, Any], str]] = {  # picture, config, bands
    "a projection of h_j": (drawn("bahdanau", *PROJECT), {}, "project | a softmax wsum rnn | out"),
    "a projection of h_j, luong": (drawn("luong", *PROJECT), {}, "project | rnn | a softmax wsum attend out"),
    "one value of h_j at every step": (drawn("bahdanau", POOL, "m_i --> rnn"), {}, "pool | a softmax wsum rnn | out"),
    "one value of h_j at every step, read after": (
        drawn("luong", POOL, "m_i --> out", "m_i --> attend"),
        {},
        "pool | rnn | a softmax wsum attend out",
    ),
    "the mean of h_j as what is carried": (
        drawn("bahdanau", POOL, 'm_ii["m_{i-1} prev_mean"]', "m_ii --> out"),
        {},
        "pool | a softmax wsum rnn | out",
    ),
    "y_{i-1} through a layer": (
        drawn("bahdanau", ("y_ii --> rnn", "z_i --> rnn"), READ),
        {},
        "read | a softmax wsum rnn | out",
    ),
    "y_{i-1} and y_{i-2} through a layer": (
        drawn("luong", ("y_ii --> rnn", "z_i --> rnn"), READ, 'z_ii["z_{i-1} prev"]', "z_ii --> rnn", "z_ii --> out"),
        {},
        "read | rnn | a softmax wsum attend out",
    ),
    "s_{i-1} read after the loop": (drawn("luong", "s_ii --> out"), {}, "| rnn | a softmax wsum attend out"),
    "s_{i-1} of an LSTM read after the loop": (
        drawn("luong", "s_ii --> out"),
        {"cell": "LSTM"},
        "| rnn | a softmax wsum attend out",
    ),
    "what is carried and read only after the loop": (
        drawn("luong", node("more[tanh]", "a_ii c_ii", 'z_i["z_{i} more"]'), "z_i --> out")
        + 'a_ii["a_{i-1} prev_attn"]\nc_ii["c_{i-1} prev_context"]\n',
        {},
        "| rnn | a softmax wsum attend more out",
    ),
    "the weights of the step before, read after": (
        drawn(
            "luong",
            node("again[weighted_sum]", "alpha_iij h_j", 'z_i["z_{i} again"]'),
            'alpha_iij["alpha_{i-1,j} prev_weights"]',
            "z_i --> out",
        ),
        {},
        "| rnn | a softmax wsum again attend out",
    ),
    "attention on two memories": (
        drawn("luong", PROJECT[1], node("again[weighted_sum]", "alpha_ij k_j", 'z_i["z_{i} again"]'), "z_i --> attend"),
        {},
        "project | rnn | a softmax again wsum attend out",
    ),
    "no y_{i-1}": (
        drawn("no_attention", ("y_ii --> rnn\n", "r_i --> rnn\n"), ('y_ii["y_{i-1} prev_output"]', 'r_i["r_{i} more"]'))
        + node("more[tanh]", "s_ii", "r_i"),
        {},
        "| more rnn | out",
    ),
}
for cell in ("GRU", "LSTM", "Elman"):
    for layers in ("", ", 2 layers", ", 2 layers, residual", ", 3 layers, residual, variational"):
        for name, bands in (
            ("bahdanau", "| a softmax wsum rnn | out"),
            ("luong", "| rnn | a softmax wsum attend out"),
        ):
            text = edited(name, ("rnn[RNN]", f"rnn[{cell}{layers}]"))
            MORE[f"{name}, {cell}{layers}"] = (text, {}, bands)
    second = node(f"second[{cell}]", "y_ii s_i", 'r_i["r_{i} second"]'), "r_i --> out"
    MORE[f"a state that an rnn of no loop takes, {cell}"] = (
        drawn("luong", *second),
        {"cell": cell},
        "| rnn | a softmax wsum attend second out",
    )
    MORE[f"the state of the step before, for an rnn of no loop, {cell}"] = (
        drawn("luong", node(f"second[{cell}]", "y_ii s_ii", 'r_i["r_{i} second"]'), "r_i --> out"),
        {"cell": cell},
        "| rnn | a softmax wsum attend second out",
    )
    MORE[f"two loops, {cell}"] = (
        drawn(
            "luong", node(f"second[{cell}]", "s_i r_ii", 'r_i["r_{i} second"]'), 'r_ii["r_{i-1} prev"]', "r_i --> out"
        ),
        {"cell": cell},
        "| rnn second | a softmax wsum attend out",
    )


class Doubled(nn.Module):
    """k_j = 2 h_j W: what needs no step."""

    def __init__(self, memory_size: int) -> None:
        super().__init__()
        self.W = nn.Linear(memory_size, memory_size)

    def forward(self, encoder_hidden: Tensor) -> Tensor:
        return torch.tanh(self.W(encoder_hidden))


class Pooled(nn.Module):
    """m_i = max_j h_j: one for each step, and at each the same."""

    def forward(self, encoder_hidden: Tensor) -> Tensor:
        return encoder_hidden.amax(dim=1)

    def initial(self, encoder_hidden: Tensor) -> Tensor:
        return encoder_hidden.new_ones(encoder_hidden[:, 0].shape)


class Stepwise(nn.Module):
    """A layer that can run one step only: it has no ``all_steps``."""

    def __init__(self, input_size: int, readout_size: int) -> None:
        super().__init__()
        self.W, self.calls = nn.Linear(input_size, readout_size), 0

    def forward(self, *values: Tensor) -> Tensor:
        assert all(value.dim() == 2 for value in values)
        self.calls += 1
        return torch.sin(self.W(torch.cat(values, dim=-1)))


class Unable(Stepwise):
    """The same, in the place of a node that took all steps at once."""

    label = "tanh"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nodes of a user's own, forgotten after the test."""
    monkeypatch.setattr(kinds, "_KINDS", [*kinds._KINDS])
    register(Doubled, "doubled", "j memory_size -> j memory_size")
    register(Pooled, "pooled", "j memory -> i memory")
    register(Stepwise, "stepwise", "i input_size, *i input_size -> i readout_size")
    for cls in (Leaky, Begun):
        register(cls, cls.__name__.lower(), "i input_size, i hidden_size -> i hidden_size")
    yield


@pytest.mark.parametrize(("text", "options", "bands"), MORE.values(), ids=MORE)
def test_an_edited_picture_is_its_plain_loop(text: str, options: dict[str, Any], bands: str) -> None:
    same(built(text, **options), bands)


@pytest.mark.parametrize("name", ["luong", "bahdanau"])
def test_noise_that_is_drawn_once_a_sentence_is_that_of_the_plain_loop(name: str) -> None:
    model = built(edited(name, ("rnn[RNN]", "rnn[LSTM, 2 layers, residual, dropout 0.5, variational]"))).train()
    found = []
    for run, seed in ((model.decoder.steps, 11), (model.decoder, 11), (model.decoder, 13)):
        given = sentence(model)
        torch.manual_seed(seed)
        found.append(run(given, symbols()))
    for plain, scheduled in zip(found[0], found[1], strict=True):
        torch.testing.assert_close(scheduled, plain, rtol=1e-9, atol=1e-9)
    assert not torch.equal(found[1].decoder_hidden, found[2].decoder_hidden)


LIBRARY = {"gru": "gru", "lstm": "lstm", "elman": "rnn_tanh"}
CALLS = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "elman": nn.RNNCell}


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """The calls of a function from now on."""
    calls: list[Any] = []
    function = getattr(owner, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, count)
    return calls


@pytest.mark.parametrize("layers", ["", ", 2 layers", ", 3 layers, residual"])
@pytest.mark.parametrize("cell", LIBRARY)
@pytest.mark.parametrize("name", ["luong", "no_attention"])
def test_an_rnn_that_waits_for_itself_only_is_one_call_of_the_library_a_layer(
    name: str, cell: str, layers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built(edited(name, ("rnn[RNN]", f"rnn[RNN{layers}]")), **CELLS[cell])
    same(model)
    given = sentence(model)
    sequences, steps = counted(monkeypatch, torch, LIBRARY[cell]), counted(monkeypatch, CALLS[cell], "forward")
    model.decoder(given, symbols(), "scheduled")
    number = {"": 1, ", 2 layers": 2, ", 3 layers, residual": 3}[layers]
    assert (len(sequences), len(steps)) == (number, 0)
    model.decoder.steps(given, symbols())
    assert (len(sequences), len(steps)) == (number, number * T)


@pytest.mark.parametrize("cell", LIBRARY)
def test_a_state_is_made_in_one_call_unless_a_node_of_no_loop_takes_it_in_its_parts(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = drawn("luong", node("second[RNN]", "y_ii s_i", 'r_i["r_{i} second"]'), "r_i --> out")
    model = built(text, **CELLS[cell])
    the_plan(model)
    calls = counted(monkeypatch, torch, LIBRARY[cell])
    model.decoder(sentence(model), symbols(), "scheduled")
    assert len(calls) == (0 if cell == "lstm" else 1)


def test_in_bahdanaus_model_the_rnn_waits_for_the_context_and_runs_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = built("bahdanau")
    same(model)
    sequences, steps = counted(monkeypatch, torch, "gru"), counted(monkeypatch, nn.GRUCell, "forward")
    readouts = counted(monkeypatch, type(model.decoder.step.out), "forward")
    model.decoder(sentence(model), symbols(), "scheduled")
    assert (len(sequences), len(steps), len(readouts)) == (0, T, 1)


@pytest.mark.parametrize("band", ["before", "after"])
def test_a_node_that_can_run_one_step_only_runs_at_every_step_wherever_it_is(band: str) -> None:
    if band == "before":
        text = drawn("bahdanau", ("y_ii --> rnn", "z_i --> rnn"), node("own[stepwise]", "y_ii", 'z_i["z_{i} own"]'))
    else:
        text = drawn("luong", node("own[stepwise]", "a_i s_ii", 'z_i["z_{i} own"]'), "z_i --> out")
    model = built(text)
    same(model)
    planned, own = the_plan(model), model.decoder.step.own
    assert planned is not None and "own" in getattr(planned.schedule, band)
    own.calls = 0
    model.decoder(sentence(model), symbols())
    assert own.calls == T


def test_a_recurrent_node_of_a_users_own_needs_no_method_for_a_sequence() -> None:
    same(
        built(edited("luong", ("rnn[RNN]", "rnn[begun]"))),
        "| rnn | a softmax wsum attend out",
    )


def listened(model: Seq2Seq, owner: nn.Module, run: Callable[[Sentence, Tensor], Any]) -> tuple[Any, int]:
    """The results while someone listens to a module, and how often it was heard."""
    heard: list[Any] = []
    handle = owner.register_forward_hook(lambda module, args, result: heard.append(result))
    values = run(sentence(model), symbols())
    handle.remove()
    return values, len(heard)


@pytest.mark.parametrize("register_hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_step_that_someone_listens_to_runs_in_a_plain_loop(register_hook: str) -> None:
    model = built("luong")
    heard: list[Any] = []
    handle = getattr(model.decoder.step, register_hook)(lambda *args: heard.append(args))
    values = model.decoder(sentence(model), symbols())
    assert len(heard) == T
    handle.remove()
    for word, value in model.decoder(sentence(model), symbols())._asdict().items():
        torch.testing.assert_close(value, getattr(values, word), rtol=1e-9, atol=1e-9)
    assert len(heard) == T


def test_an_rnn_that_someone_listens_to_is_heard_at_every_step() -> None:
    model = built("luong")
    plain = model.decoder.steps(sentence(model), symbols())
    the_plan(model)
    for owner, times in ((model.decoder.step.rnn, T), (model.decoder.step.out, 1)):
        values, heard = listened(model, owner, model.decoder)
        assert heard == times
        torch.testing.assert_close(values.output, plain.output, rtol=1e-9, atol=1e-9)


class Doubling(Bahdanau):
    """Does arithmetic between two nodes, of which no picture is true."""

    def forward(self, prev_output: Any, prev_decoder: Any, encoder_hidden: Any, *, mask: Any, keys: Any = None) -> Any:
        attn_energies = self.a(prev_decoder, encoder_hidden, keys=keys)
        attn_weights = self.softmax(attn_energies, mask=mask)
        context = self.wsum(attn_weights, encoder_hidden)
        decoder_hidden = self.rnn(prev_output, prev_decoder, context * 2)
        output = self.out(prev_output, decoder_hidden, context)
        return Step(output, decoder_hidden, context, attn_weights, attn_energies)


class InPlace(Doubling):
    """Changes what it is given, and forgets what it was."""

    def forward(self, prev_output: Any, prev_decoder: Any, encoder_hidden: Any, *, mask: Any, keys: Any = None) -> Any:
        with torch.no_grad():
            mask.logical_or_(torch.zeros_like(mask))
            encoder_hidden.mul_(1.5)
        return super().forward(prev_output, prev_decoder, encoder_hidden, mask=mask, keys=keys)


def rewired(model: Seq2Seq, wiring: type[Wiring]) -> Seq2Seq:
    """The model with another wiring of the same nodes."""
    model.decoder.step = wiring(**dict(model.decoder.step.named_children())).eval()
    return model


def test_a_wiring_that_does_more_than_its_picture_runs_in_a_plain_loop() -> None:
    model = rewired(built("bahdanau"), Doubling)
    assert the_plan(model) is None
    same(model)


def test_a_wiring_that_changes_what_it_is_given_is_not_run_once_more_to_find_that_out() -> None:
    model = rewired(built("bahdanau"), InPlace)
    with torch.no_grad():
        first = model.decoder(sentence(model), symbols())
        plain = model.decoder.steps(sentence(model), symbols())
    assert all(plan is None for plan in model.decoder._plans.values())
    assert all(torch.equal(one, other) for one, other in zip(first, plain, strict=True))


def test_a_module_that_stands_twice_in_a_step_runs_in_a_plain_loop() -> None:
    model = built("conditional_gru", bidirectional=False, embedding_size=7)
    model.decoder.step.rnn2 = model.decoder.step.rnn1
    assert the_plan(model) is None
    same(model)


def test_a_value_whose_subscript_hides_that_it_is_one_for_each_step_runs_in_a_plain_loop() -> None:
    model = built("bahdanau")
    graph = mermaid.parse(mermaid.emit(model.decoder.step.specification()).replace("c_{i} context", "c_{j} context"))
    model.decoder.step = Wired(graph, dict(model.decoder.step.named_children())).eval()
    assert the_plan(model) is None
    same(model)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_finding_the_plan_leaves_no_trace(training: bool) -> None:
    model = built("monotonic", dropout=0.5).train(training)  # noise and dropout are drawn whenever it runs in training
    parameter = next(model.decoder.step.parameters())
    parameter.grad = torch.ones_like(parameter)
    given, before = sentence(model), torch.get_rng_state()
    modes = [module.training for module in model.modules()]
    weights = copy.deepcopy(model.state_dict())
    planned = plan(model.decoder.step, given, lambda: model.decoder.embed_target(symbols())[:, 0])
    assert planned is not None
    assert torch.equal(before, torch.get_rng_state())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(parameter.grad, torch.ones_like(parameter)) and given.encoder_hidden.grad is None
    assert sum(p.grad is not None for p in model.parameters()) == 1
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_decoder_that_makes_its_plan_embeds_as_one_that_has_it() -> None:
    class Noisy(nn.Embedding):
        def forward(self, symbols: Tensor) -> Tensor:
            return nn.functional.dropout(super().forward(symbols), 0.5)

    model, called = built("bahdanau").train(), list[Any]()
    model.decoder.embed_target = Noisy(19, 17).double()
    model.decoder.embed_target.register_forward_hook(lambda *args: called.append(args))
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(model.decoder(sentence(model), symbols()).output)
    assert torch.equal(*made) and len(called) == 2


def test_a_plan_says_what_runs_where_and_what_each_node_is_handed_besides() -> None:
    planned = the_plan(built("luong"))
    assert planned is not None and planned.graph == mermaid.load("luong")
    assert planned.schedule == Schedule((), ("rnn",), ("a", "softmax", "wsum", "attend", "out"))
    assert planned.hidden == {
        "rnn": {},
        "a": {"keys": "keys"},
        "softmax": {"mask": "mask"},
        "wsum": {},
        "attend": {},
        "out": {},
    }
    assert planned.result._fields == (
        "output",
        "decoder_hidden",
        "context",
        "attn_weights",
        "attn_energies",
        "attn_hidden",
    )


def test_a_plan_is_made_once_and_again_when_the_mode_or_a_node_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built("luong")
    plans = counted(monkeypatch, decoders, "plan")
    changes: list[tuple[Callable[[], Any], int]] = [
        (lambda: None, 1),
        (lambda: None, 1),
        (lambda: model.train(), 2),
        (lambda: model.eval(), 2),  # found already
        (lambda: setattr(model.decoder.step, "a", copy.deepcopy(model.decoder.step.a)), 3),
        (
            lambda: setattr(
                model.decoder, "step", Wired(mermaid.load("luong"), dict(model.decoder.step.named_children())).eval()
            ),
            4,
        ),
    ]
    for change, number in changes:
        change()
        model.decoder(sentence(model), symbols())
        assert len(plans) == number
        same(model)
    with torch.no_grad():
        model.decoder(sentence(model), symbols())
    assert len(plans) == 5


def test_another_node_of_another_kind_is_run_as_it_is() -> None:
    model = built("luong")
    same(model, "| rnn | a softmax wsum attend out")
    model.decoder.step.attend = Unable(14 + 7, 11).double()
    same(model)


def test_another_picture_of_the_same_nodes_is_another_plan() -> None:
    first = built(edited("bahdanau", ("softmax[softmax]", "softmax[sparsemax]")))
    first.decoder(sentence(first), symbols())
    picture = mermaid.parse(
        edited("bahdanau", ("softmax[softmax]", "softmax[sparsemax]"), ("s_i --> out", "s_ii --> out"))
    )
    first.decoder.step = Wired(picture, dict(first.decoder.step.named_children())).eval()
    same(first)


def test_a_loop_says_what_nothing_gives_and_what_has_no_beginning() -> None:
    model = built("bahdanau")
    graph = model.decoder.step.specification()
    lost = mermaid.parse(mermaid.emit(graph).replace("y_{i-1} prev_output", "q_{i} mood"))
    step = Wired(lost, dict(model.decoder.step.named_children()))
    with pytest.raises(
        ValueError,
        match=r"^nothing gives Wired the value mood: a model has prev_output, encoder_hidden, source, and what a step",
    ):
        Loop(step, sentence(model))
    bare = mermaid.parse(mermaid.emit(mermaid.load("luong_input_feeding")).replace("attend[tanh]", "attend[leaky]"))
    nodes = dict(built("luong_input_feeding").decoder.step.named_children())
    nodes["attend"] = Leaky(14, 7)
    nodes["attend"].label = "leaky"  # type: ignore[assignment]
    why = (
        "'a_{i-1} prev_attn_hidden' has no initial value: Leaky does not say what stands before the first step. Give "
        "its class a method initial(encoder_hidden)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        Loop(Wired(bare, nodes), sentence(model))


def test_without_a_bridge_an_rnn_begins_with_its_own_initial_state() -> None:
    model = built("luong", cell="LSTM")
    given = sentence(model)._replace(state=None)
    first = Loop(model.decoder.step, given).first["prev_decoder"]
    assert isinstance(first, LSTMState) and not any(part.any() for part in parts(first))
    one, other = model.decoder(given, symbols()), model.decoder.steps(given, symbols())
    torch.testing.assert_close(one.output, other.output, rtol=1e-9, atol=1e-9)


def test_one_step_is_one_target_symbol() -> None:
    for name in ("bahdanau", "luong", "groundhog"):
        model = built(name)
        for run in (model.decoder, model.decoder.steps):
            assert run(sentence(model), symbols()[:, :1]).output.shape == (B, 1, 19)
