"""What the arguments of several commands have in common: numbers that are checked, a model or a diagram."""

from __future__ import annotations

import argparse

REPOSITORY = "where links to the source lead: https://…/blob/main"
LOOP = "how the model's loops run: compiled needs a C++ compiler and builds them once, in half a minute"


def add_path(command: argparse.ArgumentParser) -> None:
    """A model's folder or a diagram, and ``--diagram``; see `models.one`."""
    command.add_argument("path", metavar="PATH", nargs="?", help="a model's folder, or a diagram by name or .mmd file")
    what = "a diagram, by name or .mmd file: of a new model, or, beside a model's folder, to compare with it"
    command.add_argument("--diagram", metavar="DIAGRAM", help=what)


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """What torch's generator takes."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^63 - 1")
    return int(text)


def rate(text: str) -> float:
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
