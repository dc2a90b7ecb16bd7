"""Where everything of a local network lies.

HOME/network.toml            for wallets
HOME/genesis.bin
HOME/v1 ... vN/              one folder a validator, in committee order: keys, certificate, validator.toml, data/, votes.journal, validator.log
HOME/profile.toml            where validators and wallets are taken to be, if the network has a profile (`profiles.py`)
HOME/relayed.toml            for wallets that shall go over the relays in their lines (`link_service.py`), while there are any
HOME/control.sock            while the network runs
HOME/wallets/NAME/           one folder a wallet
HOME/public/                 of a network of several machines: what everybody needs
"""

from dataclasses import dataclass
from pathlib import Path

from mesh_core.storage.validator_store import JOURNAL_NAME
from mesh_core.validator.identity import FIRST_START_NAME, IDENTITY_NAME, TLS_CERTIFICATE_NAME, TLS_KEY_NAME
from mesh_core.wallet.home_folder import HomeFolder

CONTROL_SOCKET_NAME = "control.sock"


def exists(path: Path) -> bool:
    """Whether something is there that this user can see: a name that is too long, or a folder that nobody lets in, is as good as nothing."""
    try:
        return path.exists()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class ValidatorFolder:
    """The files of one validator."""

    path: Path

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.path / "validator.toml"

    @property
    def identity_key(self) -> Path:
        """Its secret key."""
        return self.path / IDENTITY_NAME

    @property
    def tls_key(self) -> Path:
        """The secret key of its certificate."""
        return self.path / TLS_KEY_NAME

    @property
    def tls_certificate(self) -> Path:
        """Its certificate."""
        return self.path / TLS_CERTIFICATE_NAME

    @property
    def data_dir(self) -> Path:
        """Its database."""
        return self.path / "data"

    @property
    def vote_journal(self) -> Path:
        """Its vote journal: beside the data folder, so that a copy of that folder alone cannot take the votes back."""
        return self.path / JOURNAL_NAME

    @property
    def first_start(self) -> Path:
        """Says that it has never run. Gone after its first start."""
        return self.path / FIRST_START_NAME

    @property
    def log(self) -> Path:
        """Its log."""
        return self.path / "validator.log"


@dataclass(frozen=True, slots=True)
class NetworkFolder(HomeFolder):
    """The files of a network whose validators run on this machine."""

    @property
    def lock(self) -> Path:
        """Held by whoever runs this network."""
        return self.home / "network"

    @property
    def control_socket(self) -> Path:
        """Where whoever runs this network takes orders from other programs (`control.py`)."""
        return self.home / CONTROL_SOCKET_NAME

    @property
    def profile_file(self) -> Path:
        """Where its validators and wallets are taken to be. Absent: all on this machine, with direct lines."""
        return self.home / "profile.toml"

    @property
    def relayed_network_file(self) -> Path:
        """The network as wallets see it whose lines have relays in them. Only while there are such lines."""
        return self.home / "relayed.toml"

    @property
    def public(self) -> Path:
        """What everybody needs who has no part in a network of several machines: network.toml, genesis document, certificates."""
        return self.home / "public"

    def validator(self, index: int) -> ValidatorFolder:
        """Files of the validator with this index in the committee."""
        return ValidatorFolder(self.home / f"v{index + 1}")

    @property
    def exists(self) -> bool:
        """Whether a network was made here."""
        return exists(self.network_file)
