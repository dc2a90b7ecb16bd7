"""A validator whose disks go wrong: crashes between any two effects, old databases, old or lost journals, compactions. It never votes twice for a slot.

One of the two files is current at any time, as a crash or a careless restore leaves them; where both are gone or the journal is, it is told so. Both old at
once is beyond what any validator can notice (docs/protocol.md, "Vote journal and quarantine"), and no part of this.
"""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mesh_core.protocol.effects import Effect, Emit, Persist, Reply, Source, VerifyProof
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.standing import lift_quarantine
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.events import VoteCast
from mesh_core.types.messages import SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from tests.cluster import MemoryStore, Validator, any_proof_holds, certify_by_hand, start_validator, validator_keys, wallet_keys
from tests.property.test_protocol_voting import GENESIS, OWNERS, SLOTS, TRANSITIONS

OWNER = OWNERS[0]
CRASH = st.sampled_from((None, None, None, None, 0, 1, 2))


class DiskLife(RuleBasedStateMachine):
    """One identity and its two files."""

    def __init__(self) -> None:
        super().__init__()
        self.validator: Validator
        self.proofs: list[Hash32] = []
        self.emitted: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
        self.databases: list[dict[str, bytes]] = []
        self.journals: list[list[bytes]] = []

    @initialize()
    def first_start(self) -> None:
        self.boot(MemoryStore())

    def boot(self, store: MemoryStore, journal: JournalContents | None = None) -> None:
        self.validator = start_validator(GENESIS, validator_keys()[0], store, journal, check_proof=any_proof_holds, knows_its_votes=True)
        self.proofs = []

    def perform(self, effects: list[Effect], crash_after: int | None) -> None:
        for number, effect in enumerate(effects):
            if number == crash_after:
                self.boot(self.validator.store)
                return
            match effect:
                case Persist(records, journal):
                    self.validator.store.persist(records, journal)
                case Reply(_, VoteResponse(_, vote)) | Emit(VoteCast(vote)):
                    self.emitted[vote.statement.sender, vote.statement.sequence].add(vote.statement.transition_id)
                case VerifyProof(transition_id):
                    self.proofs.append(transition_id)
                case _:
                    pass

    def next_slot(self) -> int:
        """The open slot, as far as this validator knows now."""
        return min(self.validator.machine.ledger.account_or_zero(wallet_keys(OWNER).owner).sequence, SLOTS - 1)

    @rule(rival=st.sampled_from((0, 0, 1)), is_checked_at_once=st.sampled_from((True, True, False)), crash=CRASH)
    def request(self, rival: int, is_checked_at_once: bool, crash: int | None) -> None:
        message = VoteRequest(1, (), TRANSITION.encode(TRANSITIONS[OWNER, self.next_slot()][rival]))
        self.perform(self.validator.machine.handle(Source(1), message, 0.0), crash)
        while is_checked_at_once and self.proofs:
            self.verdict(crash)

    @precondition(lambda self: bool(self.proofs))
    @rule(crash=CRASH)
    def verdict(self, crash: int | None) -> None:
        self.perform(self.validator.machine.on_proof_checked(self.proofs.pop(0), True, 0.0), crash)

    @rule(ahead=st.sampled_from((0, 0, 0, 1)), crash=CRASH)
    def certificate(self, ahead: int, crash: int | None) -> None:
        """The others' certificate for a slot. This validator's vote is in it where it has left."""
        slot = min(self.next_slot() + ahead, SLOTS - 1)
        transition = TRANSITIONS[OWNER, slot][0]
        has_voted = identify(transition).transition_id in self.emitted[wallet_keys(OWNER).owner, slot]
        data = CERTIFICATE.encode(certify_by_hand(transition, (0, 1, 2) if has_voted else (1, 2, 3)))
        self.perform(self.validator.machine.handle(Source(1), SettlementCertificate(1, data), 0.0), crash)

    @rule()
    def back_up_database(self) -> None:
        self.databases.append(dict(self.validator.store))

    @rule()
    def back_up_journal(self) -> None:
        self.journals.append(list(self.validator.store.entries))

    @rule()
    def restart(self) -> None:
        self.boot(self.validator.store)

    @precondition(lambda self: bool(self.databases))
    @rule(data=st.data())
    def restore_database(self, data: st.DataObject) -> None:
        self.boot(MemoryStore(data.draw(st.sampled_from(self.databases)), self.validator.store.entries))

    @rule()
    def lose_database(self) -> None:
        store = MemoryStore({}, self.validator.store.entries)
        self.boot(store, JournalContents(JournalCondition.INTACT, tuple(store.entries)))

    @precondition(lambda self: bool(self.journals))
    @rule(data=st.data())
    def restore_journal(self, data: st.DataObject) -> None:
        store = MemoryStore(self.validator.store, data.draw(st.sampled_from(self.journals)))
        self.boot(store, JournalContents(JournalCondition.INTACT, tuple(store.entries)))

    @rule(condition=st.sampled_from([JournalCondition.MISSING, JournalCondition.DAMAGED]), kept=st.integers(0, 3), has_database=st.booleans())
    def lose_journal(self, condition: JournalCondition, kept: int, has_database: bool) -> None:
        entries = tuple(self.validator.store.entries[:kept]) if condition is JournalCondition.DAMAGED else ()
        self.boot(MemoryStore(self.validator.store if has_database else {}), JournalContents(condition, entries))
        assert self.validator.machine.quarantine is not None
        self.databases.clear()
        self.journals.clear()

    @precondition(lambda self: self.validator.machine.quarantine is not None)
    @rule()
    def lift_once_all_is_settled(self) -> None:
        """The operator may, once every vote that ever left is settled here: then none can be contradicted."""
        ledger = self.validator.machine.ledger
        if all(sequence < ledger.account_or_zero(sender).sequence for (sender, sequence), ids in self.emitted.items() if ids):  # type: ignore[arg-type]
            self.validator.store.persist(lift_quarantine(self.validator.store))
            self.boot(self.validator.store)

    @invariant()
    def votes_once(self) -> None:
        assert all(len(ids) <= 1 for ids in self.emitted.values())

    @invariant()
    def files_agree_after_each_start(self) -> None:
        again = self.validator.restart()
        assert again.machine.initial_effects() == []
        assert again.state()["locks"] == self.validator.state()["locks"]
        assert again.machine.quarantine == self.validator.machine.quarantine
        assert not again.machine.halted


TestDiskLife = DiskLife.TestCase
TestDiskLife.settings = settings(max_examples=150, stateful_step_count=25)
