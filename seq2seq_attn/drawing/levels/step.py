"""The diagram itself: values, operations and arrows of a graph, or of two graphs laid one over the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference, Fate, Pair
from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Scene
from seq2seq_attn.graph import Operation, Value
from seq2seq_attn.whole import OUTSIDE

BANDS = {"before": "before the loop", "inside": "inside the loop, once a step", "after": "after the loop"}

T = TypeVar("T")


def step(
    difference: Difference,
    title: str,
    *,
    bands: Mapping[str, str] | None = None,
    codes: Mapping[str, Code] | None = None,
) -> Scene:
    """The scene of a step, or of the whole model around it, whose step then stands in a frame.

    Args:
        difference: what to draw; of a graph laid over itself, the graph.
        title: what the picture is of.
        bands: where in a run of the loop an operation stands, by its id: a key of ``BANDS``. The values that it makes
            stand there too; inputs stand outside.
        codes: the code behind an operation, by its id.
    """
    bands, codes = dict(bands or {}), dict(codes or {})
    boxes = [value_box(difference, id) for id in difference.values]
    boxes += [operation_box(difference, id, codes.get(id)) for id in difference.operations]
    arrows = [
        Arrow(source, target, fate=arrow.fate, tooltip=_only(difference, arrow.fate))
        for (source, target), arrow in difference.arrows.items()
    ]
    for (now, before), arrow in difference.recurrences.items():
        words = [difference.values[id].last.word for id in (now, before)]
        tooltip = f"{words[0]} of this step is {words[1]} of the next"
        arrows.append(Arrow(now, before, "recurrence", "", _only(difference, arrow.fate, tooltip), arrow.fate))
    for (output, symbol), arrow in difference.choices.items():
        tooltip = "the symbol chosen by the output of this step begins the next"
        arrows.append(Arrow(output, symbol, "recurrence", "", _only(difference, arrow.fate, tooltip), arrow.fate))
    for (first, before), arrow in difference.beginnings.items():
        words = [difference.values[id].last.word for id in (first, before)]
        tooltip = f"{words[0]} is {words[1]} of the first step"
        arrows.append(Arrow(first, before, "handed", "", _only(difference, arrow.fate, tooltip), arrow.fate))
    frames = tuple(_bands(difference, bands)) if bands else tuple(_step_of_whole(difference))
    return Scene(title, tuple(boxes), tuple(arrows), frames, tuple(_downwards(difference, bands)))


def compared(difference: Difference, title: str, *, codes: Mapping[str, Code] | None = None) -> Scene:
    """The scene of two graphs in one, with a line above it that says which, and what each fate means."""
    old, new = difference.names
    caption = f"no difference: {old} and {new} are the same diagram" if difference.same else f"{old} → {new}"
    known: dict[Fate, str] = {"added": f"only in {new}", "gone": f"only in {old}", "changed": "changed"}
    fates = tuple((fate, words) for fate, words in known.items() if _has(difference, fate))
    return replace(step(difference, title, codes=codes), caption=caption, fates=fates)


def value_box(difference: Difference, id: str) -> Box:
    """The symbol with its subscript, and the word below; what was another before stands above, struck through."""
    pair, fate = difference.values[id], difference.fate(id)
    tooltip = " → ".join(dict.fromkeys(str(value) for value in (pair.before, pair.after) if value))
    lines = _versions(pair, symbol_line) + _versions(pair, lambda value: Line(value.word, "quiet"))
    return Box(id, "value", tuple(lines), _only(difference, fate, tooltip), fate=fate)


def operation_box(difference: Difference, id: str, code: Code | None = None) -> Box:
    """The kind, and the id below; between them the order of the arguments, if no arrow tells how it changed."""
    pair, fate = difference.operations[id], difference.fate(id)
    tooltip = " → ".join(dict.fromkeys(f"{id}[{o.kind}]" for o in (pair.before, pair.after) if o))
    if code is not None and code.equation:
        tooltip = f"{tooltip}: {code.equation}"
    lines = _versions(pair, lambda operation: Line(operation.kind, "strong"))
    if difference.rewired(id):
        words = {value: pair.last.word for value, pair in difference.values.items()}
        lines += _versions(pair, lambda operation: Line(_arguments(operation, words), "quiet"))
    lines.append(Line(id, "quiet"))
    return Box(id, "operation", tuple(lines), _only(difference, fate, tooltip), code, fate)


def symbol_line(value: Value) -> Line:
    """The letter of a value, with its subscript."""
    return Line(letter(value.symbol), "symbol", value.subscript.replace("-", "\N{MINUS SIGN}"))


def letter(symbol: str) -> str:
    """The letter of a Greek name, else the symbol itself.

    >>> letter("alpha"), letter("Omega"), letter("s")
    ('α', 'Ω', 's')
    """
    case = "SMALL" if symbol.islower() else "CAPITAL"
    name = symbol.upper().replace("LAMBDA", "LAMDA")  # Unicode's spelling
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {name}")
    except (KeyError, UnicodeError):  # half a character has no name to look up
        return symbol


def _has(difference: Difference, fate: Fate) -> bool:
    ids = (*difference.values, *difference.operations)
    links = (difference.arrows, difference.recurrences, difference.choices, difference.beginnings)
    return any(difference.fate(id) == fate for id in ids) or any(
        pair.fate == fate for pairs in links for pair in pairs.values()
    )


def _versions(pair: Pair[T], show: Callable[[T], Line]) -> list[Line]:
    """What is shown of a pair: once if it is alike in both, else the old one (struck) before the new one."""
    if pair.after is None:
        return [replace(show(pair.last), struck=True)]
    new = show(pair.after)
    if pair.before is None or show(pair.before) == new:
        return [new]
    return [replace(show(pair.before), struck=True), new]


def _arguments(operation: Operation, words: Mapping[str, str]) -> str:
    return f"({', '.join(words[source] for source in operation.inputs)})"


def _only(difference: Difference, fate: Fate, what: str = "") -> str:
    """A tooltip, with a word on what only one of two graphs has."""
    if fate not in ("added", "gone"):
        return what
    where = f"only in {difference.names[fate == 'added']}"
    return f"{what}, {where}" if what else where


def _bands(difference: Difference, bands: Mapping[str, str]) -> Iterator[Frame]:
    place = dict(bands) | {pair.last.output: bands[id] for id, pair in difference.operations.items() if id in bands}
    ids = (*difference.values, *difference.operations)
    for band, words in BANDS.items():
        if band in bands.values():
            inside = tuple(id for id in ids if place.get(id) == band)
            yield Frame(band, words, inside, "active" if band == "inside" else "quiet")


def _step_of_whole(difference: Difference) -> Iterator[Frame]:
    """In the picture of a whole model, the step: its operations, what they make, and what they are handed."""
    operations = {id: pair.last for id, pair in difference.operations.items()}
    if "encoder" not in operations:
        return
    outside = {operation.output for id, operation in operations.items() if id in OUTSIDE and id != "embed_target"}
    inside = [operation for id, operation in operations.items() if id not in OUTSIDE]
    used = {id for operation in inside for id in (*operation.inputs, operation.output)} - outside
    values = [id for id in difference.values if id in used and "i" in difference.values[id].last.axes]
    yield Frame("step", "the decoder, once a step", (*values, *(o.id for o in inside)), "active")


def _downwards(difference: Difference, bands: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """From what a band ends with to what the next begins with, so that the second stands below: time goes down."""
    steps = {band: [pair.last for id, pair in difference.operations.items() if bands.get(id) == band] for band in BANDS}
    for earlier, later in pairwise(band for band in BANDS if steps[band]):
        read = {source for operation in steps[earlier] for source in operation.inputs}
        made = {operation.output for operation in steps[later]}
        starts = [operation.id for operation in steps[later] if made.isdisjoint(operation.inputs)]
        for operation in steps[earlier]:
            if operation.output not in read:
                yield from ((operation.output, start) for start in (f"{later}-words", *starts))
