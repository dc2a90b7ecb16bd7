"""The outside of the wallets' process: starts it, gives it commands, passes on its events."""

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from testnet.child import Event
from testnet.command_service import CommandService
from testnet.layout import NetworkFolder
from testnet.routed_service import RoutedService


class WalletService:
    """The wallets of a network's home, in a process of their own."""

    def __init__(self, folder: NetworkFolder, publish: Callable[[Event], None], *, only: Sequence[str] | None = None) -> None:
        """`publish` is given every event of the wallets, and `wallets_ended` when their process ends.

        `only` names those to open: whoever opens a wallet keeps other programs away from it.
        """
        self._folder = folder
        self._only = only
        self._service = CommandService(
            "testnet.wallet_process",
            self._arguments,
            folder.home / "wallets.log",
            publish,
            name="the wallets' process",
            what_follows="what was signed goes on at the next start",
            on_end=lambda: publish({"event": "wallets_ended", "t_ns": time.monotonic_ns()}),
        )
        self._routed = RoutedService(self._service)

    @property
    def pid(self) -> int | None:
        """Process id while the process runs."""
        return self._service.pid

    async def start(self) -> None:
        """Start the process. It connects by itself, and goes on trying. LocalFault (STORE_UNAVAILABLE)."""
        await self._routed.start()

    async def stop(self) -> None:
        """Stop the process: end its input, and wait. Payments that are signed go on at the next start."""
        await self._service.stop()

    async def kill(self, number: signal.Signals) -> None:
        """End the process by a signal that leaves it no time, and wait for its end. Orders that it has not answered fail."""
        await self._service.kill(number)

    async def pay(self, wallet: str, to: str, amount: int, text: str) -> str:
        """Pay; returns the certificate's id in hexadecimal digits when the payment is final. LocalFault with the wallet's reason."""
        answer = await self._service.command({"command": "pay", "wallet": wallet, "to": to, "amount": amount, "text": text})
        return str(answer.get("cert_id", ""))

    async def create(self, name: str) -> None:
        """Make a wallet. LocalFault with the reason why not."""
        await self._service.command({"command": "create", "name": name})

    async def draft_phrase(self) -> str:
        """The recovery phrase (secret) of a wallet that `order("create", …, phrase=…)` may make. LocalFault."""
        answer = await self._service.command({"command": "phrase"})
        return str(answer.get("phrase", ""))

    async def order(self, command: str, **fields: Any) -> Event:
        """Give any other command (`wallet_process.py`), wait for its answer, return it. LocalFault with the reason why not. Fields may be secret."""
        return await self._service.command({"command": command, **fields})

    async def route(self, validator: int, address: tuple[str, int] | None) -> None:
        """Reach a validator at another address (a relay) from now on, and after each start; None: directly again. LocalFault."""
        await self._routed.route(validator, address)

    def require_running(self) -> None:
        """LocalFault (STORE_UNAVAILABLE) if the process does not run."""
        self._service.require_running()

    def _arguments(self) -> Sequence[str]:
        return ["--network", str(self._folder.network_file), "--wallets", str(self._folder.wallets), *(f"--only={name}" for name in self._only or ())]
