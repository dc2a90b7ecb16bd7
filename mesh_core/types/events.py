"""Bodies of the EVENT message: what a validator tells its subscribers. Public data only, sent after the commit that they report.

Each kind of event has one body type; the kind is the event's own byte, so a body is decoded with `decode_event_body(kind, body)`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mesh_core.errors import DecodeError, ErrorCode
from mesh_core.types.basic import HASH, PUBLIC_KEY, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, VOTE, Certificate, Vote
from mesh_core.types.codec import U16, U64, Codec, Enumerated, Flag, ListOf, Nested, Struct
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, AccountabilityReport, EquivocationProof
from mesh_core.types.messages import MAX_MISSING


class EventKind(IntEnum):
    """Kinds of event; bit k of a subscription's mask selects kind k. A GAP is sent to every subscriber that was too slow."""

    GAP = 0
    VOTE_REQUESTED = 1
    VOTE_CAST = 2
    VOTE_REJECTED = 3
    CERT_APPLIED = 4
    CERT_PARKED = 5
    EQUIVOCATION = 6
    SYNC_PROGRESS = 7
    PEER = 8
    DIGEST = 9
    SAFETY_ALARM = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """So many events were dropped for this subscriber."""

    dropped: int


@dataclass(frozen=True, slots=True)
class VoteRequested:
    """A well-formed, signed transition asks for a vote."""

    sender: PublicKey
    sequence: int
    transition_id: Hash32


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote left this validator."""

    vote: Vote


@dataclass(frozen=True, slots=True)
class VoteRejected:
    """A rule refused a signed transition."""

    sender: PublicKey
    sequence: int
    transition_id: Hash32
    code: ErrorCode


@dataclass(frozen=True, slots=True)
class CertificateApplied:
    """A certificate changed the ledger; `log_index` is its place in this validator's order."""

    log_index: int
    cert_id: Hash32
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class CertificateParked:
    """A valid certificate waits for these certificates, or for its account's predecessors where the list is empty."""

    cert_id: Hash32
    missing: tuple[Hash32, ...]


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Somebody signed two transitions for one slot."""

    proof: EquivocationProof


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Catch-up from one peer: read so far, and to be read."""

    peer: PublicKey
    cursor: int
    target: int


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """The connection to another validator came up or went down."""

    peer: PublicKey
    up: bool


@dataclass(frozen=True, slots=True)
class DigestComputed:
    """State digest after `log_length` applied certificates."""

    log_length: int
    state_digest: Hash32


@dataclass(frozen=True, slots=True)
class SafetyAlarm:
    """Two conflicting certificates exist: more than f validators are faulty, and these are named."""

    report: AccountabilityReport


EventBody = (
    Gap
    | VoteRequested
    | VoteCast
    | VoteRejected
    | CertificateApplied
    | CertificateParked
    | Equivocation
    | SyncProgress
    | PeerChanged
    | DigestComputed
    | SafetyAlarm
)

EVENT_BODIES: dict[EventKind, tuple[type, Codec[Any]]] = {
    EventKind.GAP: (Gap, Struct(Gap, dropped=U64)),
    EventKind.VOTE_REQUESTED: (VoteRequested, Struct(VoteRequested, sender=PUBLIC_KEY, sequence=U64, transition_id=HASH)),
    EventKind.VOTE_CAST: (VoteCast, Struct(VoteCast, vote=VOTE)),
    EventKind.VOTE_REJECTED: (
        VoteRejected,
        Struct(VoteRejected, sender=PUBLIC_KEY, sequence=U64, transition_id=HASH, code=Enumerated(ErrorCode, 2, only=[c for c in ErrorCode if c < 0x1000])),
    ),
    EventKind.CERT_APPLIED: (CertificateApplied, Struct(CertificateApplied, log_index=U64, cert_id=HASH, certificate=CERTIFICATE)),
    EventKind.CERT_PARKED: (CertificateParked, Struct(CertificateParked, cert_id=HASH, missing=ListOf(HASH, most=MAX_MISSING))),
    EventKind.EQUIVOCATION: (Equivocation, Struct(Equivocation, proof=Nested(U16, EQUIVOCATION_PROOF))),
    EventKind.SYNC_PROGRESS: (SyncProgress, Struct(SyncProgress, peer=PUBLIC_KEY, cursor=U64, target=U64)),
    EventKind.PEER: (PeerChanged, Struct(PeerChanged, peer=PUBLIC_KEY, up=Flag())),
    EventKind.DIGEST: (DigestComputed, Struct(DigestComputed, log_length=U64, state_digest=HASH)),
    EventKind.SAFETY_ALARM: (SafetyAlarm, Struct(SafetyAlarm, report=ACCOUNTABILITY_REPORT)),
}
_KINDS = {body: kind for kind, (body, _) in EVENT_BODIES.items()}


def event_kind(body: EventBody) -> EventKind:
    """The kind byte that goes with a body."""
    return _KINDS[type(body)]


def encode_event_body(body: EventBody) -> tuple[EventKind, bytes]:
    """Kind and bytes of an event's body."""
    kind = event_kind(body)
    return kind, EVENT_BODIES[kind][1].encode(body)


def decode_event_body(kind: int, data: bytes) -> EventBody:
    """The body of an event of that kind. DecodeError for an unknown kind or malformed bytes."""
    try:
        known = EventKind(kind)
    except ValueError as error:
        raise DecodeError(f"{kind} is no kind of event", field="kind") from error
    _, codec = EVENT_BODIES[known]
    try:
        body: EventBody = codec.decode(data)
    except DecodeError as error:
        raise error.within(known.name) from error
    return body
