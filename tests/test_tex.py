"""Text and symbols for TeX: whatever they say is set, and nothing of it is run."""

from __future__ import annotations

import shutil
import string
import sys
from pathlib import Path

import pytest
from latex import compiled, needs_latex, pages

from seq2seq_attn.drawing import tex
from seq2seq_attn.drawing.scene import printable

HEAD = rf"\documentclass{{article}}\pagestyle{{empty}}\begin{{document}}\raggedright{tex.UNICODE}"


@needs_latex
def test_every_sign_of_a_keyboard_is_set_as_it_is(tmp_path: Path) -> None:
    signs = [sign for sign in string.printable if sign.isprintable() and sign not in " _"]
    compiled(HEAD + " ".join(map(tex.text, signs)) + r"\end{document}", tmp_path)
    letters = {'"': "”", "'": "’", "`": "‘", "^": "ˆ", "~": "˜"}  # that TeX has for these
    assert pages(tmp_path) == ["".join(letters.get(sign, sign) for sign in signs)]


@needs_latex
def test_signs_that_tex_would_join_stay_apart(tmp_path: Path) -> None:
    compiled(HEAD + tex.text("a--b---c''d``e") + r"\end{document}", tmp_path)
    assert pages(tmp_path) == ["a--b---c’’d‘‘e"]


@needs_latex
def test_every_character_of_unicode_that_is_shown_at_all_compiles_as_text_and_as_a_symbol(tmp_path: Path) -> None:
    characters = [chr(code) for code in (*range(32, 0x3100), *range(0x3100, sys.maxunicode, 997))]
    shown = [character for character in characters if printable(character) == character]
    assert len(shown) > 11_000
    texts = [tex.text(character) for character in shown]
    symbols = [f"${tex.symbol(character, character)}$" for character in shown[:800]]
    compiled(HEAD + "\n".join([*texts, *symbols]) + r"\end{document}", tmp_path)


@needs_latex
def test_a_letter_that_pdflatex_has_no_font_for_is_its_number_there(tmp_path: Path) -> None:
    compiled(HEAD + tex.text("ä中ß") + r"\end{document}", tmp_path)
    assert pages(tmp_path)[0].endswith("[4E2D]ß")


@needs_latex
@pytest.mark.skipif(not shutil.which("lualatex"), reason="no lualatex here: of Debian's packages, texlive-luatex")
def test_lualatex_sets_the_same(tmp_path: Path) -> None:
    compiled(HEAD + tex.text("ß{&} a--b 3×4") + r"\end{document}", tmp_path, "lualatex")
    assert pages(tmp_path) == ["ß{&}a--b3×4"]


@pytest.mark.parametrize(
    ("letter", "subscript", "expected"),
    [
        ("s", "", "s"),
        ("s", "i\N{MINUS SIGN}1", "s_{i-1}"),
        ("α", "i\N{MINUS SIGN}1,j", r"\alpha_{i-1,j}"),
        ("Ω", "0", r"\Omega_{0}"),
        ("Α", "", r"\mathrm{A}"),
        ("s", "αi", r"s_{\alpha i}"),
        ("coverage", "ij", r"\mathit{coverage}_{ij}"),
        ("a b", " ", r"a\:b_{\:}"),
        ("s_t", "", r"s\mbox{\tiny \_}t"),
        ("{", "$", r"\mbox{\tiny $\{$}_{\mbox{\tiny \$}}"),
    ],
)
def test_a_symbol_is_mathematics(letter: str, subscript: str, expected: str) -> None:
    assert tex.symbol(letter, subscript) == expected


def test_what_is_not_seen_is_told_by_its_number_and_what_is_long_is_cut_off() -> None:
    assert tex.text("a\n\x00\u202e") == r"a$\backslash$x0a$\backslash$x00$\backslash$u202e"
    assert tex.text("W" * 10_000) == "W" * 71 + r"$\ldots$"
