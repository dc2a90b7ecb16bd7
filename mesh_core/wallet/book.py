"""What a wallet's disk holds of its account: the transition signed for each slot, and each output that came. Read when it is asked for.

An account that has paid for years has a long past, and only its end is needed to go on. So memory holds what is open (`account.py`), and the disk the rest.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.storage.pending import Record
from mesh_core.types.transition import TRANSITION, OutputKey, TransitionCore
from mesh_core.wallet.ports import Store
from mesh_core.wallet.records import (
    INCOMING_PREFIX,
    INCOMING_RECORD,
    OUTGOING_PREFIX,
    OUTGOING_RECORD,
    IncomingRecord,
    IncomingStatus,
    OutgoingRecord,
    OutgoingState,
    incoming_key,
    outgoing_key,
    parse_incoming,
)

RECENT_MOST: Final = 1_024
"""Outputs of which memory holds the order in which they came: more than any screen shows. The order of older ones takes a reading of them all."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transition with its decoded core."""

    sequence: int
    core: TransitionCore
    record: OutgoingRecord

    @classmethod
    def decode(cls, record: OutgoingRecord) -> "Signed":
        """A record with its core. DecodeError."""
        core = TRANSITION.decode(record.transition).core
        return cls(core.sequence, core, record)


class Slots:
    """A set of slots that has few gaps: all before the first one that is missing, and some behind it."""

    def __init__(self) -> None:
        self.first_missing = 0
        self._later: set[int] = set()

    def add(self, sequence: int) -> None:
        """Add a slot, which may be there already."""
        if sequence >= self.first_missing:
            self._later.add(sequence)
        while self.first_missing in self._later:
            self._later.remove(self.first_missing)
            self.first_missing += 1

    def __len__(self) -> int:
        return self.first_missing + len(self._later)


@dataclass(slots=True)
class Summary:
    """All that memory needs to know of the past."""

    waiting: dict[OutputKey, IncomingRecord] = field(default_factory=dict)
    """Outputs that were opened and that no certified transition of ours has claimed."""
    recent: list[OutputKey] = field(default_factory=list)
    """The newest outputs that came, the oldest first."""
    incoming_count: int = 0
    unopenable_count: int = 0
    unknown_claims: set[OutputKey] = field(default_factory=set)
    """What certified transitions of ours have claimed and of which the disk knows nothing."""
    certified: Slots = field(default_factory=Slots)
    undone: set[int] = field(default_factory=set)
    """Certified slots that may not be everywhere."""
    last_stamp: int = 0
    """Milliseconds of the newest record."""


class Book:
    """The records of one wallet's store. Every read may raise LocalFault: the file cannot be read, or holds what this program did not write."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sum_up(self) -> Summary:
        """Read everything once."""
        summary = Summary()
        order: list[tuple[int, OutputKey]] = []
        known: set[OutputKey] = set()
        for key, came in self.incoming():
            known.add(key)
            order.append((came.seen_ms, key))
            summary.unopenable_count += came.status is IncomingStatus.UNOPENABLE
            if came.status is IncomingStatus.CLAIMABLE:
                summary.waiting[key] = came
        summary.incoming_count = len(order)
        summary.recent = [key for _, key in sorted(heapq.nlargest(RECENT_MOST, order))]
        stamps = [stamp for stamp, _ in order]
        for record in self.outgoing():
            signed = self._decode(record)
            stamps.append(record.created_ms)
            if record.certificate is None:
                continue
            summary.certified.add(signed.sequence)
            if record.state is not OutgoingState.DONE:
                summary.undone.add(signed.sequence)
            for claim in signed.core.claims:
                # Also one that its own record calls claimable: it came after the transition that claims it, on a disk that was being restored.
                summary.waiting.pop(claim.key, None)
                if claim.key not in known:
                    summary.unknown_claims.add(claim.key)
        summary.last_stamp = max(stamps, default=0)
        return summary

    def signed_at(self, sequence: int) -> Signed | None:
        """The transition signed for a slot, certified or not; also one that is queued and not yet durable."""
        name = outgoing_key(sequence)
        value = self._store.get(name)
        return None if value is None else self._decode(self._outgoing((name, value)))

    def outgoing(self) -> Iterator[OutgoingRecord]:
        """All signed transitions, by sequence."""
        return map(self._outgoing, self._store.records(OUTGOING_PREFIX))

    def incoming_at(self, key: OutputKey) -> IncomingRecord | None:
        """What is known of an output; also what is queued and not yet durable."""
        name = incoming_key(key)
        value = self._store.get(name)
        return None if value is None else self._incoming((name, value))[1]

    def incoming(self) -> Iterator[tuple[OutputKey, IncomingRecord]]:
        """All outputs that came, in the order of their keys, which says nothing of when."""
        return map(self._incoming, self._store.records(INCOMING_PREFIX))

    def _outgoing(self, record: Record) -> OutgoingRecord:
        try:
            return OUTGOING_RECORD.decode(record[1])
        except DecodeError as error:
            raise self.damage(error) from error

    def _incoming(self, record: Record) -> tuple[OutputKey, IncomingRecord]:
        try:
            return parse_incoming(record[0]), INCOMING_RECORD.decode(record[1])
        except (DecodeError, ValueError) as error:
            raise self.damage(error) from error

    def _decode(self, record: OutgoingRecord) -> Signed:
        try:
            return Signed.decode(record)
        except DecodeError as error:
            raise self.damage(error) from error

    def damage(self, error: Exception) -> LocalFault:
        """What is said of a record that does not decode, although its checksum is right."""
        return LocalFault(ErrorCode.STORE_CORRUPT, f"wallet '{self._store.name}' holds a record that this program did not write: {error}")
