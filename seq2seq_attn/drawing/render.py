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
    try:
        if pure and format in ("svg", "png", "json"):
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
        wanted = "tex" if format == "json" else format
        raise RenderError(f"no renderer for {wanted} here: pip install {package}") from None
    with pygraphviz.AGraph(string=dot) as picture:
        return bytes(picture.draw(format=format, prog="dot"))
