"""The programs that turn DOT into a picture."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import graphviz


class RenderError(RuntimeError):
    """No program here draws the format, or the one that does has failed; the texts were written instead."""


def render(dot: str, format: str) -> bytes:
    """Draw with the first renderer here: graphviz-pure (same bytes everywhere), Graphviz's ``dot``, pygraphviz.

    Args:
        dot: the picture.
        format: "svg", "png", "pdf", or "json": where everything stands.

    Raises:
        RenderError: none is here, which says what to install; or the one that is has failed, which says why.
    """
    beside_python = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    pure = shutil.which("graphviz-pure", path=os.pathsep.join(beside_python))
    missing = _beyond_its_fonts(dot) if pure and format == "png" else ""
    try:
        if pure and format in ("svg", "png", "json") and not missing:
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
        if missing:
            raise RenderError(
                f"graphviz-pure has no {missing!r} (U+{ord(missing):04X}) for a png: "
                "write .svg, or pip install pygraphviz"
            ) from None
        package = "pygraphviz" if format == "pdf" else "graphviz-pure"
        wanted = "tex" if format == "json" else format
        raise RenderError(f"no renderer for {wanted} here: pip install {package}") from None
    with pygraphviz.AGraph(string=dot) as picture:
        return bytes(picture.draw(format=format, prog="dot"))


def _beyond_its_fonts(text: str) -> str:
    """The first letter that graphviz-pure's own fonts do not have: they end with Hebrew, but for signs and accents."""
    return next((c for c in text if ord(c) >= 0x600 and not 0x1D00 <= ord(c) < 0x2600), "")
