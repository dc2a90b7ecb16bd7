"""A database whose process does not run, read without changing a byte of it: a folder that is evidence stays what it is.

The owner's lock is taken, so that nothing starts meanwhile; where the folder cannot be written, it is looked at. What a crash has left in the write-ahead log
is read with it.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.connection import TABLE, Row
from mesh_core.storage.data_format import FORMAT_KEY, DataFormat
from mesh_core.storage.database import AFTER_PREFIX, FIRST_PAGE, NEXT_PAGE, ONE_ROW, ROWS_PER_PAGE
from mesh_core.storage.integrity import check_row, has_checksums
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.pending import Record
from mesh_core.storage.validator_store import DATABASE_NAME, FORMAT_NAME, FORMAT_VERSION

BUSY_TIMEOUT_S = 1.0


class StoppedDatabase:
    """Rows of a file that nothing else has open. Implements `RecordReader`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: OwnerLock | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, path: Path, data_format: DataFormat) -> "StoppedDatabase":
        """Open it. LocalFault: STORE_LOCKED (its process runs), STORE_FORMAT, STORE_CORRUPT, STORE_UNAVAILABLE."""
        if not path.is_file():
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"there is no database at {path}")
        lock = _lock(path)
        try:
            return cls._open_owned(path.resolve(), data_format, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @classmethod
    def _open_owned(cls, path: Path, data_format: DataFormat, lock: OwnerLock | None) -> "StoppedDatabase":
        # Where nothing is left in the log, the file alone is all of it: SQLite then makes no files beside it, which it could not in a folder of evidence.
        log = path.with_name(path.name + "-wal")
        how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        opened = False
        try:
            connection = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            try:
                _check(path, connection, data_format)
                opened = True
                return cls(path, connection, lock)
            finally:
                if not opened:
                    connection.close()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _unreadable(path, error) from error

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None. LocalFault."""
        for _, value in self._read(ONE_ROW, (key,)):
            return value or None
        return None

    def records(self, prefix: str = "") -> Iterator[Record]:
        """All records whose key starts with `prefix` (ASCII), in the order of their keys, page by page. LocalFault."""
        end = prefix + AFTER_PREFIX
        page = self._read(FIRST_PAGE, (prefix, end, ROWS_PER_PAGE))
        while page:
            yield from ((key, value) for key, value in page if value and key != FORMAT_KEY)
            page = self._read(NEXT_PAGE, (page[-1][0], end, ROWS_PER_PAGE))

    def close(self) -> None:
        """Close the file and give up its ownership."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> "StoppedDatabase":
        return self

    def __exit__(self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _read(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        try:
            return [check_row(self.path, row) for row in self._connection.execute(statement, arguments)]
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _unreadable(self.path, error) from error


def open_stopped_validator(data_dir: Path) -> StoppedDatabase:
    """The database of a validator that does not run. LocalFault as `StoppedDatabase.open`."""
    return StoppedDatabase.open(data_dir / DATABASE_NAME, DataFormat(FORMAT_NAME, FORMAT_VERSION))


def _lock(path: Path) -> OwnerLock | None:
    """Ownership, or at least nobody else's where this user cannot write. LocalFault: STORE_LOCKED, STORE_UNAVAILABLE where that cannot be told.

    A file that its process changes meanwhile would look damaged, and an honest validator would be called corrupt: whose it is does not matter.
    """
    with contextlib.suppress(OSError):
        return OwnerLock.acquire(path)
    try:
        return OwnerLock.keep_away(path)
    except OSError as error:
        text = f"whether a process uses {path} cannot be told, since its lock file cannot be opened: {error.strerror or error}"
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, text) from error


def _check(path: Path, connection: sqlite3.Connection, data_format: DataFormat) -> None:
    """The file is whole as far as SQLite can tell, and holds what is expected. LocalFault, sqlite3.Error."""
    [(found,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise LocalFault(ErrorCode.STORE_CORRUPT, f"{path} is damaged: {found}")
    # A view of this name, or a table that is computed, could give rows without an end, and the library would not come back.
    if [*connection.execute("SELECT 1 FROM sqlite_master WHERE lower(name) = ? AND NOT (type = 'table' AND rootpage > 0)", (TABLE,))]:
        raise LocalFault(ErrorCode.STORE_FORMAT, f"{path} holds no records, but what would compute them")
    columns: list[Row] = connection.execute(f"PRAGMA table_info({TABLE})").fetchall()
    row = connection.execute(f'SELECT value FROM "{TABLE}" WHERE key = ?', (FORMAT_KEY,)).fetchone() if columns else None  # noqa: S608 - a constant
    if not has_checksums(columns) or row is None or row[0] != data_format.encode():
        raise LocalFault(ErrorCode.STORE_FORMAT, f"{path} does not hold '{data_format.encode().decode()}', which is what can be read here")


def _unreadable(path: Path, error: Exception) -> LocalFault:
    return LocalFault(ErrorCode.STORE_CORRUPT, f"{path} cannot be read: {error}")
