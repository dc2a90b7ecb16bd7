"""The vote journal: every vote's statement and owner's signature, beside the database, so that an old copy of either shows.

The file is mesh_core/storage's; what its entries mean, and what follows when it and the database disagree, is decided here
(docs/protocol.md, "Vote journal and quarantine").
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.types.basic import SIGNATURE, Hash32, PublicKey, Signature
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
    def sequence(self) -> int:
        """Sequence of the slot."""
        return self.statement.sequence

    @property
    def transition_id(self) -> Hash32:
        """What was voted for."""
        return self.statement.transition_id


JOURNAL_ENTRY = Struct(JournalEntry, statement=STATEMENT, owner_signature=SIGNATURE)


@dataclass(frozen=True, slots=True)
class JournalComparison:
    """What database and journal know together.

    `newest` is each sender's vote of the highest sequence. `lost` are those of them that the database should hold and does not; `unwritten` are votes
    that the journal lacks. `contradiction` says which slot has two votes: something that this validator's own program never leaves behind.
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


def compare_journal(journal: Iterable[JournalEntry], votes: Iterable[JournalEntry], next_sequence: Callable[[PublicKey], int]) -> JournalComparison:
    """Compare the journal with the database's undecided `votes`; `next_sequence` tells which slots of an account are applied.

    A validator votes in an account's next slot only. So a vote proves that all slots before it were applied here, and of each sender the newest vote is all
    that must be remembered: whoever holds fewer certificates than that has lost some, and does not vote below it.
    """
    newest: dict[PublicKey, JournalEntry] = {}
    contradiction: str | None = None
    written: dict[tuple[PublicKey, int], Hash32] = {}
    for entry in journal:
        slot = entry.statement.sender, entry.sequence
        if written.setdefault(slot, entry.transition_id) != entry.transition_id:
            contradiction = f"the vote journal holds two votes for slot {entry.sequence} of {slot[0].hex()[:16]}"
        known = newest.get(slot[0])
        if known is None or known.sequence <= entry.sequence:
            newest[slot[0]] = entry
    unwritten: list[JournalEntry] = []
    held: set[tuple[PublicKey, int]] = set()
    for vote in votes:
        slot = vote.statement.sender, vote.sequence
        held.add(slot)
        known = newest.get(slot[0])
        if slot not in written:
            unwritten.append(vote)
        elif written[slot] != vote.transition_id:
            contradiction = f"the vote journal and the database hold different votes for slot {vote.sequence} of {slot[0].hex()[:16]}"
        if known is None or known.sequence <= vote.sequence:
            newest[slot[0]] = vote
    lost = tuple(entry for sender, entry in newest.items() if entry.sequence >= next_sequence(sender) and (sender, entry.sequence) not in held)
    return JournalComparison(newest, lost, tuple(unwritten), contradiction)
