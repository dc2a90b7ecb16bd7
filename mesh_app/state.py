"""What the screens show: plain data, filled by the reducers of `model.py` from events, read by everybody else.

All times are `t_ns` of the machine's monotonic clock as the events report them; nothing here looks at a clock.
Amounts stand in it, so it stays on this machine.
Everything that grows is bounded, so that a workstation may run for days.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mesh_app.spans import Tone, validator_name
from mesh_core.types.committee import Committee

MAX_ENTRIES: Final = 5_000
MAX_PAYMENTS: Final = 1_000
MAX_CERTIFICATES: Final = 1_000
MAX_INCOMING: Final = 1_000
MAX_WORKS: Final = 2_000
VOTE_RATE_SECONDS: Final = 60

DEFAULT_VALIDATORS_COUNT: Final = 4
KILLED: Final = -9

FLAG_SYNCING: Final = 1
FLAG_QUARANTINE: Final = 2
FLAG_HALTED: Final = 4


@dataclass(frozen=True, slots=True)
class Network:
    """The network that this workstation runs. Keys and ids as hexadecimal digits."""

    name: str
    network_id: str
    committee: Committee
    supply: int
    fee_base: int
    fee_per_output: int
    home: str
    start_ns: int

    def fee(self, recipients_count: int) -> int:
        """What a SEND to so many recipients costs."""
        return self.fee_base + recipients_count * self.fee_per_output


@dataclass(slots=True)
class ValidatorView:
    """One validator process as its supervisor and its own lines describe it."""

    index: int
    state: str = "stopped"
    since_ns: int = 0
    pid: int | None = None
    exit: int | None = None
    restarts: int = 0
    detail: str = ""
    public_key: str = ""
    address: str = ""
    backend: str = ""
    ready_ns: int | None = None
    last_line_ns: int = 0
    votes_cast: int = 0
    votes_refused: int = 0
    log_length: int = 0
    state_digest: str = ""
    accounts_count: int = 0
    outputs_count: int = 0
    fee_pool: int = 0
    connections_count: int = 0
    peers_up: tuple[int, ...] = ()
    proofs_waiting: int = 0
    parked_count: int = 0
    last_commit_ms: float | None = None
    flags: int = 0
    last_error: str = ""
    catching_up: str = ""
    """How far the catch-up was when it last said so."""
    votes_by_second: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """V1 to V4."""
        return validator_name(self.index)

    @property
    def is_up(self) -> bool:
        """It answers: the supervisor saw its `ready` line and it has not halted."""
        return self.state == "up" and not self.flags & FLAG_HALTED

    @property
    def is_running(self) -> bool:
        """A process exists."""
        return self.state in {"starting", "up", "stopping"}

    @property
    def condition(self) -> tuple[str, str, Tone]:
        """Glyph, word and tone: never the colour alone."""
        if self.state == "up":
            if self.flags & FLAG_HALTED:
                return "⚑", "halted", "proof"
            if self.flags & FLAG_QUARANTINE:
                return "◐", "quarantine", "wait"
            return ("◐", "syncing", "wait") if self.flags & FLAG_SYNCING else ("●", "up", "up")
        if self.state == "exited":
            return "✖", "killed" if self.exit == KILLED else f"exited {self.exit}" if self.exit is not None else "exited", "down"
        return ("◐", self.state, "wait") if self.state in {"starting", "stopping", "restarting"} else ("○", "stopped", "dim")

    def votes_per_second(self, now_ns: int, seconds: int) -> tuple[int, ...]:
        """Votes in each of the last full seconds, oldest first."""
        last = now_ns // 1_000_000_000
        return tuple(self.votes_by_second.get(second, 0) for second in range(last - seconds, last))


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


@dataclass(slots=True)
class Output:
    """A claimable output as its recipient sees it; `claim` is the key of the payment that claims it. The text is a stranger's."""

    cert_id: str
    index: int
    sender: str
    amount: int | None
    text: str
    status: str
    t_ns: int
    claim: int | None = None


@dataclass(slots=True)
class WalletView:
    """One wallet: the balance that it opened, and the commitment that everybody else sees of it."""

    name: str
    address: str
    owner: str
    balance: int
    commitment: str
    sequence: int
    incoming: int
    in_flight: int
    state: str
    outputs: dict[tuple[str, int], Output] = field(default_factory=dict)


@dataclass(slots=True)
class CertificateView:
    """A certificate that validators applied in this run: what is public of it, and where it stands in each log."""

    cert_id: str
    kind: str
    sender: str
    sequence: int
    recipients: tuple[str, ...]
    signers: tuple[int, ...]
    first_ns: int
    applied_ns: dict[int, int] = field(default_factory=dict)
    """When each validator that said so in this run applied it."""


@dataclass(frozen=True, slots=True)
class Link:
    """The wallets' connection to a validator."""

    is_up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Whether commitments of all accounts, outputs and fees add up to the public supply, and whether all validators hold the same state."""

    t_ns: int
    supply_audit: bool | None
    digests_equal: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that could not be done, in words for the person who made it. `wallet` is None where it was about none."""

    text: str
    wallet: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event stream. `number` counts all lines of the run; `payment` is the key of the payment that it belongs to."""

    number: int
    t_ns: int
    source: str
    source_tone: Tone
    kind: str
    text: str
    tone: Tone
    payment: int | None


@dataclass(slots=True)
class State:
    """Everything that the screens show."""

    now_ns: int = 0
    network: Network | None = None
    validators: list[ValidatorView] = field(default_factory=lambda: [ValidatorView(index) for index in range(DEFAULT_VALIDATORS_COUNT)])
    wallets: dict[str, WalletView] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    payment_by_number: dict[int, Payment] = field(default_factory=dict)
    payments_count: int = 0
    highest_payment_number: int = -1
    works: dict[str, dict[int, Work]] = field(default_factory=dict)
    certificates: dict[str, CertificateView] = field(default_factory=dict)
    payment_by_transition: dict[str, int] = field(default_factory=dict)
    payment_by_certificate: dict[str, int] = field(default_factory=dict)
    claim_by_certificate: dict[str, int] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    audit: Audit | None = None
    alarm: str = ""
    new_faults: list[Fault] = field(default_factory=list)
    """Faults that nobody was told of yet; whoever tells them empties the list."""
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MAX_ENTRIES))
    entries_count: int = 0
    events_count: int = 0
    unreadable_count: int = 0
    last_payment_ms: float | None = None

    @property
    def validators_up(self) -> int:
        """How many validators answer."""
        return sum(1 for validator in self.validators if validator.is_up)

    @property
    def any_running(self) -> bool:
        """A validator process exists, so quitting would stop something."""
        return any(validator.is_running for validator in self.validators)

    @property
    def quorum(self) -> int:
        """Votes that make a certificate."""
        if self.network is not None:
            return self.network.committee.quorum_threshold
        return 2 * len(self.validators) // 3 + 1

    @property
    def certificates_count(self) -> int:
        """Certificates in the longest log."""
        return max((validator.log_length for validator in self.validators), default=0)

    @property
    def payments_in_flight(self) -> Iterator[Payment]:
        """Payments that are not final yet."""
        return (payment for payment in self.payments.values() if payment.certificate is None and not payment.is_over)

    def since_start(self, t_ns: int) -> int:
        """A time as nanoseconds since the network's start."""
        return t_ns - self.network.start_ns if self.network is not None else t_ns

    def owner_name(self, owner: str) -> str | None:
        """The name of this home's wallet with that key, or None for a stranger."""
        return next((wallet.name for wallet in self.wallets.values() if wallet.owner == owner), None)

    def digest_is_equal(self, validator: ValidatorView) -> bool | None:
        """Whether the validator's digest equals that of the others with a log of the same length. None where there is nobody to compare with."""
        others = [
            other.state_digest
            for other in self.validators
            if other.index != validator.index and other.is_up and other.log_length == validator.log_length and other.state_digest
        ]
        if not validator.state_digest or not others:
            return None
        return all(digest == validator.state_digest for digest in others)

    def holders_of(self, certificate: CertificateView) -> tuple[int, ...]:
        """Validators known to hold a certificate: those that applied it in this run, and those whose state equals the state of one that did, since.

        A validator that applied it before this run says nothing of it any more, but its digest covers everything that it applied.
        """
        after = {
            validator.state_digest
            for validator in self.validators
            if validator.state_digest and validator.last_line_ns > certificate.applied_ns.get(validator.index, validator.last_line_ns)
        }
        return tuple(
            validator.index
            for validator in self.validators
            if validator.index in certificate.applied_ns or (validator.is_up and validator.state_digest in after)
        )

    def claim_of(self, payment: Payment) -> Payment | None:
        """The claim that brought a payment's output to its recipient's balance, where the recipient's wallet is one of this home."""
        if payment.certificate is None:
            return None
        return self.payments.get(self.claim_by_certificate.get(payment.certificate.cert_id, -1))

    def source_of(self, claim: Payment) -> Payment | None:
        """The payment of this run that made the first output of a claim."""
        for cert_id, _ in claim.claims:
            source = self.payments.get(self.payment_by_certificate.get(cert_id, -1))
            if source is not None:
                return source
        return None
