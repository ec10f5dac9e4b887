"""The fonts that the labels of a plot need, so that each of their characters is drawn and none is an empty box."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties, fontManager

_ALWAYS = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, IPA, some Arabic, some emoji
_NO_LETTERS = (
    "Last Resort",
    "STIXNonUnicode",
)  # come with it too: boxes for everything, signs under numbers of their own
_SLANTED_OR_HEAVY = ("Italic", "Oblique", "Bold", "Black", "Heavy", "Light", "Thin")


def families(texts: Iterable[str], font: str | Path | None = None) -> list[str]:
    """Font families that together have every character; matplotlib takes each glyph from the first that has it.

    First come those that matplotlib is set to, then font files of this machine, as few as will do. Such a file is a
    family of its own, named by its path, in the list that matplotlib keeps while the program runs.

    Args:
        texts: what is to be drawn.
        font: a font file to take before all others.

    Raises:
        ValueError: characters that no font has; a ``font`` that is not one.
        OSError: a ``font`` that cannot be read.

    Example:
        >>> families(["ʃ", "ŋ"])
        ['sans-serif', 'DejaVu Sans']
    """
    characters = {character for text in texts for character in text}
    own = [] if font is None else [_checked(font)]
    configured = [*matplotlib.rcParams["font.family"], _ALWAYS]
    known = own + [font_manager.findfont(FontProperties(family=[family])) for family in configured]
    missing = characters.difference(*(_drawn(file, characters) for file in known))
    chosen = [*map(_named, own), *configured]
    files = _installed() if missing else []
    while missing:
        file = max(files, key=lambda file: len(_drawn(file, missing)), default=None)
        if file is None or not (drawn := _drawn(file, missing)):
            raise ValueError(_refusal(missing))
        chosen.append(_named(file))
        missing -= drawn
    return chosen


def _checked(font: str | Path) -> str:
    """A file that the user names, if an outline can be read from it."""
    try:
        scalable = font_manager.get_font(str(font)).scalable
    except RuntimeError:
        scalable = False
    if not scalable:
        raise ValueError(f"font {str(font)!r} is no font file with outlines; give a .ttf, .otf or .ttc file")
    return str(font)


def _drawn(file: str, characters: set[str]) -> set[str]:
    """Those of the characters that a font file has an outline for."""
    try:
        font = font_manager.get_font(file)
    except (OSError, RuntimeError):  # gone since matplotlib listed it, or broken: another font may have them
        return set()
    return {each for each in characters if font.get_char_index(ord(each))} if font.scalable else set()


def _installed() -> list[str]:
    """Every font file, upright regular sans-serifs first; also of fonts younger than matplotlib's list of them."""
    odd = {entry.fname for entry in fontManager.ttflist if entry.name.startswith(_NO_LETTERS)}
    files = {entry.fname for entry in fontManager.ttflist} | {*font_manager.findSystemFonts()}

    def rank(file: str) -> tuple[bool, bool, str]:
        name = Path(file).stem
        return any(word in name for word in _SLANTED_OR_HEAVY), "Sans" not in name, file

    return sorted(files - odd, key=rank)


def _named(file: str) -> str:
    """Make a font file a family of matplotlib's; returns its name."""
    if all(entry.name != file for entry in fontManager.ttflist):
        fontManager.ttflist.append(FontEntry(fname=file, name=file, size="scalable"))
    return file


def _refusal(missing: set[str]) -> str:
    named = [f"{each} U+{ord(each):04X} {unicodedata.name(each, 'without a name')}" for each in sorted(missing)]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return (
        f"no font here has {', '.join(named[:5])}{more}; install one that does (of Debian's packages, fonts-noto-cjk "
        "has Chinese, Japanese and Korean, fonts-symbola emoji, fonts-noto-core most else), or give its file as font="
    )
