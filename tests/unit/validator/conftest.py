"""A local network on the disk, made once and copied for each test: its files name each other by relative paths."""

import shutil
from pathlib import Path

import pytest

from testnet.genesis import create_network
from testnet.layout import NetworkFolder


@pytest.fixture(scope="session")
def network_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of four validators that never ran."""
    home = tmp_path_factory.mktemp("template") / "home"
    create_network(NetworkFolder(home), name="test", wallets={"alice": 10_000})
    return home


@pytest.fixture
def network(network_template: Path, tmp_path: Path) -> NetworkFolder:
    """A network of this test's own."""
    return NetworkFolder(Path(shutil.copytree(network_template, tmp_path / "home")))
