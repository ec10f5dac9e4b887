"""One run of a step over all target steps, band by band: before the loop, inside it, after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from seq2seq_attn.graph import Graph, Operation
from seq2seq_attn.nodes.state import visible
from seq2seq_attn.schedule import Schedule

if TYPE_CHECKING:
    from seq2seq_attn.loop import Loop


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

    def takes_rows(self, step: nn.Module) -> bool:
        """Whether the step's nodes take an axis of rows behind B that know nothing of each other: several hypotheses.

        With ``all_steps`` an axis of steps, all of them given, is that already. What is made for each step of h_j alone
        would lack the axis.
        """
        for operation in self.graph.operations.values():
            node = step.get_submodule(operation.id)
            has_steps = any("i" in self.graph.values[id].axes for id in operation.inputs)
            if has_steps and not (getattr(node, "all_steps", False) or getattr(node, "rows", False)):
                return False
            if not has_steps and "i" in self.graph.values[operation.output].axes:
                return False
        return True


class Bands:
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
        operation, node, hidden = self.plan.graph.operations[id], self.node(id), self.hidden(id)
        has_steps = any(map(self.has_steps, operation.inputs))
        if has_steps and not getattr(node, "all_steps", False):
            rows = zip(*map(self.column, operation.inputs), strict=True)
            self._keep(operation.output, [node(*row, **hidden) for row in rows])
            return
        made = node(*map(self.whole, operation.inputs), **hidden)
        if has_steps or not self.has_steps(operation.output):
            self.values[operation.output] = made
        else:
            self._keep(operation.output, [made] * self.steps)

    def result(self, id: str) -> Tensor:
        """A value as the loop returns it, with an axis T whatever it is."""
        value = visible(self.values[id])
        return value if self.has_steps(id) else torch.stack([value] * self.steps, dim=1)

    def inside(self, ids: Sequence[str]) -> None:
        """Run the operations that wait for each other, step by step; a recurrent node alone, as one call."""
        operations = [self.plan.graph.operations[id] for id in ids]
        if len(operations) == 1 and (sequence := self._sequence(operations[0])):
            self.values[operations[0].output] = sequence()
            return
        calls = [(operation, self.node(operation.id), self.hidden(operation.id)) for operation in operations]
        made = {operation.output for operation in operations}
        slices = {
            id: self.column(id)
            for operation in operations
            for id in operation.inputs
            if id not in made and self.past.get(id) not in made and self.has_steps(id)
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
        node = self.node(operation.id)
        own = [id for id in operation.inputs if self.past.get(id) == operation.output]
        if not hasattr(node, "sequence") or node._forward_hooks or node._forward_pre_hooks:
            return None
        if not isinstance(self.first[own[0]], Tensor) and self._is_read_in_parts(operation):
            return None
        arguments = [self.first[id] if id in own else self.whole(id) for id in operation.inputs]
        return lambda: node.sequence(*arguments, **self.hidden(operation.id))

    def _is_read_in_parts(self, operation: Operation) -> bool:
        """Whether a node takes this one's state as it is, at each step: another recurrent one, for its own."""
        return any(
            operation.output in (id, self.past.get(id)) and not getattr(self.node(reader.id), "all_steps", False)
            for reader in self.plan.graph.operations.values()
            if reader.id != operation.id
            for id in reader.inputs
        )

    def _keep(self, id: str, column: list[Any]) -> None:
        """Put what one value was at every step among the values."""
        self.values[id] = stack(column)
        if not isinstance(column[0], Tensor):
            self.columns[id] = column

    def column(self, id: str) -> list[Any]:
        """A value at every step, as a node takes it there; one that does not change is the same at all."""
        if id in self.past:
            return [self.first[id], *self.column(self.past[id])[:-1]]
        if id in self.columns:
            return self.columns[id]
        value = self.values[id]
        return list(value.unbind(dim=1)) if self.has_steps(id) else [value] * self.steps

    def whole(self, id: str) -> Any:
        """A value of all steps; one of the step before is the other, moved by one, behind what stands for the first."""
        if id not in self.past:
            return self.values[id]
        now = self.values[self.past[id]]
        return torch.cat([visible(self.first[id])[:, None], now[:, :-1]], dim=1)

    def has_steps(self, id: str) -> bool:
        return "i" in self.plan.graph.values[id].axes

    def node(self, id: str) -> Any:
        return self.loop.step.get_submodule(id)

    def hidden(self, id: str) -> dict[str, Any]:
        return {word: self.loop.hidden[name] for word, name in self.plan.hidden[id].items()}


def stack(column: Sequence[Any]) -> Tensor:
    """What one value was at every step, (B, T, …); of a state, what other nodes read."""
    return torch.stack([visible(value) for value in column], dim=1)
