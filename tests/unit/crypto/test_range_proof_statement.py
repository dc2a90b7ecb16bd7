"""Statements, witnesses and proofs as data: shapes, padding, sizes, parsing; and proofs made for a payment."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto.pedersen import IDENTITY, Opening, commit
from mesh_core.crypto.range_proof import (
    PROOF_SIZE,
    RangeProof,
    RangeProofError,
    RangeProofFault,
    RangeStatement,
    RangeWitness,
    build_statement,
    build_witness,
    padded_count,
    proof_size,
    prove,
    verify,
)
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.errors import ErrorCode, Rejected
from mesh_core.types.basic import Commitment, Hash32

CONTEXT = bytes(range(32))
CORE_HASH = Hash32(CONTEXT)


def seeded(seed: str) -> Callable[[int], bytes]:
    """Entropy of a seed: the same on every run."""
    count = 0

    def read(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed}/{count}".encode()).digest(size)

    return read


def opening_of(value: int, seed: str = "") -> Opening:
    return Opening(value, int.from_bytes(hashlib.sha512(f"{seed}{value}".encode()).digest(), "little") % GROUP_ORDER)


def small(values: list[int], bits: int = 4) -> tuple[RangeStatement, RangeWitness]:
    """A statement over few bits, quickly proven, and its witness."""
    openings = tuple(opening_of(value) for value in values)
    return RangeStatement(tuple(commit(opening) for opening in openings), CONTEXT, bits), RangeWitness(openings)


def payment(balance: int, outputs: list[int]) -> tuple[RangeStatement, RangeWitness]:
    openings = [opening_of(balance, "balance"), *(opening_of(value, f"output {index}") for index, value in enumerate(outputs))]
    commitments = [commit(opening) for opening in openings]
    return build_statement(commitments[0], commitments[1:], CORE_HASH), build_witness(openings[0], openings[1:])


def refusal(statement: RangeStatement, proof: bytes) -> RangeProofFault:
    with pytest.raises(RangeProofError) as caught:
        verify(statement, proof)
    assert caught.value.code == ErrorCode.RANGE_PROOF
    return caught.value.reason


# --- statements


@pytest.mark.parametrize(("outputs", "count"), [(1, 2), (2, 4), (3, 4), (4, 8), (5, 8), (6, 8), (7, 8)])
def test_payment_is_padded_with_identities_to_two_four_or_eight(outputs: int, count: int) -> None:
    assert padded_count(outputs) == count
    balance, paid = commit(opening_of(1000)), [commit(opening_of(index + 1)) for index in range(outputs)]
    statement = build_statement(balance, paid, CORE_HASH)
    assert statement.commitments == (balance, *paid, *[IDENTITY] * (count - 1 - outputs))
    assert (statement.context, statement.bits) == (CORE_HASH, 64)
    witness = build_witness(opening_of(1000), [opening_of(index + 1) for index in range(outputs)])
    assert tuple(commit(opening) for opening in witness.openings) == statement.commitments


@pytest.mark.parametrize("outputs", [0, 8, 9])
def test_payment_with_another_number_of_outputs_is_refused(outputs: int) -> None:
    for build in (
        lambda: padded_count(outputs),
        lambda: build_statement(IDENTITY, [IDENTITY] * outputs, CORE_HASH),
        lambda: build_witness(Opening(0, 0), [Opening(0, 0)] * outputs),
    ):
        with pytest.raises(RangeProofError) as caught:
            build()
        assert caught.value.reason == RangeProofFault.COMMITMENT_COUNT


@pytest.mark.parametrize("count", [0, 3, 5, 6, 7, 9, 16])
def test_number_of_commitments_must_be_one_two_four_or_eight(count: int) -> None:
    with pytest.raises(RangeProofError) as caught:
        RangeStatement((IDENTITY,) * count, CONTEXT)
    assert caught.value.reason == RangeProofFault.COMMITMENT_COUNT


@pytest.mark.parametrize("bits", [-1, 0, 1, 3, 63, 65, 128])
def test_number_of_bits_must_be_a_power_of_two_up_to_64(bits: int) -> None:
    with pytest.raises(RangeProofError) as caught:
        RangeStatement((IDENTITY,), CONTEXT, bits)
    assert caught.value.reason == RangeProofFault.BITS


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_context_must_have_32_bytes(size: int) -> None:
    with pytest.raises(RangeProofError) as caught:
        RangeStatement((IDENTITY,), bytes(size))
    assert caught.value.reason == RangeProofFault.CONTEXT_SIZE


@pytest.mark.parametrize("encoding", [b"\xff" * 32, b"", bytes(31), bytes(33), b"\x01" + bytes(31), bytes(31) + b"\x80"])
def test_commitment_must_be_canonical(encoding: bytes) -> None:
    with pytest.raises(RangeProofError) as caught:
        RangeStatement((IDENTITY, Commitment(encoding)), CONTEXT)
    assert caught.value.reason == RangeProofFault.COMMITMENT_ENCODING


def test_refusal_is_that_of_rule_nine() -> None:
    error = RangeProofError(RangeProofFault.EQUATION)
    assert isinstance(error, Rejected)
    assert (error.code, error.rule) == (ErrorCode.RANGE_PROOF, 9)


# --- sizes and parsing


def test_proof_sizes_are_those_of_the_specification() -> None:
    assert PROOF_SIZE == {2: 641, 4: 705, 8: 769}
    assert proof_size(64, 1) == 577
    assert proof_size(2, 1) == 257


def test_proof_encodes_as_it_was_parsed() -> None:
    statement, witness = small([3, 9])
    proof = prove(statement, witness, seeded("parse"))
    assert len(proof) == proof_size(4, 2)
    assert RangeProof.parse(statement, proof).encode() == proof


@pytest.mark.parametrize("surplus", [1, 31, 32, 64, 65])
def test_proof_of_another_size_is_refused_before_it_is_read(surplus: int) -> None:
    statement, witness = small([3, 9])
    proof = prove(statement, witness, seeded("size"))
    assert refusal(statement, proof + proof[-surplus:]) == RangeProofFault.PROOF_SIZE
    assert refusal(statement, proof[:-surplus]) == RangeProofFault.PROOF_SIZE


@given(st.data())
@settings(max_examples=60)
def test_proof_with_any_other_byte_is_refused(data: st.DataObject) -> None:
    statement, witness = small([5])
    proof = bytearray(prove(statement, witness, seeded("mutation")))
    position = data.draw(st.integers(0, len(proof) - 1))
    proof[position] ^= data.draw(st.integers(1, 255))
    refusal(statement, bytes(proof))


@given(st.binary(max_size=600))
def test_any_bytes_are_refused(garbage: bytes) -> None:
    statement, _ = small([5])
    assert refusal(statement, garbage) in (RangeProofFault.PROOF_SIZE, RangeProofFault.EXTENSION, RangeProofFault.SCALAR_ENCODING)


@given(st.binary(min_size=320, max_size=320))
def test_any_bytes_of_the_right_size_are_refused(garbage: bytes) -> None:
    statement, _ = small([5])
    assert refusal(statement, b"\x01" + garbage) != RangeProofFault.PROOF_SIZE


# --- proofs


@given(st.lists(st.integers(0, 15), min_size=2, max_size=2), st.binary(max_size=8))
@settings(max_examples=20)
def test_any_values_in_range_are_proven(values: list[int], seed: bytes) -> None:
    statement, witness = small(values)
    verify(statement, prove(statement, witness, seeded(seed.hex())))


def test_payment_is_proven_and_bound_to_its_transition() -> None:
    statement, witness = payment(9499, [500])
    proof = prove(statement, witness, seeded("payment"))
    assert len(proof) == PROOF_SIZE[2]
    verify(statement, proof)
    elsewhere = build_statement(statement.commitments[0], statement.commitments[1:], Hash32(bytes(32)))
    assert refusal(elsewhere, proof) == RangeProofFault.EQUATION


def test_order_of_commitments_matters() -> None:
    statement, witness = payment(9499, [500])
    proof = prove(statement, witness, seeded("order"))
    swapped = build_statement(statement.commitments[1], statement.commitments[:1], CORE_HASH)
    assert refusal(swapped, proof) == RangeProofFault.EQUATION


def test_proof_for_two_commitments_never_passes_for_four() -> None:
    """Were padding taken from the wire, or the size not exact, a payment could carry a proof of something else."""
    statement, witness = payment(9499, [500])
    proof = prove(statement, witness, seeded("two"))
    wider = build_statement(statement.commitments[0], [statement.commitments[1], IDENTITY], CORE_HASH)
    assert refusal(wider, proof) == RangeProofFault.PROOF_SIZE
    assert refusal(wider, proof + bytes(64)) == RangeProofFault.IDENTITY_POINT


def test_padded_payment_is_proven() -> None:
    statement, witness = payment(2**64 - 1, [0, 1])
    proof = prove(statement, witness, seeded("padded"))
    assert len(proof) == PROOF_SIZE[4]
    verify(statement, proof)


@pytest.mark.parametrize("value", [16, 17, 2**64 - 1])
def test_value_out_of_range_is_not_proven(value: int) -> None:
    openings = (opening_of(3), opening_of(value))
    statement = RangeStatement(tuple(commit(opening) for opening in openings), CONTEXT, 4)
    with pytest.raises(RangeProofError) as caught:
        prove(statement, RangeWitness(openings), seeded("range"))
    assert caught.value.reason == RangeProofFault.WITNESS


@pytest.mark.parametrize("change", ["value", "blinding", "missing", "surplus"])
def test_openings_that_do_not_fit_are_not_proven(change: str) -> None:
    statement, witness = small([3, 9])
    first, second = witness.openings
    openings = {
        "value": (first, Opening(8, second.blinding)),
        "blinding": (first, Opening(9, (second.blinding + 1) % GROUP_ORDER)),
        "missing": (first,),
        "surplus": (first, second, second),
    }[change]
    with pytest.raises(RangeProofError) as caught:
        prove(statement, RangeWitness(openings), seeded("fit"))
    assert caught.value.reason == RangeProofFault.WITNESS


def test_proofs_depend_on_entropy() -> None:
    statement, witness = small([3, 9])
    assert prove(statement, witness, seeded("a")) != prove(statement, witness, seeded("b"))


def test_repeated_entropy_gives_other_nonces_for_another_statement() -> None:
    """A machine restored from a snapshot: with one alpha for two statements, A - A' would show which bits differ."""
    proofs = []
    for context in (CONTEXT, bytes(32)):
        openings = (opening_of(3), opening_of(9))
        statement = RangeStatement(tuple(commit(opening) for opening in openings), context, 4)
        proofs.append(RangeProof.parse(statement, prove(statement, RangeWitness(openings), bytes)))
    first, second = proofs
    assert first.A != second.A
    assert first.B != second.B


def test_witness_shows_nothing_of_itself() -> None:
    witness = RangeWitness((Opening(1_234_567_890_123, 987_654_321_987_654_321),))
    assert repr(witness) == "RangeWitness()"
