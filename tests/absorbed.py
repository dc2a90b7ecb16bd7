"""Is everything bound? Each message of the transcript is left out in turn, each public input changed in turn: something must fail every time.

    python -m tests.absorbed

Two systems of this kind had to be shut down in 2025 because one value was missing from their transcript. A value that prover and verifier both forget is
noticed by neither: so each message is left out of our verifier, and of our prover, and judged by a proof that another implementation made (the vectors): the
crippled verifier must refuse it, and the crippled prover must not reproduce it. Public inputs (each commitment, both generators of commitments, some of each
vector, bits, number of commitments, context) are changed on the verifier's side of a good proof, which must then be refused.

Prints what was tried, and `absorbed k of k`. Exit status 1 if anything could be left out or changed without a failure.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from mesh_core.crypto import generators
from mesh_core.crypto.pedersen import IDENTITY
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, fiat_shamir, prove, prover, verifier, verify, verify_batch
from mesh_core.crypto.ristretto import BASEPOINT, Point, add
from mesh_core.crypto.transcript import Transcript
from mesh_core.types.basic import Commitment
from tests.vectors.range_proof_vectors import VALID, Case, proof_of, statement_of, traced_entropy, witness_of

# A proof of another implementation for two commitments of 64 bits, neither the identity.
CASE: Case = next(case for case in VALID if case["m"] == 2 and case["bits"] == 64 and "00" * 32 not in case["commitments"])
STATEMENT, PROOF = statement_of(CASE), proof_of(CASE)
# What the verifier absorbs after the last challenge of the proof: it binds the weights of a batch.
ANSWERS = 3


def accepts(statement: RangeStatement) -> bool:
    """Whether the verifier, as it is patched now, accepts the proof for `statement`."""
    try:
        verify(statement, PROOF)
    except RangeProofError:
        return False
    return True


@contextlib.contextmanager
def messages_replaced(change: Callable[[int, bytes], bytes | None]) -> Iterator[list[bytes]]:
    """Sends each absorbed message of every transcript through `change(index, message)` (None: left out); gives the list of labels."""
    labels: list[bytes] = []
    absorb = Transcript.append

    def append(transcript: Transcript, label: bytes, message: bytes) -> None:
        changed = change(len(labels), message)
        labels.append(label)
        if changed is not None:
            absorb(transcript, label, changed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transcript, "append", append)
        yield labels


def left_out(index: int) -> Callable[[int, bytes], bytes | None]:
    """The change that leaves out message `index`."""
    return lambda position, message: None if position == index else message


def absorbed_labels() -> list[bytes]:
    """The labels that the verifier absorbs for the proof, in order."""
    # Once before: the first transcript of a process also tries the sponges that it may use.
    assert accepts(STATEMENT), "the vector is good"
    with messages_replaced(lambda _, message: message) as labels:
        accepts(STATEMENT)
    return labels


def check_message(index: int, labels: Sequence[bytes]) -> bool:
    """Whether something fails when message `index` is absorbed by nobody."""
    if index >= len(labels) - ANSWERS:
        return binding_with(left_out(index)) != binding_with(lambda _, message: message)
    with messages_replaced(left_out(index)):
        verifier_notices = not accepts(STATEMENT)
    with messages_replaced(left_out(index)):
        prover_notices = prove(STATEMENT, witness_of(CASE), traced_entropy(CASE["rng_seed"])) != PROOF
    return verifier_notices and prover_notices


def binding_with(change: Callable[[int, bytes], bytes | None]) -> bytes:
    """What the weight of this proof in a batch is made of, with a change to what is absorbed."""
    with messages_replaced(change):
        return verifier._prepare(STATEMENT, PROOF).binding


def changed_statements() -> Iterator[tuple[str, RangeStatement]]:
    """The statement with one public input changed."""
    one, two = STATEMENT.commitments
    moved = [Commitment(add(point, BASEPOINT).encode()) for point in STATEMENT.points]
    yield "commitment 0", replace(STATEMENT, commitments=(moved[0], two))
    yield "commitment 1", replace(STATEMENT, commitments=(one, moved[1]))
    yield "order of the commitments", replace(STATEMENT, commitments=(two, one))
    for count, commitments in ((1, (one,)), (4, (one, two, IDENTITY, IDENTITY))):
        yield f"{count} commitments", replace(STATEMENT, commitments=commitments)
    for bits in (32, 16):
        yield f"{bits} bits", replace(STATEMENT, bits=bits)
    # The same length of vectors, hence the same size of the proof.
    yield "32 bits of 4 commitments", replace(STATEMENT, bits=32, commitments=(one, two, one, two))
    for position in (0, 31):
        context = bytes(byte ^ (index == position) for index, byte in enumerate(STATEMENT.context))
        yield f"context, byte {position}", replace(STATEMENT, context=context)


def accepts_with_generator(name: str, point: Point) -> bool:
    """Whether the proof passes where one generator of commitments is another, for transcript and equation alike."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (fiat_shamir, verifier, prover, generators):
            patch.setattr(module, name, lambda: point)
        return accepts(STATEMENT)


def accepts_with_vector_generator(letter: int, index: int) -> bool:
    """Whether the proof passes where one of the vector generators is another: they are not absorbed, being fixed by what is."""
    vectors = [list(vector) for vector in generators.vector_generators(STATEMENT.bits, len(STATEMENT.commitments))]
    vectors[letter][index] = add(vectors[letter][index], BASEPOINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "vector_generators", lambda _bits, _parties: (tuple(vectors[0]), tuple(vectors[1])))
        return accepts(STATEMENT)


def results() -> Iterator[tuple[str, bool]]:
    """What was left out or changed, and whether something failed."""
    labels = absorbed_labels()
    for index in range(len(labels)):
        yield f"message {index} ({labels[index].decode()}) left out", check_message(index, labels)
    for name, statement in changed_statements():
        yield f"{name} changed", not accepts(statement) and verify_batch([(STATEMENT, PROOF), (statement, PROOF)]) == (1,)
    for name in ("value_generator", "blinding_generator"):
        for point in (generators.blinding_generator() if name == "value_generator" else BASEPOINT, add(BASEPOINT, BASEPOINT)):
            yield f"{name} changed", not accepts_with_generator(name, point)
    for letter, index in ((letter, index) for letter in range(2) for index in (0, 1, 63, 64, 127)):
        yield f"{'GH'[letter]}_{index} changed", not accepts_with_vector_generator(letter, index)


def main() -> int:
    """Run all; returns the exit status."""
    found = list(results())
    for name, fails in found:
        sys.stdout.write(f"{'fails as it must' if fails else 'STILL PASSES'}: {name}\n")
    sys.stdout.write(f"absorbed {sum(fails for _, fails in found)} of {len(found)}\n")
    return 0 if all(fails for _, fails in found) else 1


if __name__ == "__main__":
    sys.exit(main())
