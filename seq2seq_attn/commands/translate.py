"""``seq2seq-attn translate``: a filter; line n of what it writes is of line n of what it reads."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from seq2seq_attn.commands.arguments import positive
from seq2seq_attn.commands.search import MODEL, add_search, say_cut, translator
from seq2seq_attn.commands.unknown import say_unknown
from seq2seq_attn.data.lines import stream
from seq2seq_attn.scores import predictions

if TYPE_CHECKING:
    from seq2seq_attn.data.vocabulary import Vocabulary
    from seq2seq_attn.translate import Translation

HELP = "translate texts, a line each, from standard input or a file"
_STDIN, _STDOUT = 0, 1  # as bytes: a text is UTF-8 whatever the locale is
_DRAWN = 100  # lines; a stream may have no end


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    command.add_argument("models", metavar="MODEL", nargs="+", help=MODEL)
    command.add_argument("--input", metavar="FILE", type=Path, help="to read, UTF-8; else standard input")
    command.add_argument("-o", "--out", metavar="FILE", type=Path, help="to write; else standard output")
    search = command.add_argument_group("how to search")
    add_search(search)
    search.add_argument(
        "--window",
        type=positive,
        default=4096,
        metavar="N",
        help="lines to read before the first is written, to be sorted by length; at a terminal, or with 1, each is "
        "answered at once",
    )
    form = command.add_argument_group("what to write", "the best text of each line, if nothing else is asked for")
    form.add_argument(
        "--n-best",
        type=positive,
        metavar="N",
        help="source TAB text TAB score, then text TAB score of the second best, and so on, --beam at most; a score is "
        "the log-probability in nats, divided as --length-penalty says",
    )
    form.add_argument("--json", action="store_true", help="an object a line, with symbols, scores and attention")
    form.add_argument(
        "--pictures",
        metavar="FOLDER",
        type=Path,
        help=f"also draw where the best one looked: attention-0001.png is of line 1; of the first {_DRAWN} lines",
    )


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if options.input and options.out and options.out.exists() and options.out.samefile(options.input):
        raise ValueError(f"{options.out} is what is read; give -o another name")
    draw = _drawer(options.pictures) if options.pictures else None
    typed = not options.input and os.isatty(_STDIN)
    search = translator(options.models, options, n_best=options.n_best or 1, window=1 if typed else options.window)
    source, form, unknown, number, cut = search.vocabularies.source, _form(options), Counter[str](), 0, 0
    name = str(options.input or "<stdin>")
    try:
        with (
            open(options.input or _STDIN, "rb", closefd=bool(options.input)) as file,
            open(options.out or _STDOUT, "wb", closefd=bool(options.out)) as out,
        ):
            for number, one in enumerate(search.translate(_texts(file, name, source)), start=1):
                try:
                    if draw and number <= _DRAWN:
                        draw(number, one)
                    out.write(f"{form(one)}\n".encode())
                except ValueError as error:
                    raise ValueError(f"{name}:{number}: {error}") from None
                out.flush()
                unknown.update(source.unknown_in([one.source]))
                cut += not one.hypotheses[0].ended
    except BrokenPipeError:
        return 0  # who reads has had enough, as head has; that is no fault
    say_unknown(unknown, f"in {name}")
    say_cut(cut, number, f"of {name}")
    return 0


def _texts(file: BinaryIO, name: str, source: Vocabulary) -> Iterator[str]:
    """The lines; what a closed vocabulary does not have is refused here, where their numbers are known."""
    for number, text in enumerate(stream(file, name), start=1):
        if source.closed and (unknown := [*source.unknown_in([text])]):
            raise ValueError(
                f"{name}:{number}: {text!r} has {', '.join(map(repr, unknown))}, none of the {len(source)} symbols "
                f"that the model reads; leave them out"
            )
        yield text


def _form(options: argparse.Namespace) -> Callable[[Translation], str]:
    """What makes a line of a translation."""

    def best(one: Translation) -> str:
        if "\n" in one.text or "\r" in one.text:
            raise ValueError(f"the translation {one.text!r} has the end of a line in it; write it with --json")
        return one.text

    def scored(one: Translation) -> str:
        texts, scores = zip(*((found.text, found.normalised) for found in one.hypotheses), strict=True)
        return predictions.line(predictions.Prediction(one.source, texts, scores))

    def whole(one: Translation) -> str:
        return json.dumps(one.to_dict(), ensure_ascii=False, allow_nan=False)

    return whole if options.json else scored if options.n_best else best


def _drawer(folder: Path) -> Callable[[int, Translation], None]:
    """What draws the attention of a line into a folder; a line without symbols has none."""
    try:
        from seq2seq_attn.plots import plot_attention
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing, of the extra 'demo': pip install {error.name}") from None

    def draw(number: int, one: Translation) -> None:
        found = one.hypotheses[0]
        if one.symbols and not found.attn_weights.shape[-1]:
            raise ValueError("this model has no attention to draw; leave out --pictures")
        if one.symbols:
            folder.mkdir(parents=True, exist_ok=True)
            plot_attention(folder / f"attention-{number:04}.png", found.attn_weights, one.symbols, found.symbols)

    return draw
