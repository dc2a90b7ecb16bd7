"""The genesis document as a file: its canonical bytes."""

from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis, read_genesis

GENESIS_LIMIT_BYTES = 128 * 1024 * 1024
"""More than the largest document that decodes."""


def load_genesis(path: Path) -> Genesis:
    """Read and check a genesis document file. LocalFault (CONFIG_INVALID if it cannot be read, GENESIS_INVALID)."""
    try:
        with path.open("rb") as file:
            data = file.read(GENESIS_LIMIT_BYTES + 1)
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"genesis: {path} cannot be read: {error.strerror or error}") from error
    if len(data) > GENESIS_LIMIT_BYTES:
        raise LocalFault(ErrorCode.GENESIS_INVALID, f"{path} is longer than {GENESIS_LIMIT_BYTES} bytes")
    return read_genesis(data)
