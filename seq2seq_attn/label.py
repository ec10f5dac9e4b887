"""The words in a picture, in Graphviz's HTML; what is gone is struck through."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeVar

from seq2seq_attn.compare import Difference, Pair
from seq2seq_attn.graph import Operation, Value

QUIET = "#5a5a5a"  # the word under a symbol; 6.9 : 1 on white

T = TypeVar("T")


def value_label(pair: Pair[Value]) -> str:
    """The symbol with its subscript, and the word below; what was another before stands above, struck through."""
    rows = [*_versions(pair, _symbol), *_versions(pair, _word)]
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{cells}</table>>'


def operation_label(difference: Difference, id: str) -> str:
    """The kind, and the id below; between them the order of the arguments, if no arrow tells how it changed."""
    pair = difference.operations[id]
    lines = _versions(pair, lambda operation, gone: f"<b>{_struck(html.escape(operation.kind), gone)}</b>")
    if difference.rewired(id):
        words = {value: pair.last.word for value, pair in difference.values.items()}
        lines += _versions(pair, lambda operation, gone: _arguments(operation, words, gone))
    return "<" + "<br/>".join([*lines, f'<font point-size="10" color="{QUIET}">{id}</font>']) + ">"


def _versions(pair: Pair[T], show: Callable[[T, bool], str]) -> list[str]:
    """What is shown of a pair: once if it is alike in both, else the old one (True: gone) before the new one."""
    if pair.after is None:
        return [show(pair.last, True)]
    new = show(pair.after, False)
    if pair.before is None or show(pair.before, False) == new:
        return [new]
    return [show(pair.before, True), new]


def _symbol(value: Value, gone: bool) -> str:
    """A table, since renderers disagree on <sub>."""
    letter = _struck(_letter(value.symbol), gone)
    subscript = _struck(html.escape(value.subscript.replace("-", "\N{MINUS SIGN}")), gone)
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
        f'<td height="21" valign="top" align="right"><font point-size="16"><i>{letter}</i></font></td>'
        f'<td height="21" valign="bottom" align="left"><font point-size="10"><i>{subscript}</i></font></td>'
        "</tr></table>"
    )


def _word(value: Value, gone: bool) -> str:
    return f'<font point-size="10" color="{QUIET}">{_struck(value.word, gone)}</font>'


def _arguments(operation: Operation, words: Mapping[str, str], gone: bool) -> str:
    listed = f"({', '.join(words[source] for source in operation.inputs)})"
    return f'<font point-size="10">{_struck(listed, gone)}</font>'


def _struck(text: str, gone: bool) -> str:
    return f"<s>{text}</s>" if gone else text


def _letter(symbol: str) -> str:
    """The letter of a Greek name, else the symbol itself."""
    case = "SMALL" if symbol.islower() else "CAPITAL"
    name = symbol.upper().replace("LAMBDA", "LAMDA")  # Unicode's spelling
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {name}")
    except KeyError:
        return symbol
