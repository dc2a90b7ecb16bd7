"""One run of an attack: what was made is sent to whom the catalogue says, each answer is compared with the answers it allows, and evidence is kept.

Whatever comes otherwise than it must is a deviation. An answer that only says "later" is waited out.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.errors import RULE_NAMES, ErrorCode, PeerFault, rule_of
from mesh_core.protocol.certificates import verify_vote
from mesh_core.protocol.construction import Draft, Payment, draft_send, prove_draft, sign_draft
from mesh_core.protocol.equivocation import build_validator_equivocation, verify_equivocation
from mesh_core.protocol.identifiers import Identified, compute_proof_id, identify
from mesh_core.types.address import Address
from mesh_core.types.basic import Hash32, Signature
from mesh_core.types.certificate import Signer, Vote
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof
from mesh_core.types.messages import AckStatus, CertAck, ConflictDetail, SettlementCertificate, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Statement
from testnet.attacks.accounts import Attacker
from testnet.attacks.catalogue import ALREADY_APPLIED, AMOUNT, APPLIED, NONSENSE, OWNER, SILENT, VALIDATOR, VOTE, Attack, Sending, members
from testnet.attacks.events import AttackAnswer, AttackEvent, AttackEvidence, AttackSent, AttackStep
from testnet.attacks.forgeries import encode_certificate
from testnet.attacks.wire import Wire

RETRIES_MOST = 30
RETRY_INTERVAL_S = 0.1
_RULE_CONFLICT = 4


class ItemKind(StrEnum):
    """What is sent."""

    TRANSITION = "transition"
    CERTIFICATE = "certificate"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Made:
    """Bytes that can be sent, with the id of what they are, where it has one. `proof`: of what nobody answers."""

    data: bytes
    id: Hash32 | None
    proof: EquivocationProof | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Something to send, by the name that the catalogue calls it. `make` is called when it is sent: a certificate is made of votes that came before.

    `candidate` is the transition that a vote would be for; `opening` what its account then holds (secret).
    """

    name: str
    kind: ItemKind
    what: str
    make: Callable[[], Made | None]
    candidate: Identified | None = None
    opening: Opening | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid. `keys` (secret) are those of a shop of the laboratory, by which it can be seen what the shop has got."""

    name: str
    address: Address
    keys: WalletKeys | None = field(default=None, repr=False)

    @classmethod
    def fresh(cls, name: str) -> "Payee":
        """A shop with keys that exist in this process alone."""
        keys = WalletKeys.from_seed(os.urandom(32))
        return cls(name, keys.address, keys)


class Run:
    """One attack under way. Read its results when `play` has returned."""

    def __init__(
        self,
        attack: Attack,
        number: int,
        wire: Wire,
        publish: Callable[[AttackEvent], None],
        attacker: Attacker,
        payees: tuple[Payee, Payee],
        voting: tuple[int, ...],
        liar: int | None = None,
    ) -> None:
        """`voting` are the validators that are reached and vote, `liar` the one of them that runs with a fault."""
        self.attack = attack
        self.number = number
        self.wire = wire
        self.genesis = wire.genesis
        self.attacker = attacker
        self.payees = payees
        self.voting = voting
        self.liar = liar
        self.items: dict[str, Item] = {}
        self.votes: dict[str, dict[int, Signature]] = {}
        """Valid votes, by the item that they are for and the validator."""
        self.answers: list[AttackAnswer] = []
        self.proofs: dict[Hash32, EquivocationProof] = {}
        self.deviations: list[str] = []
        self.silent: set[int] = set()
        """Validators that gave no answer at all. Anybody may be silent in an asynchronous network, so that is no deviation; nothing can be concluded either."""
        self._publish = publish
        self._sendings = 0

    # --- Making

    def tell(self, text: str) -> None:
        """Say what was done on the way."""
        self._publish(AttackStep(time.monotonic_ns(), self.number, self.attack.id, text))

    def draft(self, payee: Payee, amount: int = AMOUNT, text: str = "") -> Draft:
        """A payment from the account as it stands, as a wallet would draft it."""
        return draft_send(self.attacker.keys, self.genesis, self.attacker.state, self.attacker.opening, [Payment(payee.address, amount, text)], os.urandom)

    async def sign(self, draft: Draft, proof: bytes | None = None) -> Identified:
        """Prove, unless a proof is given, and sign with the attacker's key."""
        made = await asyncio.to_thread(prove_draft, draft, os.urandom) if proof is None else proof
        return identify(sign_draft(draft, made, self.attacker.keys.signing_key))

    def add_transition(self, name: str, what: str, candidate: Identified, opening: Opening | None = None) -> None:
        """Something to be voted for. `opening` where its account could go on behind it."""
        data = TRANSITION.encode(candidate.transition)
        self._add(Item(name, ItemKind.TRANSITION, what, lambda: Made(data, candidate.transition_id), candidate, opening))
        self.votes[name] = {}

    def add_settled(self, name: str, transition: bytes, opening: Opening) -> None:
        """A transition of the account that was settled by other means, while the attack was prepared."""
        candidate = identify(TRANSITION.decode(transition))
        self._add(Item(name, ItemKind.TRANSITION, "settled before", lambda: Made(transition, candidate.transition_id), candidate, opening))

    def add_certificate(self, name: str, what: str, of: str, *, others: bool = False) -> None:
        """The certificate of an item, of as few votes as will do. `others`: of those that came last, as far as there are more."""
        quorum = self.genesis.committee.quorum_threshold

        def make() -> Made | None:
            candidate = self.items[of].candidate
            signers = self.signers(of)
            if candidate is None or len(signers) < quorum:
                return None
            return Made(encode_certificate(candidate, signers[-quorum:] if others else signers[:quorum]), candidate.cert_id)

        self._add(Item(name, ItemKind.CERTIFICATE, what, make))

    def add_bytes(self, name: str, what: str, make: Callable[[], bytes | None]) -> None:
        """Bytes that are to pass for a certificate."""

        def made() -> Made | None:
            data = make()
            return None if data is None else Made(data, None)

        self._add(Item(name, ItemKind.CERTIFICATE, what, made))

    def add_evidence(self, name: str, what: str) -> None:
        """The proof against a validator, once there is one."""

        def make() -> Made | None:
            proof_id, proof = next(((key, proof) for key, proof in self.proofs.items() if not isinstance(proof, ClientEquivocation)), (None, None))
            return None if proof is None else Made(EQUIVOCATION_PROOF.encode(proof), proof_id, proof)

        self._add(Item(name, ItemKind.EVIDENCE, what, make))

    def signers(self, name: str) -> list[Signer]:
        """The votes for an item as a certificate has them."""
        return [Signer(validator, signature) for validator, signature in sorted(self.votes[name].items())]

    def _add(self, item: Item) -> None:
        self.items[item.name] = item

    # --- Sending

    async def play(self) -> None:
        """Send everything as the catalogue has it."""
        for phase in self.attack.phases:
            await asyncio.gather(*(self.send(sending) for sending in phase))

    async def send(self, sending: Sending) -> None:
        """Send one item to one group, and wait for every answer."""
        item = self.items[sending.item]
        to = members(sending.to, self.voting, self.genesis.committee.quorum_threshold, self.liar)
        made = item.make()
        if made is None:
            self.deviations.append(f"{sending.item} could not be made: what it needs did not come")
            return
        self._sendings += 1
        number = self._sendings
        self._publish(
            AttackSent(
                t_ns=time.monotonic_ns(),
                run=self.number,
                attack=self.attack.id,
                sending=number,
                item=item.name,
                kind=str(item.kind),
                what=item.what,
                id=made.id,
                size_bytes=len(made.data),
                to=to,
                expected=sending.answers,
            )
        )
        if made.proof is not None:
            for validator in to:
                self.wire.tell(validator, made.proof)
            return
        await asyncio.gather(*(self._ask(number, sending, item, made, validator) for validator in to))

    async def _ask(self, number: int, sending: Sending, item: Item, made: Made, validator: int) -> None:
        """Ask until there is an answer that is not "later"."""
        message = VoteRequest(0, (), made.data) if item.kind is ItemKind.TRANSITION else SettlementCertificate(0, made.data)
        answer: object = None
        asked_ns = time.monotonic_ns()
        for _ in range(RETRIES_MOST):
            asked_ns = time.monotonic_ns()
            try:
                answer = await self.wire.request(validator, message)
            except PeerFault:
                answer = None
                break
            if not _says_later(answer):
                break
            await asyncio.sleep(RETRY_INTERVAL_S)
        self._take(self._read(answer, number, sending, item, validator, (time.monotonic_ns() - asked_ns) / 1e6))

    def _read(self, answer: object, number: int, sending: Sending, item: Item, validator: int, ms: float) -> AttackAnswer:
        code: ErrorCode | None = None
        voted = proves = False
        match answer:
            case VoteResponse(_, vote) if item.candidate is not None and self._counts(vote, item.candidate, validator):
                self.votes[item.name][validator] = vote.signature
                verdict, text, voted = VOTE, "vote", True
            case VoteReject(_, refusal, _, _, detail, text):
                code, verdict = refusal, f"{refusal:04x}"
                proves = isinstance(detail, ConflictDetail) and self._keep(detail.proof)
            case CertAck(_, _, status):
                verdict, text = status.name.lower(), status.name
            case None:
                verdict, text = SILENT, "no answer"
            case _:
                verdict, text = NONSENSE, "an answer that does not verify"
        as_expected = verdict in sending.answers and proves == (code is not None and rule_of(code) == _RULE_CONFLICT)
        rule = None if code is None else rule_of(code)
        name = None if rule is None else RULE_NAMES.get(rule, "REFUSAL")
        reason = None if code is None else code.name
        return AttackAnswer(
            time.monotonic_ns(),
            self.number,
            self.attack.id,
            number,
            item.name,
            validator,
            verdict,
            voted,
            None if code is None else f"{code:04x}",
            rule,
            name,
            reason,
            text,
            proves,
            ms,
            as_expected,
        )

    def _counts(self, vote: Vote, candidate: Identified, validator: int) -> bool:
        committee = self.genesis.committee
        return verify_vote(vote, candidate.statement, committee) and committee.index_of(vote.validator) == validator

    def _take(self, answer: AttackAnswer) -> None:
        self.answers.append(answer)
        self._publish(answer)
        if answer.verdict == SILENT:
            self.silent.add(answer.validator)
        elif not answer.as_expected:
            said = answer.text if answer.code is None else f"{answer.code} {answer.text}"
            self.deviations.append(f"V{answer.validator + 1} answered {answer.item} with: {said}")
        if answer.voted:
            self._look_for_double_vote(answer.item, answer.validator)

    # --- Evidence

    def _look_for_double_vote(self, name: str, validator: int) -> None:
        """Two votes of one validator for one slot are a proof against it, whoever expected them."""
        candidate = self.items[name].candidate
        assert candidate is not None
        slot = (candidate.core.sender, candidate.core.sequence)
        for other, votes in self.votes.items():
            rival = self.items[other].candidate
            if validator not in votes or rival is None or rival.transition_id == candidate.transition_id:
                continue
            if (rival.core.sender, rival.core.sequence) == slot:
                vote = Vote(candidate.statement, self.genesis.committee.validators[validator], self.votes[name][validator])
                self._keep(build_validator_equivocation(vote, rival.transition_id, votes[validator]))

    def _keep(self, proof: EquivocationProof) -> bool:
        """Keep a proof, if it holds; whether it does."""
        if not verify_equivocation(proof, self.genesis):
            return False
        proof_id = compute_proof_id(proof)
        if proof_id not in self.proofs:
            self.proofs[proof_id] = proof
            self._publish(self._evidence(proof_id, proof))
        return True

    def _evidence(self, proof_id: Hash32, proof: EquivocationProof) -> AttackEvidence:
        is_client = isinstance(proof, ClientEquivocation)
        offender, sender = (proof.owner, proof.owner) if isinstance(proof, ClientEquivocation) else (proof.validator, proof.sender)
        index = None if is_client else self.genesis.committee.index_of(offender)
        first, second = (Statement(proof.network_id, proof.epoch, sender, proof.sequence, each) for each in (proof.id_a, proof.id_b))
        return AttackEvidence(
            t_ns=time.monotonic_ns(),
            run=self.number,
            attack=self.attack.id,
            proof_id=proof_id,
            kind="client" if is_client else "validator",
            convicted=f"the owner of {self.attacker.name}" if index is None else f"V{index + 1}",
            offender=offender,
            proof=EQUIVOCATION_PROOF.encode(proof),
            statements=(first, second),
            signatures=(proof.signature_a, proof.signature_b),
        )

    @property
    def convicted(self) -> tuple[str, ...]:
        """Against whom there is a proof that holds: the owner of the attacking account, a validator."""
        owner, validators = self.attacker.keys.owner, set(self.genesis.committee.validators)
        kinds = {OWNER for proof in self.proofs.values() if isinstance(proof, ClientEquivocation) and proof.owner == owner}
        kinds |= {VALIDATOR for proof in self.proofs.values() if not isinstance(proof, ClientEquivocation) and proof.validator in validators}
        return tuple(sorted(kinds))

    def settled(self) -> tuple[str, ...]:
        """Transitions whose certificate was made and taken by a quorum, by their names: what the answers say. The judge looks at the ledgers."""
        taken: dict[str, set[int]] = {}
        for answer in self.answers:
            if answer.verdict in (APPLIED, ALREADY_APPLIED):
                taken.setdefault(answer.item.removeprefix("certificate "), set()).add(answer.validator)
        return tuple(name for name, validators in taken.items() if name in self.votes and len(validators) >= self.genesis.committee.quorum_threshold)

    def votes_counts(self) -> tuple[tuple[str, int], ...]:
        """Valid votes for each item that can be voted for."""
        return tuple((name, len(votes)) for name, votes in self.votes.items())


def _says_later(answer: object) -> bool:
    """Whether an answer says "later" and not "no"."""
    match answer:
        case VoteReject(_, code):
            return code >= ErrorCode.BUSY or code in (ErrorCode.UNKNOWN_ACCOUNT, ErrorCode.SEQUENCE_AHEAD)
        case CertAck(_, _, status):
            return status is AckStatus.PENDING
        case _:
            return False


def names(validators: Sequence[int]) -> str:
    """Validators as people call them."""
    return ", ".join(f"V{index + 1}" for index in validators)
