"""The generators are those of the vectors, pinned byte for byte: another one would be another currency."""

import hashlib

import pytest

from mesh_core.crypto import generators
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.ristretto import BASEPOINT, Point
from mesh_core.errors import ErrorCode, LocalFault
from tests import schoolbook_verifier as schoolbook
from tests.vectors.range_proof_vectors import RANGE_PROOFS

EXPECTED = RANGE_PROOFS["generators"]


def digest(points: tuple[Point, ...]) -> str:
    return hashlib.sha3_256(b"".join(point.encode() for point in points)).hexdigest()


def test_blinding_generator_is_pinned() -> None:
    pinned = "f2971e6e259ba24273a065fe1b6a7c530ee7a950f1886399950890a1894a5527"
    assert blinding_generator().encode().hex() == pinned == EXPECTED["blinding_base_H"]
    assert hashlib.sha3_512(b"MESH/v1/pedersen/H").hexdigest() == EXPECTED["h_sha3_512"]
    assert schoolbook.encode(schoolbook.blinding_base()).hex() == pinned


def test_value_generator_is_the_basepoint() -> None:
    assert value_generator().encode().hex() == EXPECTED["value_base_G"]


@pytest.mark.parametrize("party", [0, 1])
def test_first_vector_generators_match_the_vectors(party: int) -> None:
    G, H = vector_generators(64, 8)
    assert [point.encode().hex() for point in G[64 * party : 64 * party + 8]] == EXPECTED[f"Gi_party{party}"]
    assert [point.encode().hex() for point in H[64 * party : 64 * party + 8]] == EXPECTED[f"Hi_party{party}"]


@pytest.mark.parametrize(("parties", "name"), [(1, "first_64"), (4, "256"), (8, "512")])
def test_all_vector_generators_match_the_vectors(parties: int, name: str) -> None:
    G, H = vector_generators(64, parties)
    assert digest(G) == EXPECTED[f"sha3_256_of_{name}_Gi"]
    assert digest(H) == EXPECTED[f"sha3_256_of_{name}_Hi"]


def test_vectors_of_fewer_bits_take_the_beginning_of_each_partys_chain() -> None:
    G, H = vector_generators(8, 2)
    long_G, long_H = vector_generators(64, 2)
    assert G == long_G[:8] + long_G[64:72]
    assert H == long_H[:8] + long_H[64:72]


def test_all_generators_are_distinct() -> None:
    G, H = vector_generators(64, 8)
    assert len({value_generator(), blinding_generator(), *G, *H}) == 2 + 2 * 512


def test_library_that_derives_another_blinding_generator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "map_to_group", lambda _uniform: BASEPOINT)
    blinding_generator.cache_clear()
    with pytest.raises(LocalFault) as caught:
        blinding_generator()
    assert caught.value.code == ErrorCode.CRYPTO_SELF_TEST
