"""Frames on a stream: `u32 length | u8 type | payload`, with `length = 1 + len(payload)` (docs/protocol.md, "Transport").

Pure: bytes in, frames out. The announced length is compared with the limit as soon as its four bytes are there, and nothing is ever allocated by it:
memory grows only with bytes that have really arrived, so a peer cannot make us reserve 4 GiB with one small packet.
"""

from dataclasses import dataclass
from typing import Final

from mesh_core.errors import ErrorCode, PeerFault, WireErrorCode

LENGTH_BYTES: Final = 4
TYPE_BYTES: Final = 1


class FrameFault(PeerFault):
    """A peer's bytes are no valid frame, or a valid frame that has no place here. `wire_code` is what the ERROR message tells the peer."""

    def __init__(self, wire_code: WireErrorCode, text: str, *, peer: str = "") -> None:
        super().__init__(ErrorCode.PEER_FRAME, text, peer=peer)
        self.wire_code = wire_code
        self.reason = text


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it stands on the wire: its type byte and its payload."""

    type_byte: int
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """Bytes that the frame takes on the stream."""
        return LENGTH_BYTES + TYPE_BYTES + len(self.payload)


def encode_frame(type_byte: int, payload: bytes, *, limit: int) -> bytes:
    """The frame's bytes. A payload over `limit` is our own bug: the peer would close the connection."""
    length = TYPE_BYTES + len(payload)
    assert length <= limit, f"frame of {length} bytes over the limit of {limit}"
    return length.to_bytes(LENGTH_BYTES, "big") + bytes((type_byte,)) + payload


class FrameDecoder:
    """Cuts one stream into frames, however the bytes are split on their way. `limit` is the largest `length` accepted; it rises after the handshake."""

    __slots__ = ("_buffer", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    @property
    def buffered_bytes(self) -> int:
        """Bytes received that are not part of a returned frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Append what arrived. Call `next_frame` until it gives None before feeding again: that keeps the buffer below one frame."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """The next complete frame, or None when more bytes are needed. FrameFault for a length of 0 or over the limit; the stream is then lost."""
        if len(self._buffer) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if length < TYPE_BYTES:
            raise FrameFault(WireErrorCode.BAD_FRAME, "frame of length 0")
        if length > self.limit:
            raise FrameFault(WireErrorCode.TOO_LARGE, f"frame of {length} bytes, at most {self.limit} are allowed")
        end = LENGTH_BYTES + length
        if len(self._buffer) < end:
            return None
        payload_start = LENGTH_BYTES + TYPE_BYTES
        frame = Frame(self._buffer[LENGTH_BYTES], bytes(self._buffer[payload_start:end]))
        del self._buffer[:end]
        return frame
