"""The stores that validators and wallets write to in a simulation, over a simulated disk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import LocalFault
from mesh_core.protocol.effects import Record
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from testnet.simulation.disk import Disk, Writer


@dataclass(slots=True)
class _Times:
    """What a store tells of its commits."""

    writer: Writer

    @property
    def last_seconds(self) -> float:
        """Virtual seconds of the last fsync."""
        return self.writer.last_seconds


class SimulatedValidatorStore:
    """One life's view of a validator's disk: records and vote journal."""

    def __init__(self, disk: Disk, on_fault: Callable[[LocalFault], None]) -> None:
        """Opening reads the journal, and makes one at the first start."""
        self._disk = disk
        self.writer = Writer(disk, on_fault)
        self.statistics = _Times(self.writer)
        self.journal = disk.begin_life(self._read_journal)

    def _read_journal(self) -> JournalContents:
        content = self._disk.content
        if content.is_first_start and not content.records and not content.journal:
            content.journal = []
            return JournalContents(JournalCondition.FIRST_START)
        if content.journal is not None:
            return JournalContents(JournalCondition.INTACT, tuple(content.journal))
        return JournalContents(JournalCondition.MISSING)

    @property
    def queued_batches_count(self) -> int:
        """Batches behind the group that is being written."""
        return self.writer.queued_count

    def get(self, key: str) -> bytes | None:
        """A value, queued batches included."""
        return self.writer.get(key)

    def records(self, prefix: str = "") -> Iterator[Record]:
        """The records under a prefix, by key."""
        yield from self.writer.records(prefix)

    def persist(self, records: Sequence[Record], journal: Sequence[bytes] = ()) -> "asyncio.Future[None]":
        """Queue one batch with its entries of the vote journal."""
        return self.writer.enqueue(records, journal)

    def compact_journal(self, entries: Sequence[bytes]) -> None:
        """The journal holds these entries from now on, at once and durably."""
        self._disk.keep_journal(entries)
        self.journal = JournalContents(JournalCondition.INTACT, tuple(entries))

    async def close(self) -> None:
        """Make everything queued durable."""
        await self.writer.close()


class SimulatedWalletStore:
    """One life's view of a wallet's disk."""

    def __init__(self, name: str, seed: bytes, disk: Disk, on_fault: Callable[[LocalFault], None]) -> None:
        self.name = name
        self._seed = seed
        self.writer = Writer(disk, on_fault)

    def read_keys(self) -> WalletKeys:
        """The wallet's secrets."""
        return WalletKeys.from_seed(self._seed)

    async def put(self, records: Sequence[Record]) -> None:
        """Make one batch durable."""
        await self.writer.enqueue(records)

    def get(self, key: str) -> bytes | None:
        """A value, queued batches included."""
        return self.writer.get(key)

    def records(self, prefix: str = "") -> Iterator[Record]:
        """The records under a prefix, by key."""
        yield from self.writer.records(prefix)

    async def close(self) -> None:
        """Make everything queued durable."""
        await self.writer.close()
