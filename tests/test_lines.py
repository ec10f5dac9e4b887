"""The lines of a stream are those of a file: same texts, same errors. test_corpus.py has what a file's lines are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seq2seq_attn.data.lines import Lines, stream

PIECES = [
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b"\r",
    b"a",
    "e\u0301".encode(),
    "\u2028".encode(),
    b"\0",
    b"\xff",
    b"\t",
    b" ",
]


def outcome(lines: Iterable[str]) -> tuple[list[str], str]:
    """The texts, and what was raised behind them."""
    found: list[str] = []
    try:
        for line in lines:
            found.append(line)
    except ValueError as error:
        return found, str(error)
    return found, ""


@given(content=st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
@example(content=b"")
@example(content=b"\xef\xbb\xbf")
@example(content=b"\xef\xbb\xbf\n\xef\xbb\xbfa")
def test_a_stream_has_the_lines_of_the_file_and_its_errors(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(content)
    with Lines(path) as lines:
        assert outcome(stream(BytesIO(content), str(path))) == outcome(lines)


def test_a_line_of_a_stream_is_there_before_the_next_one_is_written() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)  # who asks for more than there is finds the end, and does not wait for ever
    with open(reading, "rb") as reader, open(writing, "wb", buffering=0) as writer:
        lines = stream(reader, "<stdin>")
        for text in ("cab", "", "bad"):
            writer.write(f"{text}\n".encode())
            assert next(lines) == text
