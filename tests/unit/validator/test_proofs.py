"""Batches of range proofs: an idle verifier checks at once, what waits goes together, and a bad proof is named without harm to its neighbours.

The checks are real; only their moment is held back, by a gate in the place of the batch function.
"""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.range_proof import RangeStatement, RangeWitness, prove, verify_batch
from mesh_core.errors import LocalFault
from mesh_core.protocol.effects import VerifyProof
from mesh_core.types.basic import Hash32
from mesh_core.validator.proofs import MOST_AFTER_BAD, MOST_IN_BATCH, ProofVerifier
from tests.cluster import seeded_entropy
from tests.unit.network.peers import eventually

GOOD, BAD = "good", "bad"


def make_job(name: str, *, number: int) -> VerifyProof:
    """A small real proof (2 bits), intact or with one scalar changed."""
    opening = Opening(3, 5)
    statement = RangeStatement((commit(opening),), bytes(32), bits=2)
    proof = bytearray(prove(statement, RangeWitness((opening,)), seeded_entropy(f"proof {number}")))
    if name == BAD:
        proof[1] ^= 1
    return VerifyProof(Hash32(number.to_bytes(32, "big")), statement, bytes(proof))


class Gate:
    """The batch function, which waits until it may go on and remembers how many proofs each batch had."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.sizes: list[int] = []

    def __call__(self, items: Sequence[tuple[RangeStatement, bytes]]) -> tuple[int, ...]:
        self.sizes.append(len(items))
        assert self.open.wait(30)
        return verify_batch(items)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr("mesh_core.validator.proofs.verify_batch", gate)
    return gate


async def check(gate: Gate, names: Sequence[str], *, first: int = 1) -> tuple[list[bool], list[int]]:
    """Submit `first` proofs, and the others once these are being checked; their verdicts in order, and the sizes of the batches."""
    verdicts: dict[int, bool] = {}
    faults: list[LocalFault] = []
    verifier = ProofVerifier(faults.append, threads_count=1)
    jobs = [make_job(name, number=number) for number, name in enumerate(names)]

    def submit(job: VerifyProof) -> None:
        verifier.submit(job, lambda job, valid, _: verdicts.update({int.from_bytes(job.transition_id, "big"): valid}))

    for job in jobs[:first]:
        submit(job)
    await eventually(lambda: bool(gate.sizes))
    for job in jobs[first:]:
        submit(job)
    assert verifier.waiting_count == len(jobs)
    gate.open.set()
    await eventually(lambda: len(verdicts) == len(jobs))
    assert verifier.waiting_count == 0
    assert faults == []
    verifier.close()
    return [verdicts[number] for number in range(len(jobs))], gate.sizes


async def test_lone_proof_is_checked_at_once(gate: Gate) -> None:
    assert await check(gate, [GOOD]) == ([True], [1])


async def test_what_waits_while_a_batch_runs_is_the_next_batch(gate: Gate) -> None:
    assert await check(gate, [GOOD] * 6) == ([True] * 6, [1, 5])


async def test_bad_proofs_of_a_batch_are_named_and_condemn_nobody_else(gate: Gate) -> None:
    names = [GOOD, BAD, GOOD, GOOD, BAD, GOOD]
    verdicts, sizes = await check(gate, names)
    assert verdicts == [name == GOOD for name in names]
    assert sizes == [1, 5]


async def test_batches_are_bounded(gate: Gate) -> None:
    verdicts, sizes = await check(gate, [GOOD] * (MOST_IN_BATCH + 3))
    assert all(verdicts)
    assert sizes == [1, MOST_IN_BATCH, 2]


async def test_verdicts_of_a_batch_leave_turns_of_the_loop_to_others(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_core.validator.proofs.SLICE_S", 0.0)
    turns, turns_of_verdicts = 0, []
    verifier = ProofVerifier(lambda _: None, threads_count=1)

    def count() -> None:
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(count)

    for number in range(5):
        verifier.submit(make_job(GOOD, number=number), lambda *_: turns_of_verdicts.append(turns))
    asyncio.get_running_loop().call_soon(count)
    gate.open.set()
    await eventually(lambda: len(turns_of_verdicts) == 5)
    assert gate.sizes == [1, 4]
    assert len(set(turns_of_verdicts)) == 5
    assert verifier.waiting_count == 0
    verifier.close()


async def test_verdict_that_fails_leaves_the_others_of_its_batch(gate: Gate) -> None:
    """A verdict that got lost would leave a transition waiting for ever."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    given: list[int] = []
    error = ZeroDivisionError("a bug")

    def verdict(job: VerifyProof, valid: bool, seconds: float) -> None:
        number = int.from_bytes(job.transition_id, "big")
        if number == 2:
            raise error
        given.append(number)

    verifier = ProofVerifier(lambda _: None, threads_count=1)
    for number in range(5):
        verifier.submit(make_job(GOOD, number=number), verdict)
    gate.open.set()
    await eventually(lambda: given == [0, 1, 3, 4])
    assert told == [error]
    assert verifier.waiting_count == 0
    verifier.close()


async def test_verdicts_that_wait_are_dropped_at_the_close(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_core.validator.proofs.SLICE_S", 0.0)
    given: list[int] = []
    verifier = ProofVerifier(lambda _: None, threads_count=1)

    def verdict(job: VerifyProof, valid: bool, seconds: float) -> None:
        given.append(int.from_bytes(job.transition_id, "big"))
        if len(given) == 3:
            verifier.close()

    for number in range(6):
        verifier.submit(make_job(GOOD, number=number), verdict)
    gate.open.set()
    await eventually(lambda: verifier.waiting_count == 0)
    assert given == [0, 1, 2]


async def test_batches_are_short_after_a_bad_proof_and_grow_again(gate: Gate) -> None:
    """A search holds up whoever comes meanwhile: the next one is to be short."""
    _, sizes = await check(gate, [BAD, *[GOOD] * 60])
    assert sizes == [1, MOST_AFTER_BAD, 2 * MOST_AFTER_BAD, 4 * MOST_AFTER_BAD, 8 * MOST_AFTER_BAD]
    gate.sizes.clear()
    gate.open.clear()
    _, sizes = await check(gate, [BAD, *[GOOD, GOOD, GOOD, BAD] * 5])
    assert sizes == [1, *[MOST_AFTER_BAD] * 5]


async def test_one_of_each_source_in_turn(gate: Gate) -> None:
    """Somebody has forty proofs waiting when another one comes with one: it is in the very next batch."""
    sources = {0: "flood", **dict.fromkeys(range(1, 41), "flood"), 41: "honest", 42: "other", 43: "honest"}
    order: list[int] = []
    verifier = ProofVerifier(lambda _: None, threads_count=1, source_of=lambda job: sources[int.from_bytes(job.transition_id, "big")])
    for number in sources:
        job = make_job(BAD if sources[number] == "flood" else GOOD, number=number)
        verifier.submit(job, lambda job, _, __: order.append(int.from_bytes(job.transition_id, "big")))
        await eventually(lambda: bool(gate.sizes))
    gate.open.set()
    await eventually(lambda: len(order) == len(sources))
    assert order[:6] == [0, 1, 41, 42, 2, 43]
    assert [number for number in order if sources[number] == "flood"] == [*range(41)]
    verifier.close()


async def test_closed_verifier_gives_no_verdict(gate: Gate) -> None:
    verdicts: list[bool] = []
    verifier = ProofVerifier(lambda _: None, threads_count=1)
    for number in range(3):
        verifier.submit(make_job(GOOD, number=number), lambda _, valid, __: verdicts.append(valid))
    await eventually(lambda: bool(gate.sizes))
    verifier.close()
    gate.open.set()
    await eventually(lambda: verifier.waiting_count < 3)
    assert verdicts == []
