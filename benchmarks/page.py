"""Pages whose tables are written by the scripts that measure: each between two comments."""

from __future__ import annotations

from pathlib import Path


def fill(page: Path, name: str, text: str, *, by: str) -> None:
    """Put a text where a page has the place for it.

    Raises:
        SystemExit: a page without that place.
    """
    begin, end = f"<!-- {name}: written by {by} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{page} has no place for {name}: {begin}{end}")
    page.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")
