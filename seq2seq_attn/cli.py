"""The command line: seq2seq-attn cipher, draw, explore, check, summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_attn import mermaid
from seq2seq_attn.drawing.drawing import Drawing, RenderError
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.graph import Graph
from seq2seq_attn.kinds import codes
from seq2seq_attn.options import parser
from seq2seq_attn.schedule import schedule
from seq2seq_attn.whole import around, split

if TYPE_CHECKING:  # torch is loaded by the commands that compute; drawing a diagram does not
    from seq2seq_attn.alphabet import Alphabet
    from seq2seq_attn.seq2seq import Seq2Seq


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a check that found something, 2 for what could not be done."""
    options = parser().parse_args(arguments)
    try:
        return _COMMANDS[options.name](options)
    except (ValueError, OSError, RenderError) as error:
        print(f"seq2seq-attn {options.name}: {error}", file=sys.stderr)
        return 2


def _cipher(options: argparse.Namespace) -> int:
    from seq2seq_attn.cipher import config as make_config
    from seq2seq_attn.config import Config

    try:
        from seq2seq_attn.demo import run
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing, of the extra 'demo': pip install {error.name}") from None
    given = vars(options)
    of_the_model = {field.name for field in fields(Config)} & given.keys()
    config = make_config(**{name: given[name] for name in of_the_model})
    run(
        **{name: given[name] for name in given if name not in {"name", "command", *of_the_model}},
        config=config,
        diagram=options.diagram,
    )
    return 0


def _draw(options: argparse.Namespace) -> int:
    drawn = [Path(name) for name in (options.path, options.diagram, *(options.diff or ())) if name]
    if options.out and options.out.resolve() in [path.resolve() for path in drawn if path.is_file()]:
        raise ValueError(f"{options.out} is the diagram itself; give -o another name")
    style = Style(**{field.name: getattr(options, field.name) for field in fields(Style)})
    drawing = _drawing(options, style)
    if options.out:
        print(f"wrote {drawing.save(options.out)}")
    else:
        print(drawing.text(), end="")
    return 0


def _drawing(options: argparse.Namespace, style: Style) -> Drawing:
    runs = options.expand or options.unroll or options.example or options.hidden or options.at > 1
    if options.diff:
        if options.path or options.diagram or options.schedule or runs:
            raise ValueError("--diff draws two diagrams, step or --whole; leave out everything else")
        before, after = (_picture(name, options.whole) for name in options.diff)
        stems = (Path(options.diff[0]).stem, Path(options.diff[1]).stem)
        names = (options.diff[0], options.diff[1]) if stems[0] == stems[1] else stems
        return Drawing.of_difference(before, after, names=names, codes=codes(before) | codes(after), style=style)
    is_folder = options.path and Path(options.path).is_dir()
    if is_folder and options.diagram:
        raise ValueError(f"--diagram and the model in {options.path} are two pictures; draw them one by one")
    if is_folder or runs:
        model = _load(options.path) if is_folder else _new(_one(options))
        source, alphabet = _source(options.example, options.path if is_folder else None)
        return model.draw(
            whole=options.whole,
            schedule=options.schedule,
            expand=options.expand,
            unroll=options.unroll,
            example=source,
            at=options.at,
            alphabet=alphabet,
            hidden=options.hidden,
            style=style,
        )
    name = _one(options)
    graph = _picture(name, options.whole)
    bands = schedule(graph).bands() if options.schedule else None
    return Drawing.of_graph(graph, Path(name).stem, codes=codes(graph), bands=bands, style=style)


def _source(text: str | None, folder: str | None) -> tuple[str | list[int] | None, Alphabet | None]:
    """A text with the alphabet that a model's folder holds, or that of the cipher for a new model; or numbers."""
    from seq2seq_attn import alphabet, cipher
    from seq2seq_attn.alphabet import Alphabet

    if text is None:
        return None, None
    if folder is None:
        return text, cipher.ALPHABET
    if (Path(folder) / alphabet.ALPHABET).is_file():
        return text, Alphabet.load(folder)
    try:
        return [int(number) for number in text.split()], None
    except ValueError:
        raise ValueError(
            f"{folder} has no {alphabet.ALPHABET}, so that {text!r} has to be numbers with spaces between them"
        ) from None


def _picture(diagram: str, whole: bool) -> Graph:
    """A diagram, or that of a model's folder, as it is, or with what stands around a step."""
    if Path(diagram).is_dir():
        return _load(diagram).specification(whole=whole)
    graph, encoder = split(mermaid.load(diagram))
    return around(graph, encoder or "RNN") if whole or encoder else graph


def _explore(options: argparse.Namespace) -> int:
    if not Path(options.path).is_dir():
        raise ValueError(
            f"there is no model's folder {options.path!r}; seq2seq-attn cipher makes one, of any diagram with --diagram"
        )
    model = _load(options.path)
    source, alphabet = _source(options.text, options.path)
    assert source is not None, "TEXT is required"
    page = model.explore(
        source,
        options.out,
        alphabet=alphabet,
        beam=options.beam,
        max_length=options.max_length,
        repository=options.repository,
    )
    print(f"wrote {page}")
    return 0


def _check(options: argparse.Namespace) -> int:
    is_folder = options.path and Path(options.path).is_dir()
    specification = mermaid.load(options.diagram) if options.diagram and is_folder else None
    model = _load(options.path) if is_folder else _new(_one(options))
    differences = model.check(specification)
    for difference in differences:
        print(difference)
    name = options.diagram or (options.path if not is_folder else model.config.diagram if model.config else "")
    name = f"{name}.mmd" if name in mermaid.shipped() else "its diagram" if "\n" in name else name
    print(f"{options.path if is_folder else 'a new model'} {'differs from' if differences else 'is'} {name}")
    return 1 if differences else 0


def _one(options: argparse.Namespace) -> str:
    """The one diagram that is named, as PATH or as --diagram."""
    if bool(options.path) == bool(options.diagram):
        raise ValueError(
            "give one diagram, as PATH or as --diagram" + (", or --diff" if options.name == "draw" else "")
        )
    if options.path and not options.path.endswith(".mmd"):
        try:
            mermaid.load(options.path)
        except ValueError as error:
            raise ValueError(f"there is no folder {options.path!r}, and {error}") from None
    return str(options.path or options.diagram)


def _summary(options: argparse.Namespace) -> int:
    import torchinfo

    model = _load(options.path) if options.path and Path(options.path).is_dir() else _new(_one(options))
    # torchinfo counts a layer twice that first runs outside its parent, as U does for the keys: the energy makes them.
    setattr(model.decoder.step, "keys", lambda encoder_hidden: None)  # noqa: B010
    print(
        torchinfo.summary(
            model,
            input_data=model.example(steps=1),
            col_names=("input_size", "output_size", "num_params"),
            row_settings=("var_names",),
            depth=4,
            verbose=0,
        )
    )
    return 0


def _new(diagram: str) -> Seq2Seq:
    """A model of a diagram with the sizes of the cipher, its first weights always the same."""
    import torch

    from seq2seq_attn.cipher import config
    from seq2seq_attn.seq2seq import Seq2Seq

    torch.manual_seed(0)
    return Seq2Seq.from_diagram(diagram, config(diagram)).eval()


def _load(folder: str) -> Seq2Seq:
    from seq2seq_attn.seq2seq import Seq2Seq

    return Seq2Seq.from_pretrained(folder)


_COMMANDS = {"cipher": _cipher, "draw": _draw, "explore": _explore, "check": _check, "summary": _summary}

if __name__ == "__main__":
    sys.exit(main())
