"""The generators of commitments and range proofs, each derived in the open so that nobody knows a discrete logarithm between two of them.

Names: docs of other projects write G and H in opposite ways; here the base of the value is `value_generator` and the base of the blinding factor
is `blinding_generator`; `vector_generators` are the two vectors of the range proof (notes.md, "Symbols").
"""

import hashlib
from functools import cache
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.ristretto import BASEPOINT, UNIFORM_BYTES, Point, map_to_group, precompute
from mesh_core.errors import ErrorCode, LocalFault

# `map_to_group(SHA3-512("MESH/v1/pedersen/H"))`, pinned: a library with another map would make money that no one else accepts.
BLINDING_GENERATOR_ENCODING: Final = bytes.fromhex("f2971e6e259ba24273a065fe1b6a7c530ee7a950f1886399950890a1894a5527")

# Chain of vector generators: SHAKE256("GeneratorsChain" || letter || LE32(party)), the derivation of dalek's bulletproofs and of tari's Bulletproofs+.
_CHAIN_PREFIX: Final = b"GeneratorsChain"
# A range proof takes the beginning of each chain, one generator for each bit of a value.
_CHAIN_LENGTH: Final = 64


def value_generator() -> Point:
    """Base of the value in a commitment: the basepoint of ristretto255."""
    return BASEPOINT


@cache
def blinding_generator() -> Point:
    """Base of the blinding factor in a commitment. LocalFault (CRYPTO_SELF_TEST) if the library does not derive the pinned bytes.

    If somebody knew its logarithm to the value base, they could open a commitment to any value: free money.
    """
    point = map_to_group(hashlib.sha3_512(domains.PEDERSEN_H).digest())
    if point.encode() != BLINDING_GENERATOR_ENCODING:
        raise LocalFault(ErrorCode.CRYPTO_SELF_TEST, f"the group library derives the blinding generator {point.encode().hex()}")
    return precompute(point)


@cache
def vector_generators(bits: int, parties: int) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """The two vectors of `bits * parties` generators of a range proof, index `party * bits + bit`."""
    return _vector(b"G", bits, parties), _vector(b"H", bits, parties)


def _vector(letter: bytes, bits: int, parties: int) -> tuple[Point, ...]:
    assert bits <= _CHAIN_LENGTH, "a chain has a generator for each bit of a u64"
    return tuple(point for party in range(parties) for point in _chain(letter, party)[:bits])


@cache
def _chain(letter: bytes, party: int) -> tuple[Point, ...]:
    """A party's chain: successive blocks of 64 bytes of one SHAKE256 stream, through the one-way map."""
    stream = hashlib.shake_256(_CHAIN_PREFIX + letter + party.to_bytes(4, "little")).digest(UNIFORM_BYTES * _CHAIN_LENGTH)
    return tuple(precompute(map_to_group(stream[start : start + UNIFORM_BYTES])) for start in range(0, len(stream), UNIFORM_BYTES))
