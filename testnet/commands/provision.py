"""`mesh-testnet provision DIR`: `init` for a program that starts whatever is there: a second time it finds the network and changes nothing."""

import argparse
import ipaddress
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from testnet.commands import init

if TYPE_CHECKING:
    from testnet.layout import NetworkFolder

NAME = "provision"
HELP = "make a network where there is none, for containers and other machines, with metrics"
DESCRIPTION = """Does what 'init' does, once: where DIR holds a network already, nothing is made and nothing overwritten, and the exit status is 0, too.
So whatever starts containers may run it at each start. With --metrics-port every validator whose configuration says nothing of metrics tells them, at the
address at which it listens (docs/operations.md, Monitoring)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `init`, and one more."""
    init.add_arguments(parser)
    parser.description = DESCRIPTION
    parser.add_argument("--metrics-port", type=_port, metavar="P", help="TCP port of the metrics; validators that share an address get P, P+1 …")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where options contradict each other."""
    init.check(options, parser)


def run(options: argparse.Namespace) -> int:
    """Make the network, or find it. LocalFault."""
    from mesh_core.types.visible_text import visible_text
    from mesh_core.wallet.home_folder import find_home
    from testnet.layout import NetworkFolder

    folder = NetworkFolder(find_home(options.home))
    if folder.exists:
        sys.stdout.write('{"event":"network_found"}\n' if options.json else f"there is a network in {visible_text(str(folder.home))}: nothing is made anew\n")
    else:
        status = init.run(options)
        if status:
            return status
    if options.metrics_port is not None:
        # Also where a network was found: whoever was interrupted in between would otherwise have none for ever.
        tell_metrics(folder, options.metrics_port)
    return 0


def tell_metrics(folder: "NetworkFolder", first_port: int) -> None:
    """Let each validator tell metrics whose configuration says nothing of them. LocalFault."""
    from mesh_core.validator.config import MetricsAddress, load_config, write_config
    from mesh_core.wallet.network import load_network
    from testnet.genesis import PEERS_NAME

    peers = load_network(folder.network_file).validators
    for index, peer in enumerate(peers):
        validator = folder.validator(index)
        config = load_config(validator.config)
        if config.metrics is not None:
            continue
        port = first_port + sum(other.host == peer.host for other in peers[:index])
        reach = "loopback" if ipaddress.ip_address(config.listen_host).is_loopback else "network"
        carried = validator.path / PEERS_NAME
        certificates: dict[bytes, Path] = {
            other.identity_pk: carried / f"{other.name}.crt" if carried.is_dir() else folder.validator(number).tls_certificate
            for number, other in enumerate(peers)
        }
        write_config(validator.config, replace(config, metrics=MetricsAddress(config.listen_host, port, reach)), certificates)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65000):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no TCP port from 1 to 65000")
    return int(text)
