"""A scene as a picture: Mermaid, DOT, SVG, PNG, PDF, TikZ, plain text, and itself in a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seq2seq_attn import mermaid
from seq2seq_attn.code import Code
from seq2seq_attn.compare import Difference
from seq2seq_attn.drawing import dot, flowchart, svg, tikz, tree
from seq2seq_attn.drawing.legend import with_legend
from seq2seq_attn.drawing.levels import BANDS, compared, step
from seq2seq_attn.drawing.render import RenderError as RenderError
from seq2seq_attn.drawing.render import render
from seq2seq_attn.drawing.scene import Scene
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.graph import Graph

FORMATS = ("mmd", "dot", "svg", "png", "pdf", "tex", "txt")

_PACKAGE = Path(__file__).parents[1]


class Drawing:
    """A scene in a style. In a notebook it shows itself, as SVG where a renderer is, as Mermaid, and as text.

    Args:
        scene: what to draw.
        style: what it looks like.
        graph: the diagram that the scene shows and nothing else, if there is one; its Mermaid is the diagram's text.
    """

    def __init__(self, scene: Scene, style: Style | None = None, *, graph: Graph | None = None) -> None:
        self.scene, self.style, self.graph = scene, style or Style(), graph
        if self.style.legend or scene.fates:
            self.scene = with_legend(scene)

    @classmethod
    def of_graph(
        cls,
        graph: Graph,
        title: str = "diagram",
        *,
        codes: Mapping[str, Code] | None = None,
        bands: Mapping[str, str] | None = None,
        style: Style | None = None,
    ) -> Drawing:
        """The picture of a diagram; of a whole model's, with the step in a frame.

        Args:
            graph: what to draw.
            title: what the picture is of, for screen readers and window titles.
            codes: the code behind an operation, by the operation's id; the picture links to it.
            bands: when each operation runs, by its id: "before", "inside" or "after" the loop over the target steps.
                The operations of a band and the values that they make stand in one frame; inputs stand outside.
            style: what it looks like.

        Raises:
            ValueError: a graph with nothing in it; bands that leave out an operation, or name another one or another
                band.
        """
        if not graph.operations:
            raise ValueError(f"there is nothing to draw in {title}: it has no operation")
        if bands is not None and bands.keys() != graph.operations.keys():
            raise ValueError(
                f"bands name the operations {', '.join(bands)}; the graph has {', '.join(graph.operations)}. "
                "Give each of these a band."
            )
        for id, band in (bands or {}).items():
            if band not in BANDS:
                raise ValueError(f"the band of {id} is {band!r}; there are {', '.join(BANDS)}")
        scene = step(Difference(graph, graph), title, bands=bands, codes=codes)
        return cls(scene, style, graph=None if bands else graph)

    @classmethod
    def of_difference(
        cls,
        before: Graph,
        after: Graph,
        title: str | None = None,
        *,
        names: tuple[str, str] = ("before", "after"),
        codes: Mapping[str, Code] | None = None,
        style: Style | None = None,
    ) -> Drawing:
        """Two graphs in one picture: what was added is thick and green, what is gone dotted, purple and struck through.

        Args:
            before: the graph that we come from.
            after: the graph that we come to.
            title: as for `of_graph`; the two names if not given.
            names: what the picture calls the two, usually their files.
            codes: as for `of_graph`, of the operations of either.
            style: what it looks like.

        Raises:
            ValueError: an id that is a value in one graph and an operation in the other.
        """
        return cls(compared(Difference(before, after, names), title or " → ".join(names), codes=codes), style)

    def __repr__(self) -> str:
        return f"<Drawing of {self.scene.title}: {len(self.scene.boxes)} boxes, {len(self.scene.arrows)} arrows>"

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of ``path`` says how: .mmd, .dot, .svg, .png, .pdf, .tex or .txt.

        Raises:
            ValueError: another ending.
            RenderError: nothing here draws the format, or it has failed. The .dot of that name was written, and the
                .mmd if there was none: it may be the very diagram that is drawn.
        """
        path = Path(path)
        format = path.suffix.removeprefix(".").lower()
        if format not in FORMATS:
            raise ValueError(f"{path} ends in {path.suffix!r}; a picture ends in {', '.join('.' + f for f in FORMATS)}")
        try:
            drawn = self._drawn(format, path.parent)
        except RenderError as error:
            texts = [path.with_suffix(".mmd"), path.with_suffix(".dot")]
            written = [str(self.save(text)) for text in texts if text.suffix == ".dot" or not text.exists()]
            raise RenderError(f"{error}; wrote {' and '.join(written)} instead") from None
        path.write_bytes(drawn if isinstance(drawn, bytes) else drawn.encode())
        return path

    def mermaid(self) -> str:
        """The picture in Mermaid's language: the diagram's own text; of another level, what `parse` refuses."""
        return mermaid.emit(self.graph) if self.graph is not None else flowchart.flowchart(self.scene, self.style)

    def text(self) -> str:
        """The picture in plain characters, for a terminal: what each value is made of, as a tree."""
        return tree.tree(self.scene)

    def dot(self, folder: str | Path | None = None, *, dpi: int | None = None) -> str:
        """The picture in Graphviz's language.

        Args:
            folder: where the picture will lie; links are relative to it. None: they are file:// addresses.
            dpi: dots per inch, for formats made of dots.
        """
        return dot.dot(self.scene, self.style, link=lambda code: self._link(code, folder), dpi=dpi)

    def svg(self, folder: str | Path | None = None) -> str:
        """The picture as SVG, with a title and a description for screen readers; ``folder`` as for `dot`.

        Raises:
            RenderError: nothing here draws it.
        """
        return svg.described(render(self.dot(folder), "svg").decode(), self.scene.title, self.text())

    def tikz(self) -> str:
        """The picture in TikZ, to be read by LaTeX with ``\\input``; Graphviz says where everything stands.

        Raises:
            RenderError: no Graphviz is here.
        """
        return tikz.tikz(self.scene, self.style)

    def _drawn(self, format: str, folder: Path) -> str | bytes:
        texts = {"mmd": self.mermaid, "txt": self.text, "tex": self.tikz}
        if format in texts:
            return texts[format]()
        if format == "svg":
            return self.svg(folder)
        if format == "dot":
            return self.dot(folder)
        return render(self.dot(folder, dpi=self.style.dpi if format == "png" else None), format)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": self.text(), "text/vnd.mermaid": self.mermaid()}
        try:
            bundle["image/svg+xml"] = self.svg()
        except RenderError as error:
            bundle["text/plain"] += f"\n{error}"
        return bundle

    def _link(self, code: Code, folder: str | Path | None) -> str:
        """The line of a class: in the style's repository, for a class of this package, or else on this machine."""
        if code.file is None:
            return ""
        file, line = code.file.resolve(), f"#L{code.line}" if code.line else ""
        if self.style.repository and file.is_relative_to(_PACKAGE):
            inside = file.relative_to(_PACKAGE.parent).as_posix()
            return f"{self.style.repository.rstrip('/')}/{quote(inside)}{line}"
        if folder is not None and Path(folder).resolve().anchor == file.anchor:
            return quote(Path(os.path.relpath(file, Path(folder).resolve())).as_posix()) + line
        return file.as_uri() + line
