"""Throw-away accounts that attack. Each begins as a wallet like any other, is paid, and claims; then it is closed, and its keys sign what it never would.

An account that has signed two transitions for one slot may be locked for ever, so every attack has a new one: HOME/laboratory/mallory-N.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.identifiers import Identified
from mesh_core.storage.wallet_store import SEED_SIZE_BYTES, WalletStore
from mesh_core.types.account import AccountState
from mesh_core.types.address import Address
from mesh_core.wallet.events import WalletEvent
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import Network
from mesh_core.wallet.wallet import Wallet

NAME = "mallory"
PAID_DEADLINE_S = 30.0
_NUMBERED = re.compile(rf"{NAME}-(\d+)(?:-old)?")


def next_number(home: Path) -> int:
    """The number of the next account in a folder of such accounts."""
    found = (_NUMBERED.fullmatch(folder.name) for folder in home.iterdir()) if home.exists() else ()
    return 1 + max((int(match.group(1)) for match in found if match is not None), default=0)


@dataclass(slots=True)
class Attacker:
    """The account in the hands of somebody who keeps to nothing. Holds its secrets."""

    name: str
    keys: WalletKeys = field(repr=False)
    state: AccountState
    opening: Opening = field(repr=False)
    funding: bytes
    """The certificate by which it was paid: public, and signed by somebody else."""

    def advance(self, candidate: Identified, opening: Opening) -> None:
        """The account stands behind this transition from now on."""
        self.state = AccountState(self.state.owner, candidate.core.sequence + 1, candidate.core.new_balance, candidate.transition_id)
        self.opening = opening


class AttackerWallet:
    """A wallet of its own home, open. `close` at the end, whatever happened."""

    def __init__(self, home: Path, name: str, network: Network, publish: Callable[[WalletEvent], None] = lambda _: None) -> None:
        """Open an existing wallet. `publish` is given what it tells. LocalFault."""
        self.name = name
        self._home = home
        self._publish = publish
        self._changed = asyncio.Event()
        self._fault: LocalFault | None = None
        self._wallets: WalletHome | None = WalletHome(home, network, self._tell, self._on_fault)
        self._wallets.start([name])

    @classmethod
    def make(cls, home: Path, name: str, network: Network, publish: Callable[[WalletEvent], None] = lambda _: None) -> "AttackerWallet":
        """Make a wallet with fresh keys and open it. LocalFault."""
        WalletStore.make(home, name, os.urandom(SEED_SIZE_BYTES))
        return cls(home, name, network, publish)

    @property
    def wallet(self) -> Wallet:
        """The wallet, while it is open."""
        assert self._wallets is not None, "used after its end"
        return self._wallets.wallet(self.name)

    @property
    def address(self) -> Address:
        """What whoever pays it needs."""
        return self.wallet.address

    async def until(self, holds: Callable[[Wallet], bool], what: str) -> None:
        """Wait until it is true of the wallet. LocalFault: its disk has failed, or it took too long; `what` then says what did not happen."""
        try:
            async with asyncio.timeout(PAID_DEADLINE_S):
                while not holds(self.wallet):
                    self._changed.clear()
                    await self._changed.wait()
                    if self._fault is not None:
                        raise self._fault
        except TimeoutError:
            raise LocalFault(ErrorCode.NO_QUORUM, f"{what} within {PAID_DEADLINE_S:g} s") from None

    async def until_paid(self, amount: int) -> None:
        """Wait until so much has come in and is claimed. LocalFault."""
        await self.until(lambda wallet: wallet.account.balance.spendable >= amount and wallet.is_in_step, f"{self.name} was not paid {amount} units")
        await self.wallet.wait_settled()

    async def turn_bad(self) -> Attacker:
        """Close the wallet and take its keys, its state and its opening."""
        wallet = self.wallet
        account = wallet.account
        [funding] = {account.certificate(key.cert_id) for key, _ in account.incoming()[:1]}
        attacker = Attacker(self.name, wallet.require_signing_keys(), account.state, account.opening, funding or b"")
        await self.close()
        return attacker

    async def close(self) -> None:
        """Close it. Without effect on one that is closed."""
        if self._wallets is not None:
            wallets, self._wallets = self._wallets, None
            await wallets.close()

    def _tell(self, event: WalletEvent) -> None:
        self._changed.set()
        self._publish(event)

    def _on_fault(self, fault: LocalFault) -> None:
        self._fault = fault
        self._changed.set()


def copy_wallet(home: Path, name: str, copy: str) -> None:
    """Copy a closed wallet as somebody would who restores a backup later. LocalFault (STORE_UNAVAILABLE)."""
    try:
        shutil.copytree(home / name, home / copy)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot copy {home / name}: {error.strerror or error}") from error
