"""sqlitedict with a deadline on every statement.

sqlitedict 2.1.0 gives each database a thread of its own, and three of its habits can cost a vote:
* if a commit fails, or a row cannot be read, the thread dies and the caller waits for ever (its issue 108);
* statements are only queued, and the error of one surfaces in whichever call comes next, perhaps that of another thread, while the statements after it
  run on: the rest of a batch is then committed without it;
* its own `select` collects a whole result in memory.
So nothing outside this file talks to sqlitedict: `request` sends one statement, waits for its end, and looks whether the thread still lives.
COMMIT goes the same way, as a statement, since a failing statement is reported where a failing `commit()` kills the thread.
The tests pin each of these habits, so that a new version of the package is noticed.
"""

import queue
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlitedict import SqliteDict

TABLE = "kv"
# How often a waiting caller looks whether sqlitedict's thread still lives.
LIVENESS_INTERVAL_SECONDS = 0.25
END_OF_ROWS = "--no more--"

Row = tuple[Any, ...]


class ConnectionLost(Exception):
    """sqlitedict's thread is dead or did not answer in time: what happened to the last request is unknown, and no other request can be made."""


class Connection:
    """One SqliteDict on one file, with the table `kv` (key TEXT PRIMARY KEY, value BLOB). Not for use by two threads at once.

    Values never pass through pickle: `encode` and `decode` are raw bytes, and rows are read as SQLite holds them.
    """

    __slots__ = ("_store", "_thread")

    def __init__(self, store: SqliteDict) -> None:
        self._store = store
        self._thread = store.conn

    @classmethod
    def open(cls, path: Path) -> "Connection":
        """Open the file, making the table if it is missing. Raises sqlite3.Error."""
        return cls(
            SqliteDict(
                str(path),
                tablename=TABLE,
                journal_mode="WAL",
                autocommit=False,
                outer_stack=False,
                encode=sqlite3.Binary,
                decode=bytes,
            )
        )

    def request(self, statement: str, arguments: Sequence[object] = (), *, deadline: float) -> list[Row]:
        """Run one statement to its end and return its rows. `deadline` is a `time.monotonic` value.

        Raises sqlite3.Error if this statement failed (SQLite may or may not have rolled the transaction back: close the connection),
        and ConnectionLost if the thread died or the deadline passed.
        """
        responses: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread.execute(statement, arguments, responses)
        rows: list[Row] = []
        while True:
            response = self._next_response(responses, deadline)
            self._thread.check_raise_error()
            if response == END_OF_ROWS:
                return rows
            rows.append(response)

    def close(self, *, timeout_seconds: float) -> bool:
        """Close the file; an open transaction is rolled back, and nothing that is still queued runs. True if the thread is known to have ended.

        False means that the thread still hangs inside SQLite, and that its last statement may yet take effect.
        """
        self._store.close(do_log=False, force=True)
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _next_response(self, responses: "queue.SimpleQueue[Any]", deadline: float) -> Any:
        while True:
            remaining = deadline - time.monotonic()
            try:
                return responses.get(timeout=max(0.0, min(remaining, LIVENESS_INTERVAL_SECONDS)))
            except queue.Empty:
                if not self._thread.is_alive() and responses.empty():
                    raise ConnectionLost("the database thread died") from None
                if remaining <= 0:
                    raise ConnectionLost("the database did not answer before the deadline") from None
