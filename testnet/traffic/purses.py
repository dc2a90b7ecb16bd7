"""The wallets that make traffic: `traffic-1` to `traffic-k`, in a folder of their own, so that nobody's own wallets pay, and no start waits for them.

They are funded by the network's faucet, and claim what they are paid by themselves.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.faucet import ask_faucet
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.wallet import Wallet

FAUCET_UNITS: Final = 100_000
"""What a faucet gives at most in one request (testnet/faucet.py)."""
ASKED_AT_ONCE: Final = 4
CLAIM_PATIENCE_S: Final = 60.0

Tell = Callable[[str], None]


class Purses:
    """The traffic wallets of one home, which is open."""

    def __init__(self, home: WalletHome, faucet_socket: Path) -> None:
        self._home = home
        self._faucet_socket = faucet_socket
        self._changed = asyncio.Event()
        self._filling: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def note_change(self) -> None:
        """A balance moved."""
        self._changed.set()

    def wallet(self, name: str) -> Wallet:
        """One of them."""
        return self._home.wallet(name)

    def spendable(self, name: str) -> int:
        """Units that it can pay with now."""
        return self.wallet(name).account.balance.spendable

    async def prepare(self, count: int, units: int, tell: Tell) -> list[str]:
        """Have so many wallets, each with at least `units`; returns their names. `tell` is given what is being done, in words.

        Waits as long as no quorum of validators answers. LocalFault: NO_FAUCET, or the faucet's own reason.
        """
        names = [f"traffic-{number}" for number in range(1, count + 1)]
        for name in names:
            if name not in self._home.names:
                tell(f"making the wallet {name}")
                self._home.create(name)
        tell("waiting for a quorum of validators")
        for name in names:
            await self.wallet(name).wait_up_to_date()
        turns = asyncio.Semaphore(ASKED_AT_ONCE)
        poor = [name for name in names if self.spendable(name) < units]

        async def fill(name: str) -> None:
            async with turns:
                tell(f"the faucet funds {name}")
                await self._fill(name, units)

        filling = [asyncio.get_running_loop().create_task(fill(name)) for name in poor]
        try:
            await asyncio.gather(*filling)
        finally:
            for task in filling:
                task.cancel()
            await asyncio.gather(*filling, return_exceptions=True)
        return names

    def refill_behind(self, name: str, units: int, on_fault: Callable[[LocalFault], None]) -> None:
        """Have a wallet funded while payments go on. Without effect while that is being done."""
        if name in self._filling:
            return
        self._filling.add(name)

        async def fill() -> None:
            try:
                await self._fill(name, units)
            except LocalFault as fault:
                on_fault(fault)
            finally:
                self._filling.discard(name)

        task = asyncio.get_running_loop().create_task(fill())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ask the faucet for nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fill(self, name: str, units: int) -> None:
        """From the faucet, as often as it takes, and wait until it is claimed."""
        address = self.wallet(name).address
        while (before := self._worth(name)) < units:
            await asyncio.to_thread(ask_faucet, self._faucet_socket, address, FAUCET_UNITS)
            await self._until(lambda before=before: self._worth(name) > before, name)  # type: ignore[misc]
        await self._until(lambda: self.spendable(name) >= units, name)

    def _worth(self, name: str) -> int:
        balance = self.wallet(name).account.balance
        return balance.spendable + balance.incoming

    async def _until(self, condition: Callable[[], bool], name: str) -> None:
        try:
            async with asyncio.timeout(CLAIM_PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            text = f"{name} was paid by the faucet and could not claim it within {CLAIM_PATIENCE_S:g} s: are enough validators up?"
            raise LocalFault(ErrorCode.NO_QUORUM, text) from None
