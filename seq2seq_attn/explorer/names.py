"""One sentence to look into, and what its symbols are called."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from seq2seq_attn.drawing.scene import printable
from seq2seq_attn.mask import length_mask

if TYPE_CHECKING:
    from seq2seq_attn.data.vocabularies import Vocabularies
    from seq2seq_attn.seq2seq import Seq2Seq

NAME = 40  # characters of a symbol's name at most
LISTED = 8  # unknown symbols at most


class Example(NamedTuple):
    """A source with the names of its symbols, and those of the symbols that may be written.

    Attributes:
        symbols: (S,) int64.
        source: what each of them is called: as it was given in a text, whether or not the vocabulary has it.
        target: what each target symbol is called, by its number; one that is not here is called by its number.
        unknown: those of the source that the vocabulary does not have, each once.
        gaps: what stands between several source symbols, and between several target symbols.
    """

    symbols: Tensor
    source: tuple[str, ...]
    target: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    gaps: tuple[str, str] = (" ", " ")  # 1 and 2 are not 12

    @classmethod
    def of(
        cls, model: Seq2Seq, source: str | Sequence[int] | Tensor, vocabularies: Vocabularies | None = None
    ) -> Example:
        """A text, which is composed (NFC) as a corpus is, or numbers; whether the model has them it asks itself.

        Raises:
            TypeError: no whole numbers.
            ValueError: a text without vocabularies, or with a symbol that a closed vocabulary does not have;
                vocabularies that are not the model's; a tensor that is no sentence.
        """
        if vocabularies is None:
            if isinstance(source, str):
                raise ValueError(
                    "source is a text, and no vocabularies say what its symbols are; give them, or numbers"
                )
            symbols = _numbers(source)
            return cls(symbols, tuple(map(str, symbols.tolist())))
        read, written = vocabularies.source, vocabularies.target
        if (written.bos, written.eos) != (model.bos, model.eos):
            raise ValueError(
                f"the vocabularies have bos {written.bos} and eos {written.eos}, the model {model.bos} and "
                f"{model.eos}; give those that it was trained with"
            )
        if isinstance(source, str):
            text = unicodedata.normalize("NFC", source)
            symbols, unknown = torch.tensor(read.indices(text)), tuple(read.unknown_in([text]))
            names = tuple(read.segmentation.split(text))
        else:
            symbols, unknown = _numbers(source), ()
            names = tuple(_name(read.source_symbols, symbol) for symbol in symbols.tolist())
        return cls(symbols, names, written.target_symbols, unknown, (read.segmentation.gap, written.segmentation.gap))

    def written(self, symbol: int) -> str:
        """What a target symbol is called, as it is shown."""
        return shown(_name(self.target, symbol))

    def lacking(self) -> str:
        """Which symbols are unknown, in words; nothing if none are."""
        names = ", ".join(map(shown, self.unknown[:LISTED]))
        more = f" and {len(self.unknown) - LISTED} more" if len(self.unknown) > LISTED else ""
        return f"unknown: {names}{more}" if names else ""

    def positions(self, model: Seq2Seq) -> list[str]:
        """What each h_j has read: one symbol, or several side by side where the encoder makes fewer h_j than S."""
        first = length_mask(torch.arange(1, len(self.symbols) + 1))  # the first symbol, the first two, …
        ends = model.encoder.hidden_mask(first).sum(dim=1).tolist()  # and how many h_j have read of them
        read: list[list[str]] = [[] for _ in range(ends[-1])]
        for end, name in zip(ends, self.source, strict=True):
            read[end - 1].append(shown(name))
        return [printable(self.gaps[0].join(parts), NAME) for parts in read]


def shown(name: str) -> str:
    """A name as one that can be seen, and is not too long."""
    text = printable(printable(name, NAME), NAME)  # spelt out it may be longer
    return "␣" * len(text) if text.isspace() else text or "‹empty›"


def _name(names: Sequence[str], symbol: int) -> str:
    return names[symbol] if 0 <= symbol < len(names) else str(symbol)


def _numbers(source: Sequence[int] | Tensor) -> Tensor:
    if isinstance(source, Tensor):
        if source.dim() != 1 or source.dtype != torch.int64:
            raise ValueError(f"source is {tuple(source.shape)} {source.dtype}; give one sentence, (S,) int64")
        return source
    if not isinstance(source, Sequence):
        raise TypeError(f"source is the {type(source).__name__} {source!r}; give whole numbers, or a text")
    if wrong := [symbol for symbol in source if not isinstance(symbol, int)]:
        raise TypeError(f"source holds the {type(wrong[0]).__name__} {wrong[0]!r}; give whole numbers, or a text")
    return torch.tensor(source, dtype=torch.int64)
