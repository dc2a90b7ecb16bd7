"""The durable state of one validator: DATA_DIR/validator.db. The protocol's machine gives the keys their meaning; this file knows none."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.storage.committer import Committer
from mesh_core.storage.database import DEADLINE_SECONDS, CommitStatistics, Database
from mesh_core.storage.pending import Record

DATABASE_NAME = "validator.db"
FORMAT_NAME = "mesh-validator"
FORMAT_VERSION = 1


class ValidatorStore:
    """An open validator folder. `on_fault` is called once, when nothing can be written any more: the validator must then stop."""

    def __init__(self, database: Database, on_fault: Callable[[LocalFault], None]) -> None:
        self._database = database
        self._committer = Committer(database, on_fault)

    @classmethod
    def open(cls, data_dir: Path, on_fault: Callable[[LocalFault], None], *, deadline_seconds: float = DEADLINE_SECONDS) -> "ValidatorStore":
        """Open or create the database in `data_dir` and own it. Raises LocalFault as `Database.open` does."""
        database = Database.open(
            data_dir / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=True, deadline_seconds=deadline_seconds
        )
        return cls(database, on_fault)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    @property
    def statistics(self) -> CommitStatistics:
        """Count and times of the commits so far, for status lines."""
        return self._committer.statistics

    def records(self, prefix: str = "") -> Iterator[Record]:
        """Every durable record whose key starts with `prefix`, in the order of the keys; for the start, before the first `persist`."""
        return self._database.records(prefix)

    def get(self, key: str) -> bytes | None:
        """The value of one key, queued batches included; may wait for an fsync."""
        return self._database.get(key)

    def persist(self, records: Sequence[Record]) -> asyncio.Future[None]:
        """Queue one batch; only after the future resolves may anything that depends on it leave this process."""
        return self._committer.enqueue(records)

    async def close(self) -> None:
        """Make everything queued durable and close the file; after a fault, close at once."""
        await self._committer.close()
        self._database.close()
