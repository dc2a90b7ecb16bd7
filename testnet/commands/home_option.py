"""The option that commands on a home share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_core.storage.named_path import named_path

if TYPE_CHECKING:
    from testnet.layout import NetworkFolder


def add_home(parser: argparse.ArgumentParser) -> None:
    """`--home DIR`."""
    parser.add_argument("--home", type=named_path, metavar="DIR", help="the folder of the network (default: MESH_HOME, else the user's own)")


def find_network(home: Path | None) -> "NetworkFolder":
    """The network's folder. LocalFault (NO_NETWORK) where there is none."""
    from mesh_core.errors import ErrorCode, LocalFault
    from mesh_core.wallet.home_folder import find_home
    from testnet.layout import NetworkFolder

    folder = NetworkFolder(find_home(home))
    if not folder.exists:
        raise LocalFault(ErrorCode.NO_NETWORK, f"there is no network in {folder.home}: name its folder with --home")
    return folder
