"""`mesh-testnet audit`: every validator's log checked from the genesis on, and their states beside each other."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from mesh_core.storage.named_path import named_path
from testnet.commands.home_option import add_home, find_network

if TYPE_CHECKING:
    from testnet.audit.report import AuditReport
    from testnet.progress import Progress

NAME = "audit"
HELP = "check every validator's log from the genesis on, and compare their states"
DESCRIPTION = """Reads every validator's log from its first certificate on and checks each one: signatures of its owner and of a quorum, range proof,
every rule that it was applied by. The state is recomputed from that by the product's own machine, and compared with what each validator says of itself; the
supply must add up on commitments, and all digests be equal. What differs is told with its place. A network that runs is asked as anybody can who has its file;
with --offline the data folders of validators that do not run are read, and left as they are."""
STATUSES = "Exit status: 0 all is as it must be, 1 it could not be audited (the reason is on standard error), 2 wrong usage, 4 something was found."
EXIT_FOUND = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    add_home(parser)
    parser.add_argument("--network", type=named_path, metavar="FILE", help="a network.toml instead of a home: for networks of other machines")
    parser.add_argument("--offline", action="store_true", help="read the data folders of a home whose validators do not run")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.network is not None and (options.home is not None or options.offline):
        parser.error("--network goes with neither --home nor --offline")


def run(options: argparse.Namespace) -> int:
    """Audit. Exit status 4 if something was found. LocalFault."""
    from mesh_core.crypto.startup import prepare
    from mesh_core.types.visible_text import visible_text
    from testnet.progress import Progress

    prepare()
    with Progress(is_wanted=not options.json) as progress:
        report = _audit_folders(options, progress) if options.offline else _audit_network(options, progress)
    if options.json:
        sys.stdout.write(json.dumps(report.form()) + "\n")
    else:
        # A network's name and a validator's words are others': no terminal is told to do something by them.
        sys.stdout.write("".join(f"{visible_text(line)}\n" for line in report.lines()))
    return 0 if report.is_good else EXIT_FOUND


def _audit_network(options: argparse.Namespace, progress: "Progress") -> "AuditReport":
    import asyncio

    from mesh_core.wallet.network import load_network
    from testnet.audit.network import audit_network

    network = load_network(options.network if options.network is not None else find_network(options.home).network_file)
    return asyncio.run(audit_network(network, progress.tell))


def _audit_folders(options: argparse.Namespace, progress: "Progress") -> "AuditReport":
    from mesh_core.network.genesis_file import load_genesis
    from mesh_core.validator.config import load_config
    from testnet.audit.folders import audit_folders

    folder = find_network(options.home)
    genesis = load_genesis(folder.genesis_file)
    data_dirs = [load_config(folder.validator(index).config).data_dir for index in range(genesis.committee.size)]
    return audit_folders(genesis, data_dirs, progress.tell)
