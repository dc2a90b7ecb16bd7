"""Payments and claims: what the wallets report of each, step by step and validator by validator."""

from dataclasses import dataclass, field
from typing import Final

MAX_PAYMENTS: Final = 1_000
MAX_WORKS: Final = 2_000


@dataclass(slots=True)
class Work:
    """What one validator reports of its work on one transition."""

    arrived_ns: int | None = None
    cast_ns: int | None = None
    rules_ms: float = 0.0
    proof_ms: float = 0.0
    durable_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A vote that was refused: which rule, why, and what the wallet does about it."""

    t_ns: int
    ms: float
    code: str
    rule: int
    name: str
    reason: str
    text: str
    action: str
    has_proof: bool


@dataclass(slots=True)
class Lane:
    """What a wallet sees of one validator during one payment."""

    asked_ns: int | None = None
    attempts_count: int = 0
    vote_ns: int | None = None
    vote_ms: float = 0.0
    signature: str = ""
    rank: int = 0
    refusal: Refusal | None = None
    silence_ns: int | None = None
    silence: str = ""
    sent_ns: int | None = None
    ack_ns: int | None = None
    ack_ms: float = 0.0
    ack_status: str = ""
    log_index: int = 0

    @property
    def is_applied(self) -> bool:
        """The validator acknowledged that the certificate changed its ledger, or had done so before."""
        return self.ack_ns is not None and self.ack_status in {"applied", "already_applied"}


@dataclass(frozen=True, slots=True)
class Step:
    """A local step of a payment: when it was done, and how long it took."""

    t_ns: int
    ms: float


@dataclass(frozen=True, slots=True)
class FormedCertificate:
    """The certificate as the wallet formed it."""

    t_ns: int
    cert_id: str
    signers: tuple[int, ...]
    size_bytes: int
    votes_ms: float
    payment_ms: float


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets how much, with which words. The text is a stranger's: `visible_text` before it is drawn."""

    owner: str
    amount: int
    text: str


@dataclass(slots=True)
class Payment:
    """One SEND or RECEIVE from the call to the last acknowledgement. `key` is its own for the whole run; `number` is the wallet's."""

    key: int
    number: int
    wallet: str
    kind: str
    amount: int
    fee: int
    recipients: tuple[Recipient, ...]
    sequence: int
    started_ns: int
    last_ns: int
    steps: dict[str, Step] = field(default_factory=dict)
    transition_id: str = ""
    lanes: dict[int, Lane] = field(default_factory=dict)
    asked_ns: int | None = None
    certificate: FormedCertificate | None = None
    state: str = "building"
    reason: str = ""
    fault: str = ""
    claims: tuple[tuple[str, int], ...] = ()

    @property
    def is_claim(self) -> bool:
        """A RECEIVE: it turns claimable outputs into balance."""
        return self.kind == "receive"

    @property
    def is_final(self) -> bool:
        """The certificate is durable at the wallet: whatever comes, this payment stands."""
        return self.certificate is not None

    @property
    def is_over(self) -> bool:
        """Nothing more will happen by itself."""
        return self.state in {"done", "failed"}

    @property
    def votes_count(self) -> int:
        """Validators whose vote the wallet holds."""
        return sum(1 for lane in self.lanes.values() if lane.vote_ns is not None)

    @property
    def applied_count(self) -> int:
        """Validators that acknowledged the certificate."""
        return sum(1 for lane in self.lanes.values() if lane.is_applied)

    def lane(self, validator: int) -> Lane:
        """The lane of a validator; an empty one is made where nothing happened yet."""
        return self.lanes.setdefault(validator, Lane())
