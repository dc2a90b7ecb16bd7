"""The other end of a running network's control socket: for `mesh-testnet kill` and the like, and for a second screen."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from testnet.child import Event
from testnet.layout import NetworkFolder

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
ANSWERED_AT_ONCE = frozenset({"status", "down", "follow", "watch", "mark"})
"""Orders that wait for no process: who gets no answer to one of these asks a program that does nothing. All others may take their time."""
LINE_LIMIT_BYTES = 16 * 1024 * 1024
MAX_EVENTS_WAITING = 100_000
"""Events that nobody has taken yet. More are left unread, and the network drops this end when its own buffer is full."""


class ControlClient:
    """Gives orders, and follows events. Made by `connected`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MAX_EVENTS_WAITING)
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="control")

    async def order(self, order: str, **fields: Any) -> dict[str, Any]:
        """Give an order and return its answer. LocalFault with the network's code and text; NO_NETWORK if it ends first, or hangs."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if self._reading.done():
            raise _ended()
        self._answers[number] = answer
        self._writer.write(json.dumps({"id": number, "order": order, **fields}).encode() + b"\n")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S if order in ANSWERED_AT_ONCE else None):
                with contextlib.suppress(ConnectionError):  # it has ended: so does the reading, which fails the answer
                    await self._writer.drain()
                answered = await answer
        except TimeoutError as error:
            text = f"the program that runs the network has not answered within {ANSWER_TIMEOUT_S:g} s: it is paused, or hangs"
            raise LocalFault(ErrorCode.NO_NETWORK, text) from error
        finally:
            self._answers.pop(number, None)
        if not answered.get("ok"):
            raise LocalFault(_code(answered), str(answered.get("text", "")))
        return answered

    async def events(self) -> AsyncIterator[Event]:
        """Everything that happens, how things are now first. Ends when the network ends, or drops this end. LocalFault."""
        await self.order("follow")
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """Leave. The network goes on."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                await self._take(line)
        except (OSError, ValueError):
            pass  # it has ended, or speaks another language
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(_ended())
            with contextlib.suppress(asyncio.QueueFull):
                self._events.put_nowait(None)

    async def _take(self, line: bytes) -> None:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        if isinstance(value.get("event"), str):
            await self._events.put(value)
        elif isinstance(number := value.get("answer"), int):
            waiting = self._answers.get(number)
            if waiting is not None and not waiting.done():
                waiting.set_result(value)


@asynccontextmanager
async def connected(folder: NetworkFolder) -> AsyncIterator[ControlClient]:
    """A client of the network that runs in a home. LocalFault (NO_NETWORK) where none does."""
    path = folder.control_socket
    try:
        dialled = await asyncio.to_thread(local_socket.connect, path, CONNECT_TIMEOUT_S)
        dialled.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=dialled, limit=LINE_LIMIT_BYTES)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        text = f"no network runs in {folder.home}: start it with mesh-app or 'mesh-testnet up', or name its folder with --home"
        raise LocalFault(ErrorCode.NO_NETWORK, text) from error
    except OSError as error:
        raise LocalFault(ErrorCode.NO_NETWORK, f"cannot reach the network at {path}: {error.strerror or error}") from error
    client = ControlClient(reader, writer)
    try:
        yield client
    finally:
        await client.close()


def _ended() -> LocalFault:
    return LocalFault(ErrorCode.NO_NETWORK, "the network has ended, or has dropped this connection")


def _code(answer: dict[str, Any]) -> ErrorCode:
    try:
        return ErrorCode(int(str(answer.get("code")), 16))
    except ValueError:
        return ErrorCode.INTERNAL
