"""What both ends of a connection share: messages in frames on two streams, the ERROR message, and an end that is told exactly once."""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from typing_extensions import override

from mesh_core.errors import DecodeError, WireErrorCode
from mesh_core.network.framing import Frame, FrameDecoder, FrameFault, encode_frame
from mesh_core.network.quic import CONTROL_STREAM, MESSAGE_STREAM, CloseReason, QuicTransport, TransportOwner
from mesh_core.protocol.handshake import HandshakeFault
from mesh_core.types.messages import (
    MAX_FRAME_BYTES,
    MAX_HANDSHAKE_FRAME_BYTES,
    MESSAGES,
    AccountStateMessage,
    CertAck,
    ErrorMessage,
    Evidence,
    Handshake,
    Hello,
    Message,
    QueryAccount,
    SettlementCertificate,
    Subscribe,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
    decode_message,
    encode_message,
)

logger = logging.getLogger(__name__)

HANDSHAKE_TYPES: Final = frozenset(type_byte for type_byte, (kind, _) in MESSAGES.items() if kind in (Hello, Handshake, ErrorMessage))
"""Type bytes of the only messages that may come before the handshake is complete."""

MAX_PENDING_REQUESTS: Final = 256
"""Requests of one connection that may wait for their answer."""

MAX_QUEUED_CONTROL_BYTES: Final = 256 * 1024
"""PONGs that a peer has not acknowledged. A PONG is four times as long as its PING, so a peer that asks and never acknowledges would fill the memory."""

MAX_ERROR_TEXT_BYTES: Final = 200

Tier1Request = VoteRequest | SettlementCertificate | QueryAccount | Evidence
BulkRequest = SyncRequest | Subscribe
Answered = VoteRequest | SettlementCertificate | QueryAccount | SyncRequest
"""Requests that have exactly one answer, with the same request id. EVIDENCE has none, SUBSCRIBE is answered by events."""
Answer = VoteResponse | VoteReject | CertAck | AccountStateMessage | SyncResponse


class ConnectionKind(StrEnum):
    """What a connection's second stream is used for; its first request decides. Transfers of megabytes must not delay votes, so they never share one."""

    TIER1 = "tier1"
    BULK = "bulk"


def kind_of(message: Message) -> ConnectionKind:
    """The connection on which a request travels. FrameFault BAD_FRAME for a message that is no request."""
    if isinstance(message, Tier1Request):
        return ConnectionKind.TIER1
    if isinstance(message, BulkRequest):
        return ConnectionKind.BULK
    raise FrameFault(WireErrorCode.BAD_FRAME, f"{type(message).__name__} is not a request")


def decode_frame(frame: Frame) -> Message:
    """The message in a frame. FrameFault with the code that tells the peer what is wrong with it."""
    try:
        return decode_message(frame.type_byte, frame.payload)
    except DecodeError as error:
        codes = {"type": WireErrorCode.UNKNOWN_TYPE, "Handshake.role": WireErrorCode.ROLE}
        raise FrameFault(codes.get(error.field, WireErrorCode.BAD_FRAME), error.text) from error


class WireConnection(TransportOwner):
    """One end of a connection. Subclasses say what a control message and the bytes of the message stream mean to them.

    Every fault of the peer ends in `refuse`: an ERROR message with code and reason, then a close with the same code and reason.
    """

    def __init__(self, transport: QuicTransport, peer_name: str, *, max_queued_bytes: int) -> None:
        self.peer_name = peer_name
        self._transport = transport
        self._max_queued_bytes = max_queued_bytes
        self._peer_error: ErrorMessage | None = None
        # Nothing larger than a HANDSHAKE ever travels on the control stream, so its limit stays where it is.
        self._control = FrameDecoder(MAX_HANDSHAKE_FRAME_BYTES)
        self._messages = FrameDecoder(MAX_FRAME_BYTES)

    @property
    def is_closing(self) -> bool:
        """True once nothing can be sent or received any more."""
        return self._transport.is_closing

    @property
    def queued_bytes(self) -> int:
        """Bytes of messages that the peer has not acknowledged."""
        return self._transport.queued_bytes(MESSAGE_STREAM)

    def refuse(self, code: WireErrorCode, text: str) -> None:
        """Tell the peer why, in an ERROR message and in the close itself (the first may be lost), and close."""
        if self.is_closing:
            return
        logger.warning("%s: connection refused: %s: %s", self.peer_name, code.name, text, extra={"peer": self.peer_name, "code": int(code)})
        self._queue_control(ErrorMessage(code, clip(text, MAX_ERROR_TEXT_BYTES)))
        self._transport.close_with(code=code, text=text)

    def close(self, text: str = "closed") -> None:
        """Close without a fault. Returns at once."""
        self._transport.close_with(code=0, text=text)

    def abort(self, text: str) -> None:
        """Forget the connection without another packet."""
        self._transport.abort(text)

    # --- For subclasses

    def _handle_control(self, frame: Frame) -> None:
        """A frame of the control stream."""
        raise NotImplementedError

    def _handle_message_bytes(self, data: bytes) -> None:
        """Bytes of the message stream."""
        raise NotImplementedError

    def _handle_end(self, reason: CloseReason) -> None:
        """The connection is over."""
        raise NotImplementedError

    def _send_control(self, message: Message) -> None:
        if self._transport.queued_bytes(CONTROL_STREAM) > MAX_QUEUED_CONTROL_BYTES:
            self.refuse(WireErrorCode.RATE_LIMIT, f"more than {MAX_QUEUED_CONTROL_BYTES} bytes are waiting to be read")
        else:
            self._queue_control(message)

    def _queue_control(self, message: Message) -> None:
        type_byte, payload = encode_message(message)
        self._transport.send(CONTROL_STREAM, encode_frame(type_byte, payload, limit=MAX_HANDSHAKE_FRAME_BYTES))

    def _send_message(self, message: Message) -> bool:
        """Queue a message. A peer that does not read is cut off: aioquic would keep everything for it, without a limit."""
        type_byte, payload = encode_message(message)
        data = encode_frame(type_byte, payload, limit=MAX_FRAME_BYTES)
        if self.queued_bytes + len(data) > self._max_queued_bytes:
            self.refuse(WireErrorCode.RATE_LIMIT, f"more than {self._max_queued_bytes} bytes are waiting to be read")
            return False
        return self._transport.send(MESSAGE_STREAM, data)

    def _next_messages_frame(self) -> Frame | None:
        return None if self.is_closing else self._messages.next_frame()

    def _handle_error(self, message: ErrorMessage) -> None:
        """The peer closes and says why. Its text is shown, never acted upon, and never answered with an ERROR."""
        self._peer_error = message
        logger.warning("%s: peer reports %s: %r", self.peer_name, message.code.name, message.text, extra={"peer": self.peer_name})
        self._transport.close_with(code=0, text=f"peer reported {message.code.name}")

    # --- From the transport

    @override
    def on_data(self, stream_id: int, data: bytes) -> None:
        self._guard(lambda: self._take(stream_id, data))

    def _take(self, stream_id: int, data: bytes) -> None:
        if stream_id == CONTROL_STREAM:
            self._control.feed(data)
            while not self.is_closing and (frame := self._control.next_frame()) is not None:
                self._handle_control(frame)
        elif stream_id == MESSAGE_STREAM:
            self._handle_message_bytes(data)
        else:
            raise FrameFault(WireErrorCode.BAD_FRAME, f"stream {stream_id} has no use")

    def _guard(self, handle: Callable[[], None]) -> None:
        """Handle something of the peer's; whatever is wrong with it ends this connection and no other."""
        try:
            handle()
        except (FrameFault, HandshakeFault) as fault:
            self.refuse(fault.wire_code, fault.reason)
        except Exception:
            # Our own bug, met by this peer: the others must not suffer from it, and the log must show it.
            logger.exception("%s: internal error", self.peer_name)
            self.refuse(WireErrorCode.INTERNAL, "internal error")

    @override
    def on_violation(self, fault: FrameFault) -> None:
        self.refuse(fault.wire_code, fault.reason)

    @override
    def on_progress(self) -> None:
        pass

    @override
    def on_worked(self, seconds: float) -> None:
        pass

    @override
    def on_refused(self) -> None:
        pass

    @override
    def on_closing(self, reason: CloseReason) -> None:
        if self._peer_error is not None:
            reason = CloseReason(f"{self._peer_error.code.name}: {clip(self._peer_error.text, MAX_ERROR_TEXT_BYTES)}", self._peer_error.code)
        try:
            self._handle_end(reason)
        except Exception:
            logger.exception("%s: internal error at the end of a connection", self.peer_name)


def clip(text: str, most_bytes: int) -> str:
    """`text` shortened to what fits into so many bytes of UTF-8, without control characters (a peer's text ends up in logs and on screens)."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def log_step(peer_name: str, step: str, *, role: str, result: str) -> None:
    """One line for one message of the handshake: who, which message, what became of it."""
    logger.info("handshake with %s (%s): %s: %s", peer_name, role, step, result, extra={"peer": peer_name, "role": role, "step": step, "result": result})
