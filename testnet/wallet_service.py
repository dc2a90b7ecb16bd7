"""The outside of the wallets' process: starts it, gives it commands, passes on its events."""

import asyncio
import itertools
import json
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event
from testnet.layout import NetworkFolder
from testnet.wallet_process import COMMAND_LIMIT_BYTES

STOP_DEADLINE_S = 5.0


class WalletService:
    """The wallets of a network's home, in a process of their own."""

    def __init__(self, folder: NetworkFolder, publish: Callable[[Event], None], *, only: Sequence[str] | None = None) -> None:
        """`publish` is given every event of the wallets. `only` names those to open: whoever opens a wallet keeps other programs away from it."""
        self._folder = folder
        self._only = only
        self._publish = publish
        self._child: Child | None = None
        self._is_stopping = False
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Event]] = {}

    @property
    def pid(self) -> int | None:
        """Process id while the process runs."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the process. It connects by itself, and goes on trying. LocalFault (STORE_UNAVAILABLE)."""
        self._is_stopping = False
        arguments = ["--network", str(self._folder.network_file), "--wallets", str(self._folder.wallets)]
        arguments += [f"--only={name}" for name in self._only or ()]
        try:
            self._child = await Child.start("testnet.wallet_process", arguments, self._log, self._on_event)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the wallets' process cannot be started: {error.strerror or error}") from error
        self._child.ended.add_done_callback(lambda ended: self._on_end(ended.result()))

    async def stop(self) -> None:
        """Stop the process: end its input, and wait. Payments that are signed go on at the next start."""
        if self._child is None:
            return
        self._is_stopping = True
        child = self._child
        child.release()
        done, _ = await asyncio.wait([child.ended], timeout=STOP_DEADLINE_S)
        if not done:
            await child.stop(STOP_DEADLINE_S)

    async def kill(self, number: signal.Signals) -> None:
        """End the process by a signal that leaves it no time, and wait for its end. Orders that it has not answered fail."""
        if self._child is None:
            return
        self._is_stopping = True
        child = self._child
        child.signal(number)
        await asyncio.wait([child.ended])

    async def pay(self, wallet: str, to: str, amount: int, text: str) -> str:
        """Pay; returns the certificate's id in hexadecimal digits when the payment is final. LocalFault with the wallet's reason."""
        answer = await self._command({"command": "pay", "wallet": wallet, "to": to, "amount": amount, "text": text})
        return str(answer.get("cert_id", ""))

    async def create(self, name: str) -> None:
        """Make a wallet. LocalFault with the reason why not."""
        await self._command({"command": "create", "name": name})

    def require_running(self) -> None:
        """LocalFault (STORE_UNAVAILABLE) if the process does not run."""
        if self._child is None:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the wallets' process does not run; its log: {self._log}")

    @property
    def _log(self) -> Path:
        return self._folder.home / "wallets.log"

    async def _command(self, command: dict[str, Any]) -> Event:
        self.require_running()
        assert self._child is not None
        number = next(self._numbers)
        numbered = {"id": number, **command}
        if len(json.dumps(numbered)) >= COMMAND_LIMIT_BYTES:
            # The process drops a longer line, and nobody would ever be answered.
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"what was entered is longer than {COMMAND_LIMIT_BYTES} bytes")
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._child.send(numbered)
        try:
            answered = await answer
        finally:
            self._answers.pop(number, None)
        if not answered.get("ok"):
            raise LocalFault(_code(answered), str(answered.get("text", "")))
        return answered

    def _on_event(self, event: Event) -> None:
        if event["event"] != "answer":
            self._publish(event)
            return
        waiting = self._answers.get(event.get("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _on_end(self, exit_status: int) -> None:
        self._child = None
        text = f"the wallets' process ended ({exit_status}); what was signed goes on at the next start; its log: {self._log}"
        code = f"{ErrorCode.STORE_UNAVAILABLE:04x}"
        if not self._is_stopping:
            self._publish({"event": "fault", "t_ns": time.monotonic_ns(), "wallet": None, "payment": None, "code": code, "text": text})
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"ok": False, "code": code, "text": text})


def _code(answer: Event) -> ErrorCode:
    try:
        return ErrorCode(int(str(answer.get("code")), 16))
    except ValueError:
        return ErrorCode.INTERNAL
