"""The outside of a process that carries out commands (`command_process.py`): starts it, gives it commands, passes on its events."""

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
from testnet.command_process import COMMAND_LIMIT_BYTES

STOP_DEADLINE_S = 5.0


class CommandService:
    """One process, which may be started again after its end."""

    def __init__(
        self,
        module: str,
        arguments: Callable[[], Sequence[str]],
        log: Path,
        publish: Callable[[Event], None],
        *,
        name: str,
        what_follows: str = "",
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`publish` is given every event of the process but the answers. `name` is how faults call it: "the wallets' process".

        `arguments` is asked at each start. `what_follows` tells, in the fault of an unwanted end, what becomes of what was under way.
        `on_end` is called at each end, whoever wanted it.
        """
        self._module = module
        self._arguments = arguments
        self._log = log
        self._publish = publish
        self._name = name
        self._what_follows = what_follows
        self._told_end = on_end
        self._child: Child | None = None
        self._is_stopping = False
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Event]] = {}

    @property
    def pid(self) -> int | None:
        """Process id while the process runs."""
        return None if self._child is None else self._child.pid

    @property
    def log(self) -> Path:
        """The file that takes what the process writes to standard error."""
        return self._log

    async def start(self) -> None:
        """Start the process. Without effect if it runs. LocalFault (STORE_UNAVAILABLE)."""
        async with self._starting:
            if self._child is not None:
                return
            self._is_stopping = False
            try:
                child = await Child.start(self._module, list(self._arguments()), self._log, self._on_event)
            except OSError as error:
                raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{self._name} cannot be started: {error.strerror or error}") from error
            self._child = child
            child.ended.add_done_callback(lambda ended: self._on_end(ended.result()))

    async def stop(self) -> None:
        """Stop the process: end its input, and wait. Commands that it has not answered fail. Without effect if it does not run."""
        if self._child is None:
            return
        self._is_stopping = True
        child = self._child
        child.release()
        done, _ = await asyncio.wait([child.ended], timeout=STOP_DEADLINE_S)
        if not done:
            await child.stop(STOP_DEADLINE_S)

    async def kill(self, number: signal.Signals) -> None:
        """End the process by a signal that leaves it no time, and wait for its end. Commands that it has not answered fail."""
        if self._child is None:
            return
        self._is_stopping = True
        child = self._child
        child.signal(number)
        await asyncio.wait([child.ended])

    async def command(self, command: dict[str, Any]) -> Event:
        """Give a command, wait for its answer, return it. LocalFault with the process's code and text, or (STORE_UNAVAILABLE) if the process ends first.

        A command and its answer may hold a secret: neither is published or logged.
        """
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

    def require_running(self) -> None:
        """LocalFault (STORE_UNAVAILABLE) if the process does not run."""
        if self._child is None:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{self._name} does not run; its log: {self._log}")

    def _on_event(self, event: Event) -> None:
        if event["event"] != "answer":
            self._publish(event)
            return
        waiting = self._answers.get(event.get("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _on_end(self, exit_status: int) -> None:
        self._child = None
        follows = f"; {self._what_follows}" if self._what_follows else ""
        text = f"{self._name} ended ({exit_status}){follows}; its log: {self._log}"
        code = f"{ErrorCode.STORE_UNAVAILABLE:04x}"
        if not self._is_stopping:
            self._publish({"event": "fault", "t_ns": time.monotonic_ns(), "wallet": None, "payment": None, "code": code, "text": text})
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"ok": False, "code": code, "text": text})
        self._told_end()


def _code(answer: Event) -> ErrorCode:
    try:
        return ErrorCode(int(str(answer.get("code")), 16))
    except ValueError:
        return ErrorCode.INTERNAL
