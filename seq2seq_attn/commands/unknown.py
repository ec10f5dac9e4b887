"""Symbols that a model has never seen, said to who runs a command."""

from __future__ import annotations

import sys
from collections import Counter

_MOST = 10


def say_unknown(unknown: Counter[str], where: str) -> None:
    """Say on standard error which symbols a vocabulary does not have, and how often each is there; nothing if none.

    Args:
        unknown: what `Vocabulary.unknown_in` gives.
        where: the words behind "unknown", as "in the sources of test.tsv".
    """
    if unknown:
        shown = ", ".join(f"{symbol!r} {count:,}" for symbol, count in unknown.most_common(_MOST))
        more = f" and {len(unknown) - _MOST:,} more" if len(unknown) > _MOST else ""
        print(f"unknown {where}: {shown}{more}", file=sys.stderr)
