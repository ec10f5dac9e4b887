"""A scene in Graphviz's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

import graphviz

from seq2seq_attn.code import Code
from seq2seq_attn.compare import Fate
from seq2seq_attn.drawing import label
from seq2seq_attn.drawing.scene import Arrow, Box, Role, Scene, Way, printable
from seq2seq_attn.drawing.style import Style

_GRAPH = {"nodesep": "0.35", "ranksep": "0.4", "pad": "0.15", "label": ""}
_FRAME = {"style": "rounded,filled", "margin": "12", "label": ""}
_HOLLOW = {"arrowhead": "empty", "arrowtail": "empty"}


def dot(
    scene: Scene,
    style: Style | None = None,
    *,
    link: Callable[[Code], str] = lambda code: "",
    dpi: int | None = None,
) -> str:
    """The picture as DOT.

    Args:
        scene: what to draw.
        style: what it looks like.
        link: the address of a piece of code; empty for none.
        dpi: dots per inch, for formats made of dots.
    """
    style = style or Style()
    looks = _Looks(style)
    attributes = _GRAPH | {
        "rankdir": style.rankdir,
        "bgcolor": style.colors.paper,
        "tooltip": label.escaped(printable(scene.title), 4),
    }
    if scene.caption:
        attributes |= {"label": label.words(scene.caption, style.colors), "labelloc": "t", "fontname": style.font}
    if dpi is not None:
        attributes["dpi"] = str(dpi)
    named = names(scene)
    picture = graphviz.Digraph(
        label.escaped(printable(scene.title), 1),
        graph_attr=attributes,
        node_attr={"fontname": style.font, "fontsize": "13", "penwidth": "1.2"},
        edge_attr={"arrowsize": "0.7", "fontname": style.font, "fontsize": "9"},
    )
    framed = {id for frame in scene.frames for id in frame.boxes}

    def draw(into: graphviz.Digraph, boxes: Iterable[Box]) -> None:
        for box in boxes:
            address = link(box.code) if box.code else ""
            target = {"URL": graphviz.escape(address), "target": "_top"} if address else {}
            into.node(named[box.id], label.label(box, style.colors), **looks.box(box), **target)

    draw(picture, (box for box in scene.boxes if box.id not in framed))
    for frame in scene.frames:
        fill = style.colors.frame(frame.shade)
        look = _FRAME | {
            "color": style.colors.line,
            "fillcolor": fill,
            "tooltip": label.escaped(printable(frame.words), 4),
        }
        name = named[f"{frame.id}-words"]
        with picture.subgraph(name=f"cluster_{name.removesuffix('-words')}", graph_attr=look) as cluster:
            # The words are a node, which arrows go around; through a cluster's own label they go right through.
            written = label.words(frame.words, style.colors)
            cluster.node(name, written, shape="plaintext", fontsize="12", tooltip=" ")
            draw(cluster, (box for box in scene.boxes if box.id in frame.boxes))
    for first, second in scene.order:
        picture.edge(named[first], named[second], style="invis")
    for row in scene.rows:
        with picture.subgraph(graph_attr={"rank": "same"}) as side_by_side:
            for first, second in pairwise(row):
                side_by_side.edge(named[first], named[second], style="invis")
    for arrow in scene.arrows:
        ends = (arrow.target, arrow.source) if arrow.way == "recurrence" else (arrow.source, arrow.target)
        picture.edge(*(named[id] for id in ends), **looks.arrow(arrow))
    return str(picture.source)


def names(scene: Scene) -> dict[str, str]:
    """What Graphviz calls each box: its id, or a number for an id that its language has another use for."""
    ids = [*(box.id for box in scene.boxes), *(f"{frame.id}-words" for frame in scene.frames)]
    fits = re.compile(r"(?!box-)[A-Za-z_][\w-]*", re.ASCII)
    return {id: id if fits.fullmatch(id) else f"box-{n}" for n, id in enumerate(ids)}


class _Looks:
    """What each kind of thing looks like: by shape and stroke first, by colour as well."""

    def __init__(self, style: Style) -> None:
        colors = style.colors
        rounded = {"shape": "box", "style": "rounded,filled", "fillcolor": colors.value, "color": colors.line}
        rounded |= {"margin": "0.08,0.03"}
        ellipse = {"shape": "ellipse", "style": "filled", "margin": "0.03,0.03"}
        self.boxes: dict[Role, dict[str, str]] = {
            "value": rounded,
            "position": rounded,
            "operation": ellipse | {"fillcolor": colors.operation, "color": colors.operation_line},
            "tensor": ellipse | {"fillcolor": colors.tensor, "color": colors.operation_line, "penwidth": "0.8"},
            "parameter": rounded | {"style": "filled", "fillcolor": colors.parameter},
            "hidden": rounded | {"style": "rounded,filled,dashed"},
            "words": {"shape": "plaintext", "margin": "0.03,0.03"},
        }
        dashed = {"style": "dashed", "color": colors.recurrence, "penwidth": "1.2"}
        self.arrows: dict[Way, dict[str, str]] = {
            "arrow": {},
            "recurrence": dashed | {"dir": "back"},
            "handed": dashed,
            "hidden": {"style": "dotted", "color": colors.quiet},
            "part": {"arrowhead": "none", "color": colors.line, "penwidth": "0.7"},
        }
        # What became of a thing: thick what was added, dotted (and struck through) what is gone.
        self.box_fates: dict[Fate, dict[str, str]] = {
            "both": {},
            "added": {"color": colors.added, "fillcolor": colors.added_fill, "penwidth": "3"},
            "gone": {"color": colors.gone, "fillcolor": colors.paper, "penwidth": "3"},
            "changed": {"color": colors.ink, "penwidth": "3"},
        }
        self.arrow_fates: dict[Fate, dict[str, str]] = {
            "both": {},
            "added": {"color": colors.added, "penwidth": "3"},
            "gone": {"color": colors.gone, "penwidth": "2.5", "style": "dotted", "arrowsize": "1", **_HOLLOW},
        }
        self.ink, self.quiet = colors.ink, colors.quiet

    def box(self, box: Box) -> dict[str, str]:
        look = self.boxes[box.role]
        if box.fate == "gone":
            look = look | {"style": f"{look['style']},dotted"}
        return look | self.box_fates[box.fate] | {"tooltip": label.escaped(printable(box.tooltip or " ", 400), 4)}

    def arrow(self, arrow: Arrow) -> dict[str, str]:
        look = {"color": self.ink} | self.arrows[arrow.way] | self.arrow_fates[arrow.fate]
        if arrow.width is not None:
            look |= {"penwidth": f"{arrow.width:.2f}"}
        if arrow.label:
            look |= {"label": label.escaped(f" {printable(arrow.label)} ", 2), "fontcolor": self.quiet}
        if arrow.tooltip:
            look |= {"tooltip": label.escaped(printable(arrow.tooltip, 400), 4)}
        return look
