"""Vote requests: admission, the nine rules, and the vote (docs/protocol.md, "Handling a vote request").

A validator votes for one transition of a slot at most, whatever happens to it: the vote is locked in memory the moment it is decided, and durable before it
leaves. A rule refuses by raising `Rejected`; here that becomes a VOTE_REJECT.

Range proofs are checked elsewhere (`VerifyProof`) while other messages are handled; rules 3 to 6 are run again afterwards, since the state may have moved.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from mesh_core.errors import ErrorCode, Rejected
from mesh_core.protocol.applying import Applying
from mesh_core.protocol.archive import Archive
from mesh_core.protocol.effects import Effect, Emit, Reply, Source, VerifyProof
from mesh_core.protocol.evidence_book import EvidenceBook
from mesh_core.protocol.identifiers import Identified
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.penalties import Penalties
from mesh_core.protocol.standing import Standing
from mesh_core.protocol.validation import (
    Conflict,
    MissingOutput,
    build_range_statement,
    validate_account,
    validate_amounts,
    validate_balance,
    validate_conflict,
    validate_dependencies,
    validate_format,
    validate_sequence,
    validate_signature,
)
from mesh_core.protocol.vote_book import VoteBook
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey
from mesh_core.types.certificate import Vote
from mesh_core.types.events import VoteCast, VoteRejected, VoteRequested
from mesh_core.types.messages import (
    MAX_MISSING,
    AckStatus,
    ConflictDetail,
    MissingDetail,
    NoDetail,
    RejectDetail,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import Kind

C = TypeVar("C", bound=Hashable)

MAX_PROOFS_IN_FLIGHT = 1024
MAX_PROOFS_PER_SOURCE = 32
MAX_PROOFS_PER_ACCOUNT = 4
"""An honest owner signs one transition for a slot. One that signs many, with proofs that cost nothing to make up, must not fill the queue for all others."""
MAX_REJECT_TEXT_BYTES = 255


@dataclass(slots=True)
class _ProofInFlight:
    """A transition whose range proof is being checked, and everybody who waits for the vote."""

    candidate: Identified
    waiting: list[tuple[Source, int]] = field(default_factory=list)


class Voting:
    """The part of a validator that answers VOTE_REQUEST."""

    def __init__(self, ledger: Ledger, archive: Archive, votes: VoteBook, evidence: EvidenceBook, standing: Standing, applying: Applying) -> None:
        self.votes_cast = 0
        self.votes_refused = 0
        self._ledger = ledger
        self._genesis = ledger.genesis
        self._archive = archive
        self._votes = votes
        self._evidence = evidence
        self._standing = standing
        self._applying = applying
        self._penalties = Penalties()
        self._proofs: dict[Hash32, _ProofInFlight] = {}
        self._waiting_of: Counter[Source] = Counter()
        """Requests of each connection that wait for a proof."""
        self._proofs_of: Counter[PublicKey] = Counter()
        """Proofs of each account that are being checked."""

    @property
    def proofs_in_flight_count(self) -> int:
        """Range proofs that are being checked."""
        return len(self._proofs)

    def handle_request(self, source: Source, request: VoteRequest, now: float) -> list[Effect]:
        """Rules 1 and 2, then the attached certificates (bytes that nobody signed buy no work), then rules 3 to 8; rule 9 is checked elsewhere.

        What somebody without an account can make this validator do for one request is bounded: 16 certificates are decoded at most, and the first that is
        not valid ends it. One that is applied already, or parked in these very bytes, costs no signature.
        """
        effects: list[Effect] = []
        candidate: Identified | None = None
        try:
            candidate = validate_format(request.transition, self._genesis)
            validate_signature(candidate)
            effects.append(Emit(VoteRequested(candidate.core.sender, candidate.core.sequence, candidate.transition_id)))
            for data in request.certificates:
                taken = self._applying.take(data)
                effects += taken.effects
                if taken.status is AckStatus.INVALID:
                    break
            voted = self._run_state_rules(candidate)
            if voted is not None:
                return [*effects, *self._votes.complete(candidate), Reply(source, VoteResponse(request.request_id, voted))]
            validate_amounts(candidate.core, self._genesis)
            validate_balance(candidate.core, self._ledger.account_or_zero(candidate.core.sender).balance)
            if candidate.core.kind is Kind.RECEIVE:
                return effects + self._vote(candidate, [(source, request.request_id)])
            return effects + self._check_proof(candidate, source, request.request_id, now)
        except Rejected as refusal:
            return effects + self._refuse(candidate, refusal, [(source, request.request_id)])

    def on_proof_checked(self, transition_id: Hash32, valid: bool, now: float) -> list[Effect]:
        """The verdict of a `VerifyProof`. Rules 3 to 6 are run again, and first: certificates and other votes came in meanwhile.

        So the code depends on the transition and the state alone, not on when the proof was checked, and a conflict leaves its proof in any case.
        """
        proof = self._forget_proof(transition_id)
        if not valid:
            self._penalties.count_failure(proof.candidate.core.sender, now)
        try:
            voted = self._run_state_rules(proof.candidate)
            if voted is not None:
                replies = [Reply(source, VoteResponse(request_id, voted)) for source, request_id in proof.waiting]
                return [*self._votes.complete(proof.candidate), *replies]
            if not valid:
                raise Rejected(ErrorCode.RANGE_PROOF, "the range proof does not verify")
            return self._vote(proof.candidate, proof.waiting)
        except Rejected as refusal:
            return self._refuse(proof.candidate, refusal, proof.waiting)

    def on_closed(self, source: Source) -> None:
        """Forget what a closed connection waits for."""
        if self._waiting_of.pop(source, 0):
            for proof in self._proofs.values():
                proof.waiting = [(other, request_id) for other, request_id in proof.waiting if other != source]

    def _forget_proof(self, transition_id: Hash32) -> _ProofInFlight:
        proof = self._proofs.pop(transition_id)
        _count_down(self._proofs_of, proof.candidate.core.sender)
        for source, _ in proof.waiting:
            _count_down(self._waiting_of, source)
        return proof

    def _run_state_rules(self, candidate: Identified) -> Vote | None:
        """Rules 3 to 6. A vote that was cast for this very transition is returned: rule 4 says to stop there."""
        core = candidate.core
        account = validate_account(core, self._ledger)
        lock = self._votes.lock(core.sender, core.sequence)
        voted = None if lock is None else (lock.transition_id, lock.owner_signature)
        if validate_conflict(candidate, voted, self._archive.certified(core.sender, core.sequence)) and lock is not None:
            return self._votes.vote_of(candidate, lock)
        validate_sequence(core, account)
        validate_dependencies(core, self._ledger)
        return None

    def _check_proof(self, candidate: Identified, source: Source, request_id: int, now: float) -> list[Effect]:
        """Rule 9, elsewhere. Requests for one transition share one verification."""
        self._require_voting(candidate)
        self._admit(candidate, source, now)
        self._waiting_of[source] += 1
        known = self._proofs.get(candidate.transition_id)
        if known is not None:
            known.waiting.append((source, request_id))
            return []
        self._proofs_of[candidate.core.sender] += 1
        self._proofs[candidate.transition_id] = _ProofInFlight(candidate, [(source, request_id)])
        return [VerifyProof(candidate.transition_id, build_range_statement(candidate), candidate.transition.range_proof)]

    def _admit(self, candidate: Identified, source: Source, now: float) -> None:
        """Refuse work, retryably, when too much of it waits. Never a judgement on the transition. To wait for a proof that is being checked costs no work."""
        if self._waiting_of[source] >= MAX_PROOFS_PER_SOURCE:
            raise Rejected(ErrorCode.BUSY, "too many requests of this connection wait for a proof: retry")
        if candidate.transition_id in self._proofs:
            return
        self._penalties.require_service(candidate.core.sender, now)
        if self._proofs_of[candidate.core.sender] >= MAX_PROOFS_PER_ACCOUNT:
            raise Rejected(ErrorCode.BUSY, "too many proofs of this account wait to be verified: retry")
        if len(self._proofs) >= MAX_PROOFS_IN_FLIGHT:
            raise Rejected(ErrorCode.BUSY, "too many proofs wait to be verified: retry")

    def _require_voting(self, candidate: Identified) -> None:
        """Rejected (NOT_VOTING) where a new signature might be a second one: after a halt, in quarantine, and in a slot below one that has a vote."""
        self._standing.require_voting()
        if self._votes.has_voted_above(candidate.core.sender, candidate.core.sequence):
            raise Rejected(ErrorCode.NOT_VOTING, "this validator has voted in later slots of this account than it has certificates for: it catches up first")

    def _vote(self, candidate: Identified, waiting: list[tuple[Source, int]]) -> list[Effect]:
        """Vote: lock the slot, make it durable, answer. From here on no other transition of this slot gets this validator's vote."""
        self._require_voting(candidate)
        vote, persist = self._votes.vote(candidate)
        self.votes_cast += 1
        replies = [Reply(source, VoteResponse(request_id, vote)) for source, request_id in waiting]
        return [persist, *replies, Emit(VoteCast(vote))]

    def _refuse(self, candidate: Identified | None, refusal: Rejected, waiting: list[tuple[Source, int]]) -> list[Effect]:
        """Answer with the refusal's code; if the owner has signed two transitions, the proof is recorded first, whichever rule spoke."""
        self.votes_refused += 1
        effects = self._evidence.observe(candidate) if candidate is not None and refusal.rule > 2 else []
        sender = None if candidate is None else candidate.core.sender
        next_sequence = 0 if sender is None else self._ledger.account_or_zero(sender).sequence
        transition_id = ZERO_HASH if candidate is None else candidate.transition_id
        text = _shorten(refusal.text)
        for source, request_id in waiting:
            effects.append(Reply(source, VoteReject(request_id, refusal.code, transition_id, next_sequence, _detail_of(refusal), text)))
        if candidate is not None and refusal.rule > 2:
            effects.append(Emit(VoteRejected(candidate.core.sender, candidate.core.sequence, transition_id, refusal.code)))
        return effects


def _count_down(counts: Counter[C], key: C) -> None:
    """One less. A key with none is gone: whoever comes once must not stay in memory for ever."""
    if counts[key] > 1:
        counts[key] -= 1
    else:
        del counts[key]


def _detail_of(refusal: Rejected) -> RejectDetail:
    if isinstance(refusal, Conflict):
        return ConflictDetail(refusal.proof)
    if isinstance(refusal, MissingOutput):
        return MissingDetail(refusal.cert_ids[:MAX_MISSING])
    return NoDetail()


def _shorten(text: str) -> str:
    """At most 255 bytes of UTF-8, the room that the message has."""
    return text.encode("utf-8")[:MAX_REJECT_TEXT_BYTES].decode("utf-8", "ignore")
