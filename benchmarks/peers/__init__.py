"""Attention encoder-decoders of other toolkits, and ours, behind one interface, each through its own classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from seq2seq_attn.data.batch import Batch
from seq2seq_attn.mask import length_mask

FIRST = 8  # the first symbol of data; those before it are bos, eos, pad and whatever else a toolkit keeps


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sizes and options of a model, the batch that it is given, and how many threads it has.

    Args:
        vocabulary: V, of source and target, special symbols included.
        source: S, symbols of the longest source.
        target: T, symbols of the longest target, the last of each included.
        embedding: size of an embedded symbol.
        encoder: hidden size of each direction of the encoder.
        attention: hidden layer of the energy.
        hidden: size of the decoder's state, and of the hidden layer of its output.
        batch: rows.
        threads: of torch.
        ragged: whether lengths are uniform between half and full; otherwise all are full.
        dropout: probability, wherever the toolkit has a place for it.
        label_smoothing: share of a true symbol's probability that goes to the others.
        precision: "bfloat16" is torch.autocast around the forward pass and the loss.
    """

    vocabulary: int
    source: int
    target: int
    embedding: int
    encoder: int
    attention: int
    hidden: int
    batch: int
    threads: int = 2
    ragged: bool = False
    dropout: float = 0.0
    label_smoothing: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"

    def data(self, *, copied: bool = False) -> Batch:
        """One batch, the same for every contestant; longest source first, since fairseq and Joey NMT need that.

        Args:
            copied: whether the target is the source, something to learn.
        """
        generator = torch.Generator().manual_seed(0)
        sides: list[Tensor] = []
        for size in (self.source, self.target):
            lengths = torch.full((self.batch,), size)
            if self.ragged:
                lengths = torch.randint(max(size // 2, 1), size + 1, (self.batch,), generator=generator)
                lengths[0] = size
            if not sides:
                lengths = lengths.sort(descending=True).values
            symbols = torch.randint(FIRST, self.vocabulary, (self.batch, size), generator=generator)
            sides += [symbols, length_mask(lengths, size)]
        return Batch(*sides[:2], *sides[:2]) if copied else Batch(*sides)


class Unfit(ValueError):
    """Why a toolkit has no model of a case."""


class Contestant(ABC):
    """A model of a toolkit, its loss, its optimiser and its decoding.

    Args:
        case: what it is built for.
        fused: whether Adam is torch's fused one; the default of torch, and of the toolkits, is not.

    Attributes:
        package: the distribution, whose version is told.
        note: what its model does otherwise, and whom that helps.
        recurrent: whether its cell reads what it attended to; otherwise all its attention is one call after the loop.

    Raises:
        Unfit: the toolkit has no such model.
    """

    package: ClassVar[str]
    note: ClassVar[str]
    recurrent: ClassVar[bool] = True

    def __init__(self, case: Case, *, fused: bool = False) -> None:
        torch.manual_seed(0)
        self.case = case
        self.model = self.build()
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=0.001, fused=True if fused else None)

    @abstractmethod
    def build(self) -> nn.Module:
        """The model, by the toolkit's own classes."""

    @abstractmethod
    def batch(self, batch: Batch) -> Any:
        """What the toolkit's collator makes of a batch; not measured."""

    @abstractmethod
    def loss(self, given: Any) -> Tensor:
        """Teacher forcing and the toolkit's own criterion, the mean over the real target symbols in nats."""

    def step(self, given: Any) -> float:
        """One update of training, and the loss before it."""
        self.model.train()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.case.precision == "bfloat16"):
            loss = self.loss(given)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return loss.item()

    def greedy(self, given: Any, steps: int) -> None:
        """Decode a batch with the best symbol at each of exactly ``steps`` steps."""
        raise NotImplementedError

    def beam(self, given: Any, steps: int, size: int) -> None:
        """Decode a batch with ``size`` hypotheses a sentence, for exactly ``steps`` steps."""
        raise NotImplementedError


def ended(symbols: Tensor, mask: Tensor, *, pad: int, eos: int) -> Tensor:
    """Symbols with ``eos`` as the last real one of each row, and ``pad`` after it."""
    last = mask.sum(dim=1, keepdim=True) - 1
    return symbols.scatter(1, last, eos).masked_fill(~mask, pad)


def shifted(symbols: Tensor, bos: int) -> Tensor:
    """The symbol before each: ``bos``, then all but the last."""
    return torch.cat([symbols.new_full((len(symbols), 1), bos), symbols[:, :-1]], dim=1)


def never(bias: Tensor, symbol: int) -> None:
    """Make a symbol impossible, so that decoding goes on to the last step."""
    with torch.no_grad():
        bias[symbol] = -1e9
