"""Slots with two signed transitions, and slots whose transition is refused for ever: what can be completed is completed, the rest is told with its evidence."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.protocol.construction import Draft
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.validation import compute_proof_size
from mesh_core.types.basic import ZERO_HASH
from mesh_core.types.messages import AccountStateMessage, NoDetail, QueryAccount, VoteReject, VoteRequest, Want
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import emergency, events
from mesh_core.wallet.emergency import CONFIRMATION
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.records import REPLACED_RECORD, Condition, OutgoingState
from mesh_core.wallet.surroundings import REAL, Surroundings
from mesh_core.wallet.wallet import Wallet
from tests.cluster import certify_by_hand, wallet_keys
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import UNPROVEN, Bench, MachineClient, pay, rows, silent, silent_to


async def split(bench: Bench, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """Two devices pay 1 and 2 at the same time; these validators hear of the one, those of the other, and both devices are lost."""
    bench.without_proofs()
    one = bench.open("alice")
    two = bench.open("alice", home=bench.home.with_name("second device"), client=MachineClient(bench.cluster))
    await asyncio.gather(one.wait_in_step(), two.wait_in_step())
    other = two._context.client
    assert isinstance(other, MachineClient)
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in range(4) if index not in first}
    other.behaviours |= {index: silent_to(VoteRequest) for index in range(4) if index not in second}
    payments = [asyncio.create_task(wallet.send([pay("bob", amount)])) for wallet, amount in ((one, 1), (two, 2))]
    await eventually(lambda: len(bench.told(events.VoteReceived)) == len(first) + len(second))
    await bench.close()
    await asyncio.gather(*payments, return_exceptions=True)
    bench.client.behaviours.clear()
    bench.client.asked.clear()
    bench.events.clear()


def paid(wallet: Wallet) -> list[int]:
    return [output.amount for record in wallet.account.outgoing() for output in record.paid]


def third_device(bench: Bench) -> Wallet:
    return bench.open("alice", home=bench.home.with_name("third device"))


# --- Two transitions in one slot -------------------------------------------------------------------------------------------------------------------


def pending_at(bench: Bench, validator: int) -> bytes:
    """The transition that a validator has voted for."""
    query = QueryAccount(1, wallet_keys("alice").owner, Want.PENDING_TRANSITION, bytes(33), 0)
    answer = bench.cluster.validators[validator].ask(query)
    assert isinstance(answer, AccountStateMessage)
    assert answer.pending_transition is not None
    return answer.pending_transition


@pytest.mark.parametrize(("first", "second", "completed"), [((0, 1), (2,), 1), ((0,), (1, 2), 2)], ids=["2-1", "1-2"])
async def test_of_two_pending_ones_the_one_that_can_still_reach_a_quorum_is_completed(
    bench: Bench, first: tuple[int, ...], second: tuple[int, ...], completed: int
) -> None:
    await split(bench, first, second)
    alice = third_device(bench)
    await alice.send([pay("bob", 7)])
    assert paid(alice) == [completed, 7]
    assert len(bench.notices(NoticeKind.TWO_SIGNED)) == 1
    assert alice.standing.condition is Condition.OPEN
    assert len(bench.signed_transitions()) == 2, "nothing third was signed for the slot"


async def test_three_votes_that_nobody_has_put_together_win_over_one(bench: Bench) -> None:
    await split(bench, (0, 1), (3,))
    bench.cluster.validators[2].ask(VoteRequest(1, (), pending_at(bench, 0)))
    alice = third_device(bench)
    await alice.send([pay("bob", 7)])
    assert paid(alice) == [1, 7]


async def test_device_whose_own_transition_is_lost_to_the_other_completes_that_one(bench: Bench) -> None:
    """Both are on its hands: its own on the disk, the other at the validators. Its own can get no quorum any more."""
    await split(bench, (0,), (1, 2))
    alice = bench.open("alice")
    await alice.wait_in_step()
    await eventually(lambda: alice.account.state.sequence == 1)
    assert paid(alice) == [2]
    await alice.send([pay("bob", 7)])
    assert paid(alice) == [2, 7]


async def test_payment_that_loses_on_the_way_is_told_and_the_other_one_is_completed(bench: Bench) -> None:
    """The second device is quicker while the first one's payment waits for votes."""
    bench.without_proofs()
    one = bench.open("alice")
    other = MachineClient(bench.cluster)
    two = bench.open("alice", home=bench.home.with_name("second device"), client=other)
    await asyncio.gather(one.wait_in_step(), two.wait_in_step())
    other.behaviours[3] = silent_to(VoteRequest)
    other.behaviours[2] = silent_to(VoteRequest)
    losing = asyncio.create_task(two.send([pay("bob", 2)]))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 2)
    await bench.close(two)
    await asyncio.gather(losing, return_exceptions=True)
    quicker = pending_at(bench, 0)
    bench.client.behaviours[3] = lambda message: silent(message) if isinstance(message, VoteRequest) and message.transition != quicker else None
    with pytest.raises(LocalFault) as refusal:
        await one.send([pay("bob", 1)])
    assert refusal.value.code is ErrorCode.PAYMENT_SUPERSEDED
    assert paid(one) == [2]
    await one.send([pay("bob", 7)])
    assert one.account.balance.spendable == 10_000 - 3 - 8


async def test_split_in_halves_locks_the_account_with_evidence_that_outlives_restarts(bench: Bench) -> None:
    await split(bench, (0, 1), (2, 3))
    alice = third_device(bench)
    await eventually(lambda: alice.standing.condition is Condition.LOCKED)
    for _ in range(2):
        [proof] = alice.standing.evidence
        assert verify_equivocation(proof, bench.cluster.genesis)
        assert proof.sequence == alice.standing.sequence == 0
        with pytest.raises(LocalFault) as refusal:
            await alice.send([pay("bob", 3)])
        assert refusal.value.code is ErrorCode.ACCOUNT_LOCKED
        assert bench.told(events.WalletChanged)[-1].state == "locked"
        await bench.close(alice)
        alice = third_device(bench)
        assert alice.standing.condition is Condition.LOCKED, "known from the disk, before anybody has answered"
        await alice.wait_in_step()
    assert bench.signed_transitions() == set()
    assert [notice.kind for notice in bench.notices(NoticeKind.LOCKED)] != []
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([pay("bob", 3)], CONFIRMATION)
    assert refusal.value.code is ErrorCode.NOT_STUCK


async def test_locked_account_still_learns_what_comes_in(bench: Bench) -> None:
    await split(bench, (0, 1), (2, 3))
    alice = third_device(bench)
    await eventually(lambda: alice.standing.condition is Condition.LOCKED)
    bench.cluster.apply_everywhere(bench.cluster.pay_unproven(bench.cluster.account("faucet"), (bench.cluster.account("alice"), 5)))
    bench.client.announce()
    await eventually(lambda: alice.account.balance.incoming == 5)
    with pytest.raises(LocalFault) as refusal:
        await alice.receive()
    assert refusal.value.code is ErrorCode.ACCOUNT_LOCKED


async def test_account_that_was_locked_goes_on_when_one_of_the_two_is_certified_after_all(bench: Bench) -> None:
    """A faulty validator has voted twice: somebody holds a certificate, and that decides."""
    await split(bench, (0, 1), (2, 3))
    alice = third_device(bench)
    await eventually(lambda: alice.standing.condition is Condition.LOCKED)
    bench.client.behaviours[0] = silent
    transition = TRANSITION.decode(pending_at(bench, 3))
    for validator in bench.cluster.validators[1:]:
        validator.settle(certify_by_hand(transition, (0, 2, 3)))
    bench.client.announce()
    await eventually(lambda: alice.standing.condition is Condition.OPEN and alice.fault is None and alice.account.state.sequence == 1)
    await alice.send([pay("bob", 7)])
    assert paid(alice) == [2, 7]


# --- Refused for ever ------------------------------------------------------------------------------------------------------------------------------


async def _bad_proof(draft: Draft) -> bytes:
    """A bug: bytes of the right size that prove nothing."""
    return hashlib.shake_256(b"bug").digest(compute_proof_size(draft.core))


BUG = replace(UNPROVEN, prove=_bad_proof)


async def get_stuck(bench: Bench, surroundings: Surroundings = BUG) -> Wallet:
    alice = bench.open("alice", surroundings=surroundings)
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 500)])
    assert refusal.value.code is ErrorCode.ACCOUNT_STUCK
    return alice


async def test_transition_that_a_quorum_refuses_for_ever_makes_the_account_stuck(bench: Bench) -> None:
    alice = await get_stuck(bench)
    assert alice.standing.condition is Condition.STUCK
    assert {refusal.code for refusal in alice.standing.refusals} == {ErrorCode.RANGE_PROOF}
    assert len(alice.standing.refusals) >= 3
    assert [record.state for record in alice.account.outgoing()] == [OutgoingState.STUCK]
    [notice] = bench.notices(NoticeKind.STUCK)
    assert "0901" in notice.text
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 1)])
    assert refusal.value.code is ErrorCode.ACCOUNT_STUCK
    assert len(bench.signed_transitions()) == 1
    await bench.close()
    alice = bench.open("alice")
    assert alice.standing.condition is Condition.STUCK
    assert bench.told(events.WalletChanged)[-1].state == "stuck"
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 1)])
    assert refusal.value.code is ErrorCode.ACCOUNT_STUCK


async def test_two_refusals_and_two_silences_are_not_for_ever(bench: Bench) -> None:
    """The silent ones may be those that have voted."""
    bench.client.behaviours |= {2: silent_to(VoteRequest), 3: silent_to(VoteRequest)}
    alice = bench.open("alice", surroundings=BUG)
    paying = asyncio.create_task(alice.send([pay("bob", 500)]))
    await eventually(lambda: len(bench.told(events.VoteRefusalReceived)) == 2)
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([pay("bob", 500)], CONFIRMATION)
    assert refusal.value.code is ErrorCode.NOT_STUCK
    assert not paying.done()
    assert alice.standing.condition is Condition.OPEN
    bench.client.behaviours.clear()
    with pytest.raises(LocalFault) as refusal:
        await paying
    assert refusal.value.code is ErrorCode.ACCOUNT_STUCK


@pytest.mark.parametrize("typed", ["", "yes", CONFIRMATION.lower(), f"{CONFIRMATION}."])
async def test_without_the_typed_sentence_nothing_is_signed(bench: Bench, typed: str) -> None:
    alice = await get_stuck(bench)
    before = rows(bench.home, "alice")
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([pay("bob", 500)], typed)
    assert refusal.value.code is ErrorCode.CONFIRMATION_MISSING
    assert CONFIRMATION in refusal.value.text
    assert rows(bench.home, "alice") == before
    assert len(bench.signed_transitions()) == 1


async def test_with_it_another_transition_takes_the_slot_and_both_are_kept(bench: Bench) -> None:
    alice = await get_stuck(bench)
    [refused] = bench.signed_transitions()
    await bench.close()
    alice = bench.open("alice", surroundings=REAL)
    await alice.wait_in_step()
    await eventually(lambda: not alice.is_busy)
    result = await alice.replace_stuck([pay("bob", 400)], CONFIRMATION)
    assert alice.account.state.sequence == 1
    assert alice.account.balance.spendable == 10_000 - 401
    assert alice.standing.condition is Condition.OPEN
    [(key, value)] = [(key, value) for key, value in rows(bench.home, "alice").items() if key.startswith("replaced/")]
    assert REPLACED_RECORD.decode(value).transition == refused
    assert {refusal.code for refusal in REPLACED_RECORD.decode(value).refusals} == {ErrorCode.RANGE_PROOF}
    assert key.startswith("replaced/0000000000000000/")
    [notice] = bench.notices(NoticeKind.REPLACED)
    assert "slot 0" in notice.text
    assert result.cert_id
    # No correct validator ever voted for the first one, so none has anything to show.
    assert bench.evidence() == []
    await alice.send([pay("bob", 1)])
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([pay("bob", 1)], CONFIRMATION)
    assert refusal.value.code is ErrorCode.NOT_STUCK


async def test_replacement_that_was_stored_before_a_crash_is_completed_after_it(bench: Bench) -> None:
    alice = await get_stuck(bench)
    await bench.close()
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in range(4)}
    alice = bench.open("alice", surroundings=REAL)
    bench.client.behaviours |= dict.fromkeys(range(4), _refuse)
    await alice.wait_in_step()
    await eventually(lambda: not alice.is_busy)
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in range(4)}
    replacing = asyncio.create_task(alice.replace_stuck([pay("bob", 400)], CONFIRMATION))
    await eventually(lambda: len(bench.steps("stored")) == 2)
    await bench.close()
    await asyncio.gather(replacing, return_exceptions=True)
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    await eventually(lambda: [record.state for record in alice.account.outgoing()] == [OutgoingState.DONE])
    assert paid(alice) == [400]
    assert len(bench.signed_transitions()) == 2


async def test_liar_that_shows_the_refused_transition_does_not_bring_it_back(bench: Bench) -> None:
    """Nobody else shows anything yet, so the refused one would have the most votes, and take the place of what was signed last."""
    alice = await get_stuck(bench)
    [refused] = bench.signed_transitions()
    await bench.close()
    alice = bench.open("alice", surroundings=REAL)
    await alice.wait_in_step()
    await eventually(lambda: not alice.is_busy)
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in range(4)}
    replacing = asyncio.create_task(alice.replace_stuck([pay("bob", 400)], CONFIRMATION))
    await eventually(lambda: len(bench.steps("stored")) == 2)
    await bench.close()
    await asyncio.gather(replacing, return_exceptions=True)

    def show_refused(message: Answered) -> Answer | None:
        if not isinstance(message, QueryAccount):
            return None
        answer = bench.cluster.validators[3].ask(message)
        assert isinstance(answer, AccountStateMessage)
        return replace(answer, pending_transition=refused) if answer.account.sequence == 0 else None

    bench.client.behaviours.clear()
    bench.client.behaviours[3] = show_refused
    alice = bench.open("alice")
    await eventually(lambda: alice.account.state.sequence == 1)
    assert paid(alice) == [400]
    assert alice.standing.condition is Condition.OPEN
    assert len(bench.signed_transitions()) == 2
    assert bench.notices(NoticeKind.TWO_SIGNED) == []


def _refuse(message: Answered) -> Answer | None:
    if isinstance(message, VoteRequest):
        return VoteReject(message.request_id, ErrorCode.RANGE_PROOF, ZERO_HASH, 0, NoDetail(), "no")
    return None


async def test_draft_for_a_replacement_that_cannot_be_made_changes_nothing(bench: Bench) -> None:
    alice = await get_stuck(bench)
    before = rows(bench.home, "alice")
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([pay("bob", 10_000)], CONFIRMATION)
    assert refusal.value.code is ErrorCode.INSUFFICIENT_FUNDS
    assert rows(bench.home, "alice") == before
    with pytest.raises(LocalFault) as refusal:
        await alice.replace_stuck([], CONFIRMATION)
    assert refusal.value.code is ErrorCode.NOTHING_TO_CLAIM


def test_sentence_says_what_happens() -> None:
    assert "two transitions" in emergency.CONFIRMATION
