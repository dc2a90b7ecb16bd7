"""Every message of the wire protocol (docs/protocol.md, "Messages"): one dataclass, one declaration and one type byte each.

Transitions and certificates inside requests stay bytes here: a malformed one is answered by rule 1 or by CERT_ACK INVALID, not by closing the connection.
`request_id` is chosen by the requester and echoed in the answer.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

from mesh_core.errors import DecodeError, ErrorCode, WireErrorCode
from mesh_core.types.account import ACCOUNT_STATE, AccountState
from mesh_core.types.basic import BYTES32, COMMITMENT, HASH, PUBLIC_KEY, SIGNATURE, Commitment, Hash32, PublicKey, Signature
from mesh_core.types.certificate import VOTE, Vote
from mesh_core.types.codec import U8, U16, U32, U64, Codec, Constant, Enumerated, Fixed, Flag, ListOf, Maybe, Nested, OneOf, Struct, Text, UInt, VarBytes
from mesh_core.types.evidence import EQUIVOCATION_PROOF, EquivocationProof
from mesh_core.types.transition import OUTPUT_KEY, OutputKey

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 256 * 1024
"""Largest frame after the handshake: type byte and payload."""
MAX_HANDSHAKE_FRAME_BYTES = 1024
MAX_ATTACHED_CERTIFICATES = 16
MAX_SUBSCRIBED_OWNERS = 32
MAX_MISSING = 255
MAX_LISTED_OUTPUTS = 1024
"""Claimable outputs in one ACCOUNT_STATE: 66,560 bytes, so that a frame also holds the head certificate and the pending transition."""
MAX_SYNC_RESPONSE_ITEMS = 1024
"""Certificates in one SYNC_RESPONSE. The smallest certificate has 445 bytes, so a frame never holds more; without the limit it could name 21,000 empty ones."""

CERTIFICATE_BYTES = VarBytes(U32)
TRANSITION_BYTES = VarBytes(U32)


class Role(IntEnum):
    """What the other side of a connection is."""

    WALLET = 1
    VALIDATOR = 2
    MONITOR = 3


class AckStatus(IntEnum):
    """What became of a certificate. Only APPLIED and ALREADY_APPLIED are sent behind a durable commit, and only they count for SETTLED."""

    APPLIED = 0
    ALREADY_APPLIED = 1
    PENDING = 2
    INVALID = 3
    CONFLICT = 4


class PongFlag(IntFlag):
    """A validator's condition."""

    SYNCING = 1
    QUARANTINE = 2
    HALTED = 4


class Want(IntFlag):
    """What QUERY_ACCOUNT asks for beside the account state."""

    HEAD_CERTIFICATE = 1
    PENDING_TRANSITION = 2
    CLAIMABLE = 4


# --- Handshake -------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of the initiator, unsigned (66 bytes): the versions that it speaks, the network, a fresh nonce."""

    version_min: int
    version_max: int
    network_id: Hash32
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """Signed proof of identity (243 bytes). `tls_fingerprint` is SHA3-256 of the responder's certificate (DER), so that a relay with another one is noticed."""

    version: int
    role: Role
    network_id: Hash32
    epoch: int
    identity: PublicKey
    own_nonce: bytes
    peer_nonce: bytes
    tls_fingerprint: Hash32
    features: int
    signature: Signature


# --- Control ---------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""

    nonce: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to Ping: applied certificates, and the last computed state digest."""

    nonce: int
    log_length: int
    state_digest: Hash32
    flags: int


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """Why the sender closes the connection."""

    code: WireErrorCode
    text: str


# --- Tier 1 ----------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoteRequest:
    """Vote for this transition, please. The certificates are applied first: they are what the transition depends on."""

    request_id: int
    certificates: tuple[bytes, ...]
    transition: bytes


@dataclass(frozen=True, slots=True)
class VoteResponse:
    """The vote. It was durable before it left."""

    request_id: int
    vote: Vote


@dataclass(frozen=True, slots=True)
class NoDetail:
    """A rejection that the code explains."""


@dataclass(frozen=True, slots=True)
class ConflictDetail:
    """A rejection with the proof that the owner signed two transitions for the slot."""

    proof: EquivocationProof


@dataclass(frozen=True, slots=True)
class MissingDetail:
    """A rejection because certificates are missing here."""

    cert_ids: tuple[Hash32, ...]


@dataclass(frozen=True, slots=True)
class RecordedDetail:
    """A rejection with the transition that is recorded for the slot."""

    transition: bytes


RejectDetail = NoDetail | ConflictDetail | MissingDetail | RecordedDetail


@dataclass(frozen=True, slots=True)
class VoteReject:
    """No vote, and why: code of the rule, id of the refused transition (zeros where it has none), the account's next sequence here."""

    request_id: int
    code: ErrorCode
    transition_id: Hash32
    next_sequence: int
    detail: RejectDetail
    text: str


@dataclass(frozen=True, slots=True)
class SettlementCertificate:
    """A certificate to be applied."""

    request_id: int
    certificate: bytes


@dataclass(frozen=True, slots=True)
class CertAck:
    """What became of a certificate; `missing` lists certificates whose outputs it claims and that are absent here."""

    request_id: int
    cert_id: Hash32
    status: AckStatus
    next_sequence: int
    log_index: int
    missing: tuple[Hash32, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An equivocation proof, passed on once. One way."""

    proof: EquivocationProof


@dataclass(frozen=True, slots=True)
class QueryAccount:
    """Asks for an account. `after_key` and `limit` page through its claimable outputs; 33 zero bytes start at the first."""

    request_id: int
    owner: PublicKey
    want: int
    after_key: bytes
    limit: int


@dataclass(frozen=True, slots=True)
class Claimable:
    """One output that waits for its owner's RECEIVE."""

    key: OutputKey
    commitment: Commitment


@dataclass(frozen=True, slots=True)
class AccountStateMessage:
    """Answer to QueryAccount. Worth believing only with the head certificate that proves it."""

    request_id: int
    exists: bool
    account: AccountState
    head_certificate: bytes | None
    pending_transition: bytes | None
    claimable: tuple[Claimable, ...]
    more: bool
    log_length: int


# --- Bulk ------------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SyncFromLog:
    """Certificates in this validator's order of application, from an index whose chain hash the requester knows."""

    from_index: int
    chain: Hash32


@dataclass(frozen=True, slots=True)
class SyncAccount:
    """Certificates of one account from a sequence on."""

    owner: PublicKey
    from_sequence: int


@dataclass(frozen=True, slots=True)
class SyncCertificates:
    """Certificates by id."""

    cert_ids: tuple[Hash32, ...]


SyncMode = SyncFromLog | SyncAccount | SyncCertificates


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Asks for certificates, at most `max_items` and about `max_bytes` of them."""

    request_id: int
    mode: SyncMode
    max_items: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class SyncItem:
    """A certificate and its index in the sender's log."""

    index: int
    certificate: bytes


@dataclass(frozen=True, slots=True)
class SyncResponse:
    """Certificates, and the cursor from which to go on.

    A cursor of 0 with no items, to a question from another index than 0, says that the chains differ and all must be read anew.
    """

    request_id: int
    log_length: int
    next_cursor: int
    items: tuple[SyncItem, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Asks for events: bit k of `kind_mask` selects kind k; no owners means all; `after_event` 0 means from now on."""

    request_id: int
    kind_mask: int
    owners: tuple[PublicKey, ...]
    after_event: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and is durable. `event_number` has no gaps but those that a GAP event tells; `time_ms` is informative."""

    event_number: int
    time_ms: int
    kind: int
    body: bytes


Message = (
    Hello
    | Handshake
    | Ping
    | Pong
    | ErrorMessage
    | VoteRequest
    | VoteResponse
    | VoteReject
    | SettlementCertificate
    | CertAck
    | Evidence
    | QueryAccount
    | AccountStateMessage
    | SyncRequest
    | SyncResponse
    | Subscribe
    | Event
)

HELLO = Struct(Hello, version_min=U8, version_max=U8, network_id=HASH, nonce=BYTES32)
HANDSHAKE = Struct(
    Handshake,
    version=U8,
    role=Enumerated(Role),
    reserved=Constant(U8, 0),
    network_id=HASH,
    epoch=U64,
    identity=PUBLIC_KEY,
    own_nonce=BYTES32,
    peer_nonce=BYTES32,
    tls_fingerprint=HASH,
    features=U64,
    signature=SIGNATURE,
)
PING = Struct(Ping, nonce=U64)
PONG = Struct(Pong, nonce=U64, log_length=U64, state_digest=HASH, flags=UInt(1, allowed=range(8)))
ERROR_MESSAGE = Struct(ErrorMessage, code=Enumerated(WireErrorCode, 2), text=Text(U8))

_RULE_CODES = [code for code in ErrorCode if code < 0x1000]
VOTE_REQUEST = Struct(VoteRequest, request_id=U64, certificates=ListOf(CERTIFICATE_BYTES, most=MAX_ATTACHED_CERTIFICATES), transition=TRANSITION_BYTES)
VOTE_RESPONSE = Struct(VoteResponse, request_id=U64, vote=VOTE)
REJECT_DETAIL: Codec[RejectDetail] = OneOf(
    {
        0: (NoDetail, Struct(NoDetail)),
        1: (ConflictDetail, Struct(ConflictDetail, proof=Nested(U16, EQUIVOCATION_PROOF))),
        2: (MissingDetail, Struct(MissingDetail, cert_ids=ListOf(HASH, most=MAX_MISSING))),
        3: (RecordedDetail, Struct(RecordedDetail, transition=TRANSITION_BYTES)),
    }
)
VOTE_REJECT = Struct(
    VoteReject,
    request_id=U64,
    code=Enumerated(ErrorCode, 2, only=_RULE_CODES),
    transition_id=HASH,
    next_sequence=U64,
    detail=REJECT_DETAIL,
    text=Text(U8),
)
SETTLEMENT_CERTIFICATE = Struct(SettlementCertificate, request_id=U64, certificate=CERTIFICATE_BYTES)
CERT_ACK = Struct(CertAck, request_id=U64, cert_id=HASH, status=Enumerated(AckStatus), next_sequence=U64, log_index=U64, missing=ListOf(HASH, most=MAX_MISSING))
EVIDENCE = Struct(Evidence, proof=Nested(U16, EQUIVOCATION_PROOF))
QUERY_ACCOUNT = Struct(QueryAccount, request_id=U64, owner=PUBLIC_KEY, want=UInt(1, allowed=range(8)), after_key=Fixed[bytes](33, "output_key"), limit=U16)
CLAIMABLE = Struct(Claimable, key=OUTPUT_KEY, commitment=COMMITMENT)
ACCOUNT_STATE_MESSAGE = Struct(
    AccountStateMessage,
    request_id=U64,
    exists=Flag(),
    account=ACCOUNT_STATE,
    head_certificate=Maybe(CERTIFICATE_BYTES),
    pending_transition=Maybe(TRANSITION_BYTES),
    claimable=ListOf(CLAIMABLE, count=U16, most=MAX_LISTED_OUTPUTS, ascending=lambda entry: entry.key),
    more=Flag(),
    log_length=U64,
)
SYNC_MODE: Codec[SyncMode] = OneOf(
    {
        0: (SyncFromLog, Struct(SyncFromLog, from_index=U64, chain=HASH)),
        1: (SyncAccount, Struct(SyncAccount, owner=PUBLIC_KEY, from_sequence=U64)),
        2: (SyncCertificates, Struct(SyncCertificates, cert_ids=ListOf(HASH, most=255))),
    }
)
SYNC_REQUEST = Struct(SyncRequest, request_id=U64, mode=SYNC_MODE, max_items=U16, max_bytes=U32)
SYNC_ITEM = Struct(SyncItem, index=U64, certificate=CERTIFICATE_BYTES)
SYNC_RESPONSE = Struct(
    SyncResponse, request_id=U64, log_length=U64, next_cursor=U64, items=ListOf(SYNC_ITEM, count=U16, most=MAX_SYNC_RESPONSE_ITEMS), more=Flag()
)
SUBSCRIBE = Struct(Subscribe, request_id=U64, kind_mask=U32, owners=ListOf(PUBLIC_KEY, most=MAX_SUBSCRIBED_OWNERS), after_event=U64)
EVENT = Struct(Event, event_number=U64, time_ms=U64, kind=U8, body=VarBytes(U16))

MESSAGES: dict[int, tuple[type, Codec[Any]]] = {
    0x00: (Hello, HELLO),
    0x01: (Handshake, HANDSHAKE),
    0x02: (Ping, PING),
    0x03: (Pong, PONG),
    0x04: (ErrorMessage, ERROR_MESSAGE),
    0x10: (VoteRequest, VOTE_REQUEST),
    0x11: (VoteResponse, VOTE_RESPONSE),
    0x12: (VoteReject, VOTE_REJECT),
    0x13: (SettlementCertificate, SETTLEMENT_CERTIFICATE),
    0x14: (CertAck, CERT_ACK),
    0x15: (Evidence, EVIDENCE),
    0x20: (QueryAccount, QUERY_ACCOUNT),
    0x21: (AccountStateMessage, ACCOUNT_STATE_MESSAGE),
    0x30: (SyncRequest, SYNC_REQUEST),
    0x31: (SyncResponse, SYNC_RESPONSE),
    0x40: (Subscribe, SUBSCRIBE),
    0x41: (Event, EVENT),
}
_TYPE_BYTES = {kind: type_byte for type_byte, (kind, _) in MESSAGES.items()}


def encode_message(message: Message) -> tuple[int, bytes]:
    """Type byte and payload of `message`. ValueError for a value that has no encoding, such as a text of more than 255 bytes."""
    type_byte = _TYPE_BYTES[type(message)]
    return type_byte, MESSAGES[type_byte][1].encode(message)


def decode_message(type_byte: int, payload: bytes) -> Message:
    """The message that a frame carries. DecodeError, with the field "type" for a type byte that does not exist."""
    if type_byte not in MESSAGES:
        raise DecodeError(f"0x{type_byte:02x} is no message type", field="type")
    kind, codec = MESSAGES[type_byte]
    try:
        message: Message = codec.decode(payload)
    except DecodeError as error:
        raise error.within(kind.__name__) from error
    return message
