"""A graph as a picture: Mermaid, DOT, SVG, PNG, PDF, and itself in a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seq2seq_attn import dot, mermaid
from seq2seq_attn.compare import Difference, emit
from seq2seq_attn.graph import Graph
from seq2seq_attn.render import RenderError as RenderError
from seq2seq_attn.render import render

FORMATS = ("mmd", "dot", "svg", "png", "pdf")


class Drawing:
    """A graph with what a picture adds to it: where each operation's source stands, and where in the loop it runs.

    In a notebook it shows itself, as SVG where a renderer is, and as text. `of_difference` draws two graphs in one.

    Args:
        graph: what to draw.
        sources: the file of the code behind an operation, by the operation's id; the picture links to it.
        title: what the picture is of, for screen readers and window titles.
        bands: when each operation runs, by its id: "before", "inside" or "after" the loop over the target steps. The
            operations of a band and the values that they make stand in one frame; inputs stand outside.

    Raises:
        ValueError: bands that leave out an operation, or name another one or another band.
    """

    def __init__(
        self,
        graph: Graph,
        sources: Mapping[str, Path] | None = None,
        title: str = "diagram",
        bands: Mapping[str, str] | None = None,
    ) -> None:
        self.graph, self.sources, self.title, self.bands = graph, dict(sources or {}), title, dict(bands or {})
        self.difference: Difference | None = None
        if bands is not None and self.bands.keys() != graph.operations.keys():
            raise ValueError(
                f"bands name the operations {', '.join(self.bands)}; the graph has {', '.join(graph.operations)}. "
                "Give each of these a band."
            )
        for id, band in self.bands.items():
            if band not in dot.BANDS:
                raise ValueError(f"the band of {id} is {band!r}; there are {', '.join(dot.BANDS)}")

    @classmethod
    def of_difference(
        cls,
        before: Graph,
        after: Graph,
        sources: Mapping[str, Path] | None = None,
        title: str | None = None,
        *,
        names: tuple[str, str] = ("before", "after"),
    ) -> Drawing:
        """Two graphs in one picture: what was added is thick and green, what is gone dotted, purple and struck through.

        Args:
            before: the graph that we come from.
            after: the graph that we come to; ``drawing.graph``.
            sources: as for `Drawing`, of the operations of either.
            title: as for `Drawing`; the two names if not given.
            names: what the picture calls the two, usually their files.

        Raises:
            ValueError: an id that is a value in one graph and an operation in the other.
        """
        drawing = cls(after, sources, title or " → ".join(names))
        drawing.difference = Difference(before, after, names)
        return drawing

    def __repr__(self) -> str:
        if self.difference is None:
            return f"<Drawing of {self.title}: {self.graph!r}>"
        return f"<Drawing of {self.title}: {'; '.join(self.difference.words()) or 'no difference'}>"

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of ``path`` says how: .mmd, .dot, .svg, .png or .pdf.

        Raises:
            ValueError: another ending.
            RenderError: nothing here draws the format, or it has failed. The .dot of that name was written, and the
                .mmd if there was none: it may be the very diagram that is drawn.
        """
        path = Path(path)
        format = path.suffix.removeprefix(".").lower()
        if format not in FORMATS:
            raise ValueError(f"{path} ends in {path.suffix!r}; a picture ends in {', '.join('.' + f for f in FORMATS)}")
        if format == "mmd":
            path.write_text(self.text(), encoding="utf-8")
        elif format == "dot":
            path.write_text(self.dot(path.parent), encoding="utf-8")
        else:
            try:
                drawn = render(self.dot(path.parent, dpi=192 if format == "png" else None), format)
            except RenderError as error:
                texts = [path.with_suffix(".mmd"), path.with_suffix(".dot")]
                written = [str(self.save(text)) for text in texts if text.suffix == ".dot" or not text.exists()]
                raise RenderError(f"{error}; wrote {' and '.join(written)} instead") from None
            path.write_bytes(drawn)
        return path

    def text(self) -> str:
        """The picture in Mermaid's language; that of a difference is no diagram, and `mermaid.parse` refuses it."""
        return mermaid.emit(self.graph) if self.difference is None else emit(self.difference)

    def dot(self, folder: str | Path | None = None, *, dpi: int | None = None) -> str:
        """The picture in Graphviz's language.

        Args:
            folder: where the picture will lie; links are relative to it. None: they are file:// addresses.
            dpi: dots per inch, for formats made of dots.
        """
        return dot.dot(
            self.difference or Difference(self.graph, self.graph),
            self.title,
            bands=self.bands,
            links={id: self._link(id, folder) for id in self.sources},
            legend=self.difference is not None,
            dpi=dpi,
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": self.text()}
        try:
            bundle["image/svg+xml"] = render(self.dot(), "svg").decode()
        except RenderError as error:
            bundle["text/plain"] += f"\n{error}"
        return bundle

    def _link(self, id: str, folder: str | Path | None) -> str:
        source = self.sources[id].resolve()
        if folder is not None and Path(folder).resolve().anchor == source.anchor:
            return quote(Path(os.path.relpath(source, Path(folder).resolve())).as_posix())
        return source.as_uri()
