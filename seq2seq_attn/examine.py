"""Looking at a model: what ran in it, in every mode, and whether that is its picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from seq2seq_attn.gradient import dead_arrows, false_keywords
from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.kinds import CELLS, find
from seq2seq_attn.trace import Recorder, TraceError
from seq2seq_attn.whole import around
from seq2seq_attn.wiring import kind_of

if TYPE_CHECKING:
    from seq2seq_attn.seq2seq import Seq2Seq


def record(model: Seq2Seq, steps: int = 3) -> dict[str, Recorder]:
    """Run the model's example in "training", in "evaluation" and in "greedy decoding", and compare what ran.

    Raises:
        TraceError: steps that no picture is true of, that differ between the modes, or that hand on something else.
    """
    source, mask, target, target_mask = model.example(steps)
    runs: dict[str, Recorder] = {}
    with left_alone(model):
        for name, training in (("training", True), ("evaluation", False)):
            model.train(training)
            with torch.set_grad_enabled(training), Recorder(model.decoder.step) as runs[name]:
                model(source, mask, target, target_mask)
        with torch.no_grad(), Recorder(model.decoder.step) as runs["greedy decoding"]:
            chosen = model.decoder.greedy(
                model.read(source, mask), bos=model.bos, eos=None, max_length=target.shape[1]
            ).symbols
    graph = runs["evaluation"].graph()
    for name, recorder in runs.items():
        recorder.check_handed_on()
        if differences := recorder.graph().diff(graph, name, "evaluation"):
            raise TraceError(f"the step is not the same everywhere: {'; '.join(differences)}")
    for number, (run, following) in enumerate(pairwise(runs["greedy decoding"].runs)):
        symbol = run.returned["output"].argmax(dim=-1)
        embedded = model.decoder.embed_target(symbol)
        given = following.given.get("prev_output", embedded)
        if not (torch.equal(symbol, chosen[:, number]) and torch.equal(given, embedded)):
            raise TraceError(f"prev_output of step {number + 2} is not the symbol chosen in step {number + 1}")
    return runs


def whole(model: Seq2Seq, step: Graph | None = None) -> Graph:
    """The graph of the whole model as it runs: what ran around the step, and how it was handed on.

    Args:
        model: to run.
        step: the graph of its step, if it was recorded already.

    Raises:
        TraceError: see `record`; a value that reaches the step on another way than through the modules around it.
    """
    step = record(model)["evaluation"].graph() if step is None else step
    calls: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def note(id: str) -> Any:
        return lambda module, args, result: calls.update({id: (args, result)})

    outside = around_the_step(model)
    handles = [module.register_forward_hook(note(id)) for id, module in outside.items()]
    source, mask, target, target_mask = model.example()
    try:
        with torch.no_grad(), left_alone(model), Recorder(model.decoder.step) as recorder:
            model(source, mask, target, target_mask)
    finally:
        for handle in handles:
            handle.remove()
    for id in outside:
        if id not in calls:
            raise TraceError(f"{id} is a part of the model, and does not run")
    first = recorder.runs[0].given
    carried = [before.word for now, before in step.recurrences if now.symbol == "s"]
    ways = [("embed_source", "encoder", calls["encoder"][0][0])]
    if "bridge" in calls:
        ways += [("encoder", "bridge", calls["bridge"][0][0])]
        ways += [("bridge", "the step", first[word]) for word in carried]
    if "encoder_hidden" in first:
        ways += [("encoder", "the step", first["encoder_hidden"])]
    for maker, reader, value in ways:
        if value is not calls[maker][1]:
            raise TraceError(f"what {reader} is given is not what {maker} gave: something happens between them")
    if "prev_output" in first and not torch.equal(first["prev_output"], calls["embed_target"][1][:, 0]):
        raise TraceError("prev_output of step 1 is not what embed_target gave for the first symbol")
    graph = around(step, kind_of(model.encoder))
    operations = [
        Operation(o.id, kind_of(outside[o.id]) if o.id in outside else o.kind, o.inputs, o.output)
        for o in graph.operations.values()
        if o.id in calls or o.id in step.operations
    ]
    used = {id for operation in operations for id in (*operation.inputs, operation.output)}
    return Graph([value for value in graph.values.values() if value.id in used], operations)


def around_the_step(model: Seq2Seq) -> dict[str, nn.Module]:
    """The modules that stand around the step in the picture of a whole model, by their ids there."""
    modules = {"embed_source": model.embed_source, "encoder": model.encoder, "bridge": model.bridge}
    modules["embed_target"] = model.decoder.embed_target
    return {id: module for id, module in modules.items() if module is not None}


def check(model: Seq2Seq, specification: Graph | None = None) -> list[str]:
    """See `Seq2Seq.check`."""
    is_whole = specification is None or "encoder" in specification.operations
    try:
        runs = record(model)
        graph = step = runs["evaluation"].graph()
        if is_whole:
            graph = whole(model, step)
    except TraceError as error:
        return [str(error)]
    if specification is None:
        specification = model.specification(whole=True)
    differences = graph.diff(specification, "the model", "the diagram")
    return (
        differences
        + false_labels(model, step)
        + dead_arrows(runs["evaluation"], runs["training"])
        + false_keywords(runs["evaluation"])
        + false_schedule(model)
    )


def false_labels(model: Seq2Seq, graph: Graph) -> list[str]:
    """Nodes that are not what they are called: another class than their text stands for, or other options."""
    found = []
    for operation in graph.operations.values():
        node = model.decoder.step.get_submodule(operation.id)
        try:
            choices = [find(graph, operation, name) for name in CELLS]
        except GraphError:
            continue  # a kind of the user's own that no register knows
        classes = {choice.kind.load() for choice in choices}
        if not any(issubclass(type(node), cls) for cls in classes):
            names = " or ".join(sorted(cls.__name__ for cls in classes))
            found.append(f"operation {operation.id}[{operation.kind}] stands for {names}, and is {type(node).__name__}")
        said = [{**choice.kind.given, **choice.options} for choice in choices]
        for name, value in said[0].items():
            actual = getattr(node, name, value)
            actual = getattr(actual, "p", actual)  # a dropout's probability
            if all(actual != one[name] for one in said):
                found.append(f"operation {operation.id}[{operation.kind}] has {name}={actual}")
    return found


def false_schedule(model: Seq2Seq) -> list[str]:
    """Values that are others when all that can leave the loop has left it, in evaluation; or why it cannot."""
    source, mask, target, _ = model.example()
    with left_alone(model), torch.no_grad():
        model.eval()
        sentence, symbols = model.read(source, mask), model.before(target)
        plain = model.decoder.steps(sentence, symbols)
        try:
            scheduled = model.decoder(sentence, symbols)
        except (RuntimeError, TypeError, ValueError) as error:
            return [f"when what can leave the loop has left it, the step does not run: {error}"]
    pairs = zip(plain._fields, plain, scheduled, strict=True)
    return [
        f"{word} is another when what can leave the loop has left it"
        for word, one, other in pairs
        if one.shape != other.shape or not torch.allclose(one, other, rtol=1e-3, atol=1e-4)
    ]


@contextmanager
def left_alone(model: nn.Module) -> Iterator[None]:
    """Look at a model and leave no trace: its modes, its buffers (a mean that runs along in training) and the random
    numbers that come next are as before when this closes.
    """
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = list({tensor.device for tensor in (*model.parameters(), *model.buffers()) if tensor.is_cuda})
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        for module, training in modes.items():
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
