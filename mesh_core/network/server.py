"""A validator's side of all connections: accept, run the handshake, hand requests to the handler, answer pings.

A connection is nobody's until its handshake is complete; until then it may send HELLO and HANDSHAKE and nothing else, in frames of at most 1 KiB, within three
seconds. Requests reach the handler in the order of their arrival and are answered with `Session.send`, at any time and in any order.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from typing_extensions import override

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, WireErrorCode
from mesh_core.network.addresses import Address, address_name, is_loopback, max_datagram_bytes
from mesh_core.network.admission import Admission, AdmissionLimits, source_of
from mesh_core.network.connection import (
    HANDSHAKE_TYPES,
    MAX_PENDING_REQUESTS,
    Answer,
    Answered,
    ConnectionKind,
    WireConnection,
    decode_frame,
    kind_of,
    log_step,
)
from mesh_core.network.framing import Frame, FrameFault
from mesh_core.network.quic import CloseReason, QuicListener, QuicTransport, TransportOwner, listen
from mesh_core.network.tls import TlsIdentity, server_configuration
from mesh_core.network.turns import Turns
from mesh_core.network.work import BURST_S, SHARE, WorkBudget
from mesh_core.protocol.handshake import Entropy, HandshakeFault, PeerIdentity, Responder
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import MAX_FRAME_BYTES, ErrorMessage, Handshake, Hello, Message, Ping, Pong, Role

logger = logging.getLogger(__name__)

HANDSHAKE_DEADLINE_S: Final = 3.0
REFUSAL_LOG_INTERVAL_S: Final = 1.0
HANDSHAKE_WORK_S: Final = 0.003
"""What the TLS handshake of one connection costs, measured; it is done inside aioquic."""
LOOKED_AT_QUEUED_BYTES: Final = 256 * 1024
"""A connection with less than this unacknowledged is none of those that read nothing."""

PongSource = Callable[[], tuple[int, Hash32, int]]
"""Gives a PONG's content: number of applied certificates, last computed state digest, flags (`PongFlag`)."""


@dataclass(frozen=True, slots=True)
class HandshakeSettings:
    """Who this validator is: its identity key, its network, and the keys that may connect in the role of a validator."""

    identity: SigningKey
    network_id: Hash32
    validators: frozenset[PublicKey]


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one server, and one connection to it, may cost."""

    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    pending_requests: int = MAX_PENDING_REQUESTS
    pending_bytes: int = 8 * 1024 * 1024
    """Bytes of the unanswered requests of one connection."""
    queued_bytes: int = 4 * 1024 * 1024
    """Bytes of answers and events that one connection has not acknowledged; more, and it is cut off."""
    source_queued_bytes: int = 16 * 1024 * 1024
    """The same of all connections of one address: 64 that read nothing must not hold 64 times as much."""
    work_share: float = SHARE
    work_burst_s: float = BURST_S
    pings_per_s: float = 50.0
    """PINGs of one connection, sustained. A link sends one a second, but a packet has room for ninety, and they are answered before everything else."""
    pings_burst: int = 256
    """The same at once; more, and it is cut off."""
    deferred_bytes: int = 512 * 1024
    """Bytes of requests that wait because their sender has used up its share of the time (work.py); more, and it is cut off."""
    handshake_deadline_s: float = HANDSHAKE_DEADLINE_S


class Session:
    """A connection whose peer has proven its identity, as the handler sees it."""

    __slots__ = ("_connection", "identity", "kind", "peer_name", "role", "source")

    def __init__(self, connection: "_ServerConnection", peer: PeerIdentity) -> None:
        self._connection = connection
        self.identity: PublicKey = peer.identity
        self.role: Role = peer.role
        self.peer_name: str = connection.peer_name
        self.source: str = connection.worker
        """By what limits are counted: the address (admission.py), or for a validator of the committee itself, wherever it comes from."""
        self.kind: ConnectionKind | None = None
        """Tier 1 or bulk, as the first request decides; None before it."""

    @property
    def is_closing(self) -> bool:
        """True once the peer cannot be reached here any more."""
        return self._connection.is_closing

    @property
    def queued_bytes(self) -> int:
        """Bytes sent that the peer has not acknowledged. A subscription should skip events (and say so) long before the limit cuts the connection off."""
        return self._connection.queued_bytes

    def send(self, message: Message) -> None:
        """Queue an answer or an event; it travels on the stream by which requests come. Without effect on a connection that has ended.

        Each request but EVIDENCE and SUBSCRIBE must be answered exactly once: until then it counts as pending, and 256 of those are the most a peer may have.
        """
        self._connection.answer(message)

    async def drain(self, below_bytes: int = 256 * 1024) -> None:
        """Wait until fewer than so many bytes are unacknowledged, or the connection has ended. For senders of much, between two pieces."""
        await self._connection.drain(below_bytes)

    def close(self, code: WireErrorCode, text: str) -> None:
        """Tell the peer why and close."""
        self._connection.refuse(code, text)


class Handler(Protocol):
    """What a validator does with connections. All calls come from the event loop; an exception closes the connection concerned with ERROR 10 and is logged."""

    def on_open(self, session: Session) -> None:
        """A peer has proven its identity."""

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived. Must return soon; the answer may come later."""

    def on_close(self, session: Session, reason: str) -> None:
        """The session is over. Called once for each session that was opened."""


class _ServerConnection(WireConnection):
    """One accepted connection, from its first packet to its last."""

    def __init__(self, server: "Server", transport: QuicTransport, address: Address) -> None:
        super().__init__(transport, address_name(address), max_queued_bytes=server.limits.queued_bytes)
        self._server = server
        self._host = str(address[0])
        self.source = source_of(self._host)
        self.worker = self.source
        """Whose time and budgets this connection uses: those of the address until a validator has proven its identity."""
        self._resuming: asyncio.TimerHandle | None = None
        self._has_more = False
        self._spent_s = 0.0
        """Time that was counted since the packet that is being processed came."""
        self._session: Session | None = None
        self._pending: dict[int, int] = {}
        self._pending_bytes = 0
        self._drained = asyncio.Event()
        self._responder = Responder(
            key=server.settings.identity,
            network_id=server.settings.network_id,
            tls_fingerprint=server.tls.fingerprint,
            validators=server.settings.validators,
            entropy=server.entropy,
        )
        loop = asyncio.get_running_loop()
        self._pings_left = float(server.limits.pings_burst)
        self._pinged_at = loop.time()
        self._deadline = loop.call_later(server.limits.handshake_deadline_s, self._handshake_deadline_passed)

    # --- For the session

    def answer(self, message: Message) -> None:
        if isinstance(message, Answer):
            self._pending_bytes -= self._pending.pop(message.request_id, 0)
        if self.is_closing:
            return
        limit = self._server.limits.source_queued_bytes
        if self.queued_bytes > LOOKED_AT_QUEUED_BYTES and self._server.queued_bytes_of(self.source) > limit:
            self.refuse(WireErrorCode.RATE_LIMIT, f"more than {limit} bytes are waiting to be read at this address")
        else:
            self._send_message(message)

    async def drain(self, below_bytes: int) -> None:
        while not self.is_closing and self.queued_bytes >= below_bytes:
            self._drained.clear()
            await self._drained.wait()

    # --- Handshake

    @override
    def on_secured(self) -> None:
        log_step(self.peer_name, "TLS", role="responder", result="complete")

    @override
    def _handle_control(self, frame: Frame) -> None:
        if self._session is not None:
            self._handle_open_control(self._session, frame)
        else:
            self._handle_handshake(frame)

    def _handle_handshake(self, frame: Frame) -> None:
        if frame.type_byte not in HANDSHAKE_TYPES:
            raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, f"message type 0x{frame.type_byte:02x} before the handshake")
        message = decode_frame(frame)
        step = f"{type(message).__name__.upper()} received"
        try:
            match message:
                case Hello():
                    answer = self._responder.receive_hello(message)
                    log_step(self.peer_name, step, role="responder", result="accepted")
                    self._send_control(answer)
                    log_step(self.peer_name, "HANDSHAKE sent", role="responder", result=f"identity {answer.identity.hex()[:16]}")
                case Handshake():
                    peer = self._responder.receive_handshake(message)
                    log_step(self.peer_name, step, role="responder", result=f"accepted, {peer.role.name} {peer.identity.hex()[:16]}")
                    self._open(peer)
                case ErrorMessage():
                    self._handle_error(message)
                case _:
                    raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, f"{type(message).__name__} before the handshake")
        except HandshakeFault as fault:
            log_step(self.peer_name, step, role="responder", result=f"refused, {fault.wire_code.name}: {fault.reason}")
            raise

    def _open(self, peer: PeerIdentity) -> None:
        self._deadline.cancel()
        self._server.admission.completed(self._host)
        if peer.role is Role.VALIDATOR:
            # Its share is its own, wherever it comes from: wallets on one machine with it cannot use it up.
            self.worker = f"validator {peer.identity.hex()}"
        session = Session(self, peer)
        self._session = session
        self._server.handler.on_open(session)
        self._requests_arrived()

    def _handshake_deadline_passed(self) -> None:
        self.refuse(WireErrorCode.HANDSHAKE_REQUIRED, f"no handshake within {self._server.limits.handshake_deadline_s:g} s")

    # --- After it

    def _handle_open_control(self, session: Session, frame: Frame) -> None:
        message = decode_frame(frame)
        match message:
            case Ping():
                self._count_ping()
                log_length, state_digest, flags = self._server.pong_source()
                self._send_control(Pong(message.nonce, log_length, state_digest, flags))
            case ErrorMessage():
                self._handle_error(message)
            case _:
                raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} on the control stream of {session.role.name}")

    def _count_ping(self) -> None:
        """Nothing that waits for its sender's time delays a PING, so a flood of them would take the time of everybody else: their number is limited."""
        limits, now = self._server.limits, asyncio.get_running_loop().time()
        gained = (now - self._pinged_at) * limits.pings_per_s
        self._pings_left = min(float(limits.pings_burst), self._pings_left + gained) - 1.0
        self._pinged_at = now
        if self._pings_left < 0.0:
            raise FrameFault(WireErrorCode.RATE_LIMIT, f"more than {limits.pings_burst} PINGs at once, or {limits.pings_per_s:g} a second")

    @override
    def _handle_message_bytes(self, data: bytes) -> None:
        self._messages.feed(data)
        if self._session is not None:
            self._requests_arrived()
        elif not self._responder.has_answered:
            # An honest initiator sends requests behind its HANDSHAKE, which it cannot make before it has ours.
            raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, "a request before the handshake")
        elif self._messages.buffered_bytes > MAX_FRAME_BYTES:
            # The streams of a connection overtake one another, so requests may arrive before the HANDSHAKE that precedes them. They wait, within a limit.
            raise FrameFault(WireErrorCode.HANDSHAKE_REQUIRED, "too many requests before the handshake")

    def _requests_arrived(self) -> None:
        """They are handled in their turn (turns.py), when their sender has time left (work.py)."""
        limits = self._server.limits
        limit = limits.pending_bytes if self._resuming is None else limits.deferred_bytes
        if self._messages.buffered_bytes > limit:
            raise FrameFault(WireErrorCode.RATE_LIMIT, f"more than {limit} bytes of requests for which the validator has no time")
        if self._resuming is None:
            self._server.turns.add(self._serve)

    def _serve(self) -> bool:
        """Handle one request, if its sender has time left; else it waits, and nobody else with it. False when nothing is to be done now."""
        if self.is_closing or self._resuming is not None:
            return False
        loop = asyncio.get_running_loop()
        delay = self._server.work.delay(self.worker, now=loop.time())
        if delay > 0.0:
            self._resuming = loop.call_later(delay, self._resume)
            return False
        started = time.thread_time()
        self._has_more = False
        self._guard(self._serve_next)
        self._spend(time.thread_time() - started)
        self._spent_s = 0.0
        return self._has_more

    def _serve_next(self) -> None:
        assert self._session is not None, "requests are taken from a session"
        self._has_more = self._handle_next_frame(self._session)

    def _resume(self) -> None:
        """The sender has time again."""
        self._resuming = None
        self._server.turns.add(self._serve)

    def _handle_next_frame(self, session: Session) -> bool:
        """Handle one frame; False when none is complete."""
        frame = self._next_messages_frame()
        if frame is None:
            return False
        message = decode_frame(frame)
        self._classify(session, message)
        if isinstance(message, Answered):
            self._count_pending(message.request_id, frame.size_bytes)
        self._server.handler.handle(session, message)
        return True

    @staticmethod
    def _classify(session: Session, message: Message) -> None:
        kind = kind_of(message)
        if session.kind is None:
            session.kind = kind
        elif session.kind is not kind:
            raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} on a {session.kind} connection")

    def _count_pending(self, request_id: int, size_bytes: int) -> None:
        """Unanswered requests cost memory here: a peer that sends without waiting for answers is stopped, however fast it is."""
        limits = self._server.limits
        if request_id in self._pending:
            raise FrameFault(WireErrorCode.BAD_FRAME, f"request id {request_id} is in use")
        if len(self._pending) >= limits.pending_requests:
            raise FrameFault(WireErrorCode.RATE_LIMIT, f"more than {limits.pending_requests} requests without an answer")
        if self._pending_bytes + size_bytes > limits.pending_bytes:
            raise FrameFault(WireErrorCode.RATE_LIMIT, f"more than {limits.pending_bytes} bytes of requests without an answer")
        self._pending[request_id] = size_bytes
        self._pending_bytes += size_bytes

    def _spend(self, seconds: float) -> None:
        self._spent_s += seconds
        self._server.work.spend(self.worker, seconds, now=asyncio.get_running_loop().time())

    @override
    def on_worked(self, seconds: float) -> None:
        """What the frames in the packet took is counted already; decryption and the rest are not."""
        self._spend(max(0.0, seconds - self._spent_s))
        self._spent_s = 0.0

    # --- End

    @override
    def on_progress(self) -> None:
        self._drained.set()
        self._server.turns.has_read()

    @override
    def _handle_end(self, reason: CloseReason) -> None:
        self._deadline.cancel()
        self._server.turns.remove(self._serve)
        if self._resuming is not None:
            self._resuming.cancel()
        self._drained.set()
        if self._session is None:
            log_step(self.peer_name, "connection", role="responder", result=f"ended before the handshake was complete: {reason.text}")
        else:
            logger.info("session with %s ended: %s", self.peer_name, reason.text, extra={"peer": self.peer_name, "reason": reason.text})
            self._server.handler.on_close(self._session, reason.text)

    @override
    def on_terminated(self) -> None:
        self._server.forget(self, self._host, was_complete=self._session is not None)


class Server:
    """Listens on a UDP port. `start`, then `port`; `close` ends every session. Port 0 takes any free port.

    Retry (address validation) is on unless the listening address is loopback. LocalFault CONFIG_INVALID from `start` when the port cannot be bound.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: TlsIdentity,
        settings: HandshakeSettings,
        handler: Handler,
        pong_source: PongSource,
        limits: ServerLimits | None = None,
        retry: bool | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        self.tls = tls
        self.settings = settings
        self.handler = handler
        self.pong_source = pong_source
        self.limits = ServerLimits() if limits is None else limits
        self.entropy = entropy
        self.admission = Admission(self.limits.admission)
        self.turns = Turns()
        self.work = WorkBudget(share=self.limits.work_share, burst_s=self.limits.work_burst_s)
        self._host = host
        self._requested_port = port
        self._retry = not is_loopback(host) if retry is None else retry
        self._listener: QuicListener | None = None
        self._connections: set[_ServerConnection] = set()
        self._refusal_logged_at = -REFUSAL_LOG_INTERVAL_S

    @property
    def port(self) -> int:
        """The UDP port that is bound. Only between `start` and `close`."""
        assert self._listener is not None, "the server is not started"
        return self._listener.port

    @property
    def connections(self) -> int:
        """Connections that exist, complete or not."""
        return self.admission.connections

    @property
    def half_open_connections(self) -> int:
        """Those of them whose handshake is not complete."""
        return self.admission.half_open

    async def start(self) -> None:
        """Bind the port and accept connections from now on."""
        assert self._listener is None, "started twice"
        configuration = server_configuration(self.tls, max_datagram_bytes=max_datagram_bytes(self._host))
        try:
            self._listener = await listen(self._host, self._requested_port, configuration, retry=self._retry, accept=self._accept)
        except OSError as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"cannot listen on {self._host}:{self._requested_port}: {error.strerror or error}") from error
        logger.info("listening on %s:%d", self._host, self.port, extra={"retry": self._retry})

    async def close(self, text: str = "validator stops") -> None:
        """Tell every peer, end every session (`on_close` is called for each), release the port."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        for connection in list(self._connections):
            connection.close(text)
        listener.close()
        for connection in list(self._connections):
            connection.abort(text)
        await listener.wait_closed()

    def queued_bytes_of(self, source: str) -> int:
        """Bytes that all connections of one address have not acknowledged."""
        return sum(connection.queued_bytes for connection in self._connections if connection.source == source)

    def forget(self, connection: _ServerConnection, host: str, *, was_complete: bool) -> None:
        """The connection's last packet is sent: it counts no more."""
        self._connections.discard(connection)
        self.admission.closed(host, was_complete=was_complete)

    def _accept(self, address: Address) -> Callable[[QuicTransport], TransportOwner] | None:
        now = asyncio.get_running_loop().time()
        source = source_of(str(address[0]))
        refusal = "too much work for this address" if self.work.delay(source, now=now) > 0.0 else self.admission.admit(str(address[0]), now=now)
        if refusal is None:
            self.work.spend(source, HANDSHAKE_WORK_S, now=now)
        if refusal is not None:
            if now - self._refusal_logged_at >= REFUSAL_LOG_INTERVAL_S:  # one line a second, or a flood of packets would be a flood of lines
                self._refusal_logged_at = now
                logger.warning("connection from %s dropped: %s", address_name(address), refusal)
            return None

        def make_owner(transport: QuicTransport) -> TransportOwner:
            try:
                connection = _ServerConnection(self, transport, address)
            except BaseException:
                self.admission.closed(str(address[0]), was_complete=False)
                raise
            self._connections.add(connection)
            return connection

        return make_owner
