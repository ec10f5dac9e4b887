"""Where the code of a class stands, and its equation: found without loading it, the same as when it is loaded."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from seq2seq_attn import code
from seq2seq_attn.kinds import known
from seq2seq_attn.signature import Kind

KINDS = {f"{kind.label} ({kind.axes})": kind for kind in known()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_has_a_file_a_line_and_an_equation_found_without_loading_it(kind: Kind) -> None:
    found = code.of(kind.load())
    assert kind.code() == found
    assert found.file == kind.file()
    lines = Path(found.file or "").read_text(encoding="utf-8").splitlines()
    assert lines[found.line - 1].startswith(f"class {found.name}(")
    assert "=" in found.equation and "\n" not in found.equation


def test_a_class_of_another_package_has_its_file_and_no_equation() -> None:
    found = code.of(nn.GRUCell)
    assert (found.name, found.file, found.equation) == ("GRUCell", Path(inspect.getfile(nn.GRUCell)), "")
    assert found.line == inspect.getsourcelines(nn.GRUCell)[1]


def test_a_class_without_a_file_keeps_its_equation() -> None:
    namespace = {"__name__": "notebook", "torch": torch}
    exec('class Cell(torch.nn.Module):\n    """Node `c`: c_i = 2 h_j."""', namespace)
    assert code.of(namespace["Cell"]) == code.Code("Cell", None, 0, "c_i = 2 h_j")  # type: ignore[arg-type]


def test_a_class_inside_a_function_has_the_file_and_no_line() -> None:
    class Inner(nn.Module):
        """Node `c`: c_i = 2 h_j."""

    assert code.of(Inner) == code.Code("Inner", Path(__file__), 0, "c_i = 2 h_j")


def test_a_class_inside_a_function_is_not_taken_for_one_at_the_top_of_the_file() -> None:
    class Top(nn.Module):
        """Node `c`: c_i = 2 h_j."""

    assert code.of(Top) == code.Code("Top", Path(__file__), 0, "c_i = 2 h_j")


class Top:
    """Of the same name as a class inside a function."""


def test_a_file_is_read_in_its_own_encoding(tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_bytes('# coding: latin-1\nclass Cell:\n    "Node `\xfc`: c_i = \xfc h_j."\n'.encode("latin-1"))
    assert code.read(file, "Cell") == code.Code("Cell", file, 2, "c_i = \xfc h_j")


@pytest.mark.parametrize("broken", [b"class Cell:\n    def (", b"class Cell: '\xff'", b"class Cell: '\0'"])
def test_a_file_that_was_broken_since_it_was_loaded_tells_no_line(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "cell.py"
    file.write_bytes(broken)
    assert code.read(file, "Cell") is None


def test_a_compiled_file_is_not_read(tmp_path: Path) -> None:
    compiled = tmp_path / "cell.so"
    compiled.write_bytes(b"\x7fELF\xff")
    assert code.read(compiled, "Cell") is None


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_text('class Cell:\n    """Node `c`: c_i = h_i."""\n')
    os.utime(file, (1, 1))
    assert code.read(file, "Cell") == code.Code("Cell", file, 1, "c_i = h_i")
    file.write_text('\nclass Cell:\n    """Node `c`: c_i = 2 h_i."""\n')
    assert code.read(file, "Cell") == code.Code("Cell", file, 2, "c_i = 2 h_i")
