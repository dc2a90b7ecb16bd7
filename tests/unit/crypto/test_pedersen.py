"""Commitments and openings: pinned vectors, homomorphism, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto.pedersen import (
    IDENTITY,
    VALUE_LIMIT,
    Opening,
    add_commitments,
    commit,
    commit_public,
    is_canonical_point,
    subtract_commitments,
)
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.errors import DecodeError, ErrorCode
from mesh_core.types.basic import Commitment
from tests import schoolbook_verifier as schoolbook
from tests.vectors import make_commitments
from tests.vectors.range_proof_vectors import COMMITMENTS, VALID, Case, hexed, scalar, statement_of, witness_of

BLINDINGS = st.sampled_from([0, 1, GROUP_ORDER - 1]) | st.integers(min_value=0, max_value=GROUP_ORDER - 1)
VALUES = st.sampled_from([0, 1, VALUE_LIMIT - 1]) | st.integers(min_value=0, max_value=VALUE_LIMIT - 1)
HALF_VALUES = st.integers(min_value=0, max_value=VALUE_LIMIT // 2 - 1)
SOME = settings(max_examples=40)


@pytest.mark.parametrize("case", COMMITMENTS, ids=lambda case: case["name"])
def test_commitment_matches_the_schoolbook_vector(case: Case) -> None:
    opening = Opening(case["input"]["value"], scalar(case["input"]["blinding"]))
    assert commit(opening) == hexed(case["expected"])


def test_commitment_vectors_are_what_the_schoolbook_makes() -> None:
    assert len(COMMITMENTS) == 5
    assert make_commitments.PATH.read_text(encoding="utf-8") == make_commitments.render()


def test_commitments_match_those_of_the_range_proof_vectors() -> None:
    for case in VALID:
        assert tuple(commit(opening) for opening in witness_of(case).openings) == statement_of(case).commitments


@SOME
@given(HALF_VALUES, BLINDINGS, HALF_VALUES, BLINDINGS)
def test_commitments_add_up_as_their_openings_do(value: int, blinding: int, other_value: int, other_blinding: int) -> None:
    left, right = Opening(value, blinding), Opening(other_value, other_blinding)
    total = add_commitments([commit(left), commit(right)])
    assert total == commit(left + right)
    assert subtract_commitments(total, commit(right)) == commit(left)
    assert left + right - right == left


@SOME
@given(st.lists(st.tuples(st.integers(0, 2**40), BLINDINGS), max_size=6))
def test_sum_of_many_commitments_opens_to_the_sum(openings: list[tuple[int, int]]) -> None:
    values, blindings = [value for value, _ in openings], [blinding for _, blinding in openings]
    total = add_commitments(commit(Opening(value, blinding)) for value, blinding in openings)
    assert total == commit(Opening(sum(values), sum(blindings) % GROUP_ORDER))


@SOME
@given(VALUES, BLINDINGS, VALUES, BLINDINGS)
def test_another_opening_gives_another_commitment(value: int, blinding: int, other_value: int, other_blinding: int) -> None:
    left, right = Opening(value, blinding), Opening(other_value, other_blinding)
    assert (commit(left) == commit(right)) == (left == right)


def test_public_commitment_has_no_blinding_factor() -> None:
    assert commit_public(501) == commit(Opening(501, 0)) == schoolbook.commit(501, 0)
    assert commit_public(0) == IDENTITY


def test_identity_is_the_commitment_to_nothing() -> None:
    assert commit(Opening(0, 0)) == add_commitments([]) == IDENTITY == bytes(32)
    ordinary = commit(Opening(7, 8))
    assert add_commitments([ordinary, IDENTITY]) == ordinary
    assert subtract_commitments(ordinary, ordinary) == IDENTITY


@pytest.mark.parametrize(("value", "blinding", "field"), [(-1, 0, "value"), (VALUE_LIMIT, 0, "value"), (0, -1, "blinding"), (0, GROUP_ORDER, "blinding")])
def test_opening_out_of_range_is_refused(value: int, blinding: int, field: str) -> None:
    with pytest.raises(DecodeError) as caught:
        Opening(value, blinding)
    assert (caught.value.code, caught.value.field) == (ErrorCode.MALFORMED, field)


def test_opening_cannot_wrap_around() -> None:
    """2^64 units more are the same u64; a commitment to them is not the same, and no range proof exists for it."""
    with pytest.raises(DecodeError):
        _ = Opening(VALUE_LIMIT - 1, 0) + Opening(1, 0)
    with pytest.raises(DecodeError):
        _ = Opening(1, 0) - Opening(2, 0)


@pytest.mark.parametrize("encoding", [b"\xff" * 32, b"", bytes(31), bytes(33), b"\x01" + bytes(31), schoolbook.P.to_bytes(32, "little")])
def test_commitment_that_is_not_canonical_is_refused(encoding: bytes) -> None:
    assert not is_canonical_point(encoding)
    ordinary = commit(Opening(7, 8))
    with pytest.raises(DecodeError) as caught:
        add_commitments([ordinary, Commitment(encoding)])
    assert caught.value.code == ErrorCode.POINT
    for left, right in ((ordinary, Commitment(encoding)), (Commitment(encoding), ordinary)):
        with pytest.raises(DecodeError) as caught:
            subtract_commitments(left, right)
        assert caught.value.code == ErrorCode.POINT


def test_opening_shows_nothing_of_itself() -> None:
    opening = Opening(1_234_567_890_123, 987_654_321_987_654_321)
    for text in (repr(opening), str(opening), f"{opening}", f"{[opening]}"):
        assert "1234567890123" not in text
        assert "987654321987654321" not in text


def test_openings_compare_by_value() -> None:
    assert Opening(1, 2) == Opening(1, 2)
    assert Opening(1, 2) != Opening(2, 1)
    assert Opening(1, 2) != (1, 2)
    assert len({Opening(1, 2), Opening(1, 2), Opening(1, 3)}) == 2
