"""The `mesh-testnet` command: tools around the protocol. Each of its commands is a module of `testnet/commands`."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from testnet.commands import bench, init, simulate, torture, up, vectors
from testnet.commands.control import CONTROL_COMMANDS
from testnet.commands.registry import EXIT_FAILED, Command, add_commands, run_chosen

EXIT_NO_VALIDATOR = 3
COMMANDS: Final[tuple[Command, ...]] = (vectors, bench, torture, init, up, simulate, *CONTROL_COMMANDS)
"""In the order in which `--help` names them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 good, 1 failed, 2 wrong usage, 3 a validator of `up` could not be started."""
    options = make_parser().parse_args(arguments)
    try:
        return run_chosen(options)
    except LocalFault as fault:
        sys.stderr.write(f"mesh-testnet: {fault}\n")
        return EXIT_NO_VALIDATOR if fault.code is ErrorCode.VALIDATOR_START else EXIT_FAILED


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="mesh-testnet", description="Tools around the MESH protocol.")
    add_commands(parser, COMMANDS, "command")
    return parser


if __name__ == "__main__":
    sys.exit(main())
