"""`mesh-testnet down`: ends the network that runs in a home, in good order."""

import argparse
import json
import sys

from mesh_core.storage.named_path import named_path
from testnet.commands.home_option import add_home, find_network

NAME = "down"
HELP = "end the network that 'up' runs in a home, and wait for its end"
DESCRIPTION = """Asks the program that runs the network of a home to end it in good order, and waits until every process has ended. A network that does not
run is as good: the exit status is 0. The workstation takes no such order: quit it there."""
STATUSES = "Exit status: 0 nothing runs any more, 1 refused, or it did not end in time, 2 wrong usage."
DEADLINE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    parser.add_argument("folder", type=named_path, metavar="DIR", nargs="?", help="the same as --home DIR")
    add_home(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.folder is not None and options.home is not None:
        parser.error("DIR and --home say the same: give one of them")


def run(options: argparse.Namespace) -> int:
    """End it. LocalFault."""
    import asyncio

    from mesh_core.types.visible_text import visible_text
    from testnet.ending import end_network

    folder = find_network(options.folder or options.home)
    pid = asyncio.run(end_network(folder, DEADLINE_S))
    if options.json:
        sys.stdout.write(json.dumps({"event": "network_down", "home": str(folder.home), "was_running": pid is not None, "pid": pid}) + "\n")
    else:
        ended = "no network was running" if pid is None else f"every process has ended (process {pid} and its own)"
        sys.stdout.write(f"{visible_text(str(folder.home))}: {ended}\n")
    return 0
