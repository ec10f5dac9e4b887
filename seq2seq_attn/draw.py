"""A graph as a picture: Mermaid, DOT, SVG, PNG, PDF, and itself in a notebook."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import graphviz

from seq2seq_attn import mermaid
from seq2seq_attn.graph import Graph, Operation, Value

FORMATS = ("mmd", "dot", "svg", "png", "pdf")

_GRAPH = {"rankdir": "TB", "nodesep": "0.35", "ranksep": "0.4", "pad": "0.15", "bgcolor": "white"}
_NODE = {"fontname": "Helvetica", "fontsize": "13", "penwidth": "1.2"}
_VALUE = {"shape": "box", "style": "rounded,filled", "fillcolor": "white", "color": "#8a8a8a", "margin": "0.08,0.03"}
_OPERATION = {"shape": "ellipse", "style": "filled", "fillcolor": "#cfe3f3", "color": "#0072b2", "margin": "0.03,0.03"}
_RECURRENCE = {"style": "dashed", "color": "#d55e00", "penwidth": "1.2", "dir": "back"}
_QUIET = "#5a5a5a"  # the word under a symbol; 6.9 : 1 on white


# The code behind the operations of the diagrams that ship; a file of torch.nn's own is not linked to.
_SOURCES = {
    ("a", "feedforward"): "energy.py",
    ("softmax", "softmax"): "softmax.py",
    ("wsum", "weighted_sum"): "weighted_sum.py",
    ("rnn", "RNN"): "rnn.py",
    ("out", "feedforward"): "output.py",
}


def sources(graph: Graph) -> dict[str, Path]:
    """The file of this package behind each operation of a diagram; an operation of another kind is left out."""
    nodes = Path(__file__).parent / "nodes"
    return {o.id: nodes / _SOURCES[o.id, o.kind] for o in graph.operations.values() if (o.id, o.kind) in _SOURCES}


class RenderError(RuntimeError):
    """No program here draws the format, or the one that does has failed; the texts were written instead."""


class Drawing:
    """A graph with what a picture adds to it: where each operation's source stands.

    In a notebook it shows itself, as SVG where a renderer is, and as Mermaid's text.

    Args:
        graph: what to draw.
        sources: the file of the code behind an operation, by the operation's id; the picture links to it.
        title: what the picture is of, for screen readers and window titles.
    """

    def __init__(self, graph: Graph, sources: Mapping[str, Path] | None = None, title: str = "diagram") -> None:
        self.graph, self.sources, self.title = graph, dict(sources or {}), title

    def __repr__(self) -> str:
        return f"<Drawing of {self.title}: {self.graph!r}>"

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of ``path`` says how: .mmd, .dot, .svg, .png or .pdf.

        Raises:
            ValueError: another ending.
            RenderError: nothing here draws the format, or it has failed. The .mmd and .dot of that name were written.
        """
        path = Path(path)
        format = path.suffix.removeprefix(".").lower()
        if format not in FORMATS:
            raise ValueError(f"{path} ends in {path.suffix!r}; a picture ends in {', '.join('.' + f for f in FORMATS)}")
        if format == "mmd":
            path.write_text(mermaid.emit(self.graph), encoding="utf-8")
        elif format == "dot":
            path.write_text(self.dot(path.parent), encoding="utf-8")
        else:
            try:
                drawn = _render(self.dot(path.parent, dpi=192 if format == "png" else None), format)
            except RenderError as error:
                texts = [self.save(path.with_suffix(suffix)) for suffix in (".mmd", ".dot")]
                raise RenderError(f"{error}; wrote {texts[0]} and {texts[1]} instead") from None
            path.write_bytes(drawn)
        return path

    def dot(self, folder: str | Path | None = None, *, dpi: int | None = None) -> str:
        """The picture in Graphviz's language.

        Args:
            folder: where the picture will lie; links are relative to it. None: they are file:// addresses.
            dpi: dots per inch, for formats made of dots.
        """
        title = {"label": "", "tooltip": self.title} | ({"dpi": str(dpi)} if dpi else {})
        picture = graphviz.Digraph(
            self.title, graph_attr=_GRAPH | title, node_attr=_NODE, edge_attr={"arrowsize": "0.7"}
        )
        for value in self.graph.values.values():
            picture.node(value.id, _value_label(value), **_VALUE, tooltip=str(value))
        for operation in self.graph.operations.values():
            link = {"URL": self._link(operation.id, folder)} if operation.id in self.sources else {}
            tooltip = f"{operation.id}[{operation.kind}]"
            picture.node(operation.id, _operation_label(operation), **_OPERATION, tooltip=tooltip, **link)
        for source, target in self.graph.arrows:
            picture.edge(source, target)
        for now, before in self.graph.recurrences:
            picture.edge(
                before.id, now.id, **_RECURRENCE, tooltip=f"{now.word} of this step is {before.word} of the next"
            )
        return str(picture.source)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": mermaid.emit(self.graph)}
        try:
            bundle["image/svg+xml"] = _render(self.dot(), "svg").decode()
        except RenderError as error:
            bundle["text/plain"] += f"\n{error}"
        return bundle

    def _link(self, id: str, folder: str | Path | None) -> str:
        source = self.sources[id].resolve()
        if folder is not None and Path(folder).resolve().anchor == source.anchor:
            return quote(Path(os.path.relpath(source, Path(folder).resolve())).as_posix())
        return source.as_uri()


def _value_label(value: Value) -> str:
    """The symbol with its subscript, and the word below; a table, since renderers disagree on <sub>."""
    subscript = html.escape(value.subscript.replace("-", "\N{MINUS SIGN}"))
    symbol = (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
        f'<td height="21" valign="top" align="right"><font point-size="16"><i>{_letter(value.symbol)}</i></font></td>'
        f'<td height="21" valign="bottom" align="left"><font point-size="10"><i>{subscript}</i></font></td>'
        "</tr></table>"
    )
    word = f'<font point-size="10" color="{_QUIET}">{value.word}</font>'
    return (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="0">'
        f"<tr><td>{symbol}</td></tr><tr><td>{word}</td></tr></table>>"
    )


def _operation_label(operation: Operation) -> str:
    kind = html.escape(operation.kind)
    return f'<<b>{kind}</b><br/><font point-size="10" color="{_QUIET}">{operation.id}</font>>'


def _letter(symbol: str) -> str:
    """The letter of a Greek name, else the symbol itself."""
    try:
        case = "SMALL" if symbol.islower() else "CAPITAL"
        return unicodedata.lookup(
            f"GREEK {case} LETTER {symbol.upper().replace('LAMBDA', 'LAMDA')}"
        )  # Unicode's spelling
    except KeyError:
        return symbol


def _render(dot: str, format: str) -> bytes:
    """Draw with the first renderer here: graphviz-pure (same bytes everywhere), Graphviz's ``dot``, pygraphviz."""
    beside_python = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    pure = shutil.which("graphviz-pure", path=os.pathsep.join(beside_python))
    try:
        if pure and format in ("svg", "png"):
            command = [pure, f"-T{format}"]
            return subprocess.run(command, input=dot.encode(), capture_output=True, check=True).stdout
        if shutil.which("dot"):
            return bytes(graphviz.Source(dot).pipe(format=format))
    except subprocess.CalledProcessError as error:
        program = error.cmd[0]
        raise RenderError(f"{program} failed: {error.stderr.decode(errors='replace').strip()}") from None
    try:
        import pygraphviz
    except ImportError:
        package = "pygraphviz" if format == "pdf" else "graphviz-pure"
        raise RenderError(f"no renderer for {format} here: pip install {package}") from None
    with pygraphviz.AGraph(string=dot) as picture:
        return bytes(picture.draw(format=format, prog="dot"))
