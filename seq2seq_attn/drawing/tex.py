"""Text and symbols that TeX sets as they are, whatever they say; pdflatex and LuaLaTeX alike."""

from __future__ import annotations

import unicodedata

from seq2seq_attn.drawing.scene import printable

# A letter that pdflatex knows no font for: a newer TeX sets it, pdflatex its number in brackets.
UNICODE = r"\def\unicode#1#2{\ifdefined\Umathcode#1\else[#2]\fi}"

_SPECIAL = {
    "\\": r"$\backslash$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{sign: f"${sign}$" for sign in "<>|"},
    '"': r"\symbol{34}",
    **{sign: rf"{sign}\/" for sign in "-'`"},  # two of them would be one
    "\N{NO-BREAK SPACE}": "~",
    "–": "{--}",
    "—": "{---}",
    "‘": "{`}",
    "’": "{'}",
    "“": "{``}",
    "”": "{''}",
    **{sign: rf"$\{sign}$" for sign in "{}"},
    **{sign: rf"\{sign}" for sign in "$&#_%"},
}
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "ı": "i"}
_ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": "."},
    **{"\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c"},
}
_SMALL = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau upsilon "
    "varphi chi psi omega"
)
_CAPITAL = "A B Gamma Delta E Z H Theta I K Lambda M N Xi O Pi P Sigma T Upsilon Phi X Psi Omega"
_NAMES = dict(zip("αβγδεζηθικλμνξοπρςστυφχψω", _SMALL.split(" "), strict=True))
_NAMES |= dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", _CAPITAL.split(" "), strict=True))
_MATHEMATICS = {
    **{letter: f"\\{name}" if len(name) > 1 else f"\\mathrm{{{name}}}" for letter, name in _NAMES.items()},
    "…": r"\ldots",
    "−": "-",
    "×": r"\times",
    "÷": r"\div",
    "·": r"\cdot",
    "±": r"\pm",
    "→": r"\to",
    "←": r"\leftarrow",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "∑": r"\sum",
    "∏": r"\prod",
    "√": r"\surd",
    "∞": r"\infty",
}


def text(words: str) -> str:
    r"""Words as TeX's text, on one line.

    >>> print(text("α_ij is 3×4, é & 中"))
    $\alpha$\_ij is 3$\times$4, \'{e} \& \unicode{中}{4E2D}
    """
    return "".join(map(_set, printable(words)))


def symbol(letter: str, subscript: str = "") -> str:
    r"""A letter, or a word, with its subscript, for TeX's mathematics.

    >>> print(symbol("s", "i−1"), symbol("α", "ij"), symbol("coverage"))
    s_{i-1} \alpha_{ij} \mathit{coverage}
    """
    is_word = len(letter) > 1 and letter.isascii() and letter.isalnum()
    base = f"\\mathit{{{letter}}}" if is_word else _mathematics(letter)
    return f"{base}_{{{_mathematics(subscript)}}}" if subscript else base


def _mathematics(signs: str) -> str:
    return "".join(map(_in_mathematics, printable(signs))).rstrip()


def _in_mathematics(sign: str) -> str:
    if sign in _MATHEMATICS:
        command = _MATHEMATICS[sign]
        return command + " " * command[-1].isalpha()
    if sign == " ":
        return r"\:"
    return sign if sign.isascii() and (sign.isalnum() or sign in "+-=,.()/") else f"\\mbox{{\\tiny {_set(sign)}}}"


def _set(sign: str) -> str:
    if sign in _MATHEMATICS:
        return f"${_MATHEMATICS[sign]}$"
    if sign in _SPECIAL or sign in _LETTERS:
        return _SPECIAL.get(sign) or f"\\{_LETTERS[sign]}{{}}"
    if sign.isascii():
        return sign
    base, *accents = [*unicodedata.normalize("NFD", sign)]
    if base.isascii() and len(accents) == 1 and accents[0] in _ACCENTS:
        return f"\\{_ACCENTS[accents[0]]}{{{base}}}"
    return f"\\unicode{{{sign}}}{{{ord(sign):04X}}}"
