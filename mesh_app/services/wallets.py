"""The screen's side of the wallets' process: starts it, gives it commands, passes on its events."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event
from testnet.layout import NetworkFolder

STOP_DEADLINE_S = 5.0


class WalletService:
    """All wallets of a network's home, in a process of their own."""

    def __init__(self, folder: NetworkFolder, publish: Callable[[Event], None]) -> None:
        """`publish` is given every event of the wallets."""
        self._folder = folder
        self._publish = publish
        self._child: Child | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Event]] = {}

    @property
    def pid(self) -> int | None:
        """Process id while the process runs."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the process. It connects by itself, and goes on trying. LocalFault (STORE_UNAVAILABLE)."""
        arguments = ["--network", str(self._folder.network_file), "--wallets", str(self._folder.wallets)]
        try:
            self._child = await Child.start("mesh_app.services.wallet_process", arguments, self._folder.home / "wallets.log", self._on_event)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the wallets' process cannot be started: {error.strerror or error}") from error
        self._child.ended.add_done_callback(lambda ended: self._on_end(ended.result()))

    async def stop(self) -> None:
        """Stop the process: end its input, and wait. Payments that are signed go on at the next start."""
        if self._child is None:
            return
        child = self._child
        child.release()
        done, _ = await asyncio.wait([child.ended], timeout=STOP_DEADLINE_S)
        if not done:
            await child.stop(STOP_DEADLINE_S)

    async def pay(self, wallet: str, to: str, amount: int, text: str) -> None:
        """Pay; returns when the payment is final. LocalFault with the wallet's reason."""
        await self._command({"command": "pay", "wallet": wallet, "to": to, "amount": amount, "text": text})

    async def create(self, name: str) -> None:
        """Make a wallet. LocalFault with the reason why not."""
        await self._command({"command": "create", "name": name})

    def require_running(self) -> None:
        """LocalFault (STORE_UNAVAILABLE) if the process does not run."""
        if self._child is None:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the wallets' process does not run; its log: {self._folder.home / 'wallets.log'}")

    async def _command(self, command: dict[str, Any]) -> None:
        self.require_running()
        assert self._child is not None
        number = next(self._numbers)
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._child.send({"id": number, **command})
        try:
            answered = await answer
        finally:
            self._answers.pop(number, None)
        if not answered.get("ok"):
            raise LocalFault(_code(answered), str(answered.get("text", "")))

    def _on_event(self, event: Event) -> None:
        if event["event"] != "answer":
            self._publish(event)
            return
        waiting = self._answers.get(event.get("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _on_end(self, exit_status: int) -> None:
        self._child = None
        for answer in self._answers.values():
            if not answer.done():
                text = f"the wallets' process ended ({exit_status}); what was signed goes on at the next start"
                answer.set_result({"ok": False, "code": f"{ErrorCode.STORE_UNAVAILABLE:04x}", "text": text})


def _code(answer: Event) -> ErrorCode:
    try:
        return ErrorCode(int(str(answer.get("code")), 16))
    except ValueError:
        return ErrorCode.INTERNAL
