"""What a renderer's SVG lacks for those who do not see it: a role, a title and a description."""

from __future__ import annotations

import html
import re

from seq2seq_attn.drawing.scene import printable


def described(svg: str, title: str, description: str) -> str:
    """The same picture, which a screen reader calls by its title and reads out as its description."""
    name = html.escape(printable(title))
    lines = "\n".join(html.escape(printable(line, 400)) for line in description.splitlines())
    opening = re.search(r"^<svg\b[^>]*>", svg, re.MULTILINE)  # and not in a comment
    assert opening is not None, "an SVG without an svg element"
    marked = opening[0].replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
    return f"{svg[: opening.start()]}{marked}\n<title>{name}</title>\n<desc>{lines}</desc>{svg[opening.end() :]}"
