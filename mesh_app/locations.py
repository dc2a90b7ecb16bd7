"""Every place on the disk that the workstation knows, in one file."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.home_folder import HOME_VARIABLE, find_home

CONFIG_NAME = "config.toml"
STATE_NAME = "state.toml"
LOG_NAME = "mesh-app.log"
EXPORTS_NAME = "exports"


@dataclass(frozen=True, slots=True)
class Locations:
    """Where what is. Nothing here needs to exist."""

    config: Path
    home: Path

    @property
    def state(self) -> Path:
        """What is kept between runs: the last screen, filters; never a secret."""
        return self.home / STATE_NAME

    @property
    def log(self) -> Path:
        """The workstation's own log, with every traceback."""
        return self.home / LOG_NAME

    @property
    def exports(self) -> Path:
        """What `o` writes."""
        return self.home / EXPORTS_NAME

    def rows(self) -> tuple[tuple[str, str], ...]:
        """(name, path), for `mesh-app locate` and the help."""
        return (
            ("config", str(self.config)),
            ("home", str(self.home)),
            ("state", str(self.state)),
            ("log", str(self.log)),
            ("exports", str(self.exports)),
            ("wallets", str(self.home / "wallets")),
            ("validator logs", str(self.home / "v1" / "validator.log")),
        )


def find_locations(*, home: Path | None, config: Path | None) -> Locations:
    """The places by the options, the environment, and the user's folders.

    MESH_HOME keeps everything together: without `--config`, the configuration then lies in that folder too. LocalFault (CONFIG_INVALID).
    """
    return Locations(config=_find_config(config), home=find_home(home))


def _find_config(option: Path | None) -> Path:
    if option is not None:
        try:
            return option.expanduser().absolute()
        except RuntimeError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"the configuration {option}: {error}") from error
    if os.environ.get(HOME_VARIABLE):
        return find_home(None) / CONFIG_NAME
    return platformdirs.user_config_path("mesh") / CONFIG_NAME
