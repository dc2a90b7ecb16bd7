"""Range proofs, good ones and ones with something wrong, for comparing what two group libraries say of them.

A case is a statement and the bytes of a proof. Damage is done in known ways, one to three times: encodings at every edge that the formats have, elements
moved, exchanged, moved by multiples of the group order, statements that the proof is not for. All choices come from one `random.Random`: a seed repeats a
run, and Hypothesis can stand in for it and shrink what it finds. Wherever there is a choice, the first is the simplest.

Good proofs are not all ordinary either: values at the ends of the range, blinding factors 0 and 1, and nonces 0, 1 and -1, with which elements of a proof
become generators, commitments or each other, so that sums meet equal and opposite terms in a proof that is accepted.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, RangeWitness, prove
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.ristretto import GROUP_ORDER, IDENTITY, Point, add, decode_point, map_to_group, negate
from mesh_core.errors import DecodeError
from mesh_core.types.basic import Commitment

ELEMENT = 32
PRIME = 2**255 - 19
# Positions of the scalars d1, r1, s1 among the elements of a proof.
D1, *_ = SCALARS = (0, 4, 5)
FIRST_ROUND = 6

Shape = tuple[int, int]
"""Bits of a value, number of commitments."""

# Most on small statements, which libsodium checks fast. (8, 1), (4, 2) and (2, 4) have proofs of one size.
SMALL_SHAPES: tuple[Shape, ...] = ((2, 1), (2, 2), (4, 2), (2, 4), (8, 1), (4, 4), (16, 1), (2, 8))
SHAPES: tuple[Shape, ...] = (*SMALL_SHAPES * 6, (64, 1), (64, 2), (64, 4))

# y-coordinates of the Edwards curve's points of order 8, which no encoding of ristretto255 may let in as something else.
TORSION = tuple(
    int(hexadecimal, 16)
    for hexadecimal in (
        "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
        "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
    )
)
SQRT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)
NUMBERS = (
    *(0, 1, 2, 3, 4),
    *(GROUP_ORDER + offset for offset in (-2, -1, 0, 1, 2)),
    *(PRIME + offset for offset in (-2, -1, 0, 1, 2, 18)),
    *(multiple * GROUP_ORDER + offset for multiple in (2, 4, 8, 15) for offset in (-1, 0, 1)),
    *(2 * PRIME + offset for offset in (-1, 0, 1, 2)),
    *(2**252 - 1, 2**252, 2**253, 2**255 - 1, 2**255, 2**255 + 1, 2**256 - 1),
    *((PRIME - 1) // 2, (PRIME + 1) // 2, SQRT_OF_MINUS_ONE, PRIME - SQRT_OF_MINUS_ONE),
    *(y | sign << 255 for y in TORSION for sign in (0, 1)),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A statement, which may be none, and bytes that may be its proof."""

    bits: int
    commitments: tuple[bytes, ...]
    context: bytes
    proof: bytes

    @property
    def elements_count(self) -> int:
        return max(0, (len(self.proof) - 1) // ELEMENT)

    def element(self, index: int) -> bytes:
        return self.proof[1 + ELEMENT * index : 1 + ELEMENT * (index + 1)]

    def with_element(self, index: int, encoding: bytes) -> "Case":
        start = 1 + ELEMENT * index
        return replace(self, proof=self.proof[:start] + encoding + self.proof[start + ELEMENT :])

    def with_commitment(self, index: int, encoding: bytes) -> "Case":
        return replace(self, commitments=(*self.commitments[:index], encoding, *self.commitments[index + 1 :]))


Pool = dict[Shape, tuple[Case, ...]]
"""Good cases."""


# --- Good cases


class PickedNonces:
    """Stands in for the prover's generator of nonces. The proofs are as good as any; only their secrets are not safe."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def scalar(self) -> int:
        return self._source.choice((0, 1, GROUP_ORDER - 1, 2, self._source.randrange(GROUP_ORDER)))


def make_witness(source: random.Random, bits: int, count: int) -> RangeWitness:
    values = [source.choice((0, 1, 2**bits - 1, source.randrange(2**bits))) for _ in range(count)]
    blindings = [source.choice((0, 1, GROUP_ORDER - 1, source.randrange(GROUP_ORDER))) for _ in range(count)]
    return RangeWitness(tuple(map(Opening, values, blindings)))


def make_good_case(source: random.Random, bits: int, count: int, *, picked_nonces: bool) -> Case:
    while True:
        witness = make_witness(source, bits, count)
        statement = RangeStatement(tuple(map(commit, witness.openings)), source.randbytes(32), bits)
        with pytest.MonkeyPatch.context() as patch:
            if picked_nonces:
                patch.setattr(ProofTranscript, "fork_rng", lambda *_: PickedNonces(source))
            try:
                proof = prove(statement, witness, source.randbytes)
            except RangeProofError:
                continue  # such nonces gave an identity, which nobody may send
        return Case(bits, statement.commitments, statement.context, proof)


def make_pool(source: random.Random, *, each: int = 3, shapes: tuple[Shape, ...] = SHAPES) -> Pool:
    """`each` good cases of each shape with nonces as they should be, and as many with picked ones."""
    return {
        (bits, count): tuple(make_good_case(source, bits, count, picked_nonces=picked) for picked in (False, True) for _ in range(each))
        for bits, count in dict.fromkeys(shapes)
    }


# --- Damage


def edge_number(source: random.Random, element: bytes) -> bytes:
    """A number at an edge of one of the formats, or one that is the element's own value in another way."""
    value = int.from_bytes(element, "little")
    own = (value + 1, value - 1, value + GROUP_ORDER, value - GROUP_ORDER, value + PRIME, PRIME - value, GROUP_ORDER - value, value ^ 1 << 255, value * 2)
    return (source.choice((source.choice(NUMBERS), source.choice(own))) % 2**256).to_bytes(ELEMENT, "little")


def known_point(source: random.Random, case: Case) -> Point:
    """A point that is in the sum already, its opposite, its double, or a new one."""
    G, H = vector_generators(64, 8)
    known = [value_generator(), blinding_generator(), G[0], H[0], source.choice(G), source.choice(H), IDENTITY]
    for encoding in (*case.commitments, *map(case.element, range(case.elements_count))):
        try:
            known.append(decode_point(encoding))
        except DecodeError:
            continue
    point = source.choice(known)
    return source.choice((point, negate(point), add(point, point), add(point, source.choice(known)), map_to_group(source.randbytes(64))))


def change_bit(source: random.Random, case: Case, pool: Pool) -> Case:
    position = source.randrange(8 * len(case.proof)) if case.proof else 0
    return replace(case, proof=bytes(byte ^ (1 << position % 8 if index == position // 8 else 0) for index, byte in enumerate(case.proof)))


def put_number(source: random.Random, case: Case, pool: Pool) -> Case:
    index = source.randrange(case.elements_count)
    return case.with_element(index, edge_number(source, case.element(index)))


def put_scalar(source: random.Random, case: Case, pool: Pool) -> Case:
    """A canonical scalar in the place of a scalar: only the equation can tell."""
    index = source.choice([index for index in SCALARS if index < case.elements_count] or [0])
    value = int.from_bytes(case.element(index), "little")
    values = (0, 1, GROUP_ORDER - 1, value + 1, -value, 2 * value, source.randrange(GROUP_ORDER))
    return case.with_element(index, (source.choice(values) % GROUP_ORDER).to_bytes(ELEMENT, "little"))


def put_point(source: random.Random, case: Case, pool: Pool) -> Case:
    """A good point in the place of any element, a scalar's included."""
    return case.with_element(source.randrange(case.elements_count), known_point(source, case).encode())


def put_identity(source: random.Random, case: Case, pool: Pool) -> Case:
    """A canonical encoding, also of a scalar, which no honest prover sends as a point."""
    return case.with_element(source.randrange(case.elements_count), bytes(ELEMENT))


def put_noise(source: random.Random, case: Case, pool: Pool) -> Case:
    return case.with_element(source.randrange(case.elements_count), source.randbytes(ELEMENT))


def copy_element(source: random.Random, case: Case, pool: Pool) -> Case:
    return case.with_element(source.randrange(case.elements_count), case.element(source.randrange(case.elements_count)))


def swap_elements(source: random.Random, case: Case, pool: Pool) -> Case:
    left, right = source.randrange(case.elements_count), source.randrange(case.elements_count)
    return case.with_element(left, case.element(right)).with_element(right, case.element(left))


def swap_rounds(source: random.Random, case: Case, pool: Pool) -> Case:
    """Two rounds of the argument, both points of each."""
    rounds = max(1, (case.elements_count - FIRST_ROUND) // 2)
    start, other = (1 + ELEMENT * (FIRST_ROUND + 2 * source.randrange(rounds)) for _ in range(2))
    proof = bytearray(case.proof)
    proof[start : start + 2 * ELEMENT], proof[other : other + 2 * ELEMENT] = case.proof[other : other + 2 * ELEMENT], case.proof[start : start + 2 * ELEMENT]
    return replace(case, proof=bytes(proof))


def splice(source: random.Random, case: Case, pool: Pool) -> Case:
    """The beginning of one proof and the end of another one, of the same shape or of any, at a border between elements or anywhere."""
    other = source.choice((other_of(source, case, pool), source.choice(pool[source.choice(list(pool))]))).proof
    place = source.choice((1 + ELEMENT * source.randrange(case.elements_count), source.randrange(1 + len(case.proof))))
    return replace(case, proof=case.proof[:place] + other[place:])


def change_size(source: random.Random, case: Case, pool: Pool) -> Case:
    place = 1 + ELEMENT * source.randrange(case.elements_count)
    end = case.proof[-2 * ELEMENT :]
    sizes = (case.proof[:-1], case.proof[:place], case.proof[: -2 * ELEMENT], b"", case.proof + b"\0", case.proof + end, case.proof[1:], case.proof * 2)
    return replace(case, proof=source.choice(sizes))


def change_degree(source: random.Random, case: Case, pool: Pool) -> Case:
    return replace(case, proof=bytes((source.choice((0, 2, 6, 255)),)) + case.proof[1:])


def change_context(source: random.Random, case: Case, pool: Pool) -> Case:
    other = bytes((case.context[0] ^ 1,)) + case.context[1:] if case.context else b"\0"
    return replace(case, context=source.choice((other, bytes(32), source.randbytes(32), case.context[:-1], case.context + b"\0", b"")))


def change_shape(source: random.Random, case: Case, pool: Pool) -> Case:
    """Other numbers of bits and commitments, also such that the proof's size stays right."""
    return source.choice(
        (
            replace(case, bits=case.bits * 2, commitments=case.commitments[: max(1, len(case.commitments) // 2)]),
            replace(case, bits=max(1, case.bits // 2), commitments=case.commitments * 2),
            replace(case, bits=source.choice((0, 1, 2, 3, 8, 32, 64, 65, 128))),
            replace(case, commitments=case.commitments[1:]),
            replace(case, commitments=(*case.commitments, bytes(ELEMENT))),
        )
    )


def change_commitment(source: random.Random, case: Case, pool: Pool) -> Case:
    if not case.commitments:
        return case
    index = source.randrange(len(case.commitments))
    encoding = case.commitments[index]
    encodings = (
        known_point(source, case).encode(),
        edge_number(source, encoding),
        bytes(ELEMENT),
        source.choice(case.commitments),
        source.randbytes(ELEMENT),
        encoding[:-1],
        encoding + b"\0",
    )
    return case.with_commitment(index, source.choice(encodings))


def turn_commitments(source: random.Random, case: Case, pool: Pool) -> Case:
    """The same commitments in another order."""
    return replace(case, commitments=case.commitments[1:] + case.commitments[:1])


def take_statement(source: random.Random, case: Case, pool: Pool) -> Case:
    """The statement of another proof."""
    other = other_of(source, case, pool)
    return replace(case, commitments=other.commitments, context=source.choice((other.context, case.context)))


def other_of(source: random.Random, case: Case, pool: Pool) -> Case:
    """A good case of the same shape, where the pool knows the shape."""
    return source.choice(pool.get((case.bits, len(case.commitments)), next(iter(pool.values()))))


def replace_all(source: random.Random, case: Case, pool: Pool) -> Case:
    """Noise of the right size."""
    return replace(case, proof=b"\x01" + source.randbytes(max(0, len(case.proof) - 1)))


Damage = Callable[[random.Random, Case, Pool], Case]

# What leaves the encodings good, and so reaches the equation, stands here twice.
DAMAGES: tuple[Damage, ...] = (
    *(change_bit, put_number, put_noise, put_identity, splice, change_size, change_degree, change_context, change_shape, change_commitment, replace_all),
    *(swap_rounds, put_scalar, put_point, copy_element, swap_elements, turn_commitments, take_statement) * 2,
)


def damage(source: random.Random, case: Case, pool: Pool) -> Case:
    """`case` with one to three things changed. They may undo each other."""
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        if case.elements_count:
            case = source.choice(DAMAGES)(source, case, pool)
    return case


def opposite_errors(source: random.Random, case: Case) -> tuple[Case, Case]:
    """A proof twice, wrong by the same amount in opposite directions: added up without weights, the two errors cancel."""
    value, error = int.from_bytes(case.element(D1), "little"), source.choice((1, source.randrange(1, GROUP_ORDER)))
    wrong = (((value + sign * error) % GROUP_ORDER).to_bytes(ELEMENT, "little") for sign in (1, -1))
    first, second = (case.with_element(D1, encoding) for encoding in wrong)
    return first, second


def make_group(source: random.Random, pool: Pool, *, size: int, shapes: tuple[Shape, ...] = SHAPES) -> list[Case]:
    """About `size` cases, good and bad, to be judged one by one and as one batch."""
    group: list[Case] = []
    while len(group) < size:
        case = source.choice(pool[source.choice(shapes)])
        match source.choice(("good", "damaged", "damaged", "damaged", "damaged", "damaged", "damaged", "opposite")):
            case "good":
                group.append(case)
            case "opposite":
                group += opposite_errors(source, case)
            case _:
                group.append(damage(source, case, pool))
    return group


def as_statement(case: Case) -> RangeStatement:
    """RangeProofError if it is none."""
    return RangeStatement(tuple(map(Commitment, case.commitments)), case.context, case.bits)
