"""The verifier of Bulletproofs+, for one proof and for many at once. Everything here is public, and time may depend on it.

All the checks of a proof come down to one: a sum of points, each times a scalar made from the challenges, is the identity (notes.md, "Verification").
For many proofs, each sum is multiplied by a weight and they are added: the generators, most of the work, are then multiplied once for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from mesh_core.crypto import domains, ristretto
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.range_proof.statement import RangeProof, RangeProofError, RangeProofFault, RangeStatement
from mesh_core.crypto.ristretto import GROUP_ORDER, Point, Scalars
from mesh_core.crypto.transcript import Transcript

# Proofs whose equations are added up at once: past this the shared part weighs next to nothing, and a bad proof is looked for among fewer.
BATCH_CHUNK: Final = 256


def verify(statement: RangeStatement, proof: bytes) -> None:
    """Return if `proof` proves `statement`. RangeProofError says why it does not: as `RangeProof.parse`, or IDENTITY_POINT, ZERO_CHALLENGE, EQUATION."""
    check = _prepare(statement, proof)
    if not _sum_equations([check], [1]).is_identity():
        raise RangeProofError(RangeProofFault.EQUATION)


def verify_batch(items: Sequence[tuple[RangeStatement, bytes]], *, chunk_size: int = BATCH_CHUNK) -> tuple[int, ...]:
    """Indices of all items that `verify` would refuse, ascending; empty if all are good. Several times faster than one by one when most are good."""
    bad = []
    prepared: dict[int, list[tuple[int, _Check]]] = {}
    for index, (statement, proof) in enumerate(items):
        try:
            # Vectors of generators are shared only between proofs of one number of bits.
            prepared.setdefault(statement.bits, []).append((index, _prepare(statement, proof)))
        except RangeProofError:
            bad.append(index)
    for group in prepared.values():
        for start in range(0, len(group), chunk_size):
            chunk = group[start : start + chunk_size]
            bad += [chunk[position][0] for position in _find_bad([check for _, check in chunk])]
    return tuple(sorted(bad))


@dataclass(frozen=True, slots=True)
class _Check:
    """A parsed proof with its challenges: y, z, one e for each round, the last e. `binding` differs for any other statement or proof."""

    statement: RangeStatement
    proof: RangeProof
    y: int
    z: int
    e_rounds: tuple[int, ...]
    e: int
    binding: bytes


@dataclass(frozen=True, slots=True)
class _Inverses:
    """Inverses of a proof's challenges modulo the group order."""

    y: int
    e_rounds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Equation:
    """A weighted sum of points that is the identity for a good proof. G, H: coefficients of the vector generators (index as theirs)."""

    G: Scalars
    H: Scalars
    value: int
    blinding: int
    scalars: list[int]
    points: list[Point]


def _prepare(statement: RangeStatement, proof: bytes) -> _Check:
    """Parse a proof and run its transcript."""
    parsed = RangeProof.parse(statement, proof)
    transcript = ProofTranscript(statement)
    transcript.append_bits(parsed.A)
    y, z = transcript.challenge_bits()
    e_rounds = []
    for L, R in zip(parsed.L, parsed.R, strict=True):
        transcript.append_round(L, R)
        e_rounds.append(transcript.challenge_e())
    transcript.append_last(parsed.A1, parsed.B)
    e = transcript.challenge_e()
    transcript.append_answers(parsed.r1, parsed.s1, parsed.d1)
    return _Check(statement, parsed, y, z, tuple(e_rounds), e, transcript.binding())


def _find_bad(checks: Sequence[_Check]) -> list[int]:
    """Positions of the proofs whose equation does not hold."""
    weights = _weights(checks)
    total = _sum_equations(checks, weights)
    return [] if total.is_identity() else _bisect(checks, weights, total, 0)


def _bisect(checks: Sequence[_Check], weights: Sequence[int], total: Point, offset: int) -> list[int]:
    """Positions, plus `offset`, of the bad ones among proofs whose weighted sum `total` is not the identity. The right half's sum is the rest of the left's.

    For a single proof the answer is exact, since its weight is not zero and the order of the group is prime.
    """
    if len(checks) == 1:
        return [offset]
    middle = len(checks) // 2
    left = _sum_equations(checks[:middle], weights[:middle])
    right = ristretto.subtract(total, left)
    bad = []
    if not left.is_identity():
        bad += _bisect(checks[:middle], weights[:middle], left, offset)
    if not right.is_identity():
        bad += _bisect(checks[middle:], weights[middle:], right, offset + middle)
    return bad


def _weights(checks: Sequence[_Check]) -> list[int]:
    """One nonzero weight for each proof, a hash of all statements and proofs of the batch, last answers included.

    Without weights two bad proofs could cancel. Derived and not random: whoever changes a proof changes all weights, so that a batch that cancels has to be
    found by trying, 2^252 times; and the same batch has the same answer everywhere, without entropy. Full-size weights cost nothing here.
    """
    transcript = Transcript(domains.RANGE_PROOF_BATCH)
    for check in checks:
        transcript.append(b"proof", check.binding)
    return [transcript.challenge_scalar(b"weight") or 1 for _ in checks]


def _sum_equations(checks: Sequence[_Check], weights: Sequence[int]) -> Point:
    """`sum weights[j] * equation_j` over proofs of one number of bits: the coefficients of shared generators are added first."""
    equations = [_equation(check, weight, inverses) for check, weight, inverses in zip(checks, weights, _invert_challenges(checks), strict=True)]
    parties = max(len(check.statement.commitments) for check in checks)
    G, H = vector_generators(checks[0].statement.bits, parties)
    fixed = [sum(equation.value for equation in equations), sum(equation.blinding for equation in equations)]
    scalars = ristretto.join(
        Scalars.of(scalar % GROUP_ORDER for scalar in fixed),
        reduce(Scalars.plus, (equation.G for equation in equations)),
        reduce(Scalars.plus, (equation.H for equation in equations)),
        Scalars.of(scalar % GROUP_ORDER for equation in equations for scalar in equation.scalars),
    )
    points = [point for equation in equations for point in equation.points]
    return ristretto.multi_scalar_mul_public(scalars, [value_generator(), blinding_generator(), *G, *H, *points])


def _equation(check: _Check, weight: int, inverses: _Inverses) -> _Equation:
    """The verification equation of one proof, times `weight`, as one coefficient for each point.

    N = length, n = bits, i = j*n + bit; e is the challenge of the last step, e_t that of round t.

    G_i: r1*e*y^-i*s_i + e^2*z                         s_i = prod_t e_t^(+1 or -1), + where i has the bit of round t (first round: top bit)
    H_i: s1*e*s_i^-1 - e^2*(d_i*y^(N-i) + z)           d_i = z^(2(j+1)) * 2^bit
    value:    r1*y*s1 + e^2*(y^(N+1)*z*D + (z^2-z)*Y)  D = sum d_i,  Y = y + y^2 + ... + y^N
    blinding: d1
    C_j: -e^2*z^(2(j+1))*y^(N+1)    A1: -e    B: -1    A: -e^2    L_t: -e^2*e_t^2    R_t: -e^2*e_t^-2
    """
    statement, proof, y, z, e = check.statement, check.proof, check.y, check.z, check.e
    weighted_e = weight * e % GROUP_ORDER
    weighted_e2 = weighted_e * e % GROUP_ORDER
    y_N1 = pow(y, statement.length + 1, GROUP_ORDER)
    z_squares = [pow(z, 2 * (j + 1), GROUP_ORDER) for j in range(len(statement.commitments))]
    D = (2**statement.bits - 1) * sum(z_squares)
    Y = _sum_of_powers(y, statement.rounds)
    return _Equation(
        G=_coefficients_G(check, inverses, weighted_e, weighted_e2),
        H=_coefficients_H(check, inverses, weighted_e, weighted_e2),
        value=weight * proof.r1 * y * proof.s1 + weighted_e2 * (y_N1 * z * D + (z * z - z) * Y),
        blinding=weight * proof.d1,
        scalars=[
            *(-weighted_e2 * z_square * y_N1 for z_square in z_squares),
            -weighted_e,
            -weight,
            -weighted_e2,
            *(-weighted_e2 * e_t * e_t for e_t in check.e_rounds),
            *(-weighted_e2 * inverse * inverse for inverse in inverses.e_rounds),
        ],
        points=[*statement.points, proof.A1, proof.B, proof.A, *proof.L, *proof.R],
    )


def _coefficients_G(check: _Check, inverses: _Inverses, weighted_e: int, weighted_e2: int) -> Scalars:
    """`weight * (r1*e*y^-i*s_i + e^2*z)`. Going from i to i + 2^f swaps e_t^-1 for e_t in the round of bit f, and multiplies by y^-(2^f)."""
    first = weighted_e * check.proof.r1 * _product(inverses.e_rounds) % GROUP_ORDER
    factors = []
    y_inverse = inverses.y
    for e_t in reversed(check.e_rounds):
        factors.append(e_t * e_t * y_inverse % GROUP_ORDER)
        y_inverse = y_inverse * y_inverse % GROUP_ORDER
    return ristretto.products_by_bits(first, factors, weighted_e2 * check.z % GROUP_ORDER)


def _coefficients_H(check: _Check, inverses: _Inverses, weighted_e: int, weighted_e2: int) -> Scalars:
    """`weight * (s1*e*s_i^-1 - e^2*(d_i*y^(N-i) + z))`. Going from i to i + 2^f multiplies d_i by 2^(2^f) within a value, by z^2 and so on between values."""
    first = weighted_e * check.proof.s1 * _product(check.e_rounds) % GROUP_ORDER
    factors = [inverse * inverse % GROUP_ORDER for inverse in reversed(inverses.e_rounds)]

    z_square = check.z * check.z % GROUP_ORDER
    first_d = -weighted_e2 * z_square * pow(check.y, check.statement.length, GROUP_ORDER) % GROUP_ORDER
    factors_d = []
    y_inverse = inverses.y
    for f in range(check.statement.rounds):
        within_value = 2**f < check.statement.bits
        step = 2 ** (2**f) if within_value else pow(z_square, 2**f // check.statement.bits, GROUP_ORDER)
        factors_d.append(step * y_inverse % GROUP_ORDER)
        y_inverse = y_inverse * y_inverse % GROUP_ORDER

    return ristretto.products_by_bits(first, factors, -weighted_e2 * check.z % GROUP_ORDER).plus(ristretto.products_by_bits(first_d, factors_d))


def _sum_of_powers(y: int, doublings: int) -> int:
    """`y + y^2 + ... + y^(2**doublings)`, by doubling: `sum_(2m) = sum_m * (1 + y^m)`. No division, so y = 1 needs no case of its own."""
    total, power = y, y
    for _ in range(doublings):
        total = total * (1 + power) % GROUP_ORDER
        power = power * power % GROUP_ORDER
    return total


def _invert_challenges(checks: Sequence[_Check]) -> list[_Inverses]:
    """Inverses of all challenges of all proofs, with one inversion."""
    inverted = iter(_invert_all([challenge for check in checks for challenge in (check.y, *check.e_rounds)]))
    return [_Inverses(next(inverted), tuple(next(inverted) for _ in check.e_rounds)) for check in checks]


def _invert_all(scalars: Sequence[int]) -> list[int]:
    """The inverses of nonzero scalars (Montgomery's trick): invert the product of all, then peel off one factor after the other."""
    prefixes = [1]
    for scalar in scalars:
        prefixes.append(prefixes[-1] * scalar % GROUP_ORDER)
    rest = pow(prefixes[-1], -1, GROUP_ORDER)
    inverses = []
    for scalar, prefix in zip(reversed(scalars), reversed(prefixes[:-1]), strict=True):
        inverses.append(rest * prefix % GROUP_ORDER)
        rest = rest * scalar % GROUP_ORDER
    return inverses[::-1]


def _product(scalars: Sequence[int]) -> int:
    product = 1
    for scalar in scalars:
        product = product * scalar % GROUP_ORDER
    return product
