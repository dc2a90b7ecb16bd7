"""The validator's machine: vote requests, certificates and queries in, effects out (docs/protocol.md, "Validator").

Two promises carry everything else. A validator votes for one transition of a slot at most, whatever happens to it: the vote is locked in memory the moment
it is decided, and durable before it leaves. And a certificate is applied completely or not at all, once.

The same input twice gives the same answer and changes nothing. Checks come first, changes last, and nothing fails after the first change. A rule refuses
by raising `Rejected`; `handle` alone turns that into a VOTE_REJECT.

The machine is not re-entrant: it handles one message at a time and returns. Range proofs are checked elsewhere (`VerifyProof`) while other messages are
handled; rules 4 to 6 are run again afterwards, since the state may have moved.
"""

from collections import Counter
from dataclasses import dataclass, field

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, decode_certificate, verify_certificate
from mesh_core.protocol.effects import Effect, Emit, Persist, Record, Reply, Source, VerifyProof
from mesh_core.protocol.equivocation import build_accountability_report, verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.parking import Dependency, ParkingLot
from mesh_core.protocol.queries import answer_account, answer_sync, find_certificate, find_slot
from mesh_core.protocol.records import (
    EVIDENCE_PREFIX,
    HALTED_KEY,
    IDENTITY_KEY,
    NETWORK_KEY,
    VOTE_LOCK,
    VOTE_PREFIX,
    Overlay,
    RecordReader,
    VoteLock,
    conflict_key,
    evidence_key,
    parse_offender,
    parse_owner,
    parse_sequence,
    vote_key,
)
from mesh_core.protocol.validation import (
    Conflict,
    MissingOutput,
    build_range_statement,
    is_balanced,
    validate_account,
    validate_amounts,
    validate_balance,
    validate_conflict,
    validate_dependencies,
    validate_format,
    validate_sequence,
    validate_signature,
)
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Signature
from mesh_core.types.certificate import Vote
from mesh_core.types.events import (
    CertificateApplied,
    CertificateParked,
    Equivocation,
    SafetyAlarm,
    VoteCast,
    VoteRejected,
    VoteRequested,
)
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, AccountabilityReport, ClientEquivocation, EquivocationProof
from mesh_core.types.messages import (
    MAX_MISSING,
    AckStatus,
    CertAck,
    ConflictDetail,
    Evidence,
    Message,
    MissingDetail,
    NoDetail,
    PongFlag,
    QueryAccount,
    RejectDetail,
    SettlementCertificate,
    SyncRequest,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import STATEMENT, TRANSITION, Kind

MAX_PROOFS_IN_FLIGHT = 1024
MAX_PROOFS_PER_SOURCE = 32
MAX_PROOFS_PER_ACCOUNT = 4
"""An honest owner signs one transition for a slot. One that signs many, with proofs that cost nothing to make up, must not fill the queue for all others."""
MAX_EVIDENCE_PER_OFFENDER = 16
"""Proofs from the network. With one key anybody can make a valid proof for each of 2^64 slots; one would do to show what the offender is."""
MAX_REJECT_TEXT_BYTES = 255


@dataclass(slots=True)
class _ProofInFlight:
    """A transition whose range proof is being checked, and everybody who waits for the vote."""

    candidate: Identified
    waiting: list[tuple[Source, int]] = field(default_factory=list)


class ValidatorMachine:
    """One validator's state and behaviour. `store` shows every record of an earlier `Persist`, durable or not."""

    def __init__(self, genesis: Genesis, identity: SigningKey, store: RecordReader) -> None:
        """Restore the machine from its durable records; an empty store is the genesis. LocalFault if the records belong to another network."""
        self.genesis = genesis
        self.identity = identity
        self._store = Overlay(store)
        _check_owner(genesis, identity, store)
        self.ledger = Ledger.restore(genesis, self._store)
        self.halted = store.get(HALTED_KEY) is not None
        self.votes_cast = 0
        self.votes_refused = 0
        self._locks: dict[PublicKey, tuple[int, VoteLock]] = {
            parse_owner(key): (parse_sequence(key), VOTE_LOCK.decode(value)) for key, value in store.records(VOTE_PREFIX)
        }
        self._evidence_counts = Counter(parse_offender(key) for key, _ in store.records(EVIDENCE_PREFIX))
        self._proofs: dict[Hash32, _ProofInFlight] = {}
        self._parking = ParkingLot()

    # --- What the outside sees

    @property
    def flags(self) -> PongFlag:
        """This validator's condition."""
        return PongFlag.HALTED if self.halted else PongFlag(0)

    @property
    def parked_count(self) -> int:
        """Certificates that wait for others."""
        return len(self._parking)

    @property
    def proofs_in_flight_count(self) -> int:
        """Range proofs that are being checked."""
        return len(self._proofs)

    def initial_effects(self) -> list[Effect]:
        """What comes before the first request: a new store must say which network and which validator it belongs to."""
        owner: tuple[Record, ...] = ((NETWORK_KEY, self.genesis.network_id), (IDENTITY_KEY, self.identity.public_key))
        records = tuple(record for record in owner if self._store.get(record[0]) is None)
        return [Persist(records)] if records else []

    def handle(self, source: Source, message: Message, now: float) -> list[Effect]:
        """Handle one request at `now`, in seconds of a clock that only goes forward. Messages that are no request to a validator are ignored: []. All effects of the call before must have been performed.

        One call gives one `Persist` at most, in front: after a crash all of what it decided is there, or nothing.
        """
        self._store.clear()
        match message:
            case VoteRequest():
                return _in_one_batch(self._handle_vote_request(source, message))
            case SettlementCertificate():
                return _in_one_batch(self._handle_certificate(source, message))
            case QueryAccount():
                return [Reply(source, answer_account(message, self.ledger, self._store, self._lock_at_next_slot(message.owner)))]
            case SyncRequest():
                return [Reply(source, answer_sync(message, self.ledger, self._store))]
            case Evidence(proof):
                return self._handle_evidence(proof)
            case _:
                return []

    def on_closed(self, source: Source) -> None:
        """Forget what a closed connection waits for."""
        for proof in self._proofs.values():
            proof.waiting = [(other, request_id) for other, request_id in proof.waiting if other != source]

    # --- VOTE_REQUEST

    def _handle_vote_request(self, source: Source, request: VoteRequest) -> list[Effect]:
        """Rules 1 and 2, then the attached certificates (bytes that nobody signed buy no work), then rules 3 to 8; rule 9 is checked elsewhere."""
        effects: list[Effect] = []
        candidate: Identified | None = None
        try:
            candidate = validate_format(request.transition, self.genesis)
            validate_signature(candidate)
            effects += [Emit(VoteRequested(candidate.core.sender, candidate.core.sequence, candidate.transition_id))]
            for data in request.certificates:
                status, _, applied = self._accept_certificate(data)
                effects += applied
                if status is AckStatus.INVALID:
                    break
            voted = self._run_state_rules(candidate)
            if voted is not None:
                return [*effects, Reply(source, VoteResponse(request.request_id, voted))]
            validate_amounts(candidate.core, self.genesis)
            validate_balance(candidate.core, self.ledger.account_or_zero(candidate.core.sender).balance)
            if candidate.core.kind is Kind.RECEIVE:
                return effects + self._vote(candidate, [(source, request.request_id)])
            return effects + self._check_proof(candidate, source, request.request_id)
        except Rejected as refusal:
            return effects + self._refuse(candidate, refusal, [(source, request.request_id)])

    def _run_state_rules(self, candidate: Identified) -> Vote | None:
        """Rules 3 to 6. A vote that was cast for this very transition is returned: rule 4 says to stop there."""
        core = candidate.core
        account = validate_account(core, self.ledger)
        lock = self._lock(core.sender, core.sequence)
        voted = None if lock is None else (lock.transition_id, lock.owner_signature)
        if validate_conflict(candidate, voted, self._certified(core.sender, core.sequence)) and lock is not None:
            return Vote(candidate.statement, self.identity.public_key, lock.signature)
        validate_sequence(core, account)
        validate_dependencies(core, self.ledger)
        return None

    def _check_proof(self, candidate: Identified, source: Source, request_id: int) -> list[Effect]:
        """Rule 9, elsewhere. Requests for one transition share one verification."""
        if self.halted:
            raise Rejected(ErrorCode.NOT_VOTING, "this validator has halted and does not vote")
        self._admit(source, candidate)
        known = self._proofs.get(candidate.transition_id)
        if known is not None:
            known.waiting.append((source, request_id))
            return []
        self._proofs[candidate.transition_id] = _ProofInFlight(candidate, [(source, request_id)])
        return [VerifyProof(candidate.transition_id, build_range_statement(candidate), candidate.transition.range_proof)]

    def _admit(self, source: Source, candidate: Identified) -> None:
        """Refuse work, retryably, when too much of it waits. Never a judgement on the transition. To wait for a proof that is being checked costs no work."""
        if sum(other == source for proof in self._proofs.values() for other, _ in proof.waiting) >= MAX_PROOFS_PER_SOURCE:
            raise Rejected(ErrorCode.BUSY, "too many requests of this connection wait for a proof: retry")
        if candidate.transition_id in self._proofs:
            return
        if sum(proof.candidate.core.sender == candidate.core.sender for proof in self._proofs.values()) >= MAX_PROOFS_PER_ACCOUNT:
            raise Rejected(ErrorCode.BUSY, "too many proofs of this account wait to be verified: retry")
        if len(self._proofs) >= MAX_PROOFS_IN_FLIGHT:
            raise Rejected(ErrorCode.BUSY, "too many proofs wait to be verified: retry")

    def on_proof_checked(self, transition_id: Hash32, valid: bool, now: float) -> list[Effect]:
        """The verdict of a `VerifyProof`. Rules 3 to 6 are run again, and first: certificates and other votes came in meanwhile.

        So the code depends on the transition and the state alone, not on when the proof was checked, and a conflict leaves its proof in any case.
        """
        self._store.clear()
        return _in_one_batch(self._handle_verdict(self._proofs.pop(transition_id), valid))

    def _handle_verdict(self, proof: _ProofInFlight, valid: bool) -> list[Effect]:
        try:
            voted = self._run_state_rules(proof.candidate)
            if voted is not None:
                return [Reply(source, VoteResponse(request_id, voted)) for source, request_id in proof.waiting]
            if not valid:
                raise Rejected(ErrorCode.RANGE_PROOF, "the range proof does not verify")
            return self._vote(proof.candidate, proof.waiting)
        except Rejected as refusal:
            return self._refuse(proof.candidate, refusal, proof.waiting)

    def _vote(self, candidate: Identified, waiting: list[tuple[Source, int]]) -> list[Effect]:
        """Vote: lock the slot, make it durable, answer. From here on no other transition of this slot gets this validator's vote."""
        if self.halted:
            raise Rejected(ErrorCode.NOT_VOTING, "this validator has halted and does not vote")
        core = candidate.core
        signature = self.identity.sign(domains.SIG_VOTE, STATEMENT.encode(candidate.statement))
        lock = VoteLock(core.epoch, candidate.transition_id, candidate.transition.owner_signature, signature, TRANSITION.encode(candidate.transition))
        self._locks[core.sender] = (core.sequence, lock)
        self.votes_cast += 1
        vote = Vote(candidate.statement, self.identity.public_key, signature)
        replies = [Reply(source, VoteResponse(request_id, vote)) for source, request_id in waiting]
        return [self._persist([(vote_key(core.sender, core.sequence), VOTE_LOCK.encode(lock))]), *replies, Emit(VoteCast(vote))]

    def _refuse(self, candidate: Identified | None, refusal: Rejected, waiting: list[tuple[Source, int]]) -> list[Effect]:
        """Answer with the refusal's code; if the owner has signed two transitions, the proof is recorded first, whichever rule spoke."""
        self.votes_refused += 1
        effects = self._record_double_signing(candidate) if candidate is not None and refusal.rule > 2 else []
        sender = None if candidate is None else candidate.core.sender
        next_sequence = 0 if sender is None else self.ledger.account_or_zero(sender).sequence
        transition_id = ZERO_HASH if candidate is None else candidate.transition_id
        text = _shorten(refusal.text)
        for source, request_id in waiting:
            effects.append(Reply(source, VoteReject(request_id, refusal.code, transition_id, next_sequence, _detail_of(refusal), text)))
        if candidate is not None and refusal.rule > 2:
            effects.append(Emit(VoteRejected(candidate.core.sender, candidate.core.sequence, transition_id, refusal.code)))
        return effects

    # --- SETTLEMENT_CERTIFICATE

    def _handle_certificate(self, source: Source, message: SettlementCertificate) -> list[Effect]:
        status, checked, effects = self._accept_certificate(message.certificate)
        if checked is None:
            return [*effects, Reply(source, CertAck(message.request_id, ZERO_HASH, status, 0, 0, ()))]
        core = checked.core
        slot = find_slot(self._store, core.sender, core.sequence) if status is AckStatus.ALREADY_APPLIED else None
        index = self._index_in(effects, checked) if slot is None else slot.log_index
        missing = tuple(self._missing_certificates(checked))[:MAX_MISSING] if status is AckStatus.PENDING else ()
        next_sequence = self.ledger.account_or_zero(core.sender).sequence
        return [*effects, Reply(source, CertAck(message.request_id, checked.cert_id, status, next_sequence, index, missing))]

    def _index_in(self, effects: list[Effect], checked: CheckedCertificate) -> int:
        """Log index that a certificate got in these effects; 0 if it was not applied."""
        return next(
            (
                effect.body.log_index
                for effect in effects
                if isinstance(effect, Emit) and isinstance(effect.body, CertificateApplied) and effect.body.cert_id == checked.cert_id
            ),
            0,
        )

    def _accept_certificate(self, data: bytes) -> tuple[AckStatus, CheckedCertificate | None, list[Effect]]:
        """Check a certificate and apply it, and all that was parked for it, or park it itself."""
        try:
            checked = decode_certificate(data, self.genesis)
            if self._is_applied(checked):
                return AckStatus.ALREADY_APPLIED, checked, []
            verify_certificate(checked, self.genesis)
        except InvalidCertificate:
            return AckStatus.INVALID, None, []
        status, effects = self._settle(checked)
        return status, checked, effects

    def _is_applied(self, checked: CheckedCertificate) -> bool:
        """Whether this very transition is applied; the account's own state answers for the latest, so that only older ones cost a read."""
        account = self.ledger.account_or_zero(checked.core.sender)
        if checked.core.sequence >= account.sequence:
            return False
        if checked.core.sequence == account.sequence - 1:
            return checked.transition_id == account.head
        slot = find_slot(self._store, checked.core.sender, checked.core.sequence)
        return slot is not None and slot.transition_id == checked.transition_id

    def _settle(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Apply a verified certificate and then, iteratively, whatever waited for it."""
        status, effects = self._settle_one(checked)
        if status is not AckStatus.APPLIED:
            return status, effects
        ready = [checked]
        while ready:
            applied = ready.pop(0)
            released = self._parking.release((applied.core.sender, applied.core.sequence), applied.cert_id)
            for other in released:
                if self._is_applied(other):
                    continue
                other_status, other_effects = self._settle_one(other)
                effects += other_effects
                if other_status is AckStatus.APPLIED:
                    ready.append(other)
        return status, effects

    def _settle_one(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Steps C2 to C7 for one verified certificate that is not applied. That its owner has signed two transitions is recorded whatever becomes of it."""
        evidence = self._record_double_signing(checked.identified)
        status, effects = self._decide(checked)
        return status, evidence + effects

    def _decide(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Apply, park, or raise the alarm."""
        core = checked.core
        account = self.ledger.account_or_zero(core.sender)
        if core.sequence < account.sequence:
            return self._raise_alarm(checked, self._certificate_at(core.sender, core.sequence))
        if core.sequence > account.sequence:
            return self._park(checked)
        for claim in core.claims:
            taker = self.ledger.claimed_by(claim.key) if self.ledger.output(claim.key) is None else None
            if taker is not None:
                return self._raise_alarm(checked, self._read_certificate(taker))
        if self._missing_certificates(checked):
            return self._park(checked)
        if core.prev != account.head or not self._is_sound(checked):
            return self._raise_alarm(checked, self._certificate_at(core.sender, core.sequence - 1) if core.sequence else None)
        return AckStatus.APPLIED, self._apply(checked)

    def _is_sound(self, checked: CheckedCertificate) -> bool:
        """Whether a certificate that a quorum signed obeys the rules that a correct validator can check again cheaply."""
        core = checked.core
        try:
            validate_account(core, self.ledger)
            validate_dependencies(core, self.ledger)
            validate_amounts(core, self.genesis)
        except Rejected:
            return False
        return is_balanced(core, self.ledger.account_or_zero(core.sender).balance)

    def _apply(self, checked: CheckedCertificate) -> list[Effect]:
        """One batch: the ledger's records and the end of this slot's vote. The certificate wins over a vote for another transition: that is no fault."""
        core = checked.core
        log_index = self.ledger.globals.log_length
        records = self.ledger.apply(checked)
        if self._lock(core.sender, core.sequence) is not None:
            del self._locks[core.sender]
            records.append((vote_key(core.sender, core.sequence), b""))
        return [self._persist(records), Emit(CertificateApplied(log_index, checked.cert_id, checked.certificate))]

    def _park(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        missing = self._missing_certificates(checked)
        dependencies: list[Dependency] = list(missing)
        core = checked.core
        if core.sequence > self.ledger.account_or_zero(core.sender).sequence:
            dependencies.append((core.sender, core.sequence - 1))
        new = self._parking.park(checked, tuple(dependencies))
        return AckStatus.PENDING, [Emit(CertificateParked(checked.cert_id, tuple(missing)[:MAX_MISSING]))] if new else []

    def _missing_certificates(self, checked: CheckedCertificate) -> list[Hash32]:
        """Certificates whose outputs are claimed and that are not applied here."""
        unknown = (claim for claim in checked.core.claims if self.ledger.output(claim.key) is None and self.ledger.claimed_by(claim.key) is None)
        return list(dict.fromkeys(claim.cert_id for claim in unknown))

    def _raise_alarm(self, checked: CheckedCertificate, other: CheckedCertificate | None) -> tuple[AckStatus, list[Effect]]:
        """Step C9: with at most f faults this cannot happen. Keep both certificates and the first report, stop voting, say so."""
        report = AccountabilityReport(())
        records: list[Record] = [(conflict_key(checked.cert_id), checked.data)]
        if other is not None:
            records.append((conflict_key(other.cert_id), other.data))
            report = build_accountability_report(checked.identified.statement, checked.certificate, other.identified.statement, other.certificate, self.genesis)
        evidence: list[Effect] = []
        for proof in report.proofs:
            evidence += self._record_evidence(proof)
        if self._store.get(conflict_key(checked.cert_id)) is not None:
            return AckStatus.CONFLICT, evidence
        if not self.halted:
            records.append((HALTED_KEY, ACCOUNTABILITY_REPORT.encode(report)))
        self.halted = True
        return AckStatus.CONFLICT, [self._persist(records), *evidence, Emit(SafetyAlarm(report))]

    # --- Evidence

    def _handle_evidence(self, proof: EquivocationProof) -> list[Effect]:
        """Keep a proof from the network if it holds, and concerns an account or validator known here: fresh keys could fill the disk with valid proofs.

        What this validator has seen itself is kept in any case: it is bounded by the slots that have a vote or a certificate here.
        """
        if self._evidence_counts[parse_offender(evidence_key(proof))] >= MAX_EVIDENCE_PER_OFFENDER:
            return []
        if isinstance(proof, ClientEquivocation) and self.ledger.account(proof.owner) is None:
            return []
        return self._record_evidence(proof) if verify_equivocation(proof, self.genesis) else []

    def _record_double_signing(self, candidate: Identified) -> list[Effect]:
        """Keep the proof if the owner signed this transition beside another one that has this validator's vote, or a certificate."""
        core = candidate.core
        lock = self._lock(core.sender, core.sequence)
        voted = None if lock is None else (lock.transition_id, lock.owner_signature)
        try:
            validate_conflict(candidate, voted, self._certified(core.sender, core.sequence))
        except Conflict as conflict:
            return self._record_evidence(conflict.proof)
        return []

    def _record_evidence(self, proof: EquivocationProof) -> list[Effect]:
        """Keep one proof for each offender and slot."""
        key = evidence_key(proof)
        if self._store.get(key) is not None:
            return []
        self._evidence_counts[parse_offender(key)] += 1
        return [self._persist([(key, EQUIVOCATION_PROOF.encode(proof))]), Emit(Equivocation(proof))]

    def _persist(self, records: list[Record]) -> Persist:
        """An effect that makes records durable; the rest of this call sees them at once."""
        self._store.write(records)
        return Persist(tuple(records))

    # --- Look-ups

    def _lock(self, sender: PublicKey, sequence: int) -> VoteLock | None:
        at, lock = self._locks.get(sender, (None, None))
        return lock if at == sequence else None

    def _lock_at_next_slot(self, owner: PublicKey) -> VoteLock | None:
        return self._lock(owner, self.ledger.account_or_zero(owner).sequence)

    def _certified(self, sender: PublicKey, sequence: int) -> tuple[Hash32, Signature] | None:
        """transition_id of a slot's certificate, and the owner's signature on it."""
        certificate = self._certificate_at(sender, sequence) if sequence < self.ledger.account_or_zero(sender).sequence else None
        return None if certificate is None else (certificate.transition_id, certificate.certificate.transition.owner_signature)

    def _certificate_at(self, sender: PublicKey, sequence: int) -> CheckedCertificate | None:
        slot = find_slot(self._store, sender, sequence)
        return None if slot is None else self._read_certificate(slot.cert_id)

    def _read_certificate(self, cert_id: Hash32) -> CheckedCertificate | None:
        data = find_certificate(self._store, cert_id)
        return None if data is None else decode_certificate(data, self.genesis)


def _in_one_batch(effects: list[Effect]) -> list[Effect]:
    """The same effects with all records in one batch in front. A later record of a key wins over an earlier one."""
    records = {key: value for effect in effects if isinstance(effect, Persist) for key, value in effect.records}
    batch: list[Effect] = [Persist(tuple(records.items()))] if records else []
    return batch + [effect for effect in effects if not isinstance(effect, Persist)]


def _check_owner(genesis: Genesis, identity: SigningKey, store: RecordReader) -> None:
    """The records are of this network and of this validator: with another one's key, the votes that its owner cast would be forgotten."""
    for key, what, ours, source in (
        (NETWORK_KEY, "network", genesis.network_id, "genesis document"),
        (IDENTITY_KEY, "validator", identity.public_key, "identity key"),
    ):
        recorded = store.get(key)
        if recorded is not None and recorded != ours:
            text = f"the data folder belongs to {what} {recorded.hex()[:16]}, the {source} to {ours.hex()[:16]}: use the right one of each"
            raise LocalFault(ErrorCode.STORE_FORMAT, text)


def _detail_of(refusal: Rejected) -> RejectDetail:
    if isinstance(refusal, Conflict):
        return ConflictDetail(refusal.proof)
    if isinstance(refusal, MissingOutput):
        return MissingDetail(refusal.cert_ids[:MAX_MISSING])
    return NoDetail()


def _shorten(text: str) -> str:
    """At most 255 bytes of UTF-8, the room that the message has."""
    return text.encode("utf-8")[:MAX_REJECT_TEXT_BYTES].decode("utf-8", "ignore")
