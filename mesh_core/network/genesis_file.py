"""The genesis document as a file: its canonical bytes."""

from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.protocol.genesis import Genesis, read_genesis

GENESIS_LIMIT_BYTES = 128 * 1024 * 1024
"""More than the largest document that decodes."""


def load_genesis(path: Path) -> Genesis:
    """Read and check a genesis document file. LocalFault (CONFIG_INVALID if it cannot be read or is longer than any, GENESIS_INVALID)."""
    try:
        data = read_plain_file(path, GENESIS_LIMIT_BYTES)
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"genesis: {path} cannot be read: {error.strerror or error}") from error
    return read_genesis(data)
