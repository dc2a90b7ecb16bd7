"""A network's files: made once and completely, opened again, and moved to other ports when somebody else has taken them."""

import os
import socket
import stat
from pathlib import Path

import pytest

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.wallet_store import WalletStore, list_wallets
from mesh_core.validator.config import load_config
from mesh_core.wallet.network import load_network
from testnet import genesis as genesis_module
from testnet.genesis import configure, create_network, free_ports, open_network, seeded_keys
from testnet.layout import NetworkFolder

WALLETS = {"alice": 10_000, "bob": 0, "faucet": 1_000_000_000}


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    return NetworkFolder(tmp_path / "home")


def make(folder: NetworkFolder, **changes: object) -> dict[str, bytes]:
    return create_network(folder, **{"name": "test", "wallets": WALLETS, **changes})  # type: ignore[arg-type]


def ports_of(folder: NetworkFolder, count: int = 4) -> list[int]:
    """The port of each validator, on which all files must agree."""
    configs = [load_config(folder.validator(index).config) for index in range(count)]
    ports = [config.listen_port for config in configs]
    for index, config in enumerate(configs):
        assert [peer.port for peer in config.peers] == [port for other, port in enumerate(ports) if other != index]
    assert [peer.port for peer in load_network(folder.network_file).validators] == ports
    return ports


def test_new_network_is_complete_and_its_secrets_are_private(folder: NetworkFolder) -> None:
    seeds = make(folder)
    genesis = open_network(folder)
    assert genesis.doc.supply == 1_000_010_000
    assert (genesis.doc.fee_base, genesis.doc.fee_per_output) == (1, 0)
    assert {allocation.owner: allocation.amount for allocation in genesis.doc.allocations} == {
        WalletKeys.from_seed(seeds[name]).owner: amount for name, amount in WALLETS.items() if amount
    }
    assert list_wallets(folder.wallets) == ("alice", "bob", "faucet")
    for index, key in enumerate(genesis.committee.validators):
        assert SigningKey(bytes.fromhex(folder.validator(index).identity_key.read_text().strip())).public_key == key
    secrets = [path for path in folder.home.rglob("*") if path.name in {"identity.key", "tls.key", "seed", "wallet.db"}]
    assert len(secrets) == 4 + 4 + 3 + 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE(folder.home.stat().st_mode) == 0o700
    assert len(set(ports_of(folder))) == 4


def test_seeds_that_are_returned_are_those_of_the_wallets(folder: NetworkFolder) -> None:
    seeds = make(folder)
    for name, seed in seeds.items():
        assert bytes.fromhex((folder.wallets / name / "seed").read_text().split()[-1]) == seed


def test_wallets_are_there_before_the_network_counts_as_made(folder: NetworkFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A genesis whose money belongs to seeds that were lost in a crash would be worthless, and the home would open without a word."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(genesis_module, "configure_seats", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(folder)
    assert list_wallets(folder.wallets) == ("alice", "bob", "faucet")
    assert not folder.exists


@pytest.mark.parametrize("step", ["init_identity", "write_atomically", "wallet", "free_ports", "write_config", "write_network"])
def test_interrupted_start_is_begun_anew_and_loses_no_key(folder: NetworkFolder, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Wherever the first attempt ended: nothing of it had run, so it is put aside, and its wallets get the money of the new genesis."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "wallet":
            patch.setattr(WalletStore, "make", interrupted)
        else:
            patch.setattr(genesis_module, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            make(folder)
    assert not folder.exists
    keys = {path.read_bytes() for path in folder.home.rglob("identity.key")} | {path.read_bytes() for path in folder.home.rglob("seed")}
    seeds = make(folder)
    genesis = open_network(folder)
    assert {allocation.owner: allocation.amount for allocation in genesis.doc.allocations} == {
        WalletKeys.from_seed(seeds[name]).owner: amount for name, amount in WALLETS.items() if amount
    }
    on_disk = {name: bytes.fromhex((folder.wallets / name / "seed").read_text().split()[-1]) for name in WALLETS}
    assert on_disk == seeds
    assert keys <= {path.read_bytes() for path in folder.home.rglob("identity.key")} | {path.read_bytes() for path in folder.home.rglob("seed")}


def test_network_that_ran_is_never_begun_anew_when_its_file_is_missing(folder: NetworkFolder) -> None:
    make(folder)
    folder.network_file.unlink()
    folder.validator(2).data_dir.mkdir()
    before = {path: path.read_bytes() for path in folder.home.rglob("*") if path.is_file()}
    with pytest.raises(LocalFault) as refusal:
        make(folder)
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert "validators that have run (v3) and no network.toml: put a copy of that file back" in refusal.value.text
    assert "move v1, v2, v3, v4 and genesis.bin away" in refusal.value.text
    folder.validator(2).data_dir.rmdir()
    folder.validator(0).first_start.unlink()
    with pytest.raises(LocalFault, match=r"have run \(v1\)"):
        make(folder)
    del before[folder.validator(0).first_start]
    assert {path: path.read_bytes() for path in folder.home.rglob("*") if path.is_file()} == before


def test_wallet_of_the_owners_gets_the_money_of_its_name(folder: NetworkFolder) -> None:
    WalletStore.make(folder.wallets, "alice", bytes(32))
    assert make(folder)["alice"] == bytes(32)
    assert WalletKeys.from_seed(bytes(32)).owner in [allocation.owner for allocation in open_network(folder).doc.allocations]


def test_wallet_that_a_new_genesis_cannot_give_money_to_stops_it_before_anything_is_made(folder: NetworkFolder) -> None:
    keys = WalletKeys.from_seed(bytes(32))
    WalletStore.make_view_only(folder.wallets, "alice", ViewOnlyKeys(keys.owner, keys.view_key))
    with pytest.raises(LocalFault, match=f"move {folder.wallets / 'alice'} away") as refusal:
        make(folder)
    assert refusal.value.code is ErrorCode.WALLET_EXISTS
    assert sorted(path.name for path in folder.home.iterdir()) == ["wallets"]


def test_existing_network_is_never_made_anew(folder: NetworkFolder) -> None:
    make(folder)
    before = {path: path.read_bytes() for path in folder.home.rglob("*") if path.is_file()}
    with pytest.raises(LocalFault) as refusal:
        make(folder)
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert {path: path.read_bytes() for path in folder.home.rglob("*") if path.is_file()} == before


def test_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalFault) as refusal:
        make(NetworkFolder(tmp_path / "file" / "home"))
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert str(tmp_path / "file" / "home") in refusal.value.text


def test_seed_fixes_all_keys_and_nothing_else(tmp_path: Path) -> None:
    folders = [NetworkFolder(tmp_path / name) for name in ("first", "second", "other")]
    seeds = [make(folder, entropy=seeded_keys(seed)) for folder, seed in zip(folders, (7, 7, 8), strict=True)]
    networks: list[Genesis] = [open_network(folder) for folder in folders]
    assert seeds[0] == seeds[1] != seeds[2]
    assert networks[0].network_id == networks[1].network_id != networks[2].network_id
    assert len(set(seeds[0].values())) == 3
    certificates = {folder.validator(0).tls_certificate.read_bytes() for folder in folders}
    assert len(certificates) == 3


@pytest.mark.parametrize("count", [1, 4, 7])
def test_network_may_have_any_number_of_validators(folder: NetworkFolder, count: int) -> None:
    make(folder, validators_count=count)
    assert open_network(folder).committee.size == count
    assert len(ports_of(folder, count)) == count


# --- Ports -----------------------------------------------------------------------------------------------------------------------------------------


def test_ports_stay_where_they_are_free(folder: NetworkFolder) -> None:
    make(folder)
    before = ports_of(folder)
    open_network(folder)
    assert ports_of(folder) == before


@pytest.mark.parametrize("taken", [0, 3])
def test_ports_are_moved_when_somebody_else_listens_on_one(folder: NetworkFolder, taken: int) -> None:
    make(folder)
    before = ports_of(folder)
    network_id = open_network(folder).network_id
    keys = [folder.validator(index).identity_key.read_bytes() for index in range(4)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", before[taken]))
        assert open_network(folder).network_id == network_id
    after = ports_of(folder)
    assert before[taken] not in after
    assert [folder.validator(index).identity_key.read_bytes() for index in range(4)] == keys


def test_interrupted_move_is_finished_at_the_next_opening(folder: NetworkFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validators' files were written, that of the wallets was not: all ports are free, and the wallets would knock at the wrong ones for ever."""
    make(folder)
    genesis = open_network(folder)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(genesis_module, "write_network", interrupted)
        with pytest.raises(KeyboardInterrupt):
            configure(folder, genesis, free_ports(4))
    open_network(folder)
    assert len(set(ports_of(folder))) == 4


def test_free_ports_are_different_and_can_be_bound() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports[:3]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", port))


def test_free_ports_are_none_that_systems_give_to_whoever_dials() -> None:
    """Those that they give where nobody has told them others: Linux the lowest ones, from 32768 on."""
    assert max(genesis_module.PORTS) < 32_768
    assert set(free_ports(20)) <= set(genesis_module.PORTS)


def test_too_few_free_ports_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genesis_module, "PORTS", range(20_000, 20_003))
    with pytest.raises(LocalFault) as refusal:
        free_ports(4)
    assert refusal.value.code is ErrorCode.VALIDATOR_START


@pytest.mark.parametrize("name", ["genesis.bin", "network.toml", "v3/validator.toml"])
def test_network_with_a_damaged_file_is_not_opened(folder: NetworkFolder, name: str) -> None:
    make(folder)
    (folder.home / name).write_bytes(b"\x00damaged")
    with pytest.raises(LocalFault) as refusal:
        open_network(folder)
    assert refusal.value.code in (ErrorCode.GENESIS_INVALID, ErrorCode.CONFIG_INVALID)
    assert str(folder.home / name) in refusal.value.text


def test_entropy_is_asked_for_every_key(folder: NetworkFolder) -> None:
    drawn: list[int] = []

    def entropy(size: int) -> bytes:
        drawn.append(size)
        return os.urandom(size)

    make(folder, entropy=entropy)
    assert drawn == [32] * (len(WALLETS) + 4)
