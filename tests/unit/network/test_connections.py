"""Client and server over real QUIC on loopback: handshake, requests, events, pings, limits, endings."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from typing_extensions import override

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, PeerFault, WireErrorCode
from mesh_core.network.admission import AdmissionLimits
from mesh_core.network.client import MAX_DEFERRED_BYTES, Connection, LocalIdentity, connect
from mesh_core.network.connection import ConnectionKind
from mesh_core.network.server import HandshakeSettings, Server, ServerLimits, Session
from mesh_core.network.tls import generate_tls_identity
from mesh_core.network.work import WorkBudget
from mesh_core.types.messages import (
    AckStatus,
    CertAck,
    Event,
    Message,
    Pong,
    PongFlag,
    Role,
    SettlementCertificate,
    Subscribe,
    SyncFromLog,
    SyncRequest,
    SyncResponse,
    VoteRequest,
)
from tests.unit.network.peers import (
    COMMITTEE,
    DIGEST,
    NETWORK_ID,
    OTHER_NETWORK_ID,
    PATIENCE_S,
    VALIDATOR_KEYS,
    WALLET,
    EchoHandler,
    address_of,
    eventually,
    running,
    text_of,
    tls_identity,
    vote_request,
)

SYNC = SyncRequest(0, SyncFromLog(0, NETWORK_ID), 10, 1000)


class Holding:
    """A behaviour that keeps requests for later."""

    def __init__(self) -> None:
        self.kept: list[tuple[Session, Message]] = []

    def __call__(self, session: Session, message: Message) -> bool:
        self.kept.append((session, message))
        return True

    def answer_all(self) -> None:
        kept, self.kept = self.kept, []
        for session, message in kept:
            EchoHandler().handle(session, message)


# --- Handshake -------------------------------------------------------------------------------------------------------------------------------------


async def test_wallet_connects_and_its_request_is_answered() -> None:
    async with running() as there:
        connection = await there.connect()
        assert connection.peer is not None
        assert (connection.peer.role, connection.peer.identity) == (Role.VALIDATOR, VALIDATOR_KEYS[0].public_key)
        assert text_of(await connection.request(vote_request(b"hello"), PATIENCE_S)) == "hello"
        session = there.handler.opened[0]
        assert (session.role, session.kind) == (Role.WALLET, ConnectionKind.TIER1)
        assert session.peer_name.startswith("127.0.0.1:")
        connection.close()


async def test_wallet_identities_are_fresh_for_each_connection() -> None:
    async with running() as there:
        for _ in range(2):
            connection = await there.connect()
            await connection.request(vote_request(), PATIENCE_S)
            connection.close()
        one, other = there.handler.opened
        assert one.identity != other.identity


async def test_committee_member_connects_as_validator_and_a_stranger_does_not() -> None:
    async with running() as there:
        member = await there.connect(LocalIdentity(Role.VALIDATOR, VALIDATOR_KEYS[3]))
        await member.request(vote_request(), PATIENCE_S)
        assert (there.handler.opened[0].role, there.handler.opened[0].identity) == (Role.VALIDATOR, VALIDATOR_KEYS[3].public_key)
        member.close()

        stranger = await there.connect(LocalIdentity(Role.VALIDATOR, SigningKey(os.urandom(32))))
        with pytest.raises(PeerFault) as caught:
            await stranger.request(vote_request(), PATIENCE_S)
        assert caught.value.code is ErrorCode.PEER_HANDSHAKE
        assert caught.value.text.startswith("validator 0: ROLE:")
        assert len(there.handler.opened) == 1
        assert len(there.handler.received) == 1, "requests behind a refused HANDSHAKE are not handled"
        await there.check_alive()


async def test_handshake_is_logged_step_by_step_on_both_sides(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mesh_core.network")
    async with running() as there:
        connection = await there.connect()
        await connection.request(vote_request(), PATIENCE_S)
        connection.close()
    steps = {role: [record.__dict__["step"] for record in caplog.records if record.__dict__.get("role") == role] for role in ("initiator", "responder")}
    assert steps["initiator"] == ["TLS", "HELLO sent", "HANDSHAKE received", "HANDSHAKE sent"]
    assert steps["responder"] == ["TLS", "HELLO received", "HANDSHAKE sent", "HANDSHAKE received"]
    accepted = [record.getMessage() for record in caplog.records if "accepted, WALLET" in record.getMessage()]
    assert len(accepted) == 1


async def test_server_of_another_network_refuses_with_its_reason() -> None:
    async with running(network_id=OTHER_NETWORK_ID) as there:
        with pytest.raises(PeerFault) as caught:
            await there.connect()
        assert caught.value.code is ErrorCode.PEER_HANDSHAKE
        assert "NETWORK" in caught.value.text
        assert there.handler.opened == []


async def test_other_validator_behind_the_right_certificate_is_not_accepted() -> None:
    """The TLS certificate is the pinned one (its key was stolen, say), but the identity that signs is another committee member's."""
    async with running(index=1, tls=tls_identity(0)) as there:
        with pytest.raises(PeerFault) as caught:
            await connect(address_of(there.server.port, 0), WALLET, NETWORK_ID)
        assert caught.value.code is ErrorCode.PEER_HANDSHAKE
        assert "IDENTITY" in caught.value.text


async def test_certificate_that_is_not_the_pinned_one_is_refused_by_tls() -> None:
    async with running(tls=generate_tls_identity()) as there:
        with pytest.raises(PeerFault) as caught:
            await connect(address_of(there.server.port, 0), WALLET, NETWORK_ID)
        assert caught.value.code is ErrorCode.PEER_HANDSHAKE
        await eventually(lambda: there.server.connections == 0)
        assert there.handler.opened == []


async def test_port_where_nobody_listens_is_noticed_at_once() -> None:
    async with running() as there:
        port = there.server.port
    started = asyncio.get_running_loop().time()
    with pytest.raises(PeerFault) as caught:
        await connect(address_of(port), WALLET, NETWORK_ID, connect_timeout_s=PATIENCE_S)
    assert caught.value.code is ErrorCode.PEER_UNREACHABLE
    assert asyncio.get_running_loop().time() - started < PATIENCE_S / 2


async def test_host_that_never_answers_costs_the_connect_timeout() -> None:
    """A socket that is bound and not read stands for a dead host: no answer, and no word from the operating system."""
    loop = asyncio.get_running_loop()
    mute, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    try:
        with pytest.raises(PeerFault) as caught:
            await connect(address_of(mute.get_extra_info("sockname")[1]), WALLET, NETWORK_ID, connect_timeout_s=0.2)
        assert caught.value.code is ErrorCode.PEER_UNREACHABLE
    finally:
        mute.close()


async def test_cancelled_connect_leaves_nothing_behind() -> None:
    loop = asyncio.get_running_loop()
    mute, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    try:
        task = loop.create_task(connect(address_of(mute.get_extra_info("sockname")[1]), WALLET, NETWORK_ID, connect_timeout_s=PATIENCE_S))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
    finally:
        mute.close()


async def test_name_without_address_is_unreachable() -> None:
    with pytest.raises(PeerFault) as caught:
        await connect(replace(address_of(1), host="validator.invalid"), WALLET, NETWORK_ID)
    assert caught.value.code is ErrorCode.PEER_UNREACHABLE


async def test_localhost_by_name_is_found_whichever_address_it_has() -> None:
    async with running() as there:
        connection = await connect(replace(there.address, host="localhost"), WALLET, NETWORK_ID)
        assert text_of(await connection.request(vote_request(b"by name"), PATIENCE_S)) == "by name"
        connection.close()


async def test_ipv6_loopback_works_as_well() -> None:
    server = Server(
        host="::1",
        port=0,
        tls=tls_identity(0),
        settings=HandshakeSettings(VALIDATOR_KEYS[0], NETWORK_ID, COMMITTEE),
        handler=EchoHandler(),
        pong_source=lambda: (0, DIGEST, 0),
    )
    try:
        await server.start()
    except LocalFault as fault:
        pytest.skip(f"no IPv6 on this machine: {fault.text}")
    connection = await connect(replace(address_of(server.port), host="::1"), WALLET, NETWORK_ID)
    assert text_of(await connection.request(vote_request(b"six"), PATIENCE_S)) == "six"
    connection.close()
    await server.close()


async def test_retry_validates_the_address_and_the_connection_works() -> None:
    async with running(retry=True) as there:
        connection = await there.connect()
        assert text_of(await connection.request(vote_request(b"validated"), PATIENCE_S)) == "validated"
        connection.close()


async def test_port_in_use_is_a_local_fault() -> None:
    async with running() as there:
        with pytest.raises(LocalFault) as caught:
            async with running(port=there.server.port):
                pass
        assert caught.value.code is ErrorCode.CONFIG_INVALID


# --- Requests --------------------------------------------------------------------------------------------------------------------------------------


async def test_concurrent_requests_of_many_connections_get_their_own_answers() -> None:
    async with running() as there:
        connections = await asyncio.gather(*(there.connect() for _ in range(6)))

        async def ask(connection: Connection, text: str) -> None:
            assert text_of(await connection.request(vote_request(text.encode()), PATIENCE_S)) == text

        await asyncio.gather(*(ask(connection, f"{which}/{number}") for which, connection in enumerate(connections) for number in range(50)))
        assert len(there.handler.opened) == 6
        for connection in connections:
            assert connection.pending_requests == 0
            connection.close()


async def test_answers_may_come_in_any_order() -> None:
    holding = Holding()
    async with running(handler=EchoHandler(holding)) as there:
        connection = await there.connect()
        tasks = [asyncio.create_task(connection.request(vote_request(str(number).encode()), PATIENCE_S)) for number in range(5)]
        await eventually(lambda: len(holding.kept) == 5)
        holding.kept.reverse()
        holding.answer_all()
        assert [text_of(await task) for task in tasks] == ["0", "1", "2", "3", "4"]
        connection.close()


async def test_request_larger_than_many_packets_and_the_largest_frame() -> None:
    async with running() as there:
        connection = await there.connect()
        largest = 256 * 1024 - 1 - 8 - 1 - 4
        for size in (0, 1, 100_000, largest):
            await connection.request(VoteRequest(0, (), bytes(size)), PATIENCE_S)
        assert [len(message.transition) for message in there.handler.received if isinstance(message, VoteRequest)] == [0, 1, 100_000, largest]
        connection.close()


async def test_unanswered_request_times_out_and_the_connection_goes_on() -> None:
    holding = Holding()
    async with running(handler=EchoHandler(holding)) as there:
        connection = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await connection.request(vote_request(b"late"), 0.05)
        assert caught.value.code is ErrorCode.PEER_TIMEOUT
        await eventually(lambda: len(holding.kept) == 1)
        assert connection.pending_requests == 1, "the validator still owes the answer"
        holding.answer_all()
        await eventually(lambda: connection.pending_requests == 0)
        task = asyncio.create_task(connection.request(SettlementCertificate(0, b"cert"), PATIENCE_S))
        await eventually(lambda: len(holding.kept) == 1)
        holding.answer_all()
        assert isinstance(await task, CertAck)
        connection.close()


async def test_requests_beyond_the_pending_limit_wait_and_are_then_answered() -> None:
    holding = Holding()
    async with running(handler=EchoHandler(holding)) as there:
        connection = await there.connect()
        tasks = [asyncio.create_task(connection.request(vote_request(str(number).encode()), PATIENCE_S)) for number in range(300)]
        await eventually(lambda: len(holding.kept) == 256)
        with pytest.raises(PeerFault):
            connection.submit(vote_request())
        holding.answer_all()
        await eventually(lambda: len(holding.kept) == 44)
        holding.answer_all()
        assert [text_of(answer) for answer in await asyncio.gather(*tasks)] == [str(number) for number in range(300)]
        connection.close()


async def test_ping_is_answered_with_the_state_of_the_validator() -> None:
    async with running() as there:
        connection = await there.connect()
        pong = await connection.ping()
        assert (pong.log_length, pong.state_digest, pong.flags) == (7, DIGEST, PongFlag.SYNCING)
        connection.close()


async def test_events_reach_the_subscriber_in_order_on_a_bulk_connection() -> None:
    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, Subscribe):
            for number in range(200):
                session.send(Event(number, 0, 4, bytes(500)))
        return True

    events: list[int] = []
    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect(on_message=lambda message: events.append(message.event_number))
        connection.send(Subscribe(0, 0xFFFF, (), 0))
        await eventually(lambda: len(events) == 200)
        assert events == list(range(200))
        assert there.handler.opened[0].kind is ConnectionKind.BULK
        connection.close()


async def test_tier1_answers_flow_while_megabytes_are_synchronised() -> None:
    """Transfers live on a connection of their own; a vote beside them is not held up until they end."""
    answered_during_transfer = 0
    parts = 40

    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, SyncRequest):
            task = asyncio.get_running_loop().create_task(send_much(session, message.request_id))
            tasks.append(task)
            return True
        return False

    async def send_much(session: Session, request_id: int) -> None:
        for number in range(parts):
            session.send(Event(number, 0, 4, bytes(60_000)))
            await session.drain()
        session.send(SyncResponse(request_id, 0, 0, (), False))

    tasks: list[asyncio.Task[None]] = []
    async with running(handler=EchoHandler(behave)) as there:
        bulk, tier1 = await there.connect(on_message=lambda message: None), await there.connect()
        transfer = asyncio.create_task(bulk.request(SYNC, 60.0))
        while not transfer.done():
            await tier1.request(vote_request(b"meanwhile"), PATIENCE_S)
            answered_during_transfer += 1
        assert isinstance(await transfer, SyncResponse)
        assert answered_during_transfer >= 3
        bulk.close()
        tier1.close()


# --- Messages that nobody can keep up with ---------------------------------------------------------------------------------------------------------


class Ration(WorkBudget):
    """Time for so many messages, and then none."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.spent: list[float] = []

    @override
    def spend(self, source: str, seconds: float, *, now: float) -> None:
        self.spent.append(seconds)

    @override
    def delay(self, source: str, *, now: float) -> float:
        self.most -= 1
        return 0.0 if self.most > 0 else 0.01


def flood(count: int, size: int) -> Callable[[Session, Message], bool]:
    """So many events for whoever subscribes."""

    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, Subscribe):
            for number in range(count):
                session.send(Event(number, 0, 4, bytes(size)))
        return isinstance(message, Subscribe)

    return behave


async def test_events_beyond_their_share_wait_and_votes_on_another_connection_do_not() -> None:
    events: list[int] = []
    ration = Ration(20)
    async with running(handler=EchoHandler(flood(200, 500))) as there:
        tier1, bulk = await there.connect(), await there.connect(on_message=lambda message: events.append(message.event_number), work=ration)
        bulk.send(Subscribe(0, 0xFFFF, (), 0))
        await eventually(lambda: len(events) >= 20)
        for number in range(3):
            assert text_of(await tier1.request(vote_request(b"%d" % number), PATIENCE_S)) == str(number)
        assert len(events) < 100
        assert ration.spent
        ration.most = 1_000_000
        await eventually(lambda: len(events) == 200)
        assert events == list(range(200))
        for one in (tier1, bulk):
            one.close()


async def test_answers_that_were_asked_for_do_not_wait_for_a_share_that_is_used_up() -> None:
    nothing_left = WorkBudget(share=1e-9, burst_s=0.2)
    async with running(handler=EchoHandler(flood(10, 500))) as there:
        connection = await there.connect(on_message=lambda message: None, work=nothing_left)
        nothing_left.spend(connection.peer_name, 0.2, now=asyncio.get_running_loop().time())
        for _ in range(20):
            assert isinstance(await connection.request(SYNC, PATIENCE_S), SyncResponse)
        connection.close()


async def test_validator_that_floods_is_cut_off_before_it_fills_the_memory() -> None:
    events: list[int] = []
    count = 3 * MAX_DEFERRED_BYTES // 30_000
    async with running(handler=EchoHandler(flood(count, 30_000))) as there:
        connection = await there.connect(on_message=lambda message: events.append(message.event_number), work=Ration(1))
        connection.send(Subscribe(0, 0xFFFF, (), 0))
        await eventually(lambda: connection.fault is not None)
        assert connection.fault is not None
        assert len(events) < count
        await eventually(lambda: bool(there.handler.closed))
        assert there.handler.closed[0][1].startswith("RATE_LIMIT: more than")
        taken = len(events)
        await asyncio.sleep(0.03)
        assert len(events) == taken, "nothing of a connection that is over is taken"


# --- Endings ---------------------------------------------------------------------------------------------------------------------------------------


async def test_all_pending_requests_fail_at_once_when_the_server_closes() -> None:
    holding = Holding()
    ended: list[Connection] = []
    async with running(handler=EchoHandler(holding)) as there:
        connection = await there.connect(on_end=ended.append)
        tasks = [asyncio.create_task(connection.request(vote_request(), PATIENCE_S)) for _ in range(3)]
        ping = connection.ping()
        await eventually(lambda: len(holding.kept) == 3)
        await ping
        await there.server.close()
        for failed in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(failed, PeerFault)
            assert failed.code is ErrorCode.PEER_UNREACHABLE
            assert "validator stops" in failed.text
        assert ended == [connection]
        assert [reason for _, reason in there.handler.closed] == ["validator stops"]
        with pytest.raises(PeerFault):
            await connection.request(vote_request(), PATIENCE_S)
        with pytest.raises(PeerFault):
            await connection.ping()
        await connection.wait_closed()


async def test_closing_client_ends_its_session_and_frees_the_server() -> None:
    async with running() as there:
        connection = await there.connect()
        await connection.request(vote_request(), PATIENCE_S)
        connection.close("finished")
        await connection.wait_closed()
        await eventually(lambda: len(there.handler.closed) == 1)
        assert there.handler.closed[0] == (there.handler.opened[0], "finished")
        there.handler.opened[0].send(CertAck(1, NETWORK_ID, AckStatus.APPLIED, 0, 0, ()))
        await eventually(lambda: there.server.connections == 0)


async def test_handler_that_raises_closes_that_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, VoteRequest) and message.transition == b"boom":
            raise RuntimeError("a bug in the handler")
        return False

    async with running(handler=EchoHandler(behave)) as there:
        bystander = await there.connect()
        victim = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await victim.request(vote_request(b"boom"), PATIENCE_S)
        assert "INTERNAL" in caught.value.text
        assert "a bug in the handler" not in caught.value.text, "what went wrong inside is nobody else's business"
        assert "a bug in the handler" in caplog.text
        assert text_of(await bystander.request(vote_request(b"fine"), PATIENCE_S)) == "fine"
        assert len(there.handler.closed) == 1
        bystander.close()


@pytest.mark.parametrize("where", ["on_open", "on_close"])
async def test_callback_that_raises_harms_nobody_else(where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError(f"a bug in {where}")

    async with running() as there:
        with monkeypatch.context() as patch:
            patch.setattr(there.handler, where, explode)
            connection = await there.connect()
            if where == "on_open":
                with pytest.raises(PeerFault):
                    await connection.request(vote_request(), PATIENCE_S)
            else:
                await connection.request(vote_request(), PATIENCE_S)
                connection.close()
            await eventually(lambda: f"a bug in {where}" in caplog.text)
        await there.check_alive()


async def test_server_stops_although_a_callback_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("a bug in on_close")

    async with running() as there:
        connections = [await there.connect() for _ in range(3)]
        await asyncio.gather(*(connection.request(vote_request(), PATIENCE_S) for connection in connections))
        monkeypatch.setattr(there.handler, "on_close", explode)
        await there.server.close()
        assert caplog.text.count("internal error at the end of a connection") == 3
        await asyncio.gather(*(connection.wait_closed() for connection in connections))
        assert there.server.connections == 0


async def test_session_closed_by_the_handler_tells_code_and_text() -> None:
    def behave(session: Session, message: Message) -> bool:
        session.close(WireErrorCode.RATE_LIMIT, "too many subscriptions")
        return True

    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await connection.request(vote_request(), PATIENCE_S)
        assert caught.value.text == "validator 0: RATE_LIMIT: too many subscriptions"


async def test_answer_of_the_wrong_kind_is_the_validators_fault() -> None:
    def behave(session: Session, message: Message) -> bool:
        assert isinstance(message, VoteRequest)
        session.send(SyncResponse(message.request_id, 0, 0, (), False))
        return True

    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await connection.request(vote_request(), PATIENCE_S)
        assert caught.value.code is ErrorCode.PEER_FRAME
        assert "SyncResponse answers VoteRequest" in caught.value.text


async def test_answer_that_nobody_asked_for_is_the_validators_fault() -> None:
    def behave(session: Session, message: Message) -> bool:
        session.send(SyncResponse(999, 0, 0, (), False))
        return True

    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await connection.request(vote_request(), PATIENCE_S)
        assert caught.value.code is ErrorCode.PEER_FRAME


async def test_events_that_nobody_asked_for_are_the_validators_fault() -> None:
    """Those who dial a validator, above all the other validators, must not have to read whatever it likes to send."""

    def behave(session: Session, message: Message) -> bool:
        session.send(Event(1, 0, 4, bytes(8)))
        return True

    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect()
        with pytest.raises(PeerFault) as caught:
            await connection.request(vote_request(), PATIENCE_S)
        assert caught.value.code is ErrorCode.PEER_FRAME
        assert "Event that nobody has asked for" in caught.value.text


async def test_pong_that_answers_no_ping_is_the_validators_fault() -> None:
    async with running() as there:
        connection = await there.connect()
        await connection.ping()
        for nonce in (1, 2):
            there.handler.opened[0]._connection._send_control(Pong(nonce, 7, DIGEST, 0))
        await connection.wait_closed()
        assert connection.fault is not None
        assert connection.fault.code is ErrorCode.PEER_FRAME
        assert "PONG answers no PING" in connection.fault.text


async def test_late_pongs_to_pings_that_were_given_up_are_no_fault() -> None:
    async with running() as there:
        connection = await there.connect()
        pings = [connection.ping() for _ in range(40)]
        await pings[-1]
        assert pings[0].cancelled()
        assert text_of(await connection.request(vote_request(b"still there"), PATIENCE_S)) == "still there"
        connection.close()


async def test_limits_count_for_a_validator_and_not_for_the_address_it_shares() -> None:
    """Wallets on one machine with a validator must not use up what it may ask for in its catch-up."""
    async with running() as there:
        wallet = await there.connect()
        validator = await there.connect(LocalIdentity(Role.VALIDATOR, VALIDATOR_KEYS[1]))
        for connection in (wallet, validator):
            await connection.request(vote_request(), PATIENCE_S)
        sources = {session.role: session.source for session in there.handler.opened}
        assert sources == {Role.WALLET: "127.0.0.1", Role.VALIDATOR: f"validator {VALIDATOR_KEYS[1].public_key.hex()}"}
        for connection in (wallet, validator):
            connection.close()


async def test_listener_that_raises_on_an_event_ends_the_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def behave(session: Session, message: Message) -> bool:
        if isinstance(message, Subscribe):
            session.send(Event(1, 0, 4, b""))
        return isinstance(message, Subscribe)

    def explode(message: object) -> None:
        raise RuntimeError("a bug in the listener")

    async with running(handler=EchoHandler(behave)) as there:
        connection = await there.connect(on_message=explode)
        connection.send(Subscribe(0, 1, (), 0))
        await connection.wait_closed()
        assert "a bug in the listener" in caplog.text
        await there.check_alive()


# --- Limits ----------------------------------------------------------------------------------------------------------------------------------------


async def test_connections_of_one_address_are_capped_and_room_is_made_when_one_ends() -> None:
    limits = ServerLimits(admission=AdmissionLimits(connections_per_source=2))
    async with running(limits=limits) as there:
        one, _other = await there.connect(), await there.connect()
        with pytest.raises(PeerFault) as caught:
            await there.connect(connect_timeout_s=0.1)
        assert caught.value.code is ErrorCode.PEER_UNREACHABLE
        one.close()
        await eventually(lambda: there.server.connections == 1)
        assert text_of(await (await there.connect()).request(vote_request(b"room"), PATIENCE_S)) == "room"


async def test_new_connections_of_one_address_are_limited_in_rate() -> None:
    limits = ServerLimits(admission=AdmissionLimits(rate_per_s=0.0, burst=2))
    async with running(limits=limits) as there:
        one, other = await there.connect(), await there.connect()
        with pytest.raises(PeerFault):
            await there.connect(connect_timeout_s=0.1)
        assert text_of(await one.request(vote_request(b"served"), PATIENCE_S)) == "served"
        other.close()


async def test_peer_that_does_not_read_is_cut_off_before_it_fills_the_memory() -> None:
    def behave(session: Session, message: Message) -> bool:
        while not session.is_closing:
            session.send(Event(1, 0, 4, bytes(60_000)))
            high_water.append(session.queued_bytes)
        return True

    high_water: list[int] = []
    async with running(handler=EchoHandler(behave), limits=ServerLimits(queued_bytes=1_000_000)) as there:
        connection = await there.connect()
        connection.send(Subscribe(0, 1, (), 0))
        await connection.wait_closed()
        assert connection.fault is not None
        assert "RATE_LIMIT" in connection.fault.text
        assert max(high_water) <= 1_000_000
        assert len(there.handler.closed) == 1
