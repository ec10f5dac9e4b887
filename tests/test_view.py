"""The levels of a model's picture: each is what a real run of that model was, and leaves the model as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from models import OPTIONS, config, model
from test_levels import drawn_as
from torch import Tensor, nn

from seq2seq_attn import Drawing, Seq2Seq, code
from seq2seq_attn.drawing.scene import Box, Scene
from seq2seq_attn.nodes import Softmax
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.trace import TraceError

SHIPPED = ["gru", *(name for name in OPTIONS if OPTIONS[name].get("diagram") == name and name != "seq2seq")]
SOME = [*SHIPPED, "two layers", "lstm", "pyramid", "convolution", "transformer", "sparsemax", "local_p", "tied"]
LEVELS: dict[str, dict[str, Any]] = {
    "step": {},
    "whole": {"whole": True},
    "bands": {"schedule": True},
    "whole in bands": {"whole": True, "schedule": True},
    "hidden": {"hidden": True},
    "whole, hidden": {"whole": True, "hidden": True},
    "unrolled": {"unroll": 2},
    "whole, unrolled": {"unroll": 2, "whole": True},
    "run": {"example": [3, 5, 7, 11, 2]},
}
every_level = pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
every_model = pytest.mark.parametrize("name", SOME)


def boxes(scene: Scene) -> dict[str, Box]:
    return {box.id: box for box in scene.boxes}


@every_level
@every_model
def test_every_level_of_every_model_is_drawn_as_its_scene(name: str, level: dict[str, Any]) -> None:
    drawn_as(model(name).draw(**level).scene)


@every_level
def test_a_picture_leaves_modes_weights_gradients_and_random_numbers_as_they_were(level: dict[str, Any]) -> None:
    for name, options in (("two layers", level), ("two layers", {"whole": True, "expand": "encoder"}), ("hard", level)):
        net = Seq2Seq.from_config(config(**OPTIONS[name], dropout=0.5)).train()
        (net.decoder if "expand" in options else net.encoder).eval()  # what draws numbers in training stays there
        modes = [module.training for module in net.modules()]
        before = {key: value.clone() for key, value in net.state_dict().items()}
        state = torch.random.get_rng_state()
        pictures = [net.draw(**options).text() for _ in range(2)]
        assert pictures[0] == pictures[1]
        assert torch.equal(torch.random.get_rng_state(), state)
        assert [module.training for module in net.modules()] == modes
        assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
        assert all(parameter.grad is None for parameter in net.parameters())
        assert not any(module._forward_hooks for module in net.modules())


class Stateful(Softmax):
    """Moves a mean along in training, and draws random numbers always."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, energies: Tensor, *, mask: Tensor) -> Tensor:
        return super().forward(self.norm(energies[:, None])[:, 0] + 1e-3 * torch.rand_like(energies), mask=mask)


@every_level
def test_a_node_that_remembers_or_draws_numbers_is_left_alone_too(level: dict[str, Any]) -> None:
    net = model("gru").train()
    net.decoder.step.softmax = Stateful().double()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.random.get_rng_state()
    net.draw(**level)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("level", [*LEVELS.values(), {"expand": "a"}], ids=[*LEVELS, "opened"])
def test_each_operation_leads_to_the_class_that_really_runs(level: dict[str, Any]) -> None:
    net = model("gru")
    net.decoder.step.softmax = Stateful().double()
    scene = net.draw(**level).scene
    modules = {"embed_source": net.embed_source, "encoder": net.encoder, "bridge": net.bridge}
    modules |= {"embed_target": net.decoder.embed_target, **dict(net.decoder.step.named_children())}
    found = {box.id.partition("-in-")[0]: box.code for box in scene.boxes if box.role == "operation"}
    assert {id: about and about.name for id, about in found.items()} == {id: type(modules[id]).__name__ for id in found}
    assert found["softmax"] == code.of(Stateful) and Path(__file__) == code.of(Stateful).file


def test_of_each_position_a_run_shows_how_long_its_row_is() -> None:
    net = model("gru")
    source = torch.tensor([3, 5, 7, 11])
    rows = net.read(source[None], torch.ones(1, 4, dtype=torch.bool)).encoder_hidden[0]
    chart = boxes(net.draw(example=source).scene)["h_j"].chart
    assert [number / max(chart) for number in chart] == pytest.approx(
        (rows.norm(dim=1) / rows.norm(dim=1).max()).tolist()
    )


def test_a_run_that_was_another_than_the_example_is_refused() -> None:
    net = model("gru")
    net.decoder.step.register_forward_hook(
        lambda module, args, result: result._replace(output=2 * result.output) if len(result.output) == 1 else result
    )
    assert len(net.draw().scene.boxes) == 13
    with pytest.raises(TraceError, match="does not return the result of node out, so that it has no name"):
        net.draw(example=[1, 2, 3])


def parameters_shown(drawing: Drawing, id: str) -> set[str]:
    found = {box.id: box for box in drawing.scene.boxes if box.role == "parameter"}
    assert all(box_id.startswith(f"{id}-t") for box_id in found)
    return {box.lines[0].text for box in found.values()}


def with_gradients(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> set[str]:
    """The parameters of a module that its result depends on; in training, since a hard decision has no gradient."""
    module.train().zero_grad()
    result = visible(module(*args, **kwargs))
    result.sum().backward() if result.requires_grad else None
    return {name for name, parameter in module.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_operation_is_opened_with_the_parameters_that_its_result_depends_on(name: str) -> None:
    net = model(name).eval()
    whole = net.specification(whole=True)
    source, mask, target, _ = net.example()
    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    modules = {"embed_source": net.embed_source, "encoder": net.encoder, "bridge": net.bridge}
    modules |= {"embed_target": net.decoder.embed_target, **dict(net.decoder.step.named_children())}
    for id, module in modules.items():
        if module is not None:
            module.register_forward_pre_hook(
                lambda _, args, kwargs, id=id: calls.setdefault(id, (args, kwargs)) and None, with_kwargs=True
            )
    net.decoder.steps(net.read(source, mask), net.before(target))
    for id in whole.operations:
        args, kwargs = calls[id]
        module = modules[id]
        assert module is not None
        kwargs = {word: value for word, value in kwargs.items() if word != "keys"}
        detached = tuple(
            value.detach() if isinstance(value, Tensor) and value.is_floating_point() else value for value in args
        )
        drawing = net.draw(whole=True, expand=id)
        assert parameters_shown(drawing, id) == with_gradients(module, detached, kwargs), id
        drawn_as(drawing.scene)
        operation = whole.operations[id]
        found = boxes(drawing.scene)
        assert id not in found and {*operation.inputs, operation.output} <= found.keys()
        (frame,) = (frame for frame in drawing.scene.frames if frame.id == f"{id}-opened")
        assert frame.words == f"{id}[{operation.kind}]"
        ends = [(arrow.source, arrow.target) for arrow in drawing.scene.arrows]
        assert any(source in frame.boxes and target == operation.output for source, target in ends)
        for argument in operation.inputs:
            assert any(source == argument and target in frame.boxes for source, target in ends), argument


@every_model
def test_a_run_shows_what_the_plain_decode_gives(name: str) -> None:
    net = model(name)
    source = torch.tensor([3, 5, 7, 11, 2, 13])
    decoded = net.greedy(source[None], torch.ones(1, 6, dtype=torch.bool), max_length=4)
    at = min(3, int(decoded.mask.sum()))
    steps = net(
        source[None],
        torch.ones(1, 6, dtype=torch.bool),
        decoded.symbols,
        torch.ones_like(decoded.symbols, dtype=torch.bool),
    )
    drawing = net.draw(example=source, at=at)
    found = boxes(drawing.scene)
    for value in net.specification().values.values():
        tensor = getattr(steps, value.word, None)
        if tensor is None or "i" not in value.axes or not isinstance(tensor, Tensor):
            continue
        numbers = tensor[0, at - 1]
        shown = found[value.id]
        assert f": {'×'.join(map(str, (1, *numbers.shape)))}" in shown.tooltip
        if numbers.dim() == 1:
            largest = 1.0 if not shown.signed else numbers.abs().max().item() or 1.0
            assert [n * largest for n in shown.chart] == pytest.approx(numbers.tolist(), abs=1e-5)
    probability = torch.softmax(steps.output[0, at - 1], -1)
    symbol = int(decoded.symbols[0, at - 1])
    assert drawing.scene.caption == f"step {at}: writes {symbol} with probability {probability[symbol]:.2f}"
    shares = {a.source: a.share for a in drawing.scene.arrows if a.share is not None}
    if decoded.attn_weights.numel():
        weights = steps.attn_weights[0, at - 1]
        weights = weights.mean(dim=0) if weights.dim() == 2 else weights
        assert [shares[box.id] for box in found.values() if box.role == "position"] == pytest.approx(
            weights.tolist() * len(drawing.scene.rows), abs=1e-5
        )
    else:
        assert not shares
    if net.encoder.label == "RNN" and decoded.attn_weights.numel():
        positions = [box.lines[0].text for box in found.values() if box.role == "position"]
        assert positions == [str(number) for number in source.tolist()] * len(drawing.scene.rows)


def test_an_arrow_is_the_thicker_the_more_is_read() -> None:
    drawing = model("gru").draw(example=[3, 5, 7, 11])
    shares = {arrow.source: arrow.share for arrow in drawing.scene.arrows if arrow.share is not None}
    widths = {
        id: float(width) for id, width in re.findall(r'"?(wsum-\d)"? -> wsum \[.*?penwidth=([\d.]+)', drawing.dot())
    }
    assert len(shares) == len(widths) == 4
    for id, share in shares.items():
        assert widths[id] == pytest.approx(0.5 + 5.5 * (share or 0.0), abs=0.006)


@pytest.mark.parametrize("name", ["gru", "pointer_generator", "multihead", "transformer", "location_aware"])
def test_a_long_sentence_has_as_many_boxes_and_arrows_as_a_short_one(name: str) -> None:
    net = model(name)
    sizes = set()
    for length in (10, 500):
        drawing = net.draw(example=torch.arange(length) % 17)
        sizes.add((len(drawing.scene.boxes), len(drawing.scene.arrows), drawing.dot().count("<td")))
    assert len({boxes for boxes, _, _ in sizes}) == len({arrows for _, arrows, _ in sizes}) == 1


def test_what_is_hidden_is_shown_where_it_is_taken() -> None:
    def hidden(net: Seq2Seq, **options: Any) -> set[tuple[str, str]]:
        scene, plain = net.draw(hidden=True, **options).scene, net.draw(**options).scene
        assert scene.boxes[: len(plain.boxes)] == plain.boxes and scene.arrows[: len(plain.arrows)] == plain.arrows
        assert all(box.role == "hidden" for box in scene.boxes[len(plain.boxes) :])
        return {(a.source.removeprefix("hidden-"), a.target) for a in scene.arrows if a.way == "hidden"}

    def taken(net: Seq2Seq) -> set[tuple[str, str]]:
        """What the nodes of a step are handed by keyword, as hooks see it."""
        found = set[tuple[str, str]]()
        for id, node in net.decoder.step.named_children():
            node.register_forward_pre_hook(
                lambda _, args, kwargs, id=id: found.update((w, id) for w, v in kwargs.items() if v is not None),
                with_kwargs=True,
            )
        source, mask, target, _ = net.example()
        net.decoder.steps(net.read(source, mask), net.before(target))
        return found

    around = {("mask", "encoder"), ("mask", "bridge")}
    for name in ("gru", "no_attention", "pointer_generator", "multihead"):
        net = model(name)
        assert hidden(net, whole=True) == hidden(net) | around
        assert hidden(net, example=[1, 2, 3]) == hidden(net, schedule=True) == hidden(net) == taken(net)
    assert {("mask", "softmax"), ("keys", "a")} <= hidden(model("gru"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": True, "unroll": 2}, "schedule and unroll do not go into one picture; draw them one by one"),
        ({"expand": "a", "unroll": 2}, "expand and unroll do not go into one picture"),
        ({"expand": "a", "schedule": True}, "schedule and expand do not go into one picture"),
        ({"expand": "a", "example": [1]}, "expand and example do not go into one picture"),
        ({"unroll": 2, "example": [1]}, "unroll and example do not go into one picture"),
        ({"schedule": True, "example": [1]}, "schedule and example do not go into one picture"),
        ({"whole": True, "example": [1]}, "example and whole do not go into one picture"),
        ({"unroll": 2, "hidden": True}, "unroll and hidden do not go into one picture"),
        ({"expand": "b"}, "no operation 'b' to expand; there are a, softmax, wsum, rnn, out"),
        ({"expand": "encoder"}, "no operation 'encoder' to expand; there are a, softmax, wsum, rnn, out"),
        ({"unroll": 0}, "unrolled over 0 steps; give a number from 1 to 50"),
        ({"unroll": -2}, "unrolled over -2 steps; give a number from 1 to 50"),
        ({"unroll": 51}, "unrolled over 51 steps; give a number from 1 to 50"),
        ({"at": 2}, "at is 2, a step of a run; give an example to run"),
        ({"example": [1, 2], "at": 0}, "at is 0; the first target step is 1"),
    ],
)
def test_levels_that_exclude_each_other_or_are_not_there_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        model("gru").draw(**options)


def test_a_step_behind_the_end_is_refused_with_the_number_of_steps() -> None:
    net = model("gru")
    with torch.no_grad():
        net.decoder.step.get_submodule("out").get_submodule("W").bias[net.eos] = 1e4  # type: ignore[operator, index]
    with pytest.raises(ValueError, match=r"^the sentence has 1 target steps; there is no step 3$"):
        net.draw(example=[1, 2, 3], at=3)
