"""A scene in plain characters, for terminals: what each value is made of, from the output back to the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seq2seq_attn.compare import Fate
from seq2seq_attn.drawing.flowchart import bars
from seq2seq_attn.drawing.label import cells
from seq2seq_attn.drawing.scene import Arrow, Box, Role, Scene, printable

_MARKS: dict[Fate, str] = {"both": "  ", "added": "+ ", "gone": "- ", "changed": "~ "}
_UNMARKED: dict[Fate, str] = dict.fromkeys(_MARKS, "")
_ROLES: dict[Role, str] = {"parameter": " (parameter)", "hidden": " (in no diagram)"}
_HANDED = ("recurrence", "handed")
_CELLS = 16  # of a chart
_DEEPEST = 12  # levels below a heading; what is deeper becomes a branch of its own, so that no line starts far right


def tree(scene: Scene) -> str:
    """The picture as text: below each box the boxes that it reads, in the order of the arrows into it.

    A branch begins with what nothing reads; a value and the operation that makes it share a line. Each frame has its
    own branches. A box is shown in full once; everywhere else it has an ``↑`` or ``↓``, which says where that is. What
    one step hands on to another is said in words. In the picture of two graphs a line begins with ``+`` (added), ``-``
    (gone) or ``~`` (changed), and what is gone stands between ``~`` and ``~``. A legend is left out.

    >>> from seq2seq_attn.drawing.scene import Line
    >>> boxes = Box("y", "value", (Line("y", "symbol"),)), Box("f", "operation", (Line("tanh"), Line("f", "quiet")))
    >>> print(tree(Scene("one", (*boxes, Box("x", "value", (Line("x"),))), (Arrow("x", "f"), Arrow("f", "y")))), end="")
    one
    └─ y = f[tanh]
       └─ x
    """
    growing = _Growing(scene)
    fates = {box.fate for box in scene.boxes} | {arrow.fate for arrow in scene.arrows}
    marks = _MARKS if fates - {"both"} else _UNMARKED
    lines = list(dict.fromkeys(printable(text) for text in (scene.title, scene.caption) if text))
    if scene.fates:
        lines.append(", ".join(f"{_MARKS[fate]}{printable(words)}" for fate, words in scene.fates))
    lines += _drawn(growing.branches(None), marks)
    for frame in scene.frames:
        if branches := growing.branches(frame.id):
            lines += ["", marks["both"] + printable(frame.words), *_drawn(branches, marks)]
    return "\n".join(lines) + "\n"


class _Branch(NamedTuple):
    text: str
    fate: Fate
    below: list[_Branch]


def _drawn(branches: Sequence[_Branch], marks: dict[Fate, str], indent: str = "") -> Iterator[str]:
    for number, branch in enumerate(branches, 1):
        corner, line = ("├─ ", "│  ") if number < len(branches) else ("└─ ", "   ")
        yield f"{marks[branch.fate]}{indent}{corner}{branch.text}"
        yield from _drawn(branch.below, marks, indent + line)


class _Growing:
    """The branches of a scene; it remembers which boxes have been shown in full."""

    def __init__(self, scene: Scene) -> None:
        self.home = {id: frame.id for frame in scene.frames for id in frame.boxes}
        self.boxes = {box.id: box for box in scene.boxes if self.home.get(box.id) != "legend"}
        self.reads: dict[str, list[Arrow]] = {id: [] for id in self.boxes}
        self.readers: dict[str, list[str]] = {id: [] for id in self.boxes}
        self.handed: dict[str, list[Arrow]] = {id: [] for id in self.boxes}
        for arrow in scene.arrows:
            if arrow.way in _HANDED:
                self.handed.get(arrow.target, []).append(arrow)
            else:
                self.reads.get(arrow.target, []).append(arrow)
                self.readers.get(arrow.source, []).append(arrow.target)
        for box in self.boxes.values():
            homes = {self.home.get(reader, "") for reader in self.readers[box.id]}
            if box.role == "operation" and box.id not in self.home and len(homes) == 1 and (home := homes.pop()):
                self.home[box.id] = home  # where what it makes stands
        self.told = set[str]()

    def branches(self, place: str | None) -> list[_Branch]:
        """Those of a frame, or of what stands in none; an input that is read in frames alone is shown there."""
        ids = [id for id in self.boxes if self.home.get(id) == place and (place is not None or not self._input(id))]
        roots = [id for id in ids if all(self.home.get(reader) != place for reader in self.readers[id])]
        found = []
        for root in (*roots, *ids):  # in a circle there is no root
            waiting = [root]
            for id in waiting:  # which grows by what is too deep
                if id not in self.told:
                    found.append(self._branch(id, None, place, waiting, 0))
        return found

    def _input(self, id: str) -> bool:
        framed = [reader in self.home for reader in self.readers[id]]
        return not self.reads[id] and bool(framed) and all(framed)

    def _branch(self, id: str, arrow: Arrow | None, place: str | None, waiting: list[str], depth: int) -> _Branch:
        text, mark, fates, below = "", "", list[Fate](), list[_Branch]()
        labels, behind = [arrow.label if arrow else ""], list[str]()
        while True:
            box, sources = self.boxes[id], self.reads[id]
            fates.append(box.fate)
            is_told, is_elsewhere = id in self.told, self.home.get(id, place) != place
            if is_told or is_elsewhere or (sources and depth == _DEEPEST):
                mark = " ↑" if is_told else " ↓"
                waiting += [] if is_elsewhere else [id]
                text += _joined(_name(box), *labels)
                break
            self.told.add(id)
            if box.chart:
                behind.append(bars(tuple(cells(box.chart, _CELLS)), box.signed))
            handed, first = self._handed(id, fates)
            behind += handed
            below += first
            joint = self._joint(box, sources)
            text += _joined(_name(box), *labels, sources[0].label if joint else "")
            if not joint:
                below += [self._branch(next.source, next, place, waiting, depth + 1) for next in sources]
                break
            text, labels, id = f"{text} {joint} ", [], sources[0].source
            fates.append(sources[0].fate)
        fate = arrow.fate if arrow and arrow.fate != "both" else fates[0] if len({*fates}) == 1 else "changed"
        return _Branch("  ".join([text, *behind]) + mark, fate, below)

    def _joint(self, box: Box, sources: Sequence[Arrow]) -> str:
        """What stands between a box and the one thing that it is made of, if both fit into a line."""
        if len(sources) == 1:
            if box.role == "value" and self.boxes[sources[0].source].role in ("operation", "tensor"):
                return "="
            if box.role == "position" and sources[0].way == "part":
                return "of"
        return ""

    def _handed(self, id: str, fates: list[Fate]) -> tuple[list[str], list[_Branch]]:
        """What is said behind a value that another step hands on, and, of the first step, below it."""
        behind, below = list[str](), list[_Branch]()
        returns = any(arrow.way == "recurrence" for arrow in self.handed[id])
        for arrow in self.handed[id]:
            name = _name(self.boxes[arrow.source])
            if arrow.way == "handed" and returns:
                mark = "↑" if arrow.source in self.told else "↓"
                below.append(_Branch(f"at first {name} {mark}", arrow.fate, []))
                continue
            words = name.replace("~", "") + " of the step before" * returns
            behind.append("← " + (f"~{words}~" if arrow.fate == "gone" else words))
            fates += ["changed"] * (arrow.fate != "both" and self.boxes[id].fate == "both")
        return behind, below


def _name(box: Box) -> str:
    if box.role != "operation" or len(box.lines) < 2:
        return str(box) + _ROLES.get(box.role, "")
    *kind, id = map(str, box.lines)
    return f"{id}[{' '.join(kind)}]"


def _joined(name: str, *labels: str) -> str:
    return " ".join(dict.fromkeys([name, *(printable(label) for label in labels if label)]))
