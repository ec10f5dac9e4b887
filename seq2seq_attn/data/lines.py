"""The lines of a text: of a file, which may be larger than memory, or of a stream, which can be read once."""

from __future__ import annotations

import mmap
import operator
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

_MARK = b"\xef\xbb\xbf"  # the byte order mark that some editors put before UTF-8
_BLOCK = 1 << 20  # bytes


class Lines(Sequence[str]):
    """The lines of a UTF-8 file, each read from a memory map, checked and composed (NFC) when it is asked for.

    A line ends with LF or CRLF, the last one with or without; whatever else Unicode calls a line break is text. A byte
    order mark at the start is left out. In memory are 8 bytes a line. The file has to stay as it is meanwhile.

    Args:
        path: of the file.

    Raises:
        OSError: a file that cannot be read.
        ValueError: a pipe; a line that is asked for and is no UTF-8, or holds a NUL or a CR, with ``file:line``; any
            line after `close`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            if not file.seekable():
                raise ValueError(f"{path} is a pipe, which can be read only once; give a file")
            self._starts = _starts(file)
            # A file of no bytes cannot be mapped, and has no line that could be asked for.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self._starts[-1] else mmap.mmap(-1, 1)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def where(self, row: int) -> str:
        """``file:line`` of a row, which counts from 0."""
        return f"{self.path}:{row + 1}"

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, row: SupportsIndex) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: SupportsIndex | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        number = range(len(self))[operator.index(row)]  # from the end, too; IndexError beyond
        if self._map.closed:
            raise ValueError(f"{self.path} is closed; read it while it is open")
        return _text(self._map[self._starts[number] : self._starts[number + 1]], self.path, number + 1)


def stream(file: BinaryIO, name: str) -> Iterator[str]:
    """The lines of what can be read once, a pipe or a terminal: each as `Lines` has it, as soon as it is there.

    Args:
        file: open for bytes.
        name: what errors call it.

    Raises:
        ValueError: a line that is no UTF-8, or holds a NUL or a CR, with ``name:line``.

    Example:
        >>> from io import BytesIO
        >>> list(stream(BytesIO(b"cab\\r\\n\\nbad"), "words"))
        ['cab', '', 'bad']
    """
    first = file.readline().removeprefix(_MARK)
    for number, line in enumerate(chain([first] if first else [], file), start=1):
        yield _text(line, name, number)


def _text(line: bytes, name: str | Path, number: int) -> str:
    """What stands in a line, composed and without its end; its ``name:number`` is for what it raises."""
    data = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        fault = f"no UTF-8, {error.reason} at byte {error.start + 1} of the line; save the file as UTF-8"
        raise ValueError(f"{name}:{number}: {fault}") from None
    for character, called in (("\0", "NUL"), ("\r", "carriage return")):
        if character in text:
            raise ValueError(f"{name}:{number}: a {called} in the text; remove it")
    return unicodedata.normalize("NFC", text)


def _starts(file: BinaryIO) -> NDArray[np.int64]:
    """Where each line begins, and where the last one ends, in bytes."""
    size = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
    file.seek(size)
    found = [np.array([size], dtype=np.int64)]
    ended = True
    while block := file.read(_BLOCK):
        found.append(np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")).astype(np.int64) + size + 1)
        size += len(block)
        ended = block.endswith(b"\n")
    if not ended:
        found.append(np.array([size], dtype=np.int64))
    return np.concatenate(found)
