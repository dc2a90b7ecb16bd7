"""Four validator machines and three people as one state machine, which Hypothesis drives and shrinks: pay, receive, crash, partition, equivocate.

The simulator finds what hangs on time, disks and connections. This finds the shortest story that breaks a property, and tells it as calls.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from mesh_core.crypto.pedersen import Opening
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.types.account import AccountState
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation
from mesh_core.types.messages import VoteResponse
from mesh_core.types.transition import Kind, Transition
from tests.cluster import (
    Account,
    Cluster,
    MemoryStore,
    Validator,
    any_proof_holds,
    make_genesis,
    sign_core,
    start_validator,
    validator_keys,
    vote_by_hand,
    wallet_keys,
)

HONEST = ("alice", "bob", "carol")
CHEAT = "faucet"
START = 1_000
GENESIS = make_genesis(allocations=dict.fromkeys((*HONEST, CHEAT), START))
COUNT, QUORUM = GENESIS.committee.size, GENESIS.committee.quorum_threshold
TRAITOR = COUNT - 1
"""Where there is one, it votes for everything, and its machine's own state says nothing."""

people = st.sampled_from(HONEST)
validators = st.integers(0, COUNT - 1)
some_validators = st.sets(validators)


@dataclass
class Pending:
    """A transition that its owner has signed and nobody has certified: it is sent again until somebody does."""

    transition: Transition
    opening: Opening
    votes: dict[int, Signer] = field(default_factory=dict)


class Network(RuleBasedStateMachine):
    """`reached` are the validators that anybody can reach; the others know nothing of what happens."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(GENESIS)
        self.validators = [start_validator(GENESIS, key, MemoryStore(), check_proof=any_proof_holds, knows_its_votes=True) for key in validator_keys(COUNT)]
        self.cluster.validators = self.validators
        self.accounts: dict[str, Account] = {name: self.cluster.account(name) for name in (*HONEST, CHEAT)}
        self.pending: dict[str, Pending] = {}
        self.certificates: dict[bytes, Certificate] = {}
        self.unclaimed: dict[str, list[Certificate]] = defaultdict(list)
        self.voted: dict[tuple[int, bytes, int], tuple[bytes, bytes]] = {}
        self.reached = set(range(COUNT))
        self.has_traitor = False

    @initialize(has_traitor=st.booleans())
    def choose(self, has_traitor: bool) -> None:
        self.has_traitor = has_traitor

    @property
    def correct(self) -> list[Validator]:
        """Those that keep to the protocol."""
        return self.validators[: COUNT - self.has_traitor]

    # --- What happens

    @rule(payer=people, payee=people, amount=st.integers(1, 300), lost=some_validators)
    def pay(self, payer: str, payee: str, amount: int, lost: set[int]) -> None:
        account = self.accounts[payer]
        if payer not in self.pending and amount + GENESIS.doc.fee_of_send(1) <= account.opening.value:
            draft = self.cluster.draft_send(account, (self.accounts[payee], amount))
            self.pending[payer] = Pending(sign_core(draft.core, account.keys), draft.new_opening)
        self._go_on(payer, lost)

    @rule(name=people, lost=some_validators)
    def receive(self, name: str, lost: set[int]) -> None:
        if name not in self.pending and self.unclaimed[name]:
            self.pending[name] = Pending(*self.cluster.build_receive(self.accounts[name], *self.unclaimed.pop(name)[:16]))
        self._go_on(name, lost)

    @rule(payee=people, amounts=st.lists(st.integers(1, 100), min_size=2, max_size=2, unique=True), first=some_validators, both=some_validators)
    def equivocate(self, payee: str, amounts: list[int], first: set[int], both: set[int]) -> None:
        """Two transitions of one slot: some are asked for the one, the rest for the other, and some for both."""
        cheat = self.accounts[CHEAT]
        if cheat.opening.value < max(amounts) + GENESIS.doc.fee_of_send(1):
            return
        drafts = [self.cluster.draft_send(cheat, (self.accounts[payee], amount)) for amount in amounts]
        rivals = [Pending(sign_core(draft.core, cheat.keys), draft.new_opening) for draft in drafts]
        for index in sorted(self.reached):
            for which in (0, 1) if index in both else (0,) if index in first else (1,):
                self._ask(index, rivals[which])
        for rival in rivals:
            if len(rival.votes) >= QUORUM:
                self._certify(CHEAT, rival)

    @rule(index=validators)
    def crash(self, index: int) -> None:
        self.validators[index] = self.validators[index].restart()

    @rule(reached=some_validators)
    def partition(self, reached: set[int]) -> None:
        self.reached = reached

    @rule()
    def heal(self) -> None:
        self.reached = set(range(COUNT))

    @precondition(lambda self: bool(self.certificates))
    @rule(data=st.data(), index=validators, times=st.integers(1, 2))
    def deliver(self, data: st.DataObject, index: int, times: int) -> None:
        """Any certificate to anybody, in any order, more than once."""
        certificate = self.certificates[data.draw(st.sampled_from(sorted(self.certificates)))]
        for _ in range(times):
            self.validators[index].settle(certificate)

    def _go_on(self, name: str, lost: set[int]) -> None:
        """Ask whoever is reached, with the same bytes as before. Some answers are lost: the vote is cast, and nobody has heard of it."""
        pending = self.pending.get(name)
        if pending is None:
            return
        for index in sorted(self.reached):
            self._ask(index, pending, is_lost=index in lost)
        if len(pending.votes) >= QUORUM:
            self._certify(name, self.pending.pop(name))

    def _ask(self, index: int, pending: Pending, *, is_lost: bool = False) -> None:
        if self.has_traitor and index == TRAITOR:
            pending.votes[index] = Signer(index, vote_by_hand(index, pending.transition).signature)
            return
        answer = self.validators[index].vote(pending.transition)
        if not isinstance(answer, VoteResponse):
            return
        statement = answer.vote.statement
        told = bytes(statement.transition_id), bytes(answer.vote.signature)
        assert self.voted.setdefault((index, statement.sender, statement.sequence), told) == told, "INV-4 or LIV-6: another vote in the same slot"
        if not is_lost:
            pending.votes[index] = Signer(index, answer.vote.signature)

    def _certify(self, name: str, pending: Pending) -> None:
        """With the first quorum of votes; whoever is reached gets it."""
        certificate = Certificate(pending.transition, tuple(pending.votes[index] for index in sorted(pending.votes)[:QUORUM]))
        identified = identify(pending.transition)
        self.certificates[identified.cert_id] = certificate
        core = pending.transition.core
        self.accounts[name].state = AccountState(core.sender, core.sequence + 1, core.new_balance, identified.transition_id)
        self.accounts[name].opening = pending.opening
        for output in core.outputs:
            owner = next(one for one in HONEST if wallet_keys(one).owner == output.owner)
            self.unclaimed[owner].append(certificate)
        for index in sorted(self.reached):
            self.validators[index].settle(certificate)

    # --- What must hold at all times

    @invariant()
    def nobody_mints(self) -> None:
        """INV-1."""
        assert all(validator.machine.ledger.audit_supply() for validator in self.validators)

    @invariant()
    def one_slot_has_one_transition(self) -> None:
        """INV-3, with one traitor."""
        cores = [certificate.transition.core for certificate in self.certificates.values()]
        assert len({(core.sender, core.sequence) for core in cores}) == len(cores)
        assert not any(validator.machine.halted for validator in self.validators)

    @invariant()
    def equal_sets_have_equal_states(self) -> None:
        """INV-9."""
        digests: dict[tuple[str, ...], set[bytes]] = defaultdict(set)
        for validator in self.validators:
            applied = tuple(sorted(key for key in validator.store if key.startswith("c/")))
            digests[applied].add(validator.machine.ledger.compute_digest())
        assert all(len(several) == 1 for several in digests.values())

    @invariant()
    def a_start_changes_nothing(self) -> None:
        """INV-10."""
        for validator in self.correct:
            assert validator.copy().machine.ledger.compute_digest() == validator.machine.ledger.compute_digest()

    @invariant()
    def nobody_is_framed(self) -> None:
        """INV-12."""
        for validator in self.correct:
            for data in validator.evidence().values():
                proof = EQUIVOCATION_PROOF.decode(data)
                assert verify_equivocation(proof, GENESIS)
                if isinstance(proof, ClientEquivocation):
                    assert proof.owner == wallet_keys(CHEAT).owner
                else:
                    assert self.has_traitor
                    assert proof.validator == validator_keys()[TRAITOR].public_key

    @invariant()
    def votes_are_bounded(self) -> None:
        """INV-17."""
        for validator in self.correct:
            ledger = validator.machine.ledger
            assert len(validator.machine.votes.locks) <= ledger.accounts_count + ledger.owners_count

    # --- What comes after the healing

    @override
    def teardown(self) -> None:
        """LIV-1: what honest people have signed is certified. LIV-2: all validators get to one state. INV-2: nothing of the money is missing."""
        self.heal()
        self._spread()
        for name in HONEST:
            self._go_on(name, set())
            assert name not in self.pending, f"what {name} has signed cannot be certified"
        for name in HONEST:
            self.receive(name, set())
        self._spread()
        assert len({validator.machine.ledger.compute_digest() for validator in self.validators}) == 1
        ledger = self.validators[0].machine.ledger
        for name in HONEST:
            assert ledger.account_or_zero(wallet_keys(name).owner) == self.accounts[name].state
        waiting = sum(len(certificates) for certificates in self.unclaimed.values())
        assert ledger.outputs_count == waiting
        if not waiting:
            assert sum(account.opening.value for account in self.accounts.values()) == GENESIS.doc.supply - ledger.globals.fee_pool

    def _spread(self) -> None:
        """Everything to everybody, claims first: what comes too early is parked until its time."""
        for validator in self.validators:
            for certificate in sorted(self.certificates.values(), key=lambda one: (one.transition.core.kind is Kind.SEND, CERTIFICATE.encode(one))):
                validator.settle(certificate)


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=30, stateful_step_count=20, derandomize=True)
