"""The command line: ``seq2seq-attn COMMAND``, each of them a file in `commands`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from seq2seq_attn.commands import check, cipher, draw, evaluate, explore, summary, train, translate
from seq2seq_attn.drawing.drawing import RenderError

_COMMANDS = {
    "cipher": cipher,
    "train": train,
    "translate": translate,
    "evaluate": evaluate,
    "draw": draw,
    "explore": explore,
    "check": check,
    "summary": summary,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a check that found something, 2 for what could not be done."""
    options = parser().parse_args(arguments)
    try:
        status: int = _COMMANDS[options.name].run(options)
        return status
    except (ValueError, OSError, RenderError) as error:
        print(f"seq2seq-attn {options.name}: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """All commands with their options; ``name`` says which of them was given."""
    top = argparse.ArgumentParser(
        prog="seq2seq-attn",
        description="Attention encoder-decoders whose diagram is specification, program and picture.",
    )
    commands = top.add_subparsers(dest="name", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        command.arguments(
            commands.add_parser(
                name,
                help=command.HELP,
                description=command.HELP,
                formatter_class=_Help,
            )
        )
    return top


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Says the default where there is one to say."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False, []) else super()._get_help_string(action)


if __name__ == "__main__":
    sys.exit(main())
