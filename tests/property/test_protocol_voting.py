"""A validator in a long life: rival transitions, proofs that are checked late, certificates, crashes. It never votes twice for a slot, and forgets nothing."""

from collections import defaultdict
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mesh_core.protocol.effects import Effect, Emit, Persist, Reply, Source, VerifyProof
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.events import VoteCast
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Transition
from tests.cluster import Account, Cluster, Validator, certify_by_hand, make_genesis, sign_core

OWNERS = ("alice", "bob")
RIVALS = 3
SLOTS = 4


def make_rivals() -> dict[tuple[str, int], list[Transition]]:
    """For each of the first slots of two accounts, transitions that exclude each other; the first of each continues in the next slot."""
    cluster = Cluster(make_genesis(allocations=dict.fromkeys(OWNERS, 1_000)))
    rivals: dict[tuple[str, int], list[Transition]] = {}
    for name in OWNERS:
        account: Account = cluster.account(name)
        for slot in range(SLOTS):
            drafts = [cluster.draft_send(account, (account, amount)) for amount in range(1, RIVALS + 1)]
            rivals[name, slot] = [sign_core(draft.core, account.keys) for draft in drafts]
            core = drafts[0].core
            head = identify(rivals[name, slot][0]).transition_id
            account.state = replace(account.state, sequence=slot + 1, balance=core.new_balance, head=head)
            account.opening = drafts[0].new_opening
    return rivals


TRANSITIONS = make_rivals()
GENESIS = make_genesis(allocations=dict.fromkeys(OWNERS, 1_000))


class ValidatorLife(RuleBasedStateMachine):
    """One machine. What it says is compared with all that it ever said, and with its disk."""

    def __init__(self) -> None:
        super().__init__()
        self.validator: Validator = Cluster(GENESIS).validators[0]
        self.proofs: list[Hash32] = []
        self.votes: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
        self.signatures: dict[bytes, bytes] = {}
        self.source = 0

    def perform(self, effects: list[Effect], crash_after: int | None = None) -> None:
        """Perform effects in order; a crash comes after so many of them. Whatever leaves must be on the disk already."""
        for number, effect in enumerate(effects):
            if number == crash_after:
                self.crash()
                return
            match effect:
                case Persist(records, journal):
                    self.validator.store.persist(records, journal)
                case Reply(_, VoteResponse(_, vote)) | Emit(VoteCast(vote)):
                    statement = vote.statement
                    self.votes[statement.sender, statement.sequence].add(statement.transition_id)
                    assert self.signatures.setdefault(statement.transition_id, vote.signature) == vote.signature
                    lock = self.validator.restart().machine.votes.lock(statement.sender, statement.sequence)
                    assert lock is not None
                    assert lock.transition_id == statement.transition_id
                case Reply(_, CertAck(_, cert_id, AckStatus.APPLIED)):
                    assert self.validator.store.get(f"c/{cert_id.hex()}") is not None
                case VerifyProof(transition_id):
                    self.proofs.append(transition_id)
                case _:
                    pass

    def crash(self) -> None:
        self.validator = self.validator.restart()
        self.proofs = []

    @rule(name=st.sampled_from(OWNERS), slot=st.integers(0, SLOTS - 1), rival=st.integers(0, RIVALS - 1), crash=st.none() | st.integers(0, 3))
    def request(self, name: str, slot: int, rival: int, crash: int | None) -> None:
        self.source += 1
        message = VoteRequest(self.source, (), TRANSITION.encode(TRANSITIONS[name, slot][rival]))
        self.perform(self.validator.machine.handle(Source(self.source), message, 0.0), crash)

    @precondition(lambda self: bool(self.proofs))
    @rule(data=st.data(), valid=st.sampled_from([True, True, True, False]), crash=st.none() | st.integers(0, 3))
    def verdict(self, data: st.DataObject, valid: bool, crash: int | None) -> None:
        transition_id = data.draw(st.sampled_from(self.proofs))
        self.proofs.remove(transition_id)
        self.perform(self.validator.machine.on_proof_checked(transition_id, valid, 0.0), crash)

    @rule(name=st.sampled_from(OWNERS), slot=st.integers(0, SLOTS - 1), crash=st.none() | st.integers(0, 3))
    def certificate(self, name: str, slot: int, crash: int | None) -> None:
        data = CERTIFICATE.encode(certify_by_hand(TRANSITIONS[name, slot][0]))
        self.perform(self.validator.machine.handle(Source(0), SettlementCertificate(1, data), 0.0), crash)

    @rule()
    def restart(self) -> None:
        self.crash()

    @rule(source=st.integers(0, 30))
    def close(self, source: int) -> None:
        self.validator.machine.on_closed(Source(source))

    @invariant()
    def votes_once(self) -> None:
        assert all(len(ids) == 1 for ids in self.votes.values())

    @invariant()
    def disk_is_memory(self) -> None:
        live, restored = self.validator.state(), self.validator.restart().state()
        for part in ("records", "digest", "globals", "accounts", "outputs", "outputs by owner", "locks", "halted"):
            assert live[part] == restored[part]

    @invariant()
    def money_and_bounds(self) -> None:
        machine = self.validator.machine
        assert machine.ledger.audit_supply()
        assert not machine.halted
        assert machine.proofs_in_flight_count == len(self.proofs)
        assert len(machine.votes.locks) <= machine.ledger.accounts_count + machine.ledger.owners_count

    @invariant()
    def nobody_but_owners_is_accused(self) -> None:
        for data in self.validator.evidence().values():
            assert isinstance(EQUIVOCATION_PROOF.decode(data), ClientEquivocation)


TestValidatorLife = ValidatorLife.TestCase
TestValidatorLife.settings = settings(max_examples=40, stateful_step_count=30)
