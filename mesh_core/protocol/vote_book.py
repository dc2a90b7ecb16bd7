"""What this validator has voted for: a lock for each undecided slot, and each sender's newest vote, decided or not.

A lock answers rule 4 and goes when its slot is applied. The newest vote stays for ever: it is how a validator notices that its database or its journal is
older than what it has signed (docs/protocol.md, "Vote journal and quarantine").
"""

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.effects import Persist, Record
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.records import NEWEST_PREFIX, VOTE_LOCK, VOTE_PREFIX, Overlay, VoteLock, newest_key, parse_owner, parse_sequence, vote_key
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, NOBODY, JournalContents, JournalEntry, compare_journal, decode_entries, quarantine_entry
from mesh_core.types.basic import PublicKey, Signature
from mesh_core.types.certificate import Vote
from mesh_core.types.transition import STATEMENT, TRANSITION, Statement

NO_TRANSITION = b""
"""In place of the transition's bytes in a lock that came from the journal, which holds the statement only. Filled in when the transition is asked for again."""


class VoteBook:
    """Votes in memory, in the database and in the journal. Database and journal each hold all that must be remembered, so that each can replace the other."""

    def __init__(self, ledger: Ledger, identity: SigningKey, store: Overlay, journal: JournalContents) -> None:
        """Restore from both. LocalFault (STORE_FORMAT) for a journal of another network."""
        self._identity = identity
        self._store = store
        self._network_id = ledger.genesis.network_id
        self._own_index = ledger.genesis.committee.index_of(identity.public_key)
        self.locks: dict[tuple[PublicKey, int], VoteLock] = {
            (parse_owner(key), parse_sequence(key)): VOTE_LOCK.decode(value) for key, value in store.records(VOTE_PREFIX)
        }
        undecided = [JournalEntry(self._statement(*slot, lock), lock.owner_signature) for slot, lock in self.locks.items()]
        recorded = {value for _, value in store.records(NEWEST_PREFIX)}
        newest = [JOURNAL_ENTRY.decode(value) for value in sorted(recorded)]
        written = decode_entries(journal.entries, self._network_id)
        compared = compare_journal(written, undecided, newest, lambda owner: ledger.account_or_zero(owner).sequence)
        self.contradiction = compared.contradiction
        self._newest = {sender: JOURNAL_ENTRY.encode(entry) for sender, entry in compared.newest.items()}
        self._unwritten = tuple(JOURNAL_ENTRY.encode(entry) for entry in compared.unwritten)
        self._unrecorded = [sender for sender, entry in self._newest.items() if entry not in recorded]
        self._lost = [entry.statement for entry in compared.lost]
        for entry in compared.lost:
            self._lock(entry.statement, entry.owner_signature, NO_TRANSITION)

    def repairs(self) -> tuple[list[Record], tuple[bytes, ...]]:
        """Records that the database lacks and entries that the journal lacks, as found at the start."""
        slots = [(statement.sender, statement.sequence) for statement in self._lost]
        locks: list[Record] = [(vote_key(*slot), VOTE_LOCK.encode(self.locks[slot])) for slot in slots if slot in self.locks]
        return locks + [(newest_key(sender), self._newest[sender]) for sender in self._unrecorded], self._unwritten

    @property
    def quarantines(self) -> int:
        """How many quarantines have begun, as far as database and journal know."""
        encoded = self._newest.get(NOBODY)
        return 0 if encoded is None else JOURNAL_ENTRY.decode(encoded).sequence

    def note_quarantine(self, number: int) -> Persist:
        """Write down, in both, that this quarantine has begun: neither of them may be lost without the other telling."""
        entry = JOURNAL_ENTRY.encode(quarantine_entry(self._network_id, number))
        self._newest[NOBODY] = entry
        return self._store.persist([(newest_key(NOBODY), entry)], (entry,))

    def compacted_journal(self) -> tuple[bytes, ...]:
        """The newest vote for each sender, ordered by sender: all that the journal needs to hold from now on."""
        return tuple(entry for _, entry in sorted(self._newest.items()))

    def lock(self, sender: PublicKey, sequence: int) -> VoteLock | None:
        """The vote in an undecided slot."""
        return self.locks.get((sender, sequence))

    def vote_of(self, candidate: Identified, lock: VoteLock) -> Vote:
        """The vote that `lock` holds for this very transition."""
        return Vote(candidate.statement, self._identity.public_key, lock.signature)

    def vote(self, candidate: Identified) -> tuple[Vote, Persist]:
        """Vote: the slot is locked from here on, and the vote may leave behind this `Persist`. The caller has established that voting is right."""
        transition = candidate.transition
        lock = self._lock(candidate.statement, transition.owner_signature, TRANSITION.encode(transition))
        entry = JOURNAL_ENTRY.encode(JournalEntry(candidate.statement, transition.owner_signature))
        self._newest[candidate.core.sender] = entry
        sender, sequence = candidate.core.sender, candidate.core.sequence
        persist = self._store.persist([(vote_key(sender, sequence), VOTE_LOCK.encode(lock)), (newest_key(sender), entry)], (entry,))
        return self.vote_of(candidate, lock), persist

    def complete(self, candidate: Identified) -> list[Persist]:
        """Fill in the bytes of a transition whose lock came from the journal, so that its owner can find it as pending again."""
        core = candidate.core
        lock = self.locks[core.sender, core.sequence]
        if lock.transition != NO_TRANSITION:
            return []
        lock = self._lock(candidate.statement, lock.owner_signature, TRANSITION.encode(candidate.transition))
        return [self._store.persist([(vote_key(core.sender, core.sequence), VOTE_LOCK.encode(lock))])]

    def release(self, sender: PublicKey, sequence: int) -> list[Record]:
        """End the vote of a slot that is being applied: the certificate answers for it now."""
        return [(vote_key(sender, sequence), b"")] if self.locks.pop((sender, sequence), None) is not None else []

    def has_voted_above(self, sender: PublicKey, sequence: int) -> bool:
        """Whether a later slot of this account has a vote. Then this one was applied here, though the database has lost it: to vote might be to vote twice."""
        newest = self._newest.get(sender)
        return newest is not None and JOURNAL_ENTRY.decode(newest).sequence > sequence

    def is_forgotten(self, checked: CheckedCertificate) -> bool:
        """Whether a verified certificate, not applied here, holds a signature of this validator's that neither database nor journal knows of."""
        if not any(signer.validator_index == self._own_index for signer in checked.certificate.votes):
            return False
        sender, sequence = checked.core.sender, checked.core.sequence
        encoded = self._newest.get(sender)
        newest = None if encoded is None else JOURNAL_ENTRY.decode(encoded)
        if newest is None or newest.sequence < sequence:
            return True
        lock = self.locks.get((sender, sequence))
        return lock is not None and lock.transition_id != checked.transition_id

    def _lock(self, statement: Statement, owner_signature: Signature, transition: bytes) -> VoteLock:
        signature = self._identity.sign(domains.SIG_VOTE, STATEMENT.encode(statement))
        lock = VoteLock(statement.epoch, statement.transition_id, owner_signature, signature, transition)
        self.locks[statement.sender, statement.sequence] = lock
        return lock

    def _statement(self, sender: PublicKey, sequence: int, lock: VoteLock) -> Statement:
        return Statement(self._network_id, lock.epoch, sender, sequence, lock.transition_id)
