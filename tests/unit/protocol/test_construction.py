"""Building transitions: what cannot be drafted, blinding factors that never repeat, and drafts that every rule accepts before they are signed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mesh_core.crypto.memo import MemoContext, MemoError, SelfMemoContext, open_memo, open_self_memo, reopen_sent_memo
from mesh_core.crypto.pedersen import Opening, add_commitments, commit, commit_public
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.crypto.signature_cases import KEY_CASES
from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.construction import UNSIGNED, Draft, OpenedOutput, Payment, draft_receive, draft_send, prove_draft, sign_draft
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.validation import validate_draft
from mesh_core.types.address import Address
from mesh_core.types.basic import Hash32, PublicKey, ViewPublicKey
from mesh_core.types.messages import VoteReject, VoteResponse
from mesh_core.types.transition import MAX_CLAIMS, MAX_OUTPUTS, Kind, OutputKey, Transition
from tests.cluster import seeded_entropy
from tests.unit.protocol.world import World

Draws = Callable[[int], bytes]


def same_entropy() -> Draws:
    """What a cloned machine has: the same bytes each time."""
    return lambda size: b"\x5a" * size


def draft(world: World, *payments: Payment, entropy: Draws | None = None) -> Draft:
    return draft_send(world.alice.keys, world.genesis, world.alice.state, world.alice.opening, payments, entropy or seeded_entropy("draft"))


def to_bob(world: World, amount: int, text: str = "") -> Payment:
    return Payment(world.bob.keys.address, amount, text)


def refused(world: World, *payments: Payment) -> ErrorCode:
    with pytest.raises(LocalFault) as caught:
        draft(world, *payments)
    return caught.value.code


# --- What cannot be drafted ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7])
def test_all_but_the_fee_can_be_paid_and_not_a_unit_more(count: int, world: World) -> None:
    most = world.alice.opening.value - world.genesis.doc.fee_of_send(count)
    payments = [to_bob(world, 1)] * (count - 1)
    made = draft(world, *payments, to_bob(world, most - (count - 1)))
    assert made.new_opening.value == 0
    assert made.core.fee == world.genesis.doc.fee_of_send(count)
    assert refused(world, *payments, to_bob(world, most - (count - 1) + 1)) is ErrorCode.INSUFFICIENT_FUNDS


def test_amounts_are_between_one_and_u64(world: World) -> None:
    for amount in (0, -1, 2**64, 2**64 + 1):
        assert refused(world, to_bob(world, amount)) is ErrorCode.AMOUNT_INVALID
        assert refused(world, to_bob(world, 1), to_bob(world, amount)) is ErrorCode.AMOUNT_INVALID
    assert refused(world, to_bob(world, 2**64 - 1)) is ErrorCode.INSUFFICIENT_FUNDS
    # A sum that would be small again if it wrapped around at 2^64.
    assert refused(world, to_bob(world, 2**64 - 1), to_bob(world, 5)) is ErrorCode.INSUFFICIENT_FUNDS
    assert draft(world, to_bob(world, 1)).output_openings[0].value == 1


def test_one_to_seven_recipients(world: World) -> None:
    for count in (0, 8, 100):
        assert refused(world, *[to_bob(world, 1)] * count) is ErrorCode.AMOUNT_INVALID
    assert len(draft(world, *[to_bob(world, 1)] * MAX_OUTPUTS).core.outputs) == MAX_OUTPUTS


@pytest.mark.parametrize("key", [case.public_key for case in KEY_CASES if not case.acceptable], ids=[c.name for c in KEY_CASES if not c.acceptable])
def test_recipient_that_could_never_claim_is_refused(key: bytes, world: World) -> None:
    address = Address(PublicKey(key), world.bob.keys.address.view_pk)
    assert refused(world, Payment(address, 1)) is ErrorCode.ADDRESS_INVALID
    assert refused(world, to_bob(world, 1), Payment(address, 1)) is ErrorCode.ADDRESS_INVALID


def test_recipient_with_a_weak_view_key_is_refused(world: World) -> None:
    """Everybody could read such a memo, and with it the amount."""
    address = Address(world.bob.keys.owner, ViewPublicKey(bytes(32)))
    assert refused(world, Payment(address, 1)) is ErrorCode.ADDRESS_INVALID


def test_text_has_215_bytes_at_most(world: World) -> None:
    for text, size in (("", 80), ("t" * 23, 80), ("t" * 24, 144), ("t" * 87, 144), ("t" * 88, 272), ("t" * 215, 272), ("ä" * 107, 272)):
        assert len(draft(world, to_bob(world, 1, text)).core.outputs[0].memo) == size
    for text in ("t" * 216, "ä" * 108, "\ud800"):
        assert refused(world, to_bob(world, 1, text)) is ErrorCode.MEMO_TEXT_INVALID


def test_claim_needs_one_to_sixteen_outputs(world: World) -> None:
    def claim(count: int) -> Draft:
        outputs = [OpenedOutput(OutputKey(Hash32(bytes(32)), index), commit(Opening(index, 1)), Opening(index, 1)) for index in range(count)]
        return draft_receive(world.bob.keys, world.genesis, world.bob.state, world.bob.opening, outputs)

    with pytest.raises(LocalFault) as caught:
        claim(0)
    assert caught.value.code is ErrorCode.NOTHING_TO_CLAIM
    with pytest.raises(LocalFault) as caught:
        claim(MAX_CLAIMS + 1)
    assert caught.value.code is ErrorCode.AMOUNT_INVALID
    assert len(claim(MAX_CLAIMS).core.claims) == MAX_CLAIMS


def test_output_cannot_be_claimed_twice_in_one_draft(world: World) -> None:
    """The draft would add it twice to the balance; the rules on the draft stop it before it is signed."""
    output = world.cluster.open_outputs(world.bob, world.payout)[1]
    twice = draft_receive(world.bob.keys, world.genesis, world.bob.state, world.bob.opening, [output, output])
    with pytest.raises(Rejected) as caught:
        validate_draft(Transition(twice.core, b"", UNSIGNED), world.genesis, world.validator().machine.ledger)
    assert caught.value.code is ErrorCode.COUNT_OR_ORDER


# --- What a draft holds ----------------------------------------------------------------------------------------------------------------------------


def test_send_draft_balances_and_continues_the_account(world: World) -> None:
    made = draft(world, to_bob(world, 30, "rent"), Payment(world.carol.keys.address, 12))
    core = made.core
    assert (core.kind, core.sequence, core.prev, core.epoch, core.asset_id) == (Kind.SEND, 1, world.alice.state.head, 0, world.genesis.doc.asset_id)
    assert made.new_opening.value == world.alice.opening.value - 42 - world.genesis.doc.fee_of_send(2)
    assert core.new_balance == commit(made.new_opening)
    assert [output.commitment for output in core.outputs] == [commit(opening) for opening in made.output_openings]
    assert [opening.value for opening in made.output_openings] == [30, 12]
    total = add_commitments((core.new_balance, *(output.commitment for output in core.outputs), commit_public(core.fee)))
    assert total == world.alice.state.balance
    assert [output.owner for output in core.outputs] == [world.bob.keys.owner, world.carol.keys.owner]


def test_memo_opens_for_its_recipient_and_the_sender_and_nobody_else(world: World) -> None:
    made = draft(world, to_bob(world, 30, "für März"), Payment(world.carol.keys.address, 12, "two"))
    core = made.core
    for index, (person, text) in enumerate(((world.bob, "für März"), (world.carol, "two"))):
        output = core.outputs[index]
        context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
        for plain in (
            open_memo(person.keys.view_key, context, output.eph_pk, output.memo),
            reopen_sent_memo(world.alice.keys.view_key, context, output.eph_pk, output.memo),
        ):
            assert (plain.opening, plain.text) == (made.output_openings[index], text)
        with pytest.raises(MemoError):
            open_memo(world.dave.keys.view_key, context, output.eph_pk, output.memo)
        with pytest.raises(MemoError):
            open_memo(person.keys.view_key, replace(context, index=1 - index), output.eph_pk, output.memo)
    own = SelfMemoContext(core.network_id, core.sender, core.sequence, core.new_balance)
    assert open_self_memo(world.alice.keys.view_key, own, core.self_memo) == made.new_opening
    with pytest.raises(MemoError):
        open_self_memo(world.bob.keys.view_key, own, core.self_memo)


def test_receive_draft_adds_what_it_claims_in_order(world: World) -> None:
    outputs = [output for gift in world.gifts for output in world.cluster.open_outputs(world.dave, gift)][:5]
    made = draft_receive(world.dave.keys, world.genesis, world.dave.state, Opening(0, 0), list(reversed(outputs)))
    core = made.core
    assert (core.kind, core.fee, core.outputs) == (Kind.RECEIVE, 0, ())
    assert [claim.key for claim in core.claims] == sorted(output.key for output in outputs)
    assert made.new_opening.value == sum(output.opening.value for output in outputs)
    assert core.new_balance == commit(made.new_opening) == add_commitments(output.commitment for output in outputs)
    assert prove_draft(made, same_entropy()) == b""
    context = SelfMemoContext(core.network_id, core.sender, core.sequence, core.new_balance)
    assert open_self_memo(world.dave.keys.view_key, context, core.self_memo) == made.new_opening


# --- Blinding factors ------------------------------------------------------------------------------------------------------------------------------


def blindings(made: Draft) -> set[int]:
    return {opening.blinding for opening in (made.new_opening, *made.output_openings)}


def test_blinding_factors_differ_although_the_randomness_repeats(world: World) -> None:
    """A cloned machine, or a snapshot that is restored: equal blinding factors would show the difference of two amounts to everybody."""
    variants = [
        draft(world, to_bob(world, 30), entropy=same_entropy()),
        draft(world, to_bob(world, 31), entropy=same_entropy()),
        draft(world, to_bob(world, 30, "text"), entropy=same_entropy()),
    ]
    other_slot = replace(world.alice.state, sequence=2)
    variants.append(draft_send(world.alice.keys, world.genesis, other_slot, world.alice.opening, [to_bob(world, 30)], same_entropy()))
    other_key = replace(world.bob.state, balance=world.alice.state.balance)
    variants.append(draft_send(world.bob.keys, world.genesis, other_key, world.alice.opening, [to_bob(world, 30)], same_entropy()))
    seen = [opening.blinding for made in variants for opening in made.output_openings]
    assert len(set(seen)) == len(seen)
    several = draft(world, to_bob(world, 30), to_bob(world, 30), to_bob(world, 30), entropy=same_entropy())
    assert len(blindings(several)) == 4


def test_blinding_factors_differ_where_everything_else_repeats(world: World) -> None:
    entropy = seeded_entropy("fresh")
    made = [draft(world, to_bob(world, 30), entropy=entropy) for _ in range(8)]
    assert len({opening.blinding for one in made for opening in one.output_openings}) == 8
    assert len({output.eph_pk for one in made for output in one.core.outputs}) == 8
    assert len({output.memo for one in made for output in one.core.outputs}) == 8
    assert len({one.core.self_memo for one in made}) == 8


def test_sender_keeps_what_is_left_of_its_blinding_factor(world: World) -> None:
    made = draft(world, to_bob(world, 30), to_bob(world, 31))
    spent = sum(opening.blinding for opening in made.output_openings)
    assert (made.new_opening.blinding + spent) % GROUP_ORDER == world.alice.opening.blinding
    assert all(0 < blinding < GROUP_ORDER for blinding in blindings(made))


def test_proof_randomness_may_repeat_and_another_draft_has_another_proof(world: World) -> None:
    first, second = (draft(world, to_bob(world, amount), entropy=same_entropy()) for amount in (30, 31))
    assert prove_draft(first, same_entropy()) == prove_draft(first, same_entropy())
    proofs = [prove_draft(made, same_entropy()) for made in (first, second)]
    elements = [{proof[start : start + 32] for start in range(1, len(proof), 32)} for proof in proofs]
    assert elements[0] & elements[1] == set()


def test_draft_shows_no_secret(world: World) -> None:
    """A draft may end in a log or a traceback: neither the blinding factors nor the amounts of its openings may."""
    made = draft(world, to_bob(world, 6_789, "secret text"))
    shown = repr(made)
    for opening in (made.new_opening, *made.output_openings):
        assert str(opening.blinding) not in shown
        assert f"value={opening.value}" not in shown
    assert "secret text" not in repr(to_bob(world, 1, "secret text"))


# --- Checked before it is signed -------------------------------------------------------------------------------------------------------------------


def test_valid_draft_passes_every_rule_and_its_signature_is_accepted(world: World) -> None:
    ledger = world.validator().machine.ledger
    made = draft(world, to_bob(world, 30))
    proof = prove_draft(made, seeded_entropy("proof"))
    unsigned = Transition(made.core, proof, UNSIGNED)
    candidate = validate_draft(unsigned, world.genesis, ledger)
    signed = sign_draft(made, proof, world.alice.keys.signing_key)
    assert identify(signed).transition_id == candidate.transition_id
    assert isinstance(world.validator().vote(signed), VoteResponse)
    # Unsigned it is worth nothing.
    refused_unsigned = world.validator().vote(unsigned)
    assert isinstance(refused_unsigned, VoteReject)
    assert refused_unsigned.code is ErrorCode.BAD_SIGNATURE


def test_draft_on_a_false_opening_is_found_before_it_is_signed(world: World) -> None:
    """A lost or mixed-up opening: the commitments do not add up. Signed, the slot would be stuck for ever."""
    ledger = world.validator().machine.ledger
    for opening in (world.alice.opening + Opening(1, 0), world.alice.opening + Opening(0, 1)):
        made = draft_send(world.alice.keys, world.genesis, world.alice.state, opening, [to_bob(world, 30)], seeded_entropy("x"))
        with pytest.raises(Rejected) as caught:
            validate_draft(Transition(made.core, prove_draft(made, seeded_entropy("y")), UNSIGNED), world.genesis, ledger)
        assert caught.value.code is ErrorCode.UNBALANCED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sequence": 0}, ErrorCode.STALE_SEQUENCE),
        ({"sequence": 2}, ErrorCode.SEQUENCE_AHEAD),
        ({"head": Hash32(bytes(32))}, ErrorCode.PREV_MISMATCH),
    ],
)
def test_draft_on_an_old_view_of_the_account_is_found(change: dict[str, object], code: ErrorCode, world: World) -> None:
    state = replace(world.alice.state, **change)  # type: ignore[arg-type]
    made = draft_send(world.alice.keys, world.genesis, state, world.alice.opening, [to_bob(world, 30)], seeded_entropy("x"))
    with pytest.raises(Rejected) as caught:
        validate_draft(Transition(made.core, bytes(641), UNSIGNED), world.genesis, world.validator().machine.ledger)
    assert caught.value.code is code


def test_draft_with_a_spoilt_proof_is_found(world: World) -> None:
    made = draft(world, to_bob(world, 30))
    with pytest.raises(Rejected) as caught:
        validate_draft(Transition(made.core, bytes(641), UNSIGNED), world.genesis, world.validator().machine.ledger)
    assert caught.value.code is ErrorCode.RANGE_PROOF


def test_claim_of_what_is_not_there_is_found(world: World) -> None:
    output = world.cluster.open_outputs(world.bob, world.payout)[0]
    made = draft_receive(world.bob.keys, world.genesis, world.bob.state, world.bob.opening, [output])
    with pytest.raises(Rejected) as caught:
        validate_draft(Transition(made.core, b"", UNSIGNED), world.genesis, world.validator().machine.ledger)
    assert caught.value.code is ErrorCode.ALREADY_CLAIMED
