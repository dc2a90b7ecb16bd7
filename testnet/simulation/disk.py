"""A disk that forgets what was not synced.

Batches become durable in groups and in their order: first the group's entries of the vote journal, then its records, all or none. A crash in between leaves a
prefix of the entries, or all of them and the records or not, as the seed decides; never the records without the entries before them.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.effects import Record
from mesh_core.protocol.vote_journal import JournalContents
from testnet.simulation.entropy import Stream

MOST_IN_GROUP = 256


@dataclass(slots=True)
class Image:
    """What a disk holds. `journal` is None where the file does not exist; `is_first_start` is the mark that the node has never run."""

    records: dict[str, bytes] = field(default_factory=dict)
    journal: list[bytes] | None = None
    is_first_start: bool = True

    def copy(self) -> "Image":
        """A backup."""
        return Image(dict(self.records), None if self.journal is None else list(self.journal), self.is_first_start)


class Failing(Enum):
    """What is wrong with a disk."""

    NOTHING = "works"
    SYNC = "the next fsync fails"
    FULL = "nothing more fits"


@dataclass(slots=True)
class DiskTimes:
    """Virtual seconds of one fsync."""

    least: float
    most: float


class Disk:
    """One node's disk, over all its lives. `content` is what a loss of power leaves; `draw` decides times and how crashes end."""

    def __init__(self, draw: Stream, times: DiskTimes) -> None:
        self.content = Image()
        self.failing = Failing.NOTHING
        self.torn_count = 0
        self.syncs_count = 0
        self.draw = draw
        self.is_replaced = False
        """Whether the content was put in the place of another one since the last start."""
        self._times = times
        self.on_durable: Callable[[], None] = lambda: None

    def sync_seconds(self) -> float:
        """How long the next fsync takes."""
        return self.draw.between(self._times.least, self._times.most)

    def keep_records(self, records: Sequence[Record]) -> None:
        """Make records durable; an empty value deletes."""
        for key, value in records:
            if value:
                self.content.records[key] = value
            else:
                self.content.records.pop(key, None)

    def keep_entries(self, entries: Sequence[bytes]) -> None:
        """Make entries of the vote journal durable."""
        if entries:
            self.content.journal = [*(self.content.journal or ()), *entries]

    def keep_journal(self, entries: Sequence[bytes]) -> None:
        """The journal holds these entries from now on, and no others."""
        self.content.journal = list(entries)

    def leave_torn(self, entry: bytes) -> None:
        """A part of this entry is behind the last whole one. Nobody will ever see it here."""

    def begin_life(self, journal: Callable[[], JournalContents]) -> JournalContents:
        """A store opens the disk; `journal` reads the journal from the content."""
        return journal()

    def end_life(self) -> None:
        """The store is gone."""

    def replace(self, content: Image) -> None:
        """Put other content in the place of what is there, between two lives."""
        self.content = content
        self.is_replaced = True

    def tear(self, entries: Sequence[bytes]) -> None:
        """A crash while entries were being appended: some whole ones stay; the record after them is torn, and the next start cuts it off."""
        kept = self.draw.whole(0, len(entries))
        self.keep_entries(entries[:kept])
        if kept < len(entries):
            self.torn_count += 1
            self.leave_torn(entries[kept])

    def coin(self) -> bool:
        """Whether a transaction that was under way at the crash counts."""
        return self.draw.chance(0.5)


@dataclass(slots=True)
class _Batch:
    records: tuple[Record, ...]
    entries: tuple[bytes, ...]
    durable: "asyncio.Future[None]"


class _Phase(Enum):
    IDLE = 0
    ENTRIES = 1
    RECORDS = 2


class Writer:
    """What one life writes to its disk: group commit as in `storage.committer`, in virtual time."""

    def __init__(self, disk: Disk, on_fault: Callable[[LocalFault], None]) -> None:
        self._disk = disk
        self._on_fault = on_fault
        self._view = dict(disk.content.records)
        self._queued: deque[_Batch] = deque()
        self._group: list[_Batch] = []
        self._phase = _Phase.IDLE
        self._fault: LocalFault | None = None
        self._is_dead = False
        self.last_seconds = 0.0

    @property
    def queued_count(self) -> int:
        """Batches behind the group that is being written."""
        return len(self._queued)

    @property
    def has_failed(self) -> bool:
        """Whether the disk has refused a group: what the life still does, nobody will see."""
        return self._fault is not None

    def get(self, key: str) -> bytes | None:
        """A value as the last batch left it."""
        return self._view.get(key)

    def records(self, prefix: str) -> list[Record]:
        """The records under a prefix, by key."""
        return sorted((key, value) for key, value in self._view.items() if key.startswith(prefix))

    def show(self, key: str, value: bytes) -> None:
        """Readers see this value from now on."""
        if value:
            self._view[key] = value
        else:
            self._view.pop(key, None)

    def enqueue(self, records: Sequence[Record], entries: Sequence[bytes] = ()) -> "asyncio.Future[None]":
        """Queue a batch; the future resolves when it is durable."""
        durable = asyncio.get_running_loop().create_future()
        if self._fault is not None:
            _fail(durable, self._fault)
            return durable
        for key, value in records:
            self.show(key, value)
        self._queued.append(_Batch(tuple(records), tuple(entries), durable))
        if self._phase is _Phase.IDLE and len(self._queued) == 1:
            asyncio.get_running_loop().call_soon(self._start_group)
        return durable

    async def close(self) -> None:
        """Wait until everything is durable, as far as the disk goes along."""
        if self._fault is None:
            with contextlib.suppress(LocalFault):
                await self.enqueue(())

    def crash(self) -> None:
        """The life is over: of what was not synced, the disk decides what stays."""
        if self._is_dead:
            return
        self._is_dead = True
        if self._phase is _Phase.ENTRIES:
            self._disk.tear(self._entries())
        elif self._phase is _Phase.RECORDS and self._disk.coin():
            self._disk.keep_records(self._records())

    def _start_group(self) -> None:
        if self._is_dead or self._fault is not None:
            return
        self._group = [self._queued.popleft() for _ in range(min(len(self._queued), MOST_IN_GROUP))]
        if self._entries():
            self._phase = _Phase.ENTRIES
            self._after_sync(self._entries_synced)
        else:
            self._start_records()

    def _start_records(self) -> None:
        self._phase = _Phase.RECORDS
        self._after_sync(self._records_synced)

    def _after_sync(self, synced: Callable[[], None]) -> None:
        self.last_seconds = self._disk.sync_seconds()
        self._disk.syncs_count += 1
        asyncio.get_running_loop().call_later(self.last_seconds, synced)

    def _entries_synced(self) -> None:
        if self._is_dead or self._has_failed():
            return
        self._disk.keep_entries(self._entries())
        self._start_records()

    def _records_synced(self) -> None:
        if self._is_dead or self._has_failed():
            return
        self._disk.keep_records(self._records())
        self._phase = _Phase.IDLE
        group, self._group = self._group, []
        self._disk.on_durable()
        for batch in group:
            if not batch.durable.done():
                batch.durable.set_result(None)
        if self._queued:
            self._start_group()

    def _has_failed(self) -> bool:
        """Whether the sync that has just ended has failed. What it was to keep may be there all the same, or in part."""
        failing = self._disk.failing
        if failing is Failing.NOTHING:
            return False
        if failing is Failing.SYNC:
            self._disk.failing = Failing.NOTHING
            if self._phase is _Phase.ENTRIES:
                self._disk.tear(self._entries())
            elif self._disk.coin():
                self._disk.keep_records(self._records())
        self._fault = LocalFault(ErrorCode.STORE_WRITE, f"the disk: {failing.value}")
        self._phase = _Phase.IDLE
        for batch in (*self._group, *self._queued):
            _fail(batch.durable, self._fault)
        self._queued.clear()
        self._on_fault(self._fault)
        return True

    def _records(self) -> list[Record]:
        return [record for batch in self._group for record in batch.records]

    def _entries(self) -> list[bytes]:
        return [entry for batch in self._group for entry in batch.entries]


def _fail(future: "asyncio.Future[None]", fault: LocalFault) -> None:
    if not future.done():
        future.set_exception(LocalFault(fault.code, fault.text))
        future.exception()
