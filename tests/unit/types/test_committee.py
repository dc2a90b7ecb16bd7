"""Quorum arithmetic for every size of committee that a genesis document allows."""

import pytest

from mesh_core.types.basic import PublicKey
from mesh_core.types.committee import MAX_VALIDATORS, Committee


def committee_of(size: int) -> Committee:
    return Committee(0, tuple(PublicKey(number.to_bytes(32, "big")) for number in range(size)))


all_committees = pytest.mark.parametrize("committee", [committee_of(size) for size in range(1, MAX_VALIDATORS + 1)], ids=lambda committee: f"n{committee.size}")


@all_committees
def test_two_quorums_share_a_correct_validator(committee: Committee) -> None:
    assert 2 * committee.quorum_threshold - committee.size >= committee.faults_tolerated + 1


@all_committees
def test_correct_validators_alone_can_form_a_quorum(committee: Committee) -> None:
    assert committee.size - committee.faults_tolerated >= committee.quorum_threshold


@all_committees
def test_faults_tolerated_is_the_most_that_quorums_survive(committee: Committee) -> None:
    faults = committee.faults_tolerated
    assert 3 * faults + 1 <= committee.size < 3 * (faults + 1) + 1


@all_committees
def test_transition_refused_by_a_quorum_can_never_be_certified(committee: Committee) -> None:
    # Of q validators that refuse for ever at least q - f are correct; the others and the faulty ones must not be enough for a certificate.
    surely_refusing = committee.quorum_threshold - committee.faults_tolerated
    assert committee.size - surely_refusing < committee.quorum_threshold


@all_committees
def test_validity_threshold_holds_one_correct_validator_and_is_below_the_quorum(committee: Committee) -> None:
    assert committee.validity_threshold == committee.faults_tolerated + 1 <= committee.quorum_threshold


@pytest.mark.parametrize(("size", "faults", "quorum"), [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (5, 1, 4), (6, 1, 5), (7, 2, 5), (10, 3, 7), (100, 33, 67)])
def test_known_committees(size: int, faults: int, quorum: int) -> None:
    committee = committee_of(size)
    assert (committee.size, committee.faults_tolerated, committee.quorum_threshold) == (size, faults, quorum)


def test_index_of_is_the_position_of_a_member_and_none_for_a_stranger() -> None:
    committee = committee_of(4)
    assert [committee.index_of(validator) for validator in committee.validators] == [0, 1, 2, 3]
    assert committee.index_of(PublicKey(b"?" * 32)) is None
