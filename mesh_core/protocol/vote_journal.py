"""The vote journal: every vote's statement and its owner's signature, beside the database, so that an old copy of either shows (docs/protocol.md, "Vote journal").

The file is mesh_core/storage's; what its entries mean, and what follows when it and the database disagree, is decided here.
"""

from dataclasses import dataclass
from enum import Enum

from mesh_core.types.basic import SIGNATURE, Signature
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
    """The journal as it was read: its entries, the oldest first, as far as they could be read."""

    condition: JournalCondition
    entries: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One vote (176 bytes): what was voted for, and the owner's signature on it, with which a double spend can still be proven."""

    statement: Statement
    owner_signature: Signature


JOURNAL_ENTRY = Struct(JournalEntry, statement=STATEMENT, owner_signature=SIGNATURE)
