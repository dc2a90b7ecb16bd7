"""aioquic behind a small interface: two streams of bytes, a peer's certificate, and a connection that ends exactly once.

Nothing above this file knows aioquic. What it adds:

* messages sent within one turn of the event loop share packets (measured: 1.7 times the throughput of one transmit a message);
* datagrams that are there are read in one turn, and a server's acknowledgements wait a little for an answer that they can travel with;
* the end of a connection is told as soon as it is known, not after the draining period of 100 ms and more;
* what a peer can make aioquic hold is bounded: streams, and bytes that wait for earlier ones (aioquic's flow control windows double whenever half of them is
  used, whether or not anything was consumed, so they are no limit);
* no exception leaves: a connection that fails inside aioquic ends, its neighbours and the process go on.

The last section isolates the private attributes of aioquic that have no public counterpart; tests pin the behaviour of each.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import Epoch
from cryptography.hazmat.primitives.serialization import Encoding
from typing_extensions import override

from mesh_core.errors import WireErrorCode
from mesh_core.network.addresses import Address, address_name
from mesh_core.network.framing import FrameFault

logger = logging.getLogger(__name__)

CONTROL_STREAM: Final = 0
"""First stream that a client opens: HELLO, HANDSHAKE, PING, ERROR."""
MESSAGE_STREAM: Final = 4
"""Second stream that a client opens: votes, certificates and queries, or on a bulk connection synchronisation and events."""
STREAMS: Final = (CONTROL_STREAM, MESSAGE_STREAM)

_PEER_STREAM_CREDIT: Final = 4
"""Streams that a client may open for QUIC. Two more than are used, so that a third is answered with a stated reason and not with a bare QUIC error."""

SERVER_REASSEMBLY_BYTES: Final = 1024 * 1024
"""Bytes of one client that may wait for earlier, lost ones. Requests are small."""
CLIENT_REASSEMBLY_BYTES: Final = 8 * 1024 * 1024
"""The same for a server that was dialled on purpose, and that may send megabytes of certificates at once."""

RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Asked of the kernel, which grants what it allows: the default held only 256 small datagrams before it dropped the rest."""

LEAST_RECEIVE_BUFFER_BYTES: Final = 256 * 1024

ACKNOWLEDGE_WITHIN_S: Final = 0.01
"""A server acknowledges a request so late at most: most answers leave before, and carry the acknowledgement. aioquic waits for a millisecond, and then sends a
packet for it alone. The 25 ms that both ends announce (RFC 9000, section 13.2.1), and that senders wait for, are not touched. A client acknowledges as before:
what it reads may be megabytes, whose sender waits for it."""

MAX_UDP_BYTES: Final = 65536
READ_AT_ONCE: Final = 5
"""Datagrams that a server takes from its socket in one turn of the event loop, which takes one."""

MAX_REASON_BYTES: Final = 200
"""The reason must fit into one close packet."""


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why a connection ended. `wire_code` is set when either application closed it with one of the codes of the ERROR message."""

    text: str
    wire_code: WireErrorCode | None = None
    is_tls_alert: bool = False
    """TLS failed: another certificate than the pinned one, or no common application protocol."""


class TransportOwner(Protocol):
    """What the user of a QuicTransport is told. All calls come from the event loop, one at a time."""

    def on_secured(self) -> None:
        """TLS is complete; on a client the pinned certificate has been verified."""

    def on_data(self, stream_id: int, data: bytes) -> None:
        """Bytes arrived, in order, on a stream."""

    def on_violation(self, fault: FrameFault) -> None:
        """The peer used QUIC in a way that MESH does not allow."""

    def on_progress(self) -> None:
        """A packet was processed: acknowledgements may have made room for more to send."""

    def on_worked(self, seconds: float) -> None:
        """Processing one packet of the peer took so much time of this thread, with everything that was done about it."""

    def on_refused(self) -> None:
        """The operating system reports that no process listens at the peer's port. Unauthenticated: a hint, not a proof."""

    def on_closing(self, reason: CloseReason) -> None:
        """The connection carries nothing from now on. Called exactly once."""

    def on_terminated(self) -> None:
        """The last packet has been sent and all state is gone. Called once, after `on_closing`."""


class QuicTransport(QuicConnectionProtocol):
    """One QUIC connection. `make_owner` is called at once with the new transport."""

    def __init__(self, quic: QuicConnection, make_owner: "Callable[[QuicTransport], TransportOwner]", *, max_reassembly_bytes: int) -> None:
        super().__init__(quic)
        self._max_reassembly_bytes = max_reassembly_bytes
        self._is_closing = False
        self._is_terminated = False
        self._has_data = False
        """Whether something was queued since the last packet."""
        _limit_peer_streams(quic)
        self._owner = make_owner(self)

    # --- For the owner

    @property
    def is_closing(self) -> bool:
        """True once the connection carries nothing any more."""
        return self._is_closing

    def send(self, stream_id: int, data: bytes) -> bool:
        """Queue bytes; they leave together with others at the end of this turn of the event loop. False when the stream cannot carry them."""
        if self._is_closing:
            return False
        try:
            self._quic.send_stream_data(stream_id, data)
        except (ValueError, RuntimeError):
            # The peer has never opened the stream, or has reset it.
            return False
        self._has_data = True
        self._transmit_soon()
        return True

    def queued_bytes(self, stream_id: int) -> int:
        """Bytes accepted by `send` that the peer has not acknowledged."""
        return _unacknowledged_bytes(self._quic, stream_id)

    def peer_certificate_der(self) -> bytes:
        """The certificate that TLS has verified on this connection (client side, after `on_secured`)."""
        return _peer_certificate_der(self._quic)

    def close_with(self, *, code: int, text: str) -> None:
        """Send what is queued, as far as the peer's windows allow, then close. Returns at once."""
        if self._is_closing:
            return
        reason = text.encode("utf-8")[:MAX_REASON_BYTES].decode("utf-8", "ignore")
        self.transmit()
        self.close(error_code=code, reason_phrase=reason)
        self._notice_closing()

    def abort(self, text: str) -> None:
        """Forget the connection without another packet, as a killed process would."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connection_terminated_handler()
        self._end(CloseReason(text))

    # --- asyncio and aioquic call these

    @override
    def transmit(self) -> None:
        if self._transmit_task is not None:
            self._transmit_task.cancel()
            self._transmit_task = None
        if self._is_terminated:
            return
        try:
            if self._has_data:
                self._has_data = False
                _acknowledge_with_data(self._quic, self._loop.time())
            super().transmit()
        except Exception:
            logger.exception("sending failed")
            self.abort("internal error")

    @override
    def datagram_received(self, data: bytes | str, addr: Address) -> None:
        if self._is_terminated:
            return
        # Time of this thread: what other processes take of the machine is not this peer's doing.
        started = time.thread_time()
        try:
            self._quic.receive_datagram(cast("bytes", data), addr, now=self._loop.time())
            self._process_events()
            if _pending_close(self._quic) is None:
                # Not at once, as aioquic does: what is read in this turn of the loop, and answered in it, shares acknowledgements and packets.
                self._transmit_soon()
            else:
                self.transmit()
            self._after_input()
        except Exception:
            # One peer's packet, whatever it is, may end one connection only.
            logger.exception("connection with %s failed", address_name(addr))
            self.abort("internal error")
        self._owner.on_worked(time.thread_time() - started)

    @override
    def _handle_timer(self) -> None:
        if self._is_terminated:
            return
        try:
            super()._handle_timer()
            self._after_input()
        except Exception:
            logger.exception("connection failed in a timer")
            self.abort("internal error")

    @override
    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError) and not self._is_closing:
            self._owner.on_refused()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.abort("socket closed" if exc is None else f"socket failed: {exc}")

    @override
    def quic_event_received(self, event: QuicEvent) -> None:
        match event:
            case StreamDataReceived():
                if event.data and not self._is_closing:
                    self._owner.on_data(event.stream_id, event.data)
                if event.end_stream:
                    self._stream_ended(event.stream_id)
            case StreamReset() | StopSendingReceived():
                self._stream_ended(event.stream_id)
            case HandshakeCompleted():
                if not self._quic.configuration.is_client:
                    _delay_acknowledgements(self._quic, ACKNOWLEDGE_WITHIN_S)
                self._owner.on_secured()
            case ConnectionTerminated():
                self._end(_close_reason(event))
            case _:
                pass

    def _stream_ended(self, stream_id: int) -> None:
        """Both streams live as long as the connection: without them it is of no use."""
        if not self._is_closing:
            self._owner.on_violation(FrameFault(WireErrorCode.BAD_FRAME, f"stream {stream_id} ended"))

    def _after_input(self) -> None:
        self._notice_closing()
        if self._is_closing:
            return
        if _open_streams(self._quic) > len(STREAMS):
            self._owner.on_violation(FrameFault(WireErrorCode.BAD_FRAME, "more than two streams"))
        elif _reassembly_bytes(self._quic) > self._max_reassembly_bytes:
            self._owner.on_violation(FrameFault(WireErrorCode.TOO_LARGE, f"more than {self._max_reassembly_bytes} bytes behind a gap"))
        else:
            self._owner.on_progress()

    def _notice_closing(self) -> None:
        event = _pending_close(self._quic)
        if event is None or self._is_closing:
            return
        self._is_closing = True
        self._owner.on_closing(_close_reason(event))
        if self._quic.configuration.is_client:
            # The draining period (three probe timeouts, 100 ms and more) keeps late packets from being answered. A client closes its socket instead,
            # as RFC 9000, section 10.2, allows.
            self.abort("closed")

    def _end(self, reason: CloseReason) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._owner.on_closing(reason)
        if not self._is_terminated:
            self._is_terminated = True
            if self._transmit_task is not None:
                self._transmit_task.cancel()
            if self._quic.configuration.is_client and self._transport is not None:
                self._transport.close()  # a client has a socket for each connection, a server one for all
            self._owner.on_terminated()


async def dial(
    address: Address,
    family: socket.AddressFamily,
    configuration: QuicConfiguration,
    make_owner: Callable[[QuicTransport], TransportOwner],
    *,
    local_host: str | None = None,
) -> QuicTransport:
    """Begin a connection to a resolved address; success and failure are told to the owner. OSError when there is no route.

    The UDP socket is connected: packets from any other address are dropped by the kernel, and a port on which nobody listens is reported at once.
    It sends from `local_host`, if that is given (an address of this machine), else from whichever address leads there.
    """
    loop = asyncio.get_running_loop()
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        _raise_receive_buffer(udp)
        if local_host is not None:
            udp.bind((local_host, 0))
        udp.connect(address)
        quic = QuicConnection(configuration=configuration)
        _, transport = await loop.create_datagram_endpoint(lambda: QuicTransport(quic, make_owner, max_reassembly_bytes=CLIENT_REASSEMBLY_BYTES), sock=udp)
    except BaseException:
        udp.close()
        raise
    transport.connect(udp.getpeername())
    return transport


class _NotAdmitted(Exception):
    """Unwinds aioquic's construction of a connection that admission control does not want."""


class QuicListener(QuicServer):
    """A UDP socket on which connections are accepted. `accept` gives the owner of a new connection from an address, or None to drop its packets unanswered.

    With `retry`, a client must first prove that it receives at its address, which costs one round trip and no memory here: without it a flood with forged
    sender addresses would fill the tables, and the answers would hit the owners of those addresses. On loopback nobody can forge.
    """

    def __init__(
        self,
        udp: socket.socket,
        *,
        configuration: QuicConfiguration,
        retry: bool,
        accept: Callable[[Address], Callable[[QuicTransport], TransportOwner] | None],
    ) -> None:
        """`udp` is bound, and the event loop reads from it, too."""
        super().__init__(configuration=configuration, create_protocol=self._create_transport, retry=retry)
        self._udp = udp
        self._accept = accept
        self._sender: Address = ("", 0)
        self._closed_future: asyncio.Future[None] = self._loop.create_future()

    @property
    def port(self) -> int:
        """The bound UDP port."""
        assert self._transport is not None, "the listener has a socket"
        return int(self._transport.get_extra_info("sockname")[1])

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        _raise_receive_buffer(transport.get_extra_info("socket"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed_future.done():
            self._closed_future.set_result(None)

    @override
    def datagram_received(self, data: bytes | str, addr: Address) -> None:
        self._take_datagram(data, addr)
        for _ in range(READ_AT_ONCE - 1):
            try:
                more, sender = self._udp.recvfrom(MAX_UDP_BYTES)
            except OSError:
                return  # most often that nothing is left; whatever else it is, the event loop meets it at its next read
            self._take_datagram(more, sender)

    def _take_datagram(self, data: bytes | str, addr: Address) -> None:
        self._sender = addr
        try:
            super().datagram_received(data, addr)
        except _NotAdmitted:
            pass
        except Exception:
            # Parsing a stranger's packet must never end the validator.
            logger.exception("datagram from %s failed", address_name(addr))

    async def wait_closed(self) -> None:
        """Return when the socket is closed."""
        await self._closed_future

    def _create_transport(self, quic: QuicConnection, stream_handler: object = None) -> QuicTransport:
        make_owner = self._accept(self._sender)
        if make_owner is None:
            raise _NotAdmitted
        return QuicTransport(quic, make_owner, max_reassembly_bytes=SERVER_REASSEMBLY_BYTES)


async def listen(
    host: str,
    port: int,
    configuration: QuicConfiguration,
    *,
    retry: bool,
    accept: Callable[[Address], Callable[[QuicTransport], TransportOwner] | None],
) -> QuicListener:
    """Bind a UDP port (0: any free one) and accept connections. OSError when the port cannot be bound."""
    loop = asyncio.get_running_loop()
    [(family, kind, protocol, _, address), *_] = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    udp = socket.socket(family, kind, protocol)
    try:
        udp.setblocking(False)
        udp.bind(address)
        _, listener = await loop.create_datagram_endpoint(lambda: QuicListener(udp, configuration=configuration, retry=retry, accept=accept), sock=udp)
    except BaseException:
        udp.close()
        raise
    return listener


def _raise_receive_buffer(udp: Any) -> None:
    """Linux grants as much of it as it allows; other systems refuse what is too much, and are asked for less."""
    size_bytes = RECEIVE_BUFFER_BYTES
    while size_bytes >= LEAST_RECEIVE_BUFFER_BYTES:
        with contextlib.suppress(OSError):
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size_bytes)
            return
        size_bytes //= 2


def _close_reason(event: ConnectionTerminated) -> CloseReason:
    """A close by the application carries no frame type; its code is then one of ours, if the peer keeps to the protocol."""
    if event.frame_type is None and event.error_code in WireErrorCode.__members__.values():
        code = WireErrorCode(event.error_code)
        return CloseReason(f"{code.name}: {event.reason_phrase}", code)
    if event.error_code == 0:
        return CloseReason(event.reason_phrase or "closed")
    is_tls_alert = QuicErrorCode.CRYPTO_ERROR <= event.error_code < QuicErrorCode.CRYPTO_ERROR + 0x100
    return CloseReason(f"{event.reason_phrase or 'connection failed'} (QUIC error 0x{event.error_code:x})", is_tls_alert=is_tls_alert)


# --- What aioquic 1.7.2 keeps private ----------------------------------------------------------------------------------------------------------------
# ruff's SLF001 forbids such access elsewhere; a new version of aioquic must pass tests/unit/network/test_quic_private.py first.


def _peer_certificate_der(quic: QuicConnection) -> bytes:
    """aioquic verifies the server's certificate but has no public way to show it."""
    certificate = quic.tls._peer_certificate  # noqa: SLF001
    assert certificate is not None, "asked after TLS completed"
    return bytes(certificate.public_bytes(Encoding.DER))


def _pending_close(quic: QuicConnection) -> ConnectionTerminated | None:
    """The close that is under way. The public event comes only after the draining period."""
    return quic._close_event  # noqa: SLF001


def _unacknowledged_bytes(quic: QuicConnection, stream_id: int) -> int:
    """aioquic's send buffer takes any amount and reports nothing."""
    stream = quic._streams.get(stream_id)  # noqa: SLF001
    return 0 if stream is None else len(stream.sender._buffer)  # noqa: SLF001


def _reassembly_bytes(quic: QuicConnection) -> int:
    """Bytes held until earlier ones arrive. A gap is filled with zeros at once, so one byte far ahead costs as much memory as all bytes before it."""
    return sum(len(stream.receiver._buffer) for stream in quic._streams.values())  # noqa: SLF001


def _open_streams(quic: QuicConnection) -> int:
    """Streams of either side, also those on which no byte has arrived in order (which no event tells)."""
    return len(quic._streams)  # noqa: SLF001


def _limit_peer_streams(quic: QuicConnection) -> None:
    """The transport parameters offer 128 streams of each kind, which no public setting lowers. Only a client opens streams, two, bidirectional."""
    quic._local_max_streams_bidi.value = quic._local_max_streams_bidi.sent = 0 if quic.configuration.is_client else _PEER_STREAM_CREDIT  # noqa: SLF001
    quic._local_max_streams_uni.value = quic._local_max_streams_uni.sent = 0  # noqa: SLF001


def _delay_acknowledgements(quic: QuicConnection, seconds: float) -> None:
    """How long a packet of the peer may wait for its acknowledgement; no public setting says it."""
    quic._ack_delay = seconds  # noqa: SLF001


def _acknowledge_with_data(quic: QuicConnection, now: float) -> None:
    """Let the next packet, which carries data, carry the acknowledgements that wait, too. aioquic puts them in when they are due, and not before."""
    space = quic._spaces[Epoch.ONE_RTT] if Epoch.ONE_RTT in quic._spaces else None  # noqa: SLF001
    if space is not None and space.ack_at is not None:
        space.ack_at = min(space.ack_at, now)
