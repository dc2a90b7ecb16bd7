"""Whole proofs with either group library: the same bytes from the same entropy, and the same verdict, with the same reason, on whatever is sent as a proof.

For more cases than a test has time for: `python -m tests.fuzz_proofs`.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_core.crypto.range_proof import RangeProofFault
from mesh_core.crypto.ristretto import is_native_built
from tests.fuzz_proofs import run
from tests.unit.crypto.kernel.damage import SHAPES, Pool, make_good_case, make_group, make_pool, make_witness, opposite_errors
from tests.unit.crypto.kernel.verdicts import ACCEPTED, DEFECT, NO_STATEMENT, PROJECT, BothLibraries, Judgement, find_defects, from_json, to_json

pytestmark = pytest.mark.skipif(not is_native_built(), reason="the C module was not built here")


@pytest.fixture(scope="module")
def libraries() -> Iterator[BothLibraries]:
    with BothLibraries() as libraries:
        yield libraries


@pytest.fixture(scope="module")
def pool() -> Pool:
    return make_pool(random.Random("pool"), each=2)


def test_both_libraries_make_the_same_proofs(libraries: BothLibraries) -> None:
    source = random.Random("proofs")
    for number, (bits, count) in enumerate(dict.fromkeys(SHAPES)):
        for repeat in range(3):
            witness, context = make_witness(source, bits, count), source.randbytes(32)
            native, libsodium = (process.prove(bits, witness.openings, context, f"{number} {repeat}") for process in libraries.processes)
            assert native == libsodium


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(source=st.randoms(use_true_random=False))
def test_both_libraries_give_the_same_verdicts(libraries: BothLibraries, pool: Pool, source: random.Random) -> None:
    group = make_group(source, pool, size=6)
    assert find_defects(group, libraries.judge(group)) == []


def test_errors_that_cancel_are_both_found_by_the_batch(libraries: BothLibraries, pool: Pool) -> None:
    for shape, cases in pool.items():
        group = [cases[0], *opposite_errors(random.Random(str(shape)), cases[0]), cases[1]]
        for judgement in libraries.judge(group):
            assert judgement == Judgement((ACCEPTED, "EQUATION", "EQUATION", ACCEPTED), (1, 2))


def test_fuzz_run_reaches_every_reason_that_bytes_can_give() -> None:
    """A fuzz that never gets past the first check would agree on everything."""
    report = run("every reason", lambda report: report.cases < 700)
    assert report.findings == []
    statements = {f"{NO_STATEMENT}{reason}" for reason in ("BITS", "COMMITMENT_COUNT", "CONTEXT_SIZE", "COMMITMENT_ENCODING")}
    proofs = {"PROOF_SIZE", "EXTENSION", "SCALAR_ENCODING", "POINT_ENCODING", "IDENTITY_POINT", "EQUATION"}
    assert set(report.verdicts) == {ACCEPTED} | statements | proofs
    # What is left takes a hash that gives zero, or a prover.
    assert {verdict.removeprefix(NO_STATEMENT) for verdict in statements | proofs} == set(RangeProofFault.__members__) - {"ZERO_CHALLENGE", "WITNESS"}
    assert report.verdicts["EQUATION"] > report.cases / 4
    assert report.verdicts[ACCEPTED] > report.cases / 20


def test_fuzz_run_repeats_itself() -> None:
    first, second = (run("again", lambda report: report.cases < 40) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("verdicts", "bad", "found"),
    [
        ((ACCEPTED, "EQUATION"), (1,), []),
        ((ACCEPTED, "IDENTITY_POINT"), (1,), ["EQUATION / IDENTITY_POINT: "]),
        (("EQUATION", "EQUATION"), (0, 1), ["accepted / EQUATION: "]),
        ((ACCEPTED, f"{DEFECT}IndexError()"), (), [f"EQUATION / {DEFECT}IndexError(): "]),
        ((ACCEPTED, "EQUATION"), (), ["one by one [1] are refused, as a batch []: "]),
        ((ACCEPTED, "EQUATION"), (0, 1), ["one by one [1] are refused, as a batch [0, 1]: "]),
    ],
)
def test_disagreement_is_found(pool: Pool, verdicts: tuple[str, ...], bad: tuple[int, ...], found: list[str]) -> None:
    group = list(pool[2, 1][:2])
    findings = find_defects(group, [Judgement((ACCEPTED, "EQUATION"), (1,)), Judgement(verdicts, bad)])
    assert [finding[: len(beginning)] for finding, beginning in zip(findings, found, strict=True)] == found


def test_case_is_sent_as_it_is() -> None:
    case = make_good_case(random.Random("sent"), 4, 2, picked_nonces=False)
    for sent in (case, replace(case, context=b"", commitments=(), proof=b"")):
        assert from_json(json.loads(to_json(sent))) == sent


def test_command_prints_what_was_compared() -> None:
    command = [sys.executable, "-m", "tests.fuzz_proofs", "--cases", "40", "--seed", "command"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed command\n")
    assert done.stdout.endswith(" refused, 0 findings\n")
