"""`mesh-testnet up DIR`: a network with a faucet in the foreground."""

import argparse
from pathlib import Path

from mesh_core.types.committee import MAX_VALIDATORS
from testnet.commands.registry import EXIT_FAILED

NAME = "up"
HELP = "run a network with a faucet in the foreground, for mesh-wallet"
DESCRIPTION = """Runs the validators of a home and its faucet until Ctrl-C or SIGTERM, then stops them in good order.
Where the home has no network, one is made, whose money is all in the wallet 'faucet'. No other wallet is opened, so that mesh-wallet
can use them; one program at a time runs a home's network."""
STATUSES = """Exit status: 0 stopped as asked, 1 failed (the home is in use, or wrong), 2 wrong usage, 3 a validator could not be started."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    parser.add_argument("home", type=Path, metavar="DIR", help="where network and wallets are kept; made with a new network where there is none")
    parser.add_argument("--validators", type=validators_count, metavar="N", help="with a new network: how many validators (default 4)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Run the network until it is told to stop. LocalFault."""
    from mesh_core.wallet.home_folder import find_home
    from testnet.up import run_up

    try:
        run_up(find_home(options.home), options.validators, as_json=options.json)
    except KeyboardInterrupt:
        return EXIT_FAILED  # before there was anything to stop in good order
    return 0


def validators_count(text: str) -> int:
    """How many validators a committee has, as an argument."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_VALIDATORS)) and 1 <= int(text) <= MAX_VALIDATORS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {MAX_VALIDATORS}")
    return int(text)
