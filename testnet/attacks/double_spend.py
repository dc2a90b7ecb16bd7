"""A double spend against real validators: an owner signs two transitions for one slot and shows one to some validators, the other to the rest.

What comes of it is the protocol's promise: no validator votes for both, so at most one can gather a quorum; whoever sees both signatures holds a proof
against the owner that anybody can check with the genesis document; and nobody but the owner is hurt.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.errors import RULE_NAMES, ErrorCode, PeerFault, rule_of
from mesh_core.protocol.certificates import build_certificate, verify_vote
from mesh_core.protocol.construction import Payment, draft_send, prove_draft, sign_draft
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified, compute_proof_id, identify
from mesh_core.types.account import AccountState
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.evidence import EquivocationProof
from mesh_core.types.messages import AckStatus, CertAck, ConflictDetail, SettlementCertificate, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet.client import ValidatorClient

FIRST, SECOND = "A", "B"
"""The two transitions of one slot."""
RETRIES_MOST = 20
RETRY_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class AttackStarted:
    """Two transitions are signed for one slot of an account. `shown_first` are the validators that get the first one first; the others get the second."""

    EVENT: ClassVar[str] = "attack_started"
    t_ns: int
    attack: str
    sender: PublicKey
    sequence: int
    id_a: Hash32
    id_b: Hash32
    shown_first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AttackAnswer:
    """What a validator answered to one of the two. `code`, `rule`, `name` and `text` are of a refusal; `proves` says that a valid proof came with it."""

    EVENT: ClassVar[str] = "attack_answer"
    t_ns: int
    attack: str
    validator: int
    transition: str
    voted: bool
    code: str | None
    rule: int | None
    name: str | None
    text: str
    proves: bool


@dataclass(frozen=True, slots=True)
class AttackOver:
    """What came of it. `settled` is the transition that a quorum voted for, if there is one; without one the account is locked."""

    EVENT: ClassVar[str] = "attack_over"
    t_ns: int
    attack: str
    votes_a: int
    votes_b: int
    settled: str | None
    proof_ids: tuple[Hash32, ...]


AttackEvent = AttackStarted | AttackAnswer | AttackOver


@dataclass(slots=True)
class SplitOutcome:
    """Everything that the validators said to both transitions, and the proofs that came with it, each verified."""

    answers: list[AttackAnswer] = field(default_factory=list)
    votes: dict[str, dict[PublicKey, Signature]] = field(default_factory=lambda: {FIRST: {}, SECOND: {}})
    proofs: dict[Hash32, EquivocationProof] = field(default_factory=dict)
    settled: str | None = None
    acks_count: int = 0

    @property
    def votes_counts(self) -> tuple[int, int]:
        """Valid votes for the first and for the second."""
        return len(self.votes[FIRST]), len(self.votes[SECOND])


@dataclass(frozen=True, slots=True)
class _Signed:
    """One of the two transitions, with what is left after it."""

    name: str
    candidate: Identified
    opening: Opening


class DoubleSpender:
    """An owner who signs two transitions for one slot. Holds the account's secrets; `split` moves the account on where one of the two is settled."""

    def __init__(self, client: ValidatorClient, keys: WalletKeys, account: AccountState, opening: Opening, publish: Callable[[AttackEvent], None]) -> None:
        """`client` is started. No wallet may be using the account."""
        self._client = client
        self._genesis: Genesis = client.network.genesis
        self._keys = keys
        self._account = account
        self._opening = opening
        self._publish = publish

    async def split(self, attack: str, shown_first: Sequence[int], payments: tuple[Payment, Payment]) -> SplitOutcome:
        """Sign both payments for the account's next slot, show the first to `shown_first` and the second to all others, then each to the rest."""
        signed = [await asyncio.to_thread(self._sign, name, payment) for name, payment in zip((FIRST, SECOND), payments, strict=True)]
        ids = [one.candidate.transition_id for one in signed]
        self._publish(AttackStarted(time.monotonic_ns(), attack, self._account.owner, self._account.sequence, ids[0], ids[1], tuple(shown_first)))
        outcome = SplitOutcome()
        others = [validator for validator in range(self._genesis.committee.size) if validator not in shown_first]
        for shown in ((shown_first, others), (others, shown_first)):
            await asyncio.gather(
                *(self._show(attack, validator, one, outcome) for one, validators in zip(signed, shown, strict=True) for validator in validators)
            )
        await self._settle(signed, outcome)
        votes_a, votes_b = outcome.votes_counts
        self._publish(AttackOver(time.monotonic_ns(), attack, votes_a, votes_b, outcome.settled, tuple(outcome.proofs)))
        return outcome

    def _sign(self, name: str, payment: Payment) -> _Signed:
        draft = draft_send(self._keys, self._genesis, self._account, self._opening, [payment], os.urandom)
        return _Signed(name, identify(sign_draft(draft, prove_draft(draft, os.urandom), self._keys.signing_key)), draft.new_opening)

    async def _show(self, attack: str, validator: int, one: _Signed, outcome: SplitOutcome) -> None:
        """Ask for a vote until there is an answer that is neither "busy" nor "behind"."""
        request = VoteRequest(0, (), TRANSITION.encode(one.candidate.transition))
        answer: object = None
        for _ in range(RETRIES_MOST):
            try:
                answer = await self._client.request(validator, request)
            except PeerFault:
                answer = None
            if isinstance(answer, VoteResponse) or (isinstance(answer, VoteReject) and not _is_passing(answer.code)):
                break
            await asyncio.sleep(RETRY_INTERVAL_S)
        told = AttackAnswer(time.monotonic_ns(), attack, validator, one.name, voted=False, code=None, rule=None, name=None, text="no answer", proves=False)
        match answer:
            case VoteResponse(_, vote):
                if verify_vote(vote, one.candidate.statement, self._genesis.committee):
                    outcome.votes[one.name][vote.validator] = vote.signature
                    told = replace(told, voted=True, text="vote")
                else:
                    told = replace(told, text="a vote that does not verify")
            case VoteReject(_, code, _, _, detail, text):
                rule = rule_of(code)
                proves = isinstance(detail, ConflictDetail) and verify_equivocation(detail.proof, self._genesis)
                if isinstance(detail, ConflictDetail) and proves:
                    outcome.proofs[compute_proof_id(detail.proof)] = detail.proof
                told = replace(told, code=f"{code:04x}", rule=rule, name=RULE_NAMES.get(rule, "OPERATIONAL"), text=text, proves=proves)
            case _:
                pass
        outcome.answers.append(told)
        self._publish(told)

    async def _settle(self, signed: Sequence[_Signed], outcome: SplitOutcome) -> None:
        """Form and deliver the certificate of whichever has a quorum; the account then goes on behind it."""
        for one in signed:
            votes = outcome.votes[one.name]
            if len(votes) < self._genesis.committee.quorum_threshold:
                continue
            certificate = CERTIFICATE.encode(build_certificate(one.candidate.transition, votes, self._genesis.committee))
            acks = await asyncio.gather(
                *(self._client.request(validator, SettlementCertificate(0, certificate)) for validator in range(self._genesis.committee.size)),
                return_exceptions=True,
            )
            outcome.acks_count = sum(isinstance(ack, CertAck) and ack.status in (AckStatus.APPLIED, AckStatus.ALREADY_APPLIED) for ack in acks)
            outcome.settled = one.name
            core = one.candidate.core
            self._account = AccountState(core.sender, core.sequence + 1, core.new_balance, one.candidate.transition_id)
            self._opening = one.opening


def _is_passing(code: ErrorCode) -> bool:
    """Whether a refusal says "later", not "no"."""
    return code >= ErrorCode.BUSY or code in (ErrorCode.UNKNOWN_ACCOUNT, ErrorCode.SEQUENCE_AHEAD)
