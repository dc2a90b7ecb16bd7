"""`mesh-testnet up` before any process runs: what it makes, what it refuses, and with which exit status."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.storage.wallet_store import list_wallets
from testnet import up
from testnet.cli import main
from testnet.genesis import FAUCET_ALLOCATION, create_network
from testnet.layout import NetworkFolder
from testnet.ownership import own_home
from testnet.recipe import find_recipe, read_recipe
from testnet.supervisor import Supervisor
from testnet.up import UpNetwork, describe_network
from testnet.wallet_service import WalletService


@pytest.mark.parametrize("count", ["0", "101", "-1", "x", "", "4.0", "9" * 5000])
def test_number_of_validators_that_no_network_has_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path, count: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["up", str(tmp_path / "home"), f"--validators={count}"])
    assert exit_.value.code == 2
    shown = capsys.readouterr()
    assert "is no number from 1 to 100" in shown.err
    assert len(shown.err) < 1000
    assert not (tmp_path / "home").exists()


async def test_new_network_has_all_its_money_in_the_faucet(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    network = UpNetwork(folder, lambda _: None)
    network.open(7)
    await network.close()
    doc = load_genesis(folder.genesis_file).doc
    assert (doc.name, len(doc.validators), doc.supply) == ("local-7", 7, FAUCET_ALLOCATION)
    assert list_wallets(folder.wallets) == ("faucet",)
    again = UpNetwork(folder, lambda _: None)
    again.open(None)
    await again.close()
    assert load_genesis(folder.genesis_file).doc == doc


@pytest.mark.parametrize("what", [{"event": "wallet", "wallet": "faucet"}, {"event": "wallets_ended"}])
async def test_nobody_is_told_that_it_is_ready_before_its_faucet_has_its_wallet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: dict[str, str]) -> None:
    """Or cannot have it. Whoever is told may open all wallets of the home that are free, and would take the faucet's."""
    told: list[str] = []
    network = UpNetwork(NetworkFolder(tmp_path / "home"), lambda event: told.append(event["event"]))

    async def start_late(_: object) -> None:
        asyncio.get_running_loop().call_later(0.2, network._publish, what)

    async def start(_: object) -> None:
        pass

    monkeypatch.setattr(WalletService, "start", start_late)
    monkeypatch.setattr(Supervisor, "start_all", start)
    network.open(None)
    try:
        await network.start()
    finally:
        await network.close()
    assert told[-2:] == [what["event"], "network_ready"]


async def test_wallets_that_say_nothing_keep_no_network_from_being_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    network = UpNetwork(NetworkFolder(tmp_path / "home"), lambda event: told.append(event["event"]))

    async def start(_: object) -> None:
        pass

    monkeypatch.setattr(WalletService, "start", start)
    monkeypatch.setattr(Supervisor, "start_all", start)
    monkeypatch.setattr(up, "FAUCET_OPEN_S", 0.05)
    network.open(None)
    try:
        await network.start()
    finally:
        await network.close()
    assert told[-1] == "network_ready"


async def test_a_profile_that_there_is_not_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    network = UpNetwork(folder, lambda _: None)
    with pytest.raises(LocalFault) as refusal:
        network.open(None, profile="atlantis")
    await network.close()
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert not folder.home.exists()


async def test_number_of_validators_never_changes(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    create_network(folder, name="test", wallets={"alice": 5})
    network = UpNetwork(folder, lambda _: None)
    with pytest.raises(LocalFault) as refusal:
        network.open(7)
    await network.close()
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert "has 4 validators" in refusal.value.text


async def test_recipe_is_for_a_new_network_and_for_the_one_that_was_made_of_it(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    recipe = read_recipe(find_recipe("example"))
    for _ in range(2):
        network = UpNetwork(folder, lambda _: None)
        network.open(None, recipe)
        await network.close()
    assert list_wallets(folder.wallets) == ("alice", "bob", "faucet")
    other = UpNetwork(folder, lambda _: None)
    with pytest.raises(LocalFault, match="is 'example' and not the recipe's 'other'"):
        other.open(None, replace(recipe, name="other"))
    await other.close()


def test_home_that_is_in_use_is_refused_with_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = NetworkFolder(tmp_path / "home")
    lock = own_home(folder)
    try:
        assert main(["up", str(folder.home)]) == 1
    finally:
        lock.release()
    shown = capsys.readouterr()
    assert shown.err.startswith(f"mesh-testnet: {folder.home} is in use: another mesh-app or mesh-testnet runs its network")
    assert "[1501]" in shown.err
    assert not folder.exists


def test_folder_that_cannot_be_a_home_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["up", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_description_can_be_typed() -> None:
    one = {"name": "V1", "host": "127.0.0.1", "port": 5, "pid": 7, "public_key": "ab"}
    ready = {"name": "local-4", "home": "/a b", "network_id": "cd", "validators": [one], "faucet": "/a b/faucet.sock"}
    text = "\n".join(describe_network(ready))
    assert "mesh-wallet --home '/a b' faucet --amount 10000" in text
    assert "export MESH_HOME='/a b'" in text
    assert "V1         127.0.0.1:5, process 7, key ab" in text
    assert "none: this home has no wallet of that name" in "\n".join(describe_network({**ready, "faucet": None}))
    told = "".join(describe_network({**ready, "name": "\x1b[2J", "home": "/\udcff"}))
    assert "\x1b" not in told
    assert told.encode("utf-8")
