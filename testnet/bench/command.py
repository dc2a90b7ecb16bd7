"""`mesh-testnet bench WHAT`: one module for each thing that can be measured."""

import argparse
from typing import Final

from testnet.bench import catch_up_command, hosts, latency, proofs_command, report_command, scale_command, soak_command, throughput_command
from testnet.commands.registry import Command, add_commands

NAME = "bench"
HELP = "measure"
COMMANDS: Final[tuple[Command, ...]] = (latency, hosts, throughput_command, scale_command, catch_up_command, soak_command, proofs_command, report_command)
"""What can be measured, in the order in which `--help` names it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its sub-commands."""
    add_commands(parser, COMMANDS, "what")


def run(options: argparse.Namespace) -> int:
    """Measure. LocalFault."""
    return next(command for command in COMMANDS if command.NAME == options.what).run(options)
