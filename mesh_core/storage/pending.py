"""Records that are queued for the disk but not yet durable, so that a reader sees its own writes."""

from collections.abc import Sequence

Record = tuple[str, bytes]


class PendingRecords:
    """The newest queued value of each key. A batch is added when it is queued and released when it is durable."""

    __slots__ = ("_batch_number", "_records")

    def __init__(self) -> None:
        self._batch_number = 0
        self._records: dict[str, tuple[int, bytes]] = {}

    def add(self, records: Sequence[Record]) -> int:
        """Remember a batch; the number returned is for `release`."""
        self._batch_number += 1
        for key, value in records:
            self._records[key] = (self._batch_number, value)
        return self._batch_number

    def release(self, batch_number: int, records: Sequence[Record]) -> None:
        """Forget a batch that is durable now. A key that a later batch wrote again stays, with the later value."""
        for key, _ in records:
            held = self._records.get(key)
            if held is not None and held[0] == batch_number:
                del self._records[key]

    def get(self, key: str) -> bytes | None:
        """The newest queued value (empty for a tombstone), or None if no queued batch writes this key."""
        held = self._records.get(key)
        return held[1] if held is not None else None

    def __len__(self) -> int:
        return len(self._records)
