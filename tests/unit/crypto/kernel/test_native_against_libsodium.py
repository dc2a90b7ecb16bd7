"""The C module against libsodium, operation by operation: edges, RFC 9496's vectors, thousands of random cases, Hypothesis."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto import ristretto_libsodium as libsodium
from tests.vectors.public_suites import load_public_suite

native: Any = pytest.importorskip("mesh_core.crypto._ristretto", reason="the C module was not built here")

ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
BASEPOINT = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
EDGE_SCALARS = [0, 1, 2, 15, 16, 31, 32, 127, 128, 255, 256, 2**64 - 1, 2**128, 2**252 - 1, 2**252, ORDER // 2, ORDER - 2, ORDER - 1]
EDGE_FIELD = [0, 1, 2, PRIME - 2, PRIME - 1, PRIME, PRIME + 1, 2**255 - 20, 2**255 - 1, 2**255, 2**256 - 1]
SCALARS = st.sampled_from(EDGE_SCALARS) | st.integers(0, ORDER - 1)
UNIFORM = st.binary(min_size=64, max_size=64) | st.tuples(st.sampled_from(EDGE_FIELD), st.sampled_from(EDGE_FIELD)).map(
    lambda pair: b"".join(value.to_bytes(32, "little") for value in pair)
)
# The number of points from which buckets are used is in between.
MANY = 420


def encoded(scalars: list[int]) -> bytes:
    return b"".join(scalar.to_bytes(32, "little") for scalar in scalars)


def agree_on_sum(scalars: list[int], uniforms: list[bytes]) -> None:
    """All forms of the native sum, over points with and without tables, are libsodium's."""
    elements = tuple(map(libsodium.map_to_group, uniforms))
    expected = libsodium.multiply_secret(libsodium.scalars_from_bytes(encoded(scalars)), elements)
    vector = native.scalars_from_bytes(encoded(scalars))
    plain = tuple(map(native.decode, elements))
    mapped = tuple(native.with_table(native.map_to_group(uniform)) if index % 2 else native.map_to_group(uniform) for index, uniform in enumerate(uniforms))
    for points in (plain, mapped):
        assert native.encode(native.multiply_public(vector, points)) == expected
        assert native.encode(native.multiply_secret(vector, points)) == expected


@pytest.mark.parametrize("value", [*EDGE_FIELD, *range(3, 40)])
def test_edge_encodings_decode_alike(value: int) -> None:
    encoding = value.to_bytes(32, "little")
    element = native.decode(encoding)
    assert (element is None) == (libsodium.decode(encoding) is None)
    assert element is None or native.encode(element) == encoding


def test_bad_encodings_of_rfc_9496_do_not_decode() -> None:
    for encoding in load_public_suite("rfc9496.json")["bad_encodings"]:
        assert native.decode(bytes.fromhex(encoding)) is None


def test_one_way_map_is_that_of_rfc_9496() -> None:
    for case in load_public_suite("rfc9496.json")["one_way_map"]:
        assert native.encode(native.map_to_group(bytes.fromhex(case["input"]))).hex() == case["output"]


@pytest.mark.parametrize("first", EDGE_FIELD)
@pytest.mark.parametrize("second", EDGE_FIELD)
def test_one_way_map_of_edges(first: int, second: int) -> None:
    uniform = first.to_bytes(32, "little") + second.to_bytes(32, "little")
    assert native.encode(native.map_to_group(uniform)) == libsodium.map_to_group(uniform)


def test_thousands_of_random_encodings_decode_alike() -> None:
    source = random.Random("decode")
    accepted = 0
    for _ in range(4000):
        encoding = source.randbytes(31) + bytes((source.randrange(128),))
        element = native.decode(encoding)
        assert (element is None) == (libsodium.decode(encoding) is None)
        if element is not None:
            accepted += 1
            assert native.encode(element) == encoding
    assert 100 < accepted < 1000


def test_thousands_of_random_points_map_add_and_subtract_alike() -> None:
    source = random.Random("add")
    left, native_left = BASEPOINT, native.decode(BASEPOINT)
    for _ in range(2000):
        uniform = source.randbytes(64)
        right, native_right = libsodium.map_to_group(uniform), native.map_to_group(uniform)
        assert native.encode(native_right) == right
        difference = libsodium.subtract(left, right)
        assert native.encode(native.subtract(native_left, native_right)) == difference
        left, native_left = libsodium.add(left, right), native.add(native_left, native_right)
        assert native.encode(native_left) == left


def test_thousand_random_sums() -> None:
    source = random.Random("sums")
    for _ in range(250):
        count = source.randrange(8)
        scalars = [source.choice(EDGE_SCALARS) if source.random() < 0.3 else source.randrange(ORDER) for _ in range(count)]
        agree_on_sum(scalars, [source.randbytes(64) for _ in range(count)])


@pytest.mark.parametrize("scalar", EDGE_SCALARS)
@pytest.mark.parametrize("encoding", [bytes(32), BASEPOINT], ids=["identity", "basepoint"])
def test_edge_scalars_times_edge_points(scalar: int, encoding: bytes) -> None:
    expected = libsodium.multiply_secret((scalar,), (encoding,))
    vector = native.scalars_from_bytes(encoded([scalar]))
    for element in (native.decode(encoding), native.with_table(native.decode(encoding))):
        assert native.encode(native.multiply_public(vector, (element,))) == expected
        assert native.encode(native.multiply_secret(vector, (element,))) == expected


@pytest.mark.parametrize("count", [0, 1, 2, 200, MANY])
def test_sums_of_many_with_repeated_and_neutral_points(count: int) -> None:
    source = random.Random(count)
    uniforms = [source.randbytes(64) for _ in range(max(1, count // 2))]
    agree_on_sum([source.randrange(ORDER) for _ in range(count)], [source.choice(uniforms) for _ in range(count)])


def test_sum_that_cancels_is_the_identity() -> None:
    element = native.decode(BASEPOINT)
    for points in ((element, element), (native.with_table(element), element)):
        vector = native.scalars_from_bytes(encoded([3, ORDER - 3]))
        assert native.encode(native.multiply_public(vector, points)) == bytes(32)
        assert native.encode(native.multiply_secret(vector, points)) == bytes(32)


@settings(max_examples=40)
@given(st.lists(st.tuples(SCALARS, UNIFORM), max_size=6))
def test_any_sum(terms: list[tuple[int, bytes]]) -> None:
    agree_on_sum([scalar for scalar, _ in terms], [uniform for _, uniform in terms])


@settings(max_examples=40)
@given(st.integers(1, 5), st.binary(max_size=12), st.lists(UNIFORM, max_size=12))
def test_any_selected_sums(length: int, noise: bytes, uniforms: list[bytes]) -> None:
    bits = bytes(byte & 1 for byte in noise[: len(noise) // length * length])
    uniforms = uniforms[: len(uniforms) // length * length]
    expected = libsodium.selected_sums(bits, tuple(map(libsodium.map_to_group, uniforms)), length)
    assert tuple(map(native.encode, native.selected_sums(bits, tuple(map(native.map_to_group, uniforms)), length))) == expected


@given(st.lists(st.tuples(SCALARS, SCALARS, SCALARS), min_size=1, max_size=8), st.binary(min_size=8, max_size=8))
def test_any_vectors_of_scalars(rows: list[tuple[int, int, int]], noise: bytes) -> None:
    columns = [encoded([row[column] for row in rows]) for column in range(3)]
    bits = bytes(byte & 1 for byte in noise[: len(rows)])
    results = []
    for library in (native, libsodium):
        a, b, c = map(library.scalars_from_bytes, columns)
        pair, one = library.scalars_from_bytes(encoded([rows[0][0], rows[0][1]])), library.slice(c, 0, 1)
        made = [
            library.add_scalars(a, library.slice(b, 0, len(rows) // 2)),
            library.add_bits(a, bits),
            library.outer(pair, c),
            library.combine(pair, a, b),
            library.weighted_product(a, b, c),
            library.products_by_bits(one, pair, one),
            library.join((a, b, c)),
        ]
        results.append([library.scalars_to_bytes(vector) for vector in made])
    assert results[0] == results[1]


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**253, 2**255 - 19, 2**256 - 1])
def test_scalar_that_is_not_reduced_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="below the group order"):
        native.scalars_from_bytes(bytes(32) + value.to_bytes(32, "little"))


def test_wrong_use_is_an_exception_and_no_crash() -> None:
    element, scalars = native.decode(BASEPOINT), native.scalars_from_bytes(bytes(64))
    bad_values: list[Callable[[], object]] = [
        lambda: native.decode(bytes(31)),
        lambda: native.map_to_group(bytes(63)),
        lambda: native.multiply_public(scalars, (element,)),
        lambda: native.multiply_secret(native.scalars_from_bytes(b""), (element,)),
        lambda: native.selected_sums(b"\x01", (element,), 0),
        lambda: native.selected_sums(b"\x01\x01\x01", (element,), 2),
        lambda: native.slice(scalars, 1, 3),
        lambda: native.slice(scalars, -1, 1),
        lambda: native.scalars_from_bytes(bytes(33)),
        lambda: native.add_bits(scalars, b"\x01"),
        lambda: native.combine(scalars, scalars, native.slice(scalars, 0, 1)),
        lambda: native.products_by_bits(scalars, scalars, scalars),
        lambda: native.products_by_bits(native.slice(scalars, 0, 1), native.scalars_from_bytes(bytes(32 * 25)), native.slice(scalars, 0, 1)),
    ]
    for call in bad_values:
        with pytest.raises(ValueError, match=r"needed|not a part|too many"):
            call()
    bad_types: list[Callable[[], object]] = [
        lambda: native.encode(BASEPOINT),
        lambda: native.add(element, None),
        lambda: native.add(element),
        lambda: native.multiply_public(scalars, [element, element]),
        lambda: native.multiply_public(scalars, (element, scalars)),
        lambda: native.multiply_public(bytes(64), (element, element)),
        lambda: native.join((scalars, 1)),
        lambda: native.Element(),
        lambda: native.Scalars(),
    ]
    for call in bad_types:
        with pytest.raises((TypeError, SystemError)):
            call()
