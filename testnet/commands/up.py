"""`mesh-testnet up DIR`: a network with a faucet in the foreground."""

import argparse

from mesh_core.storage.named_path import named_path
from testnet.commands.numbers import validators_count
from testnet.commands.profile_option import PROFILES
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
    parser.add_argument("home", type=named_path, metavar="DIR", help="where network and wallets are kept; made with a new network where there is none")
    parser.add_argument("--validators", type=validators_count, metavar="N", help="with a new network: how many validators (default 4)")
    parser.add_argument("--recipe", metavar="FILE", help="with a new network: what it is made of, a file or 'example' (docs/operations.md, Recipes)")
    parser.add_argument("--profile", metavar="PROFILE", help=f"where validators and wallets are taken to be, for this run: {PROFILES}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.recipe is not None and options.validators is not None:
        parser.error("a recipe says how many validators there are: leave out --validators")


def run(options: argparse.Namespace) -> int:
    """Run the network until it is told to stop. LocalFault."""
    from mesh_core.wallet.home_folder import find_home
    from testnet.recipe import find_recipe, read_recipe
    from testnet.up import run_up

    recipe = None if options.recipe is None else read_recipe(find_recipe(options.recipe))
    try:
        run_up(find_home(options.home), options.validators, recipe, options.profile, as_json=options.json)
    except KeyboardInterrupt:
        return EXIT_FAILED  # before there was anything to stop in good order
    return 0
