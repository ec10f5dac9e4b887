"""The text of a diagram: Mermaid as the seed writes it, read into a Graph and written from one."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

from seq2seq_attn.graph import Graph, GraphError, Operation, Value

# Words of Mermaid's own grammar: a node of that name is drawn wrongly or not at all.
RESERVED = frozenset(
    {
        "end",
        "graph",
        "flowchart",
        "subgraph",
        "direction",
        "style",
        "linkStyle",
        "classDef",
        "class",
        "click",
        "href",
        "call",
        "default",
        "interpolate",
    }
)

_ID = r"([A-Za-z_][A-Za-z0-9_]*)"
_HEAD = re.compile(r"(graph|flowchart) +(TD|TB|BT|LR|RL)")
_SUBGRAPH = ("subgraph", 'subgraph " "')  # as the seed writes it, and as Mermaid from version 10 on wants it
_VALUE = re.compile(rf'{_ID}\["([^"]*)"\]')
_OPERATION = re.compile(rf"{_ID}\[([A-Za-z0-9_ ,.+-]+)\]")
_ARROW = re.compile(rf"{_ID} *--> *{_ID}")


def parse(text: str, name: str = "diagram") -> Graph:
    """Read a diagram; diagrams/README.md is its notation.

    Args:
        text: Mermaid. ``id["symbol_{subscript} word"]`` is a value, ``id[kind]`` in an unlabelled subgraph an
            operation, and ``-->`` an arrow from one to the other.
        name: what errors call the text, usually its file.

    Raises:
        ValueError: ``name:line: why``, for whatever is not of this form or makes no graph.
    """
    values: list[Value] = []
    kinds: list[tuple[str, str]] = []
    arrows: list[tuple[str, str]] = []
    lines: dict[str | tuple[str, str], int] = {}
    number, inside, headed = 0, 0, False

    def refuse(line: int, why: object) -> NoReturn:
        raise ValueError(f"{name}:{line}: {why}") from None

    for number, line in enumerate(map(str.strip, text.removeprefix("\ufeff").splitlines()), start=1):
        if not line or line.startswith("%%"):
            continue
        if not headed:
            headed = _HEAD.fullmatch(line) is not None
            if not headed:
                refuse(number, f"a diagram begins with 'graph TD'; got {line!r}")
        elif line in _SUBGRAPH and not inside:
            inside = number
        elif line == "end" and inside:
            inside = 0
        elif match := _ARROW.fullmatch(line):
            source, target = match.groups()
            arrows.append((source, target))
            lines[source, target] = number
        elif match := _VALUE.fullmatch(line) or _OPERATION.fullmatch(line):
            id, label = match.groups()
            if id in RESERVED:
                refuse(number, f"{id!r} is a word of Mermaid's own and cannot be an id; call it {id}_")
            is_value = match.re is _VALUE
            if is_value == bool(inside):
                rule = "a value stands outside" if is_value else "an operation stands inside"
                refuse(number, f"{rule} 'subgraph … end'; got {line!r}")
            lines[id] = number
            if is_value:
                try:
                    values.append(Value.parse(label, id))
                except ValueError as error:
                    refuse(number, error)
            else:
                kinds.append((id, label))
        else:
            refuse(number, f'neither a value id["s_{{i}} word"], an operation id[kind] nor an arrow a --> b: {line!r}')
    if inside or not headed:
        refuse(inside or max(number, 1), "this subgraph has no end" if inside else "the diagram is empty")

    inputs: dict[str, list[str]] = {id: [] for id, _ in kinds}
    results: dict[str, list[str]] = {id: [] for id, _ in kinds}
    known = {value.id for value in values}
    for source, target in arrows:
        for id in (source, target):
            if id not in known and id not in inputs:
                refuse(lines[source, target], f"{id!r} is not declared")
        if (source in known) == (target in known):
            both = "values" if source in known else "operations"
            refuse(lines[source, target], f"{source} --> {target} joins two {both}; an arrow joins one of each")
        if target in inputs:
            inputs[target].append(source)
        else:
            results[source].append(target)
    for id, made in results.items():
        if len(made) != 1:
            at = lines[id] if not made else lines[id, made[-1]]
            if len(set(made)) < len(made):
                refuse(at, f"arrow {id} → {made[-1]} is there twice")
            refuse(at, f"operation {id} makes {len(made)} values ({', '.join(made)}); it has one arrow out")
    places = {subject: f"{name}:{number}" for subject, number in lines.items()}
    try:
        return Graph(values, (Operation(id, kind, tuple(inputs[id]), results[id][0]) for id, kind in kinds), places)
    except GraphError as error:
        refuse(lines[error.subject], error)


def emit(graph: Graph) -> str:
    """Write a graph as Mermaid, so that ``parse(emit(graph)) == graph`` and Mermaid of today renders it.

    Raises:
        ValueError: an id or a kind that the notation cannot write.
    """
    for id in (*graph.values, *graph.operations):
        if id in RESERVED or not re.fullmatch(_ID, id):
            raise ValueError(f"{id!r} cannot be an id in Mermaid; use a letter, then letters, digits and _")
    lines = ["graph TD"]
    lines += [f'{value.id}["{value}"]' for value in graph.values.values()]
    for operation in graph.operations.values():
        if not _OPERATION.fullmatch(text := f"{operation.id}[{operation.kind}]"):
            raise ValueError(f"{operation.kind!r} cannot be a kind; use letters, digits, spaces and _ , . + -")
        lines += [_SUBGRAPH[1], f"    {text}", "end"]
    lines += ["", *(f"{source} --> {target}" for source, target in graph.arrows)]
    return "\n".join(lines) + "\n"


def shipped() -> dict[str, str]:
    """The text of every diagram that comes with the package, by name."""
    package = files("seq2seq_attn")
    folder = package / "diagrams"  # in an installed package; in a checkout the folder stands beside the package
    if not folder.is_dir():
        folder = Path(str(package)).parent / "diagrams"
    return {
        entry.name.removesuffix(".mmd"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".mmd")
    }


def load(diagram: str | Path, *, files: bool = True) -> Graph:
    """Read a diagram that is given by its text, as a file that ends in ``.mmd``, or by the name of one that ships.

    Args:
        diagram: which.
        files: whether it may be a file.

    Raises:
        ValueError: an unknown name, or a text that is no diagram.
        OSError: a file that cannot be read.
    """
    text = str(diagram)
    if "\n" in text:
        return parse(text)
    if text.endswith(".mmd") and files:
        try:
            return parse(Path(text).read_text(encoding="utf-8"), text)
        except UnicodeDecodeError as error:
            raise ValueError(f"{text} is no UTF-8 text: {error.reason} at byte {error.start}") from None
    diagrams = shipped()
    if text not in diagrams:
        names = f"{', '.join(diagrams)}{', or give a .mmd file' if files else ''}"
        raise ValueError(f"no diagram is called {text!r}; there are {names}")
    return parse(diagrams[text], f"{text}.mmd")
