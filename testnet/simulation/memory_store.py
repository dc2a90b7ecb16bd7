"""Records in memory, for a machine that an oracle runs beside the simulation."""

from collections.abc import Iterator, Mapping

from mesh_core.protocol.effects import Effect, Persist, Record


class MemoryStore:
    """A `RecordReader` that performs what concerns it."""

    def __init__(self, records: Mapping[str, bytes]) -> None:
        self._records = dict(records)

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        return self._records.get(key)

    def records(self, prefix: str = "") -> Iterator[Record]:
        """The records under a prefix, by key."""
        yield from sorted((key, value) for key, value in self._records.items() if key.startswith(prefix))

    def perform(self, effect: Effect) -> None:
        """Keep what a `Persist` holds; nothing else happens here."""
        if isinstance(effect, Persist):
            for key, value in effect.records:
                if value:
                    self._records[key] = value
                else:
                    self._records.pop(key, None)
