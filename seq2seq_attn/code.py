"""Where the code of a class stands, and its equation: read from the file, so that nothing has to be loaded for it."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """A class in its file.

    Attributes:
        name: of the class.
        file: where it stands; None for a class of a notebook.
        line: of its definition, counted from 1; 0 without a file.
        equation: the first line of its docstring without what comes before the equation; empty if there is none.
    """

    name: str
    file: Path | None
    line: int
    equation: str


def of(cls: type) -> Code:
    """The code of a class that is loaded."""
    try:
        file = Path(inspect.getfile(cls))
    except (OSError, TypeError):
        return Code(cls.__name__, None, 0, equation(inspect.getdoc(cls) or ""))
    found = read(file, cls.__name__) if file.is_file() else None
    return found or Code(cls.__name__, file, 0, equation(inspect.getdoc(cls) or ""))


@cache
def read(file: Path, name: str) -> Code | None:
    """The code of a class at the top level of a file; None if it is not there, or the file is compiled."""
    if file.suffix != ".py":
        return None
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Code(name, file, node.lineno, equation(ast.get_docstring(node) or ""))
    return None


def equation(docstring: str) -> str:
    """What a docstring's first line says behind its colon: ``Node `wsum`: c_i = sum_j alpha_ij h_j.``

    >>> equation("Node `wsum`: c_i = sum_j alpha_ij h_j.")
    'c_i = sum_j alpha_ij h_j'
    >>> equation("A layer without one.")
    ''
    """
    first = docstring.strip().partition("\n")[0].rstrip(".")
    match = re.search(r": (.*=.*)$", first)
    return match[1] if match else ""
