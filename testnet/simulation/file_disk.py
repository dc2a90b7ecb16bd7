"""A simulated disk whose content also stands in real files, written by the product's own store: whatever the model keeps, the files must hold after each crash.

Time, crashes and faults stay the simulation's. A sync that succeeds in virtual time is a real commit; an append that a crash tears leaves a torn record in the
real journal, which the next start has to cut off.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from typing_extensions import override

from mesh_core.errors import LocalFault
from mesh_core.protocol.effects import Record
from mesh_core.protocol.vote_journal import JournalContents
from mesh_core.storage.validator_store import ValidatorStore
from testnet.simulation.disk import Disk, DiskTimes
from testnet.simulation.entropy import Stream


class FileDisk(Disk):
    """Files in `folder`. `on_difference` is told where they are not what the model says."""

    def __init__(self, draw: Stream, times: DiskTimes, folder: Path, header: bytes, on_difference: Callable[[str], None]) -> None:
        super().__init__(draw, times)
        self._folder = folder
        self._header = header
        self._on_difference = on_difference
        self._store: ValidatorStore | None = None
        self.starts_count = 0

    @override
    def begin_life(self, journal: Callable[[], JournalContents]) -> JournalContents:
        self.end_life()
        if self.is_replaced:
            self._rebuild()
        self._store = self._open(is_first_start=self.content.is_first_start)
        self.starts_count += 1
        expected = super().begin_life(journal)
        if self._store.journal != expected:
            self._on_difference(f"{self._folder.name}: the journal is {self._store.journal.condition.name} with {len(self._store.journal.entries)} entries")
        if dict(self._store.records()) != self.content.records:
            self._on_difference(f"{self._folder.name}: the database does not hold what was committed")
        return self._store.journal

    @override
    def end_life(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            # Closing is a coroutine of an ordinary loop; this one's time must not notice.
            closing = threading.Thread(target=lambda: asyncio.run(store.close()))
            closing.start()
            closing.join()

    @override
    def keep_records(self, records: Sequence[Record]) -> None:
        super().keep_records(records)
        if records:
            self._require_store().write(records)

    @override
    def keep_entries(self, entries: Sequence[bytes]) -> None:
        super().keep_entries(entries)
        if entries:
            self._require_store().write([], entries)

    @override
    def keep_journal(self, entries: Sequence[bytes]) -> None:
        super().keep_journal(entries)
        self._require_store().compact_journal(entries)

    @override
    def leave_torn(self, entry: bytes) -> None:
        store = self._require_store()
        if store.journal_path.exists():
            with store.journal_path.open("ab") as file:
                file.write(entry[: self.draw.whole(1, len(entry))])

    def _open(self, *, is_first_start: bool) -> ValidatorStore:
        return ValidatorStore.open(self._folder, _refuse, header=self._header, is_first_start=is_first_start)

    def _require_store(self) -> ValidatorStore:
        assert self._store is not None, "nothing is written between two lives"
        return self._store

    def _rebuild(self) -> None:
        """Make the files what an injection has made of the content."""
        self.is_replaced = False
        for path in sorted(self._folder.glob("*")):
            path.unlink()
        self._store = store = self._open(is_first_start=True)
        store.write(list(self.content.records.items()), self.content.journal or ())
        journal_path, database_path = store.journal_path, store.path
        self.end_life()
        if self.content.journal is None:
            journal_path.unlink()
        if not self.content.records:
            for path in sorted(self._folder.glob(f"{database_path.name}*")):
                path.unlink()


def _refuse(fault: LocalFault) -> None:
    raise AssertionError(f"a real disk failed: {fault}")
