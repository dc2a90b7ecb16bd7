"""Requests are handled after what arrives has been read, in their order, and neither a flood nor a bug keeps others from being served.

Time is taken out by slices of no length: one request a turn of the loop.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from mesh_core.errors import WireErrorCode
from mesh_core.network.server import Session
from mesh_core.types.messages import Message
from mesh_core.validator.inbox import MOST_TURNS_OF_READING, Inbox
from tests.unit.network.peers import eventually, vote_request

REQUEST = vote_request()


@dataclass(eq=False)
class Peer:
    """A session that remembers how it was closed."""

    peer_name: str
    closed: list[WireErrorCode] = field(default_factory=list)

    def close(self, code: WireErrorCode, text: str) -> None:
        self.closed.append(code)


@dataclass
class Told:
    """A handler that remembers; `on_request` may fail."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    on_request: Callable[[str], None] = lambda name: None

    def on_open(self, session: Session) -> None:
        self.calls.append(("open", session.peer_name))

    def handle(self, session: Session, message: Message) -> None:
        self.calls.append(("request", session.peer_name))
        self.on_request(session.peer_name)

    def on_close(self, session: Session, reason: str) -> None:
        self.calls.append(("close", session.peer_name))


def peer(name: str) -> Session:
    return cast(Session, Peer(name))


@pytest.fixture
def slices_of_no_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_core.validator.inbox.SLICE_S", 0.0)


async def test_everything_is_told_once_in_the_order_of_its_arrival() -> None:
    told = Told()
    inbox = Inbox(told)
    alice, bob = peer("alice"), peer("bob")
    inbox.on_open(alice)
    inbox.handle(alice, REQUEST)
    inbox.on_open(bob)
    inbox.handle(bob, REQUEST)
    inbox.on_close(alice, "over")
    inbox.handle(bob, REQUEST)
    assert told.calls == []
    assert inbox.waiting_count == 6
    await eventually(lambda: inbox.waiting_count == 0)
    assert told.calls == [("open", "alice"), ("request", "alice"), ("open", "bob"), ("request", "bob"), ("close", "alice"), ("request", "bob")]
    inbox.handle(bob, REQUEST)
    await eventually(lambda: len(told.calls) == 7)


async def test_what_goes_on_arriving_is_read_first_but_not_for_ever() -> None:
    told = Told()
    inbox = Inbox(told)
    alice = peer("alice")
    for turn in range(MOST_TURNS_OF_READING):
        inbox.handle(alice, REQUEST)
        await asyncio.sleep(0)
        assert told.calls == [], turn
    inbox.handle(alice, REQUEST)
    await asyncio.sleep(0)
    assert told.calls != []


async def test_quiet_turn_is_enough() -> None:
    told = Told()
    inbox = Inbox(told)
    inbox.handle(peer("alice"), REQUEST)
    for _ in range(2):
        await asyncio.sleep(0)
    assert told.calls == [("request", "alice")]


@pytest.mark.usefixtures("slices_of_no_length")
async def test_slice_ends_and_the_loop_goes_on_between_slices() -> None:
    told = Told()
    inbox = Inbox(told)
    for _ in range(5):
        inbox.handle(peer("alice"), REQUEST)
    handled = []
    while len(told.calls) < 5:
        handled.append(len(told.calls))
        await asyncio.sleep(0)
    assert sorted(set(handled)) == [0, 1, 2, 3, 4]


async def test_exception_ends_the_session_concerned_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail_for_alice(name: str) -> None:
        if name == "alice":
            raise ZeroDivisionError("a bug")

    told = Told(on_request=fail_for_alice)
    inbox = Inbox(told)
    alice, bob = Peer("alice"), Peer("bob")
    for session in (alice, bob, bob):
        inbox.handle(cast(Session, session), REQUEST)
    await eventually(lambda: inbox.waiting_count == 0)
    assert alice.closed == [WireErrorCode.INTERNAL]
    assert bob.closed == []
    assert told.calls == [("request", "alice"), ("request", "bob"), ("request", "bob")]
    assert "alice: internal error" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_what_is_put_while_the_last_is_handled_is_handled_too() -> None:
    told = Told()
    inbox = Inbox(told)
    alice = peer("alice")
    told.on_request = lambda _: inbox.on_close(alice, "over") if len(told.calls) == 1 else None
    inbox.handle(alice, REQUEST)
    await eventually(lambda: len(told.calls) == 2)
    assert told.calls == [("request", "alice"), ("close", "alice")]
    assert inbox.waiting_count == 0


@pytest.mark.usefixtures("slices_of_no_length")
async def test_close_drops_what_waits() -> None:
    told = Told()
    inbox = Inbox(told)
    told.on_request = lambda _: inbox.close()
    for _ in range(3):
        inbox.handle(peer("alice"), REQUEST)
    await eventually(lambda: inbox.waiting_count == 0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert told.calls == [("request", "alice")]
