"""Commands of `mesh-testnet`, one module each: what such a module has, and how a parser is made of several.

A module imports what it needs inside `run`: so `--help` costs nothing, and `--backend` can choose the group library before anything imports one.
"""

import argparse
from collections.abc import Sequence
from typing import Protocol

EXIT_FAILED = 1


class Command(Protocol):
    """A module (or value) that is one command. It may also have `check(options, parser)`, which ends with status 2 where options contradict each other."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of a module
        """How it is called."""

    @property
    def HELP(self) -> str:  # noqa: N802
        """One line."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its options; a description and an epilog, if it has any."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; returns the exit status. LocalFault."""


def add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command], destination: str) -> None:
    """Sub-commands of a parser. `options.chosen` is then the command that was given, the innermost one, and `options.chosen_parser` its parser."""
    subparsers = parser.add_subparsers(dest=destination, required=True)
    for command in commands:
        sub = subparsers.add_parser(command.NAME, help=command.HELP)
        sub.set_defaults(chosen=command, chosen_parser=sub)
        command.add_arguments(sub)


def run_chosen(options: argparse.Namespace) -> int:
    """Check and run the command that was given; returns its exit status. LocalFault."""
    check = getattr(options.chosen, "check", None)
    if check is not None:
        check(options, options.chosen_parser)
    command: Command = options.chosen
    return command.run(options)
