"""Text and symbols: an alphabet gives every character its index, and batches hold rows of indices with their mask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seq2seq_attn.data.batch import Batch as Batch
from seq2seq_attn.mask import length_mask

ALPHABET = "alphabet.txt"
_CODE = re.compile(r"U\+([0-9A-F]{4,6})")


@dataclass(frozen=True)
class Alphabet:
    """The characters that a text is made of, in the order of their indices; two symbols more begin and end a target.

    Args:
        characters: each of them once.

    Raises:
        ValueError: no character, or one that is there twice.

    Example:
        >>> Alphabet("abc").encode(["cab", "b"])
        (tensor([[2, 0, 1],
                [1, 0, 0]]), tensor([[ True,  True,  True],
                [ True, False, False]]))
    """

    characters: str

    def __post_init__(self) -> None:
        twice = {character for character, times in Counter(self.characters).items() if times > 1}
        if twice or not self.characters:
            fault = f"has {', '.join(map(repr, sorted(twice)))} twice" if twice else "is empty"
            raise ValueError(f"alphabet {self.characters!r} {fault}; give each character once")

    def __len__(self) -> int:
        """Number of source symbols: the characters."""
        return len(self.characters)

    @property
    def bos(self) -> int:
        """The symbol that begins a target."""
        return len(self.characters)

    @property
    def eos(self) -> int:
        """The symbol that ends a target."""
        return len(self.characters) + 1

    @property
    def target_size(self) -> int:
        """Number of target symbols: the characters, ``bos`` and ``eos``."""
        return len(self.characters) + 2

    @property
    def source_symbols(self) -> tuple[str, ...]:
        """The name of each source symbol."""
        return tuple(self.characters)

    @property
    def target_symbols(self) -> tuple[str, ...]:
        """The name of each target symbol."""
        return (*self.characters, "‹bos›", "‹end›")

    def save(self, folder: str | Path) -> Path:
        """Write alphabet.txt into a folder: UTF-8, one character a line, the first with index 0.

        What would not be seen, a space, a newline or another control character, stands by its code point: ``U+0020``.

        Raises:
            OSError: a folder that cannot be written.
        """
        path = Path(folder) / ALPHABET
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [c if c.isprintable() and not c.isspace() else f"U+{ord(c):04X}" for c in self.characters]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Alphabet:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: a folder without alphabet.txt.
            ValueError: a file that is no UTF-8 text or holds no line; a line that is no character, or one that an
                earlier line has: ``file:line``.
        """
        path = Path(folder) / ALPHABET
        try:
            lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}") from None
        found: dict[str, int] = {}
        for number, line in enumerate(lines, start=1):
            code = _CODE.fullmatch(line)
            character = chr(int(code[1], 16)) if code and int(code[1], 16) < 0x110000 else line
            if len(character) != 1:
                raise ValueError(f"{path}:{number}: {line!r} is no character; give one a line, a space as U+0020")
            if (first := found.setdefault(character, number)) != number:
                raise ValueError(f"{path}:{number}: {line!r} is there twice, first in line {first}")
        return cls("".join(found))

    def indices(self, text: str) -> list[int]:
        """The index of each character.

        Raises:
            ValueError: an empty text, or a character that is not in the alphabet.
        """
        if not text:
            raise ValueError("the text is empty; give at least one character")
        for position, character in enumerate(text, start=1):
            if character not in self.characters:
                raise ValueError(
                    f"character {position} of {text!r} is {character!r}, which is not in {self.characters!r}"
                )
        return [self.characters.index(character) for character in text]

    def encode(self, texts: Sequence[str], *, ended: bool = False) -> tuple[Tensor, Tensor]:
        """Rows of indices, padded on the right with 0, and their mask.

        Args:
            texts: at least one.
            ended: put ``eos`` behind each text, as a target has it.

        Raises:
            TypeError: one text instead of several.
            ValueError: no text, or one that `indices` refuses.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts is the str {texts!r}; give a list of texts, [{texts!r}]")
        if not texts:
            raise ValueError("there is no text to encode; give at least one")
        rows = [self.indices(text) + [self.eos] * ended for text in texts]
        mask = length_mask(torch.tensor([len(row) for row in rows]))
        symbols = torch.tensor([row + [0] * (mask.shape[1] - len(row)) for row in rows])
        return symbols, mask

    def decode(self, symbols: Tensor, mask: Tensor) -> list[str]:
        """The texts of rows of symbols, without ``eos``; a ``bos``, which no text should hold, is shown as ‹bos›.

        Raises:
            ValueError: a symbol that is none of a target's.
        """
        return ["".join(self._characters(row[real].tolist())) for row, real in zip(symbols, mask, strict=True)]

    def _characters(self, symbols: list[int]) -> Iterator[str]:
        for symbol in symbols:
            if not 0 <= symbol < self.target_size:
                raise ValueError(
                    f"symbol {symbol} is none of the {self.target_size} of {self.characters!r}, bos and eos"
                )
            if symbol != self.eos:
                yield "‹bos›" if symbol == self.bos else self.characters[symbol]


def numbered(source: str | Sequence[int] | Tensor, alphabet: Alphabet | None = None) -> Tensor:
    """One sentence's symbols, (S,) int64, of a text or of numbers; whether a model has them is asked at its own door.

    Raises:
        TypeError, ValueError: a text without an alphabet, or with a character that is not in it; no whole numbers.
    """
    if isinstance(source, str):
        if alphabet is None:
            raise ValueError("source is a text, and no alphabet says what its characters are; give one, or numbers")
        return torch.tensor(alphabet.indices(source))
    if isinstance(source, Tensor):
        if source.dim() != 1 or source.dtype != torch.int64:
            raise ValueError(f"source is {tuple(source.shape)} {source.dtype}; give one sentence, (S,) int64")
        return source
    if not isinstance(source, Sequence):
        raise TypeError(f"source is the {type(source).__name__} {source!r}; give whole numbers, or a text")
    if wrong := [symbol for symbol in source if not isinstance(symbol, int)]:
        raise TypeError(f"source holds the {type(wrong[0]).__name__} {wrong[0]!r}; give whole numbers, or a text")
    return torch.tensor(source, dtype=torch.int64)
