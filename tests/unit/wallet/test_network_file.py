"""network.toml: what wallets are told about the network, and each mistake in it named with its key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.network import load_network
from testnet.genesis import create_network, open_network
from testnet.layout import NetworkFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> NetworkFolder:
    folder = NetworkFolder(tmp_path_factory.mktemp("network") / "home")
    create_network(folder, name="test", wallets={"alice": 1})
    return folder


def edited(made: NetworkFolder, change: Callable[[Any], None]) -> Path:
    """A changed copy beside the original, so that its relative paths hold."""
    document = tomlkit.parse(made.network_file.read_text())
    change(document)
    path = made.home / "edited.toml"
    path.write_text(tomlkit.dumps(document))
    return path


def refuse(path: Path) -> LocalFault:
    with pytest.raises(LocalFault) as refusal:
        load_network(path)
    assert refusal.value.text.startswith(f"{path}: ")
    return refusal.value


def test_validators_are_in_committee_order_whatever_the_order_in_the_file(made: NetworkFolder) -> None:
    genesis = open_network(made)

    def turn_round(document: Any) -> None:
        entries = list(document["validators"])
        for number, entry in enumerate(reversed(entries)):
            document["validators"][number] = entry

    network = load_network(edited(made, turn_round))
    assert [peer.identity_pk for peer in network.validators] == list(genesis.committee.validators)
    assert [peer.name for peer in network.validators] == ["V1", "V2", "V3", "V4"]
    assert network.name == "test"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda document: document.update({"validator": 1}), "validator: is no key that exists here"),
        (lambda document: document["network"].pop("name"), "network.name: is missing"),
        (lambda document: document["network"].pop("genesis"), "network.genesis: is missing"),
        (lambda document: document["network"].update({"genesis": "nowhere.bin"}), "network.genesis: "),
        (lambda document: document["network"].update({"genesis": "network.toml"}), "network.genesis: "),
        (lambda document: document["validators"].pop(), "validators: 3 of the genesis document's 4 validators"),
        (lambda document: document["validators"][1].update({"port": 0}), "validators[1].port: 0 is no UDP port"),
        (lambda document: document["validators"][1].update({"host": "here"}), "validators[1].host: 'here' is no IP address"),
        (lambda document: document["validators"][1].update({"public_key": "ab" * 32}), "validators[1].public_key: is no validator of the genesis document"),
        (
            lambda document: document["validators"][1].update({"public_key": document["validators"][0]["public_key"]}),
            "validators[1].public_key: stands twice",
        ),
        (lambda document: document["validators"][1].update({"tls_certificate": "genesis.bin"}), "is no certificate in PEM form"),
    ],
)
def test_mistake_is_named_with_its_key(made: NetworkFolder, change: Callable[[Any], None], reason: str) -> None:
    assert reason in refuse(edited(made, change)).text


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert refuse(tmp_path / "network.toml").code is ErrorCode.CONFIG_INVALID
