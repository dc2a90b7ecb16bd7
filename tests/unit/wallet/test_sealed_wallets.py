"""A home in which some wallets are sealed, opened by a program that can or cannot ask for a passphrase."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nacl.pwhash import argon2id

from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.key_file import AskPassphrase, Sealing
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.wallet import events
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import Network
from tests.cluster import Cluster
from tests.unit.wallet.bench import seed_of

SEALING = Sealing("correct horse", SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB))


class Homes:
    """Opens homes that are connected to nobody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[events.WalletEvent] = []
        self._homes: list[WalletHome] = []
        self._network = Network("test", Cluster().genesis, ())

    def open(self, ask_passphrase: AskPassphrase | None = None) -> WalletHome:
        self._homes.append(WalletHome(self.path, self._network, self.told.append, _raise, ask_passphrase=ask_passphrase))
        return self._homes[-1]

    async def close(self) -> None:
        for home in self._homes:
            await home.close()


def _raise(fault: LocalFault) -> None:
    raise fault


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[Homes]:
    made = Homes(tmp_path)
    WalletStore.make(tmp_path, "alice", seed_of("alice"))
    WalletStore.make(tmp_path, "bob", seed_of("bob"), sealing=SEALING)
    yield made
    await made.close()


async def test_sealed_wallets_stay_closed_where_nobody_can_be_asked_and_that_is_told(homes: Homes) -> None:
    home = homes.open()
    home.start()
    assert home.names == ("alice",)
    notices = [event for event in homes.told if isinstance(event, events.WalletNotice)]
    assert [(notice.wallet, notice.kind) for notice in notices] == [("bob", "sealed")]
    assert "mesh-wallet --wallet bob" in notices[0].text


async def test_sealed_wallet_that_is_named_is_not_left_out_in_silence(homes: Homes) -> None:
    with pytest.raises(LocalFault) as caught:
        homes.open().start(["bob"])
    assert caught.value.code is ErrorCode.WALLET_SEALED


async def test_all_wallets_open_where_somebody_knows_the_passphrase(homes: Homes) -> None:
    home = homes.open(lambda name: "correct horse")
    home.start()
    assert home.names == ("alice", "bob")
    assert [event for event in homes.told if isinstance(event, events.WalletNotice)] == []
