"""Commands that drive a network that runs: `kill`, `status`, `link` and the like."""

import argparse
from dataclasses import dataclass
from typing import Final

from testnet import control_arguments


@dataclass(frozen=True, slots=True)
class ControlCommand:
    """One of them."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its options."""
        control_arguments.add_arguments(self.NAME, parser)

    def check(self, options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
        """Ends with status 2 where options contradict each other."""
        control_arguments.check_arguments(options, parser)

    def run(self, options: argparse.Namespace) -> int:
        """Give the order, and tell the answer. LocalFault."""
        from testnet.control_commands import run

        return run(options)


CONTROL_COMMANDS: Final = tuple(ControlCommand(name, text) for name, text in control_arguments.COMMANDS.items())
