"""The bands of a step, with the loop between them as one function of autograd."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_attn.bands import Bands, Plan
from seq2seq_attn.fused.lookup import Lookup
from seq2seq_attn.fused.products import linear, products
from seq2seq_attn.fused.refused import Refused
from seq2seq_attn.fused.scores import Scores
from seq2seq_attn.fused.units import Units, find, find_scores
from seq2seq_attn.fused.walk import FusedLoop, suits
from seq2seq_attn.graph import Operation
from seq2seq_attn.mask import rows_by_step
from seq2seq_attn.nodes import FeedforwardOutput, LSTMState
from seq2seq_attn.nodes.state import visible

if TYPE_CHECKING:
    from seq2seq_attn.loop import Loop


_MANY = 256  # symbols from which on torch is faster piece by piece than all at once


class FusedBands(Bands):
    """`Bands` that walks back through the loop by hand; its ``inside`` raises `Refused` for what it cannot take.

    A value may be given as a `Lookup`; it is looked up where an operation wants it whole.
    """

    compiled: ClassVar[bool] = False

    def __init__(
        self,
        loop: Loop,
        plan: Plan,
        values: dict[str, Any],
        steps: int,
        *,
        scored: bool = True,
        copies: int = 1,
        mask: Tensor | None = None,
    ) -> None:
        super().__init__(loop, plan, values, steps)
        self.scored, self.copies, self.products = scored, copies, products(compiled=self.compiled)
        self.mask = mask
        self.lookups = {id: value for id, value in values.items() if isinstance(value, Lookup)}

    def all_steps(self, id: str) -> None:
        """Run an operation for all steps at once; the one that makes scores not to its end, if none are wanted."""
        found = None if self.scored else find_scores(self, id)
        if found is None:
            super().all_steps(id)
            return
        operation, node = self.plan.graph.operations[id], self.node(id)
        if type(node) is FeedforwardOutput:
            hidden = self._readout(operation, node)
        else:
            hidden = node.last(*map(self.whole, operation.inputs))
        in_pieces = self.compiled or len(found[0]) >= _MANY
        self.values[operation.output] = Scores(hidden, *found, self.products) if in_pieces else F.linear(hidden, *found)

    def _readout(self, operation: Operation, node: FeedforwardOutput) -> Tensor:
        """Its `last`, argument by argument: none is copied beside another, and one may be looked up; steps first."""
        made: Tensor = node.hidden.bias
        values = [
            self.lookups.get(id) or visible(self.whole(id)).transpose(0, 1).flatten(0, 1) for id in operation.inputs
        ]
        sizes = [(value.weight if isinstance(value, Lookup) else value).shape[-1] for value in values]
        with torch.autocast(made.device.type, enabled=False):
            for value, columns in zip(values, torch.split_with_sizes(node.hidden.weight, sizes, dim=1), strict=True):
                if isinstance(value, Lookup):
                    looked_up = linear(self.products, None, value.weight, columns)
                    made = made + F.embedding(value.symbols.t().flatten(), looked_up)
                else:
                    made = linear(self.products, made, value.to(made.dtype), columns)
            return node.activated(made.reshape(self.steps, -1, made.shape[-1]).transpose(0, 1))

    def column(self, id: str) -> list[Any]:
        self._look_up(id)
        return super().column(id)

    def whole(self, id: str) -> Any:
        self._look_up(id)
        return super().whole(id)

    def _look_up(self, id: str) -> None:
        if isinstance(value := self.values.get(id), Lookup):
            self.values[id] = F.embedding(value.symbols, value.weight)

    def inside(self, ids: Sequence[str]) -> None:
        """Run the operations that wait for each other, step by step."""
        given = copy.copy(self)  # the way back keeps it, and must not keep what is made: each would keep the other
        given.values, given.columns = dict(self.values), dict(self.columns)
        made = Inside(given, ids, find(self, ids, {})).walk()
        self.values.update((id, value.transpose(0, 1)) for id, value in made.items())


class CompiledBands(FusedBands):
    """`FusedBands` whose steps are compiled."""

    compiled = True


class FastestBands(FusedBands):
    """`FusedBands` where they suit the loop, and else `Bands`."""

    def inside(self, ids: Sequence[str]) -> None:
        """Run the operations that wait for each other, step by step or by hand."""
        if not suits(self.loop.sentence.encoder_hidden):
            return Bands.inside(self, ids)
        try:
            super().inside(ids)
        except Refused:
            Bands.inside(self, ids)

    def all_steps(self, id: str) -> None:
        """See `FusedBands.all_steps`."""
        self.scored = self.scored or not suits(self.loop.sentence.encoder_hidden)
        super().all_steps(id)


class Inside(FusedLoop):
    """The operations inside a loop, as units."""

    def __init__(self, bands: FusedBands, ids: Sequence[str], found: Units) -> None:
        self.bands, self.ids, self.given = bands, ids, found.given
        made = [id for unit in found.units for id in unit.made]
        firsts = dict[str, Tensor]()
        for before, now in bands.past.items():
            if now in made:
                first = bands.first[before]
                firsts[f"first {now}"] = visible(first)
                if isinstance(first, LSTMState):
                    firsts[f"first {now}.cell"] = first.cell
        tensors = firsts | found.given | found.inputs
        shown = [id for id in made if id in bands.plan.graph.values]
        super().__init__(
            found.units,
            tensors,
            shown,
            bands.steps,
            len(bands.loop.sentence.mask) * bands.copies,
            bands.products,
            found.symbols,
            () if bands.mask is None else rows_by_step(bands.mask),
        )

    def again(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        bands = _Again(self.bands, self, dict(zip(self.tensors, tensors, strict=True)))
        Bands.inside(bands, self.ids)
        shown = [visible(bands.values[id]).transpose(0, 1) for id in self.shown]
        if not self.rows:
            return shown
        real = torch.arange(self.batch) < torch.tensor(self.rows)[:, None]  # (T, B)
        return [value.where(real[:, :, None].to(value.device), 0) for value in shown]


class _Again(Bands):
    """The same bands, step by step, with other tensors in the place of what the loop is given."""

    def __init__(self, bands: Bands, loop: Inside, tensors: Mapping[str, Tensor]) -> None:
        self.__dict__.update(copy.copy(bands).__dict__)
        self.columns = dict(bands.columns)
        self.values = {id: tensors.get(id, value) for id, value in bands.values.items()}
        self.given = {id: tensors[id].unbind() for id in loop.given}
        self.given |= {id: F.embedding(symbols, tensors[id]).unbind() for id, symbols in loop.symbols.items()}
        self.tensors = {original: tensors[name] for name, original in loop.tensors.items()}
        self.keys = {name.removesuffix(".keys"): tensors[name] for name in tensors if name.endswith(".keys")}
        self.first = {
            before: _first(first, tensors, f"first {bands.past[before]}") for before, first in bands.first.items()
        }

    def node(self, id: str) -> Any:
        node = super().node(id)
        weights = {name: self.tensors[weight] for name, weight in node.named_parameters() if weight in self.tensors}
        return lambda *args, **kwargs: torch.func.functional_call(node, weights, args, kwargs)

    def column(self, id: str) -> list[Any]:
        return list(self.given[id]) if id in self.given else super().column(id)

    def hidden(self, id: str) -> dict[str, Any]:
        return super().hidden(id) | ({"keys": self.keys[id]} if id in self.keys else {})


def _first(value: Any, tensors: Mapping[str, Tensor], name: str) -> Any:
    """What stands before the first step, of these tensors; the value itself, if it is not among them."""
    if isinstance(value, LSTMState):
        return LSTMState(_first(value.hidden, tensors, name), _first(value.cell, tensors, f"{name}.cell"))
    return tensors.get(name, value)
