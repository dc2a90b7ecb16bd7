"""Certificates: check, apply, park, or raise the alarm (docs/protocol.md, "Handling a certificate"), whoever hands it in.

A certificate is applied completely or not at all, once. Checks come first, changes last, and nothing fails after the first change.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

from mesh_core.errors import Rejected
from mesh_core.protocol.archive import Archive
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, decode_certificate, is_signed
from mesh_core.protocol.effects import Effect, Emit, Record
from mesh_core.protocol.equivocation import build_accountability_report
from mesh_core.protocol.evidence_book import EvidenceBook
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.parking import Dependency, ParkingLot
from mesh_core.protocol.records import CONFLICT_PREFIX, Overlay, conflict_key
from mesh_core.protocol.standing import Standing
from mesh_core.protocol.validation import is_balanced, validate_account, validate_amounts, validate_dependencies
from mesh_core.protocol.vote_book import VoteBook
from mesh_core.types.basic import Hash32
from mesh_core.types.events import CertificateApplied, CertificateParked, SafetyAlarm
from mesh_core.types.evidence import AccountabilityReport
from mesh_core.types.messages import MAX_MISSING, AckStatus

MAX_CONFLICTS_KEPT = 256
"""Certificates kept as evidence of more than f faults. Whoever has so many votes to give away could fill the disk with more; two would do."""

WOKEN_AT_ONCE = 8
"""Parked certificates that are looked at in one go. Thousands may wait for a single one: whoever hands them in last first must not hold up everybody."""

REMEMBERED = 512
"""Verified certificates by their bytes. Whoever catches up gets each one from every peer, most often in the same bytes and at about the same time."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a certificate: `checked` is None for INVALID bytes. `effects` must be performed."""

    status: AckStatus
    checked: CheckedCertificate | None
    effects: list[Effect]


class Applying:
    """The part of a validator that takes certificates."""

    def __init__(self, ledger: Ledger, archive: Archive, votes: VoteBook, evidence: EvidenceBook, standing: Standing, store: Overlay) -> None:
        self._ledger = ledger
        self._genesis = ledger.genesis
        self._archive = archive
        self._votes = votes
        self._evidence = evidence
        self._standing = standing
        self._store = store
        self.parking = ParkingLot()
        self._waking: deque[CheckedCertificate] = deque()
        """Applied certificates, and nobody has looked so far at what is parked for them."""
        self._recent: OrderedDict[bytes, CheckedCertificate] = OrderedDict()
        """Certificates that were verified a short while ago. Only a valid one is ever here, so that strangers cannot fill the memory."""
        self._conflicts_count = sum(1 for _ in store.records(CONFLICT_PREFIX))

    def take(self, data: bytes) -> Taken:
        """Check a certificate and apply it, and some of what was parked for it (`wake` does the rest), or park it itself."""
        return self.take_decoded(self.decode(data))

    def decode(self, data: bytes) -> CheckedCertificate | None:
        """A certificate with its ids, its signatures not looked at; None for bytes that are none."""
        try:
            return self._recent.get(data) or decode_certificate(data, self._genesis)
        except InvalidCertificate:
            return None

    def take_decoded(self, checked: CheckedCertificate | None) -> Taken:
        """`take` for what `decode` gave. Signatures are verified here, unless these very bytes are known to be valid."""
        if checked is None:
            return Taken(AckStatus.INVALID, None, [])
        if self._archive.is_applied(checked):
            return Taken(AckStatus.ALREADY_APPLIED, checked, [])
        if self.parking.holds(checked):
            # These bytes were verified and still wait: whoever repeats them buys no signature checks.
            return Taken(AckStatus.PENDING, checked, [])
        if checked.data not in self._recent:
            if not is_signed(checked, self._genesis):
                return Taken(AckStatus.INVALID, None, [])
            self.note_verified(checked)
        status, effects = self._settle(checked)
        return Taken(status, checked, effects)

    def needs_verification(self, checked: CheckedCertificate) -> bool:
        """Whether `take_decoded` would have to check signatures now."""
        return not (checked.data in self._recent or self._archive.is_applied(checked) or self.parking.holds(checked))

    def note_verified(self, checked: CheckedCertificate) -> None:
        """This certificate's signatures were checked, and hold. Whether it is applied is looked up each time: only what follows from its bytes is kept."""
        self._recent[checked.data] = checked
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def missing_certificates(self, checked: CheckedCertificate) -> list[Hash32]:
        """Certificates whose outputs are claimed and that are not applied here."""
        unknown = (claim for claim in checked.core.claims if self._ledger.output(claim.key) is None and self._ledger.claimed_by(claim.key) is None)
        return list(dict.fromkeys(claim.cert_id for claim in unknown))

    def _settle(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Apply a verified certificate and then, iteratively, whatever waited for it."""
        status, effects = self._settle_one(checked)
        if status is not AckStatus.APPLIED:
            return status, effects
        self._waking.append(checked)
        return status, effects + self.wake()

    @property
    def is_waking(self) -> bool:
        """Whether something may be parked for what is applied already: `wake` is to be called."""
        return bool(self._waking)

    def wake(self) -> list[Effect]:
        """Look at some of what is parked for certificates that have been applied."""
        effects: list[Effect] = []
        woken_count = 0
        while self._waking and woken_count < WOKEN_AT_ONCE:
            applied = self._waking.popleft()
            for other in self.parking.release((applied.core.sender, applied.core.sequence), applied.cert_id):
                woken_count += 1
                if self._archive.is_applied(other):
                    continue
                status, other_effects = self._settle_one(other)
                effects += other_effects
                if status is AckStatus.APPLIED:
                    self._waking.append(other)
        return effects

    def _settle_one(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Steps C2 to C7 for one verified certificate that is not applied.

        What it shows is recorded whatever becomes of it: that its owner has signed two transitions, and that this validator has forgotten a vote.
        """
        before = self._evidence.observe(checked.identified)
        if self._votes.is_forgotten(checked):
            reason = f"certificate {checked.cert_id.hex()[:16]} holds a vote of this validator that it does not remember: database and journal are older"
            before += self.quarantine(reason)
        status, effects = self._decide(checked)
        return status, before + effects

    def quarantine(self, reason: str) -> list[Effect]:
        """Vote no more until the operator says so. Also the journal is told, so that no older database forgets it."""
        records = self._standing.enter_quarantine(reason)
        return [self._store.persist(records), self._votes.note_quarantine(max(self._votes.quarantines, self._standing.lifted + 1))] if records else []

    def _decide(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Apply, park, or raise the alarm."""
        core = checked.core
        account = self._ledger.account_or_zero(core.sender)
        if core.sequence < account.sequence:
            return self._raise_alarm(checked, self._archive.certificate_at(core.sender, core.sequence))
        if core.sequence > account.sequence:
            return self._park(checked)
        for claim in core.claims:
            taker = self._ledger.claimed_by(claim.key) if self._ledger.output(claim.key) is None else None
            if taker is not None:
                return self._raise_alarm(checked, self._archive.certificate(taker))
        if self.missing_certificates(checked):
            return self._park(checked)
        if core.prev != account.head:
            return self._raise_alarm(checked, self._predecessor(checked))
        culprit = self._find_unsound(checked)
        if culprit is not None:
            return self._raise_alarm(checked, *culprit)
        return AckStatus.APPLIED, self._apply(checked)

    def _predecessor(self, checked: CheckedCertificate) -> CheckedCertificate | None:
        """The certificate that the account's state comes from."""
        return self._archive.certificate_at(checked.core.sender, checked.core.sequence - 1) if checked.core.sequence else None

    def _find_unsound(self, checked: CheckedCertificate) -> tuple[CheckedCertificate | None, ...] | None:
        """None if a certificate that a quorum signed obeys the rules that a correct validator can check again cheaply.

        Otherwise the certificates that show that it does not: those that made the account's state and the claimed outputs.
        """
        core = checked.core
        try:
            validate_account(core, self._ledger)
            validate_dependencies(core, self._ledger)
            validate_amounts(core, self._genesis)
        except Rejected:
            return self._predecessor(checked), *(self._archive.certificate(claim.cert_id) for claim in core.claims)
        return None if is_balanced(core, self._ledger.account_or_zero(core.sender).balance) else (self._predecessor(checked),)

    def _apply(self, checked: CheckedCertificate) -> list[Effect]:
        """One batch: the ledger's records and the end of this slot's vote. The certificate wins over a vote for another transition: that is no fault."""
        core = checked.core
        log_index = self._ledger.globals.log_length
        records = self._ledger.apply(checked) + self._votes.release(core.sender, core.sequence)
        return [self._store.persist(records), Emit(CertificateApplied(log_index, checked.cert_id, checked.certificate))]

    def _park(self, checked: CheckedCertificate) -> tuple[AckStatus, list[Effect]]:
        """Keep a certificate until what it lacks is applied; its own slot is among what wakes it, for a rival that was applied there is a conflict."""
        core = checked.core
        missing = self.missing_certificates(checked)
        dependencies: list[Dependency] = [*missing, (core.sender, core.sequence)]
        if core.sequence > self._ledger.account_or_zero(core.sender).sequence:
            dependencies.append((core.sender, core.sequence - 1))
        new = self.parking.park(checked, tuple(dependencies))
        return AckStatus.PENDING, [Emit(CertificateParked(checked.cert_id, tuple(missing)[:MAX_MISSING]))] if new else []

    def _raise_alarm(self, checked: CheckedCertificate, *others: CheckedCertificate | None) -> tuple[AckStatus, list[Effect]]:
        """Step C9: with at most f faults this cannot happen. Keep the certificates that show it and the first report, stop voting, say so.

        The certificate itself is the mark that this was done: one that comes again raises no second alarm.
        """
        related = [other for other in others if other is not None]
        report = AccountabilityReport(())
        for other in related:
            ours, theirs = checked.identified.statement, other.identified.statement
            report = build_accountability_report(ours, checked.certificate, theirs, other.certificate, self._genesis)
            if report.proofs:
                break
        effects: list[Effect] = []
        for proof in report.proofs:
            effects += self._evidence.keep(proof)
        records = self._keep_conflict(checked, related)
        if not records:
            return AckStatus.CONFLICT, effects
        return AckStatus.CONFLICT, [self._store.persist(records + self._standing.halt(report)), *effects, Emit(SafetyAlarm(report))]

    def _keep_conflict(self, checked: CheckedCertificate, others: list[CheckedCertificate]) -> list[Record]:
        """Records of certificates that conflict, which anybody can check offline; [] if this one is known already, or too many are."""
        if self._store.get(conflict_key(checked.cert_id)) is not None or self._conflicts_count >= MAX_CONFLICTS_KEPT:
            return []
        kept = {conflict_key(one.cert_id): one.data for one in (checked, *others)}
        records = [(key, data) for key, data in kept.items() if self._store.get(key) is None]
        self._conflicts_count += len(records)
        return records
