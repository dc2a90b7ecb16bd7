"""`mesh-testnet import FILE`: a ledger from a file to the validators of a network."""

import argparse
import json
import sys

from mesh_core.storage.named_path import named_path
from testnet.commands.home_option import add_home, find_network
from testnet.commands.registry import EXIT_FAILED

NAME = "import"
HELP = "give the certificates of a file to the validators of a network"
DESCRIPTION = """Checks a file that 'export' wrote, or anybody else: its form, and every certificate as 'audit' does, applied in the order of the file from the
genesis on. Only then the certificates are given to all validators, which check them themselves. Nothing is overwritten, and what a validator has it keeps. An
import that was interrupted is begun again, and goes on where each validator was."""
STATUSES = """Exit status: 0 every validator has all of it, 1 refused (with the code of what is wrong and the byte where it stands), or a validator could not be
given all of it, 2 wrong usage."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    parser.add_argument("file", type=named_path, metavar="FILE", help="a ledger of this very network")
    add_home(parser)
    parser.add_argument("--network", type=named_path, metavar="FILE", help="a network.toml instead of a home: for networks of other machines")
    parser.add_argument("--check", action="store_true", help="check the file, and give nothing to anybody; no validator need run")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.network is not None and options.home is not None:
        parser.error("--network goes without --home")


def run(options: argparse.Namespace) -> int:
    """Check, and deliver. LocalFault."""
    import asyncio

    from mesh_core.crypto.startup import prepare
    from mesh_core.types.visible_text import visible_text
    from mesh_core.wallet.network import load_network
    from testnet.importing import deliver, read_checked
    from testnet.progress import Progress

    prepare()
    network = load_network(options.network if options.network is not None else find_network(options.home).network_file)
    with Progress(is_wanted=not options.json) as progress:
        ledger = read_checked(network, options.file, lambda done, total: progress.tell("bytes checked", done, total))
        outcomes = [] if options.check else asyncio.run(deliver(network, ledger, lambda done, total: progress.tell("delivered", done, total)))
    follower = ledger.follower
    is_good = not any(one.problem for one in outcomes)
    made = {
        "event": "ledger_checked" if options.check else "ledger_imported",
        "good": is_good,
        "file": str(options.file),
        "certificates": follower.length,
        "chain": follower.chain.hex(),
        "digest": follower.ledger.compute_digest().hex(),
        "validators": [
            {"name": one.name, "skipped": one.skipped, "known": one.known, "applied": one.applied, "problem": one.problem or None} for one in outcomes
        ],
    }
    if options.json:
        sys.stdout.write(json.dumps(made) + "\n")
        return 0 if is_good else EXIT_FAILED
    lines = [f"{options.file}: {follower.length:,} certificates of {network.name}, all good; they lead to the digest {made['digest']}"]
    lines += [
        f"{one.name}  {one.applied:,} new, {one.skipped + one.known:,} known" + (f"; NOT complete: {one.problem}; try again later" if one.problem else "")
        for one in outcomes
    ]
    sys.stdout.write("".join(f"{visible_text(line)}\n" for line in lines))
    return 0 if is_good else EXIT_FAILED
