"""The wallet's machine for one signed transition: gather votes, form the certificate, deliver it (docs/protocol.md, "Wallet").

    SIGNED ──start──▶ VOTING ──q votes──▶ CERTIFIED ──q acks──▶ SETTLED ──n acks──▶ DONE
                         └─ too many refusals ─▶ FAILED: locked (two ids are signed), stuck (refused for ever), or superseded

The transition is signed and durable before the machine exists, and the same bytes are sent for ever: a slot is never signed twice. The certificate becomes
durable (`KeepCertificate`) before it is delivered. Nothing ever waits for the n-th validator: at the q-th vote the certificate is formed, at the q-th
acknowledgement it is settled, and whoever is slower is served in the background.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from mesh_core.errors import ErrorCode
from mesh_core.protocol.certificates import build_certificate, verify_vote
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.evidence import EquivocationProof
from mesh_core.types.messages import (
    MAX_ATTACHED_CERTIFICATES,
    AckStatus,
    CertAck,
    ConflictDetail,
    Message,
    SettlementCertificate,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import TRANSITION


class RefusalClass(Enum):
    """What a wallet does about a refusal."""

    PERMANENT = "refused for ever: a bug or an attack"
    EPOCH = "another epoch: compare versions, retry"
    BEHIND = "the validator is behind: send it what it lacks, retry"
    STALE = "the wallet is behind: the slot is settled"
    CONFLICT = "another transition is signed for this slot"
    RETRY = "busy: retry"


def classify_refusal(code: ErrorCode) -> RefusalClass:
    """The class of a code on the wire (docs/protocol.md, "What a wallet does about a refusal")."""
    if code is ErrorCode.EPOCH:
        return RefusalClass.EPOCH
    if code in (ErrorCode.UNKNOWN_ACCOUNT, ErrorCode.SEQUENCE_AHEAD, ErrorCode.UNKNOWN_OUTPUT):
        return RefusalClass.BEHIND
    if code in (ErrorCode.STALE_SEQUENCE, ErrorCode.PREV_MISMATCH, ErrorCode.ALREADY_CLAIMED):
        return RefusalClass.STALE
    if code in (ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.CONFLICTS_WITH_CERTIFICATE):
        return RefusalClass.CONFLICT
    return RefusalClass.RETRY if code >= ErrorCode.BUSY else RefusalClass.PERMANENT


_SETTLED_CODES = frozenset((ErrorCode.CONFLICTS_WITH_CERTIFICATE, ErrorCode.STALE_SEQUENCE, ErrorCode.PREV_MISMATCH, ErrorCode.ALREADY_CLAIMED))
"""A validator says that it has applied a certificate which leaves no room for this transition, or which is this transition's."""


class SettlementState(Enum):
    """Where a transition stands."""

    SIGNED = "signed"
    VOTING = "voting"
    CERTIFIED = "certified"
    SETTLED = "settled"
    DONE = "done"
    FAILED = "failed"


class FailureReason(Enum):
    """Why no certificate can come any more."""

    LOCKED = "two transitions of this slot are signed, and neither can reach a quorum"
    STUCK = "at least a quorum of validators refuses this transition for ever"
    SUPERSEDED = "this slot, or an output it claims, is settled already"
    """By which transition, the slot's certificate says: perhaps by this very one, since anybody who has its bytes can gather the votes."""


# --- What the machine reports and asks for ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request to a validator; its answer comes back by `on_answer`, its silence by `on_silence`. The request id is the connection's to choose."""

    validator: int
    message: Message


@dataclass(frozen=True, slots=True)
class Pause:
    """Call `on_retry(validator)` after the back-off of that many attempts without progress."""

    validator: int
    attempts_count: int


@dataclass(frozen=True, slots=True)
class KeepCertificate:
    """Make the certificate durable before any later effect."""

    cert_id: Hash32
    certificate: bytes


@dataclass(frozen=True, slots=True)
class VoteAccepted:
    """A valid vote; `votes_count` of them so far."""

    validator: int
    signature: Signature
    votes_count: int


@dataclass(frozen=True, slots=True)
class VoteRefused:
    """A validator's refusal, and what is done about it. `proof` is set for a conflict, and was verified."""

    validator: int
    code: ErrorCode
    text: str
    refusal: RefusalClass
    proof: EquivocationProof | None


@dataclass(frozen=True, slots=True)
class AnswerInvalid:
    """A validator answered with something that is no answer: a bad vote, a false proof. It counts for nothing."""

    validator: int
    text: str


@dataclass(frozen=True, slots=True)
class CertificateFormed:
    """A quorum voted: the payment is final."""

    cert_id: Hash32
    signers: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CertificatesPushed:
    """So many certificates that a validator lacks are sent to it."""

    validator: int
    count: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A validator's word on the certificate."""

    validator: int
    status: AckStatus
    log_index: int
    acks_count: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The settlement's state changed. `failure` is set for FAILED."""

    state: SettlementState
    failure: FailureReason | None = None


SettlementReport = VoteAccepted | VoteRefused | AnswerInvalid | CertificateFormed | CertificatesPushed | Delivered | StateChanged
SettlementEffect = Ask | Pause | KeepCertificate | SettlementReport


class AccountHistory(Protocol):
    """What a wallet has at hand for a validator that is behind."""

    def certificates_since(self, sequence: int) -> Sequence[bytes]:
        """This account's certificates from `sequence` up to the transition in hand, each behind those whose outputs it claims."""
        ...

    def claimed_certificates(self) -> Sequence[bytes]:
        """The certificates whose outputs the transition in hand claims."""
        ...


@dataclass(slots=True)
class _Progress:
    """One validator's part. `is_paused` tells a pause that counts from one that the certificate has made void."""

    refused: ErrorCode | None = None
    acked: bool = False
    is_paused: bool = False
    attempts_count: int = 0
    pushed: bool = False
    pushing: deque[bytes] = field(default_factory=deque)


class SettlementMachine:
    """Settles one signed transition. All inputs are answers, silences and retries; all outputs are effects."""

    def __init__(self, genesis: Genesis, candidate: Identified, history: AccountHistory, certificate: bytes | None = None) -> None:
        """`certificate` is given when a wallet resumes after it had become durable."""
        self.genesis = genesis
        self.candidate = candidate
        self.state = SettlementState.SIGNED
        self.failure: FailureReason | None = None
        self.certificate = certificate
        self._history = history
        self._transition = TRANSITION.encode(candidate.transition)
        self._votes: dict[PublicKey, Signature] = {}
        self._progress = [_Progress() for _ in genesis.committee.validators]
        self._evidence: dict[EquivocationProof, None] = {}

    @property
    def acks_count(self) -> int:
        """Validators that have applied the certificate."""
        return sum(progress.acked for progress in self._progress)

    def has_acknowledged(self, validator: int) -> bool:
        """Whether a validator has applied the certificate."""
        return self._progress[validator].acked

    @property
    def refusals(self) -> dict[int, ErrorCode]:
        """What validators, by index, have refused this transition with, for ever or because of another one."""
        return {validator: progress.refused for validator, progress in enumerate(self._progress) if progress.refused is not None}

    @property
    def evidence(self) -> tuple[EquivocationProof, ...]:
        """The verified proofs that this slot has a second transition, as validators gave them."""
        return tuple(self._evidence)

    def start(self) -> list[SettlementEffect]:
        """Ask all validators at once."""
        if self.certificate is None:
            first: list[SettlementEffect] = [self._enter(SettlementState.VOTING)]
        else:
            first = [self._enter(SettlementState.CERTIFIED)]
        return first + [self._ask(validator) for validator in range(self.genesis.committee.size)]

    def on_answer(self, validator: int, message: Message) -> list[SettlementEffect]:
        """An answer to an `Ask` to this validator."""
        if self.state is SettlementState.FAILED:
            return []
        match message:
            case VoteResponse():
                return self._on_vote(validator, message)
            case VoteReject():
                return self._on_reject(validator, message)
            case CertAck():
                return self._on_pushed(validator) if self._progress[validator].pushing else self._on_ack(validator, message)
            case _:
                self._progress[validator].pushing.clear()
                return [AnswerInvalid(validator, f"answered with {type(message).__name__}"), *self._pause(validator)]

    def on_silence(self, validator: int, asked: Message) -> list[SettlementEffect]:
        """No answer to `asked` came, or there is no connection: try again later, with the same bytes."""
        if self.certificate is not None and isinstance(asked, VoteRequest):
            return []
        self._progress[validator].pushing.clear()
        self._progress[validator].pushed = False
        return self._pause(validator)

    def on_retry(self, validator: int) -> list[SettlementEffect]:
        """The pause is over. One from before the certificate is void: the validator has been sent the certificate meanwhile."""
        progress = self._progress[validator]
        if self.state is SettlementState.FAILED or progress.acked or not progress.is_paused:
            return []
        progress.is_paused = False
        return [self._ask(validator)]

    # --- Votes

    def _on_vote(self, validator: int, message: VoteResponse) -> list[SettlementEffect]:
        key = self.genesis.committee.validators[validator]
        if message.vote.validator != key or not verify_vote(message.vote, self.candidate.statement, self.genesis.committee):
            invalid = AnswerInvalid(validator, "its vote is not a valid vote for this transition")
            return [invalid] if self.certificate is not None else [invalid, *self._pause(validator)]
        if key in self._votes:
            return []
        self._votes[key] = message.vote.signature
        self._progress[validator].refused = None
        effects: list[SettlementEffect] = [VoteAccepted(validator, message.vote.signature, len(self._votes))]
        if self.state is not SettlementState.VOTING or len(self._votes) < self.genesis.committee.quorum_threshold:
            return effects
        return effects + self._certify(build_certificate(self.candidate.transition, self._votes, self.genesis.committee))

    def _certify(self, certificate: Certificate) -> list[SettlementEffect]:
        """Final. Keep it, then deliver it to everybody, whoever has voted; a validator that is being sent what it lacks gets it afterwards."""
        self.certificate = CERTIFICATE.encode(certificate)
        for progress in self._progress:
            progress.attempts_count = 0
            progress.is_paused = False
        return [
            KeepCertificate(self.candidate.cert_id, self.certificate),
            CertificateFormed(self.candidate.cert_id, tuple(vote.validator_index for vote in certificate.votes), len(self.certificate)),
            self._enter(SettlementState.CERTIFIED),
            *(self._ask(validator) for validator, progress in enumerate(self._progress) if not progress.pushing),
        ]

    def _on_reject(self, validator: int, reject: VoteReject) -> list[SettlementEffect]:
        if self.certificate is not None or self.genesis.committee.validators[validator] in self._votes:
            # A vote that was given stays given: nobody can take it back.
            return []
        refusal = classify_refusal(reject.code)
        proof = reject.detail.proof if isinstance(reject.detail, ConflictDetail) else None
        if refusal is RefusalClass.CONFLICT and (proof is None or not self._convicts_this_slot(proof)):
            return [AnswerInvalid(validator, "it speaks of a conflict and cannot prove it"), *self._pause(validator)]
        if proof is not None and refusal is RefusalClass.CONFLICT:
            self._evidence[proof] = None
        report = VoteRefused(validator, reject.code, reject.text, refusal, proof)
        match refusal:
            case RefusalClass.BEHIND:
                return [report, *self._push(validator, reject.next_sequence)]
            case RefusalClass.RETRY | RefusalClass.EPOCH:
                return [report, *self._pause(validator)]
            case RefusalClass.STALE | RefusalClass.CONFLICT | RefusalClass.PERMANENT:
                self._progress[validator].refused = reject.code
                return [report, *self._check_failure()]

    def _convicts_this_slot(self, proof: EquivocationProof) -> bool:
        """Whether the proof shows that this very transition has a rival. A validator cannot invent one: it needs the owner's signature."""
        statement = self.candidate.statement
        return (
            proof.sequence == statement.sequence
            and getattr(proof, "owner", None) == statement.sender
            and statement.transition_id in (proof.id_a, proof.id_b)
            and verify_equivocation(proof, self.genesis)
        )

    def _check_failure(self) -> list[SettlementEffect]:
        """Give up only when too few validators are left for a quorum, and say why. Up to f validators that lie cannot get here alone.

        That the slot is settled is a validator's word; f + 1 of them cannot all lie. That two transitions are signed was proven. Stuck is what at least q
        validators refuse for ever: so many that a second transition in this slot can never meet with a quorum for the first. With fewer, the others are
        still waited for.
        """
        committee = self.genesis.committee
        refusals = list(self.refusals.values())
        if committee.size - len(refusals) >= committee.quorum_threshold:
            return []
        settled_count = sum(code in _SETTLED_CODES for code in refusals)
        if settled_count >= committee.validity_threshold:
            return [self._enter(SettlementState.FAILED, FailureReason.SUPERSEDED)]
        if self._evidence:
            return [self._enter(SettlementState.FAILED, FailureReason.LOCKED)]
        if settled_count:
            return [self._enter(SettlementState.FAILED, FailureReason.SUPERSEDED)]
        return [self._enter(SettlementState.FAILED, FailureReason.STUCK)] if len(refusals) >= committee.quorum_threshold else []

    # --- Certificates

    def _on_ack(self, validator: int, ack: CertAck) -> list[SettlementEffect]:
        progress = self._progress[validator]
        if self.certificate is None or progress.acked:
            return []
        match ack.status:
            case AckStatus.APPLIED | AckStatus.ALREADY_APPLIED if ack.cert_id == self.candidate.cert_id:
                progress.acked = True
                return [Delivered(validator, ack.status, ack.log_index, self.acks_count), *self._count_acks()]
            case AckStatus.PENDING:
                return [Delivered(validator, ack.status, 0, self.acks_count), *self._push(validator, ack.next_sequence)]
            case _:
                return [Delivered(validator, ack.status, 0, self.acks_count), *self._pause(validator)]

    def _count_acks(self) -> list[SettlementEffect]:
        committee = self.genesis.committee
        effects: list[SettlementEffect] = []
        if self.state is SettlementState.CERTIFIED and self.acks_count >= committee.quorum_threshold:
            effects.append(self._enter(SettlementState.SETTLED))
        if self.state is SettlementState.SETTLED and self.acks_count == committee.size:
            effects.append(self._enter(SettlementState.DONE))
        return effects

    # --- A validator that is behind

    def _push(self, validator: int, next_sequence: int) -> list[SettlementEffect]:
        """Send what the validator lacks, one certificate after the other, then ask again. Once, until it was silent: the rest is its peers' to give."""
        progress = self._progress[validator]
        lacking = [*self._history.certificates_since(next_sequence), *self._history.claimed_certificates()]
        if not lacking or progress.pushed or progress.pushing:
            return self._pause(validator)
        progress.pushing.extend(lacking)
        return [CertificatesPushed(validator, len(lacking)), Ask(validator, SettlementCertificate(0, progress.pushing[0]))]

    def _on_pushed(self, validator: int) -> list[SettlementEffect]:
        """The answer to a pushed certificate; whatever it says, the next one goes, and at the end the transition itself."""
        progress = self._progress[validator]
        progress.pushing.popleft()
        if progress.pushing:
            return [Ask(validator, SettlementCertificate(0, progress.pushing[0]))]
        progress.pushed = True
        return [self._ask(validator)]

    # --- Common

    def _ask(self, validator: int) -> Ask:
        if self.certificate is not None:
            return Ask(validator, SettlementCertificate(0, self.certificate))
        attached = tuple(self._history.claimed_certificates()[:MAX_ATTACHED_CERTIFICATES])
        return Ask(validator, VoteRequest(0, attached, self._transition))

    def _pause(self, validator: int) -> list[SettlementEffect]:
        progress = self._progress[validator]
        if self.state is SettlementState.FAILED or progress.acked:
            return []
        progress.attempts_count += 1
        progress.is_paused = True
        return [Pause(validator, progress.attempts_count)]

    def _enter(self, state: SettlementState, failure: FailureReason | None = None) -> StateChanged:
        self.state = state
        self.failure = failure
        return StateChanged(state, failure)
