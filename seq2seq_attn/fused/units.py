"""Which operations can run in a fused loop: exact classes of nodes, in the places that their units know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules

from seq2seq_attn.fused.attention import Attention
from seq2seq_attn.fused.cells import GRU, LSTM, Cell, Elman, ResetBefore
from seq2seq_attn.fused.layer import Layer
from seq2seq_attn.fused.refused import Refused
from seq2seq_attn.fused.run import Argument, Unit
from seq2seq_attn.graph import Operation
from seq2seq_attn.nodes import (
    ConcatEnergy,
    DotEnergy,
    ElmanStep,
    Embedding,
    FeedforwardEnergy,
    FeedforwardOutput,
    GeneralEnergy,
    GRUStep,
    LinearOutput,
    LSTMStep,
    Softmax,
    TanhLayer,
    TiedOutput,
    WeightedSum,
)
from seq2seq_attn.nodes.state import visible

if TYPE_CHECKING:
    from seq2seq_attn.fused.bands import FusedBands

_CELLS: Mapping[type, type[Cell]] = {GRUStep: GRU, LSTMStep: LSTM, ElmanStep: Elman}
_ENERGIES = (FeedforwardEnergy, ConcatEnergy, GeneralEnergy, DotEnergy)
_PARTS = (nn.Linear, nn.Dropout, nn.GRUCell, nn.LSTMCell, nn.RNNCell, nn.Embedding, Embedding)


@dataclass
class Units:
    """The units of a loop, in order, and the tensors that they are given.

    Attributes:
        units: each stands for one or several operations.
        inputs: parameters, memory and keys, by the names under which units look for them.
        given: what is known for all steps, (T, B, …), by id.
        symbols: of inputs that are looked up, (T, B) int64, by id.
    """

    units: list[Unit] = field(default_factory=list)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    given: dict[str, Tensor] = field(default_factory=dict)
    symbols: dict[str, Tensor] = field(default_factory=dict)


def find(bands: FusedBands, ids: Sequence[str], readouts: Mapping[str, str]) -> Units:
    """The units of the operations inside a loop, and of the readouts of some behind it, with what `find_readout` says.

    Raises:
        Refused: an operation that has no unit: of another class, built or wired otherwise, or listened to.
    """
    return _Finder(bands, ids).units(readouts)


def find_readout(bands: FusedBands, id: str) -> str | None:
    """Under which id t of an output is found: of a linear one the value that it reads, if the loop makes it; of another
    its readout, if it is tanh(W x + b) and all of x is there at a step."""
    graph, node = bands.plan.graph, bands.node(id)
    made = {graph.operations[inner].output for inner in bands.plan.schedule.inside}
    if type(node) is LinearOutput:
        first, *more = graph.operations[id].inputs
        return first if first in made and not more else None
    if type(node) is not FeedforwardOutput or node.readout != "tanh" or (node.dropout.training and node.dropout.p):
        return None
    there = made | {before for before, now in bands.past.items() if now in made}
    there |= {value.id for value in graph.inputs if value.word == "prev_output"}
    return f"{id}.readout" if there.issuperset(graph.operations[id].inputs) else None


def find_scores(bands: FusedBands, id: str) -> tuple[Tensor, Tensor] | None:
    """W (V, R) and b of the operation that makes the scores W t + b of its node's ``last`` t; None of another."""
    operation, node = bands.plan.graph.operations[id], bands.node(id)
    read = any(operation.output in other.inputs for other in bands.plan.graph.operations.values())
    if bands.plan.graph.values[operation.output].word != "output" or read:
        return None
    try:
        check_parts(id, node)
    except Refused:
        return None
    if type(node) in (FeedforwardOutput, LinearOutput):
        return node.W.weight, node.W.bias
    if type(node) is TiedOutput:
        return node.embedding.weight[: node.vocabulary_size], node.b
    return None


def check_parts(id: str, node: nn.Module) -> None:
    """Refuse a node with other modules in it than its class puts there, and one that someone listens to."""
    check_hooks(id, node)
    for name, module in node.named_modules(prefix=id):
        if name != id and type(module) not in _PARTS:
            raise Refused(f"{name} is a {type(module).__name__}, which the fused loop does not know")


def check_hooks(id: str, node: nn.Module) -> None:
    """Refuse a module that someone listens to, itself or within it: nobody would be heard."""
    for name, module in node.named_modules(prefix=id):
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
            raise Refused(f"{name} has hooks, which the fused loop would not call")
    if modules._has_any_global_hook():  # type: ignore[no-untyped-call]
        raise Refused("all modules have hooks, which the fused loop would not call")


def check_dtype(*tensors: Tensor) -> None:
    """Refuse what would be computed in less than float32."""
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in tensors))
    if dtype not in (torch.float32, torch.float64):
        raise Refused(f"the loop is of {dtype}; a fused one is of torch.float32 or torch.float64")


class _Finder:
    def __init__(self, bands: FusedBands, ids: Sequence[str]) -> None:
        self.bands, self.graph = bands, bands.plan.graph
        self.operations = {id: self.graph.operations[id] for id in ids}
        self.made = {operation.output for operation in self.operations.values()}
        self.found, self.nodes = Units(), dict[str, Any]()

    def units(self, readouts: Mapping[str, str]) -> Units:
        for id, operation in self.operations.items():
            node = self._node(id)
            kind = type(node)
            if kind in _CELLS:
                self.found.units.append(self._cell(operation, node))
            elif kind is TanhLayer:
                self.found.units.append(self._layer(operation, node))
            elif kind is WeightedSum:
                self.found.units.append(self._attention(operation))
            elif kind is not Softmax and kind not in _ENERGIES:
                raise Refused(f"node {id} is a {kind.__name__}, for which the fused loop has no unit")
        attended = {id for unit in self.found.units for id in unit.made}
        for id, operation in self.operations.items():
            if operation.output not in attended:
                raise Refused(f"what node {id} makes is read by no weighted sum inside the loop")
        for id, output in readouts.items():
            if output in self.made:
                continue
            operation, node = self.graph.operations[id], self._node(id)
            inputs = tuple(self._argument(given, operation=operation) for given in operation.inputs)
            self.found.inputs |= {f"{id}.W": node.hidden.weight, f"{id}.b": node.hidden.bias}
            self.found.units.append(Layer(id, output, inputs, len(node.hidden.bias), 0.0))
        check_dtype(*self.found.inputs.values())
        return self.found

    def _node(self, id: str) -> Any:
        if id not in self.nodes:
            self.nodes[id] = self.bands.node(id)
            check_parts(id, self.nodes[id])
        return self.nodes[id]

    def _argument(self, id: str, *, operation: Operation) -> Argument:
        """Where an operation finds an argument."""
        if id in self.made:
            return Argument(id, "now", self._size(id))
        if (now := self.bands.past.get(id)) in self.made:
            return Argument(str(now), "before", self._size(str(now)))
        if not self.bands.has_steps(id):
            raise Refused(f"node {operation.id} reads '{self.graph.values[id]}', which is not one for each step")
        if (lookup := self.bands.lookups.get(id)) is not None:
            self.found.symbols[id] = lookup.symbols.t()
            self.found.inputs[id] = lookup.weight
            return Argument(id, "given", lookup.weight.shape[1])
        value = self.found.given.setdefault(id, visible(self.bands.whole(id)).transpose(0, 1).contiguous())
        return Argument(id, "given", value.shape[-1])

    def _size(self, id: str) -> int:
        maker = self.graph.maker(id)
        assert maker is not None
        node: Any = self.bands.node(maker.id)
        if type(node) is WeightedSum:
            return int(self.bands.values[maker.inputs[1]].shape[-1])
        return int(getattr(node, "hidden_size", 0) or getattr(node, "readout_size", 0))

    def _cell(self, operation: Operation, node: Any) -> Cell:
        first, state, *more = operation.inputs
        inputs = tuple(self._argument(id, operation=operation) for id in (first, *more))
        before = self._argument(state, operation=operation)
        if before.when == "given":
            raise Refused(f"the state of node {operation.id} is not made in the loop")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self.found.inputs[f"{operation.id}.{name}"] = getattr(node.cell, name)
        if type(node) is LSTMStep and (parts := self._reader_of_parts(operation.output)):
            raise Refused(f"node {parts} reads the state of node {operation.id} with its cell, outside of the loop")
        cell = ResetBefore if type(node) is GRUStep and not node.reset_after else _CELLS[type(node)]
        return cell(operation.id, operation.output, before, inputs, node.hidden_size)

    def _layer(self, operation: Operation, node: Any) -> Layer:
        inputs = tuple(self._argument(id, operation=operation) for id in operation.inputs)
        self.found.inputs[f"{operation.id}.W"] = node.W.weight
        dropout = node.dropout.p if node.dropout.training else 0.0
        return Layer(operation.id, operation.output, inputs, node.readout_size, dropout)

    def _attention(self, operation: Operation) -> Attention:
        """The unit of a weighted sum, with the softmax that it reads and the energies that this one reads."""
        weights, memory = operation.inputs
        softmax = self._maker(weights, operation, (Softmax,))
        energy = self._maker(softmax.inputs[0], softmax, _ENERGIES)
        node = self._node(energy.id)
        if len(energy.inputs) != 2 or energy.inputs[1] != memory or memory in self.made:
            raise Refused(f"node {energy.id} reads more than a state and what node {operation.id} sums up")
        for id, reader in ((weights, operation), (softmax.inputs[0], softmax)):
            if others := [o.id for o in self.operations.values() if o.id != reader.id and self._reads(o, id)]:
                raise Refused(f"the loop reads '{self.graph.values[id]}' also in node {others[0]}")
        query = self._argument(energy.inputs[0], operation=energy)
        if query.when == "given":
            raise Refused(f"the query of node {energy.id} is not made in the loop")
        encoder_hidden = self.found.inputs.setdefault(memory, self.bands.values[memory])
        keys = memory
        if type(node) is not DotEnergy:
            keys, known = f"{energy.id}.keys", self.bands.hidden(energy.id).get("keys")
            self.found.inputs[keys] = node.keys(encoder_hidden) if known is None else known
        additive = type(node) in (FeedforwardEnergy, ConcatEnergy)
        if additive:
            self.found.inputs |= {f"{energy.id}.W": node.W.weight, f"{energy.id}.v": node.v.weight}
        mask: Tensor | None = self.bands.loop.hidden["mask"]
        return Attention(
            energy.id,
            query,
            keys,
            memory,
            energy.output,
            weights,
            operation.output,
            encoder_hidden.shape[1],
            encoder_hidden.shape[2],
            additive,
            encoder_hidden.shape[-1] ** -0.5 if type(node) is DotEnergy and node.scaled else 1.0,
            self._node(softmax.id).temperature,
            None if mask is None or mask.all() else ~mask,
            self.bands.copies,
        )

    def _reader_of_parts(self, id: str) -> str | None:
        """A recurrent node outside of the loop that takes a state as it is."""
        return next(
            (
                reader.id
                for reader in self.graph.operations.values()
                if reader.id not in self.operations
                and self._reads(reader, id)
                and not getattr(self.bands.node(reader.id), "all_steps", False)
            ),
            None,
        )

    def _maker(self, id: str, reader: Operation, classes: tuple[type, ...]) -> Operation:
        maker = self.graph.maker(id)
        if maker is None or maker.id not in self.operations or type(self._node(maker.id)) not in classes:
            names = " or ".join(one.__name__ for one in classes)
            raise Refused(f"node {reader.id} reads '{self.graph.values[id]}', which no {names} of this step makes")
        return maker

    def _reads(self, operation: Operation, id: str) -> bool:
        return any(id in (given, self.bands.past.get(given)) for given in operation.inputs)
