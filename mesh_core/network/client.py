"""One connection to one validator: TLS pinned to its certificate, the handshake, then requests matched with their answers by request id.

When a connection ends, for whatever reason, every request that waits on it fails at once with PeerFault (aioquic itself would leave them waiting for ever).
`link.ValidatorLink` keeps a connection alive and hides its replacements.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from typing_extensions import override

from mesh_core.crypto.signatures import SEED_BYTES, SigningKey
from mesh_core.errors import ErrorCode, PeerFault, WireErrorCode
from mesh_core.network.addresses import Address, max_datagram_bytes
from mesh_core.network.connection import (
    HANDSHAKE_TYPES,
    MAX_PENDING_REQUESTS,
    Answer,
    Answered,
    BulkRequest,
    Tier1Request,
    WireConnection,
    decode_frame,
    log_step,
)
from mesh_core.network.framing import Frame, FrameFault
from mesh_core.network.quic import CloseReason, QuicTransport, dial
from mesh_core.network.tls import certificate_fingerprint, client_configuration
from mesh_core.network.work import WorkBudget
from mesh_core.protocol.handshake import Entropy, HandshakeFault, Initiator, PeerIdentity
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import (
    AccountStateMessage,
    CertAck,
    ErrorMessage,
    Event,
    Evidence,
    Handshake,
    Message,
    Ping,
    Pong,
    QueryAccount,
    Role,
    SettlementCertificate,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 1.0
"""For the QUIC and TLS handshake with one address. A dead host gives no sign, so this is the price of trying."""
HANDSHAKE_TIMEOUT_S: Final = 3.0
MAX_QUEUED_BYTES: Final = 16 * 1024 * 1024
"""Requests that a validator has not acknowledged. Ours, so the limit only catches a validator that reads nothing."""
MAX_PENDING_PINGS: Final = 16
MAX_DEFERRED_BYTES: Final = 1024 * 1024
"""Messages that wait because the validator has used up its share of this process's time; more, and it is cut off."""
ANSWER_WORK_S: Final = 0.05
"""What each request grants to its answer, whatever the validator has used up: the longest takes half of that, in small packets."""

OnMessage = Callable[[Event | Evidence], None]

ANSWERS: Final[dict[type[Answered], tuple[type[Answer], ...]]] = {
    VoteRequest: (VoteResponse, VoteReject),
    SettlementCertificate: (CertAck,),
    QueryAccount: (AccountStateMessage,),
    SyncRequest: (SyncResponse,),
}

_FAULT_CODES: Final = {
    WireErrorCode.BAD_FRAME: ErrorCode.PEER_FRAME,
    WireErrorCode.UNKNOWN_TYPE: ErrorCode.PEER_FRAME,
    WireErrorCode.TOO_LARGE: ErrorCode.PEER_FRAME,
    WireErrorCode.HANDSHAKE_REQUIRED: ErrorCode.PEER_HANDSHAKE,
    WireErrorCode.VERSION: ErrorCode.PEER_HANDSHAKE,
    WireErrorCode.NETWORK: ErrorCode.PEER_HANDSHAKE,
    WireErrorCode.IDENTITY: ErrorCode.PEER_HANDSHAKE,
    WireErrorCode.ROLE: ErrorCode.PEER_HANDSHAKE,
    WireErrorCode.RATE_LIMIT: ErrorCode.PEER_UNREACHABLE,
    WireErrorCode.INTERNAL: ErrorCode.PEER_UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """A validator as the configuration names it: where it listens, its identity key and its pinned TLS certificate (all public)."""

    host: str
    port: int
    identity_pk: PublicKey
    tls_certificate_der: bytes = field(repr=False)
    name: str = ""

    @property
    def display_name(self) -> str:
        """For logs and screens."""
        return self.name or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class LocalIdentity:
    """Who we are to the validator. Without a key each connection gets a fresh one, so that a wallet's connections cannot be linked by it."""

    role: Role
    signing_key: SigningKey | None = None


@dataclass(slots=True)
class _Pending:
    """A request that the validator owes an answer. It stays in the table after its requester gave up, because the validator counts it as well."""

    kind: type[Answered]
    answer: asyncio.Future[Answer]


class Connection(WireConnection):
    """One connection, made by `connect`. `request` from any number of tasks; `on_message` is given events and evidence.

    `work` limits the time that the validator's messages take here: what it sends beyond that waits, and a validator that goes on is cut off.

    Nothing is sent by itself: a connection on which nothing travels for ten seconds ends (`ping` keeps it alive, `link.ValidatorLink` does so by itself).
    """

    def __init__(
        self,
        transport: QuicTransport,
        *,
        peer: PeerAddress,
        local: LocalIdentity,
        network_id: Hash32,
        entropy: Entropy,
        on_message: OnMessage | None = None,
        on_end: "Callable[[Connection], None] | None" = None,
        on_doubt: "Callable[[Connection], None] | None" = None,
        work: WorkBudget | None = None,
    ) -> None:
        super().__init__(transport, peer.display_name, max_queued_bytes=MAX_QUEUED_BYTES)
        self._peer_address = peer
        self._local = local
        self._network_id = network_id
        self._entropy = entropy
        self._on_message = on_message
        self._on_end = on_end
        self._on_doubt = on_doubt
        self._work = work
        self._resuming: asyncio.TimerHandle | None = None
        self._spent_s = 0.0
        """Time that was counted since the packet that is being processed came."""
        self._initiator: Initiator | None = None
        self._peer: PeerIdentity | None = None
        self._fault: PeerFault | None = None
        self._pending: dict[int, _Pending] = {}
        self._pings: dict[int, asyncio.Future[Pong]] = {}
        self._last_request_id = 0
        self._last_ping_nonce = 0
        self._pongs_count = 0
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._secured = asyncio.Event()
        self._opened = asyncio.Event()
        self._terminated = asyncio.Event()
        self._room = asyncio.Event()

    # --- State

    @property
    def peer(self) -> PeerIdentity | None:
        """The validator, once its HANDSHAKE is accepted."""
        return self._peer

    @property
    def fault(self) -> PeerFault | None:
        """Why the connection ended; None while it lives."""
        return self._fault

    @property
    def last_heard(self) -> float:
        """Time of the event loop at which the validator last sent anything."""
        return self._last_heard

    @property
    def pending_requests(self) -> int:
        """Requests that the validator has not answered, also those whose requester gave up."""
        return len(self._pending)

    async def wait_opened(self, *, connect_timeout_s: float, handshake_timeout_s: float) -> None:
        """Return when requests may be sent. PeerFault when that fails or takes too long; the connection is then gone."""
        await self._reach(self._secured, connect_timeout_s, ErrorCode.PEER_UNREACHABLE, "no connection")
        await self._reach(self._opened, handshake_timeout_s, ErrorCode.PEER_TIMEOUT, "no handshake")

    async def wait_closed(self) -> None:
        """Return when the connection is over and its socket is being closed."""
        await self._terminated.wait()

    # --- Requests

    async def request(self, message: Answered, timeout_s: float) -> Answer:
        """Send a request, return its answer. `message.request_id` is replaced by one of this connection.

        PeerFault PEER_TIMEOUT when no answer came in time; any other PeerFault when the connection ended. Neither says whether the request was handled.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while len(self._pending) >= MAX_PENDING_REQUESTS and not self.is_closing:
                    self._room.clear()
                    await self._room.wait()
                return await self.submit(message)
        except TimeoutError:
            raise PeerFault(ErrorCode.PEER_TIMEOUT, f"no answer to {type(message).__name__} within {timeout_s:g} s", peer=self.peer_name) from None

    def submit(self, message: Answered) -> asyncio.Future[Answer]:
        """Send a request now; the future gets its answer, or PeerFault when the connection ends. PeerFault at once when it has ended or 256 are pending."""
        if len(self._pending) >= MAX_PENDING_REQUESTS:
            raise PeerFault(ErrorCode.PEER_UNREACHABLE, f"{MAX_PENDING_REQUESTS} requests are without an answer", peer=self.peer_name)
        self._last_request_id += 1
        numbered = replace(message, request_id=self._last_request_id)
        self.send(numbered)
        self._spend(-ANSWER_WORK_S)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._pending[self._last_request_id] = _Pending(type(message), answer)
        return answer

    def send(self, message: Tier1Request | BulkRequest) -> None:
        """Send what has no single answer (EVIDENCE, SUBSCRIBE). PeerFault when the connection is not open (any more)."""
        if self._peer is None or not self._send_message(message):
            raise self._fault or PeerFault(ErrorCode.PEER_UNREACHABLE, "the connection is not open", peer=self.peer_name)

    def ping(self) -> asyncio.Future[Pong]:
        """Send a PING; the future gets the PONG, or PeerFault when the connection ends. It is cancelled when 16 later ones were sent without an answer."""
        future: asyncio.Future[Pong] = self._loop.create_future()
        if self._fault is not None:
            future.set_exception(self._fault)
            return future
        if len(self._pings) >= MAX_PENDING_PINGS:
            self._pings.pop(min(self._pings)).cancel()
        self._last_ping_nonce += 1
        self._pings[self._last_ping_nonce] = future
        self._send_control(Ping(self._last_ping_nonce))
        return future

    # --- Handshake

    @override
    def on_secured(self) -> None:
        certificate_der = self._transport.peer_certificate_der()
        self._initiator = Initiator(
            key=self._local.signing_key or SigningKey(self._entropy(SEED_BYTES)),
            role=self._local.role,
            network_id=self._network_id,
            responder=self._peer_address.identity_pk,
            tls_fingerprint=certificate_fingerprint(certificate_der),
            entropy=self._entropy,
        )
        log_step(self.peer_name, "TLS", role="initiator", result="complete, the certificate is the pinned one")
        self._send_control(self._initiator.hello())
        log_step(self.peer_name, "HELLO sent", role="initiator", result=f"network {self._network_id.hex()[:16]}")
        self._secured.set()

    @override
    def _handle_control(self, frame: Frame) -> None:
        if self._peer is None and frame.type_byte not in HANDSHAKE_TYPES:
            raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, f"message type 0x{frame.type_byte:02x} before the handshake")
        message = decode_frame(frame)
        match message:
            case Handshake():
                self._receive_handshake(message)
            case Pong() if self._peer is not None:
                # Also one whose PING was given up counts. Without this a validator could keep everybody busy that has dialled it.
                self._pongs_count += 1
                if self._pongs_count > self._last_ping_nonce:
                    raise FrameFault(WireErrorCode.BAD_FRAME, "PONG answers no PING")
                future = self._pings.pop(message.nonce, None)
                if future is not None and not future.done():
                    future.set_result(message)
            case ErrorMessage():
                self._handle_error(message)
            case _:
                raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} on the control stream of a validator")

    def _receive_handshake(self, message: Handshake) -> None:
        assert self._initiator is not None, "no bytes arrive before TLS is complete"
        try:
            ours = self._initiator.receive_handshake(message)
        except HandshakeFault as fault:
            log_step(self.peer_name, "HANDSHAKE received", role="initiator", result=f"refused, {fault.wire_code.name}: {fault.reason}")
            raise
        log_step(self.peer_name, "HANDSHAKE received", role="initiator", result=f"accepted, {message.role.name} {message.identity.hex()[:16]}")
        self._send_control(ours)
        log_step(self.peer_name, "HANDSHAKE sent", role="initiator", result=f"{ours.role.name} {ours.identity.hex()[:16]}")
        self._peer = self._initiator.peer
        self._opened.set()

    async def _reach(self, stage: asyncio.Event, timeout_s: float, code: ErrorCode, text: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await stage.wait()
        except TimeoutError:
            self.abort(text)
            raise PeerFault(code, f"{text} within {timeout_s:g} s", peer=self.peer_name) from None
        if self._fault is not None:
            raise self._fault

    # --- After it

    @override
    def _handle_message_bytes(self, data: bytes) -> None:
        if self._peer is None:
            raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, "a message before the handshake")
        self._messages.feed(data)
        if self._resuming is None:
            self._take_frames()
        elif self._messages.buffered_bytes > MAX_DEFERRED_BYTES:
            raise FrameFault(WireErrorCode.RATE_LIMIT, f"more than {MAX_DEFERRED_BYTES} bytes of messages for which there is no time")

    def _take_frames(self) -> None:
        """Take what has arrived, as long as the validator has time left: a flood of events must not take that of votes, which other connections carry."""
        self._resuming = None
        while (frame := self._next_messages_frame()) is not None:
            started = time.thread_time()
            self._take_message(decode_frame(frame))
            seconds = time.thread_time() - started
            self._spent_s += seconds
            self._spend(seconds)
            delay = 0.0 if self._work is None else self._work.delay(self.peer_name, now=self._loop.time())
            if delay > 0.0 and not self.is_closing:
                self._resuming = self._loop.call_later(delay, self._guard, self._take_frames)
                return

    def _take_message(self, message: Message) -> None:
        if isinstance(message, Answer):
            self._receive_answer(message)
        elif isinstance(message, Event | Evidence):
            if self._on_message is None:
                raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} that nobody has asked for")
            self._on_message(message)
        else:
            raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} from a validator")

    def _spend(self, seconds: float) -> None:
        if self._work is not None:
            self._work.spend(self.peer_name, seconds, now=self._loop.time())

    @override
    def on_worked(self, seconds: float) -> None:
        """What the messages in the packet took is counted already; decryption and the rest are not."""
        self._spend(max(0.0, seconds - self._spent_s))
        self._spent_s = 0.0

    def _receive_answer(self, message: Answer) -> None:
        pending = self._pending.pop(message.request_id, None)
        if pending is None:
            raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} answers no request")
        if not isinstance(message, ANSWERS[pending.kind]):
            # Counted among the open ones again, so that it fails with the others when the connection ends.
            self._pending[message.request_id] = pending
            raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} answers {pending.kind.__name__}")
        if not pending.answer.done():
            pending.answer.set_result(message)
        self._room.set()

    @override
    def on_data(self, stream_id: int, data: bytes) -> None:
        self._last_heard = self._loop.time()
        super().on_data(stream_id, data)

    # --- End

    @override
    def on_refused(self) -> None:
        """Nobody listens at the port. Before TLS that is an answer; later it is a reason to look, since such packets can be forged."""
        if not self._secured.is_set():
            self.abort("connection refused")
        elif self._on_doubt is not None:
            self._on_doubt(self)

    @override
    def _handle_end(self, reason: CloseReason) -> None:
        self._fault = PeerFault(_fault_code(reason), reason.text, peer=self.peer_name)
        if self._peer is None:
            log_step(self.peer_name, "connection", role="initiator", result=f"ended before the handshake was complete: {reason.text}")
        else:
            logger.info("connection to %s ended: %s", self.peer_name, reason.text, extra={"peer": self.peer_name, "reason": reason.text})
        if self._resuming is not None:
            self._resuming.cancel()
        waiting: list[asyncio.Future[Answer] | asyncio.Future[Pong]] = [pending.answer for pending in self._pending.values()]
        waiting += self._pings.values()
        self._pending.clear()
        self._pings.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(self._fault)
        for event in (self._secured, self._opened, self._room):
            event.set()
        if self._on_end is not None:
            self._on_end(self)

    @override
    def on_terminated(self) -> None:
        self._terminated.set()


async def connect(
    peer: PeerAddress,
    local: LocalIdentity,
    network_id: Hash32,
    *,
    on_message: OnMessage | None = None,
    on_end: Callable[[Connection], None] | None = None,
    on_doubt: Callable[[Connection], None] | None = None,
    work: WorkBudget | None = None,
    entropy: Entropy = os.urandom,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S,
    local_host: str | None = None,
) -> Connection:
    """A connection on which requests may be sent at once. PeerFault when the validator is not there, is somebody else, or refuses.

    `on_end` is called when an opened or opening connection ends, `on_doubt` when the operating system says that nobody listens at the port any more.
    `local_host` is the address of this machine to send from, for whoever has several.
    """
    configuration = client_configuration(peer.tls_certificate_der, max_datagram_bytes=max_datagram_bytes(peer.host))
    made: list[Connection] = []

    def make_connection(transport: QuicTransport) -> Connection:
        connection = Connection(
            transport,
            peer=peer,
            local=local,
            network_id=network_id,
            entropy=entropy,
            on_message=on_message,
            on_end=on_end,
            on_doubt=on_doubt,
            work=work,
        )
        made.append(connection)
        return connection

    fault = PeerFault(ErrorCode.PEER_UNREACHABLE, "the name has no address", peer=peer.display_name)
    for family, address in await _resolve(peer, connect_timeout_s):
        try:
            await dial(address, family, configuration, make_connection, local_host=local_host)
            await made[-1].wait_opened(connect_timeout_s=connect_timeout_s, handshake_timeout_s=handshake_timeout_s)
        except PeerFault as failed:
            fault = failed
        except OSError as error:
            fault = PeerFault(ErrorCode.PEER_UNREACHABLE, error.strerror or str(error), peer=peer.display_name)
        except BaseException:
            for connection in made:
                connection.abort("given up")
            raise
        else:
            return made[-1]
    raise fault


async def _resolve(peer: PeerAddress, timeout_s: float) -> list[tuple[socket.AddressFamily, Address]]:
    """The socket addresses of a peer. A numeric address needs no resolver, and no thread for it."""
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(peer.host).version == 4:
            return [(socket.AF_INET, (peer.host, peer.port))]
    try:
        async with asyncio.timeout(timeout_s):
            infos = await asyncio.get_running_loop().getaddrinfo(peer.host, peer.port, type=socket.SOCK_DGRAM)
    except (TimeoutError, OSError) as error:
        raise PeerFault(ErrorCode.PEER_UNREACHABLE, f"cannot resolve {peer.host}: {error}", peer=peer.display_name) from error
    return [(family, address) for family, _, _, _, address in infos]


def _fault_code(reason: CloseReason) -> ErrorCode:
    if reason.wire_code is not None:
        return _FAULT_CODES[reason.wire_code]
    return ErrorCode.PEER_HANDSHAKE if reason.is_tls_alert else ErrorCode.PEER_UNREACHABLE
