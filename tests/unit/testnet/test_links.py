"""Relays: datagrams as they are, in order, in both directions; lost while the line is cut, late while it is slow."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import pytest
from typing_extensions import override

from testnet import conditions, links
from testnet.conditions import Conditions
from testnet.links import HOST, Relay
from tests.unit.network.peers import eventually

QUIC_DATAGRAM_BYTES = 8192
"""What connections on loopback send."""


class Listener(asyncio.DatagramProtocol):
    """Keeps what arrives, and sends it back with a word in front."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.clients: set[tuple[str, int]] = set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        self.clients.add(addr)
        self.transport.sendto(b"back:" + data, addr)


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Listener, Relay]]:
    transport, listener = await asyncio.get_running_loop().create_datagram_endpoint(Listener, local_addr=(HOST, 0))
    relay = Relay(transport.get_extra_info("sockname"), seed=7)
    relay.open()
    try:
        yield listener, relay
    finally:
        relay.close()
        transport.close()


@contextmanager
def client(relay: Relay) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialling:
        dialling.setblocking(False)
        dialling.connect((HOST, relay.port))
        yield dialling


async def received(dialling: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(dialling, 65_535), 10)


async def test_datagrams_of_every_size_pass_unchanged_in_both_directions() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one:
            sent = [bytes([number]) * size for number, size in enumerate((0, 1, 1200, QUIC_DATAGRAM_BYTES, 60_000))]
            for data in sent:
                one.send(data)
                assert await received(one) == b"back:" + data
            assert listener.heard == sent
            assert (relay.forwarded_count, relay.dropped_count) == (2 * len(sent), 0)


async def test_a_burst_of_full_datagrams_arrives_whole_and_in_order() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one:
            sent = [number.to_bytes(2, "big") * (QUIC_DATAGRAM_BYTES // 2) for number in range(8)]
            for data in sent:
                one.send(data)
            await eventually(lambda: len(listener.heard) == len(sent))
            assert listener.heard == sent


async def test_each_client_is_a_peer_of_its_own_and_hears_only_its_answers() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one, client(relay) as other:
            one.send(b"one")
            other.send(b"other")
            assert (await received(one), await received(other)) == (b"back:one", b"back:other")
            assert len(listener.clients) == relay.clients_count == 2


async def test_a_cut_line_loses_everything_and_goes_on_where_it_is_healed() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one:
            one.send(b"before")
            assert await received(one) == b"back:before"
            relay.conditions = Conditions(is_cut=True)
            one.send(b"lost")
            await eventually(lambda: relay.dropped_count == 1)
            relay.conditions = Conditions()
            one.send(b"after")
            assert await received(one) == b"back:after"
            assert listener.heard == [b"before", b"after"]


async def test_what_is_under_way_is_lost_with_the_line() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one:
            relay.conditions = Conditions(delay_ms=50)
            one.send(b"under way")
            await asyncio.sleep(0.01)
            relay.conditions = Conditions(is_cut=True)
            await eventually(lambda: relay.dropped_count == 1)
            assert listener.heard == []


async def test_a_delay_holds_in_each_direction() -> None:
    async with relayed() as (_, relay):
        with client(relay) as one:
            relay.conditions = Conditions(delay_ms=60)
            started = time.monotonic()
            one.send(b"slow")
            assert await received(one) == b"back:slow"
            assert time.monotonic() - started >= 0.12


async def test_a_line_that_becomes_quicker_does_not_swap_datagrams() -> None:
    async with relayed() as (listener, relay):
        with client(relay) as one:
            relay.conditions = Conditions(delay_ms=80)
            one.send(b"first")
            await eventually(lambda: relay._waiting != [])
            relay.conditions = Conditions()
            one.send(b"second")
            await eventually(lambda: len(listener.heard) == 2)
            assert listener.heard == [b"first", b"second"]


async def test_a_doubled_datagram_arrives_twice_and_an_overtaken_one_later(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("HELD_BACK_LEAST_S", "HELD_BACK_MOST_S"):
        monkeypatch.setattr(conditions, bound, 0.3)
    async with relayed() as (listener, relay):
        with client(relay) as one:
            relay.conditions = Conditions(duplication=1.0)
            one.send(b"double")
            await eventually(lambda: listener.heard == [b"double"] * 2)
            relay.conditions = Conditions(reordering=1.0)
            one.send(b"held back")
            await eventually(lambda: relay._waiting != [])
            relay.conditions = Conditions()
            one.send(b"overtakes")
            await eventually(lambda: len(listener.heard) == 4)
            assert listener.heard[2:] == [b"overtakes", b"held back"]


async def test_what_waits_shortest_leaves_first_also_when_it_came_last() -> None:
    """Else what is held back would hold up what overtakes it."""
    async with relayed() as (listener, relay):
        with client(relay) as one:
            relay._waiting.append((asyncio.get_running_loop().time() + 60, -1, lambda data: None, b"in a minute"))
            relay._set_timer()
            relay.conditions = Conditions(delay_ms=1)
            one.send(b"soon")
            assert await received(one) == b"back:soon"
            assert listener.heard == [b"soon"]


async def test_lost_datagrams_are_counted() -> None:
    async with relayed() as (listener, relay):
        relay.conditions = Conditions(loss=1.0)
        with client(relay) as one:
            one.send(b"lost")
            await eventually(lambda: relay.dropped_count == 1)
        assert listener.heard == []


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_WAITING", 5)
    async with relayed() as (listener, relay):
        with client(relay) as one:
            relay.conditions = Conditions(delay_ms=100)
            for number in range(20):
                one.send(bytes([number]))
            await eventually(lambda: relay.dropped_count == 15)
            await eventually(lambda: len(listener.heard) == 5)


async def test_clients_are_bounded_and_the_one_that_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_CLIENTS", 2)
    async with relayed() as (_, relay):
        with client(relay) as first, client(relay) as second, client(relay) as third:
            for one in (first, second, first, third):
                one.send(b"x")
                assert await received(one) == b"back:x"
            assert relay.clients_count == 2
            second.send(b"again")
            assert await received(second) == b"back:again"


async def test_nobody_at_the_target_is_silence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
    relay = Relay((HOST, port))
    relay.open()
    try:
        with client(relay) as one:
            for _ in range(3):
                one.send(b"anybody there?")
            await eventually(lambda: relay.forwarded_count + relay.dropped_count == 3)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.get_running_loop().sock_recv(one, 100), 0.05)
    finally:
        relay.close()


async def test_a_line_that_is_too_full_in_bytes_loses_what_comes_and_takes_again_what_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is on this machine may send to the port: a few thousand of the longest datagrams would be hundreds of megabytes, in each relay."""
    monkeypatch.setattr(links, "MAX_WAITING_BYTES", 3 * QUIC_DATAGRAM_BYTES)
    async with relayed() as (listener, relay):
        with client(relay) as dialling:
            relay.conditions = Conditions(delay_ms=300)
            for number in range(5):
                dialling.send(bytes([number]) * QUIC_DATAGRAM_BYTES)
            await eventually(lambda: relay.dropped_count == 2)
            await eventually(lambda: len(listener.heard) == 3)
            await eventually(lambda: relay._waiting_bytes == 0)
            dialling.send(bytes(QUIC_DATAGRAM_BYTES))
            await eventually(lambda: len(listener.heard) == 4)
