"""The link that keeps a connection alive: silence, restarts, dead ports, resent requests. Real QUIC on loopback, with the rhythm sped up.

A server that "dies" here stops without a packet, as a killed process does. Its UDP port is taken over by a socket that says nothing (a host that is down), by
nobody (a process that is down), or by a new server (a restart).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.network.client import Connection, PeerAddress
from mesh_core.network.link import LinkSettings, LinkState, LinkStatus, ValidatorLink
from mesh_core.network.server import HandshakeSettings, Server, Session
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import Event, Evidence, Message, Pong, Subscribe, VoteRequest
from tests.unit.network.peers import (
    COMMITTEE,
    DIGEST,
    NETWORK_ID,
    PATIENCE_S,
    VALIDATOR_KEYS,
    WALLET,
    EchoHandler,
    address_of,
    eventually,
    text_of,
    tls_identity,
    vote_request,
)

QUICK = LinkSettings(ping_interval_s=0.05, silence_s=0.2, patience_s=0.1, connect_timeout_s=0.3, backoff_least_s=0.01, backoff_most_s=0.1)


async def serve(port: int = 0, handler: EchoHandler | None = None, index: int = 0) -> Server:
    server = Server(
        host="127.0.0.1",
        port=port,
        tls=tls_identity(index),
        settings=HandshakeSettings(VALIDATOR_KEYS[index], NETWORK_ID, COMMITTEE),
        handler=EchoHandler() if handler is None else handler,
        pong_source=lambda: (7, DIGEST, 0),
    )
    await server.start()
    return server


def forget(server: Server) -> None:
    """As a process that was killed and started again at once: it knows no connection of before, and nobody is told. At no moment is its port free."""
    for connection in list(server._connections):
        connection.abort("killed")


async def die(server: Server) -> int:
    """End like a killed process: the socket closes, and nobody is told. Returns the port."""
    port = server.port
    forget(server)
    await server.close()
    return port


class Watched:
    """A link and everything that it has told."""

    def __init__(self, address: PeerAddress, settings: LinkSettings) -> None:
        self.statuses: list[LinkStatus] = []
        self.connected: list[Connection] = []
        self.pongs: list[Pong] = []
        self.messages: list[Event | Evidence] = []
        self.link = ValidatorLink(
            address,
            WALLET,
            NETWORK_ID,
            on_status=self.statuses.append,
            on_connected=self.connected.append,
            on_pong=self.pongs.append,
            on_message=self.messages.append,
            settings=settings,
        )

    @property
    def states(self) -> list[LinkState]:
        """The states in order, without repetitions."""
        states: list[LinkState] = []
        for status in self.statuses:
            if not states or states[-1] is not status.state:
                states.append(status.state)
        return states

    async def until(self, state: LinkState) -> None:
        await eventually(lambda: self.link.status.state is state)

    async def ask(self, text: str, timeout_s: float = PATIENCE_S) -> str:
        return text_of(await self.link.request(vote_request(text.encode()), timeout_s))


@asynccontextmanager
async def watched(address: PeerAddress, settings: LinkSettings = QUICK) -> AsyncIterator[Watched]:
    told = Watched(address, settings)
    told.link.start()
    try:
        yield told
    finally:
        told.link.close()
        await told.link.wait_closed()


@asynccontextmanager
async def mute_socket(port: int = 0) -> AsyncIterator[int]:
    """A port at which packets vanish."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)


async def test_link_connects_measures_and_answers() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        assert await told.ask("through the link") == "through the link"
        await eventually(lambda: len(told.pongs) >= 3)
        assert told.states == [LinkState.CONNECTING, LinkState.UP]
        assert told.link.status.rtt_ms is not None
        assert 0 < told.link.status.rtt_ms < 1000
        assert (told.pongs[0].log_length, told.pongs[0].state_digest) == (7, DIGEST)
        assert len(told.connected) == 1
    assert told.link.status.state is LinkState.CLOSED
    await server.close()


async def test_request_made_before_the_first_connection_waits_for_it() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        assert told.link.status.state is LinkState.DOWN
        assert await asyncio.gather(*(told.ask(str(number)) for number in range(20))) == [str(number) for number in range(20)]
    await server.close()


async def test_restarted_validator_is_found_again_and_open_requests_are_answered_by_it() -> None:
    """kill -9 and an immediate restart: the new process drops packets of old connections in silence. QUIC alone would notice after ten seconds."""
    server = await serve(handler=EchoHandler(lambda session, message: True))  # takes requests and dies with them
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        open_request = asyncio.create_task(told.ask("survives"))
        handler = server.handler
        assert isinstance(handler, EchoHandler)
        await eventually(lambda: len(handler.received) == 1)
        reborn = await serve(await die(server))
        assert await open_request == "survives"
        assert await told.ask("and the next") == "and the next"
        assert len(told.connected) == 2
        assert LinkState.SILENT in told.states
        await told.until(LinkState.UP)
        await reborn.close()


async def test_silence_alone_is_noticed_without_any_request() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        await eventually(lambda: len(told.pongs) >= 1)
        forget(server)
        await eventually(lambda: len(told.connected) == 2)
        assert "no sign of life" in next(status.last_error for status in told.statuses if status.state is LinkState.SILENT)
        await told.until(LinkState.UP)
    await server.close()


async def test_request_into_silence_does_not_wait_for_the_silence_limit() -> None:
    settings = replace(QUICK, silence_s=60.0, ping_interval_s=60.0)
    server = await serve()
    async with watched(address_of(server.port), settings) as told:
        await told.until(LinkState.UP)
        await eventually(lambda: len(told.pongs) == 1)
        reborn = await serve(await die(server))
        assert await told.ask("at once") == "at once"
        assert len(told.connected) == 2
        await reborn.close()


async def test_slow_validator_that_shows_life_is_not_replaced() -> None:
    """Verifying a proof takes time. As long as pings are answered, a late answer is no reason for another connection."""
    kept: list[tuple[Session, Message]] = []

    def keep(session: Session, message: Message) -> bool:
        kept.append((session, message))
        return True

    server = await serve(handler=EchoHandler(keep))
    async with watched(address_of(server.port)) as told:
        task = asyncio.create_task(told.ask("slow"))
        await eventually(lambda: len(kept) == 1)
        before = len(told.pongs)
        await eventually(lambda: len(told.pongs) >= before + 6)
        EchoHandler().handle(*kept[0])
        assert await task == "slow"
        assert len(told.connected) == 1
        assert LinkState.SILENT not in told.states
    await server.close()


async def test_dead_port_is_down_and_found_when_somebody_listens_again() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        port = await die(server)
        await told.until(LinkState.DOWN)
        task = asyncio.create_task(told.ask("patience"))
        await eventually(lambda: sum(status.state is LinkState.CONNECTING for status in told.statuses) >= 3)
        reborn = await serve(port)
        assert await task == "patience"
        await told.until(LinkState.UP)
        await reborn.close()


async def test_dead_port_is_noticed_by_the_next_packet_long_before_the_silence_limit() -> None:
    server = await serve()
    async with watched(address_of(server.port), replace(QUICK, silence_s=60.0)) as told:
        await told.until(LinkState.UP)
        await die(server)
        await told.until(LinkState.DOWN)
        assert "nobody listens at the port" in [status.last_error for status in told.statuses]


async def test_dead_host_is_given_up_after_the_connect_timeout_and_tried_again() -> None:
    async with mute_socket() as port, watched(address_of(port)) as told:
        await eventually(lambda: sum(status.state is LinkState.DOWN for status in told.statuses) >= 2)
        assert "no connection within 0.3 s" in told.link.status.last_error
        with pytest.raises(PeerFault) as caught:
            await told.ask("nobody", timeout_s=0.05)
        assert caught.value.code is ErrorCode.PEER_TIMEOUT


async def test_old_connection_is_dropped_when_it_is_silent_and_no_new_one_succeeds() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        async with mute_socket(await die(server)):
            # Both have been told, however short the first was: nobody listens for a moment, until the mute socket does.
            await eventually(lambda: LinkState.DOWN in told.states)
            assert told.states.index(LinkState.SILENT) < told.states.index(LinkState.DOWN)
            assert "silent, and no new connection" in " ".join(status.last_error for status in told.statuses)


async def test_connection_that_shows_life_again_is_kept() -> None:
    """Doubt, a second connection that does not succeed, and then a PONG on the first one: nothing was lost, so nothing changes."""
    server = await serve()
    async with watched(address_of(server.port), replace(QUICK, silence_s=60.0)) as told:
        await told.until(LinkState.UP)
        [connection] = told.connected
        told.link.peer = address_of(1, index=1)  # the second connection leads nowhere
        told.link._doubt(connection, "a test's whim")
        await told.until(LinkState.UP)
        assert told.states[:4] == [LinkState.CONNECTING, LinkState.UP, LinkState.SILENT, LinkState.UP]
        told.link.peer = address_of(server.port)
        before = len(told.pongs)
        await eventually(lambda: len(told.pongs) >= before + 4)
        assert await told.ask("same connection") == "same connection"
        assert told.connected == [connection], "nobody looks for another connection any more"
    await server.close()


async def test_graceful_stop_is_known_at_once_and_requests_wait_for_the_next_process() -> None:
    settings = replace(QUICK, silence_s=60.0, ping_interval_s=60.0)
    server = await serve()
    async with watched(address_of(server.port), settings) as told:
        await told.until(LinkState.UP)
        port = server.port
        await server.close("validator stops")
        await eventually(lambda: told.link.status.state is not LinkState.UP)
        assert "validator stops" in " ".join(status.last_error for status in told.statuses)
        reborn = await serve(port)
        assert await told.ask("served again") == "served again"
        await reborn.close()


async def test_validator_that_accepts_and_hangs_up_is_approached_ever_more_slowly() -> None:
    """Without a back-off that counts connections that were of no use, such a validator would keep its clients in a tight loop."""

    def hang_up(session: Session) -> None:
        times.append(asyncio.get_running_loop().time())
        session._connection.close("not today")

    times: list[float] = []
    handler = EchoHandler()
    handler.on_open = hang_up  # type: ignore[method-assign]
    server = await serve(handler=handler)
    async with watched(address_of(server.port), replace(QUICK, backoff_most_s=60.0)) as told:
        await eventually(lambda: len(times) >= 6)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[-1] > 0.5 * QUICK.backoff_least_s * 2 ** (len(gaps) - 1)
        assert "not today" in told.link.status.last_error
    await server.close()


async def test_validator_that_answers_one_ping_and_hangs_up_is_approached_ever_more_slowly() -> None:
    """A PONG is cheap: if the first one ended the back-off, one faulty validator would keep all others busy with handshakes."""
    times: list[float] = []

    def answer_and_hang_up() -> tuple[int, Hash32, int]:
        times.append(asyncio.get_running_loop().time())
        for session in handler.opened:
            asyncio.get_running_loop().call_later(0.02, session._connection.close, "that was all")
        return 7, DIGEST, 0

    handler = EchoHandler()
    server = await serve(handler=handler)
    server.pong_source = answer_and_hang_up
    async with watched(address_of(server.port), replace(QUICK, ping_interval_s=1.0, backoff_most_s=60.0)) as told:
        await eventually(lambda: len(times) >= 6)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[-1] > 0.5 * QUICK.backoff_least_s * 2 ** (len(gaps) - 1)
        assert len(told.pongs) >= 5
    await server.close()


async def test_connection_that_lasts_ends_the_back_off() -> None:
    server = await serve()
    async with watched(address_of(server.port), replace(QUICK, ping_interval_s=0.05)) as told:
        told.link._failures = 9
        await eventually(lambda: told.link._failures == 0)
        assert len(told.connected) == 1
        assert len(told.pongs) >= 2
    await server.close()


async def test_wrong_pin_is_reported_as_such() -> None:
    server = await serve(index=1)
    wrong = replace(address_of(server.port, index=1), tls_certificate_der=tls_identity(0).certificate_der)
    async with watched(wrong) as told:
        await eventually(lambda: "certificate" in told.link.status.last_error or "QUIC error" in told.link.status.last_error)
        assert told.connected == []
    await server.close()


async def test_closing_fails_open_requests_at_once() -> None:
    async with mute_socket() as port, watched(address_of(port)) as told:
        tasks = [asyncio.create_task(told.ask("never")) for _ in range(3)]
        await asyncio.sleep(0)
        told.link.close()
        for failed in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(failed, PeerFault)
            assert failed.code is ErrorCode.PEER_UNREACHABLE
        with pytest.raises(PeerFault):
            await told.ask("after the end")
        assert told.link.send(Subscribe(0, 1, (), 0)) is False
        told.link.close()


async def test_close_does_not_wait_for_the_network() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        handler = server.handler
        assert isinstance(handler, EchoHandler)
        loop = asyncio.get_running_loop()
        started = loop.time()
        told.link.close()
        await told.link.wait_closed()
        assert loop.time() - started < 0.05, "the draining period alone would be 100 ms and more"
        await eventually(lambda: [reason for _, reason in handler.closed] == ["closed"])
    await server.close()


async def test_more_requests_than_may_be_pending_are_all_answered() -> None:
    server = await serve()
    async with watched(address_of(server.port)) as told:
        texts = [str(number) for number in range(600)]
        assert await asyncio.gather(*(told.ask(text) for text in texts)) == texts
        assert len(told.connected) == 1
    await server.close()


async def test_subscription_is_made_anew_on_each_connection() -> None:
    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, Subscribe):
            session.send(Event(1, 0, 4, b"hello again"))
        return True

    server = await serve(handler=EchoHandler(behave))
    messages: list[Event | Evidence] = []
    link = ValidatorLink(
        address_of(server.port),
        WALLET,
        NETWORK_ID,
        on_connected=lambda connection: connection.send(Subscribe(0, 1, (), 0)),
        on_message=messages.append,
        settings=QUICK,
    )
    link.start()
    await eventually(lambda: len(messages) == 1)
    reborn = await serve(await die(server), EchoHandler(behave))
    await eventually(lambda: len(messages) == 2)
    link.close()
    await link.wait_closed()
    await reborn.close()


async def test_listener_that_raises_does_not_stop_the_link(caplog: pytest.LogCaptureFixture) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("a bug in the listener")

    server = await serve()
    link = ValidatorLink(address_of(server.port), WALLET, NETWORK_ID, on_status=explode, on_connected=explode, on_pong=explode, settings=QUICK)
    link.start()
    assert text_of(await link.request(vote_request(b"works"), PATIENCE_S)) == "works"
    assert "a bug in the listener" in caplog.text
    link.close()
    await link.wait_closed()
    await server.close()


async def test_pin_that_is_no_certificate_is_found_at_construction() -> None:
    with pytest.raises(LocalFault) as caught:
        ValidatorLink(replace(address_of(1), tls_certificate_der=b"?"), WALLET, NETWORK_ID)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


async def test_four_links_survive_one_validator_that_comes_and_goes() -> None:
    """Requests to all four at once while one of them dies and returns: the three others are not disturbed, and the fourth answers in the end."""
    servers = [await serve(index=index) for index in range(4)]
    links = [ValidatorLink(address_of(server.port, index), WALLET, NETWORK_ID, settings=QUICK) for index, server in enumerate(servers)]
    for link in links:
        link.start()

    async def ask_all(text: str) -> list[str]:
        return [text_of(answer) for answer in await asyncio.gather(*(link.request(VoteRequest(0, (), text.encode()), PATIENCE_S) for link in links))]

    assert await ask_all("one") == ["one"] * 4
    for round_number in range(3):
        port = await die(servers[3])
        task = asyncio.create_task(ask_all(f"round {round_number}"))
        assert [text_of(await link.request(vote_request(b"others"), PATIENCE_S)) for link in links[:3]] == ["others"] * 3
        servers[3] = await serve(port, index=3)
        assert await task == [f"round {round_number}"] * 4
    assert [link.status.connections_made for link in links[:3]] == [1, 1, 1]
    for link in links:
        link.close()
        await link.wait_closed()
    for server in servers:
        await server.close()


async def test_another_address_is_dialled_at_once_and_open_requests_go_on_there() -> None:
    held = EchoHandler(lambda session, message: True)
    old, new = await serve(handler=held), await serve()
    async with watched(address_of(old.port)) as told:
        await told.until(LinkState.UP)
        request = asyncio.create_task(told.ask("open"))
        await eventually(lambda: len(held.received) == 1)
        told.link.redirect("127.0.0.1", new.port)
        assert await request == "open"
        assert told.link.peer.port == new.port
        await eventually(lambda: old.connections == 0)
        made = told.link.status.connections_made
        told.link.redirect("127.0.0.1", new.port)
        assert await told.ask("the same address changes nothing") == "the same address changes nothing"
        assert told.link.status.connections_made == made == 2
    await old.close()
    await new.close()


async def test_address_that_changes_while_the_old_one_is_dialled_is_the_one_that_counts() -> None:
    server = await serve()
    async with mute_socket() as port, watched(address_of(port), replace(QUICK, connect_timeout_s=0.3, backoff_most_s=60)) as told:
        await told.until(LinkState.CONNECTING)
        told.link.redirect("127.0.0.1", server.port)
        assert await told.ask("found") == "found"
    await server.close()


async def test_an_address_does_not_make_another_validator_pass_for_this_one() -> None:
    server, other = await serve(), await serve(index=1)
    async with watched(address_of(server.port)) as told:
        await told.until(LinkState.UP)
        told.link.redirect("127.0.0.1", other.port)
        await told.until(LinkState.DOWN)
        with pytest.raises(PeerFault):
            await told.ask("hello", timeout_s=0.3)
        told.link.redirect("127.0.0.1", server.port)
        assert await told.ask("back") == "back"
    await server.close()
    await other.close()
