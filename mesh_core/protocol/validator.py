"""The validator's machine: vote requests, certificates and queries in, effects out (docs/protocol.md, "Validator").

It owns the parts and routes to them: `voting` answers vote requests, `applying` takes certificates, `queries` reads, `evidence_book` keeps proofs,
`vote_book` what this validator has signed, `standing` whether it votes at all.

The same input twice gives the same answer and changes nothing. The machine is not re-entrant: it handles one message at a time and returns.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.applying import Applying, Taken
from mesh_core.protocol.archive import Archive
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.effects import Effect, Persist, Record, Reply, Source
from mesh_core.protocol.evidence_book import EvidenceBook
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.queries import answer_account, answer_sync
from mesh_core.protocol.records import CONFLICT_PREFIX, IDENTITY_KEY, NETWORK_KEY, Overlay, RecordReader
from mesh_core.protocol.standing import Standing, reason_at_start
from mesh_core.protocol.vote_book import VoteBook
from mesh_core.protocol.vote_journal import JournalContents
from mesh_core.protocol.voting import Voting
from mesh_core.types.basic import ZERO_HASH, Hash32
from mesh_core.types.messages import (
    MAX_MISSING,
    AckStatus,
    CertAck,
    Evidence,
    Message,
    PongFlag,
    QueryAccount,
    SettlementCertificate,
    SyncRequest,
    VoteRequest,
)


class ValidatorMachine:
    """One validator's state and behaviour. `store` shows every record of an earlier `Persist`, durable or not."""

    def __init__(self, genesis: Genesis, identity: SigningKey, store: RecordReader, journal: JournalContents) -> None:
        """Restore the machine from its durable records and its vote journal; an empty store is the genesis.

        LocalFault (STORE_FORMAT) if records or journal belong to another network or another validator.
        """
        self.genesis = genesis
        self.identity = identity
        self._store = Overlay(store)
        _check_owner(genesis, identity, store)
        self.ledger = Ledger.restore(genesis, self._store)
        self.votes = VoteBook(self.ledger, identity, self._store, journal)
        self.standing = Standing(self._store)
        archive = Archive(self.ledger, self._store)
        self._evidence = EvidenceBook(self.ledger, archive, self.votes, self._store)
        self._applying = Applying(self.ledger, archive, self.votes, self._evidence, self.standing, self._store)
        self._voting = Voting(self.ledger, archive, self.votes, self._evidence, self.standing, self._applying)
        self._archive = archive
        self._initial_effects = self._start(journal)

    def _start(self, journal: JournalContents) -> list[Effect]:
        """What a start makes durable before anything else: whose records these are, what journal and database lack of each other, a quarantine."""
        owner: tuple[Record, ...] = ((NETWORK_KEY, self.genesis.network_id), (IDENTITY_KEY, self.identity.public_key))
        records = [record for record in owner if self._store.get(record[0]) is None]
        reason = reason_at_start(
            journal.condition,
            has_run=self._store.get(IDENTITY_KEY) is not None,
            has_votes=bool(self.votes.locks) or bool(journal.entries) or self.ledger.globals.log_length > 0,
            is_unended=self.votes.quarantines > self.standing.lifted,
            contradiction=self.votes.contradiction,
        )
        lost, unwritten = self.votes.repairs()
        effects: list[Effect] = [Persist((*records, *lost), unwritten)]
        if reason is not None:
            effects += self._applying.quarantine(reason)
        return in_one_batch(effects)

    # --- What the outside sees

    @property
    def flags(self) -> PongFlag:
        """This validator's condition."""
        return self.standing.flags

    @property
    def halted(self) -> bool:
        """Whether this validator has seen conflicting certificates and votes no more."""
        return self.standing.halted

    @property
    def quarantine(self) -> str | None:
        """Why this validator does not vote until its operator says so; None if it is in no quarantine."""
        return self.standing.quarantine

    @property
    def syncing(self) -> bool:
        """Whether the catch-up is behind a peer: shown, and nothing else."""
        return self.standing.syncing

    @syncing.setter
    def syncing(self, syncing: bool) -> None:
        self.standing.syncing = syncing

    @property
    def parked_count(self) -> int:
        """Certificates that wait for others."""
        return len(self._applying.parking)

    @property
    def proofs_in_flight_count(self) -> int:
        """Range proofs that are being checked."""
        return self._voting.proofs_in_flight_count

    @property
    def votes_cast(self) -> int:
        """Votes since the start."""
        return self._voting.votes_cast

    @property
    def votes_refused(self) -> int:
        """Refused requests since the start."""
        return self._voting.votes_refused

    def conflicts(self) -> list[bytes]:
        """The certificates that prove more than f faults, for whoever wants to check them offline."""
        return [data for _, data in self._store.records(CONFLICT_PREFIX)]

    def initial_effects(self) -> list[Effect]:
        """What comes before the first request: at most one `Persist`."""
        return self._initial_effects

    def compacted_journal(self) -> tuple[bytes, ...]:
        """What the vote journal needs to hold from now on. It may take the old one's place once `initial_effects` are durable."""
        return self.votes.compacted_journal()

    # --- Requests

    def handle(self, source: Source, message: Message, now: float) -> list[Effect]:
        """Handle one request at `now`, in seconds of a clock that only goes forward. Messages that are no request to a validator are ignored: [].

        All effects of the call before must have been performed. One call gives one `Persist` at most, in front: after a crash all of what it decided is
        there, or nothing.
        """
        self._store.clear()
        match message:
            case VoteRequest():
                return in_one_batch(self._voting.handle_request(source, message, now))
            case SettlementCertificate():
                return in_one_batch(self._answer_certificate(source, message))
            case QueryAccount():
                lock = self.votes.lock(message.owner, self.ledger.account_or_zero(message.owner).sequence)
                return [Reply(source, answer_account(message, self.ledger, self._store, lock))]
            case SyncRequest():
                return [Reply(source, answer_sync(message, self.ledger, self._store))]
            case Evidence(proof):
                return in_one_batch(self._evidence.receive(proof))
            case _:
                return []

    def on_proof_checked(self, transition_id: Hash32, valid: bool, now: float) -> list[Effect]:
        """The verdict of a `VerifyProof`."""
        self._store.clear()
        return in_one_batch(self._voting.on_proof_checked(transition_id, valid, now))

    def on_closed(self, source: Source) -> None:
        """Forget what a closed connection waits for."""
        self._voting.on_closed(source)

    # --- Certificates from peers

    def take_certificate(self, data: bytes) -> Taken:
        """Take a certificate that nobody waits for an answer to. One `Persist` at most, in front."""
        taken, effects = self.take_decoded((self.decode_certificate(data),), most=1, most_new=1)
        return Taken(taken[0].status, taken[0].checked, effects)

    def decode_certificate(self, data: bytes) -> CheckedCertificate | None:
        """A certificate with its ids, its signatures not looked at; None for bytes that are none. Changes nothing."""
        return self._applying.decode(data)

    def needs_verification(self, checked: CheckedCertificate) -> bool:
        """Whether its signatures would have to be checked to take it now. Changes nothing."""
        self._store.clear()
        return self._applying.needs_verification(checked)

    def note_verified(self, checked: CheckedCertificate) -> None:
        """Its signatures were checked elsewhere, and hold. Saves the check when it is taken, if that is soon; changes nothing else."""
        self._applying.note_verified(checked)

    def take_decoded(self, several: Iterable[CheckedCertificate | None], *, most: int, most_new: int) -> tuple[list[Taken], list[Effect]]:
        """Take certificates, in order, as one call with one `Persist`: so many at most, and no more once so many of them have cost work.

        What became of each that was taken, and the effects of all.
        """
        self._store.clear()
        taken: list[Taken] = []
        costly = 0
        for checked in islice(several, most):
            taken.append(self._applying.take_decoded(checked))
            costly += max(taken[-1].status is not AckStatus.ALREADY_APPLIED, len(taken[-1].effects) // 2)
            if costly >= most_new or taken[-1].status is AckStatus.INVALID:
                break
        return taken, in_one_batch([effect for one in taken for effect in one.effects])

    @property
    def is_waking(self) -> bool:
        """Whether certificates may be parked that could be applied: `wake` is to be called, once what else has arrived has had its turn."""
        return self._applying.is_waking

    def wake(self) -> list[Effect]:
        """Apply some of what was parked for certificates that are applied now. One `Persist` at most, in front. What a crash takes comes again by sync."""
        self._store.clear()
        return in_one_batch(self._applying.wake())

    def is_applied(self, checked: CheckedCertificate) -> bool:
        """Whether this very transition is applied here."""
        return self._archive.is_applied(checked)

    @property
    def last_parked(self) -> int:
        """Number of the latest certificate that was parked."""
        return self._applying.parking.last_number

    def parked(self, most: int, up_to: int) -> Iterator[CheckedCertificate]:
        """At most so many of the certificates that are parked and had been when the one with that number was: the longest parked first."""
        return islice(self._applying.parking.up_to(up_to), most)

    def missing_certificates(self, checked: CheckedCertificate) -> list[Hash32]:
        """Certificates that a parked one claims from and that are not applied here."""
        return self._applying.missing_certificates(checked)

    def _answer_certificate(self, source: Source, message: SettlementCertificate) -> list[Effect]:
        taken = self._applying.take(message.certificate)
        if taken.checked is None:
            return [*taken.effects, Reply(source, CertAck(message.request_id, ZERO_HASH, taken.status, 0, 0, ()))]
        core = taken.checked.core
        is_here = taken.status in (AckStatus.APPLIED, AckStatus.ALREADY_APPLIED)
        index = self._archive.log_index(core.sender, core.sequence) if is_here else 0
        missing = tuple(self._applying.missing_certificates(taken.checked))[:MAX_MISSING] if taken.status is AckStatus.PENDING else ()
        next_sequence = self.ledger.account_or_zero(core.sender).sequence
        return [*taken.effects, Reply(source, CertAck(message.request_id, taken.checked.cert_id, taken.status, next_sequence, index, missing))]


def in_one_batch(effects: list[Effect]) -> list[Effect]:
    """The same effects with all records and journal entries in one batch in front. A later record of a key wins over an earlier one."""
    persisted = [effect for effect in effects if isinstance(effect, Persist)]
    records = {key: value for effect in persisted for key, value in effect.records}
    entries = tuple(entry for effect in persisted for entry in effect.journal)
    batch: list[Effect] = [Persist(tuple(records.items()), entries)] if records or entries else []
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
