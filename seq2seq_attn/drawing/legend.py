"""What the shapes, strokes and strips of a picture mean, drawn beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from seq2seq_attn.drawing.scene import Arrow, Box, Frame, Line, Role, Scene, Way

_ROLES: dict[Role, str] = {
    "value": "value: a tensor",
    "operation": "operation: a module",
    "tensor": "tensor operation",
    "parameter": "parameter",
    "position": "source position",
    "hidden": "what no diagram shows",
}
_WAYS: dict[Way, str] = {
    "recurrence": "handed on to the next step",
    "handed": "handed to a step",
    "hidden": "what no diagram shows",
}
_SIGNED = tuple(number / 5 for number in range(-5, 6))
_SHARES = tuple(number / 10 for number in range(11))


def with_legend(scene: Scene) -> Scene:
    """The same scene, and beside it one of each kind of thing in it, with a word on what that means; once."""
    if any(frame.id == "legend" for frame in scene.frames):
        return scene
    samples, arrows = list(_samples(scene)), list(_arrows(scene))
    ends = [Box(f"{box.id}-end", "words", (Line(" "),)) for box, _ in arrows]
    boxes = [*samples, *(box for box, _ in arrows)]
    return replace(
        scene,
        boxes=(*scene.boxes, *boxes, *ends),
        arrows=(*scene.arrows, *(arrow for _, arrow in arrows)),
        frames=(*scene.frames, Frame("legend", "legend", tuple(box.id for box in (*boxes, *ends)))),
        order=(*scene.order, *pairwise(box.id for box in boxes)),
    )


def _samples(scene: Scene) -> Iterator[Box]:
    """A box of each kind that is there, and a strip of each kind."""
    roles = {box.role for box in scene.boxes}
    for role, text in _ROLES.items():
        if role in roles:
            yield Box(f"legend-{role}", role, (Line(text),))
    for fate, text in scene.fates:
        yield Box(f"legend-{fate}", "value", (Line(text, struck=fate == "gone"),), fate=fate)
    charts = {box.signed for box in scene.boxes if box.chart}
    if True in charts:
        yield Box("legend-numbers", "words", (Line("numbers, from below to above 0"),), chart=_SIGNED)
    if False in charts:
        yield Box("legend-shares", "words", (Line("shares, from 0 to 1"),), chart=_SHARES, signed=False)


def _arrows(scene: Scene) -> Iterator[tuple[Box, Arrow]]:
    """The words for each kind of arrow that needs some, and one of it."""
    ways = {arrow.way for arrow in scene.arrows}
    for way, text in _WAYS.items():
        if way in ways:
            words, end = f"legend-way-{way}", f"legend-way-{way}-end"
            ends = (end, words) if way == "recurrence" else (words, end)  # which is drawn upwards
            yield Box(words, "words", (Line(text),)), Arrow(*ends, way)
    if any(arrow.share is not None for arrow in scene.arrows):
        box = Box("legend-way-share", "words", (Line("the thicker, the more was read"),))
        yield box, Arrow(box.id, f"{box.id}-end", share=0.7)
