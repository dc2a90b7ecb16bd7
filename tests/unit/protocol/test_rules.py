"""The nine rules, code by code: what is refused with exactly this code, and its neighbour across the boundary that is accepted.

The range proofs of these neighbours are not checked unless the rule is the ninth: a transition that is altered anywhere needs a new proof.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import IDENTITY, Opening, add_commitments, commit, commit_public, subtract_commitments
from mesh_core.crypto.range_proof import build_statement, build_witness, prove
from mesh_core.crypto.signature_cases import KEY_CASES
from mesh_core.errors import ErrorCode
from mesh_core.protocol.certificates import verify_vote
from mesh_core.protocol.construction import prove_draft, sign_draft
from mesh_core.protocol.identifiers import compute_core_hash, identify
from mesh_core.types.basic import MAX_U64, ZERO_HASH, Commitment, Hash32, PublicKey, Signature, ViewPublicKey
from mesh_core.types.messages import ConflictDetail, MissingDetail, NoDetail, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import MAX_CLAIMS, STATEMENT, TRANSITION, Claim, Transition
from tests.cluster import Cluster, alter, cert_id_of, certify_by_hand, make_genesis, seeded_entropy, sign_core, vote_by_hand
from tests.unit.protocol.forgery import add_order, owner_seed, sign_again
from tests.unit.protocol.world import Attempt, World

COUNT_AT = 186
"""Place of the count of outputs or claims: behind version, kind, network, epoch, asset, sender, sequence, prev, new_balance and fee."""
OUTPUT_BYTES = 4 * 32 + 2 + 80
MEMO_LENGTH_AT = COUNT_AT + 1 + 4 * 32
NOT_A_POINT = Commitment(b"\x01" + bytes(31))
BASE = Commitment(commit_public(1))

Build = Callable[[World], Transition | bytes | Attempt]


@dataclass(frozen=True)
class Case:
    """A refusal with its code, and the nearest transition that the same validator votes for."""

    name: str
    code: ErrorCode
    refused: Build
    accepted: Build


def attempt(built: Transition | bytes | Attempt) -> Attempt:
    return built if isinstance(built, Attempt) else Attempt(built)


def spliced(data: bytes, at: int, old: int, new: bytes) -> bytes:
    """`data` with `old` bytes at `at` replaced."""
    return data[:at] + new + data[at + old :]


def encoded_send(world: World) -> bytes:
    return TRANSITION.encode(world.send)


def with_outputs(world: World, count: int) -> bytes:
    """The SEND with its output so many times, which no encoder writes for 0 or more than 7."""
    data = encoded_send(world)
    return spliced(data, COUNT_AT, 1 + OUTPUT_BYTES, bytes((count,)) + data[COUNT_AT + 1 : COUNT_AT + 1 + OUTPUT_BYTES] * count)


def with_claims(world: World, count: int) -> bytes:
    data = TRANSITION.encode(world.receive)
    return spliced(data, COUNT_AT, 1 + 65, bytes((count,)) + data[COUNT_AT + 1 : COUNT_AT + 1 + 65] * count)


def with_memo(world: World, size: int) -> bytes:
    return spliced(encoded_send(world), MEMO_LENGTH_AT, 2 + 80, size.to_bytes(2, "big") + bytes(size))


def resigned(transition: Transition, world: World, *, proof: bytes) -> Transition:
    """The same core with another proof, signed by its owner."""
    return sign_core(transition.core, world.alice.keys, proof)


def claiming(world: World, *claims: Claim) -> Transition:
    """Carol's RECEIVE with other claims."""
    return alter(world.receive, world.carol.keys, claims=claims)


def with_output(world: World, **changes: object) -> Transition:
    """Alice's SEND with an altered output."""
    return alter(world.send, world.alice.keys, outputs=(replace(world.send.core.outputs[0], **changes),))  # type: ignore[arg-type]


def sixteen_claims(world: World) -> Transition:
    taken = [(gift, index) for gift, count in zip(world.gifts, (7, 7, 2), strict=True) for index in range(count)]
    return world.claim(world.dave, *taken)


def settled(world: World) -> Attempt:
    """The next SEND of Alice, behind the one whose certificate the validator has."""
    certificate = certify_by_hand(world.send)
    state = replace(world.alice.state, sequence=2, balance=world.send.core.new_balance, head=identify(world.send).transition_id)
    follower = replace(world.alice, state=state, opening=world.send_opening)
    return Attempt(world.pay(follower, (world.bob, 1)), certified=(certificate,))


def rival_claim(world: World) -> Transition:
    """Another RECEIVE for the slot of Dave's sixteen claims."""
    return world.claim(world.dave, (world.gifts[2], 2))


def send_everything(world: World) -> Transition:
    """A SEND that leaves the identity behind: value 0, blinding factor 0."""
    fee = world.genesis.doc.fee_of_send(1)
    rest = Opening(world.alice.opening.value - fee, world.alice.opening.blinding)
    return alter(world.send, world.alice.keys, new_balance=IDENTITY, outputs=(replace(world.send.core.outputs[0], commitment=commit(rest)),))


def hiding_zero(world: World) -> Transition:
    """A SEND of nothing: its output hides 0 behind a blinding factor, which nobody can tell from any other amount."""
    output = commit(Opening(0, 77))
    balance = subtract_commitments(subtract_commitments(world.alice.state.balance, output), commit_public(world.send.core.fee))
    return alter(world.send, world.alice.keys, new_balance=balance, outputs=(replace(world.send.core.outputs[0], commitment=output),))


def with_fee(world: World, fee: int) -> Transition:
    """The SEND with another fee, balanced, so that the fee alone is wrong."""
    balance = add_commitments((world.send.core.new_balance, commit_public(world.send.core.fee)))
    return alter(world.send, world.alice.keys, fee=fee, new_balance=subtract_commitments(balance, commit_public(fee)))


def signed_by_another_tag(world: World) -> Transition:
    statement = STATEMENT.encode(identify(world.send).statement)
    return replace(world.send, owner_signature=world.alice.keys.signing_key.sign(domains.SIG_VOTE, statement))


def first_of_two_sends_of_bob(world: World) -> Transition:
    return world.pay(world.bob, (world.alice, 10))


FORMAT = [
    Case("nothing", ErrorCode.MALFORMED, lambda w: b"", lambda w: w.send),
    Case("one byte", ErrorCode.MALFORMED, lambda w: b"\x01", lambda w: w.send),
    Case("last byte missing", ErrorCode.MALFORMED, lambda w: encoded_send(w)[:-1], lambda w: w.send),
    Case("one byte too many", ErrorCode.MALFORMED, lambda w: encoded_send(w) + b"\0", lambda w: w.send),
    Case("version 0", ErrorCode.VERSION, lambda w: spliced(encoded_send(w), 0, 1, b"\0"), lambda w: w.send),
    Case("version 2", ErrorCode.VERSION, lambda w: spliced(encoded_send(w), 0, 1, b"\2"), lambda w: w.send),
    *(
        Case(f"kind {kind}", ErrorCode.KIND, lambda w, kind=kind: spliced(encoded_send(w), 1, 1, bytes((kind,))), lambda w: w.receive)  # type: ignore[misc]
        for kind in (0, 3, 4, 255)
    ),
    Case(
        "one bit of the network",
        ErrorCode.NETWORK,
        lambda w: alter(w.send, w.alice.keys, network_id=Hash32(w.genesis.network_id[:-1] + bytes((w.genesis.network_id[-1] ^ 1,)))),
        lambda w: w.send,
    ),
    Case("epoch 1", ErrorCode.EPOCH, lambda w: alter(w.send, w.alice.keys, epoch=1), lambda w: w.send),
    Case("the last epoch", ErrorCode.EPOCH, lambda w: alter(w.send, w.alice.keys, epoch=MAX_U64), lambda w: w.send),
    Case("another asset", ErrorCode.ASSET, lambda w: alter(w.receive, w.carol.keys, asset_id=bytes(31) + b"\1"), lambda w: w.receive),
    Case("no output", ErrorCode.COUNT_OR_ORDER, lambda w: with_outputs(w, 0), lambda w: w.send),
    Case("8 outputs", ErrorCode.COUNT_OR_ORDER, lambda w: with_outputs(w, 8), lambda w: w.pay(w.alice, *[(w.bob, 1)] * 7)),
    Case("no claim", ErrorCode.COUNT_OR_ORDER, lambda w: with_claims(w, 0), lambda w: w.receive),
    Case("17 claims", ErrorCode.COUNT_OR_ORDER, lambda w: with_claims(w, 17), sixteen_claims),
    Case("one claim twice", ErrorCode.COUNT_OR_ORDER, lambda w: with_claims(w, 2), lambda w: w.receive),
    Case(
        "claims descending by index",
        ErrorCode.COUNT_OR_ORDER,
        lambda w: alter(w.receive, w.dave.keys, sender=w.dave.keys.owner, claims=tuple(reversed(w.claims_of(w.dave, w.gifts[2])))),
        lambda w: w.claim(w.dave, (w.gifts[2], 0), (w.gifts[2], 1), (w.gifts[2], 2)),
    ),
    Case(
        "claims descending by certificate",
        ErrorCode.COUNT_OR_ORDER,
        lambda w: alter(
            sixteen_claims(w),
            w.dave.keys,
            claims=tuple(sorted((w.claims_of(w.dave, gift)[0] for gift in w.gifts), key=lambda claim: claim.key, reverse=True)),
        ),
        lambda w: w.claim(w.dave, *((gift, 0) for gift in w.gifts)),
    ),
    *(
        Case(f"memo of {size} bytes", ErrorCode.MEMO_SIZE, lambda w, size=size: with_memo(w, size), lambda w: w.send)  # type: ignore[misc]
        for size in (0, 79, 81, 143, 271)
    ),
    Case("memo of 145 bytes", ErrorCode.MEMO_SIZE, lambda w: with_memo(w, 145), lambda w: w.pay(w.alice, (w.bob, 1), text="t" * 24)),
    Case("memo of 273 bytes", ErrorCode.MEMO_SIZE, lambda w: with_memo(w, 273), lambda w: w.pay(w.alice, (w.bob, 1), text="t" * 215)),
    *(
        Case(f"proof of {size} bytes", ErrorCode.PROOF_SIZE, lambda w, size=size: resigned(w.send, w, proof=bytes(size)), lambda w: w.send)  # type: ignore[misc]
        for size in (0, 640, 642, 705, 769)
    ),
    Case(
        "3 outputs with the proof of 1",
        ErrorCode.PROOF_SIZE,
        lambda w: resigned(w.pay(w.alice, *[(w.bob, 1)] * 3), w, proof=bytes(641)),
        lambda w: w.pay(w.alice, *[(w.bob, 1)] * 3),
    ),
    Case(
        "4 outputs with the proof of 3",
        ErrorCode.PROOF_SIZE,
        lambda w: resigned(w.pay(w.alice, *[(w.bob, 1)] * 4), w, proof=bytes(705)),
        lambda w: w.pay(w.alice, *[(w.bob, 1)] * 4),
    ),
    Case("a RECEIVE with a proof", ErrorCode.PROOF_SIZE, lambda w: sign_core(w.receive.core, w.carol.keys, bytes(641)), lambda w: w.receive),
    Case("a RECEIVE with a byte of proof", ErrorCode.PROOF_SIZE, lambda w: sign_core(w.receive.core, w.carol.keys, b"\0"), lambda w: w.receive),
]

SIGNATURE = [
    Case(
        "a bit of R",
        ErrorCode.BAD_SIGNATURE,
        lambda w: replace(w.send, owner_signature=Signature(bytes((w.send.owner_signature[0] ^ 1,)) + w.send.owner_signature[1:])),
        lambda w: w.send,
    ),
    Case(
        "S + l",
        ErrorCode.BAD_SIGNATURE,
        lambda w: replace(w.send, owner_signature=add_order(w.send.owner_signature)),
        lambda w: sign_again(w.send, owner_seed("alice")),
    ),
    Case("zeros", ErrorCode.BAD_SIGNATURE, lambda w: replace(w.send, owner_signature=Signature(bytes(64))), lambda w: w.send),
    Case("somebody else's", ErrorCode.BAD_SIGNATURE, lambda w: sign_core(w.send.core, w.bob.keys, w.send.range_proof), lambda w: w.send),
    Case("made as a vote", ErrorCode.BAD_SIGNATURE, signed_by_another_tag, lambda w: w.send),
    Case(
        "made for another transition",
        ErrorCode.BAD_SIGNATURE,
        lambda w: replace(w.send, owner_signature=w.rival.owner_signature),
        lambda w: w.rival,
    ),
    Case(
        "another proof under the signature",
        ErrorCode.BAD_SIGNATURE,
        lambda w: replace(w.send, range_proof=w.rival.range_proof),
        lambda w: w.send,
    ),
    *(
        Case(
            f"key: {key.name}",
            ErrorCode.BAD_KEY,
            lambda w, key=key: replace(w.send, core=replace(w.send.core, sender=PublicKey(key.public_key))),  # type: ignore[misc]
            lambda w: w.send,
        )
        for key in KEY_CASES
        if not key.acceptable
    ),
]

ACCOUNT = [
    Case(
        "a SEND of nobody",
        ErrorCode.UNKNOWN_ACCOUNT,
        lambda w: alter(w.send, w.eve.keys, sender=w.eve.keys.owner, sequence=0, prev=ZERO_HASH),
        lambda w: w.receive,
    ),
    Case(
        "a SEND of somebody who has outputs only",
        ErrorCode.UNKNOWN_ACCOUNT,
        lambda w: alter(w.send, w.carol.keys, sender=w.carol.keys.owner, sequence=0, prev=ZERO_HASH),
        first_of_two_sends_of_bob,
    ),
]

CONFLICT = [
    Case("voted for another SEND", ErrorCode.CONFLICTS_WITH_VOTE, lambda w: Attempt(w.rival, voted=(w.send,)), lambda w: Attempt(w.send, voted=(w.send,))),
    Case(
        "voted for another RECEIVE",
        ErrorCode.CONFLICTS_WITH_VOTE,
        lambda w: Attempt(rival_claim(w), voted=(sixteen_claims(w),)),
        lambda w: Attempt(sixteen_claims(w), voted=(sixteen_claims(w),)),
    ),
    Case(
        "voted for a RECEIVE, now a SEND",
        ErrorCode.CONFLICTS_WITH_VOTE,
        lambda w: Attempt(first_of_two_sends_of_bob(w), voted=(w.claim(w.bob, (w.payout, 1)),)),
        lambda w: Attempt(w.send, voted=(w.claim(w.bob, (w.payout, 1)),)),
    ),
    Case("certified another SEND", ErrorCode.CONFLICTS_WITH_CERTIFICATE, lambda w: Attempt(w.rival, certified=(certify_by_hand(w.send),)), settled),
    Case(
        "certified another SEND, the vote was for this one",
        ErrorCode.CONFLICTS_WITH_CERTIFICATE,
        lambda w: Attempt(w.send, voted=(w.send,), certified=(certify_by_hand(w.rival),)),
        settled,
    ),
    Case(
        "certified long ago",
        ErrorCode.CONFLICTS_WITH_CERTIFICATE,
        lambda w: alter(w.gifts[0].transition, w.faucet.keys, self_memo=bytes(56)),
        lambda w: w.pay(w.faucet, (w.dave, 1)),
    ),
]

SEQUENCE = [
    Case("already settled", ErrorCode.STALE_SEQUENCE, lambda w: w.payout.transition, lambda w: w.send),
    Case("settled after it had the vote", ErrorCode.STALE_SEQUENCE, lambda w: replace(settled(w), transition=w.send, voted=(w.send,)), settled),
    Case("one ahead", ErrorCode.SEQUENCE_AHEAD, lambda w: alter(w.send, w.alice.keys, sequence=2), lambda w: w.send),
    Case("the last sequence", ErrorCode.SEQUENCE_AHEAD, lambda w: alter(w.send, w.alice.keys, sequence=MAX_U64), lambda w: w.send),
    Case("a first RECEIVE, one ahead", ErrorCode.SEQUENCE_AHEAD, lambda w: alter(w.receive, w.carol.keys, sequence=1), lambda w: w.receive),
    Case("no prev", ErrorCode.PREV_MISMATCH, lambda w: alter(w.send, w.alice.keys, prev=ZERO_HASH), lambda w: w.send),
    Case(
        "a bit of prev",
        ErrorCode.PREV_MISMATCH,
        lambda w: alter(w.send, w.alice.keys, prev=Hash32(w.send.core.prev[:-1] + bytes((w.send.core.prev[-1] ^ 1,)))),
        lambda w: w.send,
    ),
    Case("a prev at sequence 0", ErrorCode.PREV_MISMATCH, lambda w: alter(w.receive, w.carol.keys, prev=w.alice.state.head), lambda w: w.receive),
]

DEPENDENCY = [
    Case(
        "of an unknown certificate",
        ErrorCode.UNKNOWN_OUTPUT,
        lambda w: claiming(w, replace(w.receive.core.claims[0], cert_id=Hash32(b"x" * 32))),
        lambda w: w.receive,
    ),
    Case("behind the last output", ErrorCode.UNKNOWN_OUTPUT, lambda w: claiming(w, replace(w.receive.core.claims[0], index=3)), lambda w: w.receive),
    Case(
        "of a RECEIVE",
        ErrorCode.UNKNOWN_OUTPUT,
        lambda w: claiming(w, replace(w.receive.core.claims[0], cert_id=Hash32(cert_id_of(w.first_claim)))),
        lambda w: w.receive,
    ),
    Case("claimed by oneself", ErrorCode.ALREADY_CLAIMED, lambda w: w.claim(w.bob, (w.payout, 0)), lambda w: w.claim(w.bob, (w.payout, 1))),
    Case(
        "claimed together with a new one",
        ErrorCode.ALREADY_CLAIMED,
        lambda w: w.claim(w.bob, (w.payout, 0), (w.payout, 1)),
        lambda w: w.claim(w.bob, (w.payout, 1)),
    ),
    Case("somebody else's", ErrorCode.NOT_OWNER, lambda w: claiming(w, w.claims_of(w.bob, w.payout)[1]), lambda w: w.receive),
    Case(
        "one's own and somebody else's",
        ErrorCode.NOT_OWNER,
        lambda w: claiming(w, w.claims_of(w.bob, w.payout)[1], w.receive.core.claims[0]),
        lambda w: w.receive,
    ),
    Case(
        "one unit more",
        ErrorCode.CLAIM_COMMITMENT,
        lambda w: claiming(w, replace(w.receive.core.claims[0], commitment=add_commitments((w.receive.core.claims[0].commitment, BASE)))),
        lambda w: w.receive,
    ),
    Case(
        "not even a point",
        ErrorCode.CLAIM_COMMITMENT,
        lambda w: claiming(w, replace(w.receive.core.claims[0], commitment=NOT_A_POINT)),
        lambda w: w.receive,
    ),
]

AMOUNTS = [
    *(
        Case(f"fee {fee}", ErrorCode.FEE, lambda w, fee=fee: with_fee(w, fee), lambda w: w.send)  # type: ignore[misc]
        for fee in (0, 2, 4, MAX_U64)
    ),
    Case(
        "the fee of one output for two",
        ErrorCode.FEE,
        lambda w: alter(w.pay(w.alice, (w.bob, 1), (w.bob, 2)), w.alice.keys, fee=3),
        lambda w: w.pay(w.alice, (w.bob, 1), (w.bob, 2)),
    ),
    Case("a RECEIVE with a fee", ErrorCode.FEE, lambda w: alter(w.receive, w.carol.keys, fee=1), lambda w: w.receive),
    Case("new balance no point", ErrorCode.POINT, lambda w: alter(w.send, w.alice.keys, new_balance=NOT_A_POINT), send_everything),
    Case("new balance all ones", ErrorCode.POINT, lambda w: alter(w.send, w.alice.keys, new_balance=Commitment(b"\xff" * 32)), lambda w: w.send),
    Case("new balance of a RECEIVE no point", ErrorCode.POINT, lambda w: alter(w.receive, w.carol.keys, new_balance=NOT_A_POINT), lambda w: w.receive),
    Case("output no point", ErrorCode.POINT, lambda w: with_output(w, commitment=NOT_A_POINT), lambda w: w.send),
    Case("output of nothing", ErrorCode.IDENTITY_OUTPUT, lambda w: with_output(w, commitment=IDENTITY), hiding_zero),
    *(
        Case(
            f"recipient: {key.name}",
            ErrorCode.RECIPIENT_KEY,
            lambda w, key=key: with_output(w, owner=PublicKey(key.public_key)),  # type: ignore[misc]
            lambda w: with_output(w, view_pk=ViewPublicKey(bytes(32)), eph_pk=ViewPublicKey(bytes(32)), memo=bytes(80)),
        )
        for key in KEY_CASES
        if not key.acceptable
    ),
]

BALANCE = [
    Case(
        "one unit kept",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.send, w.alice.keys, new_balance=add_commitments((w.send.core.new_balance, BASE))),
        lambda w: w.send,
    ),
    Case(
        "one unit lost",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.send, w.alice.keys, new_balance=subtract_commitments(w.send.core.new_balance, BASE)),
        lambda w: w.send,
    ),
    Case("nothing paid", ErrorCode.UNBALANCED, lambda w: alter(w.send, w.alice.keys, new_balance=w.alice.state.balance), lambda w: w.send),
    Case(
        "the fee kept",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.send, w.alice.keys, new_balance=add_commitments((w.send.core.new_balance, commit_public(w.send.core.fee)))),
        lambda w: w.send,
    ),
    Case(
        "another blinding factor",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.send, w.alice.keys, new_balance=commit(Opening(w.send_opening.value, 1))),
        lambda w: w.send,
    ),
    Case("a claim not added", ErrorCode.UNBALANCED, lambda w: alter(w.receive, w.carol.keys, new_balance=IDENTITY), lambda w: w.receive),
    Case(
        "a claim added twice",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.receive, w.carol.keys, new_balance=add_commitments([w.receive.core.claims[0].commitment] * 2)),
        lambda w: w.receive,
    ),
    Case(
        "one of two claims not added",
        ErrorCode.UNBALANCED,
        lambda w: alter(w.claim(w.dave, (w.gifts[0], 0)), w.dave.keys, claims=tuple(w.claims_of(w.dave, w.gifts[0])[:2])),
        lambda w: w.claim(w.dave, (w.gifts[0], 0), (w.gifts[0], 1)),
    ),
]


def proven(world: World, transition: Transition, new: Opening, *outputs: Opening) -> Transition:
    """The transition with a proof for these openings, in the right context."""
    core = transition.core
    statement = build_statement(core.new_balance, [output.commitment for output in core.outputs], compute_core_hash(core))
    return sign_core(core, world.alice.keys, prove(statement, build_witness(new, outputs), seeded_entropy("proven")))


def overspending(world: World) -> Transition:
    """Alice pays out one unit more than she has, balanced: what is left commits to -1. Nobody can prove that, so the proof is one for another balance."""
    paid = Opening(world.alice.opening.value - world.genesis.doc.fee_of_send(1) + 1, 5)
    left = subtract_commitments(subtract_commitments(world.alice.state.balance, commit(paid)), commit_public(world.genesis.doc.fee_of_send(1)))
    return alter(world.send, world.alice.keys, new_balance=left, outputs=(replace(world.send.core.outputs[0], commitment=commit(paid)),))


def negative_output(world: World) -> Transition:
    """Two outputs, +2^63 and -2^63: they balance, and the first would be money from nothing."""
    much = commit(Opening(2**63, 3))
    debt = subtract_commitments(commit(Opening(0, 9)), much)
    core = world.pay(world.alice, (world.bob, 1), (world.alice, 1)).core
    outputs = (replace(core.outputs[0], commitment=much), replace(core.outputs[1], commitment=debt))
    left = subtract_commitments(subtract_commitments(world.alice.state.balance, commit(Opening(0, 9))), commit_public(core.fee))
    return sign_core(replace(core, outputs=outputs, new_balance=left), world.alice.keys)


def nothing_left(world: World) -> Transition:
    """The boundary of overspending: everything is paid out, and the proof shows that 0 is left."""
    paid = Opening(world.alice.opening.value - world.genesis.doc.fee_of_send(1), 5)
    transition = alter(
        world.send,
        world.alice.keys,
        new_balance=commit(Opening(0, (world.alice.opening - Opening(0, 5)).blinding)),
        outputs=(replace(world.send.core.outputs[0], commitment=commit(paid)),),
    )
    return proven(world, transition, world.alice.opening - paid - Opening(world.genesis.doc.fee_of_send(1), 0), paid)


def nothing_paid(world: World) -> Transition:
    transition = hiding_zero(world)
    new = world.alice.opening - Opening(0, 77) - Opening(world.send.core.fee, 0)
    return proven(world, transition, new, Opening(0, 77))


RANGE = [
    Case(
        "a bit of the proof",
        ErrorCode.RANGE_PROOF,
        lambda w: resigned(w.send, w, proof=bytes((*w.send.range_proof[:-1], w.send.range_proof[-1] ^ 1))),
        lambda w: w.send,
    ),
    Case("another proof of that size", ErrorCode.RANGE_PROOF, lambda w: resigned(w.send, w, proof=w.rival.range_proof), lambda w: w.rival),
    Case("zeros", ErrorCode.RANGE_PROOF, lambda w: resigned(w.send, w, proof=bytes(641)), lambda w: w.send),
    Case(
        "the proof of another core with these commitments",
        ErrorCode.RANGE_PROOF,
        lambda w: alter(w.send, w.alice.keys, self_memo=bytes(56)),
        lambda w: w.send,
    ),
    Case("overspent by one unit", ErrorCode.RANGE_PROOF, overspending, nothing_left),
    Case("a negative output", ErrorCode.RANGE_PROOF, negative_output, nothing_paid),
]

CASES = [*FORMAT, *SIGNATURE, *ACCOUNT, *CONFLICT, *SEQUENCE, *DEPENDENCY, *AMOUNTS, *BALANCE, *RANGE]


def case_id(case: Case) -> str:
    return f"{case.code:04x}-{case.name}"


def test_table_has_every_code_of_the_nine_rules() -> None:
    assert {case.code for case in CASES} == {code for code in ErrorCode if code < ErrorCode.BUSY}
    assert len({case_id(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_rule_refuses_with_its_code_and_changes_nothing(case: Case, world: World) -> None:
    validator = world.validator()
    trial = attempt(case.refused(world))
    trial.prepare(validator)
    before, evidence, refused = validator.state(), validator.evidence(), validator.machine.votes_refused
    answer = trial.make(validator)
    assert isinstance(answer, VoteReject), answer
    assert answer.code is case.code
    assert validator.state() == before
    assert trial.make(validator) == answer
    assert validator.state() == before
    assert validator.restart().state() == before
    assert validator.machine.votes_refused == refused + 2
    # A conflict is the only refusal that leaves something behind: the proof.
    assert isinstance(answer.detail, ConflictDetail) is (case.code >> 8 == 4)
    assert len(validator.evidence()) <= len(evidence) + (case.code >> 8 == 4)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_rule_accepts_across_the_boundary(case: Case, world: World) -> None:
    validator = world.validator(real_proofs=case in RANGE)
    trial = attempt(case.accepted(world))
    trial.prepare(validator)
    before = validator.state()
    answer = trial.make(validator)
    assert isinstance(answer, VoteResponse), answer
    candidate = identify(TRANSITION.decode(trial.data))
    assert verify_vote(answer.vote, candidate.statement, world.genesis.committee)
    after = validator.state()
    # A vote changes the lock of its slot and nothing else.
    assert after["locks"][candidate.core.sender, candidate.core.sequence].transition_id == candidate.transition_id
    for part in ("digest", "globals", "accounts", "outputs", "parked", "proofs", "halted"):
        assert after[part] == before[part]
    assert validator.restart().state() == after


# --- What a refusal says ---------------------------------------------------------------------------------------------------------------------------


def test_missing_outputs_are_named_once_each_and_claimed_ones_are_not(world: World) -> None:
    """The wallet pushes what is named: a claimed output is not missing, and two outputs of one certificate are one certificate."""
    known = world.receive.core.claims[0]
    absent = [Claim(Hash32(bytes((name,)) * 32), index, known.commitment) for name, index in ((0x00, 0), (0x00, 1), (0xFF, 0))]
    answer = world.validator().vote(claiming(world, *sorted((*absent, known), key=lambda claim: claim.key)))
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.UNKNOWN_OUTPUT
    assert answer.detail == MissingDetail((Hash32(b"\x00" * 32), Hash32(b"\xff" * 32)))


def test_refusal_tells_the_next_sequence_and_the_id(world: World) -> None:
    validator = world.validator()
    ahead = alter(world.send, world.alice.keys, sequence=9)
    answer = validator.vote(ahead)
    assert isinstance(answer, VoteReject)
    assert (answer.next_sequence, answer.transition_id, answer.detail) == (1, identify(ahead).transition_id, NoDetail())
    malformed = validator.ask(VoteRequest(3, (), b"\x01"))
    assert isinstance(malformed, VoteReject)
    assert (malformed.request_id, malformed.next_sequence, malformed.transition_id) == (3, 0, ZERO_HASH)


def test_text_of_a_refusal_fits_its_field(world: World) -> None:
    """255 bytes of UTF-8 are all that the message holds; a longer text would be an encoding error of our own."""
    for case in CASES:
        validator = world.validator()
        trial = attempt(case.refused(world))
        trial.prepare(validator)
        answer = trial.make(validator)
        assert isinstance(answer, VoteReject)
        assert 0 < len(answer.text.encode()) <= 255


# --- Boundaries that need a network of their own ---------------------------------------------------------------------------------------------------


def test_network_without_fees_and_with_the_largest_supply() -> None:
    """Fee 0 commits to the identity, and the largest amount is all of 2^63 - 1 but one."""
    cluster = Cluster(make_genesis(fee_base=0, allocations={"alice": 2**63 - 1}))
    alice, bob = cluster.account("alice"), cluster.account("bob")
    sent = cluster.pay(alice, (bob, 2**63 - 2))
    cluster.claim(bob, sent)
    assert (alice.opening.value, bob.opening.value) == (1, 2**63 - 2)
    assert all(validator.machine.ledger.audit_supply() for validator in cluster.validators)


def test_largest_fee_is_charged_exactly() -> None:
    fee_base, fee_per_output = 2**62, (2**62 - 1) // 7
    cluster = Cluster(make_genesis(fee_base=fee_base, fee_per_output=fee_per_output, allocations={"alice": 2**63 - 1}))
    alice, bob = cluster.account("alice"), cluster.account("bob")
    cluster.pay(alice, (bob, 5))
    assert alice.opening.value == 2**63 - 1 - 5 - fee_base - fee_per_output
    for validator in cluster.validators:
        assert validator.machine.ledger.globals.fee_pool == fee_base + fee_per_output
        assert validator.machine.ledger.audit_supply()


def test_seven_outputs_with_their_real_proof(world: World) -> None:
    transition, _ = world.cluster.build_send(world.alice, *[(world.dave, amount) for amount in range(1, 8)])
    assert len(transition.range_proof) == 769
    assert isinstance(world.validator().vote(transition), VoteResponse)


def test_sixteen_claims_add_up(world: World) -> None:
    validator = world.validator()
    transition = sixteen_claims(world)
    assert len(transition.core.claims) == MAX_CLAIMS
    assert validator.settle(certify_by_hand(transition)).log_index == len(world.past)
    assert validator.machine.ledger.audit_supply()
    assert len(validator.machine.ledger.outputs_of(world.dave.keys.owner)) == 1


def test_an_owner_that_is_a_validator_cannot_have_its_vote_taken_for_a_payment(world: World) -> None:
    """Votes and owners' signatures are over the same statement; only the tag keeps them apart."""
    of_a_validator = replace(world.send, core=replace(world.send.core, sender=vote_by_hand(0, world.send).validator))
    signed_as_vote = replace(of_a_validator, owner_signature=vote_by_hand(0, of_a_validator).signature)
    answer = world.validator().vote(signed_as_vote)
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.BAD_SIGNATURE


def test_draft_with_an_output_to_oneself_is_accepted(world: World) -> None:
    draft = world.cluster.draft_send(world.alice, (world.alice, 9_000 - 500))
    transition = sign_draft(draft, prove_draft(draft, seeded_entropy("self")), world.alice.keys.signing_key)
    assert transition.core.outputs[0].owner == transition.core.sender
    assert isinstance(world.validator().vote(transition), VoteResponse)
