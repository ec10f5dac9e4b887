"""A text file of symbols, one a line, that people can read and edit, and from which every symbol comes back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

LARGEST = 1 << 26  # bytes of a file: some millions of symbols
_ESCAPE = re.compile(r"\\\\|\\u\{([0-9a-f]{1,6})\}")
_LINE = re.compile(rf"(?:{_ESCAPE.pattern}|[^\\\s\x00-\x1f\x7f-\x9f])+")


def write(path: str | Path, symbols: Iterable[str]) -> None:
    """Write symbols, UTF-8.

    What would not be seen in one, a space, a newline or another control character, stands by its code point,
    ``\\u{20}``, and a backslash is doubled.

    Args:
        path: of the file.
        symbols: each of at least one character, and there once.

    Raises:
        OSError: a path that cannot be written.
        ValueError: more than `read` would take.
    """
    data = "".join(f"{_escaped(symbol)}\n" for symbol in symbols).encode()
    if len(data) > LARGEST:
        raise ValueError(f"{path}: {len(data):,} bytes of symbols are more than {LARGEST:,}; leave out rare ones")
    Path(path).write_bytes(data)


def read(path: str | Path) -> tuple[str, ...]:
    """Read what `write` wrote, at least one symbol.

    Raises:
        OSError: a file that cannot be read.
        ValueError: a file that is too large or no UTF-8 text; a line that is no symbol, or one that an earlier line
            has: ``file:line``.
    """
    with Path(path).open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes; give a file with one symbol a line")
    try:
        lines = data.decode("utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: no UTF-8 ({error.reason}); save the file as UTF-8") from None
    first: dict[str, int] = {}
    for number, text in enumerate(lines, start=1):
        if (line := first.setdefault(_symbol(text, f"{path}:{number}"), number)) != number:
            raise ValueError(f"{path}:{number}: {text!r} is there twice, first in line {line}; give each symbol once")
    return tuple(first)


def _escaped(symbol: str) -> str:
    return "".join("\\\\" if c == "\\" else c if c.isprintable() and c != " " else f"\\u{{{ord(c):x}}}" for c in symbol)


def _symbol(line: str, where: str) -> str:
    """Undo `_escaped`. Which characters are printable is not asked: that changes from one Python to the next."""
    if not _LINE.fullmatch(line) or any(int(code or "0", 16) > sys.maxunicode for code in _ESCAPE.findall(line)):
        raise ValueError(f"{where}: {line!r} is no symbol; give one a line, a space as \\u{{20}}, a backslash as \\\\")
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else "\\", line)
