"""Database and vote journal: what each repairs in the other, and when a validator must not vote."""

from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.effects import Persist, Reply, Source
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.records import EVIDENCE_PREFIX, QUARANTINE_KEY, VOTE_LOCK, VOTE_PREFIX, newest_key, vote_key
from mesh_core.protocol.standing import lift_quarantine
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, JournalCondition, JournalContents, JournalEntry, compare_journal
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation
from mesh_core.types.messages import (
    AccountStateMessage,
    AckStatus,
    CertAck,
    ConflictDetail,
    PongFlag,
    QueryAccount,
    SettlementCertificate,
    VoteReject,
    VoteResponse,
    Want,
)
from mesh_core.types.transition import STATEMENT, TRANSITION, Transition
from tests.cluster import (
    Account,
    Cluster,
    MemoryStore,
    Validator,
    any_proof_holds,
    certify_by_hand,
    make_genesis,
    sign_core,
    start_validator,
    validator_keys,
)
from tests.unit.protocol.steps import ask, codes, request

GENESIS = make_genesis(allocations={"alice": 1_000, "bob": 1_000})
SLOTS = 4


def make_sends(name: str, rivals: int = 2) -> list[list[Transition]]:
    """For each of the first slots of an account, transitions that exclude each other; the first of each continues in the next slot."""
    cluster = Cluster(GENESIS)
    account: Account = cluster.account(name)
    slots = []
    for slot in range(SLOTS):
        drafts = [cluster.draft_send(account, (account, amount)) for amount in range(1, rivals + 1)]
        slots.append([sign_core(draft.core, account.keys) for draft in drafts])
        core, head = drafts[0].core, identify(slots[-1][0]).transition_id
        account.state = replace(account.state, sequence=slot + 1, balance=core.new_balance, head=head)
        account.opening = drafts[0].new_opening
    return slots


SENDS = make_sends("alice")
BOBS = make_sends("bob")


def entry_of(transition: Transition) -> bytes:
    return JOURNAL_ENTRY.encode(JournalEntry(identify(transition).statement, transition.owner_signature))


def start(store: MemoryStore, condition: JournalCondition | None = None, entries: list[bytes] | None = None) -> Validator:
    """A start over this store, with this journal. Proofs are not what this is about."""
    journal = store.journal
    if condition is not None or entries is not None:
        journal = JournalContents(condition or JournalCondition.INTACT, tuple(entries or ()))
    return start_validator(GENESIS, validator_keys()[0], store, journal, check_proof=any_proof_holds, knows_its_votes=True)


def fresh() -> Validator:
    return start(MemoryStore())


def settle(validator: Validator, transition: Transition, signers: tuple[int, ...] = (1, 2, 3)) -> AckStatus:
    return validator.settle(certify_by_hand(transition, signers)).status


def pending(validator: Validator, transition: Transition) -> bytes | None:
    answer = validator.ask(QueryAccount(1, transition.core.sender, Want.PENDING_TRANSITION, bytes(33), 0))
    assert isinstance(answer, AccountStateMessage)
    return answer.pending_transition


def refused(validator: Validator, transition: Transition) -> VoteReject:
    answer = validator.vote(transition)
    assert isinstance(answer, VoteReject), answer
    return answer


# --- One batch ------------------------------------------------------------------------------------------------------------------------------------


def test_vote_goes_into_the_journal_with_its_record_and_before_the_answer() -> None:
    validator = fresh()
    validator.machine.handle(Source(1), request(SENDS[0][0]), 0.0)
    effects = validator.machine.on_proof_checked(identify(SENDS[0][0]).transition_id, True, 0.0)
    assert isinstance(effects[0], Persist)
    assert effects[0].journal == (entry_of(SENDS[0][0]),)
    assert len(effects[0].journal[0]) == 176
    sender = SENDS[0][0].core.sender
    assert [key for key, _ in effects[0].records] == [vote_key(sender, 0), newest_key(sender)]
    assert sum(isinstance(effect, Persist) for effect in effects) == 1
    assert isinstance(effects[1], Reply)


def test_nothing_but_votes_goes_into_the_journal() -> None:
    validator = fresh()
    validator.vote(SENDS[0][0])
    validator.vote(SENDS[0][0])
    refused(validator, SENDS[0][1])
    settle(validator, SENDS[0][0])
    settle(validator, BOBS[0][0])
    assert validator.store.entries == [entry_of(SENDS[0][0])]


# --- What each repairs in the other ---------------------------------------------------------------------------------------------------------------


def test_vote_that_the_database_lost_is_given_again_and_no_other() -> None:
    first = fresh()
    given = first.vote(SENDS[0][0])
    assert isinstance(given, VoteResponse)
    old_database = MemoryStore({}, first.store.entries)
    again = start(old_database)
    assert again.machine.quarantine is None
    # Durable at once: the next start needs no journal for it.
    assert [key for key, _ in old_database.records(VOTE_PREFIX)] == [vote_key(SENDS[0][0].core.sender, 0)]
    conflict = refused(again, SENDS[0][1])
    assert conflict.code is ErrorCode.CONFLICTS_WITH_VOTE
    assert isinstance(conflict.detail, ConflictDetail)
    assert again.vote(SENDS[0][0]) == given
    assert again.machine.votes_cast == 0


def test_bytes_of_a_vote_from_the_journal_are_filled_in_when_the_transition_comes_again() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    assert pending(first, SENDS[0][0]) == TRANSITION.encode(SENDS[0][0])
    again = start(MemoryStore({}, first.store.entries))
    assert pending(again, SENDS[0][0]) is None
    refused(again, SENDS[0][1])
    assert pending(again, SENDS[0][0]) is None
    again.vote(SENDS[0][0])
    assert pending(again, SENDS[0][0]) == TRANSITION.encode(SENDS[0][0])
    assert again.store == start(MemoryStore(again.store, again.store.entries)).store
    assert pending(again.restart(), SENDS[0][0]) == TRANSITION.encode(SENDS[0][0])
    # Once is enough.
    assert not any(isinstance(effect, Persist) for effect in again.machine.handle(Source(1), request(SENDS[0][0]), 0.0))


def test_vote_that_the_journal_lacks_is_appended() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    old_journal = MemoryStore(first.store)
    again = start(old_journal, JournalCondition.INTACT)
    assert again.machine.quarantine is None
    assert old_journal.entries == [entry_of(SENDS[0][0])]
    assert isinstance(again.machine.initial_effects()[0], Persist)
    # And survives the loss of the database from here on.
    assert refused(start(MemoryStore({}, old_journal.entries)), SENDS[0][1]).code is ErrorCode.CONFLICTS_WITH_VOTE


def test_start_with_equal_records_writes_nothing() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    settle(first, BOBS[0][0])
    machine = ValidatorMachine(GENESIS, validator_keys()[0], first.store, first.store.journal)
    assert machine.initial_effects() == []


def test_database_that_lost_certificates_too_signs_nothing_in_slots_that_were_settled() -> None:
    """The journal's newest vote is in slot 2, so 0 and 1 were applied here. The database has forgotten that, and what it voted for in them."""
    first = fresh()
    for slot in range(2):
        first.vote(SENDS[slot][0])
        settle(first, SENDS[slot][0])
    given = first.vote(SENDS[2][0])
    # With and without compaction: the older entries say nothing that the newest does not.
    for entries in (first.store.entries, list(first.machine.compacted_journal())):
        again = start(MemoryStore({}, entries))
        for slot in range(2):
            for rival in SENDS[slot]:
                answer = refused(again, rival)
                assert answer.code is ErrorCode.NOT_VOTING
                assert "catches up" in answer.text
            assert settle(again, SENDS[slot][0]) is AckStatus.APPLIED
        assert refused(again, SENDS[2][1]).code is ErrorCode.CONFLICTS_WITH_VOTE
        assert again.vote(SENDS[2][0]) == given
        assert settle(again, SENDS[2][0]) is AckStatus.APPLIED
        # Here nothing is forgotten, and it votes as ever.
        assert isinstance(again.vote(SENDS[3][0]), VoteResponse)


def test_lost_certificates_of_one_account_leave_the_others_alone() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    settle(first, SENDS[0][0])
    first.vote(SENDS[1][0])
    again = start(MemoryStore({}, first.store.entries))
    assert refused(again, SENDS[0][0]).code is ErrorCode.NOT_VOTING
    assert isinstance(again.vote(BOBS[0][0]), VoteResponse)


def test_compacted_journal_holds_the_newest_vote_of_each_sender_applied_or_not() -> None:
    validator = fresh()
    for slot in range(2):
        validator.vote(SENDS[slot][0])
        settle(validator, SENDS[slot][0])
    validator.vote(BOBS[0][1])
    assert len(validator.store.entries) == 3
    compacted = validator.machine.compacted_journal()
    assert set(compacted) == {entry_of(SENDS[1][0]), entry_of(BOBS[0][1])}
    assert validator.restart().machine.compacted_journal() == compacted
    # Its own vote of long ago in a certificate that its lost database does not have: nothing that it forgot.
    again = start(MemoryStore({}, list(compacted)))
    assert settle(again, SENDS[0][0], (0, 1, 2)) is AckStatus.APPLIED
    assert settle(again, SENDS[1][0], (0, 1, 2)) is AckStatus.APPLIED
    assert again.machine.quarantine is None


def test_journal_of_another_network_is_refused() -> None:
    statement = replace(identify(SENDS[0][0]).statement, network_id=Hash32(bytes(32)))
    foreign = JOURNAL_ENTRY.encode(JournalEntry(statement, SENDS[0][0].owner_signature))
    for entries in ([foreign], [b"short"]):
        with pytest.raises(LocalFault) as caught:
            start(MemoryStore(), JournalCondition.INTACT, entries)
        assert caught.value.code is ErrorCode.STORE_FORMAT


def test_comparison_finds_each_difference() -> None:
    entries = [JOURNAL_ENTRY.decode(entry_of(one)) for one in (SENDS[0][0], SENDS[1][0], SENDS[1][1], BOBS[0][0], BOBS[1][0])]
    alice0, alice1, rival1, bob0, bob1 = entries
    alice, bob = alice0.statement.sender, bob0.statement.sender
    same = compare_journal([alice0, alice1], [alice1], [alice1], lambda owner: 1)
    assert (same.newest, same.lost, same.unwritten, same.contradiction) == ({alice: alice1}, (), (), None)
    lost = compare_journal([alice0, alice1, bob0], [], [], lambda owner: 1)
    assert (lost.newest, lost.lost) == ({alice: alice1, bob: bob0}, (alice1,))
    unwritten = compare_journal([alice0], [alice1, bob1], [], lambda owner: 1)
    assert (unwritten.newest, unwritten.unwritten) == ({alice: alice1, bob: bob1}, (alice1, bob1))
    decided = compare_journal([], [], [alice1], lambda owner: 2)
    assert (decided.newest, decided.lost, decided.unwritten) == ({alice: alice1}, (), (alice1,))
    older = compare_journal([alice1], [alice0], [alice0], lambda owner: 0)
    assert (older.newest, older.lost, older.unwritten) == ({alice: alice1}, (alice1,), ())
    for one in (
        compare_journal([alice1, rival1], [], [], lambda owner: 1),
        compare_journal([alice1], [rival1], [], lambda owner: 1),
        compare_journal([alice1], [], [rival1], lambda owner: 2),
    ):
        assert one.contradiction is not None
        assert "slot 1" in one.contradiction
    assert compare_journal([alice0, alice0, alice1], [alice1], [alice1], lambda owner: 1).contradiction is None
    # What the database holds wins, so that the next start finds no contradiction any more.
    assert compare_journal([alice1], [rival1], [], lambda owner: 1).newest == {alice: rival1}


def test_old_journal_takes_from_the_database_what_it_lacks_of_settled_slots_too() -> None:
    """First the journal is old, later the database is lost: the journal must know by then what the database knew."""
    first = fresh()
    first.vote(SENDS[0][0])
    old_journal = list(first.store.entries)
    settle(first, SENDS[0][0])
    first.vote(SENDS[1][1])
    settle(first, SENDS[1][0])
    second = start(MemoryStore(first.store, old_journal))
    assert second.machine.quarantine is None
    assert second.store.entries == [entry_of(SENDS[1][1])]
    third = start(MemoryStore({}, second.store.entries))
    assert settle(third, SENDS[0][0]) is AckStatus.APPLIED
    assert refused(third, SENDS[1][0]).code is ErrorCode.CONFLICTS_WITH_VOTE


# --- Quarantine -----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [JournalCondition.MISSING, JournalCondition.DAMAGED])
@pytest.mark.parametrize("has_database", [True, False])
def test_journal_that_is_gone_or_damaged_is_quarantine(condition: JournalCondition, has_database: bool) -> None:
    first = fresh()
    given = first.vote(SENDS[0][0])
    settle(first, BOBS[0][0])
    store = MemoryStore(first.store if has_database else {})
    again = start(store, condition)
    assert again.machine.quarantine is not None
    assert store[QUARANTINE_KEY].decode() == again.machine.quarantine
    assert again.machine.flags is PongFlag.QUARANTINE
    before = again.state()
    for transition in (BOBS[1][0],) if has_database else (SENDS[0][0], BOBS[0][0]):
        answer = refused(again, transition)
        assert answer.code is ErrorCode.NOT_VOTING
        assert "quarantine" in answer.text
        assert again.machine.quarantine[:40] in answer.text
        assert again.state() == before
    # What it cast and knows of is repeated; certificates and questions are served.
    if has_database:
        assert again.vote(SENDS[0][0]) == given
    assert settle(again, SENDS[0][0]) is AckStatus.APPLIED
    assert pending(again, SENDS[0][0]) is None
    # It stays, whatever the next start finds.
    later = again.restart()
    assert later.machine.quarantine == again.machine.quarantine


def test_start_with_a_lost_disk_that_died_before_its_quarantine_was_durable_is_in_quarantine_again() -> None:
    """The first start with empty hands makes a new journal and dies. What the second finds looks intact, but was never a validator's."""
    again = start(MemoryStore(), JournalCondition.INTACT, [])
    assert again.machine.quarantine is not None
    assert refused(again, SENDS[0][0]).code is ErrorCode.NOT_VOTING


def test_first_start_beside_records_of_votes_is_no_first_start() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    assert start(MemoryStore(first.store), JournalCondition.FIRST_START).machine.quarantine is not None
    # A first start that died before its mark was taken away has records of no vote: it is still the first.
    assert start(MemoryStore(fresh().store), JournalCondition.FIRST_START).machine.quarantine is None


def test_two_votes_for_one_slot_at_the_start_are_quarantine_and_are_settled_by_it() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    again = start(MemoryStore(first.store), JournalCondition.INTACT, [entry_of(SENDS[0][1])])
    assert again.machine.quarantine is not None
    assert "two votes for slot 0" in again.machine.quarantine
    store = MemoryStore(again.store, again.machine.compacted_journal())
    store.persist(lift_quarantine(store))
    assert start(store).machine.quarantine is None


def test_certificate_with_a_vote_of_ours_that_we_do_not_know_is_quarantine() -> None:
    validator = fresh()
    ack = validator.settle(certify_by_hand(SENDS[0][0], (0, 1, 2)))
    assert ack.status is AckStatus.APPLIED
    assert validator.machine.quarantine is not None
    assert "does not remember" in validator.machine.quarantine
    assert validator.store[QUARANTINE_KEY]
    assert refused(validator, BOBS[0][0]).code is ErrorCode.NOT_VOTING
    assert validator.restart().machine.quarantine == validator.machine.quarantine


def test_quarantine_is_durable_with_the_certificate_that_shows_its_reason() -> None:
    validator = fresh()
    effects = validator.machine.handle(Source(1), SettlementCertificate(8, CERTIFICATE.encode(certify_by_hand(SENDS[0][0], (0, 1, 2)))), 0.0)
    assert isinstance(effects[0], Persist)
    assert QUARANTINE_KEY in dict(effects[0].records)
    assert sum(isinstance(effect, Persist) for effect in effects) == 1


def test_parked_certificate_shows_a_forgotten_vote_too() -> None:
    validator = fresh()
    assert settle(validator, SENDS[1][0], (0, 1, 2)) is AckStatus.PENDING
    assert validator.machine.quarantine is not None


def test_certificate_with_another_vote_of_ours_than_the_one_we_know_is_quarantine() -> None:
    validator = fresh()
    validator.vote(SENDS[0][1])
    assert settle(validator, SENDS[0][0], (1, 2, 3)) is AckStatus.APPLIED
    assert validator.machine.quarantine is None
    other = fresh()
    other.vote(SENDS[0][1])
    assert settle(other, SENDS[0][0], (0, 1, 2)) is AckStatus.APPLIED
    assert other.machine.quarantine is not None


def test_own_votes_in_certificates_are_no_surprise() -> None:
    validator = fresh()
    for slot in range(2):
        validator.vote(SENDS[slot][0])
        certificate = certify_by_hand(SENDS[slot][0], (0, 1, 2))
        for _ in range(2):
            validator.settle(certificate)
        validator = validator.restart()
        assert validator.settle(certificate).status is AckStatus.ALREADY_APPLIED
    assert validator.machine.quarantine is None


def test_invalid_certificate_frames_nobody() -> None:
    """The own index with somebody else's signature: not valid, so no reason for anything."""
    validator = fresh()
    good = certify_by_hand(SENDS[0][0], (1, 2, 3))
    forged = Certificate(good.transition, (replace(good.votes[0], validator_index=0), *good.votes[1:]))
    assert validator.settle(forged).status is AckStatus.INVALID
    assert validator.machine.quarantine is None


def test_folder_restored_as_a_whole_notices_when_it_catches_up() -> None:
    """Database and journal both old: they agree, so the start finds nothing. The certificates that it took part in tell."""
    first = fresh()
    first.vote(SENDS[0][0])
    settle(first, SENDS[0][0], (0, 1, 2))
    backup = MemoryStore(first.store, first.store.entries)
    first.vote(SENDS[1][0])
    restored = start(backup)
    assert restored.machine.quarantine is None
    assert settle(restored, SENDS[1][0], (0, 1, 2)) is AckStatus.APPLIED
    assert restored.machine.quarantine is not None


def test_vote_in_flight_is_not_cast_when_quarantine_begins() -> None:
    validator = fresh()
    ask(validator, BOBS[0][0])
    assert settle(validator, SENDS[0][0], (0, 1, 2)) is AckStatus.APPLIED
    before = validator.state()["locks"]
    effects = validator.perform(validator.machine.on_proof_checked(identify(BOBS[0][0]).transition_id, True, 0.0))
    assert codes(effects) == [ErrorCode.NOT_VOTING]
    assert validator.state()["locks"] == before
    assert validator.machine.votes_cast == 0


def test_attached_certificate_that_shows_a_forgotten_vote_stops_the_very_request() -> None:
    validator = fresh()
    answer = validator.vote(SENDS[1][0], (CERTIFICATE.encode(certify_by_hand(SENDS[0][0], (0, 1, 2))),))
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.NOT_VOTING


def test_quarantine_is_lifted_by_the_operator_alone_and_once_is_enough() -> None:
    replaced = start(MemoryStore(), JournalCondition.MISSING)
    for slot in range(2):
        assert settle(replaced, SENDS[slot][0], (0, 1, 2)) is AckStatus.APPLIED
    assert refused(replaced, SENDS[2][0]).code is ErrorCode.NOT_VOTING
    store = replaced.store
    store.persist(lift_quarantine(store))
    assert QUARANTINE_KEY not in store
    again = start(store)
    assert again.machine.quarantine is None
    assert again.machine.flags == PongFlag(0)
    assert isinstance(again.vote(SENDS[2][0]), VoteResponse)
    assert again.restart().machine.quarantine is None
    assert lift_quarantine(MemoryStore()) == ()


def test_quarantine_outlives_the_loss_of_the_database_and_an_older_one() -> None:
    """It is in both files: whichever is lost while a validator waits for its operator, the other tells."""
    first = fresh()
    first.vote(SENDS[0][0])
    before = MemoryStore(first.store)
    assert settle(first, BOBS[0][0], (0, 1, 2)) is AckStatus.APPLIED
    assert first.machine.quarantine is not None
    for database in (MemoryStore(), before, first.store):
        again = start(MemoryStore(database, first.store.entries))
        assert again.machine.quarantine is not None
        assert again.restart().machine.quarantine == again.machine.quarantine
        assert len(again.machine.compacted_journal()) == 2
    # And whichever is lost after it was lifted, too: an operator who ended one has not ended what a lost database brings.
    first.store.persist(lift_quarantine(first.store))
    ended = start(MemoryStore(first.store, first.store.entries))
    assert ended.machine.quarantine is None
    assert start(MemoryStore({}, ended.store.entries)).machine.quarantine is not None


def test_quarantines_are_counted_so_that_each_is_lifted_by_itself() -> None:
    validator = start(MemoryStore(), JournalCondition.MISSING)
    for slot in range(3):
        assert validator.machine.quarantine is not None
        assert validator.machine.votes.quarantines == slot + 1
        validator.store.persist(lift_quarantine(validator.store))
        validator = validator.restart()
        assert validator.machine.quarantine is None
        assert settle(validator, SENDS[slot][0], (0, 1, 2)) is AckStatus.APPLIED


def test_lifted_quarantine_comes_back_with_another_vote_that_is_not_remembered() -> None:
    replaced = start(MemoryStore(), JournalCondition.MISSING)
    replaced.store.persist(lift_quarantine(replaced.store))
    again = start(replaced.store)
    assert settle(again, BOBS[0][0], (0, 1, 2)) is AckStatus.APPLIED
    assert again.machine.quarantine is not None


def test_applied_slot_is_never_signed_again() -> None:
    """Neither the transition that was certified, for which another vote may have left, nor a rival."""
    for voted in (None, SENDS[0][1], SENDS[0][0]):
        validator = fresh()
        if voted is not None:
            validator.vote(voted)
        cast = validator.machine.votes_cast
        settle(validator, SENDS[0][0])
        assert refused(validator, SENDS[0][0]).code is ErrorCode.STALE_SEQUENCE
        assert refused(validator, SENDS[0][1]).code is ErrorCode.CONFLICTS_WITH_CERTIFICATE
        assert validator.machine.votes_cast == cast


def test_evidence_from_a_vote_that_came_from_the_journal_holds() -> None:
    first = fresh()
    first.vote(SENDS[0][0])
    again = start(MemoryStore({}, first.store.entries))
    refused(again, SENDS[0][1])
    proofs = [EQUIVOCATION_PROOF.decode(data) for _, data in again.store.records(EVIDENCE_PREFIX)]
    assert len(proofs) == 1
    assert isinstance(proofs[0], ClientEquivocation)
    assert proofs[0].owner == SENDS[0][0].core.sender


def test_halted_validator_says_so_before_quarantine_and_shows_both_flags() -> None:
    validator = fresh()
    settle(validator, SENDS[0][0], (1, 2, 3))
    assert settle(validator, SENDS[0][1], (0, 1, 2)) is AckStatus.CONFLICT
    both = PongFlag.HALTED | PongFlag.QUARANTINE
    assert validator.machine.flags == both
    assert "halted" in refused(validator, BOBS[0][0]).text
    assert validator.restart().machine.flags == both


def test_records_of_a_journalled_vote_decode() -> None:
    first = fresh()
    given = first.vote(SENDS[0][0])
    assert isinstance(given, VoteResponse)
    again = start(MemoryStore({}, first.store.entries))
    lock = VOTE_LOCK.decode(again.store[vote_key(SENDS[0][0].core.sender, 0)])
    assert (lock.transition_id, lock.signature, lock.transition) == (given.vote.statement.transition_id, given.vote.signature, b"")
    assert STATEMENT.encode(given.vote.statement) == again.store.entries[0][:112]


def test_ack_of_a_certificate_in_quarantine_is_the_usual_one() -> None:
    validator = start(MemoryStore(), JournalCondition.MISSING)
    ack = validator.settle(certify_by_hand(SENDS[0][0]))
    assert ack == CertAck(8, identify(SENDS[0][0]).cert_id, AckStatus.APPLIED, 1, 0, ())
