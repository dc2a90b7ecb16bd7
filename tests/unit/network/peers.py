"""Servers that answer in known ways, and a client that may send anything: what the network tests are played with."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.network.client import Connection, LocalIdentity, PeerAddress, connect
from mesh_core.network.framing import FrameDecoder, FrameFault
from mesh_core.network.quic import CONTROL_STREAM, MESSAGE_STREAM, CloseReason, QuicTransport, dial
from mesh_core.network.server import HandshakeSettings, Server, ServerLimits, Session
from mesh_core.network.tls import TlsIdentity, client_configuration, generate_tls_identity
from mesh_core.protocol.handshake import Initiator
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey
from mesh_core.types.messages import (
    AckStatus,
    CertAck,
    ErrorMessage,
    Handshake,
    Message,
    NoDetail,
    PongFlag,
    QueryAccount,
    Role,
    SettlementCertificate,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    decode_message,
    encode_message,
)

NETWORK_ID = Hash32(b"\x4d" * 32)
OTHER_NETWORK_ID = Hash32(b"\x4e" * 32)
DIGEST = Hash32(b"\xd1" * 32)
VALIDATOR_KEYS = tuple(SigningKey(bytes([index]) * 32) for index in range(1, 5))
COMMITTEE = frozenset(key.public_key for key in VALIDATOR_KEYS)
WALLET = LocalIdentity(Role.WALLET)
PATIENCE_S = 60.0
"""No test waits so long; a condition that has not come true by then never will."""


@cache
def tls_identity(index: int) -> TlsIdentity:
    """One certificate for each number, made once."""
    return generate_tls_identity()


def vote_request(transition: bytes = b"\x00" * 1200) -> VoteRequest:
    return VoteRequest(0, (), transition)


def text_of(answer: object) -> str:
    """What the echoing handler was asked."""
    assert isinstance(answer, VoteReject)
    return answer.text


async def eventually(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Return as soon as `condition` holds; for states that no event announces."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - states of three libraries and of the kernel, which set no event
            await asyncio.sleep(0.002)


@dataclass
class EchoHandler:
    """Answers VOTE_REQUEST with a refusal whose text repeats the first bytes of the transition, unless `behaviour` takes the message."""

    behaviour: Callable[[Session, Message], bool] = lambda session, message: False
    opened: list[Session] = field(default_factory=list)
    closed: list[tuple[Session, str]] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)

    def on_open(self, session: Session) -> None:
        self.opened.append(session)

    def handle(self, session: Session, message: Message) -> None:
        self.received.append(message)
        if self.behaviour(session, message):
            return
        match message:
            case VoteRequest():
                text = message.transition[:100].rstrip(b"\x00").decode("ascii", "replace")
                session.send(VoteReject(message.request_id, ErrorCode.BUSY, ZERO_HASH, 0, NoDetail(), text))
            case SettlementCertificate():
                session.send(CertAck(message.request_id, ZERO_HASH, AckStatus.APPLIED, 1, 0, ()))
            case QueryAccount():
                raise NotImplementedError("no test asks for an account without a behaviour")
            case SyncRequest():
                session.send(SyncResponse(message.request_id, 0, 0, (), False))
            case _:
                pass

    def on_close(self, session: Session, reason: str) -> None:
        self.closed.append((session, reason))


@dataclass
class Running:
    """A server that listens, and how to reach it."""

    server: Server
    handler: EchoHandler
    address: PeerAddress

    async def connect(self, local: LocalIdentity = WALLET, **options: object) -> Connection:
        return await connect(self.address, local, NETWORK_ID, **options)  # type: ignore[arg-type]

    async def check_alive(self) -> None:
        """A newcomer is served: what happened to others did not harm the server."""
        connection = await self.connect()
        assert text_of(await connection.request(vote_request(b"still there?"), PATIENCE_S)) == "still there?"
        connection.close()


@asynccontextmanager
async def running(
    *,
    index: int = 0,
    port: int = 0,
    handler: EchoHandler | None = None,
    limits: ServerLimits | None = None,
    retry: bool | None = None,
    network_id: Hash32 = NETWORK_ID,
    tls: TlsIdentity | None = None,
) -> AsyncIterator[Running]:
    handler = EchoHandler() if handler is None else handler
    tls = tls_identity(index) if tls is None else tls
    server = Server(
        host="127.0.0.1",
        port=port,
        tls=tls,
        settings=HandshakeSettings(VALIDATOR_KEYS[index], network_id, COMMITTEE),
        handler=handler,
        pong_source=lambda: (7, DIGEST, PongFlag.SYNCING),
        limits=limits,
        retry=retry,
    )
    await server.start()
    try:
        yield Running(server, handler, address_of(server.port, index, tls))
    finally:
        await server.close()
        await asyncio.sleep(0)


def address_of(port: int, index: int = 0, tls: TlsIdentity | None = None) -> PeerAddress:
    tls = tls_identity(index) if tls is None else tls
    return PeerAddress("127.0.0.1", port, VALIDATOR_KEYS[index].public_key, tls.certificate_der, f"validator {index}")


class RawPeer:
    """A client of our QUIC transport that sends whatever a test wants, and remembers what it was told."""

    def __init__(self, transport: QuicTransport) -> None:
        self.transport = transport
        self.received: dict[int, bytearray] = {CONTROL_STREAM: bytearray(), MESSAGE_STREAM: bytearray()}
        self.reason: CloseReason | None = None
        self._changed = asyncio.Event()
        self._is_secured = False

    # --- From the transport

    def on_secured(self) -> None:
        self._is_secured = True
        self._changed.set()

    def on_data(self, stream_id: int, data: bytes) -> None:
        self.received[stream_id] += data
        self._changed.set()

    def on_violation(self, fault: FrameFault) -> None:
        """What our own transport thinks of the test's misuse of it is of no interest."""

    def on_progress(self) -> None:
        pass

    def on_worked(self, seconds: float) -> None:
        pass

    def on_refused(self) -> None:
        pass

    def on_closing(self, reason: CloseReason) -> None:
        self.reason = reason
        self._changed.set()

    def on_terminated(self) -> None:
        pass

    # --- For tests

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def secured(self) -> None:
        await self.until(lambda: self._is_secured or self.reason is not None)
        self.send_bytes(CONTROL_STREAM, b"")

    def send_bytes(self, stream_id: int, data: bytes) -> None:
        self.transport.send(stream_id, data)

    def send_frame(self, stream_id: int, type_byte: int, payload: bytes, *, length: int | None = None) -> None:
        announced = 1 + len(payload) if length is None else length
        self.send_bytes(stream_id, announced.to_bytes(4, "big") + bytes([type_byte]) + payload)

    def send_message(self, stream_id: int, message: Message) -> None:
        self.send_frame(stream_id, *encode_message(message))

    def messages(self, stream_id: int = CONTROL_STREAM) -> list[Message]:
        decoder = FrameDecoder(1 << 20)
        decoder.feed(bytes(self.received[stream_id]))
        found: list[Message] = []
        while (frame := decoder.next_frame()) is not None:
            found.append(decode_message(frame.type_byte, frame.payload))
        return found

    async def next_handshake(self) -> Handshake:
        await self.until(lambda: bool(self.messages()) or self.reason is not None)
        message = self.messages()[0]
        assert isinstance(message, Handshake), message
        return message

    async def refused(self) -> tuple[WireErrorCode, str]:
        """Wait for the end; the code and the text of the ERROR message, which must agree with those of the close."""
        await self.until(lambda: self.reason is not None)
        errors = [message for message in self.messages() if isinstance(message, ErrorMessage)]
        assert self.reason is not None
        assert len(errors) == 1, (self.reason, errors)
        assert self.reason.wire_code is errors[0].code
        assert self.reason.text == f"{errors[0].code.name}: {errors[0].text}"
        return errors[0].code, errors[0].text

    def initiator(
        self, address: PeerAddress, *, key: SigningKey, role: Role = Role.WALLET, network_id: Hash32 = NETWORK_ID, fingerprint: Hash32 | None = None
    ) -> Initiator:
        return Initiator(
            key=key,
            role=role,
            network_id=network_id,
            responder=PublicKey(address.identity_pk),
            tls_fingerprint=Hash32(TlsIdentity(address.tls_certificate_der, b"").fingerprint) if fingerprint is None else fingerprint,
            entropy=os.urandom,
        )

    async def shake_hands(self, address: PeerAddress) -> None:
        """An honest handshake, after which the test may misbehave."""
        initiator = self.initiator(address, key=SigningKey(os.urandom(32)))
        self.send_message(CONTROL_STREAM, initiator.hello())
        self.send_message(CONTROL_STREAM, initiator.receive_handshake(await self.next_handshake()))


@asynccontextmanager
async def raw_peer(address: PeerAddress, *, handshake: bool = False) -> AsyncIterator[RawPeer]:
    made: list[RawPeer] = []

    def make(transport: QuicTransport) -> RawPeer:
        made.append(RawPeer(transport))
        return made[0]

    transport = await dial((address.host, address.port), socket.AF_INET, client_configuration(address.tls_certificate_der), make)
    try:
        await made[0].secured()
        if handshake:
            await made[0].shake_hands(address)
        yield made[0]
    finally:
        transport.abort("test over")
        await asyncio.sleep(0)
