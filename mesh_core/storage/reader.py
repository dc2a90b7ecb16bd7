"""Reads beside the writer: a second connection to the file, read-only and without sqlitedict, so that no read waits for an fsync that is under way.

In WAL mode a reader sees the last commit and neither waits for the writer nor is waited for. Every read here is one statement, run to its end: it
sees everything whose COMMIT has returned, and holds no snapshot afterwards, which would keep the log from being reset.

It opens after the writer has put the file in WAL mode and closes before it: the last one to leave empties the log, and a read-only connection cannot.
"""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from mesh_core.storage.connection import Row

# Nothing in this program makes a reader wait. Another one can, by locking the whole file; the event loop must not stand still for it.
BUSY_TIMEOUT_SECONDS = 1.0


class Reader:
    """For any thread. A read that the disk does not answer cannot be interrupted; it stops its thread, and no vote comes out of that (read_watch.py)."""

    __slots__ = ("_connection", "_count", "_mutex", "reading")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._mutex = threading.Lock()
        self._count = 0
        self.reading: int | None = None
        """Number of the read that is under way."""

    @classmethod
    def open(cls, path: Path) -> "Reader":
        """Open the file, which a writer has open in WAL mode. Raises sqlite3.Error."""
        return cls(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False))

    def read(self, statement: str, arguments: Sequence[object]) -> list[Row]:
        """All rows of one SELECT, as of the last commit. Raises sqlite3.Error; ProgrammingError after `close`."""
        with self._mutex:
            self._count += 1
            self.reading = self._count
            try:
                return self._connection.execute(statement, arguments).fetchall()
            finally:
                self.reading = None

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with self._mutex:
            self._connection.close()
