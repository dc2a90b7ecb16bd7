"""`mesh-testnet completion SHELL`: a script that completes every command and option."""

import argparse
import sys

from testnet.completion import add_completion, completion_script

NAME = "completion"
HELP = "print a script that completes mesh-testnet in a shell"
VALIDATORS = tuple(f"V{number}" for number in range(1, 8))
"""A network may have more or fewer: what is typed is checked when it is run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's argument."""
    add_completion(parser)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from testnet.cli import make_parser
    from testnet.profiles import known_profiles
    from testnet.recipe import known_recipes

    profiles = known_profiles()
    values = {"V3": VALIDATORS, "END": (*VALIDATORS, "wallets"), "PROFILE": profiles, "--profile": profiles, "--recipe": known_recipes()}
    sys.stdout.write(completion_script(options.shell, make_parser(), values))
    return 0
