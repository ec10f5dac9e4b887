"""A corpus: pairs of texts to learn from or to be scored on, from one file, two parallel ones, or memory."""

from __future__ import annotations

import hashlib
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, SupportsIndex, overload

from seq2seq_attn.data.lines import Lines

_TAB = "a tab in a text; files of pairs and of predictions have it between texts: replace it by a space"
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Pair(NamedTuple):
    """What is read, and what is to be written of it."""

    source: str
    target: str


def tab_separated(line: str) -> Pair:
    """The pair of a line ``source TAB target``.

    Raises:
        ValueError: more or fewer than two fields.
    """
    fields = line.split("\t")
    if len(fields) != 2:
        raise ValueError(f"fields: {len(fields)}; give two, source and target, with a tab between them")
    return Pair(*fields)


class Corpus(Sequence[Pair]):
    """Pairs of texts, composed (NFC), none empty: made by `open` or `of`.

    Attributes:
        name: where the pairs are from, for messages.
        where: tells of a row, which counts from 0, where it stands, ``file:line``.
        digest: SHA-256 of all pairs in their order, whatever form their file has.
    """

    def __init__(
        self, size: int, read: Callable[[int], tuple[str, str]], where: Callable[[int], str], name: str
    ) -> None:
        self.name = name
        self.where = where
        self._size, self._read, self._files = size, read, ExitStack()
        if not size:
            raise ValueError(f"{name} holds no pair; give at least one line")
        digest = hashlib.sha256()
        for source, target in self:
            digest.update(f"{source}\0{target}\0".encode())
        self.digest = digest.hexdigest()

    @classmethod
    def open(
        cls,
        path: str | Path,
        target: str | Path | None = None,
        *,
        pair: Callable[[str], tuple[str, str]] = tab_separated,
    ) -> Corpus:
        """A file of pairs, one a line; or two parallel files, where line n of one is the source of line n of the other.

        All of it is read and checked once. After that texts come from the files when they are asked for, so that a
        corpus may be larger than memory; see `Lines` for what is a text file.

        Args:
            path: of the pairs, or of the sources.
            target: the file of the targets, if they are not in the first.
            pair: what reads source and target out of a line of a single file; its ValueErrors get ``file:line``.

        Raises:
            OSError: a file that cannot be read.
            ValueError: no line; a line that is no text or no pair, or has an empty side, with ``file:line``; two files
                of different length; a ``pair`` for two files.
        """
        with ExitStack() as files:
            lines = files.enter_context(Lines(path))
            if target is None:

                def read(row: int) -> tuple[str, str]:
                    line = lines[row]
                    try:
                        return pair(line)
                    except ValueError as error:
                        raise ValueError(f"{lines.where(row)}: {error}") from None

                corpus = cls(len(lines), read, lines.where, str(path))
            else:
                if pair is not tab_separated:
                    raise ValueError(f"{path} and {target} are two files; a pair of one line comes from a single file")
                targets = files.enter_context(Lines(target))
                if len(lines) != len(targets):
                    raise ValueError(f"{path} has {len(lines)} lines and {target} {len(targets)}; give as many in each")

                def parallel(row: int) -> tuple[str, str]:
                    for file in (lines, targets):
                        if "\t" in file[row]:
                            raise ValueError(f"{file.where(row)}: {_TAB}")
                    return lines[row], targets[row]

                corpus = cls(
                    len(lines),
                    parallel,
                    lambda row: f"{lines.where(row)} and {targets.where(row)}",
                    f"{path} and {target}",
                )
            corpus._files = files.pop_all()
        return corpus

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], name: str) -> Corpus:
        """Pairs in memory.

        Args:
            pairs: source and target of each.
            name: what messages call them; the n-th pair is ``name:n``.

        Raises:
            ValueError: no pair; a text that is empty or could not stand in a file.

        Example:
            >>> corpus = Corpus.of([("cab", "K AE B"), ("bad", "B AE D")], "words")
            >>> corpus[1].target, len(corpus), corpus.where(1)
            ('B AE D', 2, 'words:2')
        """
        found = [(unicodedata.normalize("NFC", a), unicodedata.normalize("NFC", b)) for a, b in pairs]
        for row, (source, target) in enumerate(found):
            if "\t" in source or "\t" in target:
                raise ValueError(f"{name}:{row + 1}: {_TAB}")
            if _NO_TEXT.search(source) or _NO_TEXT.search(target):
                raise ValueError(f"{name}:{row + 1}: a NUL or half of a surrogate pair in the text; remove it")
        return cls(len(found), found.__getitem__, lambda row: f"{name}:{row + 1}", name)

    def __enter__(self) -> Corpus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; no text can be read after that."""
        self._files.close()

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, row: SupportsIndex) -> Pair: ...

    @overload
    def __getitem__(self, row: slice) -> list[Pair]: ...

    def __getitem__(self, row: SupportsIndex | slice) -> Pair | list[Pair]:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        number = range(len(self))[operator.index(row)]
        pair = Pair(*self._read(number))
        for side, text in zip(Pair._fields, pair, strict=True):
            if not text or text.isspace():
                raise ValueError(f"{self.where(number)}: the {side} is empty; give it a text, or leave the pair out")
        return pair
