"""The wire, pinned: `schema.txt` holds every declaration of `mesh_core/types` as text, and this test compares.

A difference means that the bytes of MESH changed, and with them every hash, signature and stored file. If that is intended, describe it in docs/protocol.md
and write the snapshot anew, in the same commit:

    python -m tests.vectors.test_schema
"""

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from pathlib import Path

from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.types.events import EVENT_BODIES
from mesh_core.types.messages import MAX_FRAME_BYTES, MAX_HANDSHAKE_FRAME_BYTES, MESSAGES, PROTOCOL_VERSION, PongFlag, Want
from tests.declarations import TYPE_CODECS

SNAPSHOT = Path(__file__).with_name("schema.txt")
LOCAL_CODES_FROM = 0x1000
"""Codes from here on never leave the machine, so they are not part of the wire."""


def _numbers(kind: type[IntEnum] | type[IntFlag], *, below: int = 2**16) -> str:
    return kind.__name__ + "{" + ",".join(f"{member.name}={int(member)}" for member in kind if member < below) + "}"


def _lines() -> Iterator[str]:
    yield "# Every declaration of mesh_core/types. Written by: python -m tests.vectors.test_schema"
    yield ""
    yield "[types]"
    yield from (f"{name} = {codec.schema}" for name, codec in sorted(TYPE_CODECS.items()))
    yield ""
    yield "[messages]"
    yield from (f"0x{type_byte:02x} = {codec.schema}" for type_byte, (_, codec) in sorted(MESSAGES.items()))
    yield ""
    yield "[events]"
    yield from (f"{int(kind)} {kind.name} = {codec.schema}" for kind, (_, codec) in sorted(EVENT_BODIES.items()))
    yield ""
    yield "[numbers]"
    yield _numbers(ErrorCode, below=LOCAL_CODES_FROM)
    yield _numbers(WireErrorCode)
    yield _numbers(PongFlag)
    yield _numbers(Want)
    yield f"PROTOCOL_VERSION = {PROTOCOL_VERSION}"
    yield f"MAX_FRAME_BYTES = {MAX_FRAME_BYTES}"
    yield f"MAX_HANDSHAKE_FRAME_BYTES = {MAX_HANDSHAKE_FRAME_BYTES}"


def render_schema() -> str:
    """The declarations as they are in the code."""
    return "\n".join(_lines()) + "\n"


def test_declarations_are_those_of_the_snapshot() -> None:
    assert render_schema().splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_every_message_and_type_has_its_own_line() -> None:
    lines = [line for line in render_schema().splitlines() if " = " in line]
    assert len({line.split(" = ")[0] for line in lines}) == len(lines)


if __name__ == "__main__":
    SNAPSHOT.write_text(render_schema(), encoding="utf-8")
