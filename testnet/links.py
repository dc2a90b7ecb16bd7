"""Lines between processes that can be cut, slowed and made to lose: a UDP relay for each, which forwards datagrams as they are.

A relay stands in front of a listener, and whoever shall reach that listener through it dials the relay's port. To the listener each client of the relay is a
peer of its own, as without it. When a datagram arrives, if it does, is decided in one place (`conditions.py`); what waits, waits in one ordered queue.

How exact a delay is depends on the event loop: that of `precise_loop.py` is late by hundredths of a millisecond, asyncio's own by up to one. What a passage
takes besides stands in docs/operations.md, Lines.

Relays forward ciphertext: they hold no key, and what they can do to a connection anybody on the way can do.
"""

import asyncio
import contextlib
import heapq
import itertools
import random  # noqa: TID251 - seeded: see `conditions.py`
import socket
from collections import OrderedDict
from collections.abc import Callable

from testnet.conditions import GOOD, Transmitter, Way

HOST = "127.0.0.1"
MAX_DATAGRAM_BYTES = 65_535
BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel for each socket: its default holds few datagrams of 8 KiB."""
DATAGRAMS_A_TURN = 64
"""Taken from one socket before the others have their turn."""
MAX_WAITING = 4_096
"""Datagrams on a slow line at once. More are lost, as on any line that is too full."""
MAX_WAITING_BYTES = 32 * 1024 * 1024
"""As many of the size that connections on loopback send. Anybody on this machine may send to a relay's port, and a datagram has up to 64 KiB."""
MAX_CLIENTS = 64
"""Each connection dials from a port of its own, and nobody says when it ends: beyond so many the one that was silent longest is forgotten."""

UdpAddress = tuple[str, int]
Send = Callable[[bytes], object]


class Relay:
    """One line: listens on a port of its own, forwards to `target` and back. `conditions` may be changed at any time and hold for what comes from then on."""

    def __init__(self, target: UdpAddress, *, seed: int | str = 0, transmitters: tuple[Transmitter, Transmitter] | None = None) -> None:
        """`seed` decides which datagrams a lossy line loses, in each direction for itself.

        `transmitters`, there and back, are those that it shares with other lines.
        """
        self.conditions = GOOD
        self.forwarded_count = 0
        self.dropped_count = 0
        self._target = target
        there, back = (Transmitter(), Transmitter()) if transmitters is None else transmitters
        self._there = Way(random.Random(f"{seed} there"), there)  # noqa: S311
        self._back = Way(random.Random(f"{seed} back"), back)  # noqa: S311
        self._listener: socket.socket | None = None
        self._clients: OrderedDict[UdpAddress, socket.socket] = OrderedDict()
        self._waiting: list[tuple[float, int, Send, bytes]] = []
        self._waiting_bytes = 0
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """Where clients send to; only while it is open."""
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    def open(self) -> None:
        """Begin to listen, on a port that the system chooses. OSError."""
        self._listener = _udp_socket()
        self._listener.bind((HOST, 0))
        asyncio.get_running_loop().add_reader(self._listener, self._read_clients)

    def close(self) -> None:
        """Close all sockets. What waits is lost."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self._waiting_bytes = 0
        for client in [*self._clients]:
            self._forget(client)
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    @property
    def clients_count(self) -> int:
        """Clients that have a socket towards the target."""
        return len(self._clients)

    def _read_clients(self) -> None:
        listener = self._listener
        for _ in range(DATAGRAMS_A_TURN):
            if listener is None:
                return
            try:
                data, client = listener.recvfrom(MAX_DATAGRAM_BYTES)
            except OSError:
                return  # nothing more; or the answer to a client that has gone
            arrivals = self._arrivals(self._there, data)
            if arrivals:
                with contextlib.suppress(OSError):  # no sockets left: the datagram is lost
                    self._pass(arrivals, self._towards_target(client).send, data)

    def _towards_target(self, client: UdpAddress) -> socket.socket:
        found = self._clients.get(client)
        if found is not None:
            self._clients.move_to_end(client)
            return found
        if len(self._clients) >= MAX_CLIENTS:
            self._forget(next(iter(self._clients)))
        outward = _udp_socket()
        try:
            outward.connect(self._target)
        except OSError:
            outward.close()
            raise
        self._clients[client] = outward
        asyncio.get_running_loop().add_reader(outward, self._read_target, outward, client)
        return outward

    def _read_target(self, outward: socket.socket, client: UdpAddress) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data = outward.recv(MAX_DATAGRAM_BYTES)
            except OSError:
                return  # nothing more; or nobody listens at the target: its client notices by itself
            self._pass(self._arrivals(self._back, data), lambda datagram: self._send_back(datagram, client), data)

    def _send_back(self, data: bytes, client: UdpAddress) -> None:
        if self._listener is not None:
            self._listener.sendto(data, client)

    def _arrivals(self, way: Way, data: bytes) -> tuple[float, ...]:
        arrivals = way.arrivals(self.conditions, len(data), asyncio.get_running_loop().time())
        if not arrivals:
            self.dropped_count += 1
        return arrivals

    def _pass(self, arrivals: tuple[float, ...], send: Send, data: bytes) -> None:
        """Send it when its time has come: at once where nothing holds it up and nothing is in front of it."""
        now = asyncio.get_running_loop().time()
        for due in arrivals:
            if due <= now and not self._waiting:
                self._deliver(send, data)
            elif len(self._waiting) >= MAX_WAITING or self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
                self.dropped_count += 1
            else:
                self._waiting_bytes += len(data)
                heapq.heappush(self._waiting, (due, next(self._numbers), send, data))
        self._set_timer()

    def _set_timer(self) -> None:
        """For whatever is due first: what is overtaken must not hold up what overtakes it."""
        if not self._waiting:
            return
        due = self._waiting[0][0]
        if self._timer is not None and self._timer.when() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(due, self._deliver_due)

    def _deliver_due(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, send, data = heapq.heappop(self._waiting)
            self._waiting_bytes -= len(data)
            if self.conditions.is_cut:
                self.dropped_count += 1  # a line that is cut loses what was on it
            else:
                self._deliver(send, data)
        self._set_timer()

    def _deliver(self, send: Send, data: bytes) -> None:
        try:
            send(data)
        except OSError:
            # No room in a buffer, nobody at the port, or a client that was forgotten meanwhile: lost, as on any line.
            self.dropped_count += 1
        else:
            self.forwarded_count += 1

    def _forget(self, client: UdpAddress) -> None:
        outward = self._clients.pop(client)
        asyncio.get_running_loop().remove_reader(outward)
        outward.close()


def _udp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):  # the kernel grants what it allows
            made.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return made
