"""Which data a file holds, and in which version: the record `meta/format`.

It is checked before anything is written, so that an older program never damages what a newer one made, and no other application's file is touched.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.connection import TABLE

FORMAT_KEY = "meta/format"
FOUND_LIMIT_BYTES = 80
BUSY_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DataFormat:
    """Name (no spaces) and version of a data format."""

    name: str
    version: int

    def encode(self) -> bytes:
        """The value of the record `meta/format`: name, one space, version in decimal."""
        return f"{self.name} {self.version}".encode("ascii")


def check_format(path: Path, expected: DataFormat) -> None:
    """Refuse an existing SQLite file that does not hold `expected`; a file without rows, or without our table, is as good as new.

    Raises LocalFault(STORE_FORMAT) saying what was found, or sqlite3.Error if it is no SQLite file at all.
    Read by a plain connection, because sqlitedict cannot open a file without changing it.
    """
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite@_%' ESCAPE '@'")}
        if tables - {TABLE}:
            raise LocalFault(
                ErrorCode.STORE_FORMAT, f"{path} is a database of another application (tables: {', '.join(sorted(tables))}); choose another folder"
            )
        if not tables:
            return
        row = connection.execute("SELECT value FROM kv WHERE key = ?", (FORMAT_KEY,)).fetchone()
        if row is None and connection.execute("SELECT 1 FROM kv LIMIT 1").fetchone() is None:
            return
    found = row[0] if row is not None else None
    if found != expected.encode():
        raise LocalFault(ErrorCode.STORE_FORMAT, _describe_mismatch(path, found, expected))


def _describe_mismatch(path: Path, found: object, expected: DataFormat) -> str:
    if not isinstance(found, bytes):
        return f"{path} has data but no readable format record; it was not made by this program: choose another folder"
    text = found[:FOUND_LIMIT_BYTES].decode("ascii", "backslashreplace")
    name, _, version = text.partition(" ")
    if name == expected.name:
        return f"{path} holds version {version} of the format {name}, this program knows version {expected.version}: run the version of MESH that wrote it"
    return f"{path} holds '{text}', not '{expected.name}': it belongs to another part of MESH; check the folder in the configuration"
