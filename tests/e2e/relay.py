"""A UDP relay in front of a validator: it forwards every datagram, or, while cut, drops every one, as a broken line does. Nobody is told."""

import asyncio
from typing import cast

from typing_extensions import override

HOST = "127.0.0.1"
UdpAddress = tuple[str, int]


class Relay:
    """Listens on a port of its own; each client gets a socket towards the validator, so that the validator sees one peer for each."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener: asyncio.DatagramTransport | None = None
        self._outward: dict[UdpAddress, asyncio.Task[asyncio.DatagramTransport]] = {}
        self.is_cut = False
        self.dropped_count = 0

    @property
    def port(self) -> int:
        """Where clients send to."""
        assert self._listener is not None
        return int(self._listener.get_extra_info("sockname")[1])

    async def start(self) -> None:
        """Begin to listen."""
        self._listener, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Inward(self), local_addr=(HOST, 0))

    async def close(self) -> None:
        """Close all sockets."""
        assert self._listener is not None
        self._listener.close()
        for opening in self._outward.values():
            (await opening).close()

    async def forward(self, data: bytes, client: UdpAddress) -> None:
        """Send a client's datagram on."""
        if self._passes():
            if client not in self._outward:
                self._outward[client] = asyncio.get_running_loop().create_task(self._open(client))
            (await self._outward[client]).sendto(data)

    def send_back(self, data: bytes, client: UdpAddress) -> None:
        """Send the validator's datagram back."""
        if self._listener is not None and self._passes():
            self._listener.sendto(data, client)

    def _passes(self) -> bool:
        self.dropped_count += self.is_cut
        return not self.is_cut

    async def _open(self, client: UdpAddress) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Outward(self, client), remote_addr=(HOST, self._target_port))
        return transport


class _Inward(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._tasks: dict[asyncio.Task[None], None] = {}

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        task = asyncio.get_running_loop().create_task(self._relay.forward(data, cast(UdpAddress, addr)))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


class _Outward(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, client: UdpAddress) -> None:
        self._relay = relay
        self._client = client

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        self._relay.send_back(data, self._client)

    @override
    def error_received(self, exc: Exception) -> None:
        """The validator is not there: its client notices by itself."""
