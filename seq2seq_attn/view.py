"""The levels of a model's picture, each from a real run of that model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from seq2seq_attn import code, examine, tensors
from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing import levels
from seq2seq_attn.drawing.drawing import Drawing
from seq2seq_attn.drawing.scene import Arrow, Box, Line, Scene
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.explorer import Example
from seq2seq_attn.graph import Graph, Value
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.schedule import schedule as bands_of
from seq2seq_attn.trace import Recorder, Run

if TYPE_CHECKING:
    from seq2seq_attn.seq2seq import Seq2Seq


def view(
    model: Seq2Seq,
    *,
    whole: bool,
    schedule: bool,
    expand: str | None,
    unroll: int | None,
    example: Example | None,
    at: int,
    hidden: bool,
    style: Style | None,
) -> Drawing:
    """See `Seq2Seq.draw`."""
    asked = {"schedule": schedule, "expand": expand, "unroll": unroll, "example": example}
    given = [name for name, value in asked.items() if value is not None and value is not False]
    if example is not None and whole:
        given.append("whole")
    if unroll is not None and hidden:
        given.append("hidden")
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} do not go into one picture; draw them one by one")
    if at != 1 and example is None:
        raise ValueError(f"at is {at}, a step of a run; give an example to run")
    runs = examine.record(model, unroll if unroll is not None and unroll in levels.STEPS else 3)
    graph = step = runs["evaluation"].graph()
    if whole:
        graph = examine.whole(model, step)
    title = type(model if whole else model.decoder.step).__name__
    codes = {id: code.of(type(module)) for id, module in _modules(model).items()}
    if expand is not None:
        inside = _opened(model, graph, expand, runs["evaluation"], hidden)
        scene = levels.opened(graph, expand, inside, f"{title}, {expand} opened", codes)
    elif unroll is not None:
        scene = levels.unrolled(graph, unroll, f"{title}, {unroll} steps", codes)
    elif example is not None:
        scene = _run(model, example, at, title, codes)
    else:
        bands = bands_of(graph).bands() if schedule else None
        if not hidden:
            return Drawing.of_graph(graph, title, codes=codes, bands=bands, style=style)
        scene = levels.step(Difference(graph, graph), title, bands=bands, codes=codes)
    if hidden:
        scene = _with_hidden(scene, runs["evaluation"].runs[0], whole)
    return Drawing(scene, style)


def _modules(model: Seq2Seq) -> dict[str, nn.Module]:
    """The module of each operation, by its id, those around the step included."""
    return examine.around_the_step(model) | dict(model.decoder.step.named_children())


def _opened(model: Seq2Seq, graph: Graph, id: str, recorder: Recorder, hidden: bool) -> tensors.Opened:
    """What runs in an operation when it gets what it got in the run that was recorded.

    An energy makes its keys here itself, as it would without the loop that hands them in; they change no result.
    """
    if id not in graph.operations:
        raise ValueError(f"no operation {id!r} to expand; there are {', '.join(graph.operations)}")
    operation = graph.operations[id]
    words = [graph.values[source].word for source in operation.inputs]
    calls = {call.id: (call.args, call.kwargs) for call in recorder.runs[0].calls}
    with examine.left_alone(model):
        model.eval()
        args, kwargs = calls[id] if id in calls else (_outside(model)[id], {})
        if not hidden:
            kwargs = {word: value for word, value in kwargs.items() if word != "keys"}
        words += ["mask"] * (len(args) - len(words))  # of the encoder and the bridge
        return tensors.record(_modules(model)[id], args, kwargs, words, hidden=hidden)


@torch.no_grad()
def _outside(model: Seq2Seq) -> dict[str, tuple[Tensor, ...]]:
    """What the modules around the step get of the model's example."""
    source, source_mask, target, _ = model.example()
    embedded = model.embed_source(source)
    encoder_hidden = model.encoder(embedded, source_mask)
    return {
        "embed_source": (source,),
        "encoder": (embedded, source_mask),
        "bridge": (encoder_hidden, model.encoder.hidden_mask(source_mask)),
        "embed_target": (model.before(target)[:, 0],),
    }


def _run(
    model: Seq2Seq,
    example: Example,
    at: int,
    title: str,
    codes: Mapping[str, Code],
) -> Scene:
    """One step of a greedy decode, with its numbers."""
    if at < 1:
        raise ValueError(f"at is {at}; the first target step is 1")
    device = model.embed_source.weight.device
    row = example.symbols.to(device)[None]
    with examine.left_alone(model), Recorder(model.decoder.step) as recorder:
        decoded = model.eval().greedy(row, torch.ones_like(row, dtype=torch.bool), max_length=at)
    if len(recorder.runs) < at:
        raise ValueError(f"the sentence has {len(recorder.runs)} target steps; there is no step {at}")
    graph, ran = recorder.graph(), recorder.runs[-1]
    words = ran.given | ran.returned
    values = {value.id: _shown(value, visible(words[value.word])) for value in graph.values.values()}
    weights: Tensor | None = words.get("attn_weights")
    if weights is not None:
        weights = weights[0].mean(dim=0) if weights.dim() == 3 else weights[0]
    written = int(decoded.symbols[0, -1])
    probability = torch.softmax(ran.returned["output"][0], dim=-1)[written].item()
    caption = f"step {at}: writes {example.written(written)} with probability {probability:.2f}"
    return levels.run(
        graph,
        f"{title}, step {at} of a run",
        values,
        source=example.positions(model),
        weights=None if weights is None else weights.tolist(),
        caption="; ".join(filter(None, (caption, example.lacking()))),
        codes=codes,
    )


def _shown(value: Value, tensor: Tensor) -> levels.Shown:
    """Its numbers; of several heads their mean, of several numbers at each position how long each position's row is."""
    numbers = tensor[0].float()
    if "k" in value.axes:
        numbers = numbers.mean(dim=0)
    elif numbers.dim() > 1:
        numbers = numbers.norm(dim=-1)
    return levels.Shown(tuple(tensor.shape), tuple(numbers.flatten().tolist()))


def _with_hidden(scene: Scene, run: Run, whole: bool) -> Scene:
    """The scene with what no diagram shows: what nodes were handed by keyword, and the mask of encoder and bridge."""
    boxes = {box.id for box in scene.boxes}
    readers: dict[tuple[str, str], None] = {}
    if whole:
        readers |= {("mask", id): None for id in ("encoder", "bridge")}
    readers |= {(word, call.id): None for call in run.calls for word, value in call.kwargs.items() if value is not None}
    shown = {(word, id) for word, id in readers if id in boxes}
    meaning = {"mask": "which positions are real", "keys": "what an energy makes of h_j once a sentence"}
    added = [
        Box(f"hidden-{word}", "hidden", (Line(word),), meaning.get(word, word))
        for word in dict.fromkeys(word for word, _ in readers)
        if any(word == other for other, _ in shown)
    ]
    arrows = [Arrow(f"hidden-{word}", id, "hidden") for word, id in readers if (word, id) in shown]
    return replace(scene, boxes=(*scene.boxes, *added), arrows=(*scene.arrows, *arrows))
