"""SCAN (Lake & Baroni 2018): commands in English to actions, ``IN: jump twice OUT: I_JUMP I_JUMP``."""

from __future__ import annotations

import re

from seq2seq_attn.data.corpus import Pair
from seq2seq_attn.presets.preset import Preset

_LINE = re.compile("IN: (.+) OUT: (.+)")


def command(line: str) -> Pair:
    """The pair of a line of SCAN's files.

    Raises:
        ValueError: a line of another form.

    Example:
        >>> command("IN: jump twice OUT: I_JUMP I_JUMP")
        Pair(source='jump twice', target='I_JUMP I_JUMP')
    """
    if not (found := _LINE.fullmatch(line)):
        raise ValueError("no command; give IN: jump twice OUT: I_JUMP I_JUMP, as SCAN's files have it")
    return Pair(*found.groups())


SCAN = Preset("scan", "commands to actions: files of SCAN, IN: … OUT: …", pair=command, source="space")
