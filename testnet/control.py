"""Where other programs of the same user reach a network that runs: HOME/control.sock takes orders (control_orders.py), and tells events.

One JSON object a line in both directions. Each order is answered once, under its number; orders of one connection run beside each other:

    {"id": 1, "order": "kill", "validator": "V3"}
    {"answer": 1, "ok": true, "code": null, "text": "", …}

After {"id": 2, "order": "follow"} every event of the network comes as a line of its own, and before them how things are: a `snapshot_begin`, the last event of
each thing that has a state, the ends of the logs, a `snapshot_end`. {"id": 3, "order": "watch", "on": true} has the validators asked how they are, as
`validator_report` events, until {"on": false} or the end of the connection. Events of wallets hold amounts: the socket lets in nobody but the home's own user.

Everything is bounded. Who follows and does not read is dropped: the network does not wait for a reader, and does not remember for it.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network import local_socket
from testnet.child import Event
from testnet.control_memory import Memory
from testnet.control_orders import Orders
from testnet.layout import NetworkFolder

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
MAX_ORDERS = 16
"""Of one connection, under way at once."""
ORDER_LIMIT_BYTES = 16 * 1024
SLOW_BYTES = 8 * 1024 * 1024
"""Unread by a follower: it is dropped. The snapshot of a large network fits in many times over."""


class ControlServer:
    """The listening end. `open`, then `close`; `take` every event of the network in between and before."""

    def __init__(self, folder: NetworkFolder, memory: Memory, orders: Orders, tell: Callable[[Event], None], watch: Callable[[bool], None]) -> None:
        """`tell` is given a `control_order` event for each order that changes something; `watch` whether anybody wants the validators' reports."""
        self._path = folder.control_socket
        self._memory = memory
        self._orders = orders
        self._tell = tell
        self._watch = watch
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def open(self) -> None:
        """Listen. The caller owns the home, so a socket that lies there is left over. LocalFault (STORE_UNAVAILABLE)."""
        try:
            bound = local_socket.bind_private(self._path)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot listen at {self._path}: {error.strerror or error}") from error
        self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=ORDER_LIMIT_BYTES)

    async def close(self) -> None:
        """Listen no more; end all connections. Orders that are under way are given up, and what they have begun ends with the network."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in [*self._connections]:
            connection.end()
        await asyncio.gather(*(connection.ended for connection in self._connections), return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()

    def take(self, event: Event) -> None:
        """An event of the network: remembered, and told to whoever follows."""
        self._memory.take(event)
        followers = [connection for connection in self._connections if connection.follows]
        if followers:
            line = _line(event)
            for follower in followers:
                follower.send(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(reader, writer, task, self._orders, self._memory, self._tell, self._watches_changed)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            if connection.watches:
                self._watches_changed()

    def _watches_changed(self) -> None:
        self._watch(any(connection.watches for connection in self._connections))


class _Connection:
    """One program that gives orders, or follows, or both."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: "asyncio.Task[None]",
        orders: Orders,
        memory: Memory,
        tell: Callable[[Event], None],
        watches_changed: Callable[[], None],
    ) -> None:
        self.follows = False
        self.watches = False
        self._watches_changed = watches_changed
        self.ended = task
        self._reader = reader
        self._writer = writer
        self._orders = orders
        self._memory = memory
        self._tell = tell
        self._under_way: set[asyncio.Task[None]] = set()

    def end(self) -> None:
        """Drop it."""
        self.ended.cancel()

    def send(self, line: bytes) -> None:
        """Queue a line. Whoever has not read megabytes of them is dropped."""
        if self._writer.transport.get_write_buffer_size() > SLOW_BYTES:
            logger.warning("a follower that does not read is dropped")
            self.follows = False
            self._writer.transport.abort()
            return
        self._writer.write(line)

    async def run(self) -> None:
        """Take orders until the other end closes, or sends what is no line."""
        try:
            while (line := await self._reader.readline()).endswith(b"\n"):
                if len(self._under_way) >= MAX_ORDERS:
                    self._refuse(_number_of(line), LocalFault(ErrorCode.BUSY, f"{MAX_ORDERS} orders are under way: wait for an answer"))
                    continue
                order = asyncio.get_running_loop().create_task(self._carry_out(line))
                self._under_way.add(order)
                order.add_done_callback(self._under_way.discard)
            # Who has sent its last order may still wait for the answer.
            await asyncio.gather(*self._under_way, return_exceptions=True)
            await self._writer.drain()
        except ValueError:
            self._refuse(None, LocalFault(ErrorCode.CONFIG_INVALID, f"an order has at most {ORDER_LIMIT_BYTES} bytes"))
        except (OSError, asyncio.CancelledError):
            # Cancelled by `close`, and nobody waits for this task but `close`; asyncio would complain of a handler that ends cancelled.
            self._writer.transport.abort()
        finally:
            self.follows = False
            given_up = [*self._under_way]
            for order in given_up:
                order.cancel()
            # An order that starts a process lets go of it before the network is stopped.
            await asyncio.gather(*given_up, return_exceptions=True)
            self._writer.close()

    async def _carry_out(self, line: bytes) -> None:
        number: int | None = None
        try:
            order = _read_order(line)
            number = order["id"]
            if order["order"] == "follow":
                self._follow(number)
                return
            if order["order"] == "watch" and isinstance(order.get("on"), bool):
                self.watches = order["on"]
                self._watches_changed()
                self.send(_line({"answer": number, "ok": True, "code": None, "text": ""}))
                return
            described = self._orders.describe(order)
            if described:
                self._tell({"event": "control_order", "t_ns": time.monotonic_ns(), "text": described})
            result = await self._orders.perform(order)
        except MeshError as error:
            self._refuse(number, error)
        except Exception as error:
            # A bug of ours. Whoever waits for the answer must not wait for ever; the network goes on.
            logger.exception("an order failed")
            self._refuse(number, LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__})"))
        else:
            self.send(_line({"answer": number, "ok": True, "code": None, "text": "", **result}))

    def _follow(self, number: int | None) -> None:
        """The answer and the present at once, so that nothing that happens meanwhile comes between or is missed."""
        self.send(_line({"answer": number, "ok": True, "code": None, "text": ""}))
        if self.follows:
            return
        self.send(_line({"event": "snapshot_begin", "t_ns": time.monotonic_ns()}))
        for event in self._memory.recall():
            self.send(_line(event))
        self.send(_line({"event": "snapshot_end", "t_ns": time.monotonic_ns()}))
        self.follows = True

    def _refuse(self, number: int | None, error: MeshError) -> None:
        self.send(_line({"answer": number, "ok": False, "code": f"{error.code:04x}", "text": error.text}))


def _read_order(line: bytes) -> dict[str, Any]:
    """The order in a line. LocalFault (CONFIG_INVALID): nothing is guessed where processes are killed."""
    try:
        order = json.loads(line)
    except (ValueError, RecursionError):
        order = None
    if not isinstance(order, dict) or type(order.get("id")) is not int or not isinstance(order.get("order"), str):
        raise LocalFault(ErrorCode.CONFIG_INVALID, 'a line that is no order: expected {"id": 1, "order": "status"}')
    return order


def _number_of(line: bytes) -> int | None:
    """The number of an order that is not carried out: whoever waits for its answer would otherwise wait for ever."""
    try:
        number: int = _read_order(line)["id"]
    except LocalFault:
        return None
    return number


def _line(value: Event) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
