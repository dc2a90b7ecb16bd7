"""The wallets' process opens the wallets that it is asked to open, and keeps other programs away from no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import WalletStore
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.wallet_service import WalletService
from tests.e2e.processes import START_S
from tests.unit.network.peers import eventually

Event = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    made = NetworkFolder(tmp_path / "home")
    create_network(made, name="test", wallets={"alice": 10_000, "bob": 0, "faucet": 5})
    return made


@asynccontextmanager
async def service_of(folder: NetworkFolder, *only: str) -> AsyncIterator[tuple[WalletService, list[Event]]]:
    events: list[Event] = []
    service = WalletService(folder, events.append, only=only)
    await service.start()
    try:
        yield service, events
    finally:
        await service.stop()


def fail(fault: LocalFault) -> None:
    raise fault


async def test_wallets_that_are_not_named_stay_free(folder: NetworkFolder) -> None:
    async with service_of(folder, "faucet", "bob") as (service, events):
        await eventually(lambda: {event["wallet"] for event in events if event["event"] == "wallet"} == {"faucet", "bob"}, within_s=START_S)
        store = WalletStore.open(folder.wallets, "alice", fail)
        await store.close()
        for name in ("bob", "faucet"):
            with pytest.raises(LocalFault) as refusal:
                WalletStore.open(folder.wallets, name, fail)
            assert refusal.value.code is ErrorCode.STORE_LOCKED
        with pytest.raises(LocalFault) as refusal:
            await service.pay("alice", "bob", 1, "")
        assert refusal.value.code is ErrorCode.WALLET_UNKNOWN


async def test_named_wallet_that_is_not_there_is_told(folder: NetworkFolder) -> None:
    async with service_of(folder, "faucet", "nobody") as (service, events):
        await eventually(lambda: service.pid is None, within_s=START_S)
        told = [event["text"] for event in events if event["event"] == "fault"]
    assert "there is no wallet 'nobody'" in told[0]
