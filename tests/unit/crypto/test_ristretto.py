"""The group: encodings, scalars, and every operation against a schoolbook implementation."""

import hashlib
from functools import reduce
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto import ristretto
from mesh_core.crypto.ristretto import BASEPOINT, GROUP_ORDER, IDENTITY, Point, Scalars
from mesh_core.errors import DecodeError, ErrorCode
from tests import schoolbook_verifier as schoolbook
from tests.vectors.public_suites import load_public_suite

EDGE_SCALARS = [0, 1, 2, 8, 2**64 - 1, 2**252, GROUP_ORDER - 2, GROUP_ORDER - 1]
SCALARS = st.sampled_from(EDGE_SCALARS) | st.integers(min_value=0, max_value=GROUP_ORDER - 1)
UNIFORM = st.binary(min_size=64, max_size=64)
POINTS = st.just(IDENTITY) | st.just(BASEPOINT) | UNIFORM.map(ristretto.map_to_group)
FEW = settings(max_examples=15)


def taught(point: Point) -> schoolbook.Point:
    decoded = schoolbook.decode(point.encode())
    assert decoded is not None
    return decoded


def encoded(point: schoolbook.Point) -> bytes:
    return schoolbook.encode(point)


def test_multiples_of_the_basepoint_match_rfc_9496() -> None:
    multiples = load_public_suite("rfc9496.json")["small_multiples"]
    assert len(multiples) == 16
    assert [ristretto.multiply(factor, BASEPOINT).encode().hex() for factor in range(16)] == multiples


def test_bad_encodings_of_rfc_9496_are_refused() -> None:
    encodings = load_public_suite("rfc9496.json")["bad_encodings"]
    assert len(encodings) == 29
    for encoding in encodings:
        assert not ristretto.is_canonical_point(bytes.fromhex(encoding))
        assert schoolbook.decode(bytes.fromhex(encoding)) is None
        with pytest.raises(DecodeError) as caught:
            ristretto.decode_point(bytes.fromhex(encoding))
        assert caught.value.code == ErrorCode.POINT


def test_one_way_map_matches_rfc_9496() -> None:
    suite = load_public_suite("rfc9496.json")
    assert len(suite["one_way_map"]) == 11
    for case in suite["one_way_map"]:
        assert ristretto.map_to_group(bytes.fromhex(case["input"])).encode().hex() == case["output"]
    for case in suite["one_way_map_sha512_labels"]:
        assert ristretto.map_to_group(hashlib.sha512(case["label"].encode()).digest()).encode().hex() == case["output"]


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_point_of_another_length_is_refused(size: int) -> None:
    """libsodium would read 32 bytes whatever it is given: beyond the end of a short one, and only the beginning of a long one."""
    encoding = (BASEPOINT.encode() * 2)[:size]
    assert not ristretto.is_canonical_point(encoding)
    with pytest.raises(DecodeError):
        ristretto.decode_point(encoding)


@given(st.binary(min_size=32, max_size=32))
def test_canonical_points_are_those_of_the_schoolbook(encoding: bytes) -> None:
    assert ristretto.is_canonical_point(encoding) == (schoolbook.decode(encoding) is not None)


@pytest.mark.parametrize("point", [IDENTITY, BASEPOINT])
def test_top_bit_is_not_ignored(point: Point) -> None:
    """libsodium 1.0.18 ignores it, which would give every commitment a second encoding."""
    encoding = bytearray(point.encode())
    encoding[31] |= 0x80
    assert not ristretto.is_canonical_point(bytes(encoding))
    with pytest.raises(DecodeError):
        ristretto.decode_point(bytes(encoding))


@pytest.mark.parametrize("value", [schoolbook.P, schoolbook.P + 1, 2**255 - 1, 2**256 - 1, 1, schoolbook.P - 1])
def test_second_encodings_of_zero_and_negatives_are_refused(value: int) -> None:
    assert not ristretto.is_canonical_point(value.to_bytes(32, "little"))


def test_identity_is_canonical() -> None:
    assert ristretto.decode_point(bytes(32)) == IDENTITY
    assert IDENTITY.is_identity()
    assert not BASEPOINT.is_identity()


def test_points_compare_by_value() -> None:
    two = ristretto.add(BASEPOINT, BASEPOINT)
    assert two == ristretto.multiply(2, BASEPOINT)
    assert len({two, ristretto.multiply(2, BASEPOINT), BASEPOINT}) == 2
    assert two != two.encode()


@pytest.mark.parametrize("scalar", [0, 1, GROUP_ORDER - 1])
def test_scalar_decodes_to_itself(scalar: int) -> None:
    assert ristretto.decode_scalar(ristretto.encode_scalar(scalar)) == scalar


@pytest.mark.parametrize("value", [GROUP_ORDER, GROUP_ORDER + 1, 2**253, 2**255, 2**256 - 1])
def test_scalar_that_is_not_reduced_is_refused(value: int) -> None:
    with pytest.raises(DecodeError) as caught:
        ristretto.decode_scalar(value.to_bytes(32, "little"))
    assert caught.value.code == ErrorCode.MALFORMED


@pytest.mark.parametrize("size", [0, 31, 33])
def test_scalar_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(DecodeError):
        ristretto.decode_scalar(bytes(size))


@pytest.mark.parametrize("scalar", [-1, GROUP_ORDER])
def test_scalar_outside_its_range_is_never_encoded(scalar: int) -> None:
    with pytest.raises(AssertionError):
        ristretto.encode_scalar(scalar)


@pytest.mark.parametrize("multiple", [0, 1, 2**512 // GROUP_ORDER])
def test_wide_reduction_is_modulo_the_group_order(multiple: int) -> None:
    for rest in (0, 1, 12345):
        assert ristretto.reduce_wide((multiple * GROUP_ORDER + rest).to_bytes(64, "little")) == rest


@FEW
@given(SCALARS, POINTS)
def test_multiply_matches_the_schoolbook(scalar: int, point: Point) -> None:
    assert ristretto.multiply(scalar, point).encode() == encoded(schoolbook.multiply(scalar, taught(point)))


@FEW
@given(st.lists(st.tuples(SCALARS, POINTS), max_size=5))
def test_multi_scalar_mul_matches_the_schoolbook(terms: list[tuple[int, Point]]) -> None:
    scalars, points = [scalar for scalar, _ in terms], [point for _, point in terms]
    expected = encoded(schoolbook.sum_of_multiples([(scalar, taught(point)) for scalar, point in terms]))
    assert ristretto.multi_scalar_mul(scalars, points).encode() == expected
    assert ristretto.multi_scalar_mul_public(scalars, points).encode() == expected


@FEW
@given(POINTS, POINTS)
def test_addition_and_negation_match_the_schoolbook(left: Point, right: Point) -> None:
    assert ristretto.add(left, right).encode() == encoded(schoolbook.add(taught(left), taught(right)))
    assert ristretto.add(ristretto.subtract(left, right), right) == left
    assert ristretto.add(left, ristretto.negate(left)) == IDENTITY


@FEW
@given(UNIFORM)
def test_one_way_map_matches_the_schoolbook(uniform: bytes) -> None:
    assert ristretto.map_to_group(uniform).encode() == encoded(schoolbook.from_uniform_bytes(uniform))


ROWS = st.integers(1, 4).flatmap(
    lambda length: st.tuples(
        st.just(length),
        st.lists(st.integers(0, 1), min_size=length, max_size=length).map(bytes),
        st.lists(st.integers(0, 1), min_size=length, max_size=length).map(bytes),
        st.lists(POINTS, min_size=2 * length, max_size=2 * length),
    )
)


@FEW
@given(ROWS)
def test_selected_sums_are_those_of_each_row_of_points_with_each_row_of_bits(rows: tuple[int, bytes, bytes, list[Point]]) -> None:
    length, first_bits, second_bits, points = rows
    expected = [
        ristretto.sum_points(point for point, bit in zip(row, bits, strict=True) if bit)
        for row in (points[:length], points[length:])
        for bits in (first_bits, second_bits)
    ]
    assert ristretto.selected_sums(first_bits + second_bits, points, length) == expected


def test_no_bits_and_no_points_select_nothing() -> None:
    assert ristretto.selected_sums(b"", [BASEPOINT], 1) == []
    assert ristretto.selected_sums(b"\x01", [], 1) == []
    assert ristretto.selected_sums(b"\x00\x00", [BASEPOINT, BASEPOINT], 2) == [IDENTITY]


@FEW
@given(st.lists(st.tuples(SCALARS, POINTS), max_size=5))
def test_precomputed_points_multiply_as_before(terms: list[tuple[int, Point]]) -> None:
    scalars, points = [scalar for scalar, _ in terms], [point for _, point in terms]
    expected = ristretto.multi_scalar_mul(scalars, points)
    prepared = [ristretto.precompute(point) if index % 2 else point for index, point in enumerate(points)]
    assert ristretto.multi_scalar_mul(scalars, prepared) == expected
    assert ristretto.multi_scalar_mul_public(scalars, prepared) == expected


VECTORS = st.lists(st.tuples(SCALARS, SCALARS, SCALARS), max_size=6)


@given(VECTORS, SCALARS, SCALARS, st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_vectors_of_scalars_are_those_of_the_integers(rows: list[tuple[int, int, int]], x: int, y: int, bits: list[int]) -> None:
    left, right, weights = ([row[column] for row in rows] for column in range(3))
    a, b, w = Scalars.of(left), Scalars.of(right), Scalars.of(weights)
    assert a.to_integers() == left
    assert len(a) == len(left)
    assert a.plus(b).to_integers() == [(p + q) % GROUP_ORDER for p, q in zip(left, right, strict=True)]
    assert a.plus_bits(bytes(bits[: len(left)])).to_integers() == [(p + bit) % GROUP_ORDER for p, bit in zip(left, bits, strict=False)]
    assert a.times_each((x, y)).to_integers() == [factor * p % GROUP_ORDER for factor in (x, y) for p in left]
    assert ristretto.combine(x, a, y, b).to_integers() == [(x * p + y * q) % GROUP_ORDER for p, q in zip(left, right, strict=True)]
    assert ristretto.weighted_product(a, b, w).to_integers() == [sum(p * q * r for p, q, r in rows) % GROUP_ORDER]
    assert ristretto.join(a, b).to_integers() == left + right
    assert [half.to_integers() for half in ristretto.join(a, b).halves()] == [left, right]


@given(SCALARS, st.lists(SCALARS, max_size=4), SCALARS)
def test_products_by_bits_take_the_factors_of_the_bits_of_the_index(first: int, factors: list[int], shift: int) -> None:
    def product(index: int) -> int:
        chosen = [factor for f, factor in enumerate(factors) if index >> f & 1]
        return reduce(lambda total, factor: total * factor % GROUP_ORDER, chosen, first)

    products = [product(index) for index in range(2 ** len(factors))]
    assert ristretto.products_by_bits(first, factors).to_integers() == products
    assert ristretto.products_by_bits(first, factors, shift).to_integers() == [(product + shift) % GROUP_ORDER for product in products]


@given(st.lists(SCALARS, max_size=5), st.lists(SCALARS, max_size=5))
def test_shorter_vector_is_filled_up_with_zeros(left: list[int], right: list[int]) -> None:
    expected = [(p + q) % GROUP_ORDER for p, q in zip_longest(left, right, fillvalue=0)]
    assert Scalars.of(left).plus(Scalars.of(right)).to_integers() == expected


def test_vector_of_scalars_shows_nothing() -> None:
    assert repr(Scalars.of((1, 2))) == "Scalars(2)"


@pytest.mark.parametrize("scalar", [-1, GROUP_ORDER])
def test_vector_takes_only_reduced_scalars(scalar: int) -> None:
    with pytest.raises(AssertionError):
        Scalars.of((scalar,))


def test_results_that_are_the_identity_are_given_as_such() -> None:
    """libsodium calls these an error: an attacker who could provoke one would stop a validator."""
    assert ristretto.multiply(0, BASEPOINT) == IDENTITY
    assert ristretto.multiply(5, IDENTITY) == IDENTITY
    assert ristretto.multi_scalar_mul([], []) == IDENTITY
    assert ristretto.multi_scalar_mul([3, GROUP_ORDER - 3], [BASEPOINT, BASEPOINT]) == IDENTITY
    assert ristretto.multi_scalar_mul([0, 0], [BASEPOINT, IDENTITY]) == IDENTITY
    assert ristretto.multi_scalar_mul([7, 0, 1], [BASEPOINT, BASEPOINT, IDENTITY]) == ristretto.multiply(7, BASEPOINT)
    assert ristretto.sum_points([]) == IDENTITY


def test_vectors_of_two_lengths_are_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        ristretto.multi_scalar_mul([1], [])
