"""A graph, or two graphs laid one over the other, in Graphviz's language."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import graphviz

from seq2seq_attn.compare import ADDED, CHANGED, GONE, Difference, Fate
from seq2seq_attn.label import operation_label, value_label

BANDS = {"before": "before the loop", "inside": "inside the loop, once a step", "after": "after the loop"}

_GRAPH = {"rankdir": "TB", "nodesep": "0.35", "ranksep": "0.4", "pad": "0.15", "bgcolor": "white"}
_NODE = {"fontname": "Helvetica", "fontsize": "13", "penwidth": "1.2"}
_VALUE = {"shape": "box", "style": "rounded,filled", "fillcolor": "white", "color": "#8a8a8a", "margin": "0.08,0.03"}
_OPERATION = {"shape": "ellipse", "style": "filled", "fillcolor": "#cfe3f3", "color": "#0072b2", "margin": "0.03,0.03"}
_RECURRENCE = {"style": "dashed", "color": "#d55e00", "penwidth": "1.2", "dir": "back"}
_BEGINNING = {**_RECURRENCE, "dir": "forward"}
_BAND = {"style": "rounded,filled", "color": "#8a8a8a", "margin": "12", "label": ""}
_WORDS = {"shape": "plaintext", "fontsize": "12", "tooltip": " "}
_FILL = {"before": "#f4f4f4", "inside": "#fdf1e3", "after": "#f4f4f4"}

# What became of a thing, in colour and in stroke: thick what was added, dotted (and struck through) what is gone.
_NODE_FATE: dict[Fate, dict[str, str]] = {
    "both": {},
    "added": {"color": ADDED, "fillcolor": "#d9f2e9", "penwidth": "3"},
    "gone": {"color": GONE, "fillcolor": "white", "penwidth": "3"},
    "changed": {"color": CHANGED, "penwidth": "3"},
}
_HOLLOW = {"arrowhead": "empty", "arrowtail": "empty"}
_EDGE_FATE: dict[Fate, dict[str, str]] = {
    "both": {},
    "added": {"color": ADDED, "penwidth": "3"},
    "gone": {"color": GONE, "penwidth": "2.5", "style": "dotted", "arrowsize": "1", **_HOLLOW},
}


def dot(
    difference: Difference,
    title: str,
    *,
    bands: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    legend: bool = False,
    dpi: int | None = None,
) -> str:
    """The picture as DOT.

    Args:
        difference: what to draw; of a graph laid over itself, the graph.
        title: what the picture is of.
        bands: where in a run of the loop an operation stands, by its id: a key of ``BANDS``. The values that it makes
            stand there too; inputs stand outside.
        links: where an operation leads, by its id.
        legend: whether the picture says what was added and what is gone.
        dpi: dots per inch, for formats made of dots.
    """
    bands, links = dict(bands or {}), dict(links or {})
    graph = {"label": "", "tooltip": title} | ({"dpi": str(dpi)} if dpi else {})
    if legend:
        graph |= {"label": _legend(difference), "labelloc": "t", "fontname": "Helvetica", "fontsize": "12"}
    picture = graphviz.Digraph(title, graph_attr=_GRAPH | graph, node_attr=_NODE, edge_attr={"arrowsize": "0.7"})
    place = bands | {pair.last.output: bands[id] for id, pair in difference.operations.items() if id in bands}
    _nodes(picture, difference, (id for id in _ids(difference) if id not in place), links)
    for band, text in BANDS.items():
        if band in bands.values():
            with picture.subgraph(name=f"cluster_{band}", graph_attr=_BAND | {"fillcolor": _FILL[band]}) as cluster:
                # The words are a node, which arrows go around; through a cluster's own label they go right through.
                cluster.node(text, f"<<b>{text.replace(', ', ',<br/>')}</b>>", **_WORDS)
                _nodes(cluster, difference, (id for id in _ids(difference) if place.get(id) == band), links)
    for end, start in _downwards(difference, bands):
        picture.edge(end, start, style="invis")
    for (source, target), arrow in difference.arrows.items():
        picture.edge(source, target, **_EDGE_FATE[arrow.fate], **_only(difference, arrow.fate))
    for (now, before), arrow in difference.recurrences.items():
        words = [difference.values[id].last.word for id in (now, before)]
        tooltip = f"{words[0]} of this step is {words[1]} of the next"
        only = _only(difference, arrow.fate, tooltip)
        picture.edge(before, now, **(_RECURRENCE | _EDGE_FATE[arrow.fate] | {"tooltip": tooltip} | only))
    for (first, before), arrow in difference.beginnings.items():
        words = [difference.values[id].last.word for id in (first, before)]
        tooltip = f"{words[0]} is {words[1]} of the first step"
        only = _only(difference, arrow.fate, tooltip)
        picture.edge(first, before, **(_BEGINNING | _EDGE_FATE[arrow.fate] | {"tooltip": tooltip} | only))
    return str(picture.source)


def _ids(difference: Difference) -> tuple[str, ...]:
    return (*difference.values, *difference.operations)


def _downwards(difference: Difference, bands: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """From what a band ends with to what the next begins with, so that the second stands below: time goes down."""
    steps = {band: [pair.last for id, pair in difference.operations.items() if bands.get(id) == band] for band in BANDS}
    for earlier, later in pairwise(band for band in BANDS if steps[band]):
        read = {source for operation in steps[earlier] for source in operation.inputs}
        made = {operation.output for operation in steps[later]}
        starts = [operation.id for operation in steps[later] if made.isdisjoint(operation.inputs)]
        for operation in steps[earlier]:
            if operation.output not in read:
                yield from ((operation.output, start) for start in (BANDS[later], *starts))


def _nodes(picture: graphviz.Digraph, difference: Difference, ids: Iterable[str], links: Mapping[str, str]) -> None:
    for id in ids:
        fate = difference.fate(id)
        if pair := difference.values.get(id):
            style, label = _VALUE, value_label(pair)
            texts = [str(value) for value in (pair.before, pair.after) if value]
        else:
            style, label = _OPERATION, operation_label(difference, id)
            twins = difference.operations[id]
            texts = [f"{id}[{operation.kind}]" for operation in (twins.before, twins.after) if operation]
        if fate == "gone":
            style = style | {"style": f"{style['style']},dotted"}
        tooltip = " → ".join(dict.fromkeys(texts))
        link = {"URL": links[id]} if id in links else {}
        attributes = style | _NODE_FATE[fate] | {"tooltip": tooltip} | _only(difference, fate, tooltip) | link
        picture.node(id, label, **attributes)


def _only(difference: Difference, fate: Fate, what: str = "") -> dict[str, str]:
    """The tooltip of what only one of two graphs has."""
    if fate not in ("added", "gone"):
        return {}
    where = f"only in {difference.names[fate == 'added']}"
    return {"tooltip": f"{what}, {where}" if what else where}


def _legend(difference: Difference) -> str:
    """What the strokes mean, drawn with them, and the names of the two graphs; in a frame, apart from the picture."""
    before, after = (html.escape(name) for name in difference.names)
    rows = [f"<tr><td>no difference: {before} and {after} are the same diagram</td></tr>"]
    if not difference.same:
        samples = [("added", f"only in {after}", ADDED, ""), ("<s>gone</s>", f"only in {before}", GONE, ",dotted")]
        if any(difference.fate(id) == "changed" for id in _ids(difference)):
            samples.append(("changed", f"from {before} (struck through) to {after}", CHANGED, ""))
        rows = [
            f'<tr><td border="3" color="{color}" style="rounded{stroke}">{sample}</td><td align="left">{text}</td></tr>'
            for sample, text, color, stroke in samples
        ]
    frame = f'<table border="1" color="#8a8a8a" cellborder="0" cellspacing="5" cellpadding="3">{"".join(rows)}</table>'
    below = '<tr><td height="6"></td></tr>'
    return f'<<table border="0" cellborder="0" cellspacing="0"><tr><td>{frame}</td></tr>{below}</table>>'
