"""Batches: no bad proof slips by, wherever it stands, and every bad one is named.

A batch verifier of this proof system once looked at the first 256 proofs only and accepted the rest. Hence the positions below.
"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto.range_proof import RangeProof, RangeProofError, RangeStatement, prove, verify, verify_batch
from mesh_core.crypto.range_proof.verifier import BATCH_CHUNK, _prepare, _weights
from mesh_core.crypto.ristretto import GROUP_ORDER
from tests.unit.crypto.test_range_proof_statement import seeded, small

Item = tuple[RangeStatement, bytes]


@cache
def good(index: int = 0, values: tuple[int, ...] = (1,), bits: int = 2) -> Item:
    statement, witness = small(list(values), bits)
    return statement, prove(statement, witness, seeded(f"good {index}"))


def with_wrong_answer(item: Item, difference: int = 1) -> Item:
    """The same proof with another d1: well-formed, but its equation fails by `difference` times the blinding generator."""
    statement, proof = item
    d1 = (int.from_bytes(proof[1:33], "little") + difference) % GROUP_ORDER
    return statement, proof[:1] + d1.to_bytes(32, "little") + proof[33:]


def with_bad_encoding(item: Item) -> Item:
    statement, proof = item
    return statement, proof[:-32] + b"\xff" * 32


def bad_by_one(items: list[Item]) -> tuple[int, ...]:
    """What `verify_batch` must say, by checking one after the other."""
    bad = []
    for index, item in enumerate(items):
        try:
            verify(*item)
        except RangeProofError:
            bad.append(index)
    return tuple(bad)


def test_empty_batch_has_nothing_bad() -> None:
    assert verify_batch([]) == ()


@pytest.mark.parametrize("size", [1, 2, 3, 16])
def test_good_batch_has_nothing_bad(size: int) -> None:
    assert verify_batch([good(index) for index in range(size)]) == ()


@pytest.mark.parametrize("size", [256, 257, 300, 513])
def test_bad_last_proof_of_a_big_batch_is_named(size: int) -> None:
    items = [good(index % 20) for index in range(size - 1)] + [with_wrong_answer(good())]
    assert BATCH_CHUNK == 256
    assert verify_batch(items) == (size - 1,)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
def test_bad_proof_at_any_position_of_any_chunk_is_named(size: int, chunk_size: int) -> None:
    for position in range(size):
        items = [good(index) for index in range(size)]
        items[position] = with_wrong_answer(items[position])
        assert verify_batch(items, chunk_size=chunk_size) == (position,)


@pytest.mark.parametrize("position", [0, 254, 255, 256, 257, 299])
def test_bad_proof_around_the_real_boundary_is_named(position: int) -> None:
    items = [good(index % 20) for index in range(300)]
    items[position] = with_wrong_answer(items[position])
    assert verify_batch(items) == (position,)


@given(st.lists(st.sampled_from(["good", "equation", "encoding"]), max_size=12), st.integers(1, 5))
@settings(max_examples=30)
def test_batch_says_what_single_verification_says(kinds: list[str], chunk_size: int) -> None:
    make = {"good": lambda item: item, "equation": with_wrong_answer, "encoding": with_bad_encoding}
    items = [make[kind](good(index)) for index, kind in enumerate(kinds)]
    expected = tuple(index for index, kind in enumerate(kinds) if kind != "good")
    assert verify_batch(items, chunk_size=chunk_size) == expected == bad_by_one(items)


def test_all_bad_are_named() -> None:
    assert verify_batch([with_wrong_answer(good(index)) for index in range(7)]) == tuple(range(7))


def test_sizes_and_bits_may_be_mixed() -> None:
    """Shorter vectors of generators are the beginning of longer ones only for the same number of bits."""
    items = [good(0, (1,), 2), good(0, (1, 2), 2), good(0, (7, 3), 4), good(0, (255,), 8), good(0, (0, 1, 2, 3), 2), good(0, (9,), 4)]
    assert verify_batch(items) == ()
    for position in range(len(items)):
        spoilt = [*items[:position], with_wrong_answer(items[position]), *items[position + 1 :]]
        assert verify_batch(spoilt) == (position,)


def test_two_bad_proofs_cannot_cancel_each_other() -> None:
    """Added up without weights, these two equations give the identity: +1 and -1 times the blinding generator."""
    assert verify_batch([with_wrong_answer(good(0), 1), with_wrong_answer(good(0), -1)]) == (0, 1)


def test_the_same_bad_proof_twice_is_named_twice() -> None:
    bad = with_wrong_answer(good())
    assert verify_batch([bad, good(1), bad]) == (0, 2)


def test_weights_differ_and_depend_on_every_proof() -> None:
    checks = [_prepare(*good(index)) for index in range(4)]
    weights = _weights(checks)
    assert len(set(weights)) == 4
    assert 0 not in weights
    assert weights == _weights(checks)
    changed = _weights([*checks[:3], _prepare(*with_wrong_answer(good(3)))])
    assert not set(changed) & set(weights)


@pytest.mark.parametrize("answer", ["d1", "r1", "s1"])
def test_weights_depend_on_the_last_answers(answer: str) -> None:
    statement, proof = good()
    start = {"d1": 1, "r1": 129, "s1": 161}[answer]
    value = (int.from_bytes(proof[start : start + 32], "little") + 1) % GROUP_ORDER
    changed = proof[:start] + value.to_bytes(32, "little") + proof[start + 32 :]
    assert getattr(RangeProof.parse(statement, changed), answer) == value
    assert _weights([_prepare(statement, changed)]) != _weights([_prepare(statement, proof)])
