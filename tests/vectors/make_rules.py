"""Makes `rules.json`: for every code of the nine rules at least one transition that is refused with it, the order of rules, transitions that get the vote.

`python -m tests.vectors.make_all` writes the files anew. A case says how a validator gets into the state that it needs: certificates that it applies and
transitions that it votes for, one after the other. Where it can be, a transition breaks the one rule only (`alone`): who leaves that rule out votes for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash, tagged_prefix
from mesh_core.crypto.pedersen import IDENTITY, Opening, add_commitments, commit, commit_public, subtract_commitments
from mesh_core.crypto.range_proof import RangeStatement, RangeWitness, build_statement, build_witness, prove
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode
from mesh_core.protocol.construction import Draft, Payment, draft_receive, draft_send
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import MAX_U64, ZERO_HASH, Commitment, Hash32, PublicKey, ViewPublicKey
from mesh_core.types.certificate import VOTE
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from mesh_core.types.messages import AckStatus, ConflictDetail, MissingDetail, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, TRANSITION_CORE, Claim, Transition, TransitionCore
from tests.cluster import Validator
from tests.vectors import schoolbook
from tests.vectors.machines import BYSTANDER, new_validator
from tests.vectors.story import Person, Story, certificate_hex, certify, genesis_hex, seeded_entropy, transition_hex, validator_seeds

NAME = "rules.json"

COUNT_AT = 186
"""Place of the count of outputs or claims: behind version, kind, network, epoch, asset, sender, sequence, prev, new_balance and fee."""
OUTPUT_BYTES = 4 * 32 + 2 + 80
CLAIM_BYTES = 65
MEMO_LENGTH_AT = COUNT_AT + 1 + 4 * 32
NOT_A_POINT = Commitment(b"\x01" + bytes(31))
TORSION = PublicKey(schoolbook.encode(schoolbook.torsion_point()))
SETTLE, VOTE_FOR = "settle", "vote"


@dataclass(frozen=True)
class Trial:
    """A transition, what the validator has seen before it, and the code that it is refused with; None: it gets the vote. `alone`: only one rule is broken."""

    name: str
    code: ErrorCode | None
    transition: bytes
    before: tuple[tuple[str, str], ...]
    alone: bool | None = None


def seal(core: TransitionCore | bytes, key: SigningKey, proof: bytes = b"", *, tag: bytes = domains.SIG_OWNER) -> bytes:
    """The bytes of a transition with this core, whatever it says, this proof and a signature over its statement."""
    data = core if isinstance(core, bytes) else TRANSITION_CORE.encode(core)
    return data + len(proof).to_bytes(2, "big") + proof + key.sign(tag, statement_of(data, proof))


def statement_of(core: bytes, proof: bytes) -> bytes:
    core_hash = tagged_hash(domains.TRANSITION_CORE, core)
    transition_id = tagged_hash(domains.TRANSITION_ID, core_hash + tagged_hash(domains.PROOF_HASH, proof))
    return core[2:34] + core[34:42] + core[74:106] + core[106:114] + transition_id


class Scene:
    """Alice has paid Bob 500 and 300 and Carol 200, and Bob has claimed the 500; the rest waits. Dave and Eve have nothing."""

    def __init__(self) -> None:
        self.story = Story()
        self.story.pay("alice 0", "Alice", ("Bob", 500, ""), ("Bob", 300, ""), ("Carol", 200, ""))
        self.story.claim("bob 0", "Bob", ("alice 0", 0))
        self.genesis = self.story.genesis
        self.alice, self.bob, self.carol, self.dave, self.eve = (self.story.people[name] for name in ("Alice", "Bob", "Carol", "Dave", "Eve"))
        self.past = ("alice 0", "bob 0")
        self.certificates = {name: step.certificate for name, step in self.story.steps.items()}
        self.transitions: dict[str, Transition] = {}
        self.send = self.draft("send")
        self.receive = self.take(self.carol, ("alice 0", 2))

    # --- What can be built

    def draft(self, label: str, *payments: tuple[Person, int, str], sender: Person | None = None) -> Draft:
        """A SEND without proof and signature; 100 to Bob from Alice where nothing is said."""
        person = self.alice if sender is None else sender
        to = [Payment(recipient.keys.address, amount, text) for recipient, amount, text in payments or ((self.bob, 100, ""),)]
        return draft_send(person.keys, self.genesis, person.state, person.opening, to, seeded_entropy(f"rules: {label}"))

    def take(self, person: Person, *outputs: tuple[str, int]) -> Draft:
        """A RECEIVE without signature."""
        return draft_receive(person.keys, self.genesis, person.state, person.opening, [person.outputs[output] for output in outputs])

    def proven(self, draft: Draft, *, sender: Person | None = None, tag: bytes = domains.SIG_OWNER, **changes: Any) -> bytes:
        """The draft with other fields in its core, proven and signed as it then stands: right in everything but what was changed."""
        core = replace(draft.core, **changes)
        return self.seal_as(core, self.prove(core, draft.new_opening, draft.output_openings), sender, tag)

    def seal_as(self, core: TransitionCore | bytes, proof: bytes = b"", sender: Person | None = None, tag: bytes = domains.SIG_OWNER) -> bytes:
        return seal(core, (self.alice if sender is None else sender).keys.signing_key, proof, tag=tag)

    def prove(self, core: TransitionCore | bytes, new: Opening, outputs: Sequence[Opening]) -> bytes:
        """A range proof for these openings in the context of this core."""
        data = core if isinstance(core, bytes) else TRANSITION_CORE.encode(core)
        core_hash = tagged_hash(domains.TRANSITION_CORE, data)
        statement = build_statement(commit(new), [commit(opening) for opening in outputs], core_hash)
        return prove(statement, build_witness(new, outputs), seeded_entropy(f"rules: proof {core_hash.hex()}"))

    def reopened(self, draft: Draft, label: str, *outputs: Opening, new: Opening | None = None, fee: int | None = None, **changes: Any) -> bytes:
        """The draft with other amounts: commitments and proof of these openings. What is left is what balances, unless `new` says otherwise."""
        paid = outputs or draft.output_openings
        charged = draft.core.fee if fee is None else fee
        left = self.left(charged, *paid) if new is None else new
        recommitted = tuple(replace(output, commitment=commit(opening)) for output, opening in zip(draft.core.outputs, paid, strict=True))
        fields: dict[str, Any] = {"new_balance": commit(left), "fee": charged, "outputs": recommitted}
        core = replace(draft.core, **(fields | changes))
        return self.seal_as(core, self.prove(core, left, paid))

    def left(self, fee: int, *paid: Opening) -> Opening:
        """What Alice has left."""
        value = self.alice.opening.value - fee - sum(opening.value for opening in paid)
        return Opening(value, (self.alice.opening.blinding - sum(opening.blinding for opening in paid)) % GROUP_ORDER)

    def claim_of(self, name: str, index: int) -> Claim:
        transition = self.certificates[name].transition
        return Claim(identify(transition).cert_id, index, transition.core.outputs[index].commitment)

    def claiming(self, person: Person, *claims: Claim) -> TransitionCore:
        """A RECEIVE of any claims by anybody, balanced."""
        state = person.state
        balance = add_commitments((state.balance, *(claim.commitment for claim in claims)))
        return replace(self.receive.core, sender=state.owner, sequence=state.sequence, prev=state.head, claims=claims, new_balance=balance)

    # --- Tables that the cases name

    def certified(self, name: str, transition: bytes) -> tuple[str, str]:
        """A step: the certificate of this transition is applied."""
        self.certificates[name] = certify(TRANSITION.decode(transition))
        return SETTLE, name

    def voted(self, name: str, transition: bytes) -> tuple[str, str]:
        """A step: the validator votes for this transition."""
        self.transitions[name] = TRANSITION.decode(transition)
        return VOTE_FOR, name


def splice(data: bytes, at: int, old: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + old :]


def flip(data: bytes, at: int) -> bytes:
    return splice(data, at, 1, bytes([data[at] ^ 1]))


def with_bit(value: bytes) -> Hash32:
    return Hash32(flip(value, 31))


def format_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    send, receive = scene.proven(scene.send), scene.seal_as(scene.receive.core, sender=scene.carol)
    core = TRANSITION_CORE.encode(scene.send.core)
    output, claim = core[COUNT_AT + 1 : COUNT_AT + 1 + OUTPUT_BYTES], TRANSITION_CORE.encode(scene.receive.core)[COUNT_AT + 1 : COUNT_AT + 1 + CLAIM_BYTES]
    network_id = scene.genesis.network_id
    two = scene.take(scene.bob, ("alice 0", 1)).core
    descending = scene.claiming(scene.bob, scene.claim_of("alice 0", 1), replace(scene.claim_of("alice 0", 1), index=0))
    pair = scene.draft("two outputs", (scene.bob, 1, ""), (scene.carol, 2, ""))
    padded = RangeStatement(tuple(commit(opening) for opening in (pair.new_opening, *pair.output_openings)) + (IDENTITY,) * 5, identify_core(pair.core), 64)
    too_large = prove(padded, RangeWitness((pair.new_opening, *pair.output_openings) + (Opening(0, 0),) * 5), seeded_entropy("rules: padded to 8"))
    code = ErrorCode

    def counted(count: int) -> bytes:
        return scene.seal_as(splice(core, COUNT_AT, 1 + OUTPUT_BYTES, bytes([count]) + output * count), bytes(769))

    def claimed(count: int) -> bytes:
        data = TRANSITION_CORE.encode(scene.receive.core)
        items = b"".join(claim[:32] + bytes([index]) + claim[33:] for index in range(count))
        return scene.seal_as(splice(data, COUNT_AT, 1 + CLAIM_BYTES, bytes([count]) + items), sender=scene.carol)

    def memo_of(size: int) -> bytes:
        return scene.seal_as(splice(core, MEMO_LENGTH_AT, 2 + 80, size.to_bytes(2, "big") + bytes(size)), bytes(641))

    return [
        ("no bytes", code.MALFORMED, b"", False),
        ("one byte", code.MALFORMED, b"\x01", False),
        ("one byte, of another version", code.MALFORMED, b"\x02", False),
        ("last byte missing", code.MALFORMED, send[:-1], False),
        ("one byte too many", code.MALFORMED, send + b"\0", False),
        ("version 0", code.VERSION, splice(send, 0, 1, b"\0"), False),
        ("version 2", code.VERSION, splice(send, 0, 1, b"\2"), False),
        ("kind 0, genesis", code.KIND, splice(send, 1, 1, b"\0"), False),
        ("kind 3, mint", code.KIND, splice(receive, 1, 1, b"\3"), False),
        ("kind 4, unlock", code.KIND, splice(receive, 1, 1, b"\4"), False),
        ("another network", code.NETWORK, scene.proven(scene.send, network_id=with_bit(network_id)), True),
        ("epoch 1", code.EPOCH, scene.proven(scene.send, epoch=1), True),
        ("the last epoch", code.EPOCH, scene.proven(scene.send, epoch=MAX_U64), True),
        ("another asset", code.ASSET, scene.proven(scene.send, asset_id=with_bit(scene.genesis.doc.asset_id)), True),
        ("no output", code.COUNT_OR_ORDER, counted(0), False),
        ("8 outputs", code.COUNT_OR_ORDER, counted(8), False),
        ("no claim", code.COUNT_OR_ORDER, claimed(0), False),
        ("17 claims", code.COUNT_OR_ORDER, claimed(17), False),
        ("one claim twice", code.COUNT_OR_ORDER, scene.seal_as(scene.claiming(scene.bob, *two.claims * 2), sender=scene.bob), True),
        ("claims descending", code.COUNT_OR_ORDER, scene.seal_as(descending, sender=scene.bob), False),
        ("memo of 0 bytes", code.MEMO_SIZE, memo_of(0), False),
        ("memo of 79 bytes", code.MEMO_SIZE, memo_of(79), False),
        ("memo of 273 bytes", code.MEMO_SIZE, memo_of(273), False),
        ("SEND without a proof", code.PROOF_SIZE, scene.seal_as(scene.send.core), False),
        ("2 outputs, proof padded to 8 commitments", code.PROOF_SIZE, scene.seal_as(pair.core, too_large), False),
        ("RECEIVE with a proof", code.PROOF_SIZE, scene.seal_as(scene.receive.core, bytes(641), scene.carol), True),
    ]


def identify_core(core: TransitionCore) -> Hash32:
    return tagged_hash(domains.TRANSITION_CORE, TRANSITION_CORE.encode(core))


def signature_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    send = scene.proven(scene.send)
    rival = scene.proven(scene.draft("another send"))
    plus_order = send[:-32] + (int.from_bytes(send[-32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    code = ErrorCode
    return [
        ("a bit of R", code.BAD_SIGNATURE, flip(send, len(send) - 64), True),
        ("S + l", code.BAD_SIGNATURE, plus_order, True),
        ("a signature of zeros", code.BAD_SIGNATURE, send[:-64] + bytes(64), True),
        ("somebody else's signature", code.BAD_SIGNATURE, send[:-64] + scene.bob.keys.signing_key.sign(domains.SIG_OWNER, statement_of_bytes(send)), True),
        ("signed under the tag of votes", code.BAD_SIGNATURE, scene.proven(scene.send, tag=domains.SIG_VOTE), True),
        ("the signature of another transition", code.BAD_SIGNATURE, send[:-64] + rival[-64:], True),
        ("valid with the cofactor only", code.BAD_SIGNATURE, cofactored(scene, send), True),
        ("an owner's key of order 8, R and S satisfy the equation", code.BAD_KEY, small_order_sender(scene), False),
        ("an owner's key of mixed order", code.BAD_KEY, with_sender(scene, mixed_order_key()), False),
        ("an owner's key that is not canonical", code.BAD_KEY, with_sender(scene, (schoolbook.P + 1).to_bytes(32, "little")), False),
        ("an owner's key that is no point", code.BAD_KEY, with_sender(scene, (2).to_bytes(32, "little")), False),
    ]


def statement_of_bytes(data: bytes) -> bytes:
    transition = TRANSITION.decode(data)
    return statement_of(TRANSITION_CORE.encode(transition.core), transition.range_proof)


def with_sender(scene: Scene, key: bytes) -> bytes:
    return scene.seal_as(replace(scene.receive.core, sender=PublicKey(key)))


def mixed_order_key() -> bytes:
    return schoolbook.encode(schoolbook.BASE + schoolbook.torsion_point())


def cofactored(scene: Scene, send: bytes) -> bytes:
    """R has a torsion part, so that 8*(S*B - c*A - R) is the identity and S*B - c*A - R is not."""
    secret, _ = schoolbook.expand_seed(signing_seed(scene.alice))
    nonce = schoolbook.hash_to_scalar(b"MESH vectors: a nonce with torsion")
    encoded = schoolbook.encode(nonce * schoolbook.BASE + schoolbook.torsion_point())
    message = tagged_prefix(domains.SIG_OWNER) + statement_of_bytes(send)
    challenge = schoolbook.hash_to_scalar(encoded, scene.alice.keys.owner, message)
    return send[:-64] + encoded + ((nonce + challenge * secret) % schoolbook.L).to_bytes(32, "little")


def signing_seed(person: Person) -> bytes:
    return schoolbook.xof("MESH/v1/kdf/sign", person.seed, 32)


def small_order_sender(scene: Scene) -> bytes:
    """A RECEIVE of the point of order 8, with a challenge divisible by 8: c*A vanishes, and R = S*B satisfies the equation without knowing a secret."""
    nonce = schoolbook.hash_to_scalar(b"MESH vectors: a nonce for a key of order 8")
    encoded = schoolbook.encode(nonce * schoolbook.BASE)
    for number in range(1000):
        core = TRANSITION_CORE.encode(replace(scene.receive.core, sender=TORSION, self_memo=number.to_bytes(56, "big")))
        message = tagged_prefix(domains.SIG_OWNER) + statement_of(core, b"")
        if schoolbook.hash_to_scalar(encoded, TORSION, message) % 8 == 0:
            return core + bytes(2) + encoded + nonce.to_bytes(32, "little")
    raise AssertionError("no challenge was divisible by 8")


def account_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    def first_send(person: Person) -> bytes:
        core = replace(scene.send.core, sender=person.keys.owner, sequence=0, prev=ZERO_HASH)
        return scene.proven(replace(scene.send, core=core), sender=person)

    code = ErrorCode
    return [
        ("a SEND of nobody", code.UNKNOWN_ACCOUNT, first_send(scene.eve), False),
        ("a SEND of somebody who has outputs only", code.UNKNOWN_ACCOUNT, first_send(scene.carol), False),
        ("already settled", code.STALE_SEQUENCE, TRANSITION.encode(scene.certificates["alice 0"].transition), False),
        ("one ahead", code.SEQUENCE_AHEAD, scene.proven(scene.send, sequence=2), True),
        ("the last sequence", code.SEQUENCE_AHEAD, scene.proven(scene.send, sequence=MAX_U64), True),
        ("a first RECEIVE, one ahead", code.SEQUENCE_AHEAD, scene.seal_as(replace(scene.receive.core, sequence=1), sender=scene.carol), True),
        ("no prev", code.PREV_MISMATCH, scene.proven(scene.send, prev=ZERO_HASH), True),
        ("a prev at sequence 0", code.PREV_MISMATCH, scene.seal_as(replace(scene.receive.core, prev=scene.alice.state.head), sender=scene.carol), True),
    ]


def dependency_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    own, other, gone = scene.claim_of("alice 0", 2), scene.claim_of("alice 0", 1), scene.claim_of("alice 0", 0)
    more = replace(own, commitment=add_commitments((own.commitment, commit_public(1))))
    nowhere = replace(own, cert_id=Hash32(b"\xee" * 32))
    code = ErrorCode

    def carols(*claims: Claim) -> bytes:
        return scene.seal_as(scene.claiming(scene.carol, *claims), sender=scene.carol)

    return [
        ("an output of an unknown certificate", code.UNKNOWN_OUTPUT, carols(nowhere), True),
        ("an output behind the last", code.UNKNOWN_OUTPUT, carols(replace(own, index=3)), True),
        (
            "one known output, two of one unknown certificate",
            code.UNKNOWN_OUTPUT,
            carols(*sorted((own, nowhere, replace(nowhere, index=7)), key=lambda c: c.key)),
            True,
        ),
        ("claimed already", code.ALREADY_CLAIMED, scene.seal_as(scene.claiming(scene.bob, gone), sender=scene.bob), True),
        ("one claimed already, one not", code.ALREADY_CLAIMED, scene.seal_as(scene.claiming(scene.bob, gone, other), sender=scene.bob), True),
        ("somebody else's output", code.NOT_OWNER, carols(other), True),
        ("one unit more than was certified", code.CLAIM_COMMITMENT, carols(more), True),
    ]


def amount_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    send, code = scene.send, ErrorCode
    fee = send.core.fee
    balance = scene.alice.state.balance
    output = send.core.outputs[0]
    carols = scene.receive.core

    def paying(key: bytes) -> bytes:
        return scene.proven(send, outputs=(replace(output, owner=PublicKey(key)),))

    return [
        ("no fee", code.FEE, scene.reopened(send, "no fee", fee=0), True),
        ("a fee one unit too low", code.FEE, scene.reopened(send, "low fee", fee=fee - 1), True),
        ("a fee one unit too high", code.FEE, scene.reopened(send, "high fee", fee=fee + 1), True),
        ("a RECEIVE with a fee", code.FEE, scene.seal_as(replace(carols, fee=1), sender=scene.carol), True),
        ("new balance no point", code.POINT, scene.proven(send, new_balance=NOT_A_POINT), False),
        ("output no point", code.POINT, scene.proven(send, outputs=(replace(output, commitment=NOT_A_POINT),)), False),
        ("new balance of a RECEIVE no point", code.POINT, scene.seal_as(replace(carols, new_balance=Commitment(b"\xff" * 32)), sender=scene.carol), False),
        ("an output of nothing", code.IDENTITY_OUTPUT, scene.reopened(send, "nothing", Opening(0, 0)), True),
        ("a recipient's key of order 8", code.RECIPIENT_KEY, paying(TORSION), True),
        ("a recipient's key of mixed order", code.RECIPIENT_KEY, paying(mixed_order_key()), True),
        ("a recipient's key that is not canonical", code.RECIPIENT_KEY, paying((schoolbook.P + 1).to_bytes(32, "little")), True),
        ("the identity as a recipient's key", code.RECIPIENT_KEY, paying(schoolbook.encode(schoolbook.IDENTITY)), True),
        ("one unit kept", code.UNBALANCED, scene.reopened(send, "kept", new=send.new_opening + Opening(1, 0)), True),
        ("one unit lost", code.UNBALANCED, scene.reopened(send, "lost", new=send.new_opening - Opening(1, 0)), True),
        ("the fee kept", code.UNBALANCED, scene.reopened(send, "fee kept", new=send.new_opening + Opening(fee, 0)), True),
        ("another blinding factor", code.UNBALANCED, scene.reopened(send, "blinding", new=Opening(send.new_opening.value, 1)), True),
        ("nothing paid", code.UNBALANCED, scene.reopened(send, "nothing paid", new=scene.alice.opening, new_balance=balance), True),
        ("a claim not added", code.UNBALANCED, scene.seal_as(replace(carols, new_balance=IDENTITY), sender=scene.carol), True),
        (
            "a claim added twice",
            code.UNBALANCED,
            scene.seal_as(replace(carols, new_balance=add_commitments([carols.new_balance] * 2)), sender=scene.carol),
            True,
        ),
    ]


def range_cases(scene: Scene) -> list[tuple[str, ErrorCode, bytes, bool]]:
    send, code = scene.send, ErrorCode.RANGE_PROOF
    core, proof = send.core, scene.prove(send.core, send.new_opening, send.output_openings)
    other = scene.draft("another context")
    swapped = scene.draft("two equal outputs", (scene.bob, 1, ""), (scene.bob, 1, ""))
    return [
        ("a bit of the proof", code, scene.seal_as(core, flip(proof, 640)), True),
        ("a proof of zeros", code, scene.seal_as(core, bytes(641)), True),
        ("a proof of another transition", code, scene.seal_as(core, scene.prove(other.core, other.new_opening, other.output_openings)), True),
        ("the proof of another core with the same commitments", code, scene.seal_as(replace(core, self_memo=bytes(56)), proof), True),
        ("output and balance proven in the other order", code, scene.seal_as(core, scene.prove(core, send.output_openings[0], [send.new_opening])), True),
        ("only the output proven, twice", code, scene.seal_as(core, scene.prove(core, send.output_openings[0], send.output_openings)), True),
        ("overspent by one unit", code, overspent(scene), True),
        ("a negative output", code, negative_output(scene, swapped), True),
    ]


def overspent(scene: Scene) -> bytes:
    """Alice pays out one unit more than she has; what is left commits to -1, which nobody can prove."""
    core = scene.send.core
    paid = Opening(scene.alice.opening.value - core.fee + 1, 5)
    left = subtract_commitments(subtract_commitments(scene.alice.state.balance, commit(paid)), commit_public(core.fee))
    changed = replace(core, new_balance=left, outputs=(replace(core.outputs[0], commitment=commit(paid)),))
    return scene.seal_as(changed, scene.prove(changed, Opening(0, 5), [paid]))


def negative_output(scene: Scene, draft: Draft) -> bytes:
    """+2^63 and -2^63: they balance, and the first would be money from nothing."""
    much, core = Opening(2**63, 3), draft.core
    debt = subtract_commitments(commit(Opening(0, 9)), commit(much))
    left = Opening(scene.alice.opening.value - core.fee, (scene.alice.opening.blinding - 9) % GROUP_ORDER)
    outputs = (replace(core.outputs[0], commitment=commit(much)), replace(core.outputs[1], commitment=debt))
    changed = replace(core, new_balance=commit(left), outputs=outputs)
    return scene.seal_as(changed, scene.prove(changed, left, [much, Opening(0, 9)]))


def conflict_trials(scene: Scene, past: tuple[tuple[str, str], ...]) -> list[Trial]:
    one, other = scene.proven(scene.send), scene.proven(scene.draft("another send"))
    claim = scene.seal_as(scene.take(scene.bob, ("alice 0", 1)).core, sender=scene.bob)
    bobs_send = scene.proven(scene.draft("bob's send", (scene.alice, 10, ""), sender=scene.bob), sender=scene.bob)
    voted, settled = scene.voted("alice 1", one), scene.certified("alice 1", one)
    rival_voted, claim_voted = scene.voted("alice 1, a rival", other), scene.voted("bob 1", claim)
    vote, certificate = ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.CONFLICTS_WITH_CERTIFICATE
    resigned = scene.seal_as(replace(scene.certificates["alice 0"].transition.core, self_memo=bytes(56)), bytes(705))
    return [
        Trial("voted for another SEND", vote, other, (*past, voted), True),
        Trial("voted for a RECEIVE, now a SEND", vote, bobs_send, (*past, claim_voted), True),
        Trial("another SEND is certified", certificate, other, (*past, settled), False),
        Trial("another SEND is certified, and this one had the vote", certificate, other, (*past, rival_voted, settled), False),
        Trial("another SEND was certified long ago", certificate, resigned, past, False),
        Trial("settled after it had the vote", ErrorCode.STALE_SEQUENCE, one, (*past, voted, settled), False),
    ]


def precedence_trials(scene: Scene, past: tuple[tuple[str, str], ...]) -> list[Trial]:
    """Two faults in one transition: what is reported."""
    code, send, carols = ErrorCode, scene.send, scene.receive.core
    good = scene.proven(send)
    settled = scene.certificates["alice 0"].transition
    own, other = scene.claim_of("alice 0", 2), scene.claim_of("alice 0", 1)
    nowhere = Claim(Hash32(b"\xff" * 32), 0, own.commitment)
    more = replace(own, commitment=add_commitments((own.commitment, commit_public(1))))
    pair = scene.draft("two outputs", (scene.bob, 1, ""), (scene.carol, 2, "")).core
    first, second = pair.outputs
    wrong_network = with_bit(scene.genesis.network_id)

    def pair_with(one: Any, two: Any, **changes: Any) -> bytes:
        return scene.seal_as(replace(pair, outputs=(replace(first, **one), replace(second, **two)), **changes), bytes(705))

    bad_key, bad_point, nothing = {"owner": TORSION}, {"commitment": NOT_A_POINT}, {"commitment": IDENTITY}
    return [
        Trial("version and kind", code.VERSION, b"\x02\x09" + good[2:], past),
        Trial("kind, and nothing behind it", code.KIND, b"\x01\x09", past),
        Trial("count of outputs, and bytes missing", code.COUNT_OR_ORDER, splice(good, COUNT_AT, 1, b"\x08")[:200], past),
        Trial("memo length, and bytes missing", code.MEMO_SIZE, splice(good, MEMO_LENGTH_AT, 2, b"\xff\xff")[: MEMO_LENGTH_AT + 2], past),
        Trial("a byte too many, and another network", code.MALFORMED, scene.proven(send, network_id=wrong_network) + b"\0", past),
        Trial("network and epoch", code.NETWORK, scene.proven(send, network_id=wrong_network, epoch=1), past),
        Trial("epoch and asset", code.EPOCH, scene.proven(send, epoch=1, asset_id=bytes(32)), past),
        Trial("asset and order of claims", code.ASSET, scene.seal_as(replace(carols, asset_id=bytes(32), claims=(own, own)), sender=scene.carol), past),
        Trial("order of claims and size of the proof", code.COUNT_OR_ORDER, scene.seal_as(replace(carols, claims=(own, own)), b"\0", scene.carol), past),
        Trial("proof size and signature", code.PROOF_SIZE, scene.seal_as(send.core)[:-64] + bytes(64), past),
        Trial("key and signature", code.BAD_KEY, with_sender(scene, TORSION)[:-64] + bytes(64), past),
        Trial("signature and unknown account", code.BAD_SIGNATURE, scene.seal_as(replace(send.core, sender=scene.eve.keys.owner), bytes(641)), past),
        Trial("conflict and sequence", code.CONFLICTS_WITH_CERTIFICATE, scene.seal_as(replace(settled.core, fee=0), bytes(705)), past),
        Trial("sequence and prev", code.SEQUENCE_AHEAD, scene.seal_as(replace(send.core, sequence=5, prev=ZERO_HASH), bytes(641)), past),
        Trial(
            "prev and unknown output",
            code.PREV_MISMATCH,
            scene.seal_as(replace(scene.claiming(scene.carol, nowhere), prev=wrong_network), sender=scene.carol),
            past,
        ),
        Trial(
            "first claim not one's own, second unknown", code.NOT_OWNER, scene.seal_as(scene.claiming(scene.carol, other, nowhere), sender=scene.carol), past
        ),
        Trial(
            "first claim with another commitment, second unknown",
            code.CLAIM_COMMITMENT,
            scene.seal_as(scene.claiming(scene.carol, more, nowhere), sender=scene.carol),
            past,
        ),
        Trial(
            "a claim not one's own and with another commitment",
            code.NOT_OWNER,
            scene.seal_as(scene.claiming(scene.carol, replace(other, commitment=own.commitment)), sender=scene.carol),
            past,
        ),
        Trial("unknown output and fee", code.UNKNOWN_OUTPUT, scene.seal_as(replace(scene.claiming(scene.carol, nowhere), fee=1), sender=scene.carol), past),
        Trial("fee and point", code.FEE, pair_with(bad_point, {}, fee=0), past),
        Trial("new balance no point, first output nothing", code.POINT, pair_with(nothing, {}, new_balance=NOT_A_POINT), past),
        Trial("first output to a bad key, second no point", code.RECIPIENT_KEY, pair_with(bad_key, bad_point), past),
        Trial("first output nothing, second no point", code.IDENTITY_OUTPUT, pair_with(nothing, bad_point), past),
        Trial("an output of nothing to a bad key", code.IDENTITY_OUTPUT, pair_with(nothing | bad_key, {}), past),
        Trial("recipient's key and balance", code.RECIPIENT_KEY, pair_with(bad_key, {}, new_balance=IDENTITY), past),
        Trial("balance and range proof", code.UNBALANCED, pair_with({}, {}, new_balance=IDENTITY), past),
    ]


def accepted_trials(scene: Scene, past: tuple[tuple[str, str], ...]) -> list[Trial]:
    send = scene.send
    output = send.core.outputs[0]
    good = scene.proven(send)
    everything = Opening(scene.alice.opening.value - send.core.fee, 5)
    to_zero = Opening(scene.alice.opening.value - send.core.fee, scene.alice.opening.blinding)
    opaque = replace(output, view_pk=ViewPublicKey(bytes(32)), eph_pk=ViewPublicKey(b"\xff" * 32), memo=bytes(272))
    voted = scene.voted("alice 1", good)
    return [
        Trial("a SEND", None, good, past),
        Trial("the same SEND again: the same vote", None, good, (*past, voted)),
        Trial("a RECEIVE by an account that does not exist yet", None, scene.seal_as(scene.receive.core, sender=scene.carol), past),
        Trial("a RECEIVE at an account that exists", None, scene.seal_as(scene.take(scene.bob, ("alice 0", 1)).core, sender=scene.bob), past),
        Trial("everything is paid out", None, scene.reopened(send, "everything", everything), past),
        Trial("everything is paid out, and the new balance is the identity", None, scene.reopened(send, "identity", to_zero), past),
        Trial("an output of zero behind a blinding factor", None, scene.reopened(send, "zero", Opening(0, 77)), past),
        Trial("view key, ephemeral key and memo are opaque", None, scene.proven(send, outputs=(opaque,)), past),
        Trial(
            "two equal outputs", None, scene.reopened(scene.draft("equal", (scene.bob, 1, ""), (scene.bob, 1, "")), "equal", Opening(1, 2), Opening(1, 2)), past
        ),
    ]


@cache
def trials() -> tuple[Scene, dict[str, list[Trial]]]:
    """The scene and its cases, by section."""
    scene = Scene()
    past = tuple((SETTLE, name) for name in scene.past)
    builders: tuple[Callable[[Scene], list[tuple[str, ErrorCode, bytes, bool]]], ...] = (
        format_cases,
        signature_cases,
        account_cases,
        dependency_cases,
        amount_cases,
        range_cases,
    )
    refused = [Trial(name, code, data, past, alone) for build_cases in builders for name, code, data, alone in build_cases(scene)]
    refused = sorted(refused + conflict_trials(scene, past), key=lambda trial: trial.code or 0)
    return scene, {"refused": refused, "precedence": precedence_trials(scene, past), "accepted": accepted_trials(scene, past)}


def prepare(scene: Scene, trial: Trial) -> Validator:
    validator = new_validator()
    for step, name in trial.before:
        if step == SETTLE:
            assert validator.settle(scene.certificates[name]).status is AckStatus.APPLIED
        else:
            assert isinstance(validator.vote(scene.transitions[name]), VoteResponse)
    return validator


def case(scene: Scene, trial: Trial) -> dict[str, Any]:
    """What a validator answers; the code is the one that the trial was built for."""
    answer = prepare(scene, trial).ask(VoteRequest(1, (), trial.transition))
    given = {"before": [{step: name} for step, name in trial.before], "transition": trial.transition.hex()}
    if isinstance(answer, VoteResponse):
        assert trial.code is None, trial.name
        return {"name": trial.name, "input": given, "expected": {"vote": VOTE.encode(answer.vote).hex()}}
    assert isinstance(answer, VoteReject) and answer.code is trial.code, (trial.name, answer)
    expected = {
        "code": f"{answer.code:04x}",
        "rule": answer.code >> 8,
        "transition_id": answer.transition_id.hex(),
        "next_sequence": answer.next_sequence,
        "proof": EQUIVOCATION_PROOF.encode(answer.detail.proof).hex() if isinstance(answer.detail, ConflictDetail) else None,
        "missing": [cert_id.hex() for cert_id in answer.detail.cert_ids] if isinstance(answer.detail, MissingDetail) else [],
    }
    alone = {} if trial.alone is None else {"alone": trial.alone}
    return {"name": trial.name, "input": given, "expected": expected | alone}


def build() -> dict[str, Any]:
    scene, sections = trials()
    used = {name for section in sections.values() for trial in section for step, name in trial.before if step == SETTLE}
    return {
        "description": [
            "One vote request each to validator 3 (its seed is `validator_seed`), which has seen the genesis and then, in order, what `before` says:",
            "settle: it applies a certificate of the table `certificates`; vote: it votes for a transition of the table `transitions`.",
            "refused: at least one case for each code. precedence: two faults, one code. accepted: transitions that get the vote.",
            "alone: no other rule refuses this transition, so whoever leaves the rule out votes for it.",
        ],
        "source": "tests/vectors/make_rules.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "validator_seed": validator_seeds()[BYSTANDER].hex(),
        "certificates": {name: certificate_hex(certificate) for name, certificate in scene.certificates.items() if name in used},
        "transitions": {name: transition_hex(transition) for name, transition in scene.transitions.items()},
    } | {section: [case(scene, trial) for trial in listed] for section, listed in sections.items()}
