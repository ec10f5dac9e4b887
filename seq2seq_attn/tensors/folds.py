"""What an opened node leaves out, since nobody looks for it: form, dropout, masks, packing. Never real arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# They hand their first operand on: in another form, in part, in another type, or packed.
PASSING = frozenset([
    *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "contiguous", "clone"),
    *("expand", "expand_as", "unsqueeze", "squeeze", "transpose", "permute", "movedim", "swapaxes", "t", "T", "mT"),
    *("getitem", "select", "narrow", "index_select", "unbind", "chunk", "split", "tensor_split"),
    *("to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda"),
    *("pack_padded_sequence", "pad_packed_sequence"),
])  # fmt: skip
# They do so too, on or off, but that of a constant is noise that multiplies something.
DROPOUT = frozenset(["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"])
# They take a mask, or lengths counted in one, beside values; if one value is left, they are gone with the mask.
MASKED = frozenset(["masked_fill", "where", "mul", "and", "or", "gru", "lstm", "rnn_tanh", "rnn_relu", "attention"])


@dataclass(frozen=True)
class Operand:
    """What an operation took.

    Attributes:
        item: the number of what is drawn for it.
        roots: the numbers of all arguments and parameters that it was computed from; none of a constant.
        shape: as it was taken.
        dtype: "bool", "float32", …
    """

    item: int
    roots: frozenset[int]
    shape: tuple[int, ...]
    dtype: str


def left(word: str, operands: Sequence[Operand], masks: frozenset[int]) -> tuple[list[Operand], bool]:
    """The operands that are left of an operation, and whether it is gone, with the first of them in its place.

    Nothing but masks is lost: an operation that takes a second value stays, such as a row picked by a symbol.

    Args:
        word: its name; see `tape.Call.word`.
        operands: what it took, in order.
        masks: the numbers of the arguments that are masks.
    """
    if operands and (word in PASSING or (word in DROPOUT and operands[0].roots)):
        kept = [operands[0], *(operand for operand in operands[1:] if not operand.roots <= masks)]
        return kept, len(kept) == 1
    if word not in MASKED:
        return list(operands), False
    kept = [operand for operand in operands if not _is_mask(word, operand, masks)] or list(operands[:1])
    lost = len(kept) < len(operands)
    if word == "where" and lost:  # where(mask, new, old): on padding stands what the new value was made from
        kept = [kept[0], *(operand for operand in kept[1:] if not operand.roots <= kept[0].roots)]
    return kept, lost and len(kept) == 1


def _is_mask(word: str, operand: Operand, masks: frozenset[int]) -> bool:
    """Whether it comes from masks alone; as a factor, a number of real positions is a number."""
    comes_from_masks = bool(operand.roots) and operand.roots <= masks
    return comes_from_masks and (word != "mul" or operand.dtype == "bool" or operand.item in masks)
