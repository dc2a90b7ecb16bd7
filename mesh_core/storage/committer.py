"""Group commit: many batches share one fsync, and each caller waits for its own.

Batches that are queued in one turn of the event loop go together, and everything queued during an fsync goes into the next group; there is no timer.
So a lone batch waits for one fsync, and under load the number of fsyncs a second stays the same while the batches a group grow.
Batches with entries of the vote journal cost one fsync more, one for the whole group: the journal has them before the database does.

Order: batches become durable in the order in which they were queued, and their futures resolve in that order. A group is one transaction.
"""

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.database import CommitStatistics, Database, check_records
from mesh_core.storage.pending import Record
from mesh_core.storage.vote_journal import VoteJournal, check_entries

BATCHES_PER_GROUP = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    number: int
    records: tuple[Record, ...]
    entries: tuple[bytes, ...]
    durable: asyncio.Future[None]


class Committer:
    """The one writer of a database, for one event loop. All methods are called from that loop.

    If a group cannot be made durable, or not within the deadline, or a read finds damage (`stop`), every future that waits fails, `on_fault` is called,
    once, and every later `enqueue` fails at once: the process must then stop. The thread is a daemon and nobody joins it, so a write that hangs for
    ever cannot keep the process from ending.
    """

    def __init__(
        self,
        database: Database,
        on_fault: Callable[[LocalFault], None],
        *,
        journal: VoteJournal | None = None,
        batches_per_group: int = BATCHES_PER_GROUP,
    ) -> None:
        assert batches_per_group > 0
        self._database = database
        self._journal = journal
        self._on_fault = on_fault
        self._batches_per_group = batches_per_group
        self._queued: deque[_Batch] = deque()
        self._running: list[_Batch] = []
        self._groups: queue.SimpleQueue[list[_Batch] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._journal_watch: asyncio.TimerHandle | None = None
        self._is_busy = False
        self._is_closed = False
        self._fault: LocalFault | None = None

    @property
    def statistics(self) -> CommitStatistics:
        """Count and times of the commits so far."""
        return self._database.statistics

    @property
    def queued_batches_count(self) -> int:
        """Batches that wait for the group after the present one."""
        return len(self._queued)

    @property
    def is_idle(self) -> bool:
        """Whether everything queued so far is durable."""
        return not self._is_busy

    def enqueue(self, records: Sequence[Record], entries: Sequence[bytes] = ()) -> asyncio.Future[None]:
        """Queue a batch; the future resolves when it is durable, and so are all batches queued before it. An empty batch only waits for those.

        `entries` are for the vote journal and durable with the batch. A reader sees the records at once. Cancelling the future does not take the batch back.
        The future fails with LocalFault: STORE_WRITE, or the fault that `stop` was told.
        """
        assert not self._is_closed, "the committer is closed"
        assert not entries or self._journal is not None, "there is no vote journal"
        check_records(records)
        check_entries(entries)
        loop = self._require_loop()
        durable = loop.create_future()
        if self._fault is not None:
            _fail(durable, self._fault)
            return durable
        frozen = tuple(records)
        self._queued.append(_Batch(self._database.pending.add(frozen), frozen, tuple(entries), durable))
        if not self._is_busy:
            # The group starts at the end of this turn of the loop, so that batches queued in the same turn share it.
            self._is_busy = True
            loop.call_soon(self._start_group)
        return durable

    def stop(self, fault: LocalFault) -> None:
        """End the use of the store for good, once: what waits fails, also what is being written, and `on_fault` is told."""
        if self._fault is not None:
            return
        self._fault = fault
        for batch in (*self._running, *self._queued):
            _fail(batch.durable, fault)
        self._queued.clear()
        self._on_fault(fault)

    async def close(self) -> None:
        """Wait until everything queued is durable and end the thread. After a fault, return at once. Does not close the database."""
        if self._is_closed:
            return
        if self._fault is None:
            with contextlib.suppress(LocalFault):
                await self.enqueue(())
        self._is_closed = True
        self._groups.put(None)

    def _require_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            threading.Thread(target=self._commit_groups, args=(loop,), name="mesh-committer", daemon=True).start()
        assert self._loop is loop, "a committer belongs to one event loop"
        return loop

    def _start_group(self) -> None:
        count = min(len(self._queued), self._batches_per_group)
        self._running = [self._queued.popleft() for _ in range(count)]
        if self._loop is not None and any(batch.entries for batch in self._running):
            # The database has a deadline of its own; nothing else would notice an append to the journal that hangs in the kernel.
            self._journal_watch = self._loop.call_later(self._database.deadline_seconds, self._require_journal)
        self._groups.put(self._running)

    def _require_journal(self) -> None:
        if self._journal is not None and self._journal.is_writing:
            text = f"cannot write the vote journal {self._journal.path}: the disk did not answer within {self._database.deadline_seconds:g} s"
            self.stop(LocalFault(ErrorCode.STORE_WRITE, text))

    def _commit_groups(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread: one group after the other, until None. After a fault no further group comes."""
        while (group := self._groups.get()) is not None:
            fault: LocalFault | None = None
            try:
                write_group(
                    self._database,
                    self._journal,
                    [record for batch in group for record in batch.records],
                    [entry for batch in group for entry in batch.entries],
                )
            except LocalFault as error:
                fault = error
            except Exception as error:  # noqa: BLE001 - a bug here would end the thread, and everybody would wait for ever
                fault = LocalFault(ErrorCode.STORE_WRITE, f"the committer failed: {error!r}")
            # A closed loop has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._finish_group, group, fault)

    def _finish_group(self, group: list[_Batch], fault: LocalFault | None) -> None:
        if self._journal_watch is not None:
            self._journal_watch.cancel()
            self._journal_watch = None
        if fault is not None:
            self.stop(fault)
        if self._fault is not None:
            # Also a group that came back after all: everybody has been told that it failed, and the process ends.
            return
        self._running = []
        for batch in group:
            self._database.pending.release(batch.number, batch.records)
            if not batch.durable.done():
                batch.durable.set_result(None)
        if self._queued:
            self._start_group()
        else:
            self._is_busy = False


def write_group(database: Database, journal: VoteJournal | None, records: Sequence[Record], entries: Sequence[bytes]) -> None:
    """Make records and journal entries durable, the journal first: a vote that the database shows is in the journal, whenever the power fails.

    Where the journal is missing or damaged the database goes first: it then holds the verdict on that, and a new journal cannot hide the loss.
    Raises LocalFault(STORE_WRITE).
    """
    if journal is None or not entries:
        database.commit(records)
    elif journal.is_trusted:
        journal.append(entries)
        database.commit(records)
    else:
        database.commit(records)
        journal.append(entries)


def _fail(future: asyncio.Future[None], fault: LocalFault) -> None:
    if not future.done():
        future.set_exception(LocalFault(fault.code, fault.text))
        # `on_fault` reports it; a caller that no longer waits for its future needs no second report in the log.
        future.exception()
