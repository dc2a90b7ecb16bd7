"""Real machines in one process: a genesis, four validator machines over dictionaries, wallets' keys. No network, no disk, no clock.

Effects are performed at once and in order, so a test can look between any two of them.

Proofs cost about 50 ms each. Where a test is not about rule 9, `sign_core` and `certify_by_hand` make transitions and certificates with bytes that only
have a proof's size: a certificate's validity does not rest on the range proof, which its voters have checked.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.memo import MemoContext, open_memo
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, verify
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.catch_up import CatchUpMachine
from mesh_core.protocol.certificates import is_signed
from mesh_core.protocol.construction import Draft, OpenedOutput, Payment, draft_receive, draft_send, prove_draft, sign_draft
from mesh_core.protocol.effects import AskPeer, Broadcast, Effect, Emit, Persist, Reply, Source, VerifyProof, VerifySignatures
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.protocol.identifiers import compute_cert_id, identify
from mesh_core.protocol.records import EVIDENCE_PREFIX, IDENTITY_KEY
from mesh_core.protocol.validation import compute_proof_size
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.account import AccountState
from mesh_core.types.basic import Hash32, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer, Vote
from mesh_core.types.events import EventBody
from mesh_core.types.genesis import Allocation, GenesisDoc
from mesh_core.types.messages import (
    CertAck,
    Message,
    SettlementCertificate,
    SyncFromLog,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import STATEMENT, TRANSITION, OutputKey, Transition, TransitionCore

CheckProof = Callable[[RangeStatement, bytes], bool]

ALICE_START = 10_000
SOURCE = Source(1)


def seeded_entropy(seed: str) -> Callable[[int], bytes]:
    """Reproducible bytes in place of the operating system's."""
    counter = 0

    def entropy(size: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(f"{seed}/{counter}".encode()).digest(size)

    return entropy


@cache
def wallet_keys(name: str) -> WalletKeys:
    """Keys of a named person."""
    return WalletKeys.from_seed(hashlib.sha3_256(f"wallet {name}".encode()).digest())


@cache
def validator_keys(count: int = 4) -> tuple[SigningKey, ...]:
    """Identities of a committee, in committee order."""
    keys = (SigningKey(hashlib.sha3_256(f"validator {index}".encode()).digest()) for index in range(count))
    return tuple(sorted(keys, key=lambda key: key.public_key))


def make_genesis(*, validators: int = 4, fee_base: int = 1, fee_per_output: int = 0, allocations: dict[str, int] | None = None) -> Genesis:
    """A network in which Alice has 10,000 and a faucet a million."""
    amounts = {"alice": ALICE_START, "faucet": 1_000_000} if allocations is None else allocations
    owned = sorted((Allocation(wallet_keys(name).owner, amount) for name, amount in amounts.items()), key=lambda allocation: allocation.owner)
    keys = tuple(key.public_key for key in validator_keys(validators))
    return check_genesis(GenesisDoc("test", bytes(32), fee_base, fee_per_output, keys, tuple(owned)))


class MemoryStore(dict[str, bytes]):
    """A store without a disk, and its vote journal."""

    def __init__(self, records: Mapping[str, bytes] = MappingProxyType({}), entries: Iterable[bytes] = ()) -> None:
        super().__init__(records)
        self.entries = list(entries)

    @property
    def journal(self) -> JournalContents:
        """The journal as the next start reads it."""
        is_new = IDENTITY_KEY not in self and not self.entries
        return JournalContents(JournalCondition.FIRST_START if is_new else JournalCondition.INTACT, tuple(self.entries))

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        yield from sorted((key, value) for key, value in self.items() if key.startswith(prefix))

    def persist(self, records: tuple[tuple[str, bytes], ...], journal: tuple[bytes, ...] = ()) -> None:
        self.entries += journal
        for key, value in records:
            if value:
                self[key] = value
            else:
                self.pop(key, None)


def proof_holds(statement: RangeStatement, proof: bytes) -> bool:
    """The runner's part of rule 9."""
    try:
        verify(statement, proof)
    except RangeProofError:
        return False
    return True


def any_proof_holds(statement: RangeStatement, proof: bytes) -> bool:
    """Stands in for rule 9 in tests that are not about it."""
    return True


@dataclass
class Validator:
    """One machine, its store, and all that it said."""

    machine: ValidatorMachine
    store: MemoryStore
    events: list[EventBody] = field(default_factory=list)
    check_proof: CheckProof = proof_holds
    now: float = 0.0
    knows_its_votes: bool = False

    def ask(self, message: Message, source: Source = SOURCE) -> Message:
        """The one answer to a request, range proofs checked on the spot."""
        replies = [effect.message for effect in self.perform(self.machine.handle(source, message, self.now)) if isinstance(effect, Reply)]
        assert len(replies) == 1, replies
        return replies[0]

    def perform(self, effects: Sequence[Effect]) -> list[Effect]:
        """Perform effects in order; returns them with those that proof checks led to."""
        performed: list[Effect] = []
        queue = list(effects)
        while queue:
            effect = queue.pop(0)
            performed.append(effect)
            match effect:
                case Persist(records, journal):
                    self.store.persist(records, journal)
                case Emit(body):
                    self.events.append(body)
                case VerifyProof(transition_id, statement, proof):
                    queue += self.machine.on_proof_checked(transition_id, self.check_proof(statement, proof), self.now)
                case Reply() | Broadcast() | AskPeer() | VerifySignatures():
                    pass
            if not queue and self.machine.is_waking:
                queue += self.machine.wake()
        return performed

    def vote(self, transition: Transition, certificates: tuple[bytes, ...] = ()) -> VoteResponse | VoteReject:
        """Ask for a vote."""
        answer = self.ask(VoteRequest(7, certificates, TRANSITION.encode(transition)))
        assert isinstance(answer, VoteResponse | VoteReject)
        return answer

    def settle(self, certificate: Certificate) -> CertAck:
        """Hand in a certificate."""
        answer = self.ask(SettlementCertificate(8, CERTIFICATE.encode(certificate)))
        assert isinstance(answer, CertAck)
        return answer

    def restart(self) -> "Validator":
        """The machine as it is after a crash: rebuilt from its store."""
        return start_validator(self.machine.genesis, self.machine.identity, self.store, check_proof=self.check_proof, knows_its_votes=self.knows_its_votes)

    def copy(self) -> "Validator":
        """A second machine over a copy of the store: what happens to it leaves this one alone."""
        store = MemoryStore(self.store, self.store.entries)
        return start_validator(self.machine.genesis, self.machine.identity, store, check_proof=self.check_proof, knows_its_votes=self.knows_its_votes)

    def state(self) -> dict[str, Any]:
        """Everything that decides what this validator does next, but for evidence and counters. Compared before and after a refusal."""
        machine, ledger = self.machine, self.machine.ledger
        return {
            "records": {key: value for key, value in self.store.items() if not key.startswith(EVIDENCE_PREFIX)},
            "digest": ledger.compute_digest(),
            "globals": ledger.globals,
            "accounts": dict(ledger._accounts),
            "outputs": dict(ledger._outputs),
            "outputs by owner": {owner: frozenset(keys) for owner, keys in ledger._outputs_of.items() if keys},
            "locks": dict(machine.votes.locks),
            "parked": machine.parked_count,
            "proofs": machine.proofs_in_flight_count,
            "halted": machine.halted,
            "quarantine": machine.quarantine,
        }

    def evidence(self) -> dict[str, bytes]:
        """The equivocation proofs in the store."""
        return {key: value for key, value in self.store.items() if key.startswith(EVIDENCE_PREFIX)}


def start_validator(
    genesis: Genesis,
    identity: SigningKey,
    store: MemoryStore,
    journal: JournalContents | None = None,
    *,
    check_proof: CheckProof = proof_holds,
    knows_its_votes: bool = False,
) -> Validator:
    """A validator that has just started: what a start makes durable is durable, and the journal is compacted.

    Tests sign votes with all keys. So a machine takes it for granted that it has cast what bears its signature, unless the test is about forgotten votes.
    """
    machine = ValidatorMachine(genesis, identity, store, store.journal if journal is None else journal)
    if not knows_its_votes:
        vars(machine.votes)["is_forgotten"] = lambda checked: False
    validator = Validator(machine, store, check_proof=check_proof, knows_its_votes=knows_its_votes)
    validator.perform(machine.initial_effects())
    store.entries = list(machine.compacted_journal())
    return validator


@dataclass
class Account:
    """A person's own view of an account: keys, state and the opening of the balance."""

    keys: WalletKeys
    state: AccountState
    opening: Opening


class Cluster:
    """A committee of machines, and accounts that pay through them."""

    def __init__(self, genesis: Genesis | None = None, *, validators: int = 4, entropy_seed: str = "cluster") -> None:
        self.genesis = make_genesis(validators=validators) if genesis is None else genesis
        self.entropy = seeded_entropy(entropy_seed)
        self.validators = [start_validator(self.genesis, key, MemoryStore()) for key in validator_keys(self.genesis.committee.size)]

    def account(self, name: str) -> Account:
        """A person's account as the genesis leaves it."""
        keys = wallet_keys(name)
        amount = next((allocation.amount for allocation in self.genesis.doc.allocations if allocation.owner == keys.owner), 0)
        return Account(keys, self.validators[0].machine.ledger.account_or_zero(keys.owner), Opening(amount, 0))

    def draft_send(self, sender: Account, *payments: tuple[Account, int]) -> Draft:
        """A SEND without proof and signature."""
        to = [Payment(receiver.keys.address, amount) for receiver, amount in payments]
        return draft_send(sender.keys, self.genesis, sender.state, sender.opening, to, self.entropy)

    def build_send(self, sender: Account, *payments: tuple[Account, int]) -> tuple[Transition, Opening]:
        """A signed SEND and the opening of what is left."""
        draft = self.draft_send(sender, *payments)
        return sign_draft(draft, prove_draft(draft, self.entropy), sender.keys.signing_key), draft.new_opening

    def build_receive(self, receiver: Account, *certificates: Certificate) -> tuple[Transition, Opening]:
        """A signed RECEIVE of everything in these certificates that is for the receiver."""
        found = [output for certificate in certificates for output in self.open_outputs(receiver, certificate)]
        draft = draft_receive(receiver.keys, self.genesis, receiver.state, receiver.opening, found)
        return sign_draft(draft, b"", receiver.keys.signing_key), draft.new_opening

    def open_outputs(self, receiver: Account, certificate: Certificate) -> list[OpenedOutput]:
        """Outputs of a certificate that the receiver's view key opens."""
        core = certificate.transition.core
        identified = identify(certificate.transition)
        opened = []
        for index, output in enumerate(core.outputs):
            if output.owner != receiver.keys.owner:
                continue
            context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
            plain = open_memo(receiver.keys.view_key, context, output.eph_pk, output.memo)
            opened.append(OpenedOutput(OutputKey(identified.cert_id, index), output.commitment, plain.opening))
        return opened

    def certify(self, transition: Transition, voters: tuple[int, ...] | None = None, certificates: tuple[bytes, ...] = ()) -> Certificate:
        """A certificate from these validators' real votes."""
        chosen = range(self.genesis.committee.quorum_threshold) if voters is None else voters
        signers = []
        for index in chosen:
            answer = self.validators[index].vote(transition, certificates)
            assert isinstance(answer, VoteResponse), answer
            signers.append(Signer(index, Signature(answer.vote.signature)))
        return Certificate(transition, tuple(signers))

    def apply_everywhere(self, certificate: Certificate) -> list[CertAck]:
        """Hand a certificate to all validators."""
        return [validator.settle(certificate) for validator in self.validators]

    def pay(self, sender: Account, *payments: tuple[Account, int]) -> Certificate:
        """A whole payment; the sender's view follows."""
        transition, opening = self.build_send(sender, *payments)
        certificate = self.certify(transition)
        self.apply_everywhere(certificate)
        self._follow(sender, opening)
        return certificate

    def claim(self, receiver: Account, *certificates: Certificate) -> Certificate:
        """A whole claim; the receiver's view follows."""
        transition, opening = self.build_receive(receiver, *certificates)
        certificate = self.certify(transition)
        self.apply_everywhere(certificate)
        self._follow(receiver, opening)
        return certificate

    def pay_unproven(self, sender: Account, *payments: tuple[Account, int]) -> Certificate:
        """A whole payment without its proof, certified by hand and applied nowhere; the sender's view follows. For histories that many tests share."""
        draft = self.draft_send(sender, *payments)
        return self._certify_unproven(sender, sign_core(draft.core, sender.keys), draft.new_opening)

    def claim_unproven(self, receiver: Account, *certificates: Certificate) -> Certificate:
        """A whole claim, certified by hand and applied nowhere; the receiver's view follows."""
        return self._certify_unproven(receiver, *self.build_receive(receiver, *certificates))

    def _certify_unproven(self, account: Account, transition: Transition, opening: Opening) -> Certificate:
        core = transition.core
        account.state = AccountState(core.sender, core.sequence + 1, core.new_balance, identify(transition).transition_id)
        account.opening = opening
        return certify_by_hand(transition, validators=self.genesis.committee.size)

    def _follow(self, account: Account, opening: Opening) -> None:
        account.state = self.validators[0].machine.ledger.account_or_zero(account.keys.owner)
        account.opening = opening

    def digests(self) -> set[bytes]:
        """All validators' state digests."""
        return {validator.machine.ledger.compute_digest() for validator in self.validators}


def cert_id_of(certificate: Certificate) -> bytes:
    """Id of a certificate."""
    return compute_cert_id(identify(certificate.transition).statement)


def transition_id_of(transition: Transition) -> bytes:
    """Id of a transition."""
    return identify(transition).transition_id


def sign_core(core: TransitionCore, keys: WalletKeys, range_proof: bytes | None = None) -> Transition:
    """Whatever core, with its owner's signature, and bytes of a proof's size where no proof is given."""
    proof = hashlib.shake_256(b"no proof").digest(compute_proof_size(core)) if range_proof is None else range_proof
    return sign_draft(Draft(core, Opening(0, 0), ()), proof, keys.signing_key)


def alter(transition: Transition, keys: WalletKeys, **changes: Any) -> Transition:
    """The transition with other fields in its core, signed anew; its proof stays and belongs to the old core."""
    return sign_core(replace(transition.core, **changes), keys, transition.range_proof)


def vote_by_hand(index: int, transition: Transition, *, validators: int = 4) -> Vote:
    """A validator's vote without asking its machine: what a faulty one may sign, too."""
    key = validator_keys(validators)[index]
    statement = identify(transition).statement
    return Vote(statement, key.public_key, key.sign(domains.SIG_VOTE, STATEMENT.encode(statement)))


def certify_by_hand(transition: Transition, signers: tuple[int, ...] | None = None, *, validators: int = 4) -> Certificate:
    """A certificate with these validators' valid votes, without asking their machines. A quorum of the last ones where none are named."""
    chosen = range(validators - (2 * validators // 3 + 1), validators) if signers is None else signers
    return Certificate(transition, tuple(Signer(index, vote_by_hand(index, transition, validators=validators).signature) for index in chosen))


Answer = Callable[[SyncRequest], SyncResponse | None]
"""What a peer says to a question; None for silence."""


@dataclass
class Syncing:
    """A validator and its catch-up, and what the others answer."""

    validator: Validator
    machine: CatchUpMachine
    answers: dict[int, Answer]
    asked: list[AskPeer] = field(default_factory=list)
    checked: list[VerifySignatures] = field(default_factory=list)
    slices: int = 0

    def perform(self, effects: Sequence[Effect]) -> None:
        """Perform effects; each question is answered at once, or by silence, and signatures are checked at once."""
        queue = list(effects)
        while queue:
            effect = queue.pop(0)
            if isinstance(effect, VerifySignatures):
                self.checked.append(effect)
                valid = [is_signed(one, self.validator.machine.genesis) for one in effect.certificates]
                self.machine.on_signatures_checked(effect.number, effect.certificates, valid)
                continue
            if not isinstance(effect, AskPeer):
                self.validator.perform([effect])
                continue
            self.asked.append(effect)
            answer = self.answers[effect.peer](effect.message) if effect.peer in self.answers else None
            now = self.validator.now
            queue += self.machine.on_silence(effect.peer, now) if answer is None else self.machine.on_response(effect.peer, answer, now)

    def drain(self, most: int = 100_000) -> None:
        """Apply what has arrived, slice by slice."""
        while self.machine.has_work and most > 0:
            self.slices += 1
            most -= 1
            self.perform(self.machine.step(self.validator.now))

    def pong(self, peer: int, log_length: int, digest: Hash32) -> None:
        """A peer tells how far it is."""
        self.perform(self.machine.on_pong(peer, log_length, digest, self.validator.now))

    @property
    def logs_asked(self) -> list[tuple[int, int]]:
        """Peer and index of each question about a log."""
        return [(ask.peer, ask.message.mode.from_index) for ask in self.asked if isinstance(ask.message.mode, SyncFromLog)]


def start_syncing(validator: Validator, answers: Mapping[int, Answer], *, up: bool = True) -> Syncing:
    """A catch-up that has just started; with `up`, it reaches all peers that answer."""
    machine = validator.machine
    own = machine.genesis.committee.index_of(machine.identity.public_key)
    peers = {index: key for index, key in enumerate(machine.genesis.committee.validators) if index != own}
    syncing = Syncing(validator, CatchUpMachine(machine, validator.store, peers, validator.now), dict(answers))
    if up:
        for peer in answers:
            syncing.perform(syncing.machine.on_peer_up(peer, validator.now))
    return syncing


def answering(validator: Validator) -> Callable[[SyncRequest], SyncResponse]:
    """A correct peer."""

    def answer(request: SyncRequest) -> SyncResponse:
        response = validator.ask(request)
        assert isinstance(response, SyncResponse)
        return response

    return answer


class Mesh:
    """Correct validators that catch up from each other, in virtual time. `cut` holds pairs that do not reach each other."""

    def __init__(self, validators: Mapping[int, Validator]) -> None:
        self.nodes = {index: start_syncing(one, {}, up=False) for index, one in validators.items()}
        self.cut: set[frozenset[int]] = set()
        self.now = 0.0
        for index in list(self.nodes):
            self._connect(index)

    def _connect(self, index: int) -> None:
        for other, node in self.nodes.items():
            if other != index:
                for one, to in ((self.nodes[index], other), (node, index)):
                    one.answers[to] = self._answer_of(index if to == other else other, to)
                    one.perform(one.machine.on_peer_up(to, self.now))

    def _answer_of(self, asking: int, asked: int) -> Answer:
        return lambda request: None if frozenset((asking, asked)) in self.cut else answering(self.nodes[asked].validator)(request)

    def replace(self, index: int, validator: Validator) -> None:
        """A validator that has started again."""
        validator.now = self.now
        self.nodes[index] = start_syncing(validator, {}, up=False)
        self._connect(index)

    def run(self, seconds: int) -> None:
        """Each second every validator hears of all that it reaches, and catches up."""
        for _ in range(seconds):
            self.now += 1.0
            for index, node in self.nodes.items():
                node.validator.now = self.now
                for other, peer in self.nodes.items():
                    if other != index and frozenset((index, other)) not in self.cut:
                        ledger = peer.validator.machine.ledger
                        node.pong(other, ledger.globals.log_length, ledger.compute_digest())
                node.perform(node.machine.on_tick(self.now))
                node.drain()

    def digests(self) -> set[bytes]:
        """All validators' state digests."""
        return {node.validator.machine.ledger.compute_digest() for node in self.nodes.values()}
