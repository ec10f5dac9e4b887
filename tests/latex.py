"""Running LaTeX, where it is installed: on a text that it must set without a word of warning."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") or not shutil.which("pdftotext"),
    reason="no pdflatex and pdftotext here: of Debian's packages, texlive-pictures and poppler-utils",
)


def compiled(document: str, folder: Path, program: str = "pdflatex") -> str:
    """What LaTeX says of a document, whose PDF then stands in the folder as ``page.pdf``."""
    (folder / "page.tex").write_text(document, encoding="utf-8")
    command = [program, "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    whole_lines = os.environ | {"max_print_line": "10000"}
    run = subprocess.run(command, cwd=folder, capture_output=True, env=whole_lines, errors="replace", timeout=600)
    assert run.returncode == 0, run.stdout[run.stdout.find("\n!") :]
    log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
    assert re.findall(r"^.*(?:Overfull|Warning|Missing character).*$", log, re.MULTILINE) == []
    return log


def pages(folder: Path) -> list[str]:
    """The letters on each page of the PDF, without spaces; TeX rules an underscore, so that there is none."""
    run = subprocess.run(["pdftotext", "page.pdf", "-"], cwd=folder, capture_output=True, check=True)
    return ["".join(page.split()) for page in run.stdout.decode(errors="replace").split("\f")[:-1]]
