"""The vote journal: every vote's statement and owner's signature, beside the database, so that an old copy of either shows.

The file is mesh_core/storage's; what its entries mean, and what follows when it and the database disagree, is decided here
(docs/protocol.md, "Vote journal and quarantine").
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.types.basic import EPOCH_0, SIGNATURE, ZERO_HASH, Hash32, PublicKey, Signature
from mesh_core.types.codec import Struct
from mesh_core.types.transition import STATEMENT, Statement


class JournalCondition(Enum):
    """What was found where the journal should be."""

    FIRST_START = "this validator has never run"
    INTACT = "the journal is complete"
    MISSING = "the vote journal is gone"
    DAMAGED = "the vote journal is damaged in its middle"


@dataclass(frozen=True, slots=True)
class JournalContents:
    """The journal as it was read: its entries, the oldest first, as far as they could be read.

    Whoever reads it must not call it INTACT again, by making a new file, before the records that a MISSING or DAMAGED one led to are durable.
    """

    condition: JournalCondition
    entries: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One vote (176 bytes): what was voted for, and the owner's signature on it, with which a double spend can still be proven."""

    statement: Statement
    owner_signature: Signature

    @property
    def slot(self) -> tuple[PublicKey, int]:
        """Sender and sequence."""
        return self.statement.sender, self.statement.sequence

    @property
    def sequence(self) -> int:
        """Sequence of the slot."""
        return self.statement.sequence

    @property
    def transition_id(self) -> Hash32:
        """What was voted for."""
        return self.statement.transition_id


JOURNAL_ENTRY = Struct(JournalEntry, statement=STATEMENT, owner_signature=SIGNATURE)


NOBODY = PublicKey(bytes(32))
"""Sender of the entries that say that this validator went into quarantine; no account can have this key, since it cannot sign."""
_NO_SIGNATURE = Signature(bytes(64))


def quarantine_entry(network_id: Hash32, number: int) -> JournalEntry:
    """Says in the journal that quarantine `number` has begun. So a database that is lost, or older, does not end it; the operator counts those that ended."""
    return JournalEntry(Statement(network_id, EPOCH_0, NOBODY, number, ZERO_HASH), _NO_SIGNATURE)


@dataclass(frozen=True, slots=True)
class JournalComparison:
    """What database and journal know together.

    `newest` is each sender's vote of the highest sequence. `lost` are those of them that the database should hold as undecided and does not; `unwritten` are
    those that the journal lacks. `contradiction` says which slot has two votes: something that this validator's own program never leaves behind.
    """

    newest: dict[PublicKey, JournalEntry]
    lost: tuple[JournalEntry, ...]
    unwritten: tuple[JournalEntry, ...]
    contradiction: str | None


def decode_entries(entries: Iterable[bytes], network_id: Hash32) -> list[JournalEntry]:
    """The journal's votes. LocalFault (STORE_FORMAT) for one that does not decode or belongs to another network: its checksum held, so it was written so."""
    decoded: list[JournalEntry] = []
    for number, data in enumerate(entries):
        try:
            entry = JOURNAL_ENTRY.decode(data)
        except DecodeError as error:
            raise LocalFault(ErrorCode.STORE_FORMAT, f"entry {number} of the vote journal does not decode: {error.reason}") from error
        if entry.statement.network_id != network_id:
            raise LocalFault(ErrorCode.STORE_FORMAT, f"entry {number} of the vote journal belongs to network {entry.statement.network_id.hex()[:16]}")
        decoded.append(entry)
    return decoded


def compare_journal(
    journal: Sequence[JournalEntry], undecided: Iterable[JournalEntry], newest: Iterable[JournalEntry], next_sequence: Callable[[PublicKey], int]
) -> JournalComparison:
    """Compare the journal with the database: its `undecided` votes, and its `newest` of each sender. `next_sequence` tells which slots are applied.

    A validator votes in an account's next slot only. So a vote proves that all slots before it were applied here, and of each sender the newest vote is all
    that must be remembered: whoever holds fewer certificates than that has lost some, and does not vote below it.
    """
    written, held = {entry.slot: entry for entry in journal}, {entry.slot: entry for entry in undecided}
    known: dict[tuple[PublicKey, int], Hash32] = {}
    best: dict[PublicKey, JournalEntry] = {}
    contradiction: str | None = None
    # What the database holds comes last: where the two contradict each other it stays, and the next start finds one vote.
    for entry in (*journal, *newest, *held.values()):
        if known.setdefault(entry.slot, entry.transition_id) != entry.transition_id:
            contradiction = f"vote journal and database hold two votes for slot {entry.sequence} of {entry.statement.sender.hex()[:16]}"
        other = best.get(entry.statement.sender)
        if other is None or other.sequence <= entry.sequence:
            best[entry.statement.sender] = entry
    open_slots = (entry for sender, entry in best.items() if sender != NOBODY and entry.sequence >= next_sequence(sender))
    lost = tuple(entry for entry in open_slots if entry.slot not in held)
    return JournalComparison(best, lost, tuple(entry for entry in best.values() if written.get(entry.slot) != entry), contradiction)
