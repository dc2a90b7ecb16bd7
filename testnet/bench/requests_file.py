"""Encoded transitions in a file: `u32 length | bytes`, one after the other. Prepared by who measures, sent by processes beside it."""

from collections.abc import Sequence
from pathlib import Path


def write_requests(path: Path, transitions: Sequence[bytes]) -> None:
    """Write them all. OSError."""
    path.write_bytes(b"".join(len(data).to_bytes(4, "big") + data for data in transitions))


def read_requests(path: Path) -> list[bytes]:
    """What `write_requests` wrote. OSError."""
    data, found, position = path.read_bytes(), [], 0
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "big")
        found.append(data[start:position])
    return found
