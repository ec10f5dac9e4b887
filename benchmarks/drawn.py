"""One picture of a model by one tool: its nodes, edges, seconds, bytes, and what of the specification is found in it.

    python benchmarks/drawn.py TOOL MODEL SYMBOLS OUT     # a process a picture, started by drawing.py

It writes OUT.dot and OUT.svg with the ``dot`` on the PATH, and prints one line of JSON. Every tool draws a source of 3
symbols first, as a warm-up; ``seconds`` is the run of the model, the drawing and the SVG.

What is found is read from the DOT that a tool has written, by one rule for all, ours included:

- a node or a box (a Graphviz cluster) *says* the first word of each line of its label, without "@"; a node in a box
  also says box/word. ``softmax_1_110`` and ``SoftmaxBackward0`` also say ``softmax()``, the tensor operation;
- an *operation* is found if one of its names (its module's path, its id, its class, its usual tensor operation) is said
  by exactly one node or box; what lies inside of a box that says it too does not count a second time;
- a *value* is found if its word, alone or behind ``input.`` or ``output.``, is said by exactly one node or box;
- an *arrow* out of an operation is found if a path of edges leads from it to the value; an arrow into an operation if
  one leads there from the value or from what made it. An input is made by the encoder, the embedding of the target, the
  bridge, or the operation that made it a step before. No path may lead through another of these that was found;
- a *recurrence* is found if a path leads from the value, or from what made it, to the value of the next step, or, where
  that is not found, to each operation that reads it. No path may lead through another operation found.
"""

from __future__ import annotations

import html
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pygraphviz
import torch

from seq2seq_attn import Batch, Seq2Seq
from seq2seq_attn.cipher import encrypted_batch, random_message
from seq2seq_attn.graph import Graph

LIMIT = 120  # seconds for one picture
TENSORS = {"a": "tanh()", "softmax": "softmax()", "wsum": "bmm()", "rnn": "grucell()", "out": "linear()"}
Names = Mapping[str, Collection[str]]


class Picture(NamedTuple):
    """What a DOT text shows.

    Attributes:
        places: what each node and each box says, and the nodes that it is or holds.
        edges: the heads of the edges out of each node; invisible edges are none, and backward ones are turned.
        counts: numbers of nodes and of edges.
    """

    places: list[tuple[set[str], frozenset[str]]]
    edges: dict[str, set[str]]
    counts: tuple[int, int]


def read(dot: str) -> Picture:
    """Read a DOT text.

    Raises:
        ValueError: a text that is none.
    """
    graph = pygraphviz.AGraph(string=dot)
    boxes = [(says(box.graph_attr["label"]), frozenset(box.nodes())) for box in _boxes(graph)]
    places = list(boxes)
    for node in graph.nodes():
        words = says(node.attr["label"])
        within = {f"{outer}/{word}" for said, nodes in boxes if node in nodes for outer in said for word in words}
        places.append((words | within, frozenset({node})))
    edges: dict[str, set[str]] = {}
    visible = [edge for edge in graph.edges() if edge.attr["style"] != "invis"]
    for edge in visible:
        tail, head = reversed(edge) if edge.attr["dir"] == "back" else edge
        edges.setdefault(tail, set()).add(head)
    return Picture(places, edges, (len(graph.nodes()), len(visible)))


def says(label: str | None) -> set[str]:
    """The first word of each line of a label, and the tensor operation that it stands for."""
    said = set[str]()
    for line in re.split(r"(?i)<br[^>]*>|</t[dr]>|\\[nlr]|\n", label or ""):
        if words := html.unescape(re.sub(r"<[^>]*>", "", line)).split():
            word = words[0].lstrip("@").removeprefix("owner.")  # torchlens' name for the owner of a traced method
            tensor = re.fullmatch(r"_?([A-Za-z]\w*?)((_\d+)+|Backward\d*)", word)
            said |= {word, tensor[1].lower().replace("_", "") + "()"} if tensor else {word}
    return said


def place(picture: Picture, names: Iterable[str]) -> frozenset[str] | None:
    """The nodes that stand for what has these names: the one place that says the first of them said by exactly one."""
    for name in names:
        hits = {nodes for words, nodes in picture.places if name in words}
        hits = {nodes for nodes in hits if not any(nodes < other for other in hits)}
        if len(hits) == 1:
            return hits.pop()
    return None


def leads(edges: Mapping[str, set[str]], start: frozenset[str], goal: frozenset[str], closed: frozenset[str]) -> bool:
    """Whether a path of at least one edge leads from ``start`` to ``goal`` past ``closed``; inside a box is none."""
    seen, waiting = set[str](), list(start)
    while waiting:
        tail = waiting.pop()
        for head in edges.get(tail, ()):
            inside = head != tail and {head, tail} <= start & goal
            if head in goal and not inside:
                return True
            if head not in seen and head not in closed:
                seen.add(head)
                waiting.append(head)
    return False


def found(picture: Picture, graph: Graph, operations: Names, makers: Names) -> dict[str, list[str]]:
    """The operations, values, arrows and recurrences of a specification that a picture shows, by the rule above.

    Args:
        picture: to look at.
        graph: the specification.
        operations: the names of each operation, by its id.
        makers: the names of what makes an input, by the input's word.
    """
    nothing = frozenset[str]()
    steps = {id: place(picture, operations[id]) for id in graph.operations}
    outside = {word: place(picture, names) for word, names in makers.items()}
    values = {
        value.id: place(picture, (f"{prefix}{value.word}" for prefix in ("", "input.", "output.")))
        for value in graph.values.values()
    }
    before = {earlier.id: now.id for now, earlier in graph.recurrences}

    def origin(id: str) -> frozenset[str]:
        """The value itself, and what made it."""
        maker = graph.maker(before.get(id, id))
        made = steps[maker.id] if maker else None
        return (values[id] or nothing) | (made or nothing) | (outside.get(graph.values[id].word) or nothing)

    def shows(start: frozenset[str], goal: frozenset[str] | None, past: Iterable[frozenset[str] | None]) -> bool:
        closed = nothing.union(*(nodes for nodes in past if nodes))
        return goal is not None and leads(picture.edges, start, goal, closed)

    arrows = []
    for source, target in graph.arrows:
        start = (steps[source] or nothing) if source in steps else origin(source)
        goal = values[target] if source in steps else steps[target]
        if shows(start, goal, (*steps.values(), *outside.values())):
            arrows.append(f"{source} → {target}")
    recurrences = []
    for now, earlier in graph.recurrences:
        readers = [steps[id] for id, operation in graph.operations.items() if earlier.id in operation.inputs]
        goals = [values[earlier.id]] if values[earlier.id] else readers
        if all(shows(origin(now.id), goal, steps.values()) for goal in goals):
            recurrences.append(f"{now.id} → {earlier.id}")
    return {
        "operations": [id for id, nodes in steps.items() if nodes],
        "arrows": arrows,
        "recurrences": recurrences,
        "values": [id for id, nodes in values.items() if nodes],
    }


def names_of(model: Seq2Seq) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What a picture may call each operation of the step, by its id, and what makes each input, by the input's word."""
    step = model.decoder.step
    operations = {
        id: [
            f"decoder.step.{id}",
            f"step.{id}",
            id,
            type(step.get_submodule(id)).__name__,
            *TENSORS.get(id, "").split(),
        ]
        for id in step.specification().operations
    }
    makers = {
        "encoder_hidden": ["encoder", type(model.encoder).__name__],
        "prev_output": ["decoder.embed_target", "embed_target", "Decoder/Embedding"],
        "prev_decoder": ["bridge", type(model.bridge).__name__],
    }
    return operations, makers


def with_torchviz(model: Seq2Seq, batch: Batch, out: Path) -> None:
    made = import_module("torchviz").make_dot(model(*batch).output, params=dict(model.named_parameters()))
    write(made.source, out)


def with_torchview(model: Seq2Seq, batch: Batch, out: Path) -> None:
    options = {"roll": True, "expand_nested": True, "depth": 3, "device": "cpu"}
    write(import_module("torchview").draw_graph(model, input_data=list(batch), **options).visual_graph.source, out)


def with_torchlens(model: Seq2Seq, batch: Batch, out: Path, **options: Any) -> None:
    draw_trace(import_module("torchlens").trace(model, list(batch)), out, **options)


def greedily_with_torchlens(model: Seq2Seq, batch: Batch, out: Path) -> None:
    given = {"max_length": batch.target.shape[1]}
    trace = import_module("torchlens").trace(model.greedy, list(batch[:2]), input_kwargs=given)
    draw_trace(trace, out, vis_mode="rolled", vis_call_depth=4)


def step_with_torchviz(model: Seq2Seq, batch: Batch, out: Path) -> None:
    step, given = model.decoder.step, arguments(model, batch)
    named = dict(step.named_parameters()) | {word: value for word, value in given.items() if value.requires_grad}
    write(import_module("torchviz").make_dot(step(**given).output, params=named).source, out)


def step_with_torchview(model: Seq2Seq, batch: Batch, out: Path) -> None:
    options = {"roll": True, "depth": 1, "device": "cpu"}
    made = import_module("torchview").draw_graph(model.decoder.step, input_data=arguments(model, batch), **options)
    write(made.visual_graph.source, out)


def step_with_torchlens(model: Seq2Seq, batch: Batch, out: Path) -> None:
    trace = import_module("torchlens").trace(model.decoder.step, input_kwargs=arguments(model, batch))
    draw_trace(trace, out, vis_mode="rolled", vis_call_depth=1)


def with_ours(model: Seq2Seq, batch: Batch, out: Path, **options: Any) -> None:
    drawing = model.draw(out.with_suffix(".svg"), **options)
    drawing.save(out.with_suffix(".dot"))


def run_with_ours(model: Seq2Seq, batch: Batch, out: Path) -> None:
    with_ours(model, batch, out, example=batch.source[0])


def draw_trace(trace: Any, out: Path, **options: Any) -> None:
    """torchlens writes its SVG itself."""
    drawn = trace.draw(vis_outpath=str(out), vis_fileformat="svg", vis_save_only=True, return_graph=True, **options)
    out.with_suffix(".dot").write_text(drawn.source, encoding="utf-8")


def arguments(model: Seq2Seq, batch: Batch) -> dict[str, torch.Tensor]:
    """What the first step is called with, as leaves that ask for a gradient, so that torchviz can name them."""
    sentence = model.read(batch.source, batch.source_mask)
    given = {
        "prev_output": model.decoder.embed_target(model.before(batch.target)[:, 0]),
        "prev_decoder": sentence.state,
        "encoder_hidden": sentence.encoder_hidden,
    }
    leaves = {word: value.detach().clone().requires_grad_() for word, value in given.items()}
    return leaves | {"mask": sentence.mask}


def write(dot: str, out: Path) -> None:
    out.with_suffix(".dot").write_text(dot, encoding="utf-8")
    command = ["dot", "-Tsvg", "-o", str(out.with_suffix(".svg"))]
    subprocess.run(command, input=dot.encode(), stderr=subprocess.DEVNULL, check=True)


TOOLS: dict[str, Callable[[Seq2Seq, Batch, Path], None]] = {
    "torchviz": with_torchviz,
    "torchview": with_torchview,
    "torchlens": partial(with_torchlens, vis_mode="rolled", vis_call_depth=3),
    "torchlens-auto": partial(with_torchlens, collapse="auto"),
    "torchlens-greedy": greedily_with_torchlens,
    "ours-whole": partial(with_ours, whole=True),
    "ours-run": run_with_ours,
    "torchviz-step": step_with_torchviz,
    "torchview-step": step_with_torchview,
    "torchlens-step": step_with_torchlens,
    "ours": with_ours,
}


def _boxes(graph: Any) -> Iterator[Any]:
    for box in graph.subgraphs():
        if str(box.name).startswith("cluster"):
            yield box
        yield from _boxes(box)


def _out_of_time(*_: object) -> None:
    raise TimeoutError


def main(tool: str, folder: str, symbols: int, out: Path) -> None:
    torch.set_num_threads(1)
    model = Seq2Seq.from_pretrained(folder)
    model.decoder.step.register_forward_hook(lambda *_: None)  # listened to, the step runs in the plain loop
    random = Random(0)
    short, batch = (encrypted_batch([random_message(size, random)], 13) for size in (3, symbols))
    TOOLS[tool](model, short, out.with_name("warm-up"))
    seconds = None
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(LIMIT)
    try:
        begin = time.perf_counter()
        TOOLS[tool](model, batch, out)
        seconds = time.perf_counter() - begin
    except TimeoutError:
        out.with_suffix(".svg").unlink(missing_ok=True)
    signal.alarm(0)
    row: dict[str, Any] = {"seconds": seconds, "limit": LIMIT}
    if seconds is not None:
        row["bytes"] = out.with_suffix(".svg").stat().st_size
    if out.with_suffix(".dot").exists():
        picture = read(out.with_suffix(".dot").read_text(encoding="utf-8"))
        row["nodes"], row["edges"] = picture.counts
        row |= found(picture, model.specification(), *names_of(model))
    print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
