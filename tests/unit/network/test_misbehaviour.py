"""What a hostile or broken client can send: the connection ends with a stated reason, and everybody else is served as before.

Each case runs with a bystander on a connection of its own, whose requests must be answered before and after.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aioquic.quic.packet import QuicErrorCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import WireErrorCode
from mesh_core.network.quic import CONTROL_STREAM, MESSAGE_STREAM, SERVER_REASSEMBLY_BYTES, _reassembly_bytes
from mesh_core.network.server import ServerLimits, Session
from mesh_core.types.basic import ZERO_HASH
from mesh_core.types.messages import (
    ErrorMessage,
    Hello,
    Message,
    Ping,
    Pong,
    Role,
    Subscribe,
    SyncFromLog,
    SyncRequest,
    VoteRequest,
    encode_message,
)
from tests.unit.network.peers import (
    NETWORK_ID,
    OTHER_NETWORK_ID,
    PATIENCE_S,
    VALIDATOR_KEYS,
    EchoHandler,
    RawPeer,
    Running,
    eventually,
    raw_peer,
    running,
    text_of,
    vote_request,
)

HELLO = Hello(1, 1, NETWORK_ID, b"\x01" * 32)
HELLO_BYTES = encode_message(HELLO)[1]
SYNC = SyncRequest(1, SyncFromLog(0, ZERO_HASH), 1, 1)


@asynccontextmanager
async def served_bystander(handler: EchoHandler | None = None, limits: ServerLimits | None = None) -> AsyncIterator[Running]:
    """A server and a client that behaves; both must be well at the end."""
    async with running(handler=handler, limits=limits) as there:
        bystander = await there.connect()
        await bystander.request(vote_request(b"before"), PATIENCE_S)
        yield there
        assert text_of(await bystander.request(vote_request(b"after"), PATIENCE_S)) == "after"
        bystander.close()


# --- Before the handshake --------------------------------------------------------------------------------------------------------------------------

CONTROL_BEFORE: list[tuple[str, bytes, WireErrorCode]] = [
    ("length zero", bytes(4), WireErrorCode.BAD_FRAME),
    ("length one over the limit", (1025).to_bytes(4, "big") + b"\x00", WireErrorCode.TOO_LARGE),
    ("length of four gibibytes", b"\xff" * 4, WireErrorCode.TOO_LARGE),
    ("an HTTP request", b"GET / HTTP/1.1\r\nHost: validator\r\n\r\n", WireErrorCode.TOO_LARGE),
    ("unknown type", bytes([0, 0, 0, 1, 0x7F]), WireErrorCode.HANDSHAKE_REQUIRED),
    ("PING", bytes([0, 0, 0, 9, 2]) + bytes(8), WireErrorCode.HANDSHAKE_REQUIRED),
    ("VOTE_REQUEST", bytes([0, 0, 0, 14, 0x10]) + bytes(13), WireErrorCode.HANDSHAKE_REQUIRED),
    ("HELLO without its last byte", bytes([0, 0, 0, 66, 0]) + HELLO_BYTES[:-1], WireErrorCode.BAD_FRAME),
    ("HELLO with a byte too many", bytes([0, 0, 0, 68, 0]) + HELLO_BYTES + b"\x00", WireErrorCode.BAD_FRAME),
    ("HELLO twice", (bytes([0, 0, 0, 67, 0]) + HELLO_BYTES) * 2, WireErrorCode.BAD_FRAME),
    ("HANDSHAKE of zeros", bytes([0, 0, 0, 244, 1]) + bytes(243), WireErrorCode.ROLE),
    ("HANDSHAKE before HELLO", bytes([0, 0, 0, 244, 1, 1, 1]) + bytes(241), WireErrorCode.BAD_FRAME),
    ("HANDSHAKE with reserved byte set", bytes([0, 0, 0, 244, 1, 1, 1, 1]) + bytes(240), WireErrorCode.BAD_FRAME),
]


@pytest.mark.parametrize(("data", "code"), [case[1:] for case in CONTROL_BEFORE], ids=[case[0] for case in CONTROL_BEFORE])
async def test_garbage_before_the_handshake_closes_with_a_reason(data: bytes, code: WireErrorCode) -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_bytes(CONTROL_STREAM, data)
        refused, text = await peer.refused()
        assert refused is code
        assert text
        assert len(there.handler.opened) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version_min": 2, "version_max": 9}, WireErrorCode.VERSION),
        ({"network_id": OTHER_NETWORK_ID}, WireErrorCode.NETWORK),
        ({"nonce": bytes(32)}, WireErrorCode.IDENTITY),
    ],
)
async def test_hello_with_a_wrong_field_is_answered_with_its_code(change: dict[str, object], code: WireErrorCode) -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_message(CONTROL_STREAM, replace(HELLO, **change))  # type: ignore[arg-type]
        assert (await peer.refused())[0] is code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 3}, WireErrorCode.VERSION),
        ({"network_id": OTHER_NETWORK_ID}, WireErrorCode.NETWORK),
        ({"epoch": 1}, WireErrorCode.NETWORK),
        ({"peer_nonce": b"\x05" * 32}, WireErrorCode.IDENTITY),
        ({"tls_fingerprint": ZERO_HASH}, WireErrorCode.IDENTITY),
        ({"identity": VALIDATOR_KEYS[0].public_key}, WireErrorCode.IDENTITY),
        ({"role": Role.VALIDATOR}, WireErrorCode.ROLE),
        ({}, None),
    ],
)
async def test_handshake_with_a_wrong_field_is_answered_with_its_code(change: dict[str, object], code: WireErrorCode | None) -> None:
    key = SigningKey(os.urandom(32))
    async with served_bystander() as there, raw_peer(there.address) as peer:
        initiator = peer.initiator(there.address, key=key)
        peer.send_message(CONTROL_STREAM, initiator.hello())
        final = replace(initiator.receive_handshake(await peer.next_handshake()), **change)  # type: ignore[arg-type]
        final = replace(final, signature=key.sign(domains.SIG_HANDSHAKE_INITIATOR, encode_message(final)[1][:-64]))
        peer.send_message(CONTROL_STREAM, final)
        if code is None:
            await eventually(lambda: len(there.handler.opened) == 2)
        else:
            assert (await peer.refused())[0] is code
            assert len(there.handler.opened) == 1


async def test_responders_own_handshake_sent_back_is_refused() -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_message(CONTROL_STREAM, HELLO)
        theirs = await peer.next_handshake()
        peer.send_message(CONTROL_STREAM, replace(theirs, own_nonce=theirs.peer_nonce, peer_nonce=theirs.own_nonce))
        assert (await peer.refused())[0] is WireErrorCode.IDENTITY


async def test_request_before_hello_is_refused() -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_message(MESSAGE_STREAM, vote_request(b"too early"))
        assert await peer.refused() == (WireErrorCode.HANDSHAKE_REQUIRED, "a request before the handshake")
        assert len(there.handler.received) == 1


async def test_requests_that_overtake_the_handshake_wait_for_it_and_are_then_handled() -> None:
    """QUIC streams have no order among them: an honest client's first request may arrive before the HANDSHAKE that it was sent behind."""
    async with served_bystander() as there, raw_peer(there.address) as peer:
        initiator = peer.initiator(there.address, key=SigningKey(os.urandom(32)))
        peer.send_message(CONTROL_STREAM, initiator.hello())
        final = initiator.receive_handshake(await peer.next_handshake())
        peer.send_message(MESSAGE_STREAM, VoteRequest(5, (), b"first"))
        peer.send_message(MESSAGE_STREAM, VoteRequest(6, (), b"second"))
        await eventually(lambda: there.server.connections == 2)
        await asyncio.sleep(0.05)
        assert len(there.handler.received) == 1, "nothing is handled before the peer is known"
        peer.send_message(CONTROL_STREAM, final)
        await peer.until(lambda: len(peer.messages(MESSAGE_STREAM)) == 2)
        assert [text_of(message) for message in peer.messages(MESSAGE_STREAM)] == ["first", "second"]


async def test_requests_that_wait_for_a_handshake_are_limited() -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_message(CONTROL_STREAM, HELLO)
        await peer.next_handshake()
        for _ in range(30):
            peer.send_message(MESSAGE_STREAM, vote_request(bytes(10_000)))
        assert await peer.refused() == (WireErrorCode.HANDSHAKE_REQUIRED, "too many requests before the handshake")
        assert len(there.handler.received) == 1


@pytest.mark.parametrize("stage", ["nothing", "hello", "half a hello"])
async def test_handshake_that_is_not_finished_in_time_ends(stage: str) -> None:
    async with served_bystander(limits=ServerLimits(handshake_deadline_s=0.5)) as there, raw_peer(there.address) as peer:
        if stage == "hello":
            peer.send_message(CONTROL_STREAM, HELLO)
        elif stage == "half a hello":
            peer.send_bytes(CONTROL_STREAM, bytes([0, 0, 0, 67, 0]) + HELLO_BYTES[:30])
        await peer.until(lambda: peer.reason is not None)
        assert peer.reason is not None
        assert peer.reason.wire_code is WireErrorCode.HANDSHAKE_REQUIRED
        assert "0.5 s" in peer.reason.text
        await eventually(lambda: there.server.connections == 1)
        assert there.server.admission.half_open == 0


async def test_error_from_the_peer_ends_the_connection_without_an_answer() -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        peer.send_message(CONTROL_STREAM, ErrorMessage(WireErrorCode.NETWORK, "you are not\x1b[31m mine\n"))
        await peer.until(lambda: peer.reason is not None)
        assert peer.messages() == []
        assert peer.reason is not None
        assert peer.reason.text == "peer reported NETWORK"


# --- After it --------------------------------------------------------------------------------------------------------------------------------------

AFTER: list[tuple[str, int, bytes, WireErrorCode]] = [
    ("control: length zero", CONTROL_STREAM, bytes(4), WireErrorCode.BAD_FRAME),
    ("control: over its limit", CONTROL_STREAM, (2000).to_bytes(4, "big"), WireErrorCode.TOO_LARGE),
    ("control: unknown type", CONTROL_STREAM, bytes([0, 0, 0, 1, 0x66]), WireErrorCode.UNKNOWN_TYPE),
    ("control: HELLO", CONTROL_STREAM, bytes([0, 0, 0, 67, 0]) + HELLO_BYTES, WireErrorCode.BAD_FRAME),
    ("control: PONG", CONTROL_STREAM, bytes([0, 0, 0, 50, 3]) + bytes(49), WireErrorCode.BAD_FRAME),
    ("control: VOTE_REQUEST", CONTROL_STREAM, bytes([0, 0, 0, 14, 0x10]) + bytes(13), WireErrorCode.BAD_FRAME),
    ("messages: length zero", MESSAGE_STREAM, bytes(4), WireErrorCode.BAD_FRAME),
    ("messages: one over the limit", MESSAGE_STREAM, (256 * 1024 + 1).to_bytes(4, "big"), WireErrorCode.TOO_LARGE),
    ("messages: four gibibytes", MESSAGE_STREAM, b"\xff\xff\xff\xff\x10", WireErrorCode.TOO_LARGE),
    ("messages: unknown type", MESSAGE_STREAM, bytes([0, 0, 0, 1, 0x66]), WireErrorCode.UNKNOWN_TYPE),
    ("messages: truncated VOTE_REQUEST", MESSAGE_STREAM, bytes([0, 0, 0, 5, 0x10]) + bytes(4), WireErrorCode.BAD_FRAME),
    ("messages: VOTE_REQUEST with a byte too many", MESSAGE_STREAM, bytes([0, 0, 0, 15, 0x10]) + bytes(14), WireErrorCode.BAD_FRAME),
    ("messages: 255 certificates announced", MESSAGE_STREAM, bytes([0, 0, 0, 14, 0x10]) + bytes(8) + b"\xff" + bytes(4), WireErrorCode.BAD_FRAME),
    ("messages: certificate of four gibibytes", MESSAGE_STREAM, bytes([0, 0, 0, 14, 0x10]) + bytes(8) + b"\x01" + b"\xff" * 4, WireErrorCode.BAD_FRAME),
    ("messages: PING", MESSAGE_STREAM, bytes([0, 0, 0, 9, 2]) + bytes(8), WireErrorCode.BAD_FRAME),
    ("messages: CERT_ACK", MESSAGE_STREAM, bytes([0, 0, 0, 59, 0x14]) + bytes(58), WireErrorCode.BAD_FRAME),
    ("messages: garbage", MESSAGE_STREAM, bytes(range(200, 256)) * 10, WireErrorCode.TOO_LARGE),
]


@pytest.mark.parametrize(("stream", "data", "code"), [case[1:] for case in AFTER], ids=[case[0] for case in AFTER])
async def test_malformed_input_after_the_handshake_closes_with_a_reason(stream: int, data: bytes, code: WireErrorCode) -> None:
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        peer.send_bytes(stream, data)
        refused, text = await peer.refused()
        assert refused is code
        assert text
        await eventually(lambda: len(there.handler.closed) == 1)
        assert len(there.handler.received) == 1


async def test_requests_before_a_violation_in_the_same_packet_are_answered() -> None:
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        type_byte, payload = encode_message(VoteRequest(1, (), b"good"))
        peer.send_bytes(MESSAGE_STREAM, (len(payload) + 1).to_bytes(4, "big") + bytes([type_byte]) + payload + bytes(4))
        await peer.refused()
        assert [text_of(message) for message in peer.messages(MESSAGE_STREAM)] == ["good"]


@pytest.mark.parametrize(("first", "then"), [(vote_request(), SYNC), (SYNC, vote_request()), (Subscribe(1, 1, (), 0), vote_request())])
async def test_tier1_and_bulk_do_not_share_a_connection(first: Message, then: Message) -> None:
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        peer.send_message(MESSAGE_STREAM, first)
        peer.send_message(MESSAGE_STREAM, then)
        refused, text = await peer.refused()
        assert refused is WireErrorCode.BAD_FRAME
        assert type(then).__name__ in text


def keep(session: Session, message: Message) -> bool:
    """A validator that has not come round to answering the busy client."""
    return isinstance(message, VoteRequest) and message.transition.startswith(b"busy")


async def test_request_id_in_use_is_refused() -> None:
    async with served_bystander(EchoHandler(keep)) as there, raw_peer(there.address, handshake=True) as peer:
        peer.send_message(MESSAGE_STREAM, VoteRequest(9, (), b"busy"))
        peer.send_message(MESSAGE_STREAM, VoteRequest(9, (), b"busy"))
        assert (await peer.refused())[0] is WireErrorCode.BAD_FRAME


async def test_request_id_may_be_used_again_after_its_answer() -> None:
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        for number in (1, 2):
            peer.send_message(MESSAGE_STREAM, VoteRequest(9, (), b"again"))
            await peer.until(lambda number=number: len(peer.messages(MESSAGE_STREAM)) == number)  # type: ignore[misc]


async def test_unanswered_requests_of_a_connection_are_limited_in_number() -> None:
    async with served_bystander(EchoHandler(keep)) as there, raw_peer(there.address, handshake=True) as peer:
        for number in range(257):
            peer.send_message(MESSAGE_STREAM, VoteRequest(number, (), b"busy"))
        assert (await peer.refused())[0] is WireErrorCode.RATE_LIMIT
        assert sum(keep(there.handler.opened[0], message) for message in there.handler.received) == 256


async def test_unanswered_requests_of_a_connection_are_limited_in_bytes() -> None:
    limits = ServerLimits(pending_bytes=500_000)
    async with served_bystander(EchoHandler(keep), limits) as there, raw_peer(there.address, handshake=True) as peer:
        for number in range(3):
            peer.send_message(MESSAGE_STREAM, VoteRequest(number, (), b"busy" + bytes(200_000)))
        assert (await peer.refused())[0] is WireErrorCode.RATE_LIMIT
        assert sum(keep(there.handler.opened[0], message) for message in there.handler.received) == 2


async def test_pings_are_answered_up_to_a_number_and_a_flood_of_them_is_cut_off() -> None:
    """They are answered before everything else, so nothing else would end it."""
    limits = ServerLimits(pings_burst=100, pings_per_s=0.001)
    async with served_bystander(limits=limits) as there, raw_peer(there.address, handshake=True) as peer:
        for number in range(100):
            peer.send_message(CONTROL_STREAM, Ping(number))
        await peer.until(lambda: len(peer.messages()) == 101)
        assert [message.nonce for message in peer.messages() if isinstance(message, Pong)] == list(range(100))
        assert peer.reason is None
        peer.send_message(CONTROL_STREAM, Ping(100))
        code, text = await peer.refused()
        assert code is WireErrorCode.RATE_LIMIT
        assert "PING" in text


async def test_pings_in_the_rhythm_of_a_link_are_answered_for_ever() -> None:
    limits = ServerLimits(pings_burst=2, pings_per_s=200.0)
    async with served_bystander(limits=limits) as there:
        connection = await there.connect()
        for _ in range(20):
            await connection.ping()
            await asyncio.sleep(0.01)
        connection.close()


async def test_pings_whose_answers_are_never_acknowledged_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ServerLimits(pings_burst=10_000)
    async with served_bystander(limits=limits) as there, raw_peer(there.address, handshake=True) as peer:
        await eventually(lambda: len(there.handler.opened) == 2)
        await asyncio.sleep(0.05)
        monkeypatch.setattr(peer.transport, "datagram_received", lambda data, address: None)
        peer.transport._quic._loss._cc.congestion_window = 1_000_000  # it does not care for congestion either
        for number in range(6000):
            peer.send_message(CONTROL_STREAM, Ping(number))
        await eventually(lambda: len(there.handler.closed) == 1)
        assert there.handler.closed[0][1].startswith("RATE_LIMIT")


# --- QUIC itself -----------------------------------------------------------------------------------------------------------------------------------


def open_third_stream(peer: RawPeer) -> None:
    peer.send_bytes(MESSAGE_STREAM, b"\x00")
    peer.send_bytes(8, b"\x00")


def open_third_stream_behind_a_gap(peer: RawPeer) -> None:
    """Its first byte never comes, so aioquic tells of no data: only the table of streams shows it."""
    peer.send_bytes(MESSAGE_STREAM, b"\x00")
    peer.transport._quic.send_stream_data(8, b"")
    sender = peer.transport._quic._streams[8].sender
    sender._buffer_start = sender._buffer_stop = 5
    sender.write(b"x")
    peer.transport.transmit()


def finish_control(peer: RawPeer) -> None:
    peer.transport._quic.send_stream_data(CONTROL_STREAM, b"", end_stream=True)
    peer.transport.transmit()


def reset_messages(peer: RawPeer) -> None:
    peer.send_bytes(MESSAGE_STREAM, b"\x00")
    peer.transport._quic.reset_stream(MESSAGE_STREAM, 0)
    peer.transport.transmit()


def stop_messages(peer: RawPeer) -> None:
    peer.send_bytes(MESSAGE_STREAM, b"\x00")
    peer.transport._quic.stop_stream(MESSAGE_STREAM, 0)
    peer.transport.transmit()


@pytest.mark.parametrize("misuse", [open_third_stream, open_third_stream_behind_a_gap, finish_control, reset_messages, stop_messages])
async def test_misuse_of_streams_closes_with_a_reason(misuse: Callable[[RawPeer], None]) -> None:
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        await eventually(lambda: len(there.handler.opened) == 2)
        misuse(peer)
        await peer.until(lambda: peer.reason is not None)
        assert peer.reason is not None
        assert peer.reason.wire_code is WireErrorCode.BAD_FRAME


async def test_unidirectional_streams_are_not_offered() -> None:
    async with served_bystander() as there, raw_peer(there.address) as peer:
        assert peer.transport._quic._remote_max_streams_uni == 0
        peer.transport._quic._remote_max_streams_uni = 1  # a client that does not keep to the limit
        peer.transport._quic.send_stream_data(2, b"x")
        peer.transport.transmit()
        await peer.until(lambda: peer.reason is not None)
        assert peer.reason is not None
        assert f"0x{int(QuicErrorCode.STREAM_LIMIT_ERROR):x}" in peer.reason.text


async def test_bytes_far_ahead_of_a_gap_do_not_fill_the_memory() -> None:
    """One byte at a far offset makes aioquic fill the gap with zeros and double its window, so a few packets would ask for gigabytes."""
    async with served_bystander() as there, raw_peer(there.address, handshake=True) as peer:
        await eventually(lambda: len(there.handler.opened) == 2)
        [connection] = [one for one in there.server._connections if one.peer_name == there.handler.opened[1].peer_name]
        held: list[int] = []
        sender = peer.transport._quic
        peer.send_bytes(MESSAGE_STREAM, b"")
        stream = sender._streams[MESSAGE_STREAM]
        for _ in range(20):
            if peer.reason is not None:
                break
            offset = min(stream.max_stream_data_remote, sender._remote_max_data) - 2000
            stream.sender._buffer_start = stream.sender._buffer_stop = offset
            stream.sender._pending.add(offset, offset + 1)
            stream.sender._buffer = bytearray(1)
            stream.sender._buffer_stop += 1
            stream.sender.buffer_is_empty = False
            allowed_before = min(stream.max_stream_data_remote, sender._remote_max_data)
            peer.transport.transmit()
            await eventually(lambda before=allowed_before: min(stream.max_stream_data_remote, sender._remote_max_data) > before or peer.reason is not None)  # type: ignore[misc]
            held.append(_reassembly_bytes(connection._transport._quic))
        assert peer.reason is not None
        assert peer.reason.wire_code is WireErrorCode.TOO_LARGE
        assert max(held) <= 2 * SERVER_REASSEMBLY_BYTES


async def test_datagrams_that_are_no_quic_are_ignored() -> None:
    async with served_bystander() as there:
        loop = asyncio.get_running_loop()
        stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", there.server.port))
        try:
            for size in (0, 1, 20, 1199, 1200, 1500, 8000):
                stranger.sendto(os.urandom(size))
                stranger.sendto(b"\xc0\x00\x00\x00\x01" + bytes(size))
        finally:
            stranger.close()
        await there.check_alive()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datagrams=st.lists(st.binary(min_size=1, max_size=64), min_size=1, max_size=5), pad=st.booleans(), long_header=st.booleans())
def test_any_datagrams_leave_the_server_alive(datagrams: list[bytes], pad: bool, long_header: bool) -> None:
    """Also with the header of a valid version, padded so that aioquic takes them for the start of a connection."""

    async def play() -> None:
        async with running() as there:
            loop = asyncio.get_running_loop()
            stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", there.server.port))
            for datagram in datagrams:
                head = b"\xc3\x00\x00\x00\x01" if long_header else b""
                stranger.sendto((head + datagram).ljust(1200 if pad else 0, b"\x00"))
            await there.check_alive()
            stranger.close()

    asyncio.run(play())


async def test_flood_of_first_packets_is_limited_and_forgotten() -> None:
    """Packets that look like the start of a connection and lead nowhere: at most `half_open` of them are remembered, and none for long."""
    limits = ServerLimits(handshake_deadline_s=1.0)
    async with served_bystander(limits=limits) as there:
        loop = asyncio.get_running_loop()
        stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", there.server.port))
        peak = 0
        for _ in range(400):
            destination = os.urandom(8)
            stranger.sendto((b"\xc3\x00\x00\x00\x01\x08" + destination + b"\x08" + os.urandom(8) + b"\x00\x44\x00" + bytes(1200))[:1200])
            await asyncio.sleep(0)
            peak = max(peak, there.server.connections)
        assert 1 < peak <= 64
        await eventually(lambda: there.server.connections == 1)
        stranger.close()


async def test_text_of_errors_is_limited_and_printable() -> None:
    def behave(session: Session, message: Message) -> bool:
        session.close(WireErrorCode.INTERNAL, "x" * 10_000 + "\x1b[2J")
        return True

    async with running(handler=EchoHandler(behave)) as there, raw_peer(there.address, handshake=True) as peer:
        peer.send_message(MESSAGE_STREAM, vote_request())
        await peer.until(lambda: peer.reason is not None)
        [error] = [message for message in peer.messages() if isinstance(message, ErrorMessage)]
        assert error.text == "x" * 200
