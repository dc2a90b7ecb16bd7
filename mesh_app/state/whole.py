"""Everything that the screens show, in one value."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from mesh_app.state.about import About
from mesh_app.state.certificates import CertificateView
from mesh_app.state.entries import MAX_ENTRIES, Entry, Fault
from mesh_app.state.laboratory import LaboratoryView
from mesh_app.state.ledger import LedgerView
from mesh_app.state.logs import LogsView
from mesh_app.state.network import Audit, Link, Network
from mesh_app.state.operation import OperationView
from mesh_app.state.payments import Payment, Work
from mesh_app.state.performance import PerformanceView
from mesh_app.state.show import ShowView
from mesh_app.state.validators import DEFAULT_VALIDATORS_COUNT, ValidatorView
from mesh_app.state.wallets import WalletDeskView, WalletView


@dataclass(slots=True)
class State:
    """Everything that the screens show."""

    now_ns: int = 0
    about: About = field(default_factory=About)
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
    ledger: LedgerView = field(default_factory=LedgerView)
    laboratory: LaboratoryView = field(default_factory=LaboratoryView)
    performance: PerformanceView = field(default_factory=PerformanceView)
    logs: LogsView = field(default_factory=LogsView)
    operation: OperationView = field(default_factory=OperationView)
    wallet_desk: WalletDeskView = field(default_factory=WalletDeskView)
    show: ShowView = field(default_factory=ShowView)

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
        """What an account is called here: this home's wallet with that key, before one that only views it; else a contact. None for a stranger."""
        found = [wallet for wallet in self.wallets.values() if wallet.owner == owner]
        named = next((wallet for wallet in found if not wallet.is_view_only), found[0] if found else None) or self.wallet_desk.contact_of(owner)
        return None if named is None else named.name

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
