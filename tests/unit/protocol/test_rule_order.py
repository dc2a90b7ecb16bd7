"""The order of the rules: a transition that breaks two of them is refused for the first, and what stands behind is not even looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest

from mesh_core.crypto.pedersen import IDENTITY, add_commitments, commit_public
from mesh_core.errors import ErrorCode
from mesh_core.types.basic import Commitment, Hash32, PublicKey, Signature
from mesh_core.types.messages import VoteReject
from mesh_core.types.transition import TRANSITION, Claim, Transition
from tests.cluster import alter, sign_core
from tests.unit.protocol.test_rules import COUNT_AT, MEMO_LENGTH_AT, NOT_A_POINT, spliced, with_outputs
from tests.unit.protocol.world import Attempt, World

SMALL_ORDER = PublicKey(bytes(32))


@dataclass
class Broken:
    """A transition that is being broken: core fields first, then owner, proof and signature."""

    transition: Transition
    signer: str
    proof: bytes
    bad_signature: bool = False
    voted: list[Transition] = field(default_factory=list)

    def change(self, **changes: object) -> None:
        self.transition = replace(self.transition, core=replace(self.transition.core, **changes))  # type: ignore[arg-type]

    def build(self, world: World) -> Attempt:
        signed = sign_core(self.transition.core, getattr(world, self.signer).keys, self.proof)
        if self.bad_signature:
            signed = replace(signed, owner_signature=Signature(bytes(64)))
        return Attempt(signed, voted=tuple(self.voted))


Break = Callable[[World, Broken], None]


def epoch(world: World, broken: Broken) -> None:
    broken.change(epoch=1)


def signature(world: World, broken: Broken) -> None:
    broken.bad_signature = True


def stranger(world: World, broken: Broken) -> None:
    broken.change(sender=world.eve.keys.owner)
    broken.signer = "eve"


def conflict_of_send(world: World, broken: Broken) -> None:
    broken.voted.append(world.rival)


def conflict_of_receive(world: World, broken: Broken) -> None:
    broken.voted.append(alter(world.receive, world.carol.keys, self_memo=bytes(56)))


def prev(world: World, broken: Broken) -> None:
    broken.change(prev=Hash32(b"p" * 32))


def claim(world: World, broken: Broken) -> None:
    claims = broken.transition.core.claims
    broken.change(claims=(replace(claims[0], cert_id=Hash32(b"c" * 32)),))


def fee(world: World, broken: Broken) -> None:
    broken.change(fee=broken.transition.core.fee + 1)


def balance(world: World, broken: Broken) -> None:
    broken.change(new_balance=add_commitments((broken.transition.core.new_balance, commit_public(7))))


def proof(world: World, broken: Broken) -> None:
    broken.proof = bytes(len(broken.proof))


SEND_BREAKS: list[tuple[ErrorCode, Break]] = [
    (ErrorCode.EPOCH, epoch),
    (ErrorCode.BAD_SIGNATURE, signature),
    (ErrorCode.UNKNOWN_ACCOUNT, stranger),
    (ErrorCode.CONFLICTS_WITH_VOTE, conflict_of_send),
    (ErrorCode.PREV_MISMATCH, prev),
    (ErrorCode.FEE, fee),
    (ErrorCode.UNBALANCED, balance),
    (ErrorCode.RANGE_PROOF, proof),
]
RECEIVE_BREAKS: list[tuple[ErrorCode, Break]] = [
    (ErrorCode.EPOCH, epoch),
    (ErrorCode.BAD_SIGNATURE, signature),
    (ErrorCode.CONFLICTS_WITH_VOTE, conflict_of_receive),
    (ErrorCode.PREV_MISMATCH, prev),
    (ErrorCode.UNKNOWN_OUTPUT, claim),
    (ErrorCode.FEE, fee),
    (ErrorCode.UNBALANCED, balance),
]


def pairs(breaks: list[tuple[ErrorCode, Break]]) -> list[tuple[tuple[ErrorCode, Break], ...]]:
    """Every two of them, and all of them from each one on."""
    return [*combinations(breaks, 2), *(tuple(breaks[first:]) for first in range(len(breaks)))]


def pair_id(broken: tuple[tuple[ErrorCode, Break], ...]) -> str:
    return "+".join(f"{code:04x}" for code, _ in broken)


@pytest.mark.parametrize("breaks", pairs(SEND_BREAKS), ids=pair_id)
def test_send_that_breaks_several_rules_reports_the_first(breaks: tuple[tuple[ErrorCode, Break], ...], world: World) -> None:
    check_first(world, Broken(world.send, "alice", world.send.range_proof), breaks)


@pytest.mark.parametrize("breaks", pairs(RECEIVE_BREAKS), ids=pair_id)
def test_receive_that_breaks_several_rules_reports_the_first(breaks: tuple[tuple[ErrorCode, Break], ...], world: World) -> None:
    check_first(world, Broken(world.receive, "carol", b""), breaks)


def check_first(world: World, broken: Broken, breaks: tuple[tuple[ErrorCode, Break], ...]) -> None:
    for _, spoil in breaks:
        spoil(world, broken)
    trial = broken.build(world)
    validator = world.validator()
    trial.prepare(validator)
    before = validator.state()
    answer = trial.make(validator)
    assert isinstance(answer, VoteReject)
    assert answer.code is min(code for code, _ in breaks)
    assert validator.state() == before


# --- Inside rule 1: as a decoder goes from left to right, then field by field ------------------------------------------------------------------------

BYTES: list[tuple[str, ErrorCode, Callable[[World], bytes]]] = [
    ("one byte, of a wrong version", ErrorCode.MALFORMED, lambda w: b"\x09"),
    ("version and kind wrong, all else missing", ErrorCode.VERSION, lambda w: b"\x09\x09"),
    ("version and kind wrong, all else there", ErrorCode.VERSION, lambda w: b"\x09\x09" + TRANSITION.encode(w.send)[2:]),
    ("kind wrong, all else missing", ErrorCode.KIND, lambda w: b"\x01\x09"),
    ("kind wrong, and a byte too many", ErrorCode.KIND, lambda w: b"\x01\x09" + TRANSITION.encode(w.send)[2:] + b"\0"),
    ("8 outputs announced, the second missing", ErrorCode.COUNT_OR_ORDER, lambda w: with_outputs(w, 8)[: COUNT_AT + 200]),
    ("8 outputs, the first with a memo of 81 bytes", ErrorCode.COUNT_OR_ORDER, lambda w: spliced(with_outputs(w, 8), MEMO_LENGTH_AT, 2, b"\0\x51")),
    (
        "memo of 81 bytes announced, missing",
        ErrorCode.MEMO_SIZE,
        lambda w: spliced(TRANSITION.encode(w.send), MEMO_LENGTH_AT, 2, b"\0\x51")[: MEMO_LENGTH_AT + 2],
    ),
    ("memo of 80 bytes announced, missing", ErrorCode.MALFORMED, lambda w: TRANSITION.encode(w.send)[: MEMO_LENGTH_AT + 2]),
    ("8 outputs in another network", ErrorCode.COUNT_OR_ORDER, lambda w: spliced(with_outputs(w, 8), 2, 32, bytes(32))),
    (
        "memo of 81 bytes in another network",
        ErrorCode.MEMO_SIZE,
        lambda w: spliced(spliced(TRANSITION.encode(w.send), MEMO_LENGTH_AT, 2, b"\0\x51"), 2, 32, bytes(32)),
    ),
    ("cut off, in another network", ErrorCode.MALFORMED, lambda w: spliced(TRANSITION.encode(w.send), 2, 32, bytes(32))[:-1]),
    ("a byte too many, in another network", ErrorCode.MALFORMED, lambda w: spliced(TRANSITION.encode(w.send), 2, 32, bytes(32)) + b"\0"),
]


@pytest.mark.parametrize(("name", "code", "data"), BYTES, ids=[name for name, _, _ in BYTES])
def test_decoder_reports_the_leftmost_fault(name: str, code: ErrorCode, data: Callable[[World], bytes], world: World) -> None:
    answer = Attempt(data(world)).make(world.validator())
    assert isinstance(answer, VoteReject)
    assert answer.code is code, name


FIELDS: list[tuple[ErrorCode, dict[str, object], bytes | None]] = [
    (ErrorCode.NETWORK, {"network_id": Hash32(bytes(32))}, None),
    (ErrorCode.EPOCH, {"epoch": 1}, None),
    (ErrorCode.ASSET, {"asset_id": b"a" * 32}, None),
    (ErrorCode.COUNT_OR_ORDER, {"claims": "twice"}, None),
    (ErrorCode.PROOF_SIZE, {}, b"\0"),
]


@pytest.mark.parametrize("faults", list(combinations(FIELDS, 2)), ids=lambda faults: "+".join(f"{fault[0]:04x}" for fault in faults))
def test_fields_are_checked_in_their_order(faults: tuple[tuple[ErrorCode, dict[str, object], bytes | None], ...], world: World) -> None:
    changes: dict[str, object] = {}
    proof_bytes = b""
    for _, change, extra in faults:
        changes |= {name: world.receive.core.claims * 2 if value == "twice" else value for name, value in change.items()}
        proof_bytes = proof_bytes if extra is None else extra
    core = replace(world.receive.core, **changes)  # type: ignore[arg-type]
    answer = world.validator().vote(sign_core(core, world.carol.keys, proof_bytes))
    assert isinstance(answer, VoteReject)
    assert answer.code is faults[0][0]


def test_bad_key_comes_before_bad_signature(world: World) -> None:
    """Under a key of small order a signature may even verify: the key is judged first."""
    transition = replace(world.send, core=replace(world.send.core, sender=SMALL_ORDER), owner_signature=Signature(bytes(64)))
    answer = world.validator().vote(transition)
    assert isinstance(answer, VoteReject)
    assert answer.code is ErrorCode.BAD_KEY


# --- Inside rules 6 and 7: the first offending item decides ------------------------------------------------------------------------------------------


def claims_in_order(world: World, *claims: Claim) -> VoteReject:
    """Bob's answer for these claims, which must ascend already."""
    transition = alter(world.claim(world.bob, (world.payout, 1)), world.bob.keys, claims=claims)
    answer = world.validator().vote(transition)
    assert isinstance(answer, VoteReject)
    return answer


def test_claims_are_judged_one_by_one(world: World) -> None:
    taken, own = world.claims_of(world.bob, world.payout)
    foreign = world.receive.core.claims[0]
    first_unknown, last_unknown = replace(own, cert_id=Hash32(bytes(32))), replace(own, cert_id=Hash32(b"\xff" * 32))
    false = replace(own, commitment=foreign.commitment)
    # Of each pair, the first in the order of the list decides, whichever code is lower.
    assert claims_in_order(world, first_unknown, taken).code is ErrorCode.UNKNOWN_OUTPUT
    assert claims_in_order(world, taken, foreign).code is ErrorCode.ALREADY_CLAIMED
    assert claims_in_order(world, taken, last_unknown).code is ErrorCode.ALREADY_CLAIMED
    assert claims_in_order(world, false, foreign).code is ErrorCode.CLAIM_COMMITMENT
    assert claims_in_order(world, false, last_unknown).code is ErrorCode.CLAIM_COMMITMENT
    assert claims_in_order(world, own, foreign).code is ErrorCode.NOT_OWNER


def test_lowest_code_of_one_claim_is_reported(world: World) -> None:
    """Somebody else's output, with another commitment: 0603 before 0604. A taken one, with another commitment: 0602."""
    foreign = replace(world.receive.core.claims[0], commitment=NOT_A_POINT)
    assert claims_in_order(world, foreign).code is ErrorCode.NOT_OWNER
    taken = replace(world.claims_of(world.bob, world.payout)[0], commitment=NOT_A_POINT)
    assert claims_in_order(world, taken).code is ErrorCode.ALREADY_CLAIMED


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [
        (ErrorCode.RECIPIENT_KEY, {"owner": SMALL_ORDER}, {"commitment": NOT_A_POINT}),
        (ErrorCode.IDENTITY_OUTPUT, {"commitment": IDENTITY}, {"commitment": NOT_A_POINT}),
        (ErrorCode.POINT, {"commitment": NOT_A_POINT}, {"commitment": IDENTITY}),
        (ErrorCode.POINT, {"commitment": NOT_A_POINT, "owner": SMALL_ORDER}, {}),
        (ErrorCode.IDENTITY_OUTPUT, {"commitment": IDENTITY, "owner": SMALL_ORDER}, {}),
        (ErrorCode.RECIPIENT_KEY, {}, {"owner": SMALL_ORDER}),
    ],
)
def test_outputs_are_judged_one_by_one(code: ErrorCode, first: dict[str, object], second: dict[str, object], world: World) -> None:
    core = world.pay(world.alice, (world.bob, 1), (world.carol, 2)).core
    outputs = tuple(replace(output, **changes) for output, changes in zip(core.outputs, (first, second), strict=True))  # type: ignore[arg-type]
    answer = world.validator().vote(sign_core(replace(core, outputs=outputs), world.alice.keys))
    assert isinstance(answer, VoteReject)
    assert answer.code is code


def test_fee_comes_before_points_and_the_new_balance_before_outputs(world: World) -> None:
    core = replace(world.send.core, new_balance=Commitment(NOT_A_POINT), outputs=(replace(world.send.core.outputs[0], commitment=IDENTITY),))
    for changed, code in ((replace(core, fee=0), ErrorCode.FEE), (core, ErrorCode.POINT)):
        answer = world.validator().vote(sign_core(changed, world.alice.keys))
        assert isinstance(answer, VoteReject)
        assert answer.code is code
        assert code is ErrorCode.FEE or "new_balance" in answer.text
