"""Times of one payment, told as events. All clocks are read in the wallet's process, so a slow screen cannot spoil a figure."""

from collections.abc import Callable

from mesh_core.errors import RULE_NAMES, rule_of
from mesh_core.protocol.settlement import (
    AnswerInvalid,
    Ask,
    CertificateFormed,
    CertificatesPushed,
    Delivered,
    SettlementReport,
    StateChanged,
    VoteAccepted,
    VoteRefused,
)
from mesh_core.types.basic import Hash32
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from mesh_core.types.messages import VoteRequest
from mesh_core.wallet import events
from mesh_core.wallet.records import PaidOutput

Publish = Callable[[events.WalletEvent], None]


class PaymentTrace:
    """The events of one payment. Made at the call, before anything is built, so that `payment_ms` leaves nothing out."""

    def __init__(self, payment: int, wallet: str, publish: Publish, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.payment = payment
        self._wallet = wallet
        self._publish = publish
        self.payment_ms = 0.0
        """From the call to the durable certificate; 0 before it."""
        self._called_ns = self._now_ns()
        self._turn_ns = self._called_ns
        self._step_ns = self._called_ns
        self._vote_asked_ns: dict[int, int] = {}
        self._certificate_asked_ns: dict[int, int] = {}
        self._voting_ns = 0

    def queued(self, kind: str, reason: str) -> None:
        """It cannot begin at once."""
        self._publish(events.PaymentQueued(self._now_ns(), self.payment, self._wallet, kind, reason))

    def turn_came(self) -> None:
        """The payments before it are settled, and the wallet is in step with the validators."""
        self._turn_ns = self._step_ns = self._now_ns()

    def started(self, kind: str, amount: int, fee: int, paid: tuple[PaidOutput, ...], sequence: int) -> None:
        """The draft's amounts and slot are known."""
        recipients = tuple((output.owner, output.amount, output.text) for output in paid)
        self._publish(events.PaymentStarted(self._called_ns, self.payment, self._wallet, kind, amount, fee, recipients, sequence))
        waited = events.PaymentStep(self._turn_ns, self.payment, "waited", _ms(self._called_ns, self._turn_ns), None)
        self._publish(waited)

    def step(self, name: str, transition_id: Hash32 | None = None) -> float:
        """A local step is done; returns the milliseconds since the one before."""
        now = self._now_ns()
        spent = _ms(self._step_ns, now)
        self._step_ns = now
        self._publish(events.PaymentStep(now, self.payment, name, spent, transition_id))
        return spent

    def report(self, what: Ask | SettlementReport) -> None:
        """Tell what the settlement asks for or reports. The report of a certificate comes when it is durable: its time is the end of the payment."""
        now = self._now_ns()
        match what:
            case Ask(validator, message):
                is_vote = isinstance(message, VoteRequest)
                self._voting_ns = self._voting_ns or now
                (self._vote_asked_ns if is_vote else self._certificate_asked_ns).setdefault(validator, now)
                self._publish(events.RequestSent(now, self.payment, validator, "vote" if is_vote else "certificate"))
            case VoteAccepted(validator, signature, votes_count):
                self._publish(events.VoteReceived(now, self.payment, validator, signature, votes_count, _ms(self._vote_asked_ns[validator], now)))
            case VoteRefused():
                self._publish(self._refusal(what, now))
            case AnswerInvalid(validator, text):
                self._publish(events.ValidatorSilent(now, self.payment, validator, text))
            case CertificatesPushed(validator, count):
                self._publish(events.ValidatorSilent(now, self.payment, validator, f"is behind: {count} certificates are sent to it"))
            case CertificateFormed(cert_id, signers, size_bytes):
                votes_ms, payment_ms = _ms(self._voting_ns, now), _ms(self._called_ns, now)
                self.payment_ms = payment_ms
                self._publish(events.CertificateMade(now, self.payment, cert_id, signers, size_bytes, votes_ms, payment_ms))
            case Delivered(validator, status, log_index, acks_count):
                took = _ms(self._certificate_asked_ns.get(validator, now), now)
                self._publish(events.CertificateDelivered(now, self.payment, validator, status.name.lower(), log_index, acks_count, took))
            case StateChanged(state, failure):
                reason = None if failure is None else failure.value
                self._publish(events.PaymentState(now, self.payment, self._wallet, state.value, reason))

    def _refusal(self, refused: VoteRefused, now: int) -> events.VoteRefusalReceived:
        rule = rule_of(refused.code)
        return events.VoteRefusalReceived(
            t_ns=now,
            payment=self.payment,
            validator=refused.validator,
            code=f"{refused.code:04x}",
            rule=rule,
            name=RULE_NAMES[rule],
            reason=refused.code.name,
            text=refused.text,
            action=refused.refusal.value,
            proof=None if refused.proof is None else EQUIVOCATION_PROOF.encode(refused.proof),
            ms=_ms(self._vote_asked_ns[refused.validator], now),
        )


def _ms(start_ns: int, end_ns: int) -> float:
    return round((end_ns - start_ns) / 1e6, 3)
