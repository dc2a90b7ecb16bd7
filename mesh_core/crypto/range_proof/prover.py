"""The prover of Bulletproofs+ (Chung, Han, Ju, Kim, Seo, ePrint 2020/735), aggregated over 1, 2, 4 or 8 commitments.

The argument in four steps, each a function below; letters as in notes.md, "Symbols":
commit to the bits of all values; shift the vectors by the challenges, so that one weighted inner product says all; halve the vectors until they have one
element; answer for that element.

Secrets: values, blinding factors, the vectors a and b, and all nonces. They meet the group through libsodium's constant-time multiplication, one
addition for each bit, and no branch. But they are Python integers, whose arithmetic takes longer for larger numbers, and `select_and_sum` reads
addresses that depend on the bits: whoever measures this process from the same machine may learn something. No proving service for others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from mesh_core.crypto import ristretto
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.pedersen import commit
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.range_proof.statement import RangeProof, RangeProofError, RangeProofFault, RangeStatement, RangeWitness
from mesh_core.crypto.ristretto import GROUP_ORDER, Point, encode_scalar
from mesh_core.crypto.transcript import TranscriptRng


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

    powers = _powers(y, statement.length + 1)
    argument = _shift(statement, witness, bits, alpha, powers, z)
    lefts: list[Point] = []
    rights: list[Point] = []
    while len(argument.a) > 1:
        dL, dR = nonces.scalar(), nonces.scalar()
        L, R = _round_points(argument, powers, dL, dR)
        lefts.append(L)
        rights.append(R)
        transcript.append_round(L, R)
        nonces = transcript.fork_rng(secret, entropy)
        argument = _halve(argument, powers, dL, dR, transcript.challenge_e())
    return _answer(argument, A, lefts, rights, y, nonces, transcript).encode()


@dataclass(frozen=True, slots=True, repr=False)
class _Argument:
    """The inner-product argument between two rounds. Secret: a, b (vectors of scalars, one length) and alpha (blinding factor).

    The vectors of generators are `g_scale * G` and `h_scale * H`: keeping the common factor apart makes a fold cost one multiplication instead of two.
    """

    a: list[int]
    b: list[int]
    alpha: int
    G: Sequence[Point]
    H: Sequence[Point]
    g_scale: int
    h_scale: int


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


def _decompose(statement: RangeStatement, witness: RangeWitness) -> list[int]:
    """The bits of all values, low bit first, value by value: `value_j = sum_b 2^b * bits[j*n + b]`."""
    return [(opening.value >> bit) & 1 for opening in witness.openings for bit in range(statement.bits)]


def _commit_bits(statement: RangeStatement, bits: Sequence[int], alpha: int) -> Point:
    """`A = sum a_i*G_i + sum b_i*H_i + alpha*blinding_generator`, with a = bits and b = bits - 1: each i gives G_i or -H_i."""
    G, _ = vector_generators(statement.bits, len(statement.commitments))
    selected = ristretto.select_and_sum(bits, G, _negated_H(statement.bits, len(statement.commitments)))
    return ristretto.add(selected, ristretto.multiply(alpha, blinding_generator()))


@cache
def _negated_H(bits: int, parties: int) -> tuple[Point, ...]:
    _, H = vector_generators(bits, parties)
    return tuple(ristretto.negate(point) for point in H)


def _shift(statement: RangeStatement, witness: RangeWitness, bits: Sequence[int], alpha: int, powers: Sequence[int], z: int) -> _Argument:
    """The vectors and blinding factor of the inner-product argument, N = length, n = bits per value, i = j*n + bit.

    a_i   = bits_i - z
    b_i   = bits_i - 1 + z + d_i * y^(N-i),   d_i = z^(2(j+1)) * 2^bit
    alpha = alpha + y^(N+1) * sum_j z^(2(j+1)) * blinding_j
    """
    N, n = statement.length, statement.bits
    z_squares = _powers(z * z % GROUP_ORDER, len(statement.commitments))
    G, H = vector_generators(n, len(statement.commitments))
    blinding = sum(z_squares[j + 1] * opening.blinding for j, opening in enumerate(witness.openings))
    return _Argument(
        a=[(bit - z) % GROUP_ORDER for bit in bits],
        b=[(bit - 1 + z + (z_squares[i // n + 1] << i % n) * powers[N - i]) % GROUP_ORDER for i, bit in enumerate(bits)],
        alpha=(alpha + powers[N + 1] * blinding) % GROUP_ORDER,
        G=G,
        H=H,
        g_scale=1,
        h_scale=1,
    )


def _round_points(argument: _Argument, powers: Sequence[int], dL: int, dR: int) -> tuple[Point, Point]:
    """The two points of a round, lo and hi being the halves, h their length.

    L = cL*value_generator + dL*blinding_generator + sum y^-h a_lo,i*G_hi,i + sum b_hi,i*H_lo,i,   cL = sum a_lo,i b_hi,i y^(i+1)
    R = cR*value_generator + dR*blinding_generator + sum y^h  a_hi,i*G_lo,i + sum b_lo,i*H_hi,i,   cR = sum a_hi,i b_lo,i y^(h+i+1)
    """
    h = len(argument.a) // 2
    a_lo, a_hi, b_lo, b_hi = argument.a[:h], argument.a[h:], argument.b[:h], argument.b[h:]
    cL = sum(a * b % GROUP_ORDER * power for a, b, power in zip(a_lo, b_hi, powers[1 : h + 1], strict=True))
    cR = sum(a * b % GROUP_ORDER * power for a, b, power in zip(a_hi, b_lo, powers[h + 1 : 2 * h + 1], strict=True))
    y_h = powers[h]
    L = _commit_round(argument, cL, dL, _scaled(a_lo, pow(y_h, -1, GROUP_ORDER)), b_hi, argument.G[h:], argument.H[:h])
    R = _commit_round(argument, cR, dR, _scaled(a_hi, y_h), b_lo, argument.G[:h], argument.H[h:])
    return L, R


def _commit_round(argument: _Argument, c: int, d: int, a: Sequence[int], b: Sequence[int], G: Sequence[Point], H: Sequence[Point]) -> Point:
    """`c*value_generator + d*blinding_generator + sum a_i*(g_scale*G_i) + sum b_i*(h_scale*H_i)`. Secret: c, d, a, b."""
    scalars = [c % GROUP_ORDER, d, *_scaled(a, argument.g_scale), *_scaled(b, argument.h_scale)]
    return ristretto.multi_scalar_mul(scalars, [value_generator(), blinding_generator(), *G, *H])


def _halve(argument: _Argument, powers: Sequence[int], dL: int, dR: int, e: int) -> _Argument:
    """Fold both halves into one with the challenge e.

    G' = e^-1*G_lo + e*y^-h*G_hi = e^-1*(G_lo + e^2*y^-h*G_hi)        a' = e*a_lo + e^-1*y^h*a_hi
    H' = e*H_lo + e^-1*H_hi      = e*(H_lo + e^-2*H_hi)               b' = e^-1*b_lo + e*b_hi
    alpha' = alpha + e^2*dL + e^-2*dR
    """
    h = len(argument.a) // 2
    e_inverse = pow(e, -1, GROUP_ORDER)
    e_square, e_inverse_square = e * e % GROUP_ORDER, e_inverse * e_inverse % GROUP_ORDER
    a_factor = e_inverse * powers[h] % GROUP_ORDER
    g_factor = e_square * pow(powers[h], -1, GROUP_ORDER) % GROUP_ORDER
    return _Argument(
        a=[(e * lo + a_factor * hi) % GROUP_ORDER for lo, hi in zip(argument.a[:h], argument.a[h:], strict=True)],
        b=[(e_inverse * lo + e * hi) % GROUP_ORDER for lo, hi in zip(argument.b[:h], argument.b[h:], strict=True)],
        alpha=(argument.alpha + e_square * dL + e_inverse_square * dR) % GROUP_ORDER,
        G=ristretto.fold(g_factor, argument.G[:h], argument.G[h:]),
        H=ristretto.fold(e_inverse_square, argument.H[:h], argument.H[h:]),
        g_scale=argument.g_scale * e_inverse % GROUP_ORDER,
        h_scale=argument.h_scale * e % GROUP_ORDER,
    )


def _answer(
    argument: _Argument, A: Point, lefts: Sequence[Point], rights: Sequence[Point], y: int, nonces: TranscriptRng, transcript: ProofTranscript
) -> RangeProof:
    """The last step, for vectors of one element.

    A1 = r*G + s*H + (r*y*b + s*y*a)*value_generator + d*blinding_generator
    B  = r*s*y*value_generator + eta*blinding_generator
    r1 = r + e*a,   s1 = s + e*b,   d1 = eta + e*d + e^2*alpha
    """
    a, b = argument.a[0], argument.b[0]
    r, s, d, eta = nonces.scalar(), nonces.scalar(), nonces.scalar(), nonces.scalar()
    A1 = _commit_round(argument, (r * b + s * a) * y, d, [r], [s], argument.G, argument.H)
    B = ristretto.multi_scalar_mul([r * s * y % GROUP_ORDER, eta], [value_generator(), blinding_generator()])
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
