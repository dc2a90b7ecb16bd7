"""Keys and values of a wallet's durable records (docs/protocol.md, "Wallet"). Secret: they hold openings.

account                      the account as of its last certified transition, with the opening of its balance
out/SEQUENCE                 the transition signed for a slot: there is never another one
in/CERT_ID/INDEX             an output for this account
cert/CERT_ID                 certificates of this account, and those whose outputs it claims
standing                     why the account cannot go on, with the evidence; absent while it can
replaced/SEQUENCE/ID         a transition that was refused for ever, and in whose slot another one was signed in an emergency
meta/network                 network_id
meta/intention               what a command was about to pay (`intending.py`)
meta/history                 all that was paid before the disk began is here, or there was nothing. Absent: it is to be asked for
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mesh_core.errors import ErrorCode
from mesh_core.types.account import ACCOUNT_STATE, AccountState
from mesh_core.types.basic import COMMITMENT, PUBLIC_KEY, SCALAR, Commitment, Hash32, PublicKey, Scalar32
from mesh_core.types.codec import U8, U16, U64, Enumerated, ListOf, Maybe, Struct, Text
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.evidence import EQUIVOCATION_PROOF, EquivocationProof
from mesh_core.types.messages import CERTIFICATE_BYTES, TRANSITION_BYTES
from mesh_core.types.transition import MAX_OUTPUTS, OutputKey

ACCOUNT_KEY = "account"
NETWORK_KEY = "meta/network"
HISTORY_KEY = "meta/history"
INTENTION_KEY = "meta/intention"
HISTORY_COMPLETE: Final = b"complete"
STANDING_KEY = "standing"
EVIDENCE_MOST = 16
OUTGOING_PREFIX = "out/"
INCOMING_PREFIX = "in/"


class OutgoingState(IntEnum):
    """Where a signed transition stands. DRAFT is not here: a draft is never stored."""

    SIGNED = 1
    CERTIFIED = 2
    SETTLED = 3
    DONE = 4
    LOCKED = 5
    STUCK = 6


class IncomingStatus(IntEnum):
    """What became of an output for this account."""

    CLAIMABLE = 1
    CLAIMED = 2
    UNOPENABLE = 3


class Condition(IntEnum):
    """Whether an account can go on."""

    OPEN = 0
    LOCKED = 1
    """Two transitions are signed for its slot, and neither can reach a quorum."""
    STUCK = 2
    """At least q validators refuse the transition that is signed for its slot, for ever."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a validator, by its index, said to a transition."""

    validator: int
    code: ErrorCode


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account can go on in its slot, and if not why: the evidence of two signed transitions, or who refuses the one for ever."""

    condition: Condition
    sequence: int
    text: str
    evidence: tuple[EquivocationProof, ...]
    refusals: tuple[Refusal, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReplacedRecord:
    """A transition that at least q validators refused for ever, and beside which another one was signed."""

    transition: bytes
    refusals: tuple[Refusal, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account with the opening of its balance (secret)."""

    state: AccountState
    value: int
    blinding: Scalar32


@dataclass(frozen=True, slots=True)
class PaidOutput:
    """What one output of a SEND pays, for the history (secret)."""

    owner: PublicKey
    amount: int
    text: str


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A signed transition, durable before its first byte leaves, and what the account will be after it (secret)."""

    state: OutgoingState
    transition: bytes
    new_value: int
    new_blinding: Scalar32
    paid: tuple[PaidOutput, ...]
    claimed_value: int
    created_ms: int
    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """An output for this account: opened, claimed, or not openable (then value and blinding are 0 and `text` says why) (secret)."""

    status: IncomingStatus
    sender: PublicKey
    commitment: Commitment
    value: int
    blinding: Scalar32
    text: str
    seen_ms: int


ACCOUNT_RECORD = Struct(AccountRecord, state=ACCOUNT_STATE, value=U64, blinding=SCALAR)
PAID_OUTPUT = Struct(PaidOutput, owner=PUBLIC_KEY, amount=U64, text=Text(U16))
OUTGOING_RECORD = Struct(
    OutgoingRecord,
    state=Enumerated(OutgoingState),
    transition=TRANSITION_BYTES,
    new_value=U64,
    new_blinding=SCALAR,
    paid=ListOf(PAID_OUTPUT, most=MAX_OUTPUTS),
    claimed_value=U64,
    created_ms=U64,
    certificate=Maybe(CERTIFICATE_BYTES),
)
INCOMING_RECORD = Struct(
    IncomingRecord,
    status=Enumerated(IncomingStatus),
    sender=PUBLIC_KEY,
    commitment=COMMITMENT,
    value=U64,
    blinding=SCALAR,
    text=Text(U16),
    seen_ms=U64,
)

REFUSAL = Struct(Refusal, validator=U8, code=Enumerated(ErrorCode, 2))
REFUSALS = ListOf(REFUSAL, most=MAX_VALIDATORS)
STANDING = Struct(
    Standing,
    condition=Enumerated(Condition),
    sequence=U64,
    text=Text(U16),
    evidence=ListOf(EQUIVOCATION_PROOF, most=EVIDENCE_MOST),
    refusals=REFUSALS,
    at_ms=U64,
)
REPLACED_RECORD = Struct(ReplacedRecord, transition=TRANSITION_BYTES, refusals=REFUSALS, at_ms=U64)


def outgoing_key(sequence: int) -> str:
    """Key of the transition signed for a slot."""
    return f"{OUTGOING_PREFIX}{sequence:016x}"


def incoming_key(key: OutputKey) -> str:
    """Key of an output for this account."""
    return f"{INCOMING_PREFIX}{key.cert_id.hex()}/{key.index:02x}"


def parse_incoming(key: str) -> OutputKey:
    """The output in its key."""
    _, cert_id, index = key.split("/")
    return OutputKey(Hash32(bytes.fromhex(cert_id)), int(index, 16))


def replaced_key(sequence: int, transition_id: Hash32) -> str:
    """Key of a transition that was given up in an emergency."""
    return f"replaced/{sequence:016x}/{transition_id.hex()}"


def certificate_key(cert_id: Hash32) -> str:
    """Key of a certificate."""
    return f"cert/{cert_id.hex()}"
