"""What a range proof is about: statement, witness, the proof's bytes, and the reasons to refuse one.

A `RangeStatement` says: I know, for each commitment, an opening whose value is in `[0, 2^bits)`. A `RangeWitness` holds these openings.
A proof that passes convinces anybody of the statement and shows nothing else about the values. Format: docs/range-proofs.md; mathematics: notes.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from mesh_core.crypto.pedersen import IDENTITY, Opening
from mesh_core.crypto.ristretto import POINT_BYTES, SCALAR_BYTES, Point, decode_point, decode_scalar, encode_scalar
from mesh_core.errors import DecodeError, ErrorCode, Rejected
from mesh_core.types.basic import Commitment, Hash32

# Amounts of the protocol are u64.
MESH_BITS: Final = 64
MAX_BITS: Final = 64
MAX_COMMITMENTS: Final = 8
CONTEXT_BYTES: Final = 32
# Numbers of commitments that a transition's proof may have, padding included.
PADDED_COUNTS: Final = (2, 4, 8)
# Leading byte of a proof: one blinding factor for each commitment.
EXTENSION_DEGREE: Final = 1

_ELEMENT_BYTES: Final = 32
# d1, A, A1, B, r1, s1
_FIXED_ELEMENTS: Final = 6

assert _ELEMENT_BYTES == POINT_BYTES == SCALAR_BYTES


class RangeProofFault(StrEnum):
    """Why a statement, witness or proof was refused."""

    COMMITMENT_COUNT = "the number of commitments is not 1, 2, 4 or 8"
    BITS = "the number of bits is not a power of two from 2 to 64"
    CONTEXT_SIZE = "the context has not 32 bytes"
    COMMITMENT_ENCODING = "a commitment is not canonical"
    PROOF_SIZE = "the proof has not the size that the statement asks for"
    EXTENSION = "the extension degree is not 1"
    SCALAR_ENCODING = "a scalar is not canonical"
    IDENTITY_POINT = "a point is the identity"
    POINT_ENCODING = "a point is not canonical"
    ZERO_CHALLENGE = "a challenge is zero"
    EQUATION = "the verification equation does not hold"
    WITNESS = "the openings do not open the commitments"


class RangeProofError(Rejected):
    """A statement or proof is refused (rule 9); `reason` says why. Proves nothing about the sender: anybody can send bad bytes."""

    def __init__(self, reason: RangeProofFault, detail: str = "") -> None:
        super().__init__(ErrorCode.RANGE_PROOF, f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RangeStatement:
    """Public: each of `commitments` hides a value in `[0, 2^bits)`; `context` is what the proof is made for.

    commitments: 1, 2, 4 or 8, each 32 bytes, canonical; the identity is allowed (padding). context: 32 bytes, for MESH the transition's core hash:
    a proof copied into another transition then fails though its commitments are the same. bits: a power of two from 2 to 64.
    RangeProofError (COMMITMENT_COUNT, BITS, CONTEXT_SIZE, COMMITMENT_ENCODING) for anything else.
    """

    commitments: tuple[Commitment, ...]
    context: bytes
    bits: int = MESH_BITS
    points: tuple[Point, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.bits not in (2, 4, 8, 16, 32, MAX_BITS):
            raise RangeProofError(RangeProofFault.BITS, f"found {self.bits}")
        if len(self.commitments) not in (1, 2, 4, MAX_COMMITMENTS):
            raise RangeProofError(RangeProofFault.COMMITMENT_COUNT, f"found {len(self.commitments)}")
        if len(self.context) != CONTEXT_BYTES:
            raise RangeProofError(RangeProofFault.CONTEXT_SIZE, f"found {len(self.context)}")
        object.__setattr__(
            self, "points", tuple(_decode_point(f"commitment {j}", c, RangeProofFault.COMMITMENT_ENCODING) for j, c in enumerate(self.commitments))
        )

    @property
    def length(self) -> int:
        """`bits * len(commitments)`: the length of the proof's vectors, a power of two."""
        return self.bits * len(self.commitments)

    @property
    def rounds(self) -> int:
        """`log2(length)`: how often the inner-product argument halves the vectors."""
        return self.length.bit_length() - 1


@dataclass(frozen=True, slots=True)
class RangeWitness:
    """Secret: the openings of a statement's commitments, in the same order."""

    openings: tuple[Opening, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RangeProof:
    """A parsed proof: canonical scalars and points, one pair L, R for each round. Names as in notes.md, "Symbols".

    Points may still be the identity here: `ProofTranscript` refuses that, for prover and verifier alike.
    """

    d1: int
    A: Point
    A1: Point
    B: Point
    r1: int
    s1: int
    L: tuple[Point, ...]
    R: tuple[Point, ...]

    @classmethod
    def parse(cls, statement: RangeStatement, proof: bytes) -> Self:
        """The proof's elements. RangeProofError (PROOF_SIZE, EXTENSION, SCALAR_ENCODING, POINT_ENCODING), in this order.

        The size comes first and bounds everything after it; it depends on the statement, so a proof for 2 commitments never passes for 4.
        Canonical encodings only: else a third party could change a proof's bytes, and with them the transition's id, without the owner.
        """
        if len(proof) != proof_size(statement.bits, len(statement.commitments)):
            raise RangeProofError(RangeProofFault.PROOF_SIZE, f"found {len(proof)} bytes")
        if proof[0] != EXTENSION_DEGREE:
            raise RangeProofError(RangeProofFault.EXTENSION, f"found {proof[0]}")
        elements = [proof[start : start + _ELEMENT_BYTES] for start in range(1, len(proof), _ELEMENT_BYTES)]
        d1, r1, s1 = (_decode_scalar(name, elements[index]) for name, index in (("d1", 0), ("r1", 4), ("s1", 5)))
        encodings = [*elements[1:4], *elements[_FIXED_ELEMENTS:]]
        names = ["A", "A1", "B", *(f"{side}{t}" for t in range(statement.rounds) for side in "LR")]
        points = [_decode_point(name, encoding, RangeProofFault.POINT_ENCODING) for name, encoding in zip(names, encodings, strict=True)]
        return cls(d1=d1, A=points[0], A1=points[1], B=points[2], r1=r1, s1=s1, L=tuple(points[3::2]), R=tuple(points[4::2]))

    def encode(self) -> bytes:
        """`01 || d1 || A || A1 || B || r1 || s1 || L_0 || R_0 || L_1 || R_1 || ...`, 32 bytes an element."""
        head = (encode_scalar(self.d1), self.A.encode(), self.A1.encode(), self.B.encode(), encode_scalar(self.r1), encode_scalar(self.s1))
        rounds = (side.encode() for pair in zip(self.L, self.R, strict=True) for side in pair)
        return bytes((EXTENSION_DEGREE,)) + b"".join(head) + b"".join(rounds)


def proof_size(bits: int, commitments_count: int) -> int:
    """Bytes of a proof: `1 + 32 * (6 + 2 * log2(bits * commitments_count))`."""
    rounds = (bits * commitments_count).bit_length() - 1
    return 1 + _ELEMENT_BYTES * (_FIXED_ELEMENTS + 2 * rounds)


# Bytes of a transition's proof by its number of commitments, padding included.
PROOF_SIZE: Final = {count: proof_size(MESH_BITS, count) for count in PADDED_COUNTS}
assert PROOF_SIZE == {2: 641, 4: 705, 8: 769}


def padded_count(outputs_count: int) -> int:
    """How many commitments the proof of a SEND with 1 to 7 outputs is about: the new balance, the outputs, and padding up to 2, 4 or 8.

    RangeProofError (COMMITMENT_COUNT) for another number of outputs.
    """
    for count in PADDED_COUNTS:
        if 1 <= outputs_count < count:
            return count
    raise RangeProofError(RangeProofFault.COMMITMENT_COUNT, f"{outputs_count} outputs")


def build_statement(new_balance: Commitment, outputs: Sequence[Commitment], core_hash: Hash32) -> RangeStatement:
    """Statement of a SEND: `[new_balance, outputs...]`, padded with identities, over 64 bits, for this transition alone.

    Balance and outputs stand in one statement: without the balance one could overspend, without the outputs a negative one would make money.
    Prover and verifier put in the padding themselves; it never comes from the wire. RangeProofError as in `RangeStatement`.
    """
    padding = padded_count(len(outputs)) - 1 - len(outputs)
    return RangeStatement((new_balance, *outputs, *(IDENTITY,) * padding), core_hash)


def build_witness(new_balance: Opening, outputs: Sequence[Opening]) -> RangeWitness:
    """Witness of `build_statement`'s statement, from the openings of the same commitments. RangeProofError (COMMITMENT_COUNT) as there."""
    padding = padded_count(len(outputs)) - 1 - len(outputs)
    return RangeWitness((new_balance, *outputs, *(Opening(0, 0),) * padding))


def _decode_scalar(name: str, encoding: bytes) -> int:
    try:
        return decode_scalar(encoding)
    except DecodeError as error:
        raise RangeProofError(RangeProofFault.SCALAR_ENCODING, name) from error


def _decode_point(name: str, encoding: bytes, fault: RangeProofFault) -> Point:
    try:
        return decode_point(encoding)
    except DecodeError as error:
        raise RangeProofError(fault, name) from error
