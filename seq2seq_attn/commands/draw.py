"""``seq2seq-attn draw``: a diagram, two of them in one, or what really runs in a model."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from seq2seq_attn.commands import models
from seq2seq_attn.commands.arguments import REPOSITORY, add_path, positive
from seq2seq_attn.drawing.drawing import FORMATS, Drawing
from seq2seq_attn.drawing.style import DIRECTIONS, THEMES, Style
from seq2seq_attn.kinds import codes
from seq2seq_attn.schedule import schedule

HELP = "draw a diagram, what two of them differ in, or the computation graph of a model"
_EXAMPLE = (
    "a step of a run: shapes, numbers, where it looked in TEXT; numbers with spaces for a model without "
    "tokenizer_config.json, letters of A…Z- for a diagram"
)


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    add_path(command)
    command.add_argument(
        "-o", "--out", type=Path, help=f"picture to write: {', '.join('.' + f for f in FORMATS)}; or print"
    )
    level = command.add_argument_group(
        "what to show", "instead of one step; what needs a run is run, of a diagram in a model with first weights"
    )
    level.add_argument("--whole", action="store_true", help="embeddings, encoder and bridge around the step")
    level.add_argument("--schedule", action="store_true", help="bands: before, inside and after the loop")
    level.add_argument("--expand", metavar="ID", help="the tensor operations inside of one operation")
    level.add_argument("--unroll", type=positive, metavar="N", help="the first N target steps")
    level.add_argument("--example", metavar="TEXT", help=_EXAMPLE)
    level.add_argument("--at", type=positive, default=1, metavar="I", help="which target step of --example")
    level.add_argument("--hidden", action="store_true", help="also what no diagram shows: the mask, the keys, …")
    level.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="two diagrams, or models, in one: what B adds and lacks"
    )
    looks = command.add_argument_group("what it looks like")
    looks.add_argument("--theme", choices=THEMES, default="light", help="print is black and grey")
    looks.add_argument("--rankdir", choices=DIRECTIONS, default="TB", help="top to bottom, left to right, …")
    looks.add_argument("--font", default="Helvetica", help="of its letters")
    looks.add_argument("--dpi", type=positive, default=192, help="dots per inch of a .png")
    looks.add_argument("--legend", action="store_true", help="say what shapes and strokes mean")
    looks.add_argument("--repository", metavar="URL", help=REPOSITORY)


def run(options: argparse.Namespace) -> int:
    """Do it."""
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
        before, after = (models.picture(name, options.whole) for name in options.diff)
        stems = (Path(options.diff[0]).stem, Path(options.diff[1]).stem)
        names = (options.diff[0], options.diff[1]) if stems[0] == stems[1] else stems
        return Drawing.of_difference(before, after, names=names, codes=codes(before) | codes(after), style=style)
    is_folder = options.path and Path(options.path).is_dir()
    if is_folder and options.diagram:
        raise ValueError(f"--diagram and the model in {options.path} are two pictures; draw them one by one")
    if is_folder or runs:
        model = models.load(options.path) if is_folder else models.new(models.one(options))
        example, vocabularies = None, None
        if options.example is not None:
            example, vocabularies = models.source(options.example, options.path if is_folder else None)
        return model.draw(
            whole=options.whole,
            schedule=options.schedule,
            expand=options.expand,
            unroll=options.unroll,
            example=example,
            at=options.at,
            vocabularies=vocabularies,
            hidden=options.hidden,
            style=style,
        )
    name = models.one(options)
    graph = models.picture(name, options.whole)
    bands = schedule(graph).bands() if options.schedule else None
    return Drawing.of_graph(graph, Path(name).stem, codes=codes(graph), bands=bands, style=style)
