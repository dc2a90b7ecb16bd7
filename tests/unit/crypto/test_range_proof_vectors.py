"""All of the range-proof vectors: accepted, reproduced byte for byte, refused for the reason that was expected; and the schoolbook agrees on each."""

import pytest

from mesh_core.crypto.range_proof import RangeProofError, RangeProofFault, prove, verify, verify_batch
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.range_proof.statement import RangeProof, RangeStatement
from mesh_core.crypto.transcript import TranscriptRng
from mesh_core.errors import ErrorCode
from mesh_core.types.basic import Commitment
from tests import schoolbook_verifier as schoolbook
from tests.vectors.public_suites import load_public_suite
from tests.vectors.range_proof_vectors import INVALID, RANGE_PROOFS, VALID, Case, hexed, proof_of, scalar, statement_of, traced_entropy, witness_of

FAULTS_OF_REASON = {
    "Internal data is invalid: `Extension degree not valid`": {RangeProofFault.EXTENSION},
    # Two kinds: an extension degree with other elements to follow, and scalars that are not reduced.
    "Internal data is invalid: `Invalid parsing`": {RangeProofFault.EXTENSION, RangeProofFault.SCALAR_ENCODING},
    "Internal data is invalid: `Member 'a' was not the canonical encoding of a point`": {RangeProofFault.POINT_ENCODING},
    "Internal data is invalid: `Member 'a1' was not the canonical encoding of a point`": {RangeProofFault.POINT_ENCODING},
    "Internal data is invalid: `Member 'b' was not the canonical encoding of a point`": {RangeProofFault.POINT_ENCODING},
    "Internal data is invalid: `An item in member 'L' was not the canonical encoding of a point`": {RangeProofFault.POINT_ENCODING},
    # The exact size is checked before anything is read, so 64 zero bytes at the end are no identity.
    "A proof component failed to verify: `Identity element cannot be added to the transcript": {RangeProofFault.IDENTITY_POINT, RangeProofFault.PROOF_SIZE},
    "Invalid array/vector length error: `Serialized proof is too short`": {RangeProofFault.PROOF_SIZE},
    "Invalid array/vector length error: `Unused data after deserialization`": {RangeProofFault.PROOF_SIZE},
    # 16 commitments are more than MESH ever has.
    "Invalid array/vector length error: `Vector L/R length not adequate`": {RangeProofFault.PROOF_SIZE, RangeProofFault.COMMITMENT_COUNT},
    "commitment does not decompress": {RangeProofFault.COMMITMENT_ENCODING},
    "number of commitments not a power of two": {RangeProofFault.COMMITMENT_COUNT},
    # A context that has not 32 bytes is refused by itself.
    "A proof component failed to verify: `Range proof batch not valid": {RangeProofFault.EQUATION, RangeProofFault.CONTEXT_SIZE},
}

# Where one reason of the vectors may become two of ours, the case's name says which.
FAULT_OF_NAME = (
    ("extended by", RangeProofFault.PROOF_SIZE),
    ("extension degree", RangeProofFault.EXTENSION),
    ("(non-canonical)", RangeProofFault.SCALAR_ENCODING),
    ("high bit set", RangeProofFault.SCALAR_ENCODING),
    ("identity (all zero)", RangeProofFault.IDENTITY_POINT),
    ("context shortened", RangeProofFault.CONTEXT_SIZE),
    ("context empty", RangeProofFault.CONTEXT_SIZE),
    ("Range proof batch not valid", RangeProofFault.EQUATION),
)


def expected_fault(case: Case) -> RangeProofFault:
    faults = next(faults for reason, faults in FAULTS_OF_REASON.items() if case["reason_tari"].startswith(reason.rstrip("`")))
    if len(faults) == 1:
        return next(iter(faults))
    if faults == {RangeProofFault.PROOF_SIZE, RangeProofFault.COMMITMENT_COUNT}:
        return RangeProofFault.COMMITMENT_COUNT if len(case["commitments"]) > 8 else RangeProofFault.PROOF_SIZE
    fault = next(fault for part, fault in FAULT_OF_NAME if part in case["name"] or part in case["reason_tari"])
    assert fault in faults
    return fault


def check(case: Case) -> None:
    verify(statement_of(case), proof_of(case))


def schoolbook_accepts(case: Case) -> bool:
    commitments = [hexed(commitment) for commitment in case["commitments"]]
    return schoolbook.accepts(commitments, hexed(case["context"]), case["bits"], proof_of(case))


def test_vectors_are_complete() -> None:
    assert (len(RANGE_PROOFS["valid"]), len(RANGE_PROOFS["valid_small_bits"]), len(INVALID), len(RANGE_PROOFS["batches"])) == (42, 4, 454, 4)
    assert {case["m"] for case in VALID} == {1, 2, 4, 8}


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["name"])
def test_valid_proof_is_accepted(case: Case) -> None:
    check(case)
    assert schoolbook_accepts(case)


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["name"])
def test_valid_proof_is_reproduced_from_its_traced_nonces(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    nonces: list[int] = []
    draw = TranscriptRng.scalar

    def draw_and_note(rng: TranscriptRng) -> int:
        nonces.append(draw(rng))
        return nonces[-1]

    monkeypatch.setattr(TranscriptRng, "scalar", draw_and_note)
    assert prove(statement_of(case), witness_of(case), traced_entropy(case["rng_seed"])).hex() == case["proof"]
    trace = case["trace"]
    rounds = [nonce for pair in zip(trace["dL"], trace["dR"], strict=True) for nonce in pair]
    assert nonces == [scalar(nonce) for nonce in [trace["alpha"], *rounds, trace["r"], trace["s"], trace["d"], trace["eta"]]]


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["name"])
def test_challenges_and_final_transcripts_match_the_trace(case: Case) -> None:
    """The transcript after the proof pins every byte absorbed on the way, the last answers included."""
    statement, trace = statement_of(case), case["trace"]
    proof = RangeProof.parse(statement, proof_of(case))
    for is_verifier in (False, True):
        transcript = ProofTranscript(statement)
        transcript.append_bits(proof.A)
        assert transcript.challenge_bits() == (scalar(trace["y"]), scalar(trace["z"]))
        for L, R, e in zip(proof.L, proof.R, trace["e_rounds"], strict=True):
            transcript.append_round(L, R)
            assert transcript.challenge_e() == scalar(e)
        transcript.append_last(proof.A1, proof.B)
        assert transcript.challenge_e() == scalar(trace["e_final"])
        if is_verifier:
            transcript.append_answers(proof.r1, proof.s1, proof.d1)
        side = "verify" if is_verifier else "prove"
        last = transcript._transcript.challenge_bytes(f"after-{side}".encode(), 32)
        assert last.hex() == trace[f"transcript_after_{side}_challenge32"]


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["name"])
def test_invalid_proof_is_refused_for_its_reason(case: Case) -> None:
    with pytest.raises(RangeProofError) as caught:
        check(case)
    assert caught.value.reason == expected_fault(case)
    assert caught.value.code == ErrorCode.RANGE_PROOF
    assert not schoolbook_accepts(case)


@pytest.mark.parametrize("batch", RANGE_PROOFS["batches"], ids=lambda batch: f"{len(batch['valid'])}+{len(batch['invalid'])}")
def test_batch_of_the_vectors(batch: Case) -> None:
    cases = [RANGE_PROOFS["valid"][index] for index in batch["valid"]] + [INVALID[index] for index in batch["invalid"]]
    bad = verify_batch([(statement_of(case), proof_of(case)) for case in cases])
    assert bad == tuple(range(len(batch["valid"]), len(cases)))
    assert (bad == ()) == batch["ok"]


def test_batch_names_all_invalid_proofs_among_valid_ones() -> None:
    """Of the invalid vectors whose statement can be made, every fifth (so of each kind and size some), with a valid proof before each."""
    items: list[tuple[RangeStatement, bytes]] = []
    expected: list[int] = []
    for index, case in enumerate(INVALID[::5]):
        try:
            statement = statement_of(case)
        except RangeProofError:
            continue
        good = VALID[index % len(VALID)]
        items += [(statement_of(good), proof_of(good)), (statement, proof_of(case))]
        expected.append(len(items) - 1)
    assert len(expected) > 80
    assert verify_batch(items) == tuple(expected)


def test_proofs_of_bulletproofs_2017_are_refused() -> None:
    """Another proof system, with the same group, commitments and transcripts. Also in a wrapping that passes for ours by its size."""
    suite = load_public_suite("bulletproofs-2017.json")
    assert len(suite["proofs"]) == 16
    for case in suite["proofs"]:
        commitments = tuple(Commitment(hexed(commitment)) for commitment in suite["value_commitments"][: case["m"]])
        statement = RangeStatement(commitments, bytes(32), case["bits"])
        with pytest.raises(RangeProofError) as caught:
            verify(statement, proof_of(case))
        assert caught.value.reason == RangeProofFault.PROOF_SIZE
        for disguise in (b"\x01" + proof_of(case)[:-96], b"\x01" + proof_of(case)[96:]):
            with pytest.raises(RangeProofError) as caught:
                verify(statement, disguise)
            assert caught.value.reason in (RangeProofFault.SCALAR_ENCODING, RangeProofFault.POINT_ENCODING, RangeProofFault.EQUATION)
