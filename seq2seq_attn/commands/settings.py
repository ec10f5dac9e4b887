"""Options that are fields of a `Config` or a `Recipe`; what is not given is left to whoever knows better."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seq2seq_attn.config import Settings


def add_settings(
    group: argparse._ArgumentGroup, settings: type[Settings], helps: Mapping[str, str], defaults: Mapping[str, Any]
) -> None:
    """Add an option for each field that ``helps`` has a line for, without a default of its own.

    Args:
        group: of the command's options.
        settings: whose fields they are; they check the values.
        helps: field → what the help says.
        defaults: what the help calls the default, where it is not the field's own.
    """
    kinds = get_type_hints(settings)
    own = {field.name: field.default for field in fields(settings)}
    for name, text in helps.items():
        kind, default = kinds[name], defaults.get(name, own[name])
        says = {} if default is None else {"help": f"{text} (default: {default})"}
        options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text, **says}
        if get_origin(kind) is Literal:
            options["choices"] = get_args(kind)
        elif kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            of = next(each for each in (float, int, str) if each in (kind, *get_args(kind)))
            options["metavar"] = {float: "X", int: "N", str: name.upper()}[of]
            options["type"] = _or_none(of) if NoneType in get_args(kind) else of
        group.add_argument(f"--{name.replace('_', '-')}", **options)


def _or_none(of: type) -> Callable[[str], Any]:
    """A value of a type, or ``none``."""

    def read(text: str) -> Any:
        return None if text == "none" else of(text)

    read.__name__ = f"{of.__name__}, or none,"  # as argparse names it in a message
    return read


def given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the fields that the command line says something of."""
    return {name: getattr(options, name) for name in names if hasattr(options, name)}
