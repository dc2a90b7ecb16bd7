"""The durable state of one validator: DATA_DIR/validator.db and the vote journal. What keys and entries mean is the protocol's business."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.storage.committer import Committer, write_group
from mesh_core.storage.database import DEADLINE_SECONDS, CommitStatistics, Database
from mesh_core.storage.pending import Record
from mesh_core.storage.read_watch import ReadWatch
from mesh_core.storage.vote_journal import VoteJournal

DATABASE_NAME = "validator.db"
JOURNAL_NAME = "votes.journal"
FORMAT_NAME = "mesh-validator"
FORMAT_VERSION = 1


class ValidatorStore:
    """An open validator folder. `on_fault` is called once, when nothing can be written or read any more: the validator must then stop."""

    def __init__(self, database: Database, journal: VoteJournal, on_fault: Callable[[LocalFault], None]) -> None:
        self._database = database
        self._journal = journal
        self._committer = Committer(database, on_fault, journal=journal)

    @classmethod
    def open(
        cls,
        data_dir: Path,
        on_fault: Callable[[LocalFault], None],
        *,
        journal_path: Path | None = None,
        header: bytes = b"",
        is_first_start: bool = False,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> "ValidatorStore":
        """Open or create the database in `data_dir` and own it and the journal, which is DATA_DIR/votes.journal unless told otherwise.

        `header` (at most 144 bytes) says whose votes these are. `is_first_start`: this validator has never voted, so a missing journal beside a
        database without records is no loss. Raises LocalFault as `Database.open` and `VoteJournal.open` do.
        """
        database = Database.open(
            data_dir / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=True, deadline_seconds=deadline_seconds
        )
        try:
            is_new = is_first_start and next(database.records(), None) is None
            may_be_created = is_new or database.was_taken_over
            journal = VoteJournal.open(data_dir / JOURNAL_NAME if journal_path is None else journal_path, header, may_be_created=may_be_created)
        except BaseException:
            database.close()
            raise
        if is_new and journal.contents == JournalContents(JournalCondition.INTACT):
            # A first start that died between making the journal and its first commit: nothing was voted, and it may begin again.
            journal.contents = JournalContents(JournalCondition.FIRST_START)
        if database.was_taken_over and journal.contents.condition is JournalCondition.FIRST_START:
            # A database of the first program has never had a journal beside it: nothing is lost, and its votes are written into the new one.
            journal.contents = JournalContents(JournalCondition.INTACT)
        return cls(database, journal, on_fault)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    @property
    def journal_path(self) -> Path:
        """The vote journal's file."""
        return self._journal.path

    @property
    def journal(self) -> JournalContents:
        """The vote journal as it was found at the opening, or as `compact_journal` left it."""
        return self._journal.contents

    @property
    def journal_notes(self) -> tuple[str, ...]:
        """What became of the journal's file that an operator should read, for the log: a tail that was cut off, damage, a file kept aside."""
        return self._journal.notes

    @property
    def journal_size_bytes(self) -> int:
        """Length of the vote journal."""
        return self._journal.size_bytes

    @property
    def statistics(self) -> CommitStatistics:
        """Count and times of the database's commits so far, for status lines."""
        return self._committer.statistics

    @property
    def journal_statistics(self) -> CommitStatistics:
        """Count and times of the journal's appends so far, their fsync included."""
        return self._journal.statistics

    def watch_reads(self, on_hang: Callable[[LocalFault], None]) -> ReadWatch:
        """Tell `on_hang`, in another thread, when a read takes longer than commits may. Whoever reads hangs then, and the process can only be ended hard."""
        seconds = self._database.deadline_seconds
        fault = LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot read {self.path}: the disk did not answer within {seconds:g} s")
        return ReadWatch(lambda: self._database.reading, seconds, lambda: on_hang(fault))

    def records(self, prefix: str = "") -> Iterator[Record]:
        """Every durable record whose key starts with `prefix`, in the order of the keys; for the start, before the first `persist`."""
        return self._database.records(prefix)

    def get(self, key: str) -> bytes | None:
        """The value of one key, queued batches included; waits for no write. Damage that it meets is a fault: LocalFault, and `on_fault` is told."""
        try:
            return self._database.get(key)
        except LocalFault as fault:
            self._committer.stop(fault)
            raise

    def persist(self, records: Sequence[Record], journal: Sequence[bytes] = ()) -> asyncio.Future[None]:
        """Queue one batch of records and entries of the vote journal (176 bytes each), durable together: the journal first, then the database.

        Only after the future resolves may anything that depends on it leave this process.
        """
        return self._committer.enqueue(records, journal)

    def write(self, records: Sequence[Record], journal: Sequence[bytes] = ()) -> None:
        """`persist` for programs without an event loop: durable when it returns. Raises LocalFault(STORE_WRITE), after which the store is dead."""
        assert self._committer.is_idle, "a synchronous write would overtake queued batches"
        write_group(self._database, self._journal, records, journal)

    def compact_journal(self, entries: Sequence[bytes]) -> None:
        """Make `entries` all that the vote journal holds, at once and durably, and trust it from now on. Blocks for two fsyncs; for the start.

        Everything persisted before must be durable, the quarantine above all: a new journal in the place of a damaged or missing one (which is
        kept aside) passes for a whole one at the next start. Raises LocalFault(STORE_WRITE), after which the process must end.
        """
        assert self._committer.is_idle, "what was persisted before has to be durable first"
        self._journal.compact(entries)

    async def close(self) -> None:
        """Make everything queued durable and close the files; after a fault, close at once."""
        await self._committer.close()
        self._database.close()
        self._journal.close()
