"""From the program back to the picture: record what really ran, and give the graph of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.graph import Graph, GraphError, Operation
from seq2seq_attn.wiring import Wiring, kind_of


class TraceError(ValueError):
    """A step that does more than hand values from node to node, so that no picture could be true of it."""


@dataclass
class Call:
    """One run of a node: its id in the step, the module, its arguments and its result, the very objects."""

    id: str
    node: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any


@dataclass
class Run:
    """One run of the step: what it was given by name, the runs of its nodes in order, what it returned by name."""

    given: dict[str, Any]
    calls: list[Call] = field(default_factory=list)
    returned: dict[str, Any] = field(default_factory=dict)


class Recorder:
    """Listens to a step while it is open, through forward hooks; what runs is not changed by it.

    ``runs`` holds every run with its tensors, and a copy of each is kept to find out what changes between the nodes and
    between the steps: record a few steps and not a corpus.

    Args:
        step: the wiring to listen to.

    Example:
        >>> from seq2seq_attn.graph import Value
        >>> from seq2seq_attn.nodes import WeightedSum
        >>> from seq2seq_attn.wired import Wired
        >>> picture = Graph(
        ...     [Value.parse("w_{j} weights"), Value.parse("h_{j} memory"), Value.parse("c_{i} context")],
        ...     [Operation("wsum", "weighted_sum", ("w_j", "h_j"), "c_i")],
        ... )
        >>> step = Wired(picture, {"wsum": WeightedSum()})
        >>> with Recorder(step) as recorder:
        ...     result = step(torch.ones(2, 3), torch.ones(2, 3, 5))
        >>> recorder.graph() == picture
        True
    """

    def __init__(self, step: Wiring) -> None:
        self.step = step
        self.runs: list[Run] = []
        self._copies: dict[int, Tensor] = {}
        self._handles: list[Any] = []
        self._graph: Graph | None = None

    def __enter__(self) -> Recorder:
        self._graph = None
        self._handles = [
            self.step.register_forward_pre_hook(self._begin, with_kwargs=True),
            self.step.register_forward_hook(self._end),
        ]
        ids: dict[nn.Module, str] = {}
        for id, node in self.step._modules.items():
            if node is None:
                continue
            if (twin := ids.setdefault(node, id)) != id:
                self.__exit__()
                raise TraceError(f"operations {twin} and {id} are one module; no recorder can tell their runs apart")
            self._handles.append(node.register_forward_hook(partial(self._call, id), with_kwargs=True))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def graph(self) -> Graph:
        """The graph of what ran, the same in every run.

        Raises:
            TraceError: nothing ran; a value that was made, changed or hidden between the nodes; a node that ran twice;
                runs that differ.
        """
        if self._graph is not None:
            return self._graph
        if not self.runs:
            raise TraceError(f"{type(self.step).__name__} did not run while it was recorded")
        first, *others = (_graph(self.step, run) for run in self.runs)
        for number, graph in enumerate(others, start=2):
            if differences := graph.diff(first, f"step {number}", "step 1"):
                raise TraceError(f"the steps of one sentence differ: {'; '.join(differences)}")
        self._graph = None if self._handles else first  # more may run while it is open
        return first

    def check_handed_on(self) -> None:
        """Require that each value of one run (s_i) is the object given as its past (s_{i-1}) to the next.

        The output is left out: the decoder chooses a symbol by it, and embeds that.

        Raises:
            TraceError: a state that was not handed on.
        """
        for now, before in self.graph().recurrences:
            for number, (run, following) in enumerate(zip(self.runs, self.runs[1:], strict=False), start=1):
                if now.word != "output" and run.returned[now.word] is not following.given[before.word]:
                    raise TraceError(f"'{now}' of step {number} is not '{before}' of step {number + 1}")

    def _begin(self, step: Wiring, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.runs.append(Run(dict(zip(step.arguments(), args, strict=False)) | kwargs))
        self._check_unchanged(self.runs[-1].given, "an argument")

    def _call(self, id: str, node: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        self.runs[-1].calls.append(Call(id, node, args, kwargs, result))
        self._check_unchanged((args, kwargs), f"an argument of node {id}")
        self._check_unchanged(result, f"the result of node {id}")

    def _end(self, step: Wiring, args: tuple[Any, ...], result: Any) -> None:
        if not hasattr(result, "_asdict"):
            kind, name = type(result).__name__, type(self.step).__name__
            raise TraceError(f"{name} returns a {kind}; return a named tuple, whose fields say what each value is")
        self.runs[-1].returned = dict(result._asdict())
        self._check_unchanged((self.runs[-1].given, self.runs[-1].returned), "a value")

    def _check_unchanged(self, values: Any, what: str) -> None:
        """Compare with what each tensor was at first sight: an operation in place leaves no object to be known by."""
        for tensor in _tensors(values):
            if id(tensor) not in self._copies:
                self._copies[id(tensor)] = tensor.detach().clone()
            elif not torch.equal(self._copies[id(tensor)].nan_to_num(), tensor.detach().nan_to_num()):
                raise TraceError(
                    f"{what} was changed in place, {tuple(tensor.shape)}; no arrow shows that. Make it a node's result."
                )


def trace(step: Wiring, *args: Any, **kwargs: Any) -> Graph:
    """Run a step once, as given, and return the graph of what ran.

    Raises:
        TraceError: see `Recorder.graph`.
    """
    with Recorder(step) as recorder, torch.no_grad():
        step(*args, **kwargs)
    return recorder.graph()


def _graph(step: Wiring, run: Run) -> Graph:
    name, arguments = type(step).__name__, step.arguments()
    legend = {value.word: value for value in step.legend}
    for word in (*arguments, *run.returned):
        if word not in legend:
            raise TraceError(f"{name} calls a value {word!r}, which is not in its legend: {', '.join(legend)}")
    words = [word for word in arguments if word in run.given]
    known: dict[int, str] = {}  # the identity of each object, and its word
    for word in words:
        if (twin := known.setdefault(id(run.given[word]), word)) != word:
            raise TraceError(f"{name} was given one object as {twin} and as {word}; no recorder can tell them apart")
    hidden = {id(value) for word, value in run.given.items() if word not in words}
    results = {id(value): word for word, value in run.returned.items()}
    operations: dict[str, Operation] = {}
    for call in run.calls:
        if call.id in operations:
            raise TraceError(f"node {call.id} ran twice in one step; the picture has one operation of that id")
        for position, argument in enumerate(call.args, start=1):
            if id(argument) not in known:
                raise TraceError(
                    f"argument {position} of node {call.id} was neither given to {name} nor made by a node: "
                    f"something happens between the nodes. Make it a node, and draw it."
                )
        for keyword, argument in call.kwargs.items():
            if id(argument) in known and argument is not None:
                raise TraceError(
                    f"node {call.id} is handed {known[id(argument)]} as {keyword}=; an arrow is positional"
                )
            if id(argument) not in hidden and argument is not None:
                raise TraceError(f"{keyword}= of node {call.id} is not what {name} was given: something happens to it")
        if id(call.result) in known:
            raise TraceError(f"node {call.id} returns {known[id(call.result)]} itself; return a new tensor")
        if id(call.result) not in results:
            raise TraceError(f"{name} does not return the result of node {call.id}, so that it has no name")
        known[id(call.result)] = results[id(call.result)]
        inputs = tuple(legend[known[id(argument)]].id for argument in call.args)
        operations[call.id] = Operation(call.id, kind_of(call.node), inputs, legend[known[id(call.result)]].id)
    for word, value in run.returned.items():
        if known.get(id(value)) != word:
            raise TraceError(f"{word} of {name} was not made by a node: something happens after it")
    used = {id for operation in operations.values() for id in (*operation.inputs, operation.output)}
    try:
        return Graph([value for value in step.legend if value.id in used], operations.values())
    except GraphError as error:
        raise TraceError(f"{name} ran as no diagram can: {error}") from None


def _tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in a value, a tuple of them or a mapping."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
