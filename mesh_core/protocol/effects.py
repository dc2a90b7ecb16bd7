"""What a machine asks its surroundings to do. Machines compute; whoever runs them performs.

The contract (docs/protocol.md, "Validator"): effects are performed in order, and nothing leaves the process before every earlier `Persist` is durable.
That one rule is what makes "a vote is durable before it leaves" true, for the first answer and for each repetition of it. Between any two effects the
process may die.
"""

from dataclasses import dataclass
from typing import NewType

from mesh_core.crypto.range_proof import RangeStatement
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.basic import Hash32
from mesh_core.types.events import EventBody
from mesh_core.types.messages import Evidence, Message, SyncRequest

Source = NewType("Source", int)
"""The connection that a request came by."""

Record = tuple[str, bytes]
"""Key and value for the store; an empty value deletes the key."""


@dataclass(frozen=True, slots=True)
class Persist:
    """Make these records durable, all or none, and these entries of the vote journal with them."""

    records: tuple[Record, ...]
    journal: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request."""

    source: Source
    message: Message


@dataclass(frozen=True, slots=True)
class VerifyProof:
    """Check a range proof away from the machine, then call `on_proof_checked(transition_id, valid, now)`."""

    transition_id: Hash32
    statement: RangeStatement
    proof: bytes


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell subscribers."""

    body: EventBody


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Tell every other validator that is reached now; nobody answers."""

    message: Evidence


@dataclass(frozen=True, slots=True)
class AskPeer:
    """Ask another validator, by its index in the committee, for certificates. Its answer comes back by `on_response`, its silence by `on_silence`."""

    peer: int
    message: SyncRequest


@dataclass(frozen=True, slots=True)
class VerifySignatures:
    """Check the signatures of these certificates away from the machine, then call the catch-up's `on_signatures_checked(number, valid, now)`."""

    number: int
    certificates: tuple[CheckedCertificate, ...]


Effect = Persist | Reply | VerifyProof | Emit | Broadcast | AskPeer | VerifySignatures
