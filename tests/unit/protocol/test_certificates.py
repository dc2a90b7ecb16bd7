"""Certificates: what makes one valid, one id whoever signed, applied once and completely, parked until what they depend on is there."""

from dataclasses import replace

import pytest

from mesh_core.crypto import domains
from mesh_core.errors import ErrorCode
from mesh_core.protocol.applying import WOKEN_AT_ONCE
from mesh_core.protocol.certificates import (
    CheckedCertificate,
    InvalidCertificate,
    build_certificate,
    decode_certificate,
    is_signed,
    read_certificate,
    verify_vote,
)
from mesh_core.protocol.effects import Broadcast, Emit, Persist, Reply, Source
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import compute_cert_id, identify
from mesh_core.protocol.parking import ParkingLot
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.events import CertificateApplied, CertificateParked
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate, VoteReject
from mesh_core.types.transition import STATEMENT, Claim
from tests.cluster import Cluster, Validator, alter, cert_id_of, certify_by_hand, make_genesis, sign_core, validator_keys, vote_by_hand
from tests.unit.protocol.forgery import add_order, owner_seed, sign_again
from tests.unit.protocol.world import World


def hand_in(validator: Validator, data: bytes) -> CertAck:
    answer = validator.ask(SettlementCertificate(8, data))
    assert isinstance(answer, CertAck)
    return answer


# --- Validity --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signers", [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)])
def test_any_quorum_makes_the_same_certificate(signers: tuple[int, ...], world: World) -> None:
    """The id is that of the statement: hashing the votes would give one payment as many ids as there are quorums."""
    checked = read_certificate(CERTIFICATE.encode(certify_by_hand(world.send, signers)), world.genesis)
    assert checked.cert_id == cert_id_of(certify_by_hand(world.send))
    assert checked.transition_id == identify(world.send).transition_id
    validator = world.validator()
    hand_in(validator, checked.data)
    other = world.validator()
    other.settle(certify_by_hand(world.send))
    assert validator.machine.ledger.compute_digest() == other.machine.ledger.compute_digest()


def invalid(world: World) -> dict[str, Certificate | bytes]:
    good = certify_by_hand(world.send, (0, 1, 2))
    votes = good.votes
    data = CERTIFICATE.encode(good)
    rival = certify_by_hand(world.rival, (0, 1, 2))
    outside = Signer(4, votes[2].signature)
    owner_as_vote = Signer(2, world.send.owner_signature)
    statement = STATEMENT.encode(identify(world.send).statement)
    other_tag = Signer(2, validator_keys()[2].sign(domains.SIG_OWNER, statement))
    elsewhere = replace(identify(world.send).statement, network_id=Hash32(bytes(32)))
    other_network = Signer(2, validator_keys()[2].sign(domains.SIG_VOTE, STATEMENT.encode(elsewhere)))
    foreign = alter(world.send, world.alice.keys, network_id=Hash32(b"n" * 32))
    later = alter(world.send, world.alice.keys, epoch=1)
    return {
        "nothing": b"",
        "cut off": data[:-1],
        "a byte too many": data + b"\0",
        "version 0": b"\0" + data[1:],
        "two votes": replace(good, votes=votes[:2]),
        "one vote": replace(good, votes=votes[:1]),
        # The encoder writes no list out of order, so these two are bytes.
        "one vote thrice": data[: -3 * 65] + data[-65:] * 3,
        "votes out of order": data[: -3 * 65] + data[-65:] + data[-130:-65] + data[-195:-130],
        "two votes and one twice": data[: -2 * 65] + data[-65:] * 2,
        "five votes": replace(certify_by_hand(world.send, (0, 1, 2, 3)), votes=(*certify_by_hand(world.send, (0, 1, 2, 3)).votes, outside)),
        "a validator that does not exist": replace(good, votes=(*votes[:2], outside)),
        "the last index": replace(good, votes=(*votes[:2], Signer(255, votes[2].signature))),
        "a vote under another's index": replace(good, votes=(*votes[:2], Signer(3, votes[2].signature))),
        "a bit of a vote": replace(good, votes=(*votes[:2], Signer(2, Signature(votes[2].signature[:-1] + bytes((votes[2].signature[-1] ^ 1,)))))),
        "a vote with S + l": replace(good, votes=(*votes[:2], Signer(2, add_order(votes[2].signature)))),
        "a fourth vote that is bad": replace(good, votes=(*votes, Signer(3, Signature(bytes(64))))),
        "the owner's signature for a vote": replace(good, votes=(*votes[:2], owner_as_vote)),
        "a vote under the owner's tag": replace(good, votes=(*votes[:2], other_tag)),
        "a vote in another network": replace(good, votes=(*votes[:2], other_network)),
        "votes for another transition": replace(good, votes=rival.votes),
        "one vote for another transition": replace(good, votes=(*votes[:2], rival.votes[2])),
        "another proof": replace(good, transition=replace(world.send, range_proof=world.rival.range_proof)),
        "no owner's signature": replace(good, transition=replace(world.send, owner_signature=Signature(bytes(64)))),
        "somebody else's signature": replace(good, transition=sign_core(world.send.core, world.bob.keys, world.send.range_proof)),
        "another network": certify_by_hand(foreign),
        "another epoch": certify_by_hand(later),
        "another asset": certify_by_hand(alter(world.send, world.alice.keys, asset_id=b"a" * 32)),
        "a proof of another size": certify_by_hand(sign_core(world.send.core, world.alice.keys, bytes(705))),
        "claims out of order": certify_by_hand(alter(world.receive, world.carol.keys, claims=world.receive.core.claims * 2)),
        "a sender that is no key": certify_by_hand(replace(world.send, core=replace(world.send.core, sender=PublicKey(bytes(32))))),
    }


def test_invalid_certificate_changes_nothing(world: World, subtests: pytest.Subtests) -> None:
    for name, certificate in invalid(world).items():
        with subtests.test(name):
            data = certificate if isinstance(certificate, bytes) else CERTIFICATE.encode(certificate)
            with pytest.raises(InvalidCertificate):
                read_certificate(data, world.genesis)
            validator = world.validator()
            before, records = validator.state(), dict(validator.store)
            validator.events.clear()
            assert hand_in(validator, data) == CertAck(8, ZERO_HASH, AckStatus.INVALID, 0, 0, ())
            assert validator.state() == before
            assert validator.store == records
            assert validator.events == []


def test_swapped_proof_is_another_transition(world: World) -> None:
    """The proof is under the id: nobody can exchange it for garbage inside a certificate."""
    swapped = replace(world.send, range_proof=world.rival.range_proof)
    assert identify(swapped).core_hash == identify(world.send).core_hash
    assert identify(swapped).transition_id != identify(world.send).transition_id
    assert identify(swapped).cert_id != identify(world.send).cert_id


def test_every_field_of_the_statement_is_in_the_cert_id(world: World) -> None:
    statement = identify(world.send).statement
    changed = [
        replace(statement, network_id=Hash32(bytes(32))),
        replace(statement, epoch=1),
        replace(statement, sender=world.bob.keys.owner),
        replace(statement, sequence=2),
        replace(statement, transition_id=Hash32(bytes(32))),
    ]
    assert len({compute_cert_id(statement), *map(compute_cert_id, changed)}) == 6


@pytest.mark.parametrize(("validators", "quorum"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7)])
def test_quorum_of_other_committees(validators: int, quorum: int) -> None:
    cluster = Cluster(make_genesis(validators=validators))
    alice, bob = cluster.account("alice"), cluster.account("bob")
    transition = sign_core(cluster.draft_send(alice, (bob, 1)).core, alice.keys)
    enough = certify_by_hand(transition, tuple(range(validators - quorum, validators)), validators=validators)
    read_certificate(CERTIFICATE.encode(enough), cluster.genesis)
    assert cluster.genesis.committee.quorum_threshold == quorum
    if quorum > 1:
        with pytest.raises(InvalidCertificate):
            read_certificate(CERTIFICATE.encode(replace(enough, votes=enough.votes[1:])), cluster.genesis)


def test_build_certificate_orders_votes_and_leaves_strangers_out(world: World) -> None:
    committee = world.genesis.committee
    votes = {vote.validator: vote.signature for vote in (vote_by_hand(index, world.send) for index in (3, 0, 2))}
    stranger = PublicKey(b"\x66" * 32)
    certificate = build_certificate(world.send, {stranger: Signature(bytes(64)), **votes}, committee)
    assert certificate == certify_by_hand(world.send, (0, 2, 3))
    with pytest.raises(ValueError, match="2 votes, 3 needed"):
        build_certificate(world.send, {stranger: Signature(bytes(64))} | dict(list(votes.items())[:2]), committee)


def test_vote_is_for_one_statement_of_one_member(world: World) -> None:
    committee, statement = world.genesis.committee, identify(world.send).statement
    vote = vote_by_hand(1, world.send)
    assert verify_vote(vote, statement, committee)
    assert not verify_vote(vote, identify(world.rival).statement, committee)
    assert not verify_vote(vote_by_hand(1, world.rival), statement, committee)
    # What a vote says of itself must be what it signs.
    assert not verify_vote(replace(vote, statement=identify(world.rival).statement), statement, committee)
    assert not verify_vote(replace(vote, validator=committee.validators[2]), statement, committee)
    outsider = validator_keys(5)
    stranger = next(index for index, key in enumerate(outsider) if key.public_key not in committee.validators)
    assert not verify_vote(vote_by_hand(stranger, world.send, validators=5), statement, committee)


# --- Application -----------------------------------------------------------------------------------------------------------------------------------


def test_applied_once_whatever_is_sent_again(world: World) -> None:
    certificate = certify_by_hand(world.send)
    validator = world.validator()
    first = validator.settle(certificate)
    assert (first.status, first.next_sequence, first.log_index, first.cert_id) == (AckStatus.APPLIED, 2, len(world.past), cert_id_of(certificate))
    after = validator.state()
    validator.events.clear()
    resigned = replace(certificate, transition=sign_again(world.send, owner_seed("alice")))
    for again in (certificate, certify_by_hand(world.send, (1, 2, 3)), resigned, *world.past):
        ack = validator.settle(again)
        assert ack.status is AckStatus.ALREADY_APPLIED
        assert validator.restart().settle(again) == ack
    assert validator.settle(certificate).log_index == first.log_index
    assert validator.settle(world.payout).log_index == world.past.index(world.payout)
    assert validator.state() == after
    assert validator.events == []


def test_certificate_is_one_batch_before_anything_leaves(world: World) -> None:
    validator = world.validator()
    validator.vote(world.rival)
    effects = validator.machine.handle(Source(1), SettlementCertificate(8, CERTIFICATE.encode(certify_by_hand(world.send))), 0.0)
    assert isinstance(effects[0], Persist)
    assert [type(effect) for effect in effects].count(Persist) == 1
    assert isinstance(effects[-1], Reply)
    assert all(isinstance(effect, Emit | Broadcast) for effect in effects[1:-1])
    # Account, output, certificate, slot, log, globals, the end of the vote, the evidence: all or nothing.
    assert sorted(key[:2] for key, _ in effects[0].records) == ["a/", "c/", "e/", "l/", "m/", "o/", "s/", "v/"]


def test_send_certificate_moves_balance_outputs_and_fee(world: World) -> None:
    validator = world.validator()
    before = validator.machine.ledger.globals
    validator.settle(certify_by_hand(world.send))
    ledger = validator.machine.ledger
    account = ledger.account_or_zero(world.alice.keys.owner)
    assert (account.sequence, account.balance, account.head) == (2, world.send.core.new_balance, identify(world.send).transition_id)
    assert ledger.globals.fee_pool == before.fee_pool + world.send.core.fee
    assert ledger.globals.log_length == before.log_length + 1
    new = [key for key in ledger.outputs_of(world.bob.keys.owner) if key.cert_id == identify(world.send).cert_id]
    assert [key.index for key in new] == [0]
    assert ledger.audit_supply()
    # The recipient's account is as it was: nobody else writes it, so its range proof in flight stays valid.
    assert ledger.account_or_zero(world.bob.keys.owner) == world.bob.state


def test_receive_certificate_takes_the_output_away(world: World) -> None:
    validator = world.validator()
    key = world.receive.core.claims[0].key
    assert validator.machine.ledger.output(key) is not None
    validator.settle(certify_by_hand(world.receive))
    for machine in (validator.machine, validator.restart().machine):
        assert machine.ledger.output(key) is None
        assert machine.ledger.claimed_by(key) == identify(world.receive).cert_id
        assert machine.ledger.outputs_of(world.carol.keys.owner) == []
        assert machine.ledger.account_or_zero(world.carol.keys.owner).sequence == 1
        assert machine.ledger.audit_supply()


def test_certificate_wins_over_the_own_vote(world: World) -> None:
    """That is no fault of the validator; that the owner signed both is evidence against the owner."""
    validator = world.validator()
    validator.vote(world.rival)
    assert validator.settle(certify_by_hand(world.send, (1, 2, 3))).status is AckStatus.APPLIED
    assert len(validator.evidence()) == 1
    assert validator.state()["locks"] == {}
    assert not validator.machine.halted
    plain = world.validator()
    plain.settle(certify_by_hand(world.send))
    assert validator.machine.ledger.compute_digest() == plain.machine.ledger.compute_digest()
    assert plain.evidence() == {}


# --- Parking ---------------------------------------------------------------------------------------------------------------------------------------


def chain_of(cluster: Cluster, length: int) -> list[Certificate]:
    """So many payments of one account, one behind the other."""
    alice, bob = cluster.account("alice"), cluster.account("bob")
    return [cluster.pay_unproven(alice, (bob, 1)) for _ in range(length)]


def test_certificate_ahead_of_its_account_waits_and_is_released(world: World) -> None:
    cluster = Cluster()
    first, second, third = chain_of(cluster, 3)
    validator = cluster.validators[0]
    before = validator.state()
    ack = validator.settle(third)
    assert (ack.status, ack.next_sequence, ack.missing) == (AckStatus.PENDING, 0, ())
    assert validator.state() == before | {"parked": 1}
    assert validator.settle(second).status is AckStatus.PENDING
    assert validator.settle(first).status is AckStatus.APPLIED
    assert validator.machine.parked_count == 0
    assert validator.machine.ledger.globals.log_length == 3
    other = cluster.validators[1]
    for certificate in (first, second, third):
        other.settle(certificate)
    assert other.machine.ledger.compute_digest() == validator.machine.ledger.compute_digest()


def test_claim_waits_for_all_its_certificates(world: World) -> None:
    """Released by one of three, it waits for the others; at the last it is applied."""
    validator = world.cluster.validators[1].copy()
    claim = certify_by_hand(world.claim(world.dave, *((gift, 0) for gift in world.gifts)))
    missing = sorted({one.cert_id for one in claim.transition.core.claims})
    ack = validator.settle(claim)
    assert (ack.status, sorted(ack.missing)) == (AckStatus.PENDING, missing)
    for certificate in world.gifts:
        assert validator.settle(certificate).status is AckStatus.APPLIED
    assert validator.machine.parked_count == 0
    assert validator.machine.ledger.account_or_zero(world.dave.keys.owner).sequence == 1
    assert validator.settle(claim).status is AckStatus.ALREADY_APPLIED


def test_pending_is_told_once_and_asked_again_it_stays_pending() -> None:
    cluster = Cluster()
    _, second = chain_of(cluster, 2)
    validator = cluster.validators[0]
    acks = [validator.settle(second) for _ in range(3)]
    assert {ack.status for ack in acks} == {AckStatus.PENDING}
    assert len([event for event in validator.events if isinstance(event, CertificateParked)]) == 1
    assert validator.machine.parked_count == 1
    # Parked ones live in memory: a restart forgets them, and they come again.
    assert validator.restart().machine.parked_count == 0


def test_chain_of_a_thousand_parked_certificates_is_applied_without_recursion() -> None:
    cluster = Cluster()
    chain = chain_of(cluster, 1_001)
    validator = cluster.validators[0]
    for certificate in reversed(chain[1:]):
        assert validator.settle(certificate).status is AckStatus.PENDING
    assert validator.machine.parked_count == 1_000
    assert validator.settle(chain[0]).status is AckStatus.APPLIED
    assert validator.machine.parked_count == 0
    assert validator.machine.ledger.globals.log_length == 1_001
    assert [event.log_index for event in validator.events if isinstance(event, CertificateApplied)] == list(range(1_001))
    assert validator.machine.ledger.audit_supply()
    assert validator.restart().machine.ledger.compute_digest() == validator.machine.ledger.compute_digest()


def test_of_a_long_chain_that_was_parked_only_some_is_applied_in_one_go() -> None:
    """Whoever hands in a long history backwards must not hold up everybody while all of it is applied at once."""
    cluster = Cluster()
    chain = chain_of(cluster, 3 * WOKEN_AT_ONCE)
    validator = cluster.validators[0]
    for certificate in reversed(chain[1:]):
        validator.settle(certificate)
    assert validator.machine.wake() == []
    effects = validator.machine.handle(Source(1), SettlementCertificate(8, CERTIFICATE.encode(chain[0])), 0.0)
    lengths: list[int] = []
    while effects:
        assert [isinstance(effect, Persist) for effect in effects] == [True] + [False] * (len(effects) - 1)
        lengths.append(validator.machine.ledger.globals.log_length)
        # A crash here: what was applied is there, the rest was never durable, and comes again by sync.
        persist = effects[0]
        assert isinstance(persist, Persist)
        validator.store.persist(persist.records, persist.journal)
        restarted = validator.copy().machine
        assert (restarted.ledger.globals.log_length, restarted.parked_count, restarted.is_waking) == (lengths[-1], 0, False)
        # What waits can be asked for, and handed in again, without an effect.
        if lengths[-1] < len(chain):
            assert validator.machine.take_certificate(CERTIFICATE.encode(chain[-1])).status is AckStatus.PENDING
            assert validator.machine.is_waking
        effects = validator.machine.wake()
    assert lengths == [min(1 + number * WOKEN_AT_ONCE, len(chain)) for number in range(1, 4)]
    assert validator.machine.parked_count == 0


def test_parking_is_bounded_and_evicts_the_oldest() -> None:
    cluster = Cluster()
    chain = chain_of(cluster, 6)
    checked = [read_certificate(CERTIFICATE.encode(certificate), cluster.genesis) for certificate in chain]
    lot = ParkingLot(most=3)
    for one in checked[1:]:
        assert lot.park(one, ((one.core.sender, one.core.sequence - 1),))
    assert len(lot) == 3
    assert lot.release((checked[0].core.sender, 0)) == []
    assert lot.release((checked[0].core.sender, 3)) == [checked[4]]
    assert len(lot) == 2
    by_bytes = ParkingLot(most_bytes=len(checked[1].data) + len(checked[2].data))
    for one in checked[1:4]:
        by_bytes.park(one, (one.cert_id,))
    assert len(by_bytes) == 2
    assert by_bytes.release(checked[1].cert_id) == []
    assert len(by_bytes.release(checked[2].cert_id, checked[3].cert_id)) == 2
    assert len(by_bytes) == 0
    # Evicted ones come again by sync and are parked again.
    validator = cluster.validators[0]
    validator.machine._applying.parking = ParkingLot(most=3)
    for certificate in chain[1:]:
        validator.settle(certificate)
    assert validator.machine.parked_count == 3
    validator.settle(chain[0])
    for certificate in chain:
        validator.settle(certificate)
    assert validator.machine.ledger.globals.log_length == 6


def test_parking_keeps_no_trace_of_what_left() -> None:
    """A certificate that waits for many, and comes and goes: the table of what is waited for must not grow."""
    cluster = Cluster()
    one = read_certificate(CERTIFICATE.encode(chain_of(cluster, 1)[0]), cluster.genesis)
    lot = ParkingLot()
    names = [Hash32(number.to_bytes(32, "big")) for number in range(1_000)]
    for start in range(0, 1_000, 10):
        lot.park(one, tuple(names[start : start + 10]))
        lot.release(*names)
    assert len(lot) == 0
    assert lot._waiting == {}
    assert lot._bytes == 0


def test_claim_of_what_is_parked_itself_waits_for_it(world: World) -> None:
    """SEND 1 before SEND 0, and the claim of SEND 1 before both: any order ends in the same state."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    first = cluster.pay_unproven(alice, (bob, 5))
    second = cluster.pay_unproven(alice, (bob, 6))
    claim = cluster.claim_unproven(bob, first, second)
    validator = cluster.validators[0]
    assert [validator.settle(one).status for one in (claim, second)] == [AckStatus.PENDING, AckStatus.PENDING]
    assert validator.settle(first).status is AckStatus.APPLIED
    assert validator.machine.ledger.globals.log_length == 3
    assert validator.machine.parked_count == 0


def test_output_that_was_claimed_is_not_missing(world: World) -> None:
    """A certificate ahead of its account that claims it once more: nothing that could be sent would help."""
    again = alter(world.claim(world.bob, (world.payout, 0)), world.bob.keys, sequence=2)
    ack = world.validator().settle(certify_by_hand(again))
    assert (ack.status, ack.missing) == (AckStatus.PENDING, ())


def test_what_one_call_wrote_is_not_kept_in_memory_behind_it() -> None:
    """The store shows it by then; kept, it would grow with every certificate and hide the store."""
    cluster = Cluster()
    validator = cluster.validators[0]
    for certificate in chain_of(cluster, 5):
        validator.settle(certificate)
        validator.settle(certificate)
        assert validator.machine._store._written == {}


def test_missing_names_each_absent_certificate_once(world: World) -> None:
    claims = tuple(Claim(Hash32(bytes((name,)) * 32), index, world.receive.core.claims[0].commitment) for name in (1, 2) for index in (0, 1))
    ack = world.validator().settle(certify_by_hand(alter(world.receive, world.carol.keys, claims=claims)))
    assert ack.missing == (Hash32(b"\1" * 32), Hash32(b"\2" * 32))


# --- What repetition costs ------------------------------------------------------------------------------------------------------------------------


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts verifications of certificates from here on."""
    count = [0]

    def counted(checked: CheckedCertificate, genesis: Genesis) -> bool:
        count[0] += 1
        return is_signed(checked, genesis)

    monkeypatch.setattr("mesh_core.protocol.applying.is_signed", counted)
    return count


def test_parked_certificate_that_comes_again_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    _, second, third = chain_of(cluster, 3)
    validator = cluster.validators[0]
    count = count_checks(monkeypatch)
    first_answer = validator.settle(second)
    for _ in range(5):
        assert validator.settle(second) == first_answer
        assert isinstance(validator.vote(third.transition, (CERTIFICATE.encode(second),)), VoteReject)
    assert count == [1]
    assert validator.machine.parked_count == 1


def test_parked_id_with_other_votes_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id of a certificate says nothing of its votes: with another quorum it is verified, with a false one it is INVALID."""
    cluster = Cluster()
    second = chain_of(cluster, 2)[1]
    validator = cluster.validators[0]
    count = count_checks(monkeypatch)
    assert validator.settle(second).status is AckStatus.PENDING
    forged = replace(second, votes=(*second.votes[:2], replace(second.votes[2], signature=second.votes[0].signature)))
    assert validator.settle(forged).status is AckStatus.INVALID
    assert validator.settle(certify_by_hand(second.transition, (0, 1, 2))).status is AckStatus.PENDING
    assert count == [3]
    assert validator.machine.parked_count == 1


def test_work_for_attached_certificates_ends_with_the_first_that_is_not_valid(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that nobody knows can ask for a vote: what it can make a validator do is one failed certificate, and look-ups for those that are applied."""
    validator = world.validator()
    count = count_checks(monkeypatch)
    good = certify_by_hand(world.send)
    forged = CERTIFICATE.encode(replace(good, votes=(*good.votes[:2], replace(good.votes[2], signature=good.votes[0].signature))))
    stranger = sign_core(replace(world.send.core, sender=world.eve.keys.owner), world.eve.keys)
    known = [CERTIFICATE.encode(one) for one in world.past]
    answer = validator.vote(stranger, (*known, forged, *[CERTIFICATE.encode(good)] * (16 - len(known) - 1)))
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.UNKNOWN_ACCOUNT
    assert count == [1]
    # Bytes that their sender has not signed buy not even that.
    assert isinstance(validator.vote(replace(stranger, owner_signature=Signature(bytes(64))), (forged,)), VoteReject)
    assert count == [1]


def test_certificate_that_every_peer_sends_is_decoded_once_and_looked_up_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    chain = chain_of(cluster, 6)
    validator = cluster.validators[0]
    decoded: list[bytes] = []

    def counted(data: bytes, genesis: Genesis) -> CheckedCertificate:
        decoded.append(data)
        return decode_certificate(data, genesis)

    monkeypatch.setattr("mesh_core.protocol.applying.decode_certificate", counted)
    monkeypatch.setattr("mesh_core.protocol.applying.REMEMBERED", 4)
    parked_first = [validator.settle(one).status for one in (chain[1], chain[1], chain[0], chain[1], chain[0])]
    assert parked_first == [AckStatus.PENDING, AckStatus.PENDING, AckStatus.APPLIED, AckStatus.ALREADY_APPLIED, AckStatus.ALREADY_APPLIED]
    assert len(decoded) == 2
    for one in chain[2:]:
        assert validator.settle(one).status is AckStatus.APPLIED
    # The oldest are forgotten, and known all the same.
    assert validator.settle(chain[5]).status is validator.settle(chain[1]).status is AckStatus.ALREADY_APPLIED
    assert len(decoded) == 7
    # What is not valid is not remembered.
    forged = replace(chain[5], votes=(*chain[5].votes[:2], replace(chain[5].votes[2], signature=chain[5].votes[0].signature)))
    fresh = Cluster().validators[0]
    for _ in range(2):
        assert fresh.settle(forged).status is AckStatus.INVALID
    assert len(decoded) == 9
