"""The voting machine: one vote a slot whatever comes between, the same bytes for the same request, and limits that never judge a transition."""

from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.effects import Emit, Persist, Reply, Source
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.records import NETWORK_KEY
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.voting import MAX_PROOFS_IN_FLIGHT, MAX_PROOFS_PER_ACCOUNT, MAX_PROOFS_PER_SOURCE
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.events import CertificateApplied, Equivocation, VoteCast, VoteRejected, VoteRequested
from mesh_core.types.messages import AckStatus, ConflictDetail, Ping, Pong, VoteReject, VoteRequest, VoteResponse, encode_message
from mesh_core.types.transition import TRANSITION, Claim, Transition
from tests.cluster import MemoryStore, alter, certify_by_hand, make_genesis, sign_core, start_validator, transition_id_of, validator_keys, wallet_keys
from tests.unit.protocol.forgery import owner_seed, sign_again
from tests.unit.protocol.steps import ask, codes, decide, proof_ids, replies, request
from tests.unit.protocol.world import World

# --- The same request ------------------------------------------------------------------------------------------------------------------------------


def test_same_request_gets_the_same_bytes_and_changes_nothing(world: World) -> None:
    validator = world.validator()
    first = validator.vote(world.send)
    after = validator.state()
    second = validator.vote(world.send)
    assert isinstance(first, VoteResponse)
    assert encode_message(first) == encode_message(second)
    assert validator.state() == after
    assert validator.machine.votes_cast == 1


def test_restart_keeps_the_lock_and_the_bytes(world: World) -> None:
    validator = world.validator()
    first = validator.vote(world.send)
    again = validator.restart()
    assert again.state() == validator.state()
    assert encode_message(again.vote(world.send)) == encode_message(first)
    refused = again.vote(world.rival)
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.CONFLICTS_WITH_VOTE
    assert again.machine.votes_cast == 0


def test_another_valid_signature_on_the_same_transition_is_no_conflict(world: World) -> None:
    """The owner's signature is not under the id: who signs one statement twice has signed one thing."""
    validator = world.validator()
    first = validator.vote(world.send)
    resigned = sign_again(world.send, owner_seed("alice"))
    assert resigned.owner_signature != world.send.owner_signature
    assert encode_message(validator.vote(resigned)) == encode_message(first)
    assert validator.evidence() == {}


def test_vote_is_persisted_before_it_is_answered_and_told(world: World) -> None:
    validator = world.validator()
    ask(validator, world.send)
    effects = validator.machine.on_proof_checked(Hash32(transition_id_of(world.send)), True, 0.0)
    assert [type(effect) for effect in effects] == [Persist, Reply, Emit]
    assert isinstance(effects[2], Emit)
    assert isinstance(effects[2].body, VoteCast)


def test_vote_for_an_applied_slot_is_refused(world: World) -> None:
    """It may have voted for another transition before the certificate came: a vote now would be its second."""
    certificate = certify_by_hand(world.send)
    for voted in ((), (world.send,), (world.rival,)):
        validator = world.validator()
        for transition in voted:
            validator.vote(transition)
        validator.settle(certificate)
        after = validator.state()
        same, other = validator.vote(world.send), validator.vote(world.rival)
        assert isinstance(same, VoteReject)
        assert isinstance(other, VoteReject)
        assert (same.code, other.code) == (ErrorCode.STALE_SEQUENCE, ErrorCode.CONFLICTS_WITH_CERTIFICATE)
        assert validator.state() == after
        assert validator.restart().state() == after


def test_events_of_a_vote_and_of_a_refusal(world: World) -> None:
    validator = world.validator()
    validator.events.clear()
    vote = validator.vote(world.send)
    assert isinstance(vote, VoteResponse)
    owner, send_id, rival_id = world.alice.keys.owner, Hash32(transition_id_of(world.send)), Hash32(transition_id_of(world.rival))
    assert validator.events == [VoteRequested(owner, 1, send_id), VoteCast(vote.vote)]
    validator.events.clear()
    refused = validator.vote(world.rival)
    assert isinstance(refused, VoteReject)
    assert isinstance(refused.detail, ConflictDetail)
    code = ErrorCode.CONFLICTS_WITH_VOTE
    assert validator.events == [VoteRequested(owner, 1, rival_id), Equivocation(refused.detail.proof), VoteRejected(owner, 1, rival_id, code)]


def test_bytes_that_nobody_signed_raise_no_event(world: World) -> None:
    """Else anybody could fill the feed of subscribers with other people's names."""
    validator = world.validator()
    validator.events.clear()
    validator.ask(VoteRequest(1, (), b""))
    validator.vote(replace(world.send, owner_signature=world.rival.owner_signature))
    assert validator.events == []


# --- Two transitions, one slot ---------------------------------------------------------------------------------------------------------------------


def test_two_proofs_in_flight_for_one_slot_give_one_vote(world: World) -> None:
    """Rule 4 passed for both while neither had the vote: it is run again when the proof is checked."""
    for first, second in ((world.send, world.rival), (world.rival, world.send)):
        validator = world.validator()
        assert proof_ids(ask(validator, world.send)) == [transition_id_of(world.send)]
        assert proof_ids(ask(validator, world.rival)) == [transition_id_of(world.rival)]
        assert codes(decide(validator, first)) == [None]
        effects = decide(validator, second)
        assert codes(effects) == [ErrorCode.CONFLICTS_WITH_VOTE]
        assert validator.state()["locks"][world.alice.keys.owner, world.alice.state.sequence].transition_id == transition_id_of(first)
        assert len(validator.evidence()) == 1
        assert validator.machine.votes_cast == 1


def test_bad_proof_of_a_rival_is_still_a_conflict(world: World) -> None:
    """The code is that of the first rule it breaks now, and the owner did sign two transitions: the evidence must not depend on which proof came first."""
    validator = world.validator()
    ask(validator, world.send)
    ask(validator, world.rival)
    decide(validator, world.send)
    assert codes(decide(validator, world.rival, valid=False)) == [ErrorCode.CONFLICTS_WITH_VOTE]
    assert len(validator.evidence()) == 1


def test_bad_proof_gives_no_vote_and_no_lock(world: World) -> None:
    validator = world.validator()
    before = validator.state()
    ask(validator, world.send)
    assert codes(decide(validator, world.send, valid=False)) == [ErrorCode.RANGE_PROOF]
    assert validator.state() == before
    assert isinstance(validator.vote(world.rival), VoteResponse)


@pytest.mark.parametrize("certified", ["send", "rival"])
def test_certificate_applied_while_a_proof_is_in_flight(certified: str, world: World) -> None:
    validator = world.validator()
    ask(validator, world.send)
    transition: Transition = getattr(world, certified)
    assert validator.settle(certify_by_hand(transition)).status is AckStatus.APPLIED
    after = validator.state()
    expected = ErrorCode.STALE_SEQUENCE if certified == "send" else ErrorCode.CONFLICTS_WITH_CERTIFICATE
    assert codes(decide(validator, world.send)) == [expected]
    assert validator.state() == after | {"proofs": 0}
    assert validator.machine.votes_cast == 0


def test_lock_of_one_account_leaves_the_others_alone(world: World) -> None:
    validator = world.validator()
    for transition in (world.send, world.receive, world.claim(world.bob, (world.payout, 1))):
        assert isinstance(validator.vote(transition), VoteResponse)
    assert len(validator.state()["locks"]) == 3


# --- Shared verification, connections, limits ------------------------------------------------------------------------------------------------------


def test_requests_for_one_transition_share_one_verification(world: World) -> None:
    validator = world.validator()
    assert len(proof_ids(ask(validator, world.send, source=1, request_id=11))) == 1
    assert ask(validator, world.send, source=2, request_id=22) == [Emit(VoteRequested(world.alice.keys.owner, 1, Hash32(transition_id_of(world.send))))]
    assert proof_ids(ask(validator, world.send, source=1, request_id=12)) == []
    answers = replies(decide(validator, world.send))
    assert [(source, message.request_id) for source, message in answers if isinstance(message, VoteResponse)] == [(1, 11), (2, 22), (1, 12)]
    assert len({message.vote for _, message in answers if isinstance(message, VoteResponse)}) == 1
    assert validator.machine.proofs_in_flight_count == 0


def test_closed_connection_is_answered_no_more_and_the_others_are(world: World) -> None:
    validator = world.validator()
    ask(validator, world.send, source=1)
    ask(validator, world.send, source=2)
    validator.machine.on_closed(Source(1))
    assert [source for source, _ in replies(decide(validator, world.send))] == [2]
    validator.machine.on_closed(Source(2))


def test_vote_survives_that_everybody_who_asked_has_gone(world: World) -> None:
    validator = world.validator()
    ask(validator, world.send)
    validator.machine.on_closed(Source(1))
    assert replies(decide(validator, world.send)) == []
    assert isinstance(validator.restart().vote(world.send), VoteResponse)


def spam(world: World, number: int) -> Transition:
    """One of many signed transitions of one slot."""
    return alter(world.send, world.alice.keys, self_memo=number.to_bytes(56, "big"))


def test_one_connection_has_so_many_proofs_and_is_then_told_to_retry(world: World) -> None:
    validator = world.validator()
    for number in range(MAX_PROOFS_PER_SOURCE):
        assert replies(ask(validator, world.send, source=1, request_id=number)) == []
    before = validator.state()
    assert codes(ask(validator, world.send, source=1)) == [ErrorCode.BUSY]
    assert validator.state() == before
    # Another connection is served, and so is this one when the proof is checked.
    assert replies(ask(validator, world.send, source=2)) == []
    assert codes(decide(validator, world.send)) == [None] * (MAX_PROOFS_PER_SOURCE + 1)
    assert codes(ask(validator, world.send, source=1)) == [None]
    # Busy is no judgement: nothing is held against the transition.
    assert validator.evidence() == {}


def test_one_account_cannot_fill_the_queue(world: World) -> None:
    """Its owner can sign any number of transitions with made-up proofs, over any number of connections; all others are served meanwhile."""
    validator = world.validator()
    for number in range(MAX_PROOFS_PER_ACCOUNT):
        assert replies(ask(validator, spam(world, number), source=number)) == []
    before = validator.state()
    assert codes(ask(validator, spam(world, 99), source=99)) == [ErrorCode.BUSY]
    assert validator.state() == before
    # To wait for a proof that is being checked anyway is no work.
    assert replies(ask(validator, spam(world, 0), source=99)) == []
    assert replies(ask(validator, world.pay(world.bob, (world.alice, 1)), source=99)) == []
    decide(validator, spam(world, 0), valid=False)
    assert replies(ask(validator, spam(world, 99), source=99)) == []


def test_queue_is_bounded_and_a_full_one_refuses_nothing_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 < MAX_PROOFS_IN_FLIGHT <= 4096
    monkeypatch.setattr("mesh_core.protocol.voting.MAX_PROOFS_IN_FLIGHT", 2)
    validator = world.validator()
    ask(validator, spam(world, 0))
    ask(validator, spam(world, 1))
    assert codes(ask(validator, world.pay(world.bob, (world.alice, 1)))) == [ErrorCode.BUSY]
    # A RECEIVE has no proof and needs no place.
    assert codes(ask(validator, world.receive)) == [None]
    decide(validator, spam(world, 0), valid=False)
    assert replies(ask(validator, world.pay(world.bob, (world.alice, 1)))) == []


def test_gone_connection_gives_its_place_back(world: World) -> None:
    validator = world.validator()
    for number in range(MAX_PROOFS_PER_SOURCE):
        ask(validator, world.send, source=1, request_id=number)
    validator.machine.on_closed(Source(1))
    assert replies(ask(validator, world.send, source=1)) == []


def test_busy_comes_after_all_cheap_rules(world: World) -> None:
    """A limit must not hide a refusal that is for ever: the wallet would retry for ever."""
    validator = world.validator()
    for number in range(MAX_PROOFS_PER_SOURCE):
        ask(validator, world.send, source=1, request_id=number)
    assert codes(ask(validator, alter(world.send, world.alice.keys, fee=0), source=1)) == [ErrorCode.FEE]
    assert codes(ask(validator, world.receive, source=1)) == [None]


# --- Attached certificates -------------------------------------------------------------------------------------------------------------------------


def test_attached_certificates_are_applied_before_the_rules_on_state(world: World) -> None:
    """A validator that is behind catches up by the request itself: rule 5 would have said 0502, rule 6 0601."""
    claim = world.claim(world.carol, (certify_by_hand(world.rival), 0))
    validator = world.validator()
    behind = validator.vote(claim)
    assert isinstance(behind, VoteReject)
    assert behind.code is ErrorCode.UNKNOWN_OUTPUT
    answer = validator.ask(request(claim, certificates=(CERTIFICATE.encode(certify_by_hand(world.rival)),)))
    assert isinstance(answer, VoteResponse)
    assert any(isinstance(event, CertificateApplied) for event in validator.events)
    assert validator.machine.ledger.account_or_zero(world.alice.keys.owner).sequence == 2


def test_attached_certificates_stay_applied_when_the_transition_is_refused(world: World) -> None:
    validator = world.validator()
    answer = validator.ask(request(world.send, certificates=(CERTIFICATE.encode(certify_by_hand(world.rival)),)))
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.CONFLICTS_WITH_CERTIFICATE
    assert answer.next_sequence == 2
    assert validator.restart().state() == validator.state()


def test_attached_certificates_are_read_up_to_the_first_invalid_one(world: World) -> None:
    validator = world.validator()
    good = CERTIFICATE.encode(certify_by_hand(world.rival))
    other = CERTIFICATE.encode(certify_by_hand(world.receive))
    answer = validator.ask(request(world.claim(world.bob, (world.payout, 1)), certificates=(other, b"garbage", good)))
    assert isinstance(answer, VoteResponse)
    ledger = validator.machine.ledger
    assert ledger.account_or_zero(world.carol.keys.owner).sequence == 1
    assert ledger.account_or_zero(world.alice.keys.owner).sequence == 1


def test_bytes_that_nobody_signed_buy_no_certificate_check(world: World) -> None:
    """Rules 1 and 2 stand before the certificates: 16 of them cost 64 signature checks."""
    validator = world.validator()
    before = validator.state()
    good = CERTIFICATE.encode(certify_by_hand(world.rival))
    unsigned = replace(world.send, owner_signature=world.rival.owner_signature)
    for data in (TRANSITION.encode(unsigned), b"", TRANSITION.encode(alter(world.send, world.alice.keys, epoch=1))):
        answer = validator.ask(VoteRequest(1, (good,), data))
        assert isinstance(answer, VoteReject)
        assert validator.state() == before


# --- Restarts and strangers ------------------------------------------------------------------------------------------------------------------------


def test_store_of_another_network_is_refused() -> None:
    genesis, other = make_genesis(), make_genesis(fee_base=2)
    store = start_validator(genesis, validator_keys()[0], MemoryStore()).store
    assert store[NETWORK_KEY] == genesis.network_id
    again = ValidatorMachine(genesis, validator_keys()[0], store, store.journal)
    assert again.initial_effects() == []
    with pytest.raises(LocalFault) as caught:
        ValidatorMachine(other, validator_keys()[0], store, store.journal)
    assert caught.value.code is ErrorCode.STORE_FORMAT


def test_store_of_another_validator_is_refused() -> None:
    """With another member's key the votes in the store would not be its own, and its own would be elsewhere."""
    genesis = make_genesis()
    store = start_validator(genesis, validator_keys()[0], MemoryStore()).store
    with pytest.raises(LocalFault) as caught:
        ValidatorMachine(genesis, validator_keys()[1], store, store.journal)
    assert caught.value.code is ErrorCode.STORE_FORMAT
    assert "belongs to validator" in caught.value.text


def test_messages_that_are_no_requests_are_ignored(world: World) -> None:
    validator = world.validator()
    before = validator.state()
    vote = validator.copy().vote(world.send)
    for message in (Ping(1), Pong(1, 2, Hash32(bytes(32)), 0), vote):
        assert validator.machine.handle(Source(1), message, 0.0) == []
    assert validator.state() == before


def test_transition_in_another_network_with_the_same_keys_is_refused(world: World) -> None:
    """The same people, the same validators, another genesis: nothing that was signed there counts here."""
    other = make_genesis(fee_base=world.genesis.doc.fee_base + 1, fee_per_output=2)
    store = MemoryStore()
    stranger = start_validator(other, validator_keys()[0], store)
    refused = stranger.vote(world.payout.transition)
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.NETWORK
    rewritten = sign_core(replace(world.payout.transition.core, network_id=other.network_id, fee=2 + 3 * 2), world.alice.keys)
    assert identify(rewritten).statement.network_id == other.network_id
    assert stranger.settle(replace(world.payout, transition=rewritten)).status is AckStatus.INVALID


def test_evidence_in_a_refusal_convicts_before_anybody_with_the_genesis(world: World) -> None:
    validator = world.validator()
    validator.vote(world.send)
    refused = validator.vote(world.rival)
    assert isinstance(refused, VoteReject)
    assert isinstance(refused.detail, ConflictDetail)
    assert verify_equivocation(refused.detail.proof, world.genesis)


# --- What undecided votes cost --------------------------------------------------------------------------------------------------------------------


def test_claims_of_what_is_not_there_leave_no_vote(world: World) -> None:
    """INV-17. A RECEIVE needs no account; without rule 6 anybody could leave a lock for each key that it makes up."""
    validator = world.validator()
    bound = validator.machine.ledger.accounts_count + validator.machine.ledger.owners_count
    for number in range(50):
        keys = wallet_keys(f"nobody {number}")
        for core in (world.receive.core, replace(world.receive.core, claims=(Claim(Hash32(bytes([number]) * 32), 0, world.send.core.new_balance),))):
            answer = validator.vote(sign_core(replace(core, sender=keys.owner), keys))
            assert isinstance(answer, VoteReject)
            assert answer.code in (ErrorCode.NOT_OWNER, ErrorCode.UNKNOWN_OUTPUT)
    assert validator.machine.votes.locks == {}
    for transition in (world.receive, world.send, world.claim(world.bob, (world.payout, 1))):
        assert isinstance(validator.vote(transition), VoteResponse)
    assert len(validator.machine.votes.locks) == 3 <= bound
