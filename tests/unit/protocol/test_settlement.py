"""The wallet's machine: q votes make a certificate whoever else lies, is behind, or says nothing; no slot is given up while a quorum is possible."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product

import pytest

from mesh_core.errors import ErrorCode
from mesh_core.protocol.certificates import read_certificate
from mesh_core.protocol.equivocation import build_client_equivocation, build_validator_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.settlement import (
    AnswerInvalid,
    Ask,
    CertificateFormed,
    CertificatesPushed,
    Delivered,
    FailureReason,
    KeepCertificate,
    Pause,
    RefusalClass,
    SettlementState,
    StateChanged,
    VoteAccepted,
    VoteRefused,
    classify_refusal,
)
from mesh_core.types.basic import ZERO_HASH, Hash32, Signature
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.evidence import ClientEquivocation
from mesh_core.types.messages import (
    AckStatus,
    CertAck,
    ConflictDetail,
    Message,
    NoDetail,
    Pong,
    RejectDetail,
    SettlementCertificate,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import TRANSITION
from tests.cluster import Cluster, Validator, alter, certify_by_hand, make_genesis, sign_core, vote_by_hand
from tests.unit.protocol.settling import History, Settling
from tests.unit.protocol.world import World

VALIDATORS = range(4)


def vote(index: int, world: World) -> VoteResponse:
    return VoteResponse(0, vote_by_hand(index, world.send))


def refusal(world: World, code: ErrorCode, detail: RejectDetail | None = None, next_sequence: int = 1) -> VoteReject:
    """A refusal; one that speaks of a conflict brings the proof that the owner signed two."""
    if detail is None:
        detail = ConflictDetail(conflict(world)) if classify_refusal(code) is RefusalClass.CONFLICT else NoDetail()
    return VoteReject(0, code, identify(world.send).transition_id, next_sequence, detail, "no")


def conflict(world: World) -> ClientEquivocation:
    rival = identify(world.rival)
    return build_client_equivocation(identify(world.send).statement, world.send.owner_signature, rival.transition_id, world.rival.owner_signature)


def ack(world: World, status: AckStatus = AckStatus.APPLIED, next_sequence: int = 2) -> CertAck:
    return CertAck(0, identify(world.send).cert_id, status, next_sequence, 5, ())


def begin(world: World, history: History | None = None, certificate: bytes | None = None) -> Settling:
    return Settling.begin(world.genesis, world.send, history, certificate)


def reals(world: World) -> list[Validator]:
    """The four validators, each with its own key, and the world's past."""
    validators = [validator.copy() for validator in world.cluster.validators]
    for validator in validators[1:]:
        for certificate in world.past:
            validator.settle(certificate)
    return validators


# --- The way to the certificate --------------------------------------------------------------------------------------------------------------------


def test_whole_way_with_four_real_validators(world: World) -> None:
    settling, validators = begin(world), reals(world)
    assert [(ask.validator, ask.message) for ask in settling.asks] == [(index, VoteRequest(0, (), TRANSITION.encode(world.send))) for index in VALIDATORS]
    for index in VALIDATORS:
        settling.ask(index, validators[index])
    for index in VALIDATORS:
        settling.ask(index, validators[index])
    assert settling.states == [SettlementState.VOTING, SettlementState.CERTIFIED, SettlementState.SETTLED, SettlementState.DONE]
    assert settling.asks == []
    assert settling.pauses == []
    assert len({validator.machine.ledger.compute_digest() for validator in validators}) == 1
    assert [report.acks_count for report in settling.reports if isinstance(report, Delivered)] == [1, 2, 3, 4]


@pytest.mark.parametrize("order", list(permutations(VALIDATORS)), ids=str)
def test_third_vote_certifies_in_any_order_and_the_fourth_is_not_waited_for(order: tuple[int, ...], world: World) -> None:
    settling = begin(world)
    for index in order[:2]:
        effects = settling.answer(index, vote(index, world))
        assert [type(effect) for effect in effects] == [VoteAccepted]
    effects = settling.answer(order[2], vote(order[2], world))
    assert [type(effect) for effect in effects] == [VoteAccepted, KeepCertificate, CertificateFormed, StateChanged, Ask, Ask, Ask, Ask]
    assert settling.state() is SettlementState.CERTIFIED
    kept = settling.kept[0]
    checked = read_certificate(kept.certificate, world.genesis)
    assert (checked.cert_id, kept.cert_id) == (identify(world.send).cert_id,) * 2
    assert [signer.validator_index for signer in checked.certificate.votes] == sorted(order[:3])
    # The certificate goes to everybody, also to the one whose vote is missing.
    assert [(ask.validator, ask.message) for ask in settling.asks[1:]] == [(index, SettlementCertificate(0, kept.certificate)) for index in VALIDATORS]
    late = settling.take(settling.machine.on_answer(order[3], vote(order[3], world)))
    assert [type(effect) for effect in late] == [VoteAccepted]
    assert len(settling.kept) == 1
    assert settling.machine.certificate == kept.certificate


Lie = Callable[[int, World], Message | None]
"""What a lying validator answers, given its index; None for nothing."""

LIES: dict[str, Lie] = {
    "silence": lambda index, world: None,
    "another validator's vote": lambda index, world: vote((index + 1) % 4, world),
    "another validator's signature": lambda index, world: VoteResponse(
        0, replace(vote_by_hand(index, world.send), signature=vote_by_hand((index + 1) % 4, world.send).signature)
    ),
    "a forged signature": lambda index, world: VoteResponse(0, replace(vote_by_hand(index, world.send), signature=Signature(bytes(64)))),
    "the owner's signature": lambda index, world: VoteResponse(0, replace(vote_by_hand(index, world.send), signature=world.send.owner_signature)),
    "a vote for the rival": lambda index, world: VoteResponse(0, vote_by_hand(index, world.rival)),
    "the rival's signature on our statement": lambda index, world: VoteResponse(
        0, replace(vote_by_hand(index, world.send), signature=vote_by_hand(index, world.rival).signature)
    ),
    "busy for ever": lambda index, world: refusal(world, ErrorCode.BUSY),
    "another epoch": lambda index, world: refusal(world, ErrorCode.EPOCH),
    "ever behind": lambda index, world: refusal(world, ErrorCode.SEQUENCE_AHEAD, next_sequence=0),
    "behind at the last sequence": lambda index, world: refusal(world, ErrorCode.SEQUENCE_AHEAD, next_sequence=2**64 - 1),
    "refused for ever": lambda index, world: refusal(world, ErrorCode.RANGE_PROOF),
    "settled": lambda index, world: refusal(world, ErrorCode.STALE_SEQUENCE),
    "a conflict without proof": lambda index, world: refusal(world, ErrorCode.CONFLICTS_WITH_VOTE, NoDetail()),
    "an acknowledgement": lambda index, world: ack(world),
    "something else": lambda index, world: Pong(1, 1, Hash32(bytes(32)), 0),
}


@pytest.mark.parametrize("name", LIES)
def test_one_liar_never_stops_three_correct_validators(name: str, world: World) -> None:
    """Every order of answers and every place of the liar, who is asked again as often as the machine likes."""
    for liar, order in product(VALIDATORS, permutations(VALIDATORS)):
        settling = begin(world, History(account=[world.payout]))
        for index in order:
            if index != liar:
                settling.answer(index, vote(index, world))
            else:
                lie_whenever_asked(settling, liar, LIES[name](liar, world))
        assert settling.state() is SettlementState.CERTIFIED
        checked = read_certificate(settling.kept[0].certificate, world.genesis)
        assert [signer.validator_index for signer in checked.certificate.votes] == [index for index in VALIDATORS if index != liar]
        assert not any(isinstance(report, VoteAccepted) and report.validator == liar for report in settling.reports)


def lie_whenever_asked(settling: Settling, liar: int, lie: Message | None) -> None:
    for _ in range(3):
        if not any(ask.validator == liar for ask in settling.asks):
            break
        if lie is None:
            settling.silence(liar)
        else:
            settling.answer(liar, lie)
        if any(pause.validator == liar for pause in settling.pauses):
            settling.retry(liar)


def test_same_vote_twice_counts_once(world: World) -> None:
    settling = begin(world)
    settling.answer(0, vote(0, world))
    for _ in range(5):
        assert settling.machine.on_answer(0, vote(0, world)) == []
    settling.answer(1, vote(1, world))
    assert settling.state() is SettlementState.VOTING
    assert settling.kept == []


def test_vote_that_was_given_cannot_be_taken_back(world: World) -> None:
    """Else two votes and two refusals of the same two validators would end a payment that lacks one more vote."""
    settling = begin(world)
    for index in (0, 1):
        settling.answer(index, vote(index, world))
        for code in (ErrorCode.STALE_SEQUENCE, ErrorCode.RANGE_PROOF, ErrorCode.CONFLICTS_WITH_VOTE):
            assert settling.machine.on_answer(index, refusal(world, code)) == []
    settling.answer(2, vote(2, world))
    assert settling.state() is SettlementState.CERTIFIED


def test_refusal_that_is_followed_by_a_vote_counts_as_a_vote(world: World) -> None:
    settling = begin(world)
    settling.answer(0, refusal(world, ErrorCode.RANGE_PROOF))
    settling.take(settling.machine.on_answer(0, vote(0, world)))
    settling.answer(1, refusal(world, ErrorCode.RANGE_PROOF))
    assert settling.state() is SettlementState.VOTING
    settling.answer(2, vote(2, world))
    settling.answer(3, vote(3, world))
    assert settling.state() is SettlementState.CERTIFIED


# --- Retries ---------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [ErrorCode.BUSY, ErrorCode.NOT_VOTING, ErrorCode.INTERNAL, ErrorCode.TOO_LARGE, ErrorCode.EPOCH])
def test_busy_validator_is_asked_again_with_the_same_bytes(code: ErrorCode, world: World) -> None:
    settling = begin(world)
    first = next(ask.message for ask in settling.asks if ask.validator == 2)
    for attempt in (1, 2, 3):
        effects = settling.answer(2, refusal(world, code))
        assert [type(effect) for effect in effects] == [VoteRefused, Pause]
        assert settling.pauses[-1] == Pause(2, attempt)
        assert settling.retry(2) == [Ask(2, first)]
    settling.answer(2, vote(2, world))
    assert settling.state() is SettlementState.VOTING


def test_silence_is_followed_by_the_same_bytes_for_ever(world: World) -> None:
    settling = begin(world)
    first = settling.asks[0].message
    for attempt in range(1, 50):
        assert settling.silence(0) == [Pause(0, attempt)]
        assert settling.retry(0) == [Ask(0, first)]
    assert settling.state() is SettlementState.VOTING


def test_pause_from_before_the_certificate_does_not_double_the_requests(world: World) -> None:
    """The certificate goes to everybody at once, also to a validator in a pause; when that pause ends, nothing more is sent."""
    settling = begin(world)
    settling.answer(3, refusal(world, ErrorCode.BUSY))
    for index in (0, 1, 2):
        settling.answer(index, vote(index, world))
    assert [ask.validator for ask in settling.asks] == [0, 1, 2, 3]
    assert settling.retry(3) == []
    assert settling.silence(3) == [Pause(3, 1)]
    assert settling.retry(3) == [Ask(3, SettlementCertificate(0, settling.kept[0].certificate))]
    assert settling.machine.on_retry(3) == []


def test_lost_vote_request_is_not_repeated_once_there_is_a_certificate(world: World) -> None:
    settling = begin(world)
    request = settling.asks[3].message
    for index in (0, 1, 2):
        settling.answer(index, vote(index, world))
    assert settling.machine.on_silence(3, request) == []
    assert settling.machine.on_answer(3, refusal(world, ErrorCode.BUSY)) == []


# --- A validator that is behind --------------------------------------------------------------------------------------------------------------------


def test_validator_that_is_behind_gets_certificates_and_then_votes(world: World) -> None:
    """Its vote is the third: without it there is no certificate."""
    validators = reals(world)
    fresh = world.cluster.validators[3].copy()
    settling = begin(world, History(account=[world.payout]))
    for index in (0, 1):
        settling.ask(index, validators[index])
    refused = settling.ask(3, fresh)
    assert isinstance(refused, VoteReject)
    assert (refused.code, refused.next_sequence) == (ErrorCode.SEQUENCE_AHEAD, 0)
    assert CertificatesPushed(3, 1) in settling.reports
    assert isinstance(settling.asks[-1].message, SettlementCertificate)
    assert isinstance(settling.ask(3, fresh), CertAck)
    assert isinstance(settling.ask(3, fresh), VoteResponse)
    assert settling.state() is SettlementState.CERTIFIED


def test_only_what_is_lacking_is_pushed_in_the_order_of_the_account(world: World) -> None:
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    past = [cluster.pay_unproven(alice, (bob, 1)) for _ in range(4)]
    transition = sign_core(cluster.draft_send(alice, (bob, 1)).core, alice.keys)
    settling = Settling.begin(cluster.genesis, transition, History(account=past))
    for certificate in past[:2]:
        cluster.validators[1].settle(certificate)
    settling.ask(1, cluster.validators[1])
    assert CertificatesPushed(1, 2) in settling.reports
    pushed = []
    while isinstance(settling.asks[-1].message, SettlementCertificate):
        pushed.append(settling.asks[-1].message.certificate)
        settling.ask(1, cluster.validators[1])
    assert pushed == [CERTIFICATE.encode(certificate) for certificate in past[2:]]
    assert isinstance(settling.asks[-1].message, VoteRequest)


def test_claimed_certificates_are_attached_and_pushed(world: World) -> None:
    """They stand in the request already; a validator that lacks more than these gets the account's own, too."""
    claim = world.receive
    settling = Settling.begin(world.genesis, claim, History(claimed=[world.payout]))
    assert settling.asks[0].message == VoteRequest(0, (CERTIFICATE.encode(world.payout),), TRANSITION.encode(claim))
    fresh = world.cluster.validators[2].copy()
    assert isinstance(settling.ask(2, fresh), VoteResponse)


def test_certificate_forms_while_another_validator_is_being_helped(world: World) -> None:
    validators = reals(world)
    fresh = world.cluster.validators[3].copy()
    settling = begin(world, History(account=[world.payout]))
    settling.ask(3, fresh)
    for index in (0, 1, 2):
        settling.ask(index, validators[index])
    assert settling.state() is SettlementState.CERTIFIED
    # What it lacks comes first, the certificate after it: one request at a time.
    assert [ask.message for ask in settling.asks if ask.validator == 3] == [SettlementCertificate(0, CERTIFICATE.encode(world.payout))]
    settling.ask(3, fresh)
    last = settling.ask(3, fresh)
    assert isinstance(last, CertAck)
    assert last.status is AckStatus.APPLIED
    assert settling.machine.acks_count == 1


def test_validator_that_needs_the_certificates_for_the_certificate_gets_them(world: World) -> None:
    fresh = world.cluster.validators[3].copy()
    settling = begin(world, History(account=[world.payout]), CERTIFICATE.encode(certify_by_hand(world.send)))
    first = settling.ask(3, fresh)
    assert isinstance(first, CertAck)
    assert first.status is AckStatus.PENDING
    for _ in range(2):
        settling.ask(3, fresh)
    assert settling.machine.acks_count == 1


def test_helping_is_tried_once_and_again_after_a_silence(world: World) -> None:
    """A validator that lacks what this wallet does not have is its peers' to help; one that was restarted may have lost everything."""
    settling = begin(world, History(account=[world.payout]))
    behind = refusal(world, ErrorCode.SEQUENCE_AHEAD, next_sequence=0)
    assert [type(effect) for effect in settling.answer(0, behind)] == [VoteRefused, CertificatesPushed, Ask]
    settling.answer(0, ack(world, AckStatus.PENDING))
    assert [type(effect) for effect in settling.answer(0, behind)] == [VoteRefused, Pause]
    settling.retry(0)
    settling.silence(0)
    settling.retry(0)
    assert [type(effect) for effect in settling.answer(0, behind)] == [VoteRefused, CertificatesPushed, Ask]
    # Nothing at hand: only patience is left.
    empty = begin(world)
    assert [type(effect) for effect in empty.answer(0, behind)] == [VoteRefused, Pause]


# --- Giving up -------------------------------------------------------------------------------------------------------------------------------------

FINAL = [code for code in ErrorCode if code < 0x1000 and classify_refusal(code) in (RefusalClass.PERMANENT, RefusalClass.STALE, RefusalClass.CONFLICT)]


def test_every_code_has_its_class() -> None:
    """The table of the specification, code by code."""
    permanent = [0x0101, 0x0102, 0x0103, 0x0104, 0x0106, 0x0107, 0x0108, 0x0109, 0x0201, 0x0202, 0x0603, 0x0604, 0x0701, 0x0702, 0x0703, 0x0704, 0x0801, 0x0901]
    expected = {
        RefusalClass.PERMANENT: permanent,
        RefusalClass.EPOCH: [0x0105],
        RefusalClass.BEHIND: [0x0301, 0x0502, 0x0601],
        RefusalClass.STALE: [0x0501, 0x0503, 0x0602],
        RefusalClass.CONFLICT: [0x0401, 0x0402],
        RefusalClass.RETRY: [0x0A01, 0x0A02, 0x0A03, 0x0A04],
    }
    found = {kind: [int(code) for code in ErrorCode if code < 0x1000 and classify_refusal(code) is kind] for kind in RefusalClass}
    assert found == expected


SETTLED = (ErrorCode.STALE_SEQUENCE, ErrorCode.PREV_MISMATCH, ErrorCode.ALREADY_CLAIMED, ErrorCode.CONFLICTS_WITH_CERTIFICATE)


@pytest.mark.parametrize("code", FINAL, ids=lambda code: f"{code:04x}")
def test_one_refusal_that_counts_is_not_the_end_and_two_or_three_are(code: ErrorCode, world: World) -> None:
    """Two where the slot may be taken, and a quorum where the transition itself is refused: only then can never be a quorum for it."""
    for first, second, third in permutations(VALIDATORS, 3):
        settling = begin(world)
        effects = settling.answer(first, refusal(world, code))
        assert [type(effect) for effect in effects] == [VoteRefused]
        assert settling.state() is SettlementState.VOTING
        settling.answer(second, refusal(world, code))
        expected = FailureReason.SUPERSEDED if code in SETTLED else FailureReason.LOCKED if code >> 8 == 4 else FailureReason.STUCK
        if expected is FailureReason.STUCK:
            assert settling.state() is SettlementState.VOTING
            settling.answer(third, refusal(world, code))
            assert settling.machine.refusals == {first: code, second: code, third: code}
        assert settling.state() is SettlementState.FAILED
        assert settling.reports[-1] == StateChanged(SettlementState.FAILED, expected)
        assert settling.machine.failure is expected


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        # Two that say "settled" cannot both lie.
        ((ErrorCode.CONFLICTS_WITH_CERTIFICATE, ErrorCode.STALE_SEQUENCE), FailureReason.SUPERSEDED),
        # One may lie about that, but nobody can invent the owner's second signature.
        ((ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.STALE_SEQUENCE), FailureReason.LOCKED),
        ((ErrorCode.CONFLICTS_WITH_CERTIFICATE, ErrorCode.CONFLICTS_WITH_VOTE), FailureReason.LOCKED),
        ((ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.FEE), FailureReason.LOCKED),
        ((ErrorCode.FEE, ErrorCode.STALE_SEQUENCE), FailureReason.SUPERSEDED),
        # The others may vote, and these two may not be both correct.
        ((ErrorCode.FEE, ErrorCode.RANGE_PROOF), None),
        ((ErrorCode.FEE, ErrorCode.RANGE_PROOF, ErrorCode.POINT), FailureReason.STUCK),
        ((ErrorCode.FEE, ErrorCode.RANGE_PROOF, ErrorCode.CONFLICTS_WITH_VOTE), FailureReason.LOCKED),
    ],
)
def test_reason_is_what_is_best_established(codes: tuple[ErrorCode, ...], reason: FailureReason | None, world: World) -> None:
    for order in permutations(codes):
        settling = begin(world)
        for index, code in enumerate(order):
            settling.answer(index, refusal(world, code))
        assert settling.machine.failure is reason


def test_larger_committee_gives_up_at_a_quorum_of_refusals() -> None:
    """n = 7, f = 2, q = 5: two may lie."""
    cluster = Cluster(make_genesis(validators=7))
    alice, bob = cluster.account("alice"), cluster.account("bob")
    transition = sign_core(cluster.draft_send(alice, (bob, 1)).core, alice.keys)
    settling = Settling.begin(cluster.genesis, transition)
    no = VoteReject(0, ErrorCode.FEE, ZERO_HASH, 0, NoDetail(), "")
    for index in range(4):
        settling.answer(index, no)
    assert settling.state() is SettlementState.VOTING
    settling.answer(4, no)
    assert settling.machine.failure is FailureReason.STUCK


def test_failed_settlement_asks_nobody_any_more(world: World) -> None:
    settling = begin(world, History(account=[world.payout]))
    for index in (0, 1, 2):
        settling.answer(index, refusal(world, ErrorCode.FEE))
    assert settling.state() is SettlementState.FAILED
    for index in VALIDATORS:
        for message in (vote(index, world), refusal(world, ErrorCode.SEQUENCE_AHEAD, next_sequence=0), refusal(world, ErrorCode.BUSY), ack(world)):
            assert settling.machine.on_answer(index, message) == []
        assert settling.machine.on_retry(index) == []
        assert settling.machine.on_silence(index, settling.asks[0].message) == []


def false_conflicts(world: World) -> dict[str, RejectDetail]:
    true = conflict(world)
    rival, third = identify(world.rival), identify(alter(world.send, world.alice.keys, self_memo=bytes(56)))
    third_signature = third.transition.owner_signature
    elsewhere = alter(world.send, world.alice.keys, sequence=9), alter(world.rival, world.alice.keys, sequence=9)
    other_slot = build_client_equivocation(
        identify(elsewhere[0]).statement, elsewhere[0].owner_signature, identify(elsewhere[1]).transition_id, elsewhere[1].owner_signature
    )
    return {
        "no proof": NoDetail(),
        "forged signatures": ConflictDetail(replace(true, signature_a=Signature(bytes(64)), signature_b=Signature(bytes(64)))),
        "signatures swapped": ConflictDetail(replace(true, signature_a=true.signature_b, signature_b=true.signature_a)),
        "another slot of ours": ConflictDetail(other_slot),
        "two rivals, not us": ConflictDetail(build_client_equivocation(rival.statement, world.rival.owner_signature, third.transition_id, third_signature)),
        "a proof against a validator": ConflictDetail(
            build_validator_equivocation(vote_by_hand(0, world.send), rival.transition_id, vote_by_hand(0, world.rival).signature)
        ),
        "another network": ConflictDetail(replace(true, network_id=Hash32(bytes(32)))),
    }


def test_conflict_without_a_valid_proof_counts_for_nothing(world: World, subtests: pytest.Subtests) -> None:
    for name, detail in false_conflicts(world).items():
        for code in (ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.CONFLICTS_WITH_CERTIFICATE):
            with subtests.test(name, code=code):
                settling = begin(world)
                for index in VALIDATORS:
                    effects = settling.answer(index, refusal(world, code, detail))
                    assert [type(effect) for effect in effects] == [AnswerInvalid, Pause]
                assert settling.state() is SettlementState.VOTING


def test_conflict_with_its_proof_is_reported_and_three_votes_still_certify(world: World) -> None:
    settling = begin(world)
    settling.answer(0, refusal(world, ErrorCode.CONFLICTS_WITH_VOTE))
    assert settling.reports[-1] == VoteRefused(0, ErrorCode.CONFLICTS_WITH_VOTE, "no", RefusalClass.CONFLICT, conflict(world))
    for index in (1, 2, 3):
        settling.answer(index, vote(index, world))
    assert settling.state() is SettlementState.CERTIFIED


def test_split_slot_is_locked(world: World) -> None:
    """An owner that signs two transitions, and validators that split over them: the machine sees it from real answers."""
    validators = reals(world)
    for index in (0, 1):
        validators[index].vote(world.rival)
    settling = begin(world)
    for index in VALIDATORS:
        settling.ask(index, validators[index])
    assert settling.machine.failure is FailureReason.LOCKED


def test_settled_by_somebody_else_who_had_our_bytes(world: World) -> None:
    """Whoever has the signed transition can gather the votes. Then the validators say "settled", and the slot's certificate says: by this very one."""
    validators = reals(world)
    for index in (0, 1, 2):
        validators[index].settle(certify_by_hand(world.send, (0, 1, 3)))
    settling = begin(world)
    answers = [settling.ask(index, validators[index]) for index in (0, 1)]
    assert [answer.code for answer in answers if isinstance(answer, VoteReject)] == [ErrorCode.STALE_SEQUENCE] * 2
    assert settling.machine.failure is FailureReason.SUPERSEDED


# --- Delivery --------------------------------------------------------------------------------------------------------------------------------------


def test_resumed_with_its_certificate_nobody_is_asked_for_a_vote(world: World) -> None:
    data = CERTIFICATE.encode(certify_by_hand(world.send))
    settling = begin(world, certificate=data)
    assert settling.states == [SettlementState.CERTIFIED]
    assert settling.kept == []
    assert [(ask.validator, ask.message) for ask in settling.asks] == [(index, SettlementCertificate(0, data)) for index in VALIDATORS]
    for index, state in zip((3, 1, 0, 2), ("CERTIFIED", "CERTIFIED", "SETTLED", "DONE"), strict=True):
        settling.answer(index, ack(world, AckStatus.ALREADY_APPLIED))
        assert settling.state().name == state


@pytest.mark.parametrize("order", list(permutations(VALIDATORS)), ids=str)
def test_third_acknowledgement_settles_and_the_fourth_is_done(order: tuple[int, ...], world: World) -> None:
    settling = begin(world, certificate=CERTIFICATE.encode(certify_by_hand(world.send)))
    for index in order:
        settling.answer(index, ack(world))
    assert settling.states == [SettlementState.CERTIFIED, SettlementState.SETTLED, SettlementState.DONE]


def test_what_is_no_acknowledgement_does_not_count(world: World) -> None:
    """Another certificate's, PENDING, INVALID, CONFLICT, and the same one twice."""
    settling = begin(world, certificate=CERTIFICATE.encode(certify_by_hand(world.send)))
    others = [
        replace(ack(world), cert_id=identify(world.rival).cert_id),
        replace(ack(world), cert_id=ZERO_HASH),
        ack(world, AckStatus.PENDING),
        replace(ack(world, AckStatus.INVALID), cert_id=ZERO_HASH),
        ack(world, AckStatus.CONFLICT),
    ]
    for index in VALIDATORS:
        for other in others:
            settling.answer(index, other)
            settling.retry(index)
    assert settling.machine.acks_count == 0
    assert settling.state() is SettlementState.CERTIFIED
    for _ in range(3):
        settling.take(settling.machine.on_answer(0, ack(world)))
    assert settling.machine.acks_count == 1
    # Whoever has acknowledged is left alone.
    assert settling.machine.on_retry(0) == []


def test_silent_validator_gets_the_certificate_when_it_comes_back(world: World) -> None:
    validators = reals(world)
    settling = begin(world, certificate=CERTIFICATE.encode(certify_by_hand(world.send)))
    for index in (0, 1, 2):
        settling.ask(index, validators[index])
    assert settling.state() is SettlementState.SETTLED
    for attempt in (1, 2, 3):
        assert settling.silence(3) == [Pause(3, attempt)]
        settling.retry(3)
    settling.ask(3, validators[3])
    assert settling.state() is SettlementState.DONE
    assert len({validator.machine.ledger.compute_digest() for validator in validators}) == 1
