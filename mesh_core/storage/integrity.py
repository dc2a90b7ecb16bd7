"""Damage is found before it is believed: a checksum for each row, and the whole file looked through when it is opened.

SQLite notices a damaged page structure, and only where it reads. It has no checksum of what is stored: a bit that flips in a value comes back as another
commitment, another signature, another sequence. A validator that took that for its state would vote on it. A crc32 is against accidents and not against
an adversary, who could as well write what he likes and its checksum with it.

Rows without a checksum are of a version that had none. A flipped bit cannot make one of them unnoticed: it would have to change the value, too.
"""

import contextlib
import sqlite3
import zlib
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.connection import TABLE, Row
from mesh_core.storage.data_format import BUSY_TIMEOUT_SECONDS
from mesh_core.storage.pending import Record

ALL_ROWS = f'SELECT key, value, checksum FROM "{TABLE}" NOT INDEXED'  # noqa: S608 - a constant
KEY_LIMIT = 80


def compute_checksum(key: str, value: bytes) -> int:
    """crc32 of key and value, a zero byte between them: a value that is found under another key is damage, too."""
    return zlib.crc32(value, zlib.crc32(key.encode("ascii") + b"\0"))


def check_row(path: Path, row: Row) -> Record:
    """Key and value of a row (key, value, checksum or None). Raises LocalFault(STORE_CORRUPT)."""
    key, value, checksum = row
    if not isinstance(key, str) or not key.isascii() or not isinstance(value, bytes):
        raise LocalFault(ErrorCode.STORE_CORRUPT, f"{path} holds a row that this program did not write: key {str(key)[:KEY_LIMIT]!r}")
    if checksum is not None and checksum != compute_checksum(key, value):
        raise LocalFault(
            ErrorCode.STORE_CORRUPT,
            f"{path} is damaged: the value of {key[:KEY_LIMIT]!r} is not what was written; check the disk, and restore the file or let a validator catch up",
        )
    return key, value


def check_file(path: Path) -> None:
    """Look through all pages and rows of an existing file, about a second for 100 MB. A file of version 1 without checksums is only looked through by SQLite.

    Raises LocalFault(STORE_CORRUPT) or sqlite3.Error. By a plain connection, before anything writes to the file.
    """
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        # One message is enough: more of them can take very long where much is broken.
        [(found,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if found != "ok":
            raise LocalFault(ErrorCode.STORE_CORRUPT, f"{path} is damaged: {found}; check the disk, and restore the file or let a validator catch up")
        if has_checksums(connection.execute(f"PRAGMA table_info({TABLE})").fetchall()):
            for row in connection.execute(ALL_ROWS):
                check_row(path, row)


def has_checksums(columns: list[Row]) -> bool:
    """Whether the answer of `PRAGMA table_info` has our third column."""
    return any(column[1] == "checksum" for column in columns)
