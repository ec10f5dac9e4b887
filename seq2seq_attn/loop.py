"""The loop over target steps: step by step, or with all that can leave the loop outside of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.graph import Graph, Operation
from seq2seq_attn.nodes import State
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.schedule import Schedule, schedule
from seq2seq_attn.trace import Recorder, TraceError
from seq2seq_attn.wiring import Wiring


class Sentence(NamedTuple):
    """What the decoder is given of a batch of sources: the same at every step, but for the state, which begins there.

    Attributes:
        encoder_hidden: h_j, (B, S, M).
        mask: (B, S) bool, True = real.
        source: x_j, the source symbols, (B, S) int64.
        state: s_0, the state before the first step; None for a step that carries no s.
    """

    encoder_hidden: Tensor
    mask: Tensor
    source: Tensor
    state: State | None


class Loop:
    """A step, again and again: what it is given of a sentence, and what one step hands on to the next.

    Called with y_{i-1}, it runs one step, keeps what the next one needs, and returns all values that were made.

    Args:
        step: the wiring of one step.
        sentence: what does not change.

    Raises:
        ValueError: a value that is handed on, and that nothing stands for before the first step; an argument that
            nothing gives.
    """

    def __init__(self, step: Wiring, sentence: Sentence) -> None:
        self.step = step
        graph, words = step.specification(), step.arguments()
        self.reads_output = "prev_output" in words
        self.handed_on = {b.word: now.word for now, b in graph.recurrences if now.word != "output" and b.word in words}
        self.constant = {word: getattr(sentence, word) for word in ("encoder_hidden", "source") if word in words}
        self.first = {
            before.word: _first(step, graph.maker(now.id), f"{before}", now.symbol, sentence)
            for now, before in graph.recurrences
            if before.word in self.handed_on
        }
        if unknown := set(words) - self.handed_on.keys() - self.constant.keys() - {"prev_output"}:
            raise ValueError(
                f"nothing gives {type(step).__name__} the value {', '.join(sorted(unknown))}: a model has "
                f"prev_output, encoder_hidden, source, and what a step before has made"
            )
        hidden = {"mask": sentence.mask, "keys": None}
        if "keys" in step.keywords():
            hidden["keys"] = step.keys(sentence.encoder_hidden)
        self.hidden = {word: value for word, value in hidden.items() if word in step.keywords()}
        self.carried: dict[str, Any] = dict(self.first)

    def __call__(self, prev_output: Tensor) -> Any:
        """One step with y_{i-1}, (B, E)."""
        given = {"prev_output": prev_output} if self.reads_output else {}
        result = self.step(**given, **self.constant, **self.carried, **self.hidden)
        self.carried = {before: getattr(result, now) for before, now in self.handed_on.items()}
        return result

    def plain(self, prev_outputs: Tensor) -> Any:
        """Every step in turn; ``prev_outputs`` is (B, T, E), and each value of the result has an axis T behind B."""
        steps = [self(prev_output) for prev_output in prev_outputs.unbind(dim=1)]
        return type(steps[0])(*(_stack(column) for column in zip(*steps, strict=True)))

    def scheduled(self, prev_outputs: Tensor, plan: Plan) -> Any:
        """The same values as `plain`, each operation where the plan has it."""
        values: dict[str, Any] = {}
        for value in plan.graph.inputs:
            if value.word == "prev_output":
                values[value.id] = prev_outputs
            elif value.word in self.constant:
                values[value.id] = self.constant[value.word]
        run = _Bands(self, plan, values, prev_outputs.shape[1])
        for id in plan.schedule.before:
            run.all_steps(id)
        if plan.schedule.inside:
            run.inside(plan.schedule.inside)
        for id in plan.schedule.after:
            run.all_steps(id)
        words = {value.word: value.id for value in plan.graph.values.values()}
        return plan.result(*(run.result(words[word]) for word in plan.result._fields))


class Plan(NamedTuple):
    """How a step can be run band by band, found out by recording it once.

    Attributes:
        graph: what ran.
        schedule: its bands.
        hidden: what each node was handed by keyword: by operation, keyword → name in the wiring.
        result: the type of the step's result.
    """

    graph: Graph
    schedule: Schedule
    hidden: Mapping[str, Mapping[str, str]]
    result: Any


def plan(step: Wiring, sentence: Sentence, prev_output: Tensor) -> Plan | None:
    """Record one step, leaving no trace of it; None for a step that no picture is true of: it can only be looped."""
    devices = [prev_output.device] if prev_output.is_cuda else []
    loop = Loop(step, _copied(sentence))
    try:
        with torch.random.fork_rng(devices=devices), Recorder(step) as recorder:
            result = loop(_copied(prev_output))
        graph = recorder.graph()
    except TraceError:
        return None
    axes = {id: value.axes for id, value in graph.values.items()}
    for operation in graph.operations.values():
        if "i" not in axes[operation.output] and any("i" in axes[id] for id in operation.inputs):
            return None  # one for each step, whatever its subscript says
    names = {id(value): name for name, value in loop.hidden.items() if value is not None}
    hidden = {
        call.id: {word: names[id(value)] for word, value in call.kwargs.items() if value is not None}
        for call in recorder.runs[0].calls
    }
    return Plan(graph, schedule(graph), hidden, type(result))


class _Bands:
    """One run, band by band: ``values`` holds each value by id, with an axis T behind B if there is one a step.

    ``columns`` holds the states, step by step, of which ``values`` has only what most nodes read.
    """

    def __init__(self, loop: Loop, plan: Plan, values: dict[str, Any], steps: int) -> None:
        self.loop, self.plan, self.values, self.steps = loop, plan, values, steps
        self.columns: dict[str, list[Any]] = {}
        self.past = {before.id: now.id for now, before in plan.graph.recurrences if before.word in loop.handed_on}
        self.first = {
            before.id: loop.first[before.word] for _, before in plan.graph.recurrences if before.id in self.past
        }

    def all_steps(self, id: str) -> None:
        """Run an operation for all steps at once; a node that cannot, step by step; what needs no step, once."""
        operation, node, hidden = self.plan.graph.operations[id], self._node(id), self._hidden(id)
        has_steps = any(map(self._has_steps, operation.inputs))
        if has_steps and not getattr(node, "all_steps", False):
            rows = zip(*map(self._column, operation.inputs), strict=True)
            self._keep(operation.output, [node(*row, **hidden) for row in rows])
            return
        made = node(*map(self._whole, operation.inputs), **hidden)
        if has_steps or not self._has_steps(operation.output):
            self.values[operation.output] = made
        else:
            self._keep(operation.output, [made] * self.steps)

    def result(self, id: str) -> Tensor:
        """A value as the loop returns it, with an axis T whatever it is."""
        value = visible(self.values[id])
        return value if self._has_steps(id) else torch.stack([value] * self.steps, dim=1)

    def inside(self, ids: Sequence[str]) -> None:
        """Run the operations that wait for each other, step by step; a recurrent node alone, as one call."""
        operations = [self.plan.graph.operations[id] for id in ids]
        if len(operations) == 1 and (sequence := self._sequence(operations[0])):
            self.values[operations[0].output] = sequence()
            return
        calls = [(operation, self._node(operation.id), self._hidden(operation.id)) for operation in operations]
        made = {operation.output for operation in operations}
        slices = {
            id: self._column(id)
            for operation in operations
            for id in operation.inputs
            if id not in made and self.past.get(id) not in made and self._has_steps(id)
        }
        carried = {before: self.first[before] for before, now in self.past.items() if now in made}
        columns: dict[str, list[Any]] = {id: [] for id in made}
        for step in range(self.steps):
            now = {**self.values, **{id: column[step] for id, column in slices.items()}, **carried}
            for operation, node, hidden in calls:
                now[operation.output] = node(*(now[id] for id in operation.inputs), **hidden)
                columns[operation.output].append(now[operation.output])
            carried = {before: now[self.past[before]] for before in carried}
        for id, column in columns.items():
            self._keep(id, column)

    def _sequence(self, operation: Operation) -> Callable[[], Tensor] | None:
        """A recurrent node that waits for itself only, as one call; None for another, or one that is listened to."""
        node = self._node(operation.id)
        own = [id for id in operation.inputs if self.past.get(id) == operation.output]
        if not hasattr(node, "sequence") or node._forward_hooks or node._forward_pre_hooks:
            return None
        if not isinstance(self.first[own[0]], Tensor) and self._is_read_in_parts(operation):
            return None
        arguments = [self.first[id] if id in own else self._whole(id) for id in operation.inputs]
        return lambda: node.sequence(*arguments, **self._hidden(operation.id))

    def _is_read_in_parts(self, operation: Operation) -> bool:
        """Whether a node takes this one's state as it is, at each step: another recurrent one, for its own."""
        return any(
            operation.output in (id, self.past.get(id)) and not getattr(self._node(reader.id), "all_steps", False)
            for reader in self.plan.graph.operations.values()
            if reader.id != operation.id
            for id in reader.inputs
        )

    def _keep(self, id: str, column: list[Any]) -> None:
        """Put what one value was at every step among the values."""
        self.values[id] = _stack(column)
        if not isinstance(column[0], Tensor):
            self.columns[id] = column

    def _column(self, id: str) -> list[Any]:
        """A value at every step, as a node takes it there; one that does not change is the same at all."""
        if id in self.past:
            return [self.first[id], *self._column(self.past[id])[:-1]]
        if id in self.columns:
            return self.columns[id]
        value = self.values[id]
        return list(value.unbind(dim=1)) if self._has_steps(id) else [value] * self.steps

    def _whole(self, id: str) -> Any:
        """A value of all steps; one of the step before is the other, moved by one, behind what stands for the first."""
        if id not in self.past:
            return self.values[id]
        now = self.values[self.past[id]]
        return torch.cat([visible(self.first[id])[:, None], now[:, :-1]], dim=1)

    def _has_steps(self, id: str) -> bool:
        return "i" in self.plan.graph.values[id].axes

    def _node(self, id: str) -> Any:
        return self.loop.step.get_submodule(id)

    def _hidden(self, id: str) -> dict[str, Any]:
        return {word: self.loop.hidden[name] for word, name in self.plan.hidden[id].items()}


def _first(step: Wiring, maker: Operation | None, name: str, symbol: str, sentence: Sentence) -> Any:
    """What stands for a value before the first step: the bridge's state for s, what its node says for another."""
    if symbol == "s" and sentence.state is not None:
        return sentence.state
    node: Any = step.get_submodule(maker.id) if maker else None
    if node is None or not hasattr(node, "initial"):
        raise ValueError(
            f"'{name}' has no initial value: {type(node).__name__} does not say what stands before the first step. "
            f"Give its class a method initial(encoder_hidden)."
        )
    return node.initial(sentence.encoder_hidden)


def _copied(value: Any) -> Any:
    """The same numbers in other tensors, so that a step that changes what it is given changes these."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return type(value)(*map(_copied, value)) if isinstance(value, tuple) else value


def _stack(column: Sequence[Any]) -> Tensor:
    """What one value was at every step, (B, T, …); of a state, what other nodes read."""
    return torch.stack([visible(value) for value in column], dim=1)
