"""Evidence: two signatures of one key on one slot convict before anybody who holds the genesis document, and nothing else does."""

import subprocess
import sys
from dataclasses import replace

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode
from mesh_core.protocol.effects import Broadcast, Effect, Persist, Source
from mesh_core.protocol.equivocation import (
    build_accountability_report,
    build_client_equivocation,
    build_validator_equivocation,
    verify_equivocation,
)
from mesh_core.protocol.evidence_book import MAX_EVIDENCE_PER_OFFENDER
from mesh_core.protocol.genesis import Genesis, read_genesis
from mesh_core.protocol.identifiers import compute_proof_id, identify
from mesh_core.protocol.records import HALTED_KEY, conflict_key
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.events import Equivocation, SafetyAlarm
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof, ValidatorEquivocation
from mesh_core.types.genesis import GENESIS_DOC
from mesh_core.types.messages import AckStatus, ConflictDetail, Evidence, PongFlag, SettlementCertificate, VoteReject
from mesh_core.types.transition import STATEMENT, Statement, Transition
from tests.cluster import Validator, alter, cert_id_of, certify_by_hand, make_genesis, sign_core, transition_id_of, validator_keys, vote_by_hand
from tests.unit.protocol.forgery import owner_seed, sign_again
from tests.unit.protocol.steps import ask, codes, decide, request
from tests.unit.protocol.world import World


def fresh_genesis(world: World) -> Genesis:
    """What a third party has: the document's bytes, and nothing of this process."""
    return read_genesis(GENESIS_DOC.encode(world.genesis.doc))


def client_proof(first: Transition, second: Transition) -> ClientEquivocation:
    return build_client_equivocation(identify(first).statement, first.owner_signature, identify(second).transition_id, second.owner_signature)


def validator_proof(index: int, first: Transition, second: Transition) -> ValidatorEquivocation:
    return build_validator_equivocation(vote_by_hand(index, first), identify(second).transition_id, vote_by_hand(index, second).signature)


def both_proofs(world: World) -> list[EquivocationProof]:
    return [client_proof(world.send, world.rival), validator_proof(2, world.send, world.rival)]


# --- The proofs ------------------------------------------------------------------------------------------------------------------------------------


def test_refused_rival_yields_a_proof_that_verifies_from_its_bytes_and_the_genesis_alone(world: World) -> None:
    validator = world.validator()
    validator.vote(world.send)
    refused = validator.vote(world.rival)
    assert isinstance(refused, VoteReject)
    assert isinstance(refused.detail, ConflictDetail)
    data = EQUIVOCATION_PROOF.encode(refused.detail.proof)
    assert len(data) == 273
    proof = EQUIVOCATION_PROOF.decode(data)
    assert verify_equivocation(proof, fresh_genesis(world))
    assert proof == client_proof(world.send, world.rival)
    assert list(validator.evidence().values()) == [data]
    # A settled slot gives the same proof, and so does the other order of events.
    for trial in ((world.rival, world.send), (world.send, world.rival)):
        later = world.validator()
        later.settle(certify_by_hand(trial[0]))
        again = later.vote(trial[1])
        assert isinstance(again, VoteReject)
        assert isinstance(again.detail, ConflictDetail)
        assert EQUIVOCATION_PROOF.encode(again.detail.proof) == data


def test_proofs_are_canonical_and_have_their_sizes(world: World) -> None:
    for proof, size in zip(both_proofs(world), (273, 305), strict=True):
        assert proof.id_a < proof.id_b
        assert len(EQUIVOCATION_PROOF.encode(proof)) == size
        assert verify_equivocation(proof, fresh_genesis(world))
    assert client_proof(world.send, world.rival) == client_proof(world.rival, world.send)
    assert validator_proof(1, world.send, world.rival) == validator_proof(1, world.rival, world.send)
    assert len({compute_proof_id(proof) for proof in (*both_proofs(world), validator_proof(1, world.send, world.rival))}) == 3


STRANGER = """
import sys
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import read_genesis
from mesh_core.types.evidence import EQUIVOCATION_PROOF
document, *proofs = [bytes.fromhex(line) for line in sys.stdin.read().split()]
print([verify_equivocation(EQUIVOCATION_PROOF.decode(proof), read_genesis(document)) for proof in proofs])
"""


def test_somebody_with_the_genesis_and_the_bytes_alone_can_check_them(world: World) -> None:
    """A process of its own: nothing of this one's memory helps it."""
    proofs = [EQUIVOCATION_PROOF.encode(proof) for proof in both_proofs(world)]
    lines = [GENESIS_DOC.encode(world.genesis.doc), *proofs, *(flip(proof, len(proof) - 1) for proof in proofs)]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER], input="\n".join(line.hex() for line in lines), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[True, True, False, False]"


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_any_changed_byte_spoils_a_proof(world: World) -> None:
    genesis = fresh_genesis(world)
    for proof in both_proofs(world):
        data = EQUIVOCATION_PROOF.encode(proof)
        for at in range(1, len(data)):
            assert not verify_equivocation(EQUIVOCATION_PROOF.decode(flip(data, at)), genesis), at


def test_proofs_that_convict_nobody(world: World) -> None:
    genesis = fresh_genesis(world)
    client, validator = client_proof(world.send, world.rival), validator_proof(2, world.send, world.rival)
    resigned = sign_again(world.send, owner_seed("alice"))
    outsider_keys = validator_keys(5)
    outsider = next(index for index, key in enumerate(outsider_keys) if key.public_key not in genesis.committee.validators)
    first, second = (vote_by_hand(outsider, transition, validators=5) for transition in (world.send, world.rival))
    small_order = replace(client, owner=PublicKey(bytes(32)))
    other_slot = alter(world.send, world.alice.keys, sequence=5)
    others: dict[str, EquivocationProof] = {
        "one statement, two signatures": build_client_equivocation(
            identify(world.send).statement, world.send.owner_signature, identify(world.send).transition_id, resigned.owner_signature
        ),
        "ids in the wrong order": replace(client, id_a=client.id_b, id_b=client.id_a, signature_a=client.signature_b, signature_b=client.signature_a),
        "signatures in the wrong order": replace(client, signature_a=client.signature_b, signature_b=client.signature_a),
        "one signature twice": replace(client, signature_b=client.signature_a),
        "two slots": client_proof(world.send, other_slot),
        "no validator": build_validator_equivocation(first, identify(world.rival).transition_id, second.signature),
        "another validator": replace(validator, validator=genesis.committee.validators[0]),
        "another account": replace(validator, sender=world.bob.keys.owner),
        "owner's signatures as votes": ValidatorEquivocation(
            client.network_id, 0, client.owner, client.owner, client.sequence, client.id_a, client.signature_a, client.id_b, client.signature_b
        ),
        "votes as owner's signatures": ClientEquivocation(
            client.network_id, 0, validator.validator, 1, validator.id_a, validator.signature_a, validator.id_b, validator.signature_b
        ),
        "a key of small order": small_order,
        "no signatures": replace(client, signature_a=Signature(bytes(64)), signature_b=Signature(bytes(64))),
        "another network": replace(client, network_id=Hash32(bytes(32))),
        "another epoch": replace(client, epoch=1),
    }
    for name, proof in others.items():
        assert not verify_equivocation(proof, genesis), name


def test_proof_of_another_network_is_worth_nothing_here(world: World) -> None:
    """The same keys there and here: an owner that signs once in each network has equivocated in none."""
    other = make_genesis(fee_base=9)
    for proof in both_proofs(world):
        assert verify_equivocation(proof, world.genesis)
        assert not verify_equivocation(proof, other)


def test_votes_of_a_key_that_also_owns_an_account_stay_votes(world: World) -> None:
    """A validator that pays: its one vote and its one payment at one slot number are two statements with two tags, and prove nothing."""
    key = validator_keys()[0]
    statement = replace(identify(world.send).statement, sender=key.public_key)
    rival = replace(statement, transition_id=identify(world.rival).transition_id)
    as_owner = key.sign(domains.SIG_OWNER, STATEMENT.encode(statement))
    as_validator = key.sign(domains.SIG_VOTE, STATEMENT.encode(rival))
    assert not verify_equivocation(build_client_equivocation(statement, as_owner, rival.transition_id, as_validator), world.genesis)


# --- What a validator keeps ------------------------------------------------------------------------------------------------------------------------


def tell(validator: Validator, proof: EquivocationProof) -> int:
    """Hand in a proof; the number of proofs kept afterwards."""
    validator.perform(validator.machine.handle(Source(5), Evidence(proof), 0.0))
    return len(validator.evidence())


def test_proof_from_the_network_is_checked_kept_and_told_once(world: World) -> None:
    validator = world.validator()
    before = validator.state()
    validator.events.clear()
    for count, proof in enumerate(both_proofs(world), 1):
        assert tell(validator, proof) == count
        assert tell(validator, proof) == count
    assert [type(event) for event in validator.events] == [Equivocation, Equivocation]
    # Evidence changes neither votes nor validity nor the digest.
    assert validator.state() == before
    assert validator.vote(world.send) == world.validator().vote(world.send)
    assert tell(validator.restart(), client_proof(world.send, world.rival)) == 2


def test_new_proof_is_passed_on_once_whoever_found_it(world: World) -> None:
    validator = world.validator()
    seen, told = client_proof(world.send, world.rival), validator_proof(1, world.send, world.rival)

    def passed_on(effects: list[Effect]) -> list[EquivocationProof]:
        performed = validator.perform(effects)
        first_record = next((place for place, effect in enumerate(performed) if isinstance(effect, Persist)), 0)
        assert all(place > first_record for place, effect in enumerate(performed) if isinstance(effect, Broadcast))
        return [effect.message.proof for effect in performed if isinstance(effect, Broadcast)]

    assert passed_on(validator.machine.handle(Source(1), request(world.send), 0.0)) == []
    assert passed_on(validator.machine.handle(Source(1), request(world.rival), 0.0)) == [seen]
    assert passed_on(validator.machine.handle(Source(1), request(world.rival), 0.0)) == []
    assert passed_on(validator.machine.handle(Source(2), Evidence(seen), 0.0)) == []
    assert passed_on(validator.machine.handle(Source(2), Evidence(told), 0.0)) == [told]
    assert passed_on(validator.machine.handle(Source(3), Evidence(told), 0.0)) == []
    false = replace(validator_proof(2, world.send, world.rival), signature_a=told.signature_a)
    assert passed_on(validator.machine.handle(Source(3), Evidence(false), 0.0)) == []
    # The proofs of an alarm, too: three guilty validators; the owner's is known.
    validator.settle(certify_by_hand(world.send, (0, 1, 2)))
    data = CERTIFICATE.encode(certify_by_hand(world.rival, (0, 1, 2)))
    alarm = passed_on(validator.machine.handle(Source(3), SettlementCertificate(1, data), 0.0))
    assert alarm == [validator_proof(index, world.send, world.rival) for index in (0, 2)]


def test_false_proof_from_the_network_is_dropped(world: World) -> None:
    validator = world.validator()
    validator.events.clear()
    for proof in both_proofs(world):
        assert tell(validator, replace(proof, signature_a=proof.signature_b)) == 0
    assert validator.events == []


def test_valid_proof_about_a_stranger_is_dropped(world: World) -> None:
    """Fresh keys cost nothing: anybody could fill the disk with valid proofs against keys of its own."""
    first = alter(world.send, world.eve.keys, sender=world.eve.keys.owner, sequence=0)
    second = alter(world.rival, world.eve.keys, sender=world.eve.keys.owner, sequence=0)
    proof = client_proof(first, second)
    assert verify_equivocation(proof, world.genesis)
    assert tell(world.validator(), proof) == 0


def signed_pair(key: SigningKey, tag: bytes, statement: Statement) -> list[tuple[Hash32, Signature]]:
    ids = [Hash32(bytes((number,)) * 32) for number in (1, 2)]
    return [(one, key.sign(tag, STATEMENT.encode(replace(statement, transition_id=one)))) for one in ids]


@pytest.mark.parametrize("who", ["owner", "validator"])
def test_one_key_cannot_fill_the_disk_with_proofs_against_itself(who: str, world: World) -> None:
    """With one key anybody can make a valid proof for each of 2^64 slots, as fast as it can sign."""
    validator = world.validator()

    def proof_at(sequence: int) -> EquivocationProof:
        statement = Statement(world.genesis.network_id, 0, world.alice.keys.owner, sequence, Hash32(bytes(32)))
        if who == "owner":
            (id_a, sig_a), (id_b, sig_b) = signed_pair(world.alice.keys.signing_key, domains.SIG_OWNER, statement)
            return ClientEquivocation(statement.network_id, 0, statement.sender, sequence, id_a, sig_a, id_b, sig_b)
        key = validator_keys()[3]
        (id_a, sig_a), (id_b, sig_b) = signed_pair(key, domains.SIG_VOTE, statement)
        return ValidatorEquivocation(statement.network_id, 0, key.public_key, statement.sender, sequence, id_a, sig_a, id_b, sig_b)

    for sequence in range(MAX_EVIDENCE_PER_OFFENDER + 5):
        assert verify_equivocation(proof_at(1_000 + sequence), world.genesis)
        assert tell(validator, proof_at(1_000 + sequence)) == min(sequence + 1, MAX_EVIDENCE_PER_OFFENDER)
    assert tell(validator.restart(), proof_at(5_000)) == MAX_EVIDENCE_PER_OFFENDER
    # Another offender still has room, and what the validator has seen itself is always kept.
    assert tell(validator, validator_proof(1, world.send, world.rival)) == MAX_EVIDENCE_PER_OFFENDER + 1
    validator.vote(world.send)
    validator.vote(world.rival)
    assert len(validator.evidence()) == MAX_EVIDENCE_PER_OFFENDER + 2


def test_owner_that_signs_two_certified_transitions_is_convicted_by_the_second(world: World) -> None:
    """The alarm names validators; the owner has signed both, too."""
    validator = world.validator()
    validator.settle(certify_by_hand(world.send, (0, 1, 2)))
    validator.settle(certify_by_hand(world.rival, (1, 2, 3)))
    kept = [EQUIVOCATION_PROOF.decode(data) for data in validator.evidence().values()]
    assert client_proof(world.send, world.rival) in kept


def test_rule_3_does_not_hide_that_an_owner_signed_two_transitions(world: World) -> None:
    """Carol has no account, so her SEND fails rule 3 before rule 4; her RECEIVE has the vote for that slot all the same."""
    validator = world.validator()
    validator.vote(world.receive)
    send = sign_core(replace(world.send.core, sender=world.carol.keys.owner, sequence=0, prev=world.receive.core.prev), world.carol.keys)
    refused = validator.vote(send)
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.UNKNOWN_ACCOUNT
    assert [EQUIVOCATION_PROOF.decode(data) for data in validator.evidence().values()] == [client_proof(world.receive, send)]


# --- More than f faults ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [((0, 1, 2), (1, 2, 3)), ((0, 1, 2), (0, 1, 2)), ((0, 1, 2, 3), (0, 1, 3)), ((1, 2, 3), (0, 1, 2, 3))])
def test_two_certificates_for_one_slot_stop_the_validator_and_name_the_guilty(first: tuple[int, ...], second: tuple[int, ...], world: World) -> None:
    validator = world.validator()
    validator.settle(certify_by_hand(world.send, first))
    after = validator.state()
    ack = validator.settle(certify_by_hand(world.rival, second))
    assert ack.status is AckStatus.CONFLICT
    guilty = [world.genesis.committee.validators[index] for index in sorted(set(first) & set(second))]
    assert len(guilty) >= world.genesis.committee.validity_threshold
    alarms = [event for event in validator.events if isinstance(event, SafetyAlarm)]
    assert [[proof.validator for proof in alarm.report.proofs] for alarm in alarms] == [guilty]
    assert all(verify_equivocation(proof, fresh_genesis(world)) for proof in alarms[0].report.proofs)
    assert ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY]) == alarms[0].report
    # The first certificate stays applied.
    assert validator.state()["digest"] == after["digest"]
    assert validator.machine.ledger.account_or_zero(world.alice.keys.owner) == after["accounts"][world.alice.keys.owner]
    # Both certificates, a proof for each of the guilty, and one for the owner.
    assert sum(key.startswith("x/") for key in validator.store) == 2
    assert len(validator.evidence()) == len(guilty) + 1


def test_second_certificate_for_a_slot_of_long_ago_stops_the_validator_too(world: World) -> None:
    validator = world.validator()
    rival = alter(world.gifts[0].transition, world.faucet.keys, self_memo=bytes(56))
    assert validator.machine.ledger.account_or_zero(world.faucet.keys.owner).sequence == 3
    assert validator.settle(certify_by_hand(rival, (1, 2, 3))).status is AckStatus.CONFLICT
    assert validator.machine.halted
    report = ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY])
    assert [proof.validator for proof in report.proofs] == list(world.genesis.committee.validators[1:])


def conflicting(validator: Validator) -> set[bytes]:
    """The transitions of the certificates that are kept as evidence."""
    return {bytes(transition_id_of(CERTIFICATE.decode(data).transition)) for data in validator.machine.conflicts()}


def test_conflict_that_is_not_in_one_slot_names_nobody_but_keeps_the_certificates_that_show_it(world: World) -> None:
    """Nobody has signed two statements for one slot here, so nothing convicts a single validator. The certificates show anybody what is wrong."""
    claimed, taker = world.payout, world.first_claim
    wrong_chain = alter(world.pay(world.bob, (world.alice, 1)), world.bob.keys, prev=Hash32(bytes(32)))
    twice = world.claim(world.bob, (claimed, 0))
    foreign = alter(world.receive, world.dave.keys, sender=world.dave.keys.owner)
    unbalanced = alter(world.send, world.alice.keys, new_balance=world.rival.core.new_balance)
    made_alice = world.payout.transition
    for certified, shown_by in ((wrong_chain, taker.transition), (twice, taker.transition), (foreign, claimed.transition), (unbalanced, made_alice)):
        validator = world.validator()
        digest = validator.machine.ledger.compute_digest()
        assert validator.settle(certify_by_hand(certified)).status is AckStatus.CONFLICT
        assert ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY]).proofs == ()
        assert conflicting(validator) == {bytes(transition_id_of(certified)), bytes(transition_id_of(shown_by))}
        assert validator.evidence() == {}
        assert validator.machine.ledger.compute_digest() == digest
        # Once: it changes nothing when it comes again, also after a restart.
        before = validator.state()
        for again in (validator, validator.restart()):
            assert again.settle(certify_by_hand(certified)).status is AckStatus.CONFLICT
            assert again.state() == before


def test_report_that_names_nobody_gives_way_to_the_first_one_that_names_somebody(world: World) -> None:
    """What stands on a rival can come before it, and shows that something is wrong; the rival shows whose fault it is. Also after a restart."""
    wrong_chain = alter(world.pay(world.bob, (world.alice, 1)), world.bob.keys, prev=Hash32(bytes(32)))
    rival = alter(world.gifts[0].transition, world.faucet.keys, self_memo=bytes(56))
    later = alter(world.gifts[0].transition, world.faucet.keys, self_memo=bytes([1]) * 56)
    for is_restarted in (False, True):
        validator = world.validator()
        assert validator.settle(certify_by_hand(wrong_chain)).status is AckStatus.CONFLICT
        validator = validator.restart() if is_restarted else validator
        assert validator.settle(certify_by_hand(rival, (1, 2, 3))).status is AckStatus.CONFLICT
        report = ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY])
        assert [proof.validator for proof in report.proofs] == list(world.genesis.committee.validators[1:])
        # Now that it names somebody, it stays.
        assert validator.settle(certify_by_hand(later, (0, 1, 2))).status is AckStatus.CONFLICT
        assert ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY]) == report


def test_conflicts_cannot_fill_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_core.protocol.applying.MAX_CONFLICTS_KEPT", 4)
    validator = world.validator()
    for number in range(9):
        rival = alter(world.gifts[0].transition, world.faucet.keys, self_memo=bytes([number]) * 56)
        assert validator.settle(certify_by_hand(rival)).status is AckStatus.CONFLICT
    assert 4 <= len(validator.machine.conflicts()) <= 5
    assert len(validator.restart().machine.conflicts()) == len(validator.machine.conflicts())


def test_parked_certificate_for_a_slot_that_another_one_takes_is_a_conflict(world: World) -> None:
    """It waited for a SEND that is not here; meanwhile its own slot is settled by a rival. It must not lie there unseen."""
    cluster_pay = world.pay(world.alice, (world.carol, 7))
    claim = world.claim(world.carol, (certify_by_hand(cluster_pay), 0))
    validator = world.validator()
    assert validator.settle(certify_by_hand(claim, (0, 1, 2))).status is AckStatus.PENDING
    assert validator.settle(certify_by_hand(world.receive, (1, 2, 3))).status is AckStatus.APPLIED
    assert validator.machine.halted
    assert validator.machine.parked_count == 0
    report = ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY])
    assert [proof.validator for proof in report.proofs] == list(world.genesis.committee.validators[1:3])


def halted(world: World) -> Validator:
    validator = world.validator()
    validator.settle(certify_by_hand(world.send, (0, 1, 2)))
    validator.settle(certify_by_hand(world.rival, (1, 2, 3)))
    assert validator.machine.halted
    return validator


def test_halted_validator_does_not_vote_and_says_so_after_a_restart_too(world: World) -> None:
    for validator in (halted(world), halted(world).restart()):
        assert validator.machine.flags is PongFlag.HALTED
        before = validator.state()
        for transition in (world.receive, world.pay(world.bob, (world.alice, 1))):
            refused = validator.vote(transition)
            assert isinstance(refused, VoteReject)
            assert refused.code is ErrorCode.NOT_VOTING
        assert validator.state() == before
        assert validator.machine.votes_cast == 0


def test_halted_validator_still_applies_certificates_and_answers_with_votes_that_it_gave(world: World) -> None:
    validator = world.validator()
    given = validator.vote(world.claim(world.bob, (world.payout, 1)))
    validator.settle(certify_by_hand(world.send, (0, 1, 2)))
    validator.settle(certify_by_hand(world.rival, (1, 2, 3)))
    assert validator.vote(world.claim(world.bob, (world.payout, 1))) == given
    assert validator.settle(certify_by_hand(world.receive)).status is AckStatus.APPLIED
    assert validator.machine.ledger.audit_supply()


def test_validator_that_halts_while_a_proof_is_checked_does_not_vote(world: World) -> None:
    validator = world.validator()
    slow = world.pay(world.bob, (world.alice, 1))
    ask(validator, slow)
    validator.settle(certify_by_hand(world.send, (0, 1, 2)))
    validator.settle(certify_by_hand(world.rival, (1, 2, 3)))
    assert codes(decide(validator, slow)) == [ErrorCode.NOT_VOTING]
    assert validator.state()["locks"] == {}


def test_alarm_is_raised_once_and_the_first_report_stays(world: World) -> None:
    validator = halted(world)
    report = validator.store[HALTED_KEY]
    for _ in range(2):
        assert validator.settle(certify_by_hand(world.rival, (1, 2, 3))).status is AckStatus.CONFLICT
        assert validator.settle(certify_by_hand(world.rival, (0, 1, 2))).status is AckStatus.CONFLICT
    assert len([event for event in validator.events if isinstance(event, SafetyAlarm)]) == 1
    # Another conflict, in which nobody can be named, does not paint over those who were.
    minting = alter(world.receive, world.carol.keys, new_balance=world.send.core.new_balance)
    assert validator.settle(certify_by_hand(minting)).status is AckStatus.CONFLICT
    assert validator.store[HALTED_KEY] == report
    assert len([event for event in validator.events if isinstance(event, SafetyAlarm)]) == 2
    assert validator.restart().machine.halted


def unsound(world: World) -> dict[str, Certificate]:
    """Transitions that no correct validator votes for, with a quorum's votes all the same."""
    bob_output = world.claims_of(world.bob, world.payout)
    own = world.receive.core.claims[0]
    return {
        "money from nothing": certify_by_hand(alter(world.receive, world.carol.keys, new_balance=world.send.core.new_balance)),
        "wrong fee": certify_by_hand(alter(world.send, world.alice.keys, fee=1)),
        "wrong prev": certify_by_hand(alter(world.send, world.alice.keys, prev=Hash32(bytes(32)))),
        "somebody else's output": certify_by_hand(alter(world.receive, world.carol.keys, claims=(bob_output[1],), new_balance=bob_output[1].commitment)),
        "a larger output": certify_by_hand(alter(world.receive, world.carol.keys, claims=(replace(own, commitment=world.send.core.new_balance),))),
        "an output claimed before": certify_by_hand(alter(world.receive, world.carol.keys, claims=(bob_output[0],), new_balance=bob_output[0].commitment)),
        "no point": certify_by_hand(alter(world.send, world.alice.keys, new_balance=b"\xff" * 32)),
        "a SEND of no account": certify_by_hand(alter(world.send, world.eve.keys, sender=world.eve.keys.owner, sequence=0, prev=Hash32(bytes(32)))),
    }


def test_unsound_certificates_are_not_applied_and_stop_the_validator(world: World, subtests: pytest.Subtests) -> None:
    for name, certificate in unsound(world).items():
        with subtests.test(name):
            validator = world.validator()
            before = validator.state()
            assert validator.settle(certificate).status is AckStatus.CONFLICT
            assert validator.machine.halted
            assert validator.restart().machine.halted
            for part in ("digest", "accounts", "outputs", "globals"):
                assert validator.state()[part] == before[part]
            assert validator.machine.ledger.audit_supply()


def test_both_certificates_that_take_one_output_are_kept(world: World) -> None:
    """They are for different slots, so no pair of votes convicts anybody; the certificates themselves show what their signers did."""
    validator = world.validator()
    second = world.claim(world.bob, (world.payout, 1))
    validator.settle(certify_by_hand(second))
    state = validator.machine.ledger.account_or_zero(world.bob.keys.owner)
    again = certify_by_hand(world.claim(replace(world.bob, state=state), (world.payout, 0)))
    assert validator.settle(again).status is AckStatus.CONFLICT
    kept = {validator.store[conflict_key(Hash32(cert_id_of(one)))] for one in (world.first_claim, again)}
    assert kept == {CERTIFICATE.encode(world.first_claim), CERTIFICATE.encode(again)}
    assert ACCOUNTABILITY_REPORT.decode(validator.store[HALTED_KEY]).proofs == ()
    assert validator.machine.ledger.claimed_by(again.transition.core.claims[0].key) == cert_id_of(world.first_claim)


def test_conflicting_certificates_that_were_parked_both_raise_the_alarm_when_released(world: World) -> None:
    state = replace(world.alice.state, sequence=2, balance=world.send.core.new_balance, head=identify(world.send).transition_id)
    follower = replace(world.alice, state=state, opening=world.send_opening)
    next_ones = [certify_by_hand(world.pay(follower, (world.bob, amount))) for amount in (1, 2)]
    validator = world.validator()
    for certificate in next_ones:
        assert validator.settle(certificate).status is AckStatus.PENDING
    assert validator.machine.flags == PongFlag(0)
    assert validator.settle(certify_by_hand(world.send)).status is AckStatus.APPLIED
    assert validator.machine.halted
    assert validator.machine.ledger.account_or_zero(world.alice.keys.owner).sequence == 3
    assert validator.machine.parked_count == 0


def test_report_about_certificates_that_do_not_conflict_is_empty(world: World) -> None:
    one, other = identify(world.send), identify(world.receive)
    genesis = world.genesis
    for first, second in ((one, one), (one, other)):
        certificates = (certify_by_hand(first.transition), certify_by_hand(second.transition))
        assert build_accountability_report(first.statement, certificates[0], second.statement, certificates[1], genesis).proofs == ()


def test_no_proof_exists_against_a_validator_that_follows_the_rules(world: World) -> None:
    """INV-12: all that one machine ever signs, in a life with conflicts, restarts and certificates, has one id for each slot."""
    validator = world.validator()
    signed: dict[tuple[bytes, int], set[bytes]] = {}
    for step in (world.send, world.rival, world.receive, world.send, world.claim(world.bob, (world.payout, 1)), world.rival):
        answer = validator.vote(step)
        if not isinstance(answer, VoteReject):
            statement = answer.vote.statement
            signed.setdefault((statement.sender, statement.sequence), set()).add(statement.transition_id)
        validator = validator.restart()
    validator.settle(certify_by_hand(world.rival, (1, 2, 3)))
    assert isinstance(validator.vote(world.rival), VoteReject)
    assert {len(ids) for ids in signed.values()} == {1}
    assert not any(isinstance(EQUIVOCATION_PROOF.decode(data), ValidatorEquivocation) for data in validator.evidence().values())
