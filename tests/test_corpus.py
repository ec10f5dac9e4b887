from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_attn.data import lines
from seq2seq_attn.data.corpus import Corpus, Pair
from seq2seq_attn.data.lines import Lines

# No tab, no end of a line, nothing that a text may not hold; a full stop, so that a text is never blank.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n")).map(lambda text: f"{text}.")
PAIRS = [("cab", "K AE B"), ("b\u2028é", "B\u0085 EH"), ("d", "D")]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@given(pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1), marked=st.booleans(), ended=st.booleans(), crlf=st.booleans())
def test_a_file_holds_the_pairs_that_were_written_whatever_its_form(
    pairs: list[tuple[str, str]], marked: bool, ended: bool, crlf: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    columns = [[f"{source}\t{target}" for source, target in pairs], *map(list, zip(*pairs, strict=True))]
    paths = [folder / name for name in ("pairs.tsv", "sources.txt", "targets.txt")]
    for path, column in zip(paths, columns, strict=True):
        end = "\r\n" if crlf else "\n"
        path.write_bytes(b"\xef\xbb\xbf" * marked + (end.join(column) + end * ended).encode())
    memory = Corpus.of(pairs, "memory")
    with Corpus.open(paths[0]) as single, Corpus.open(paths[1], paths[2]) as parallel:
        assert list(single) == list(parallel) == list(memory)
        assert single.digest == parallel.digest == memory.digest
    composed = [tuple(unicodedata.normalize("NFC", text) for text in pair) for pair in pairs]
    assert list(memory) == composed


def test_a_text_is_composed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "e\u0301\to\u0308\n".encode())
    with Corpus.open(path) as corpus:
        assert corpus[0] == Corpus.of([("e\u0301", "o\u0308")], "memory")[0] == ("é", "ö")


def test_a_corpus_is_a_sequence(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "".join(f"{source}\t{target}\n" for source, target in PAIRS).encode())
    with Corpus.open(path) as corpus:
        assert len(corpus) == 3
        assert corpus[-1] == corpus[np.int64(2)] == Pair("d", "D")
        assert corpus[:2] == PAIRS[:2]
        assert corpus.where(2) == f"{path}:3"
        with pytest.raises(IndexError):
            corpus[3]
        with pytest.raises(IndexError):
            corpus[-4]


def test_the_digest_tells_other_pairs_and_another_order() -> None:
    one = [("a", "b"), ("c", "d")]
    others = [one[:1], one[::-1], [("a", "b"), ("c", "e")], [("ab", "c"), ("d", "e")], [("a", "bc"), ("d", "e")]]
    assert len({Corpus.of(pairs, "memory").digest for pairs in [one, *others]}) == 6
    assert Corpus.of(one, "x").digest == Corpus.of(one, "y").digest


def test_lines_are_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.txt", "one\n\ntwoé\nthree".encode())
    for size in range(1, 20):
        monkeypatch.setattr(lines, "_BLOCK", size)
        with Lines(path) as found:
            assert list(found) == ["one", "", "twoé", "three"]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_no_bytes_has_no_lines(content: bytes, tmp_path: Path) -> None:
    with Lines(written(tmp_path / "a.txt", content)) as found:
        assert list(found) == []


def test_a_parser_of_ones_own_reads_the_lines(tmp_path: Path) -> None:
    def swapped(line: str) -> tuple[str, str]:
        source, target = line.split(" <- ")
        return target, source

    path = written(tmp_path / "a.txt", b"a <- b\nc <- d\n")
    with Corpus.open(path, pair=swapped) as corpus:
        assert list(corpus) == [("b", "a"), ("d", "c")]
    written(path, b"a <- b\nc\n")
    with pytest.raises(ValueError, match=r"a\.txt:2: not enough values to unpack"):
        Corpus.open(path, pair=swapped)
    with pytest.raises(ValueError, match="are two files; a pair of one line comes from a single file"):
        Corpus.open(path, path, pair=swapped)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.tsv holds no pair; give at least one line"),
        (b"a\tb\nc\n", "a.tsv:2: fields: 1; give two, source and target, with a tab between them"),
        (b"a\tb\tc\n", "a.tsv:1: fields: 3; give two"),
        (b"a\tb\n\nc\td\n", "a.tsv:2: fields: 1; give two"),
        (b"a\tb\n\n", "a.tsv:2: fields: 1; give two"),
        (b"a\tb\n\td\n", "a.tsv:2: the source is empty; give it a text, or leave the pair out"),
        (b"a\tb\nc\t \n", "a.tsv:2: the target is empty; give it a text, or leave the pair out"),
        (b"a\tb\nc\xff\td\n", "a.tsv:2: no UTF-8, invalid start byte at byte 2 of the line; save the file as UTF-8"),
        (b"a\tb\nc\t\xed\xa0\x80\n", "a.tsv:2: no UTF-8, invalid continuation byte at byte 3 of the line"),
        ("a\tb\n".encode("utf-16"), "a.tsv:1: no UTF-8, invalid start byte at byte 1 of the line"),
        (b"a\tb\nc\0\td\n", "a.tsv:2: a NUL in the text; remove it"),
        (b"a\tb\rc\td\n", "a.tsv:1: a carriage return in the text; remove it"),
    ],
)
def test_a_file_that_is_no_corpus_is_refused_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", content)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{tmp_path}/{message}')}"):
        Corpus.open(path)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (b"x\ny\n", "a.txt has 3 lines and {0}/b.txt 2; give as many in each"),
        (b"x\n\nz\n", "a.txt:2 and {0}/b.txt:2: the target is empty; give it a text, or leave the pair out"),
        (b"x\n\xff\nz\n", "b.txt:2: no UTF-8, invalid start byte at byte 1 of the line"),
    ],
)
def test_two_files_that_are_no_corpus_are_refused(targets: bytes, message: str, tmp_path: Path) -> None:
    source, target = written(tmp_path / "a.txt", b"a b\nc\nd"), written(tmp_path / "b.txt", targets)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{tmp_path}/{message.format(tmp_path)}')}"):
        Corpus.open(source, target)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "words holds no pair"),
        ([("a", "b"), ("", "c")], "words:2: the source is empty"),
        ([("a", "b"), ("a\tb", "c")], "words:2: a tab in a text; files of pairs and of predictions have it between"),
        ([("a", "b\0")], "words:1: a NUL or half of a surrogate pair in the text; remove it"),
        ([("a", "b"), ("\udfff", "c")], "words:2: a NUL or half of a surrogate pair in the text"),
    ],
)
def test_pairs_that_are_no_corpus_are_refused(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Corpus.of(pairs, "words")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.tsv"):
        Corpus.open(tmp_path / "a.tsv")
    with pytest.raises(FileNotFoundError, match=r"b\.txt"):
        Corpus.open(written(tmp_path / "a.txt", b"a\n"), tmp_path / "b.txt")


def test_a_pipe_is_refused() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(ValueError, match=f"/dev/fd/{reading} is a pipe, which can be read only once; give a file"):
            Corpus.open(f"/dev/fd/{reading}")
    finally:
        os.close(reading)


def test_a_closed_corpus_gives_no_text(tmp_path: Path) -> None:
    corpus = Corpus.open(written(tmp_path / "a.tsv", b"a\tb\n"))
    corpus.close()
    with pytest.raises(ValueError, match=r"a\.tsv is closed; read it while it is open"):
        corpus[0]


@pytest.mark.parametrize("side", [0, 1])
def test_a_tab_in_a_parallel_file_is_refused_with_its_line(side: int, tmp_path: Path) -> None:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text("one\ntwo\n")
    paths[side].write_text("one\nt\two\n")
    with pytest.raises(ValueError, match=rf"{paths[side].name}:2: a tab in a text; .* replace it by a space"):
        Corpus.open(*paths)
