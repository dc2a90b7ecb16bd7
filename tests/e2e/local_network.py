"""Four real validators, and wallets that pay through them: in this process, or in the process that the workstation uses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.protocol.genesis import Genesis
from mesh_core.validator.status import ask_status
from mesh_core.wallet import events
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from mesh_core.wallet.wallet import Wallet
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.supervisor import Supervisor, ValidatorState
from testnet.wallet_service import WalletService
from tests.unit.network.peers import eventually

T = TypeVar("T")
Event = dict[str, Any]

SETTLED_S = 60.0
"""Within so long everything is done that does not wait for something else, also on a machine that does a lot besides."""


class LocalNetwork:
    """Four validator processes. `events` are all their lines, `told` what wallets in this process said."""

    def __init__(self, home: Path, wallets: dict[str, int]) -> None:
        self.folder = NetworkFolder(home)
        self.seeds = create_network(self.folder, name="test", wallets=wallets)
        self.genesis: Genesis = load_genesis(self.folder.genesis_file)
        self.events: list[Event] = []
        self.told: list[events.WalletEvent] = []
        self.supervisor = Supervisor(self.folder, self.genesis.committee.size, self.events.append)

    def named(self, name: str) -> list[Event]:
        """All lines of a name."""
        return [event for event in self.events if event["event"] == name]

    def told_of(self, kind: type[T]) -> list[T]:
        """All events of a kind from wallets in this process."""
        return [event for event in self.told if isinstance(event, kind)]

    def owner(self, name: str) -> str:
        """A wallet's account, as lines name it."""
        return WalletKeys.from_seed(self.seeds[name]).owner.hex()

    def statuses(self) -> dict[int, Event]:
        """The latest status of each validator that is up."""
        found = {event["validator"]: event for event in self.events if event["event"] == "status"}
        return {index: found[index] for index, state in enumerate(self.supervisor.states) if state is ValidatorState.UP and index in found}

    async def until(self, condition: Callable[[], bool]) -> None:
        await eventually(condition, within_s=SETTLED_S)

    async def until_in_step(self, log_length: int) -> None:
        """All validators have applied so many certificates, and are in the same state."""
        await self.until(lambda: [status["log_length"] for status in self.statuses().values()] == [log_length] * self.genesis.committee.size)
        assert len({status["state_digest"] for status in self.statuses().values()}) == 1
        assert {status["supply_audit"] for status in self.statuses().values()} == {True}

    async def until_at_rest(self, *wallets: Wallet) -> int:
        """Every validator has applied the same certificates, everything is claimed, and these wallets know it; returns the number of certificates.

        A validator writes its status a moment after a certificate, so the latest lines may all be from before the last one, and alike. So each validator is
        asked besides how much it has applied by now.
        """

        def is_at_rest() -> bool:
            statuses = [(status["log_length"], status["state_digest"], status["outputs_count"]) for status in self.statuses().values()]
            accounts = {status["accounts_count"] for status in self.statuses().values()}
            idle = all(wallet.is_in_step and not wallet.is_busy and wallet.account.balance.incoming == 0 for wallet in wallets)
            return idle and len(accounts) == len(set(statuses)) == 1 and statuses[0][2] == 0

        async with asyncio.timeout(SETTLED_S):
            while True:
                await self.until(is_at_rest)
                told = {index: int(status["log_length"]) for index, status in self.statuses().items()}
                if {index: await self._ask_log_length(index) for index in told} == told and is_at_rest():
                    return max(told.values())
                await asyncio.sleep(0.01)

    async def _ask_log_length(self, index: int) -> int:
        """How many certificates a validator has applied by now."""
        report = json.loads(await asyncio.to_thread(ask_status, self.folder.validator(index).data_dir))
        return int(report["log_length"])

    @asynccontextmanager
    async def wallets(self, home: Path | None = None) -> AsyncIterator[WalletHome]:
        """The wallets of the home, in this process."""
        opened = WalletHome(self.folder.wallets if home is None else home, load_network(self.folder.network_file), self.told.append, _raise)
        opened.start()
        try:
            yield opened
        finally:
            await opened.close()
            await asyncio.sleep(0.01)  # the sockets of closed connections close in a later turn of the loop

    @asynccontextmanager
    async def wallet_process(self, heard: list[Event]) -> AsyncIterator[WalletService]:
        """The wallets' process. It may be killed meanwhile."""
        service = WalletService(self.folder, heard.append)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


def _raise(fault: LocalFault) -> None:
    raise fault
