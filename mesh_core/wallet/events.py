"""What wallets tell whoever watches them: a screen, a command line, a recording. Amounts stand in them, so they stay on the owner's machine.

`t_ns` is the machine's monotonic clock at the event; `_ms` are durations measured in the wallet's process. A payment is known by `payment`, a number that
rises within one run of the wallet. A claim (RECEIVE) is a payment of kind "receive".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WalletChanged:
    """A wallet exists or its balance moved. `balance` is opened locally; `commitment` is all that validators see of it.

    `incoming` is claimable and not claimed, `in_flight` leaves with a payment that is not final. `state`: connecting, idle, paying, claiming, locked, stuck.
    """

    EVENT: ClassVar[str] = "wallet"
    t_ns: int
    wallet: str
    address: str
    owner: bytes
    balance: int
    commitment: bytes
    sequence: int
    incoming: int
    in_flight: int
    state: str


@dataclass(frozen=True, slots=True)
class PaymentQueued:
    """A send or claim was ordered and cannot begin. `reason` says what it waits for: an earlier payment of this wallet, or validators."""

    EVENT: ClassVar[str] = "payment_queued"
    t_ns: int
    payment: int
    wallet: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """A send or claim begins. `recipients` are (owner key, amount, text); empty for a claim, whose `amount` is what it brings."""

    EVENT: ClassVar[str] = "payment_started"
    t_ns: int
    payment: int
    wallet: str
    kind: str
    amount: int
    fee: int
    recipients: tuple[tuple[bytes, int, str], ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class PaymentStep:
    """A local step is done: waited (for its turn), built, proved, checked (by own rules), signed, stored (durable). `ms` is the step's own time."""

    EVENT: ClassVar[str] = "payment_step"
    t_ns: int
    payment: int
    step: str
    ms: float
    transition_id: bytes | None


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request left for a validator: vote, certificate, push."""

    EVENT: ClassVar[str] = "request_sent"
    t_ns: int
    payment: int
    validator: int
    request: str


@dataclass(frozen=True, slots=True)
class VoteReceived:
    """A valid vote arrived, `ms` after the vote requests were sent."""

    EVENT: ClassVar[str] = "vote_received"
    t_ns: int
    payment: int
    validator: int
    signature: bytes
    votes_count: int
    ms: float


@dataclass(frozen=True, slots=True)
class VoteRefusalReceived:
    """A validator refused. `action` says what the wallet does about it; `proof` is an equivocation proof that was verified, or None."""

    EVENT: ClassVar[str] = "vote_refused"
    t_ns: int
    payment: int
    validator: int
    code: str
    rule: int
    name: str
    reason: str
    text: str
    action: str
    proof: bytes | None
    ms: float


@dataclass(frozen=True, slots=True)
class ValidatorSilent:
    """A validator did not answer, or answered with nonsense; it is asked again later."""

    EVENT: ClassVar[str] = "validator_silent"
    t_ns: int
    payment: int
    validator: int
    text: str


@dataclass(frozen=True, slots=True)
class CertificateMade:
    """The certificate is durable at the wallet: the payment is final. `payment_ms` counts from the call, before building and proving."""

    EVENT: ClassVar[str] = "certificate"
    t_ns: int
    payment: int
    cert_id: bytes
    signers: tuple[int, ...]
    size_bytes: int
    votes_ms: float
    payment_ms: float


@dataclass(frozen=True, slots=True)
class CertificateDelivered:
    """A validator's acknowledgement of the certificate, `ms` after it was sent."""

    EVENT: ClassVar[str] = "delivered"
    t_ns: int
    payment: int
    validator: int
    status: str
    log_index: int
    acks_count: int
    ms: float


@dataclass(frozen=True, slots=True)
class PaymentState:
    """voting, certified, settled (q validators applied it), done (all did), failed (with the reason)."""

    EVENT: ClassVar[str] = "payment_state"
    t_ns: int
    payment: int
    wallet: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class IncomingSeen:
    """An output for this wallet. `status`: claimable, claimed, unopenable (shown, never claimed; then `amount` is None and `text` the reason)."""

    EVENT: ClassVar[str] = "incoming"
    t_ns: int
    wallet: str
    cert_id: bytes
    index: int
    sender: bytes
    amount: int | None
    text: str
    status: str


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The wallet's connection to a validator came up or went down; `detail` is the last error."""

    EVENT: ClassVar[str] = "link"
    t_ns: int
    validator: int
    up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class WalletFault:
    """A request could not be done; nothing was changed. `payment` is None where none had begun."""

    EVENT: ClassVar[str] = "fault"
    t_ns: int
    wallet: str | None
    payment: int | None
    code: str
    text: str


class NoticeKind(StrEnum):
    """What a notice is about."""

    RESTORING = "restoring"
    """The records are missing or new beside a seed that may have been used: everything is asked back from the validators."""
    RESTORED = "restored"
    UNSEEN_VOTE = "unseen_vote"
    """Fewer than n validators have said what they know: one that is silent may have voted for something that this wallet has forgotten."""
    MOVED = "moved"
    """Another device, or an earlier copy of this one, has moved the account."""
    TWO_SIGNED = "two_signed"
    """Two transitions are signed for one slot."""
    LOCKED = "locked"
    STUCK = "stuck"
    REPLACED = "replaced"
    """Another transition was signed in the slot of one that is refused for ever."""
    SEALED = "sealed"
    """A wallet was left closed: its seed is sealed with a passphrase, and nobody can be asked for it."""
    UNCHECKED_ADDRESS = "unchecked_address"
    """An address came without a checksum."""


@dataclass(frozen=True, slots=True)
class WalletNotice:
    """Something that the owner should know; money did not move by it. `kind` is a NoticeKind, `validators` those that it is about."""

    EVENT: ClassVar[str] = "notice"
    t_ns: int
    wallet: str | None
    kind: str
    text: str
    validators: tuple[int, ...]


WalletEvent = (
    WalletChanged
    | PaymentQueued
    | PaymentStarted
    | PaymentStep
    | RequestSent
    | VoteReceived
    | VoteRefusalReceived
    | ValidatorSilent
    | CertificateMade
    | CertificateDelivered
    | PaymentState
    | IncomingSeen
    | LinkChanged
    | WalletNotice
    | WalletFault
)
