"""Equivocation proofs: kept, bounded and passed on once (docs/protocol.md, "EquivocationProof"). They never change what is valid."""

from collections import Counter

from mesh_core.protocol.archive import Archive
from mesh_core.protocol.effects import Broadcast, Effect, Emit
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.records import EVIDENCE_PREFIX, Overlay, evidence_key, parse_offender
from mesh_core.protocol.validation import Conflict, validate_conflict
from mesh_core.protocol.vote_book import VoteBook
from mesh_core.types.events import Equivocation
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof
from mesh_core.types.messages import Evidence

MAX_EVIDENCE_PER_OFFENDER = 16
"""Proofs from the network. With one key anybody can make a valid proof for each of 2^64 slots; one would do to show what the offender is."""


class EvidenceBook:
    """One proof for each offender and slot."""

    def __init__(self, ledger: Ledger, archive: Archive, votes: VoteBook, store: Overlay) -> None:
        self._ledger = ledger
        self._archive = archive
        self._votes = votes
        self._store = store
        self._counts = Counter(parse_offender(key) for key, _ in store.records(EVIDENCE_PREFIX))

    def receive(self, proof: EquivocationProof) -> list[Effect]:
        """Keep a proof from the network if it holds and concerns a member of the committee, or an account that is known here.

        Fresh keys could fill the disk with valid proofs. Look-ups come before the two signatures, so that a proof that comes again costs next to nothing.
        """
        key = evidence_key(proof)
        if self._store.get(key) is not None or self._counts[parse_offender(key)] >= MAX_EVIDENCE_PER_OFFENDER:
            return []
        if isinstance(proof, ClientEquivocation) and self._ledger.account(proof.owner) is None:
            return []
        return self.keep(proof) if verify_equivocation(proof, self._ledger.genesis) else []

    def observe(self, candidate: Identified) -> list[Effect]:
        """Keep the proof if the owner signed this transition beside another one that has this validator's vote, or a certificate.

        Kept however many there are: they are bounded by the slots that have a vote or a certificate here. `candidate` must bear its owner's valid signature.
        """
        core = candidate.core
        lock = self._votes.lock(core.sender, core.sequence)
        voted = None if lock is None else (lock.transition_id, lock.owner_signature)
        try:
            validate_conflict(candidate, voted, self._archive.certified(core.sender, core.sequence))
        except Conflict as conflict:
            return self.keep(conflict.proof)
        return []

    def keep(self, proof: EquivocationProof) -> list[Effect]:
        """Keep a proof that holds, tell subscribers, and pass it on to the other validators; [] if the offender's slot has one already.

        Each validator passes a proof on once, when it is new to it: that reaches all, and ends.
        """
        key = evidence_key(proof)
        if self._store.get(key) is not None:
            return []
        self._counts[parse_offender(key)] += 1
        return [self._store.persist([(key, EQUIVOCATION_PROOF.encode(proof))]), Emit(Equivocation(proof)), Broadcast(Evidence(proof))]
