"""`mesh-testnet torture`: kills at random while wallets pay, then every unit is counted."""

import argparse
import json
import sys

from testnet.commands.registry import EXIT_FAILED

NAME = "torture"
HELP = "kill validators and wallets of a real network at random while they pay, then count every unit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--minutes", type=float, default=1.0, metavar="M", help="how long payments and kills go on (default 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="who pays whom, and who is killed; the timing is the machine's")
    parser.add_argument("--wallets", type=int, default=4, metavar="N", help="how many wallets pay each other (default 4)")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where there would be nothing to torture."""
    if not (options.minutes > 0 and options.wallets >= 2):
        parser.error("torture takes some time and at least two wallets")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if a unit is missing. LocalFault."""
    import asyncio
    import tempfile
    from pathlib import Path

    from testnet.torture import torture

    def tell(text: str) -> None:
        if not options.json:
            _say(text)

    with tempfile.TemporaryDirectory(prefix="mesh-torture-") as home:
        report = asyncio.run(torture(Path(home) / "home", seconds=options.minutes * 60, seed=options.seed, wallets_count=options.wallets, tell=tell))
    if options.json:
        _say(json.dumps(report.form(), separators=(",", ":")))
    else:
        for key, value in report.form().items():
            if key != "event":
                _say(f"{key.replace('_', ' '):>22}  {value}")
    return 0 if report.is_good else EXIT_FAILED


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
