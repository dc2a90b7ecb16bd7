"""The prover of Bulletproofs+ (Chung, Han, Ju, Kim, Seo, ePrint 2020/735), aggregated over 1, 2, 4 or 8 commitments.

The argument in four steps, each a function below; letters as in notes.md, "Symbols":
commit to the bits of all values; shift the vectors by the challenges, so that one weighted inner product says all; halve the vectors until they have one
element; answer for that element.

Folding the generators in each round as the paper tells it is the dearest part, and saves little where sums of many multiples are cheap. So the generators stay
as they are for some rounds, with what they were to be folded with kept beside them (notes.md, "Proving without folding"). In the rounds before the first fold
the vectors are public combinations of the bits, and their sums are made of sums of generators, picked by bits.

Secrets: values, blinding factors, their bits, the vectors a and b, and all nonces. With the native group library the bits, a and b and all that becomes of them
meet only code without a branch or an address that depends on them. With libsodium only its single multiplications are such. Values, blinding factors and nonces
are Python integers before they get there, whose arithmetic takes longer for larger numbers: whoever measures this process from the same machine may learn
something. No proving service for others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from mesh_core.crypto import ristretto
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.pedersen import commit
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.range_proof.statement import RangeProof, RangeProofError, RangeProofFault, RangeStatement, RangeWitness
from mesh_core.crypto.ristretto import GROUP_ORDER, Point, Scalars, encode_scalar
from mesh_core.crypto.transcript import TranscriptRng

# After which rounds the generators are folded, where sums of multiples are cheap: measured, for 64 to 512 generators. Elsewhere after each.
FOLDING_ROUNDS: Final = (3, 5)

_Item = TypeVar("_Item")


def prove(statement: RangeStatement, witness: RangeWitness, entropy: Callable[[int], bytes]) -> bytes:
    """A proof of `statement`, `proof_size(bits, m)` bytes, public.

    entropy: gives that many fresh secret bytes, such as os.urandom. The nonces are derived from it, the witness and the transcript, so a machine that
    repeats its entropy (a restored snapshot) does not repeat nonces for another statement: two answers with one nonce would give the blinding factors away.
    RangeProofError (WITNESS) if the openings do not fit: it would come out as a proof that nobody accepts.
    """
    _check_witness(statement, witness)
    transcript = ProofTranscript(statement)
    secret = _encode_witness(witness)

    alpha = transcript.fork_rng(secret, entropy).scalar()
    bits = _decompose(statement, witness)
    A = _commit_bits(statement, bits, alpha)
    transcript.append_bits(A)
    nonces = transcript.fork_rng(secret, entropy)
    y, z = transcript.challenge_bits()

    argument = _shift(statement, witness, bits, alpha, y, z)
    lefts: list[Point] = []
    rights: list[Point] = []
    for completed in range(1, statement.rounds + 1):
        dL, dR = nonces.scalar(), nonces.scalar()
        L, R = _round_points(argument, dL, dR)
        lefts.append(L)
        rights.append(R)
        transcript.append_round(L, R)
        nonces = transcript.fork_rng(secret, entropy)
        argument = _halve(argument, dL, dR, transcript.challenge_e())
        if not ristretto.HAS_FAST_SUMS or completed in FOLDING_ROUNDS:
            argument = _fold_generators(argument)
    return _answer(argument, A, lefts, rights, nonces, transcript).encode()


@dataclass(frozen=True, slots=True, repr=False)
class _Bits:
    """Vectors a and b of w elements as public combinations of bits. bits: stretches of w bits (bytes 0 or 1), secret; one factor for each stretch.

    a_j = sum_s a_factors[s]*bits[s*w + j] + a_shift          b_j = sum_s b_factors[s]*bits[s*w + j] + b_shifts[j]
    """

    bits: bytes
    a_factors: list[int]
    b_factors: list[int]
    a_shift: int
    b_shifts: Scalars


@dataclass(frozen=True, slots=True, repr=False)
class _Argument:
    """The inner-product argument between two rounds. Secret: a, b (w scalars each), alpha (blinding factor), and the bits that a and b are made of.

    G and H are as many stretches of w generators as there are factors; the generators of the argument are their sums, one from each stretch:
    `sum_s G_factors[s]*G[s*w + j]` for j = 0 .. w-1, and so for H. powers: y^0, y^1, ... `as_bits`: until the first fold.
    """

    a: Scalars
    b: Scalars
    alpha: int
    G: Sequence[Point]
    H: Sequence[Point]
    G_factors: list[int]
    H_factors: list[int]
    powers: Scalars
    y: int
    as_bits: _Bits | None


def _check_witness(statement: RangeStatement, witness: RangeWitness) -> None:
    """Each opening opens its commitment to a value below 2^bits."""
    if len(witness.openings) != len(statement.commitments):
        raise RangeProofError(RangeProofFault.WITNESS, f"{len(witness.openings)} openings for {len(statement.commitments)} commitments")
    for index, (opening, commitment) in enumerate(zip(witness.openings, statement.commitments, strict=True)):
        if opening.value >> statement.bits:
            raise RangeProofError(RangeProofFault.WITNESS, f"value {index} is out of range")
        if commit(opening) != commitment:
            raise RangeProofError(RangeProofFault.WITNESS, f"opening {index} opens another commitment")


def _encode_witness(witness: RangeWitness) -> bytes:
    """`LE64(value) || blinding` for each opening: what the nonces are hedged with."""
    return b"".join(opening.value.to_bytes(8, "little") + encode_scalar(opening.blinding) for opening in witness.openings)


def _decompose(statement: RangeStatement, witness: RangeWitness) -> bytes:
    """The bits of all values, one a byte, low bit first, value by value: `value_j = sum_b 2^b * bits[j*n + b]`."""
    return bytes((opening.value >> bit) & 1 for opening in witness.openings for bit in range(statement.bits))


def _commit_bits(statement: RangeStatement, bits: bytes, alpha: int) -> Point:
    """`A = sum a_i*G_i + sum b_i*H_i + alpha*blinding_generator`, with a = bits and b = bits - 1."""
    G, H = vector_generators(statement.bits, len(statement.commitments))
    selected = ristretto.sum_points(ristretto.selected_sums(bits, [*G, *H], statement.length))
    return ristretto.sum_points((selected, _minus_sum_of_H(statement.bits, len(statement.commitments)), ristretto.multiply(alpha, blinding_generator())))


@cache
def _minus_sum_of_H(bits: int, parties: int) -> Point:
    _, H = vector_generators(bits, parties)
    return ristretto.negate(ristretto.sum_points(H))


def _shift(statement: RangeStatement, witness: RangeWitness, bits: bytes, alpha: int, y: int, z: int) -> _Argument:
    """The vectors and blinding factor of the inner-product argument, N = length, n = bits per value, i = j*n + bit.

    a_i   = bits_i - z
    b_i   = bits_i - 1 + z + d_i * y^(N-i),   d_i = z^(2(j+1)) * 2^bit
    alpha = alpha + y^(N+1) * sum_j z^(2(j+1)) * blinding_j
    """
    N, n = statement.length, statement.bits
    powers = _powers(y, N + 1)
    z_squares = _powers(z * z % GROUP_ORDER, len(statement.commitments))
    a_shift = -z % GROUP_ORDER
    b_shifts = Scalars.of((z - 1 + (z_squares[i // n + 1] << i % n) * powers[N - i]) % GROUP_ORDER for i in range(N))
    G, H = vector_generators(n, len(statement.commitments))
    blinding = sum(z_squares[j + 1] * opening.blinding for j, opening in enumerate(witness.openings))
    return _Argument(
        a=Scalars.of([a_shift] * N).plus_bits(bits),
        b=b_shifts.plus_bits(bits),
        alpha=(alpha + powers[N + 1] * blinding) % GROUP_ORDER,
        G=G,
        H=H,
        G_factors=[1],
        H_factors=[1],
        powers=Scalars.of(powers),
        y=y,
        as_bits=_Bits(bits, [1], [1], a_shift, b_shifts),
    )


def _round_points(argument: _Argument, dL: int, dR: int) -> tuple[Point, Point]:
    """The two points of a round, lo and hi being the halves, h their length.

    L = cL*value_generator + dL*blinding_generator + sum y^-h a_lo,i*G_hi,i + sum b_hi,i*H_lo,i,   cL = sum a_lo,i b_hi,i y^(i+1)
    R = cR*value_generator + dR*blinding_generator + sum y^h  a_hi,i*G_lo,i + sum b_lo,i*H_hi,i,   cR = sum a_hi,i b_lo,i y^(h+i+1)
    """
    h = len(argument.a) // 2
    (a_lo, a_hi), (b_lo, b_hi) = argument.a.halves(), argument.b.halves()
    cL = ristretto.weighted_product(a_lo, b_hi, argument.powers.part(1, h + 1))
    cR = ristretto.weighted_product(a_hi, b_lo, argument.powers.part(h + 1, 2 * h + 1))
    y_h = pow(argument.y, h, GROUP_ORDER)
    y_minus_h = pow(y_h, -1, GROUP_ORDER)
    (G_lo, G_hi), (H_lo, H_hi) = _halves_of_stretches(argument.G, h), _halves_of_stretches(argument.H, h)
    G_factors_L, G_factors_R = _scaled(argument.G_factors, y_minus_h), _scaled(argument.G_factors, y_h)
    if argument.as_bits is None:
        L = _commit_vectors(cL, dL, a_lo, G_factors_L, G_hi, b_hi, argument.H_factors, H_lo)
        R = _commit_vectors(cR, dR, a_hi, G_factors_R, G_lo, b_lo, argument.H_factors, H_hi)
        return L, R
    bits_lo, bits_hi = (bytes(half) for half in _halves_of_stretches(argument.as_bits.bits, h))
    shifts_lo, shifts_hi = argument.as_bits.b_shifts.halves()
    vectors_L = _sum_of_bits(argument.as_bits, bits_lo, G_factors_L, G_hi, bits_hi, shifts_hi, argument.H_factors, H_lo)
    vectors_R = _sum_of_bits(argument.as_bits, bits_hi, G_factors_R, G_lo, bits_lo, shifts_lo, argument.H_factors, H_hi)
    return ristretto.add(vectors_L, _commit_scalars(cL, dL)), ristretto.add(vectors_R, _commit_scalars(cR, dR))


def _halves_of_stretches(stretches: Sequence[_Item], h: int) -> tuple[list[_Item], list[_Item]]:
    """Of each stretch of 2*h elements the first half, and of each the second, joined."""
    starts = range(0, len(stretches), 2 * h)
    return [item for start in starts for item in stretches[start : start + h]], [item for start in starts for item in stretches[start + h : start + 2 * h]]


def _commit_scalars(c: Scalars, d: int) -> Point:
    """`c*value_generator + d*blinding_generator`. Secret: c (one scalar) and d."""
    return ristretto.multi_scalar_mul(ristretto.join(c, Scalars.of((d,))), (value_generator(), blinding_generator()))


def _commit_vectors(
    c: Scalars, d: int, a: Scalars, G_factors: Sequence[int], G: Sequence[Point], b: Scalars, H_factors: Sequence[int], H: Sequence[Point]
) -> Point:
    """`c*value_generator + d*blinding_generator + sum_s,i G_factors[s]*a_i*G[s*h + i] + sum_s,i H_factors[s]*b_i*H[s*h + i]`. Secret: c, d, a, b."""
    scalars = ristretto.join(c, Scalars.of((d,)), a.times_each(G_factors), b.times_each(H_factors))
    return ristretto.multi_scalar_mul(scalars, [value_generator(), blinding_generator(), *G, *H])


def _sum_of_bits(
    vectors: _Bits,
    a_bits: bytes,
    G_factors: Sequence[int],
    G: Sequence[Point],
    b_bits: bytes,
    b_shifts: Scalars,
    H_factors: Sequence[int],
    H: Sequence[Point],
) -> Point:
    """The same sum without c and d, for halves a, b (h scalars) of vectors that are combinations of bits. Secret: the bits, and the sums that they select.

    sum_s,i G_factors[s]*a_i*G[s*h + i] = sum_s,r G_factors[s]*a_factors[r] * (sum_i a_bits[r*h + i]*G[s*h + i])
                                          + sum_s G_factors[s]*a_shift * (sum_i G[s*h + i])
    sum_s,i H_factors[s]*b_i*H[s*h + i] = sum_s,r H_factors[s]*b_factors[r] * (sum_i b_bits[r*h + i]*H[s*h + i])
                                          + sum_s,i H_factors[s]*b_shifts[i]*H[s*h + i]

    The sums in brackets take additions only, and all that is left to multiply is public. A row of ones selects the bracket of the second line.
    """
    h = len(b_shifts)
    selected = ristretto.selected_sums(a_bits + b"\x01" * h, G, h) + ristretto.selected_sums(b_bits, H, h)
    scalars = ristretto.join(
        Scalars.of((*vectors.a_factors, vectors.a_shift)).times_each(G_factors),
        Scalars.of(vectors.b_factors).times_each(H_factors),
        b_shifts.times_each(H_factors),
    )
    return ristretto.multi_scalar_mul_public(scalars, [*selected, *H])


def _halve(argument: _Argument, dL: int, dR: int, e: int) -> _Argument:
    """Fold both halves of the vectors into one with the challenge e; of the generators, only the factors change. h is the length of a half.

    G' = e^-1*G_lo + e*y^-h*G_hi      a' = e*a_lo + e^-1*y^h*a_hi
    H' = e*H_lo + e^-1*H_hi           b' = e^-1*b_lo + e*b_hi
    alpha' = alpha + e^2*dL + e^-2*dR
    """
    h = len(argument.a) // 2
    y_h = pow(argument.y, h, GROUP_ORDER)
    inverse = pow(e * y_h, -1, GROUP_ORDER)
    e_inverse, y_minus_h = inverse * y_h % GROUP_ORDER, inverse * e % GROUP_ORDER
    (a_lo, a_hi), (b_lo, b_hi) = argument.a.halves(), argument.b.halves()
    a_factor_hi = e_inverse * y_h % GROUP_ORDER
    return _Argument(
        a=ristretto.combine(e, a_lo, a_factor_hi, a_hi),
        b=ristretto.combine(e_inverse, b_lo, e, b_hi),
        alpha=(argument.alpha + e * e * dL + e_inverse * e_inverse * dR) % GROUP_ORDER,
        G=argument.G,
        H=argument.H,
        G_factors=_split(argument.G_factors, e_inverse, e * y_minus_h),
        H_factors=_split(argument.H_factors, e, e_inverse),
        powers=argument.powers,
        y=argument.y,
        as_bits=None if argument.as_bits is None else _halve_bits(argument.as_bits, e, e_inverse, a_factor_hi),
    )


def _halve_bits(vectors: _Bits, e: int, e_inverse: int, a_factor_hi: int) -> _Bits:
    """The halved vectors as combinations of the same bits, in twice as many stretches."""
    shifts_lo, shifts_hi = vectors.b_shifts.halves()
    return _Bits(
        bits=vectors.bits,
        a_factors=_split(vectors.a_factors, e, a_factor_hi),
        b_factors=_split(vectors.b_factors, e_inverse, e),
        a_shift=vectors.a_shift * (e + a_factor_hi) % GROUP_ORDER,
        b_shifts=ristretto.combine(e_inverse, shifts_lo, e, shifts_hi),
    )


def _split(factors: Sequence[int], lo: int, hi: int) -> list[int]:
    """The factors of stretches of half the length: each factor, times `lo` and times `hi`."""
    return [factor * half % GROUP_ORDER for factor in factors for half in (lo, hi)]


def _fold_generators(argument: _Argument) -> _Argument:
    """The argument with one stretch of generators in place of several: `G'_j = sum_s (G_factors[s]/G_factors[0]) * G[s*w + j]`, and so for H.

    The first factor stays apart, so that the first of each sum need not be multiplied. Everything here is public.
    """
    w = len(argument.a)
    return _Argument(
        a=argument.a,
        b=argument.b,
        alpha=argument.alpha,
        G=_fold_stretches(argument.G, argument.G_factors, w),
        H=_fold_stretches(argument.H, argument.H_factors, w),
        G_factors=argument.G_factors[:1],
        H_factors=argument.H_factors[:1],
        powers=argument.powers,
        y=argument.y,
        as_bits=None,
    )


def _fold_stretches(points: Sequence[Point], factors: Sequence[int], w: int) -> list[Point]:
    ratios = Scalars.of(_scaled(factors, pow(factors[0], -1, GROUP_ORDER)))
    return [ristretto.multi_scalar_mul_public(ratios, points[j::w]) for j in range(w)]


def _answer(argument: _Argument, A: Point, lefts: Sequence[Point], rights: Sequence[Point], nonces: TranscriptRng, transcript: ProofTranscript) -> RangeProof:
    """The last step, for vectors of one element.

    A1 = r*G + s*H + (r*y*b + s*y*a)*value_generator + d*blinding_generator
    B  = r*s*y*value_generator + eta*blinding_generator
    r1 = r + e*a,   s1 = s + e*b,   d1 = eta + e*d + e^2*alpha
    """
    (a,), (b,), y = argument.a.to_integers(), argument.b.to_integers(), argument.y
    r, s, d, eta = nonces.scalar(), nonces.scalar(), nonces.scalar(), nonces.scalar()
    c = Scalars.of(((r * b + s * a) * y % GROUP_ORDER,))
    A1 = _commit_vectors(c, d, Scalars.of((r,)), argument.G_factors, argument.G, Scalars.of((s,)), argument.H_factors, argument.H)
    B = _commit_scalars(Scalars.of((r * s * y % GROUP_ORDER,)), eta)
    transcript.append_last(A1, B)
    e = transcript.challenge_e()
    return RangeProof(
        d1=(eta + e * d + e * e * argument.alpha) % GROUP_ORDER,
        A=A,
        A1=A1,
        B=B,
        r1=(r + e * a) % GROUP_ORDER,
        s1=(s + e * b) % GROUP_ORDER,
        L=tuple(lefts),
        R=tuple(rights),
    )


def _scaled(scalars: Sequence[int], factor: int) -> list[int]:
    return [scalar * factor % GROUP_ORDER for scalar in scalars]


def _powers(base: int, last: int) -> list[int]:
    """`[1, base, base^2, ..., base^last]`."""
    powers = [1]
    for _ in range(last):
        powers.append(powers[-1] * base % GROUP_ORDER)
    return powers
