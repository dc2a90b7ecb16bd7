"""One address gets its share of the time, and what it sends beyond that waits."""

import asyncio
import time

import pytest

from mesh_core.errors import WireErrorCode
from mesh_core.network import work
from mesh_core.network.quic import MESSAGE_STREAM
from mesh_core.network.server import ServerLimits, Session
from mesh_core.network.work import WorkBudget
from mesh_core.types.messages import Message, VoteRequest
from tests.unit.network.peers import EchoHandler, RawPeer, eventually, raw_peer, running, text_of, vote_request

# --- The account -----------------------------------------------------------------------------------------------------------------------------------


def test_source_may_take_its_share_and_no_more() -> None:
    budget, now, taken = WorkBudget(share=0.25, burst_s=1.0), 0.0, 0.0
    while now < 100.0:
        delay = budget.delay("a", now=now)
        if delay:
            now += delay
        else:
            budget.spend("a", 0.03, now=now)
            taken += 0.03
            now += 0.001
    assert 25.0 < taken < 25.0 + 1.0 + 0.1


def test_rest_gives_back_the_burst_and_no_more() -> None:
    budget = WorkBudget(share=0.5, burst_s=1.0)
    budget.spend("a", 3.0, now=0.0)
    assert budget.delay("a", now=0.0) == pytest.approx(4.0, abs=0.01)
    assert budget.delay("a", now=4.0) == 0.0
    budget.spend("a", 1.5, now=1000.0)
    assert budget.delay("a", now=1000.0) == pytest.approx(1.0, abs=0.01)


def test_sources_do_not_share() -> None:
    budget = WorkBudget(share=0.5, burst_s=1.0)
    budget.spend("a", 100.0, now=0.0)
    assert budget.delay("b", now=0.0) == 0.0


def test_flood_of_addresses_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "REMEMBERED_SOURCES", 10)
    budget = WorkBudget()
    for number in range(200):
        budget.spend(str(number), 1.0, now=0.0)
    assert len(budget._accounts) == 10


# --- The server ------------------------------------------------------------------------------------------------------------------------------------

REQUEST_S = 0.03
NO_TIME = ServerLimits(work_share=1e-6, work_burst_s=2 * REQUEST_S)
"""After two requests a source waits for ever, as far as a test can tell."""


def spend(session: Session, message: Message) -> bool:
    """Each request costs far more than its packets, also where the processor is slow."""
    until = time.thread_time() + REQUEST_S
    while time.thread_time() < until:
        pass
    return False


def send(peer: RawPeer, number: int, size: int = 1200) -> None:
    peer.send_message(MESSAGE_STREAM, VoteRequest(number, (), str(number).encode().ljust(size, b"\0")))


async def test_requests_beyond_the_share_wait_and_newcomers_are_not_let_in() -> None:
    async with running(handler=EchoHandler(spend), limits=NO_TIME) as one, raw_peer(one.address, handshake=True) as peer:
        await eventually(lambda: bool(one.handler.opened))
        one.server.work._accounts.clear()  # what the handshake took depends on the processor
        for number in range(1, 11):
            send(peer, number)
        await eventually(lambda: len(one.handler.received) >= 2)
        connection = one.handler.opened[0]._connection
        await eventually(lambda: connection._messages.buffered_bytes > 7 * 1200)
        assert len(one.handler.received) < 5
        assert peer.reason is None
        refused = 0
        try:
            async with asyncio.timeout(0.3):
                await one.connect(connect_timeout_s=0.2)
        except Exception:  # noqa: BLE001 - dropped packets, told as whatever the client makes of them
            refused += 1
        assert refused
        # Time passes, all at once.
        one.server.work._accounts.clear()
        connection._resuming.cancel()  # type: ignore[union-attr]
        connection._resume()
        await eventually(lambda: len(one.handler.received) > 3)


async def test_waiting_requests_are_answered_in_order_when_there_is_time() -> None:
    limits = ServerLimits(work_share=0.5, work_burst_s=0.02)
    async with running(handler=EchoHandler(spend), limits=limits) as one, raw_peer(one.address, handshake=True) as peer:
        for number in range(1, 13):
            send(peer, number)
        await peer.until(lambda: len(peer.messages(MESSAGE_STREAM)) == 12)
        assert [text_of(answer) for answer in peer.messages(MESSAGE_STREAM)] == [str(number) for number in range(1, 13)]


async def test_who_sends_on_and_on_meanwhile_is_cut_off() -> None:
    async with running(handler=EchoHandler(spend), limits=NO_TIME) as one, raw_peer(one.address, handshake=True) as peer:
        for number in range(1, 12):
            send(peer, number, 100_000)
        code, text = await peer.refused()
        assert code is WireErrorCode.RATE_LIMIT
        assert "for which the validator has no time" in text


async def test_session_that_ends_while_its_requests_wait_is_forgotten() -> None:
    async with running(handler=EchoHandler(spend), limits=NO_TIME) as one:
        async with raw_peer(one.address, handshake=True) as peer:
            for number in range(1, 11):
                send(peer, number)
            await eventually(lambda: bool(one.handler.opened) and one.handler.opened[0]._connection._resuming is not None)
            peer.transport.close_with(code=0, text="enough")
        await eventually(lambda: bool(one.handler.closed))
        resuming = one.handler.opened[0]._connection._resuming
        assert resuming is not None
        assert resuming.cancelled()


async def test_honest_load_is_not_delayed() -> None:
    """A thousand cheap requests at once are within the burst."""
    async with running() as one:
        connection = await one.connect()
        answers = await asyncio.gather(*(connection.request(vote_request(str(number).encode()), 20) for number in range(1000)))
        assert [text_of(answer) for answer in answers] == [str(number) for number in range(1000)]
        assert all(account.left_s > 0 for account in one.server.work._accounts.values())
        connection.close()


async def test_packets_cost_their_sender_time_whatever_is_in_them() -> None:
    """A frame that is too long is refused at its head, but all of its packets have to be decrypted."""
    limits = ServerLimits(work_share=1e-6, work_burst_s=100.0)
    async with running(limits=limits) as one, raw_peer(one.address, handshake=True) as peer:
        await eventually(lambda: bool(one.handler.opened))
        before = one.server.work._accounts["127.0.0.1"].left_s
        peer.send_bytes(MESSAGE_STREAM, (200_000).to_bytes(4, "big") + bytes(150_000))
        await eventually(lambda: one.handler.opened[0]._connection._messages.buffered_bytes > 150_000)
        assert one.handler.received == []
        # Some 125 packets; each took tens of microseconds.
        assert one.server.work._accounts["127.0.0.1"].left_s < before - 0.001
