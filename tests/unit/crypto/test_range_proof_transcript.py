"""Fiat-Shamir: every element that the transcript absorbs, left out or changed by the prover, makes the proof fail.

Two systems of this kind had to be shut down in 2025 because one value was missing from the transcript. Method: the prover runs with a transcript
in which one absorbed message differs by a bit; an honest verifier must refuse. If neither side absorbed the element, the list of labels would differ.
"""

from collections.abc import Callable

import pytest

from mesh_core.crypto.generators import blinding_generator, value_generator
from mesh_core.crypto.range_proof import RangeProofError, RangeProofFault, prove, verify
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.ristretto import BASEPOINT, IDENTITY
from mesh_core.crypto.transcript import Transcript
from tests.unit.crypto.test_range_proof_statement import CONTEXT, seeded, small

Absorb = Callable[[Transcript, bytes, bytes], None]

# For two commitments of 2 bits: 2 rounds. docs/range-proofs.md, "Transcript".
STATEMENT, WITNESS = small([1, 2], bits=2)
ABSORBED = (
    (b"dom-sep", b"MESH/v1/range-proof"),
    (b"context", CONTEXT),
    (b"dom-sep", b"Bulletproofs+ Range Proof"),
    (b"H", value_generator().encode()),
    (b"G", blinding_generator().encode()),
    (b"N", (2).to_bytes(8, "little")),
    (b"T", (1).to_bytes(8, "little")),
    (b"M", (2).to_bytes(8, "little")),
    (b"Ci", STATEMENT.commitments[0]),
    (b"Ci", STATEMENT.commitments[1]),
    (b"vi - minimum_value", bytes(8)),
    (b"vi - minimum_value", bytes(8)),
    (b"A", None),
    (b"L", None),
    (b"R", None),
    (b"L", None),
    (b"R", None),
    (b"A1", None),
    (b"B", None),
)
ANSWERS = (b"r1", b"s1", b"d1")


def watch(monkeypatch: pytest.MonkeyPatch, replace: Callable[[int, bytes], bytes | None]) -> list[tuple[bytes, bytes]]:
    """Send every absorbed message through `replace(index, message)` (None: leave it out); the list of what was meant to be absorbed."""
    seen: list[tuple[bytes, bytes]] = []
    absorb: Absorb = Transcript.append

    def append(transcript: Transcript, label: bytes, message: bytes) -> None:
        seen.append((label, message))
        replaced = replace(len(seen) - 1, message)
        if replaced is not None:
            absorb(transcript, label, replaced)

    monkeypatch.setattr(Transcript, "append", append)
    return seen


def flip(message: bytes) -> bytes:
    return bytes((message[0] ^ 1,)) + message[1:]


def test_prover_and_verifier_absorb_all_elements_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        by_prover = watch(patch, lambda _index, message: message)
        proof = prove(STATEMENT, WITNESS, seeded("order"))
    with monkeypatch.context() as patch:
        by_verifier = watch(patch, lambda _index, message: message)
        verify(STATEMENT, proof)
    assert by_verifier[: len(ABSORBED)] == by_prover
    assert [label for label, _ in by_verifier] == [label for label, _ in ABSORBED] + list(ANSWERS)
    for (_, message), (_, expected) in zip(by_prover, ABSORBED, strict=True):
        assert expected in (None, message)
    elements = [proof[start : start + 32] for start in range(1, len(proof), 32)]
    # d1, A, A1, B, r1, s1, L_0, R_0, L_1, R_1
    assert [message for _, message in by_verifier[12:]] == [elements[index] for index in (1, 6, 7, 8, 9, 2, 3, 4, 5, 0)]


@pytest.mark.parametrize("change", ["changed", "left out"])
@pytest.mark.parametrize("index", range(len(ABSORBED)), ids=lambda index: f"{index} {ABSORBED[index][0].decode()}")
def test_element_that_the_prover_absorbs_otherwise_makes_the_proof_fail(index: int, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(position: int, message: bytes) -> bytes | None:
        if position != index:
            return message
        return flip(message) if change == "changed" else None

    with monkeypatch.context() as patch:
        watch(patch, replace)
        proof = prove(STATEMENT, WITNESS, seeded("negative"))
    with pytest.raises(RangeProofError) as caught:
        verify(STATEMENT, proof)
    assert caught.value.reason == RangeProofFault.EQUATION


def test_unchanged_element_leaves_the_proof_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests fail for the change, and not for being watched."""
    with monkeypatch.context() as patch:
        watch(patch, lambda _index, message: message)
        proof = prove(STATEMENT, WITNESS, seeded("negative"))
    verify(STATEMENT, proof)


@pytest.mark.parametrize("index", range(3), ids=lambda index: ANSWERS[index].decode())
def test_binding_of_a_batch_depends_on_each_answer(index: int) -> None:
    """Weights that did not depend on an answer could be known before it is chosen."""
    bindings = set()
    for answers in ([1, 2, 3], [value + (position == index) for position, value in enumerate([1, 2, 3])]):
        transcript = ProofTranscript(STATEMENT)
        transcript.append_answers(*answers)
        bindings.add(transcript.binding())
    assert len(bindings) == 2


@pytest.mark.parametrize(
    "append",
    [
        lambda transcript: transcript.append_bits(IDENTITY),
        lambda transcript: transcript.append_round(IDENTITY, BASEPOINT),
        lambda transcript: transcript.append_round(BASEPOINT, IDENTITY),
        lambda transcript: transcript.append_last(IDENTITY, BASEPOINT),
        lambda transcript: transcript.append_last(BASEPOINT, IDENTITY),
    ],
    ids=["A", "L", "R", "A1", "B"],
)
def test_identity_is_never_absorbed(append: Callable[[ProofTranscript], None]) -> None:
    with pytest.raises(RangeProofError) as caught:
        append(ProofTranscript(STATEMENT))
    assert caught.value.reason == RangeProofFault.IDENTITY_POINT


@pytest.mark.parametrize("label", [b"y", b"z", b"e"])
def test_zero_challenge_is_refused_by_both_sides(label: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = prove(STATEMENT, WITNESS, seeded("zero"))
    draw = Transcript.challenge_scalar
    monkeypatch.setattr(Transcript, "challenge_scalar", lambda transcript, name: 0 if name == label else draw(transcript, name))
    for attempt in (lambda: prove(STATEMENT, WITNESS, seeded("zero")), lambda: verify(STATEMENT, proof)):
        with pytest.raises(RangeProofError) as caught:
            attempt()
        assert caught.value.reason == RangeProofFault.ZERO_CHALLENGE


def test_challenge_one_needs_no_case_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With y = 1 a geometric sum by its closed formula would divide by zero; then anybody could stop a validator."""
    draw = Transcript.challenge_scalar
    monkeypatch.setattr(Transcript, "challenge_scalar", lambda transcript, name: 1 if name == b"y" else draw(transcript, name))
    verify(STATEMENT, prove(STATEMENT, WITNESS, seeded("one")))
