"""One node opened: the tensor operations that really ran in it, with their shapes and parameters, as values to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from seq2seq_attn.tensors.opened import Item, Opened
from seq2seq_attn.tensors.story import Story
from seq2seq_attn.tensors.tape import Tape, tensors

__all__ = ["Item", "Opened", "record"]


def record(
    node: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str], *, hidden: bool = False
) -> Opened:
    """Run a node once, as given but without gradients, and return what led to its result.

    Seen is what goes through torch's Python functions. A number that the node reads out of a tensor (``.item()``) and a
    tensor that a compiled function gives have no history: the one is a detail, the other a constant. In evaluation
    torch's own Transformer layers run as in training, not as the one call that they are made of there.

    Args:
        node: any module; nothing is left on it, and no random number is used up.
        args: its positional arguments: tensors, states of several, or anything else.
        kwargs: its keyword arguments, each with its own word. A bool tensor, here or there, is a mask.
        names: a word for each of ``args``. A tensor that is given twice goes by its last word.
        hidden: show all that ran, also what `folds` leaves out and what checks read.

    Raises:
        ValueError: more or fewer ``names`` than ``args``.

    Example:
        >>> from seq2seq_attn.nodes import FeedforwardEnergy
        >>> a = FeedforwardEnergy(query_size=3, memory_size=5, attention_size=7)
        >>> opened = record(a, (torch.zeros(2, 3), torch.zeros(2, 4, 5)), {}, ("s", "h"))
        >>> [item.name for item in opened.items]
        ['s', 'h', 'U.weight', 'U.bias', 'linear', 'W.weight', 'linear', '+', 'tanh', 'v.weight', 'linear']
    """
    if len(names) != len(args):
        raise ValueError(f"names are {', '.join(names) or 'none'}, for {len(args)} arguments; give one word each")
    given = {**dict(zip(names, args, strict=True)), **kwargs}
    devices = list({tensor.device for tensor in (*tensors([*given.values()]), *node.parameters()) if tensor.is_cuda})
    buffers = [(buffer, buffer.clone()) for buffer in node.buffers()]
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        try:
            with Tape(record) as tape:
                result = node(*args, **kwargs)
        finally:
            for buffer, before in buffers:  # a running mean moves in training
                buffer.copy_(before)
    story = Story(node, given)
    for call in tape.calls:
        story.tell(call, hidden)
    return story.opened(tensors(result), hidden)
