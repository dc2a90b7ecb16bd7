"""A durable map from text keys to bytes in one SQLite file: what is written is on the disk when `write` returns, all of it or nothing.

One file, one table, one owner. WAL with `synchronous=FULL`: each commit is forced to the medium. Reads go beside the writer (reader.py).
An empty value is a tombstone: the key counts as absent at once, and the row goes when the file is next opened.

A write that fails or hangs ends the use of the object: nothing is retried in place, because after a failed fsync neither the file nor the page
cache says what the disk holds. The owner stops and starts again from the file. A stopped validator is safe; one that votes without its records is not.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.connection import TABLE, Connection, ConnectionLost
from mesh_core.storage.data_format import FORMAT_KEY, DataFormat, check_format
from mesh_core.storage.files import PRIVATE_FILE_MODE, flush_directory, make_private_directory
from mesh_core.storage.integrity import check_file, check_row, compute_checksum, has_checksums
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.pending import PendingRecords, Record
from mesh_core.storage.reader import Reader

DEADLINE_SECONDS = 10.0
# SQLite itself waits 5 s for another program's lock; the deadline must be longer, so that this wait ends in SQLite's own error.
SQLITE_BUSY_SECONDS = 5.0
assert DEADLINE_SECONDS > SQLITE_BUSY_SECONDS

# Old builds of SQLite allow 999 variables in a statement, three are needed a row.
ROWS_PER_STATEMENT = 300
ROWS_PER_PAGE = 512
CLOSE_TIMEOUT_SECONDS = 5.0
# After a fault the thread either ends at once or hangs in the kernel.
FAULT_CLOSE_TIMEOUT_SECONDS = 0.5
PRIMARY_ERROR_MASK = 0xFF

# (pragma, value to set, value to read back). fullfsync empties the drive's cache on macOS and means nothing elsewhere.
DURABILITY_PRAGMAS: Final = (("journal_mode", "WAL", "wal"), ("synchronous", "FULL", 2), ("fullfsync", "1", 1))

REPLACE_ROWS = 'REPLACE INTO "kv"(key, value, checksum) VALUES '
ONE_ROW = 'SELECT key, value, checksum FROM "kv" WHERE key = ?'
FIRST_PAGE = 'SELECT key, value, checksum FROM "kv" WHERE key >= ? AND key < ? ORDER BY key LIMIT ?'
NEXT_PAGE = 'SELECT key, value, checksum FROM "kv" WHERE key > ? AND key < ? ORDER BY key LIMIT ?'
# Greater than every key that starts with the prefix, since keys are ASCII.
AFTER_PREFIX = "\U0010ffff"

RECENT_COMMITS: Final = 256


@dataclass(frozen=True, slots=True)
class CommitStatistics:
    """Time that COMMIT took, the fsync included, over all commits since the file was opened."""

    count: int = 0
    last_seconds: float = 0.0
    max_seconds: float = 0.0
    sum_seconds: float = 0.0
    recent_seconds: tuple[float, ...] = ()
    """Of the last commits, oldest first. A value and no list: whoever reads it does so in another thread."""

    def with_commit(self, seconds: float) -> "CommitStatistics":
        """The statistics after one more commit."""
        return CommitStatistics(
            count=self.count + 1,
            last_seconds=seconds,
            max_seconds=max(self.max_seconds, seconds),
            sum_seconds=self.sum_seconds + seconds,
            recent_seconds=(*self.recent_seconds[-RECENT_COMMITS + 1 :], seconds),
        )


class Database:
    """The open file. `write` and `records` may be called from any thread, `get` only from the thread that queues batches (if any does)."""

    def __init__(self, path: Path, lock: OwnerLock, connection: Connection, reader: Reader, deadline_seconds: float) -> None:
        self.path = path
        self.deadline_seconds = deadline_seconds
        self.pending = PendingRecords()
        self.statistics = CommitStatistics()
        self.was_taken_over = False
        """Whether the file holds data of the first program, which knew neither checksums nor a vote journal."""
        self._lock = lock
        self._connection = connection
        self._reader = reader
        self._fault: LocalFault | None = None
        self._is_closed = False
        # sqlitedict reports an error to whoever calls next. Without this mutex one writer could swallow another's error, which would then be acknowledged.
        self._mutex = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, format_name: str, format_version: int = 1, create: bool = True, deadline_seconds: float = DEADLINE_SECONDS) -> "Database":
        """Open or create the file at `path` and own it until `close` or the end of the process.

        Raises LocalFault: STORE_LOCKED (another process has it), STORE_FORMAT (other data or another version), STORE_CORRUPT, and
        STORE_UNAVAILABLE (missing and not `create`, no permission, not a folder, no durable writes possible there).
        """
        data_format = DataFormat(format_name, format_version)
        try:
            path = path.resolve()
            _require_place(path, create=create)
            lock = OwnerLock.acquire(path)
            try:
                return cls._open_owned(path, lock, data_format, deadline_seconds)
            except BaseException:
                lock.release()
                raise
        except (OSError, sqlite3.Error, UnicodeDecodeError, ConnectionLost) as error:
            raise _describe_open_failure(path, error) from error

    @classmethod
    def _open_owned(cls, path: Path, lock: OwnerLock, data_format: DataFormat, deadline_seconds: float) -> "Database":
        _create_private_file(path)
        if path.stat().st_size > 0:
            check_format(path, data_format)
            check_file(path)
        connection = Connection.open(path)
        try:
            _require_durability(connection, path, time.monotonic() + deadline_seconds)
            had_checksums = _prepare(connection, data_format)
            flush_directory(path.parent)
            reader = Reader.open(path)
        except BaseException:
            connection.close(timeout_seconds=CLOSE_TIMEOUT_SECONDS)
            raise
        database = cls(path, lock, connection, reader, deadline_seconds)
        database.was_taken_over = not had_checksums and next(database.records(), None) is not None
        return database

    def write(self, records: Sequence[Record]) -> None:
        """Make all records durable, or none: when this returns they survive a power cut. Of two records with one key the later wins.

        For programs without an event loop; a batch that a `Committer` has queued may not be overtaken.
        Raises LocalFault(STORE_WRITE), after which the object is dead.
        """
        assert len(self.pending) == 0, "a synchronous write would overtake queued batches"
        check_records(records)
        self.commit(records)

    def commit(self, records: Sequence[Record]) -> None:
        """`write` for the committer's thread: one transaction, one fsync, whatever is queued behind it."""
        rows = dict(records)
        if not rows:
            return
        deadline = time.monotonic() + self.deadline_seconds
        with self._exclusive(deadline):
            try:
                self._run_transaction(list(rows.items()), deadline)
            except Exception as error:
                raise self._abandon(ErrorCode.STORE_WRITE, f"cannot write {self.path}: {error}") from error
            except BaseException:
                # An interrupt leaves a half-done transaction, which the next write would otherwise commit.
                self._abandon(ErrorCode.STORE_WRITE, f"writing {self.path} was interrupted")
                raise

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None; sees batches that are queued and not yet durable. Waits for no write. Raises LocalFault if the file cannot be read."""
        self._require_usable()
        queued = self.pending.get(key)
        if queued is not None:
            return queued or None
        if key == FORMAT_KEY:
            return None
        for _, value in self._read(ONE_ROW, (key,)):
            return value or None
        return None

    @property
    def reading(self) -> int | None:
        """Number of the read that is under way; for whoever watches over a deadline, from another thread."""
        return self._reader.reading

    def records(self, prefix: str = "") -> Iterator[Record]:
        """All durable records whose key starts with `prefix` (ASCII), in the order of their keys, read page by page: a million rows need no memory.

        Tombstones are left out, and so are batches that are still queued. A commit in between may show in later pages and not in earlier ones.
        Raises LocalFault if the file cannot be read.
        """
        assert prefix.isascii()
        end = prefix + AFTER_PREFIX
        page = self._read(FIRST_PAGE, (prefix, end, ROWS_PER_PAGE))
        while page:
            for key, value in page:
                if value and key != FORMAT_KEY:
                    yield key, value
            page = self._read(NEXT_PAGE, (page[-1][0], end, ROWS_PER_PAGE))

    def close(self) -> None:
        """Close the file and give up its ownership. May be called twice; never raises and never waits for more than a few seconds.

        Where SQLite hangs, the ownership stays with this process until it ends: the hanging write may still happen, and a successor that had read
        the file before would not know of it.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._reader.close()
        if self._connection.close(timeout_seconds=CLOSE_TIMEOUT_SECONDS if self._fault is None else FAULT_CLOSE_TIMEOUT_SECONDS):
            self._lock.release()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, exception_type: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _run_transaction(self, rows: list[Record], deadline: float) -> None:
        """BEGIN, REPLACE, COMMIT, each awaited: the first failure stops the sequence, so no later statement can commit the rest of the batch."""
        self._connection.request("BEGIN IMMEDIATE", deadline=deadline)
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            part = rows[start : start + ROWS_PER_STATEMENT]
            statement = REPLACE_ROWS + ",".join(["(?,?,?)"] * len(part))
            arguments = [item for key, value in part for item in (key, value, compute_checksum(key, value))]
            self._connection.request(statement, arguments, deadline=deadline)
        begun = time.perf_counter()
        self._connection.request("COMMIT", deadline=deadline)
        self.statistics = self.statistics.with_commit(time.perf_counter() - begun)

    def _read(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        self._require_usable()
        try:
            return [check_row(self.path, row) for row in self._reader.read(statement, arguments)]
        except (sqlite3.Error, UnicodeDecodeError) as error:
            fault = LocalFault(ErrorCode.STORE_CORRUPT if _is_damage(error) else ErrorCode.STORE_UNAVAILABLE, f"cannot read {self.path}: {error}")
            self._fault = fault
            raise LocalFault(fault.code, fault.text) from error
        except LocalFault as fault:
            # What cannot be read is not written to either: the next commit finds the fault. One that is under way has its own connection and its own end.
            self._fault = fault
            raise

    @contextlib.contextmanager
    def _exclusive(self, deadline: float) -> Iterator[None]:
        if not self._mutex.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise LocalFault(ErrorCode.STORE_WRITE, f"{self.path} was busy for {self.deadline_seconds:g} s")
        try:
            self._require_usable()
            yield
        finally:
            self._mutex.release()

    def _require_usable(self) -> None:
        assert not self._is_closed, "the database is closed"
        if self._fault is not None:
            raise LocalFault(self._fault.code, self._fault.text)

    def _abandon(self, code: ErrorCode, text: str) -> LocalFault:
        """Roll back by closing the connection: no statement after the failed one can run any more, though a COMMIT that hangs may still succeed."""
        self._fault = LocalFault(code, text)
        self._connection.close(timeout_seconds=0.0)
        return self._fault


def check_records(records: Sequence[Record]) -> None:
    """Refuse what would poison a whole group of batches in the database's thread: our own bugs, found where they are made."""
    for key, value in records:
        assert isinstance(key, str), "a key is text"
        assert key, "a key is not empty"
        assert key.isascii(), "a key is ASCII"
        assert key != FORMAT_KEY, "the format record is not for writing"
        assert isinstance(value, bytes), "a value is bytes"


def _require_place(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} is a folder, a database file is expected there")
    if create:
        make_private_directory(path.parent)
    elif not path.exists():
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"there is no database at {path}")


def _create_private_file(path: Path) -> None:
    """An empty file of mode 0600 where none is; SQLite gives its side files the same mode. An existing file loses the rights of others."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE_MODE))
    path.chmod(PRIVATE_FILE_MODE)


def _require_durability(connection: Connection, path: Path, deadline: float) -> None:
    """sqlitedict switches `synchronous` OFF when it opens, and a file system may refuse WAL in silence: set, read back, refuse."""
    for pragma, value, expected in DURABILITY_PRAGMAS:
        connection.request(f"PRAGMA {pragma} = {value}", deadline=deadline)
        found = connection.request(f"PRAGMA {pragma}", deadline=deadline)
        if found != [(expected,)]:
            raise LocalFault(
                ErrorCode.STORE_UNAVAILABLE,
                f"{path} cannot be written durably: {pragma} is {found} instead of {expected!r}; choose a folder on a local disk",
            )


def _prepare(connection: Connection, data_format: DataFormat) -> bool:
    """Record the format of a new file and really delete tombstones, in one transaction. Fails where the file is read-only.

    False for a file without checksums, which gets room for them: it is new, or of the first program, which had none.
    """
    columns = connection.request(f"PRAGMA table_info({TABLE})", deadline=float("inf"))
    # No deadline by the clock: this scans the table once, and a large one takes its time. A dead thread is still noticed.
    connection.request("BEGIN IMMEDIATE", deadline=float("inf"))
    had_checksums = has_checksums(columns)
    if not had_checksums:
        connection.request('ALTER TABLE "kv" ADD COLUMN checksum INTEGER', deadline=float("inf"))
    connection.request('INSERT OR IGNORE INTO "kv"(key, value) VALUES (?, ?)', (FORMAT_KEY, data_format.encode()), deadline=float("inf"))
    connection.request('DELETE FROM "kv" WHERE length(value) = 0', deadline=float("inf"))
    connection.request("COMMIT", deadline=float("inf"))
    return had_checksums


def _is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Python's sqlite3 raises UnicodeDecodeError where SQLite's own message quotes bytes of the damaged file."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Python's own: text in the file that is no text.
        return isinstance(error, sqlite3.OperationalError | UnicodeDecodeError)
    return code & PRIMARY_ERROR_MASK in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _describe_open_failure(path: Path, error: OSError | sqlite3.Error | UnicodeDecodeError | ConnectionLost) -> LocalFault:
    if isinstance(error, OSError):
        return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot open {path}: {error.filename or path}: {error.strerror or error}")
    if isinstance(error, ConnectionLost):
        return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot open {path}: {error}")
    if _is_damage(error):
        return LocalFault(
            ErrorCode.STORE_CORRUPT, f"{path} is damaged or not a database: {error}; move it away and restore it, or let a validator catch up from its peers"
        )
    if getattr(error, "sqlite_errorcode", 0) & PRIMARY_ERROR_MASK == sqlite3.SQLITE_BUSY:
        return LocalFault(ErrorCode.STORE_LOCKED, f"{path} is locked by another program (a database browser?): {error}")
    return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot open {path}: {error}")
