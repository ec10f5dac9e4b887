"""Nodes `gate` and `copy`: the next symbol is one of the vocabulary, or one of the source."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn.nodes.check import check, check_inputs
from seq2seq_attn.nodes.state import State, visible


class Gate(nn.Module):
    """Node `gate`: p_i = sigmoid(w · x + b), with x the arguments side by side: generate (1) or copy (0).

    See et al. 2017, "Get To The Point: Summarization with Pointer-Generator Networks", equation 8, where x is c_i, s_i
    and y_{i-1}.

    Args:
        input_size: sizes of all arguments together.

    Example:
        >>> Gate(3 + 5)(torch.zeros(2, 3), torch.zeros(2, 5)).shape
        torch.Size([2, 1])
    """

    label = "gate"
    all_steps = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.w = nn.Linear(input_size, 1)

    def forward(self, *inputs: State) -> Tensor:
        """The probability of generating.

        Args:
            inputs: each (B, [T], …).

        Returns:
            p_i, (B, [T], 1).

        Raises:
            TypeError, ValueError: see `check_inputs`.
        """
        return torch.sigmoid(self.w(check_inputs(self, tuple(map(visible, inputs)), "input_size")))


class Copy(nn.Module):
    """Node `copy`: y_i(w) = log(p_i softmax(v_i)(w) + (1 - p_i) sum_{j: x_j = w} alpha_ij).

    See et al. 2017, equation 9. Source and target share their numbers. A symbol that the vocabulary lacks can be copied
    too: the unknown ones of a sentence are numbered from V on, each sentence anew. What neither part can give has
    probability zero, and the log of the smallest normal number in its place, with a gradient of zero.

    Args:
        vocabulary_size: number V of symbols.
        unknown_size: the most unknown symbols of a sentence.

    Example:
        >>> copy = Copy(3, unknown_size=1)
        >>> copy(torch.zeros(1, 3), torch.tensor([[0.75]]), torch.ones(1, 1), torch.tensor([[3]])).exp()
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    label = "copy"
    all_steps = True

    def __init__(self, vocabulary_size: int, *, unknown_size: int = 0) -> None:
        super().__init__()
        self.vocabulary_size, self.unknown_size = vocabulary_size, unknown_size

    def forward(self, scores: Tensor, generate: Tensor, attn_weights: Tensor, source: Tensor) -> Tensor:
        """Log-probabilities of every symbol, the unknown ones included.

        Args:
            scores: v_i, (B, [T], V).
            generate: p_i, (B, [T], 1), the probability of generating.
            attn_weights: alpha_ij, (B, [T], S), zero on padding.
            source: x_j, (B, S) int64, from 0 to V + unknown_size - 1, on padding too.

        Returns:
            y_i, (B, [T], V + unknown_size), at least in float32; log-probabilities, where other outputs give logits.

        Raises:
            TypeError, ValueError: see `check`; a ``generate`` of another size; ``source`` of another type, shape
                or place, or out of range. The range is looked at on the CPU only; on a GPU that would wait for the
                device at every step, and torch's own assertion there ends the process instead.
        """
        check(
            self,
            scores=(scores, "B [T] vocabulary_size"),
            generate=(generate, "B [T] G"),
            attn_weights=(attn_weights, "B [T] S"),
        )
        if generate.shape[-1] != 1:
            raise ValueError(f"generate is {tuple(generate.shape)}; node Copy takes one probability, (B, [T], 1)")
        self._check_symbols(source, attn_weights)
        wide = torch.promote_types(scores.dtype, torch.float32)
        generate = generate.to(wide)
        copied = (1 - generate) * attn_weights.to(wide)
        symbols = source if copied.dim() == 2 else source[:, None].expand_as(copied)
        known = generate * torch.softmax(scores.to(wide), dim=-1)
        mixture = F.pad(known, (0, self.unknown_size)).scatter_add(-1, symbols, copied)
        return mixture.clamp(min=torch.finfo(wide).tiny).log()

    def _check_symbols(self, symbols: Any, attn_weights: Tensor) -> None:
        if not isinstance(symbols, Tensor) or symbols.dtype != torch.int64:
            kind = symbols.dtype if isinstance(symbols, Tensor) else f"a {type(symbols).__name__}"
            raise TypeError(f"source is {kind}; node Copy takes an int64 tensor (B, S)")
        wanted = (attn_weights.shape[0], attn_weights.shape[-1])
        if symbols.shape != wanted:
            raise ValueError(f"source is {tuple(symbols.shape)}; node Copy takes (B, S), here {wanted}")
        if symbols.device != attn_weights.device:
            raise ValueError(f"source is on {symbols.device}; node Copy computes on {attn_weights.device}")
        size = self.vocabulary_size + self.unknown_size
        if symbols.device.type == "cpu" and bool(((symbols < 0) | (symbols >= size)).any()):
            raise ValueError(
                f"source goes from {int(symbols.min())} to {int(symbols.max())}; node Copy was built for 0 to "
                f"{size - 1}. Build Copy(vocabulary_size, unknown_size=…) for all that a sentence can bring."
            )
