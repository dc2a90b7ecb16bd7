"""The file of the vote journal (docs/protocol.md, "Vote journal and quarantine"): appended and forced to the disk before the database commits the vote.

    record     payload (176) || crc32 of the payload (4, big-endian)
    header     the first record: magic (16) || version (2) || length (2) || what the caller says of validator and network (up to 144) || zeros
    entry      every other record; its payload is the caller's

It guards against an old or lost database, so it must not share the database's fate: it is read and checked before it is believed.

* A crash in an append leaves a last record in part, or pages at the end that were never written (zeros). No such vote was acknowledged: the tail is
  cut off. A bad record before the last is damage: nothing is cut or overwritten then, and the file is kept aside when a new one takes its place.
* A new journal where one was missing or damaged would pass for a whole one at the next start. So it is made only after the database has committed what
  the validator decided about the loss (`is_trusted`).
* A write or fsync that fails ends the use of the object. It is never tried again: the kernel may have dropped the pages and report success next time.
"""

import contextlib
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.storage.database import CommitStatistics
from mesh_core.storage.files import PRIVATE_FILE_MODE, flush_directory, flush_file, make_private_directory
from mesh_core.storage.lock import OwnerLock

ENTRY_SIZE_BYTES = 176
CHECKSUM_SIZE_BYTES = 4
RECORD_SIZE_BYTES = ENTRY_SIZE_BYTES + CHECKSUM_SIZE_BYTES
HEADER_LIMIT_BYTES = 144

MAGIC = b"mesh.votejournal"
FORMAT_VERSION = 1
# The header record has this form in every version, so that an older program can tell what it has before it.
VERSION_AT = slice(16, 18)

NEW_SUFFIX = ".new"
DAMAGED_SUFFIX = ".damaged"


class VoteJournal:
    """The open file. `append` may be called from any one thread; nothing but `is_writing` and `statistics` while it runs."""

    def __init__(self, path: Path, lock: OwnerLock, header: bytes) -> None:
        self.path = path
        self.statistics = CommitStatistics()
        self.contents = JournalContents(JournalCondition.MISSING)
        self._lock = lock
        self._header = header
        self._descriptor: int | None = None
        self._notes: list[str] = []
        self._fault: LocalFault | None = None
        self.is_writing = False
        self._is_as_read = True

    @classmethod
    def open(cls, path: Path, header: bytes, *, may_be_created: bool) -> "VoteJournal":
        """Own the file at `path` until `close` or the end of the process, and read it. `header` says whose votes these are (at most 144 bytes).

        A missing file is created only if `may_be_created` (FIRST_START); else it is MISSING and stays so until the first `append` or `compact`.
        Raises LocalFault: STORE_LOCKED (another process has it), STORE_FORMAT (another validator's or network's journal, another version, another
        program's file), STORE_UNAVAILABLE (no permission, no regular file, no durable writes).
        """
        assert len(header) <= HEADER_LIMIT_BYTES
        try:
            path = path.resolve()
            if path.exists() and not path.is_file():
                raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} is not a regular file, the vote journal is expected there")
            make_private_directory(path.parent)
            journal = cls(path, OwnerLock.acquire(path), header)
            try:
                journal._read_or_create(may_be_created=may_be_created)
            except BaseException:
                journal.close()
                raise
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot open the vote journal {error.filename or path}: {error.strerror or error}") from error
        return journal

    @property
    def is_trusted(self) -> bool:
        """Whether the file is whole: it then takes votes before the database does. False: missing or damaged, and `append` makes a new one."""
        return self._descriptor is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found and done that an operator should read: a tail that was cut off, damage, a file that was kept aside."""
        return tuple(self._notes)

    @property
    def size_bytes(self) -> int:
        """Length of the file, 0 where none is trusted."""
        return os.fstat(self._descriptor).st_size if self._descriptor is not None else 0

    def append(self, entries: Sequence[bytes]) -> None:
        """Make all entries durable with one write and one fsync. Raises LocalFault(STORE_WRITE), after which the object is dead."""
        check_entries(entries)
        if not entries:
            return
        begun = time.perf_counter()
        with self._writing():
            if self._descriptor is None:
                self._replace((*self.contents.entries, *entries))
            else:
                _write_all(self._descriptor, b"".join(map(_record, entries)))
                # fsync and not fdatasync: the file has grown, so its inode has to be written with the data in any case, and fdatasync saves nothing.
                flush_file(self._descriptor)
            self._is_as_read = False
        self.statistics = self.statistics.with_commit(time.perf_counter() - begun)

    def compact(self, entries: Sequence[bytes]) -> None:
        """Make `entries` the whole content, durably and at once: after a crash either the old file is there or the new one.

        Raises LocalFault(STORE_WRITE), after which the object is dead.
        """
        check_entries(entries)
        compacted = tuple(entries)
        is_held_already = self._is_as_read and self.is_trusted and compacted == self.contents.entries
        if not is_held_already:
            with self._writing():
                self._replace(compacted)
        self.contents = JournalContents(JournalCondition.INTACT, compacted)
        self._is_as_read = True

    def close(self) -> None:
        """Close the file and give up its ownership; may be called twice. While a write hangs, the ownership stays until the process ends: it may yet happen."""
        if self.is_writing:
            return
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._fault = self._fault or LocalFault(ErrorCode.STORE_WRITE, f"the vote journal {self.path} is closed")
        self._lock.release()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """The time of one write: refused after a fault, and any failure in it is a fault for good."""
        if self._fault is not None:
            raise LocalFault(self._fault.code, self._fault.text)
        self.is_writing = True
        try:
            yield
        except BaseException as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else repr(error)
            self._fault = LocalFault(ErrorCode.STORE_WRITE, f"cannot write the vote journal {self.path}: {reason}")
            if not isinstance(error, Exception):
                raise
            raise LocalFault(self._fault.code, self._fault.text) from error
        finally:
            self.is_writing = False

    def _read_or_create(self, *, may_be_created: bool) -> None:
        if not self.path.exists():
            if may_be_created:
                self._replace(())
                self.contents = JournalContents(JournalCondition.FIRST_START)
            return
        data = self.path.read_bytes()
        self.contents, length = _parse(self.path, data, self._header)
        if self.contents.condition is JournalCondition.DAMAGED:
            self._notes.append(_describe_damage(self.path, data))
            return
        # Only now: another program's file keeps its rights, and a damaged one all that it is.
        self.path.chmod(PRIVATE_FILE_MODE)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if length < len(data):
            os.ftruncate(self._descriptor, length)
            self._notes.append(f"{self.path}: cut off {len(data) - length} bytes that a crash had left after the last whole record")
        # Also where nothing was cut: what is read here is believed from now on, and a crash may have left it in memory alone.
        flush_file(self._descriptor)

    def _replace(self, entries: Sequence[bytes]) -> None:
        """A new file, whole and durable before it gets its name. What could not be read in full is kept under another name first."""
        new = self.path.with_name(self.path.name + NEW_SUFFIX)
        descriptor = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE_MODE)
        try:
            _write_all(descriptor, b"".join(map(_record, (_header_payload(self._header), *entries))))
            flush_file(descriptor)
            if self._descriptor is None and self.path.exists():
                self.path.rename(_free_name(self.path))
            new.replace(self.path)
            flush_directory(self.path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = descriptor


def check_entries(entries: Sequence[bytes]) -> None:
    """Refuse what would make the whole file unreadable: our own bugs, found where they are made."""
    for entry in entries:
        assert isinstance(entry, bytes), "a journal entry is bytes"
        assert len(entry) == ENTRY_SIZE_BYTES, f"a journal entry has {ENTRY_SIZE_BYTES} bytes"


def _parse(path: Path, data: bytes, header: bytes) -> tuple[JournalContents, int]:
    """What the file holds, and its length without a torn tail. Raises LocalFault(STORE_FORMAT) for a file that is not this validator's journal."""
    records = _split(data)
    payloads = [_payload(record) for record in records]
    if not MAGIC.startswith(data[: len(MAGIC)]) and all(payload is None for payload in payloads):
        raise LocalFault(
            ErrorCode.STORE_FORMAT,
            f"{path} is not a vote journal, or nothing in it can be read: choose another path, or move the file away (the validator will then not vote)",
        )
    if not payloads or payloads[0] is None:
        return JournalContents(JournalCondition.DAMAGED, tuple(payload for payload in payloads if payload is not None)), len(data)
    _check_header(path, payloads[0], header)
    good = 1
    while good < len(payloads) and payloads[good] is not None:
        good += 1
    entries = tuple(payload for payload in payloads[1:] if payload is not None)
    is_torn_tail = not any(b"".join(records[good + 1 :]))
    condition = JournalCondition.INTACT if is_torn_tail else JournalCondition.DAMAGED
    return JournalContents(condition, entries), good * RECORD_SIZE_BYTES


def _check_header(path: Path, found: bytes, header: bytes) -> None:
    if not found.startswith(MAGIC):
        raise LocalFault(ErrorCode.STORE_FORMAT, f"{path} is not a vote journal: choose another path")
    version = int.from_bytes(found[VERSION_AT])
    if version != FORMAT_VERSION:
        raise LocalFault(
            ErrorCode.STORE_FORMAT,
            f"{path} holds version {version} of the vote journal's format, this program knows version {FORMAT_VERSION}: run the version of MESH that wrote it",
        )
    if found != _header_payload(header):
        raise LocalFault(
            ErrorCode.STORE_FORMAT,
            f"{path} holds the votes of another validator or network: give each validator a journal of its own (check the paths in the configuration)",
        )


def _describe_damage(path: Path, data: bytes) -> str:
    bad = [number for number, payload in enumerate(map(_payload, _split(data))) if payload is None] or [0]
    return f"{path}: unreadable records: {len(bad)}, the first is number {bad[0]}; the file is kept as {_free_name(path)} when a new one takes its place"


def _header_payload(header: bytes) -> bytes:
    fixed = MAGIC + FORMAT_VERSION.to_bytes(2) + len(header).to_bytes(2)
    return (fixed + header).ljust(ENTRY_SIZE_BYTES, b"\0")


def _split(data: bytes) -> list[bytes]:
    return [data[start : start + RECORD_SIZE_BYTES] for start in range(0, len(data), RECORD_SIZE_BYTES)]


def _record(payload: bytes) -> bytes:
    return payload + zlib.crc32(payload).to_bytes(CHECKSUM_SIZE_BYTES)


def _payload(record: bytes) -> bytes | None:
    """The payload of a record, None if it is not whole and exact."""
    payload = record[:ENTRY_SIZE_BYTES]
    return payload if len(record) == RECORD_SIZE_BYTES and _record(payload) == record else None


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        # A disk that becomes full takes a part first and refuses the rest with the next call.
        left = left[os.write(descriptor, left) :]


def _free_name(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}{DAMAGED_SUFFIX}-{number}")).exists():
        number += 1
    return kept
