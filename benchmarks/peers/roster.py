"""Who takes part: a module each, left out if its toolkit is not there."""

from __future__ import annotations

from importlib import import_module

from benchmarks.peers import Contestant

MODULES = ("ours", "fairseq_lstm", "speechbrain_gru", "joey_nmt", "yoyodyne_gru", "open_nmt")
BASE, COMPILED = "ours", "ours, compiled loop"  # what ratios are to
NARROW = "ours, compiled loop, bfloat16"
LESS = "without input feeding"  # in the name of one that does less


def contestants() -> tuple[dict[str, type[Contestant]], dict[str, str]]:
    """All contestants by name; and of the modules that cannot be imported, why."""
    found: dict[str, type[Contestant]] = {}
    missing: dict[str, str] = {}
    for name in MODULES:
        try:
            found |= import_module(f"benchmarks.peers.{name}").CONTESTANTS
        except Exception as error:  # a toolkit of another time may fail at anything
            if name == BASE:
                raise
            missing[name] = f"{type(error).__name__}: {error}"
    return found, missing
