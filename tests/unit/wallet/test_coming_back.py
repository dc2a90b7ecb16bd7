"""Crashes, lost and old disks, second devices: whatever a wallet has forgotten, it never signs a second transition for a slot, and never loses money.

Everything that a wallet ever signed is seen by the validators, so their evidence tells: an equivocation proof against an honest wallet is a failed test.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.protocol.certificates import read_certificate
from mesh_core.storage.wallet_store import DATABASE_NAME
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import QueryAccount, SettlementCertificate, SyncRequest, VoteRequest
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import events
from mesh_core.wallet.account import OwnCertificate
from mesh_core.wallet.records import OutgoingState
from mesh_core.wallet.wallet import Wallet
from tests.cluster import transition_id_of
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, MachineClient, pay, rows, silent, silent_to


async def stop_when_stored(bench: Bench, alice: Wallet) -> None:
    """Begin a payment, and close the wallet when the signed bytes are durable and nobody has answered."""
    asyncio.get_running_loop().create_task(_forget(alice.send([pay("bob", 500, "lunch")])))
    await eventually(lambda: bench.steps("stored") != [])
    await bench.close(alice)


async def _forget(payment: object) -> None:
    with pytest.raises((LocalFault, asyncio.CancelledError)):
        await payment  # type: ignore[misc]


def settled(wallet: Wallet) -> list[OutgoingState]:
    return [record.state for record in wallet.account.outgoing()]


# --- Crashes ---------------------------------------------------------------------------------------------------------------------------------------


async def test_payment_signed_before_a_crash_is_completed_with_the_same_bytes(bench: Bench) -> None:
    for index in range(4):
        bench.client.behaviours[index] = silent_to(VoteRequest)
    alice = bench.open("alice")
    await stop_when_stored(bench, alice)
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    assert (alice.account.balance.spendable, alice.account.balance.in_flight) == (9499, 501)
    await eventually(lambda: settled(alice) == [OutgoingState.DONE])
    assert len(bench.signed_transitions()) == 1
    assert alice.account.balance.spendable == 9499
    started = bench.told(events.PaymentStarted)[-1]
    assert (started.kind, started.amount, started.recipients[0][1:]) == ("send", 500, (500, "lunch"))


async def test_payment_that_some_have_voted_for_is_completed_with_the_same_bytes(bench: Bench) -> None:
    bench.client.behaviours |= {2: silent_to(VoteRequest), 3: silent_to(VoteRequest)}
    alice = bench.open("alice")
    asyncio.get_running_loop().create_task(_forget(alice.send([pay("bob", 500)])))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 2)
    await bench.close(alice)
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    await eventually(lambda: settled(alice) == [OutgoingState.DONE])
    assert len(bench.signed_transitions()) == 1
    assert bench.evidence() == []


async def test_certificate_made_before_a_crash_is_delivered_after_it(bench: Bench) -> None:
    for index in range(4):
        bench.client.behaviours[index] = silent_to(SettlementCertificate)
    alice = bench.open("alice")
    result = await alice.send([pay("bob", 500)])
    await bench.close(alice)
    assert [validator.machine.ledger.globals.log_length for validator in bench.cluster.validators] == [0, 0, 0, 0]
    bench.client.behaviours.clear()
    asked = len(bench.client.requests(VoteRequest))
    alice = bench.open("alice")
    await eventually(lambda: settled(alice) == [OutgoingState.DONE])
    assert len(bench.client.requests(VoteRequest)) == asked
    assert bench.told(events.CertificateDelivered) != []
    [delivered] = bench.delivered_certificates()
    assert transition_id_of(CERTIFICATE.decode(delivered).transition) == alice.account.state.head
    assert result.cert_id != alice.account.state.head


async def test_new_payment_waits_for_the_unfinished_one(bench: Bench) -> None:
    for index in range(4):
        bench.client.behaviours[index] = silent_to(VoteRequest)
    await stop_when_stored(bench, bench.open("alice"))
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    assert [TRANSITION.decode(transition).core.sequence for transition in sorted(bench.signed_transitions(), key=len)] in ([0, 1], [1, 0])
    assert alice.account.balance.spendable == 10_000 - 501 - 2
    assert bench.evidence() == []


# --- A disk that is lost, the seed kept ------------------------------------------------------------------------------------------------------------


async def reopened_without_disk(bench: Bench, name: str) -> Wallet:
    """A wallet of the same seed on another machine."""
    await bench.close()
    wallet = bench.open(name, home=bench.home.with_name("another machine"))
    await wallet.wait_in_step()
    return wallet


async def test_account_is_found_again_from_the_seed_alone(bench: Bench) -> None:
    alice = bench.open("alice")
    for amount in (500, 20):
        await alice.send([pay("bob", amount, f"for {amount}")])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE] * 2)
    state, opening = alice.account.state, alice.account.opening
    alice = await reopened_without_disk(bench, "alice")
    assert alice.account.state == state
    assert alice.account.opening == opening
    assert [record.paid[0].text for record in alice.account.outgoing()] == ["for 500", "for 20"]
    await alice.send([pay("bob", 1)])
    assert alice.account.state.sequence == 3
    assert bench.evidence() == []


async def test_pending_transition_is_found_and_completed_and_never_replaced(bench: Bench) -> None:
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in (1, 2, 3)}
    alice = bench.open("alice")
    asyncio.get_running_loop().create_task(_forget(alice.send([pay("bob", 500, "lunch")])))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 1)
    await bench.close()
    bench.client.behaviours.clear()
    alice = await reopened_without_disk(bench, "alice")
    await alice.send([pay("bob", 1)])
    assert len(bench.signed_transitions()) == 2
    assert [[paid.amount for paid in record.paid] for record in alice.account.outgoing()] == [[500], [1]]
    assert alice.account.outgoing()[0].paid[0].text == "lunch"
    assert alice.account.balance.spendable == 10_000 - 501 - 2
    assert bench.evidence() == []


async def test_what_was_claimed_before_is_not_claimed_again_though_a_validator_offers_it(bench: Bench) -> None:
    """A validator that missed the claim still lists the output. A claim of it would be refused by the others for ever, and the account would be stuck."""
    alice, bob = bench.open("alice"), bench.open("bob")
    await alice.send([pay("bob", 500)])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE] and bob.account.balance.incoming == 500)
    bench.client.behaviours[3] = silent
    await bob.receive()
    await bench.close()
    bench.client.behaviours.clear()
    assert len(bench.cluster.validators[3].machine.ledger.outputs_of(bob.address.owner)) == 1
    bob = await reopened_without_disk(bench, "bob")
    assert bob.account.balance.spendable == 500
    for validator in range(4):
        bench.client.reconnect(validator)
    await eventually(lambda: bob.account.incoming() != [])
    assert bob.account.balance.incoming == 0
    with pytest.raises(LocalFault) as refusal:
        await bob.receive()
    assert refusal.value.code is ErrorCode.NOTHING_TO_CLAIM


async def test_damaged_record_is_told_as_damage(bench: Bench) -> None:
    await bench.open("alice").send([pay("bob", 1)])
    await bench.close()
    with closing(sqlite3.connect(bench.home / "alice" / DATABASE_NAME)) as connection, connection:
        connection.execute("UPDATE kv SET value = substr(value, 2) WHERE key = 'account'")
    with pytest.raises(LocalFault) as refusal:
        bench.open("alice")
    assert refusal.value.code is ErrorCode.STORE_CORRUPT


# --- A disk that is old ----------------------------------------------------------------------------------------------------------------------------


def keep_copy(bench: Bench, name: str) -> Path:
    """What a backup holds."""
    return Path(shutil.copytree(bench.home, bench.home.with_name(f"backup of {name}")))


async def test_old_copy_catches_up_and_signs_no_slot_twice(bench: Bench) -> None:
    """The copy holds a transition that is signed and, as far as it knows, not certified; the account has moved two slots further since."""
    for index in range(4):
        bench.client.behaviours[index] = silent_to(VoteRequest)
    await stop_when_stored(bench, bench.open("alice"))
    backup = keep_copy(bench, "alice")
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    await alice.send([pay("bob", 20)])
    await alice.send([pay("bob", 30)])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE] * 3)
    state, opening = alice.account.state, alice.account.opening
    await bench.close()
    alice = bench.open("alice", home=backup)
    await alice.wait_in_step()
    assert alice.account.state == state
    await alice.send([pay("bob", 1)])
    assert alice.account.state.sequence == 4
    assert alice.account.opening.value == opening.value - 2
    assert len(bench.signed_transitions()) == 4
    assert bench.evidence() == []


async def test_old_copy_does_not_move_back_when_the_history_in_between_cannot_be_had(bench: Bench) -> None:
    """The newest certificate proves the account, even if nobody gives the older ones."""
    for index in range(4):
        bench.client.behaviours[index] = silent_to(VoteRequest)
    await stop_when_stored(bench, bench.open("alice"))
    backup = keep_copy(bench, "alice")
    bench.client.behaviours.clear()
    alice = bench.open("alice")
    await alice.send([pay("bob", 20)])
    await alice.send([pay("bob", 30)])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE] * 3)
    state = alice.account.state
    await bench.close()
    for index in range(4):
        bench.client.behaviours[index] = silent_to(SyncRequest)
    alice = bench.open("alice", home=backup)
    await alice.wait_in_step()
    assert alice.account.state == state
    bench.client.behaviours.clear()
    await alice.send([pay("bob", 1)])
    assert alice.account.state.sequence == 4
    assert bench.evidence() == []


async def test_certificate_of_an_older_slot_does_not_set_the_account_back(bench: Bench) -> None:
    """However late it is learnt of: the next payment would be signed for a slot that is settled."""
    alice = bench.open("alice")
    for amount in (1, 2):
        await alice.send([pay("bob", amount)])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE] * 2)
    state, balance = alice.account.state, alice.account.balance
    first = alice.account.outgoing()[0].certificate
    assert first is not None
    checked = read_certificate(first, bench.cluster.genesis)
    await alice.account.record_certificate(checked)
    await alice.account.adopt(OwnCertificate(checked))
    assert (alice.account.state, alice.account.balance) == (state, balance)
    await bench.close(alice)
    alice = bench.open("alice")
    assert (alice.account.state, alice.account.balance) == (state, balance)


async def test_old_copy_does_not_claim_what_was_claimed_since(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    await alice.send([pay("bob", 500)])
    await eventually(lambda: bob.account.balance.incoming == 500)
    await bench.close(bob)
    backup = keep_copy(bench, "bob")
    bob = bench.open("bob")
    await bob.receive()
    await bob.send([pay("alice", 100)])
    await bench.close(bob)
    bob = bench.open("bob", home=backup)
    await bob.wait_in_step()
    assert (bob.account.balance.spendable, bob.account.balance.incoming) == (399, 0)
    assert bench.evidence() == []


# --- Two devices -----------------------------------------------------------------------------------------------------------------------------------


async def two_devices(bench: Bench) -> tuple[Wallet, Wallet]:
    first = bench.open("alice")
    second = bench.open("alice", home=bench.home.with_name("second device"), client=MachineClient(bench.cluster))
    await asyncio.gather(first.wait_in_step(), second.wait_in_step())
    return first, second


async def test_second_device_that_comes_too_late_is_told_and_goes_on_behind_the_first(bench: Bench) -> None:
    first, second = await two_devices(bench)
    await first.send([pay("bob", 500)])
    with pytest.raises(LocalFault) as refusal:
        await second.send([pay("bob", 7)])
    assert refusal.value.code is ErrorCode.PAYMENT_SUPERSEDED
    assert second.account.state == first.account.state
    assert [record.paid[0].amount for record in second.account.outgoing()] == [500]
    await second.send([pay("bob", 7)])
    assert second.account.balance.spendable == 10_000 - 501 - 8


async def test_two_transitions_at_the_validators_lock_the_account_and_nothing_more_is_signed(bench: Bench) -> None:
    first, second = await two_devices(bench)
    bench.client.behaviours |= {2: silent_to(VoteRequest), 3: silent_to(VoteRequest)}
    other = second._context.client
    assert isinstance(other, MachineClient)
    other.behaviours |= {0: silent_to(VoteRequest), 1: silent_to(VoteRequest)}
    payments = [asyncio.create_task(_forget(wallet.send([pay("bob", amount)]))) for wallet, amount in ((first, 1), (second, 2))]
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 4)
    await bench.close()
    await asyncio.gather(*payments)
    bench.client.behaviours.clear()
    third = await reopened_without_disk(bench, "alice")
    with pytest.raises(LocalFault) as refusal:
        await third.send([pay("bob", 3)])
    assert refusal.value.code is ErrorCode.ACCOUNT_LOCKED
    assert third.account.pending is None
    assert bench.told(events.WalletChanged)[-1].state == "locked"
    # The first device still holds one of the two: it goes on with that one, and finds that there is no quorum left for it.
    bench.client.asked.clear()
    first = bench.open("alice")
    await eventually(lambda: settled(first) == [OutgoingState.LOCKED])
    with pytest.raises(LocalFault) as refusal:
        await first.send([pay("bob", 3)])
    assert refusal.value.code is ErrorCode.ACCOUNT_LOCKED
    assert len(bench.signed_transitions()) == 1


# --- Somebody else is quicker ----------------------------------------------------------------------------------------------------------------------


async def test_payment_whose_votes_somebody_else_has_gathered_is_final(bench: Bench) -> None:
    """Whoever has the bytes can ask for the votes. The wallet finds the slot settled, by its own transition: that is no failure."""
    alice = bench.open("alice")
    await alice.wait_in_step()

    def gather(message: Answered) -> Answer | None:
        if isinstance(message, VoteRequest):
            transition = TRANSITION.decode(message.transition)
            if bench.cluster.validators[1].machine.ledger.globals.log_length == 0:
                bench.cluster.apply_everywhere(bench.cluster.certify(transition))
        return None

    bench.client.behaviours[0] = gather
    result = await alice.send([pay("bob", 500)])
    assert alice.account.balance.spendable == 9499
    assert [event.cert_id for event in bench.told(events.CertificateMade)] == [result.cert_id]
    assert bench.told(events.WalletFault) == []
    await alice.send([pay("bob", 1)])
    assert bench.evidence() == []


async def test_query_that_tells_of_an_older_state_changes_nothing(bench: Bench) -> None:
    """All validators lost their disks, or lie together: what this wallet can prove stays."""
    alice = bench.open("alice")
    await alice.send([pay("bob", 500)])
    await eventually(lambda: settled(alice) == [OutgoingState.DONE])
    before = rows(bench.home, "alice")
    await bench.close()
    fresh = Bench(bench.home)
    alice = fresh.open("alice")
    await alice.wait_in_step()
    assert alice.account.state.sequence == 1
    assert rows(bench.home, "alice") == before
    assert fresh.client.requests(QueryAccount) != []
    await alice.send([pay("bob", 1)])
    assert fresh.cluster.digests() == {fresh.cluster.validators[0].machine.ledger.compute_digest()}
    await fresh.close()
