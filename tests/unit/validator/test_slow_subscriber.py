"""A subscriber that stops reading, over real QUIC: it costs a bounded amount of memory, is told how much it missed, and nobody else notices.

It does not acknowledge packets while it is away, as a suspended process would not.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from mesh_core.network.quic import MESSAGE_STREAM
from mesh_core.network.server import Session
from mesh_core.types.basic import Hash32
from mesh_core.types.events import CertificateParked, EventKind, Gap, decode_event_body
from mesh_core.types.messages import Event, Message, Subscribe
from mesh_core.validator import subscriptions as subscriptions_module
from mesh_core.validator.ports import SystemClock
from mesh_core.validator.subscriptions import Subscriptions
from tests.unit.network.peers import EchoHandler, RawPeer, Running, eventually, raw_peer, running

BODY = CertificateParked(Hash32(b"\x4d" * 32), tuple(Hash32(bytes([number]) * 32) for number in range(100)))
"""About 3 KB."""
SLOW_BYTES = 200_000


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions_module, "SLOW_BYTES", SLOW_BYTES)


@dataclass
class Scene:
    """A server whose sessions may subscribe."""

    there: Running
    subscriptions: Subscriptions

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.subscriptions.publish(BODY)

    @property
    def queued(self) -> list[int]:
        """Bytes that each session has not acknowledged, in the order of their subscriptions."""
        return [session.queued_bytes for session in self.subscriptions._by_session]


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    subscriptions = Subscriptions(SystemClock())

    def subscribe(session: Session, message: Message) -> bool:
        return isinstance(message, Subscribe) and subscriptions.add(session, message)

    handler = EchoHandler(subscribe)

    def on_close(session: Session, reason: str) -> None:
        subscriptions.remove(session)

    handler.on_close = on_close  # type: ignore[method-assign]
    async with running(handler=handler) as there:
        yield Scene(there, subscriptions)


@asynccontextmanager
async def subscriber(one: Scene) -> AsyncIterator[RawPeer]:
    known = one.subscriptions.count
    async with raw_peer(one.there.address, handshake=True) as peer:
        peer.send_message(MESSAGE_STREAM, Subscribe(0, 1 << EventKind.CERT_PARKED, (), 0))
        await eventually(lambda: one.subscriptions.count == known + 1)
        yield peer


def events_of(peer: RawPeer) -> list[Event]:
    return [message for message in peer.messages(MESSAGE_STREAM) if isinstance(message, Event)]


def numbers_of(peer: RawPeer) -> list[int]:
    return [event.event_number for event in events_of(peer)]


async def test_subscriber_that_is_away_is_told_what_it_missed_and_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene() as one, subscriber(one) as away, subscriber(one) as reading:
        with monkeypatch.context() as patch:
            patch.setattr(away.transport, "datagram_received", lambda *_: None)
            published = 0
            while published < 200:
                one.publish(25)
                published += 25
                assert one.queued[0] <= SLOW_BYTES + 5_000
                await eventually(lambda: one.queued[1] < SLOW_BYTES / 2)
            assert one.queued[0] > SLOW_BYTES
        await eventually(lambda: one.queued[0] == 0)
        one.publish(1)
        await eventually(lambda: EventKind.GAP in [event.kind for event in events_of(away)[:-1]])
        gap, last = events_of(away)[-2:]
        told = decode_event_body(gap.kind, gap.body)
        assert isinstance(told, Gap)
        assert last.kind == EventKind.CERT_PARKED
        assert told.dropped + len(events_of(away)) - 1 == published + 1
        assert numbers_of(away) == list(range(1, len(events_of(away)) + 1))
        await eventually(lambda: len(events_of(reading)) == published + 1)
        assert {event.kind for event in events_of(reading)} == {EventKind.CERT_PARKED}


async def test_subscriber_that_never_comes_back_is_forgotten() -> None:
    async with scene() as one, subscriber(one) as reading:
        async with subscriber(one) as gone:
            gone.transport.abort("power cut")
            one.publish(200)
            assert one.queued[1] <= SLOW_BYTES + 5_000
            gone_session = one.there.handler.opened[1]
            gone_session._connection.abort("nothing heard for ten seconds")
            await eventually(lambda: one.subscriptions.count == 1)
        await eventually(lambda: len(events_of(reading)) > 0)
        assert one.subscriptions._counts == {"127.0.0.1": 1}
    await asyncio.sleep(0)
