"""`mesh-testnet export FILE`: the ledger into a file."""

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator

from mesh_core.storage.named_path import named_path
from testnet.commands.home_option import add_home, find_network

NAME = "export"
HELP = "write the ledger into a file: every certificate, checked from the genesis on"
DESCRIPTION = """Reads a validator's log and writes it into a new file: the network's id and all certificates, in the order of that log. Each is checked on the
way, range proofs included. The file holds what anybody can ask a validator for: no amounts, no keys. An interrupted export leaves no file."""
STATUSES = "Exit status: 0 written, 1 refused (the file exists, nobody answers, the log is wrong), 2 wrong usage."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = DESCRIPTION, STATUSES
    parser.add_argument("file", type=named_path, metavar="FILE", help="a file that does not exist")
    add_home(parser)
    parser.add_argument("--network", type=named_path, metavar="FILE", help="a network.toml instead of a home: for networks of other machines")
    parser.add_argument("--validator", metavar="V3", help="whose log (default: the longest that is good; with --offline V1)")
    parser.add_argument("--offline", action="store_true", help="read the data folder of a validator that does not run")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    if options.network is not None and (options.home is not None or options.offline):
        parser.error("--network goes with neither --home nor --offline")


def run(options: argparse.Namespace) -> int:
    """Write the file. LocalFault."""
    import asyncio

    from mesh_core.crypto.startup import prepare
    from mesh_core.types.visible_text import visible_text
    from mesh_core.validator.config import load_config
    from mesh_core.wallet.network import load_network
    from testnet.exporting import export_folder, export_network
    from testnet.layout import NetworkFolder
    from testnet.lines import parse_validator
    from testnet.progress import Progress

    prepare()
    folder = None if options.network is not None else find_network(options.home)
    network = load_network(options.network if folder is None else folder.network_file)
    index = None if options.validator is None else parse_validator(options.validator, network.genesis.committee.size)
    with ended_as_by_hand(), Progress(is_wanted=not options.json) as progress:

        def tell(done: int, total: int) -> None:
            progress.tell("certificates", done, total)

        if options.offline:
            assert isinstance(folder, NetworkFolder)
            index = index or 0
            follower, size = export_folder(network.genesis, f"V{index + 1}", load_config(folder.validator(index).config).data_dir, options.file, tell)
        else:
            index, follower, size = asyncio.run(export_network(network, index, options.file, tell))
    written = {
        "event": "ledger_exported",
        "file": str(options.file),
        "bytes": size,
        "network_id": network.genesis.network_id.hex(),
        "validator": f"V{index + 1}",
        "certificates": follower.length,
        "chain": follower.chain.hex(),
        "digest": follower.ledger.compute_digest().hex(),
    }
    text = f"{options.file}: {follower.length:,} certificates of {network.name}, from V{index + 1}, {size:,} bytes; digest {written['digest']}"
    sys.stdout.write((json.dumps(written) if options.json else visible_text(text)) + "\n")
    return 0


@contextlib.contextmanager
def ended_as_by_hand() -> Iterator[None]:
    """SIGTERM and SIGHUP are as Ctrl-C meanwhile: whoever stops a program by them, or shuts its terminal, is left no half file either."""
    numbers = [signal.SIGTERM, signal.SIGHUP] if threading.current_thread() is threading.main_thread() else []
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers if signal.getsignal(number) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
