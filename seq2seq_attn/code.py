"""Where the code of a class stands, and its equation: read from the file, so that nothing has to be loaded for it."""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
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
    is_on_top = cls.__qualname__ == cls.__name__ and file.is_file()
    found = read(file, cls.__name__) if is_on_top else None
    return found or Code(cls.__name__, file, 0, equation(inspect.getdoc(cls) or ""))


def read(file: Path, name: str) -> Code | None:
    """The code of a class at the top level of a file; None if it is not there, or the file is compiled or broken."""
    return _classes(file, file.stat().st_mtime_ns).get(name) if file.suffix == ".py" else None


@cache
def _classes(file: Path, changed: int) -> dict[str, Code]:
    """The classes at the top level of a file, as it was when it was last ``changed``."""
    try:
        with tokenize.open(file) as text:  # in the encoding that it says it has
            tree = ast.parse(text.read())
    except (SyntaxError, ValueError):  # edited since it was loaded
        return {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: Code(node.name, file, node.lineno, equation(ast.get_docstring(node) or "")) for node in classes}


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
