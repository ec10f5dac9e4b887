"""What a tape tells: which of it led to the result, and on what, without what is folded away or only repeats."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_attn.tensors.folds import Operand, left
from seq2seq_attn.tensors.opened import Item, Opened, Role
from seq2seq_attn.tensors.repeats import Draft, first_turns
from seq2seq_attn.tensors.tape import SYMBOLS, Call, tensors


@dataclass(frozen=True)
class _Line:
    """What may become an item, and is called by its number till then."""

    role: Role
    name: str
    result: Tensor
    detail: str
    operands: list[Operand]
    key: Hashable


class Story:
    """What a tape tells, call by call.

    Args:
        node: the node that ran.
        given: its arguments by their words.
    """

    def __init__(self, node: nn.Module, given: Mapping[str, Any]) -> None:
        self._lines: list[_Line] = []
        self._known: dict[int, tuple[int, frozenset[int]]] = {}  # by identity: what stands for a tensor, and its roots
        self._views: dict[int, set[int]] = {}  # by the identity of the tensor that they are views of
        self._names = {id(tensor): name for name, tensor in (*node.named_buffers(), *node.named_parameters())}
        for word, tensor in _parts("", given):
            self._root("argument", word, tensor)
        self._masks = frozenset(n for n, line in enumerate(self._lines) if line.result.dtype == torch.bool)

    def tell(self, call: Call, hidden: bool) -> None:
        """Add what ran, or hand on its operand in its place."""
        operands = [self._operand(tensor) for tensor in call.operands]
        kept, gone = (operands, False) if hidden else left(call.word, operands, self._masks)
        roots = frozenset[int]().union(*(operand.roots for operand in operands))
        results = list(tensors(call.result))
        if gone:  # every part of a split is the whole; what packing says of lengths is the lengths
            others = [operands[n] if n < len(operands) else kept[0] for n in range(1, len(results))]
            told = [(kept[0].item, roots), *((operand.item, operand.roots) for operand in others)]
        else:
            name = SYMBOLS.get(call.word, call.word)
            role: Role = "operation" if kept else "constant"
            key = (call.place, name, results[0].shape)
            self._lines.append(_Line(role, name, results[0], call.detail(), kept, key))
            told = [(len(self._lines) - 1, roots)] * len(results)
        taken = {id(tensor) for tensor in call.operands}
        for tensor, (number, roots) in zip(results, told, strict=True):
            self._stand(tensor, number, roots, everywhere=id(tensor) in taken and not gone)

    def opened(self, results: Iterator[Tensor], everything: bool) -> Opened:
        """What led to the results, or all that ran, with what loops repeat told once."""
        ends = {operand.item: operand for operand in map(self._operand, results)}
        ran = [number for number, line in enumerate(self._lines) if line.role == "operation"] if everything else []
        numbers = self._ancestors([*ends, *ran])
        place = {number: n for n, number in enumerate(numbers)}
        lines = [self._lines[number] for number in numbers]
        drafts = [Draft(line.key, tuple(place[operand.item] for operand in line.operands)) for line in lines]
        turns: dict[int, list[int]] = {}
        for number, first in zip(numbers, first_turns(drafts), strict=True):
            turns.setdefault(first, []).append(number)
        ids = {number: f"t{n}" for n, same in enumerate(turns.values(), start=1) for number in same}
        items = tuple(
            self._item([self._lines[number] for number in same], ids[same[0]], ids) for same in turns.values()
        )
        gives = {ids[number]: operand.shape for number, operand in ends.items()}
        return Opened(items, tuple(gives), tuple(gives.values()))

    def _item(self, turns: list[_Line], id: str, ids: Mapping[int, str]) -> Item:
        """One or all turns of a loop, with what the first took, and beside it what the others took instead."""
        took = [o for column in zip(*(t.operands for t in turns), strict=True) for o in _each_once(column, ids)]
        first = turns[0]
        if first.name in ("cat", "stack"):  # of the turns of a loop, or the parts of a split, which are one item
            took = _each_once(took, ids)
        details = {line.detail for line in turns}
        return Item(
            id,
            first.role,
            first.name,
            first.detail if len(details) == 1 else "…",
            tuple(first.result.shape),
            "" if first.result.dtype == torch.get_default_dtype() else _dtype(first.result),
            tuple(ids[operand.item] for operand in took),
            tuple(operand.shape for operand in took),
            len(turns),
        )

    def _operand(self, tensor: Tensor) -> Operand:
        """A tensor as something that is taken; one that was never seen is a parameter, or came from nowhere."""
        if id(tensor) not in self._known:
            name = self._names.get(id(tensor))
            self._root("constant" if name is None else "parameter", name or "constant", tensor)
        number, roots = self._known[id(tensor)]
        return Operand(number, roots, tuple(tensor.shape), _dtype(tensor))

    def _root(self, role: Role, name: str, tensor: Tensor) -> None:
        number = len(self._lines)
        self._lines.append(_Line(role, name, tensor, "", [], number))
        self._stand(tensor, number, frozenset() if role == "constant" else frozenset([number]))

    def _stand(self, tensor: Tensor, number: int, roots: frozenset[int], *, everywhere: bool = False) -> None:
        """A line stands for a tensor from now on, and for all that look at the same numbers if these were changed."""
        views = self._views.setdefault(id(tensor if tensor._base is None else tensor._base), {id(tensor)})
        views.add(id(tensor))
        self._known |= dict.fromkeys(views if everywhere else [id(tensor)], (number, roots))

    def _ancestors(self, ends: list[int]) -> list[int]:
        """These and everything that led to them, in order."""
        found: set[int] = set()
        while ends:
            number = ends.pop()
            if number not in found:
                found.add(number)
                ends += [operand.item for operand in self._lines[number].operands]
        return sorted(found)


def _each_once(operands: Sequence[Operand], ids: Mapping[int, str]) -> list[Operand]:
    return list({ids[operand.item]: operand for operand in reversed(operands)}.values())[::-1]


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _parts(word: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors of an argument, each with its word: ``state.hidden``, ``state.layers.0``."""
    if isinstance(value, Tensor):
        yield word, value
    elif isinstance(value, Mapping) or hasattr(value, "_asdict"):
        for name, part in (value if isinstance(value, Mapping) else value._asdict()).items():
            yield from _parts(f"{word}.{name}" if word else str(name), part)
    elif isinstance(value, (tuple, list)):
        for number, part in enumerate(value):
            yield from _parts(f"{word}.{number}", part)
