"""The home: the folder that workstation, command line and local network share, and what of it concerns wallets.

HOME/network.toml            the validators (mesh_core/wallet/network.py)
HOME/genesis.bin             the genesis document
HOME/wallets/NAME/           one folder a wallet
HOME/contacts.toml           names for other people's addresses
HOME/faucet.sock             where a local network's faucet listens while it runs
"""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mesh_core.errors import ErrorCode, LocalFault

HOME_VARIABLE = "MESH_HOME"


@dataclass(frozen=True, slots=True)
class HomeFolder:
    """The files of a home that wallets know."""

    home: Path

    @property
    def network_file(self) -> Path:
        """What wallets read. It is written last: a home without it holds no network."""
        return self.home / "network.toml"

    @property
    def genesis_file(self) -> Path:
        """The genesis document of a network that was made here."""
        return self.home / "genesis.bin"

    @property
    def wallets(self) -> Path:
        """The home of the wallets."""
        return self.home / "wallets"

    @property
    def contacts_file(self) -> Path:
        """Names for addresses."""
        return self.home / "contacts.toml"

    @property
    def faucet_socket(self) -> Path:
        """The faucet's Unix socket."""
        return self.home / "faucet.sock"


def find_home(option: Path | None) -> Path:
    """The home: the option, else the environment, else a folder of the user's data. LocalFault (CONFIG_INVALID) for the home of nobody (~nobody/here)."""
    variable = os.environ.get(HOME_VARIABLE)
    given = option if option is not None else Path(variable) if variable else None
    if given is not None:
        try:
            return given.expanduser().absolute()
        except RuntimeError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"the home {given}: {error}") from error
    return platformdirs.user_data_path("mesh") / "local-4"
