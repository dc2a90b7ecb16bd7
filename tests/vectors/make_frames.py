"""Makes `frames.json`: what arrives on a stream of a validator, well-formed and malformed, and the ERROR that ends the connection.

`python -m tests.vectors.make_all` writes the files anew.
"""

from typing import Any

from mesh_core.errors import WireErrorCode
from mesh_core.network.framing import encode_frame
from mesh_core.types.messages import MAX_FRAME_BYTES, Message, encode_message
from tests.vectors.make_messages import messages

NAME = "frames.json"


def frame(message: Message) -> bytes:
    type_byte, payload = encode_message(message)
    return encode_frame(type_byte, payload, limit=MAX_FRAME_BYTES)


def resized(data: bytes) -> bytes:
    """A frame whose length says how long it is."""
    return (len(data) - 4).to_bytes(4, "big") + data[4:]


def cases() -> list[tuple[str, str, bool, bytes, list[str], WireErrorCode | None]]:
    """Name, stream, whether the handshake is complete, bytes, messages that are taken, ERROR."""
    known = messages()
    ping, query, sync = frame(known["PING"]), frame(known["QUERY_ACCOUNT"]), frame(known["SYNC_REQUEST of an account"])
    hello, final, pong = frame(known["HELLO"]), frame(known["HANDSHAKE of an initiator"]), frame(known["PONG"])
    request, response, subscribe = frame(known["VOTE_REQUEST"]), frame(known["VOTE_RESPONSE"]), frame(known["SUBSCRIBE to two accounts"])
    bad, unknown, large, early = WireErrorCode.BAD_FRAME, WireErrorCode.UNKNOWN_TYPE, WireErrorCode.TOO_LARGE, WireErrorCode.HANDSHAKE_REQUIRED
    want_at, count_at = 4 + 1 + 8 + 32, 4 + 1 + 8
    return [
        ("length 0", "control", False, bytes(4), [], bad),
        ("length 0 behind a good frame", "messages", True, query + bytes(4), ["QUERY_ACCOUNT"], bad),
        ("length 1025 before the handshake", "control", False, (1025).to_bytes(4, "big"), [], large),
        ("length 1025 on the control stream, later", "control", True, (1025).to_bytes(4, "big"), [], large),
        ("length 262145", "messages", True, (262_145).to_bytes(4, "big"), [], large),
        ("length 2^32 - 1", "messages", True, b"\xff" * 4, [], large),
        ("two bytes of a length: wait for more", "messages", True, bytes(2), [], None),
        ("a frame without its last byte: wait for more", "messages", True, query[:-1], [], None),
        ("length 262144 and nothing else yet: wait for more", "messages", True, (262_144).to_bytes(4, "big"), [], None),
        ("two frames at once", "control", True, ping + ping, ["PING", "PING"], None),
        ("a payload one byte short", "messages", True, resized(query[:-1]), [], bad),
        ("a payload one byte long", "messages", True, resized(query + b"\0"), [], bad),
        ("a PING one byte long", "control", True, resized(ping + b"\0"), [], bad),
        ("a HELLO one byte short", "control", False, resized(hello[:-1]), [], bad),
        ("a HELLO one byte long", "control", False, resized(hello + b"\0"), [], bad),
        ("no payload", "messages", True, b"\0\0\0\1\x10", [], bad),
        ("unknown type on the message stream", "messages", True, b"\0\0\0\1\x7f", [], unknown),
        ("unknown type on the control stream", "control", True, b"\0\0\0\1\xff", [], unknown),
        ("unknown type before the handshake", "control", False, b"\0\0\0\1\x7f", [], early),
        ("PING before the handshake", "control", False, ping, [], early),
        ("VOTE_REQUEST before the handshake, on the message stream", "messages", False, request, [], early),
        ("SUBSCRIBE to 33 accounts", "messages", True, subscribe[:17] + b"\x21" + subscribe[18:], [], bad),
        ("want 8", "messages", True, query[:want_at] + b"\x08" + query[want_at + 1 :], [], bad),
        ("SYNC_REQUEST, mode 3", "messages", True, sync[:count_at] + b"\3" + sync[count_at + 1 :], [], bad),
        ("17 certificates", "messages", True, request[:count_at] + b"\x11" + request[count_at + 1 :], [], bad),
        ("a length inside that leads beyond the end", "messages", True, request[: count_at + 1] + b"\xff" * 4 + request[count_at + 5 :], [], bad),
        (
            "a malformed transition is no malformed message",
            "messages",
            True,
            frame(known["VOTE_REQUEST with certificates, which may be anything"]),
            ["VOTE_REQUEST"],
            None,
        ),
        ("an answer where requests belong", "messages", True, response, [], bad),
        ("PING on the message stream", "messages", True, ping, [], bad),
        ("a PONG to a validator", "control", True, pong, [], bad),
        ("HELLO after the handshake", "control", True, hello, [], bad),
        ("HANDSHAKE after the handshake", "control", True, final, [], bad),
        ("HANDSHAKE without HELLO", "control", False, final, [], bad),
    ]


def build() -> dict[str, Any]:
    listed = []
    for name, stream, is_open, data, taken, code in cases():
        expected = {"messages": taken, "error": None if code is None else int(code)}
        listed.append({"name": name, "input": {"stream": stream, "handshake_complete": is_open, "data": data.hex()}, "expected": expected})
    return {
        "description": [
            "Bytes on one stream of a new connection (control or messages), before or after a complete handshake, as a validator receives them.",
            "messages: the names of what it takes; error: the code of the ERROR with which it then closes, or null where it waits for more.",
        ],
        "source": "tests/vectors/make_frames.py: stated by hand; tried on a validator's server and by tests/vectors/second_opinion.py",
        "limits": {"control": 1024, "messages": MAX_FRAME_BYTES},
        "streams": listed,
    }
