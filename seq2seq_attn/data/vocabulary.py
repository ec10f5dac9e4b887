"""The symbols of one side with their numbers, in memory and as a text file that people can read and edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seq2seq_attn.data import symbols
from seq2seq_attn.data.segmentation import Segmentation

_SHOWN = 60  # characters of a closed vocabulary, in a message


@dataclass(frozen=True)
class Vocabulary:
    """Symbols, numbered in order, and behind them those that no text has: first ``unknown``, then ``bos`` and ``eos``.

    As they stand last, one vocabulary has the same numbers as a source, which has no ``bos`` and ``eos``, and as a
    target. What a symbol looks like means nothing: ``</s>`` or ``‹unknown›`` in a text is a symbol as any other.

    Args:
        symbols: each of them once.
        segmentation: how a text becomes symbols.
        closed: whether a symbol that is not here is refused, and not read as ``unknown``.

    Raises:
        ValueError: no symbol, an empty one, or one that is there twice.

    Example:
        >>> from seq2seq_attn.data.segmentation import Characters
        >>> vocabulary = Vocabulary.of(["banana"], Characters())
        >>> vocabulary.symbols, vocabulary.unknown, vocabulary.bos, vocabulary.eos
        (('a', 'n', 'b'), 3, 4, 5)
        >>> vocabulary.indices("nab!")
        [1, 0, 2, 3]
        >>> vocabulary.text([1, 0, 2, 3, 5])
        'nab‹unknown›'
    """

    symbols: tuple[str, ...]
    segmentation: Segmentation
    closed: bool = False

    def __post_init__(self) -> None:
        if not self.symbols or "" in self.symbols:
            raise ValueError(f"the vocabulary has {'an empty' if self.symbols else 'no'} symbol; give it some text")
        if len(self._number) < len(self.symbols):
            twice = [symbol for symbol, times in Counter(self.symbols).items() if times > 1]
            raise ValueError(f"the vocabulary has {', '.join(map(repr, twice[:9]))} twice; give each symbol once")

    @classmethod
    def of(cls, texts: Iterable[str], segmentation: Segmentation, min_count: int = 1) -> Vocabulary:
        """The symbols of texts, the most frequent first, equally frequent ones in the order of their code points.

        Args:
            texts: those of the training set, and no others.
            segmentation: how they become symbols.
            min_count: how often a symbol has to be there; a rarer one is ``unknown``.

        Raises:
            ValueError: no symbol is there so often.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(segmentation.split(text))
        symbols = sorted((s for s, times in counts.items() if times >= min_count), key=lambda s: (-counts[s], s))
        if not symbols:
            raise ValueError(f"none of the {len(counts)} symbols is there {min_count} times; give more text")
        return cls(tuple(symbols), segmentation)

    def __len__(self) -> int:
        """Number of source symbols: ``symbols``, and ``unknown`` if there is one."""
        return len(self.symbols) + (not self.closed)

    @property
    def target_size(self) -> int:
        """Number of target symbols: those of a source, ``bos`` and ``eos``."""
        return len(self) + 2

    @property
    def unknown(self) -> int | None:
        """The number of every symbol that is not here; None if they are refused."""
        return None if self.closed else len(self.symbols)

    @property
    def bos(self) -> int:
        """The symbol that begins a target."""
        return len(self)

    @property
    def eos(self) -> int:
        """The symbol that ends a target."""
        return len(self) + 1

    @property
    def source_symbols(self) -> tuple[str, ...]:
        """The name of each source symbol."""
        return self.symbols if self.closed else (*self.symbols, "‹unknown›")

    @cached_property
    def target_symbols(self) -> tuple[str, ...]:
        """The name of each target symbol."""
        return (*self.source_symbols, "‹bos›", "‹end›")

    def indices(self, text: str) -> list[int]:
        """The number of each symbol of a text, at least one.

        Raises:
            ValueError: a text without a symbol; one with a symbol that a closed vocabulary does not have.
        """
        symbols = self.segmentation.split(text)
        if not symbols:
            raise ValueError(f"the text {text!r} is empty; give at least one symbol")
        number, unknown = self._number, len(self.symbols)
        numbers = [number.get(symbol, unknown) for symbol in symbols]
        if self.closed and unknown in numbers:
            position, all_of_them = numbers.index(unknown), self.segmentation.join(self.symbols)
            shown = all_of_them if len(all_of_them) <= _SHOWN else f"{all_of_them[:_SHOWN]}…"
            raise ValueError(
                f"symbol {position + 1} of {text!r} is {symbols[position]!r}, "
                f"which is none of the {len(self)} of the vocabulary, {shown!r}"
            )
        return numbers

    def text(self, numbers: Iterable[int]) -> str:
        """The text of numbers, without ``eos``; ``unknown`` is shown as ‹unknown›, and a ``bos`` as ‹bos›.

        Raises:
            ValueError: a number that no symbol has.
        """
        names, found = self.target_symbols, list(numbers)
        if wrong := [number for number in found if not 0 <= number < len(names)]:
            raise ValueError(f"symbol {wrong[0]} is none of the {len(names)} of the vocabulary, bos and eos included")
        return self.segmentation.join(names[number] for number in found if number != self.eos)

    def unknown_in(self, texts: Iterable[str]) -> Counter[str]:
        """The symbols of texts that are not here, and how often each is there."""
        return Counter(s for text in texts for s in self.segmentation.split(text) if s not in self._number)

    def save(self, path: str | Path) -> None:
        """Write ``symbols`` as a text file, one a line, the first with number 0: see `symbols.write`.

        Raises:
            OSError: a path that cannot be written.
            ValueError: more than `load` would read.
        """
        symbols.write(path, self.symbols)

    @classmethod
    def load(cls, path: str | Path, segmentation: Segmentation, *, closed: bool = False) -> Vocabulary:
        """Read what `save` wrote.

        Raises:
            OSError: a file that cannot be read.
            ValueError: one that `symbols.read` refuses, with its line.
        """
        return cls(symbols.read(path), segmentation, closed)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}
