"""A wallet that pays, claims, remembers, and is asked for what cannot be done."""

import asyncio
from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Draft, Payment
from mesh_core.types.address import Address
from mesh_core.types.basic import PublicKey, ViewPublicKey
from mesh_core.types.messages import SettlementCertificate, VoteRequest
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import events
from mesh_core.wallet.history import Direction
from mesh_core.wallet.records import OUTGOING_RECORD, IncomingStatus, OutgoingState, outgoing_key
from mesh_core.wallet.surroundings import REAL
from mesh_core.wallet.wallet import Wallet
from tests.cluster import alter, certify_by_hand, wallet_keys
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay, rows, silent, silent_to

LOW_ORDER_X25519 = ViewPublicKey(b"\1" + bytes(31))


def outgoing_states(wallet: Wallet) -> list[OutgoingState]:
    return [record.state for record in wallet.account.outgoing()]


async def test_payment_and_claim_move_the_money_once(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    result = await alice.send([pay("bob", 500, "lunch")])
    await eventually(lambda: bob.account.balance.spendable == 500)
    assert (alice.account.balance.spendable, alice.account.balance.incoming, alice.account.balance.in_flight) == (9499, 0, 0)
    assert (bob.account.balance.spendable, bob.account.balance.incoming, bob.account.balance.in_flight) == (500, 0, 0)
    [validator_view] = {validator.machine.ledger.account(alice.address.owner) for validator in bench.cluster.validators}
    assert validator_view == alice.account.state
    await eventually(lambda: outgoing_states(alice) == outgoing_states(bob) == [OutgoingState.DONE])
    assert bench.cluster.digests() == {bench.cluster.validators[0].machine.ledger.compute_digest()}
    assert 0 < result.prove_ms < result.payment_ms


async def test_history_tells_both_sides_what_was_paid(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    result = await alice.send([pay("bob", 500, "lunch")])
    await eventually(lambda: outgoing_states(bob) == [OutgoingState.DONE])
    [sent] = alice.account.outgoing()
    assert [(paid.owner, paid.amount, paid.text) for paid in sent.paid] == [(bob.address.owner, 500, "lunch")]
    [(key, came)] = bob.account.incoming()
    assert (key.cert_id, came.status, came.sender, came.value, came.text) == (result.cert_id, IncomingStatus.CLAIMED, alice.address.owner, 500, "lunch")
    assert bob.account.outgoing()[0].claimed_value == 500
    told = [(entry.direction, entry.counterparty, entry.amount, entry.fee, entry.text, entry.cert_id) for entry in (*alice.history(), *bob.history())]
    assert told == [
        (Direction.SENT, bob.address.owner, 500, 1, "lunch", result.cert_id),
        (Direction.RECEIVED, alice.address.owner, 500, 0, "lunch", result.cert_id),
    ]
    assert [entry.status for entry in (*alice.history(), *bob.history())] == [outgoing_states(alice)[0].name.lower(), "claimed"]


async def test_history_of_several_outputs_counts_the_fee_once(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.send([pay("bob", 1, "one"), pay("carol", 2, "two")])
    assert [(entry.amount, entry.fee, entry.text) for entry in alice.history()] == [(1, 1, "one"), (2, 0, "two")]


async def test_events_tell_a_payment_from_the_call_to_the_last_delivery(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.send([pay("bob", 500)])
    await eventually(lambda: outgoing_states(alice) == [OutgoingState.DONE])
    [number] = {event.payment for event in bench.told(events.PaymentStarted)}
    assert [event.step for event in bench.told(events.PaymentStep)] == ["waited", "built", "proved", "checked", "signed", "stored"]
    assert [event.state for event in bench.told(events.PaymentState)] == ["voting", "certified", "settled", "done"]
    assert {event.payment for event in bench.events if isinstance(event, events.VoteReceived | events.CertificateMade | events.CertificateDelivered)} == {
        number
    }
    assert [event.votes_count for event in bench.told(events.VoteReceived)][:3] == [1, 2, 3]
    assert [event.acks_count for event in bench.told(events.CertificateDelivered)] == [1, 2, 3, 4]


async def test_payments_of_one_wallet_queue_up(bench: Bench) -> None:
    alice = bench.open("alice")
    results = await asyncio.gather(alice.send([pay("bob", 1)]), alice.send([pay("bob", 2)]), alice.send([pay("carol", 3)]))
    assert len({result.cert_id for result in results}) == 3
    assert [TRANSITION.decode(record.transition).core.sequence for record in alice.account.outgoing()] == [0, 1, 2]
    assert alice.account.balance.spendable == 10_000 - 6 - 3
    assert bench.evidence() == []


async def test_queued_payment_that_cannot_be_made_any_more_is_refused_in_its_turn(bench: Bench) -> None:
    alice = bench.open("alice")
    results = await asyncio.gather(alice.send([pay("bob", 9_000)]), alice.send([pay("bob", 9_000)]), return_exceptions=True)
    assert isinstance(results[1], LocalFault)
    assert results[1].code is ErrorCode.INSUFFICIENT_FUNDS
    assert alice.account.balance.spendable == 999


async def test_everything_can_be_paid_and_not_one_more(bench: Bench) -> None:
    alice = bench.open("alice")
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 10_000)])
    assert refusal.value.code is ErrorCode.INSUFFICIENT_FUNDS
    await alice.send([pay("bob", 9_999)])
    assert alice.account.balance.spendable == 0


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (pay("bob", 0), ErrorCode.AMOUNT_INVALID),
        (pay("bob", -1), ErrorCode.AMOUNT_INVALID),
        (pay("bob", 2**64), ErrorCode.AMOUNT_INVALID),
        (pay("bob", 10_000), ErrorCode.INSUFFICIENT_FUNDS),
        (pay("bob", 2**64 - 1), ErrorCode.INSUFFICIENT_FUNDS),
        (pay("bob", 1, "x" * 216), ErrorCode.MEMO_TEXT_INVALID),
        (pay("bob", 1, "\ud800"), ErrorCode.MEMO_TEXT_INVALID),
        (Payment(Address(PublicKey(bytes(32)), wallet_keys("bob").address.view_pk), 1), ErrorCode.ADDRESS_INVALID),
        (Payment(replace(wallet_keys("bob").address, view_pk=LOW_ORDER_X25519), 1), ErrorCode.ADDRESS_INVALID),
    ],
    ids=["nothing", "negative", "over 64 bits", "fee missing", "far too much", "long text", "half a surrogate", "owner key", "view key"],
)
async def test_payment_that_cannot_be_made_changes_nothing(bench: Bench, payment: Payment, code: ErrorCode) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    before, state = rows(bench.home, "alice"), alice.account.state
    with pytest.raises(LocalFault) as refusal:
        await alice.send([payment])
    assert refusal.value.code is code
    assert rows(bench.home, "alice") == before
    assert alice.account.state == state
    assert alice.account.pending is None
    assert bench.client.requests(VoteRequest) == []
    assert [event.code for event in bench.told(events.WalletFault)] == [f"{code:04x}"]
    await alice.send([pay("bob", 1)])


async def test_more_recipients_than_a_transition_holds_are_refused(bench: Bench) -> None:
    alice = bench.open("alice")
    for payments in ([], [pay("bob", 1)] * 8):
        with pytest.raises(LocalFault) as refusal:
            await alice.send(payments)
        assert refusal.value.code is ErrorCode.AMOUNT_INVALID


async def test_nothing_to_claim_is_said(bench: Bench) -> None:
    with pytest.raises(LocalFault) as refusal:
        await bench.open("bob").receive()
    assert refusal.value.code is ErrorCode.NOTHING_TO_CLAIM


# --- Durable before it leaves ----------------------------------------------------------------------------------------------------------------------


async def test_signed_bytes_are_on_the_disk_before_the_first_one_leaves(bench: Bench) -> None:
    """And the certificate is before anybody is told that the payment is final."""
    alice = bench.open("alice")
    on_disk: list[bytes | None] = []
    certified_on_disk: list[bytes | None] = []

    def look(_: int, message: object) -> None:
        record = rows(bench.home, "alice").get(outgoing_key(0))
        if isinstance(message, VoteRequest):
            on_disk.append(None if record is None else OUTGOING_RECORD.decode(record).transition)
        if isinstance(message, SettlementCertificate):
            certified_on_disk.append(None if record is None else OUTGOING_RECORD.decode(record).certificate)

    bench.client.on_ask = look
    await alice.send([pay("bob", 500)])
    await eventually(lambda: outgoing_states(alice) == [OutgoingState.DONE])
    [sent], [delivered] = bench.signed_transitions(), bench.delivered_certificates()
    assert set(on_disk) == {sent}
    assert set(certified_on_disk) == {delivered}


async def test_whoever_stops_waiting_does_not_stop_the_payment(bench: Bench) -> None:
    alice = bench.open("alice")
    waiting = asyncio.create_task(alice.send([pay("bob", 500)]))
    await eventually(lambda: bench.steps("stored") != [])
    waiting.cancel()
    await eventually(lambda: outgoing_states(alice) == [OutgoingState.DONE])
    assert alice.account.balance.spendable == 9499


async def test_bug_in_a_payment_is_told_to_whoever_waits_for_it(bench: Bench) -> None:
    is_broken = True

    async def prove(draft: Draft) -> bytes:
        if is_broken:
            raise ZeroDivisionError
        return await REAL.prove(draft)

    alice = bench.open("alice", surroundings=replace(REAL, prove=prove))
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 500)])
    assert refusal.value.code is ErrorCode.INTERNAL
    is_broken = False
    await alice.send([pay("bob", 500)])


# --- Validators that do not answer, or are behind --------------------------------------------------------------------------------------------------


async def test_payment_does_not_wait_for_the_fourth_validator(bench: Bench) -> None:
    bench.client.behaviours[3] = silent
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    await alice.send([pay("bob", 2)])
    assert bench.cluster.validators[3].machine.ledger.globals.log_length == 0


async def test_validator_that_comes_back_is_given_what_it_lacks_with_the_next_payment(bench: Bench) -> None:
    bench.client.behaviours[3] = silent
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    for amount in (1, 2):
        await alice.send([pay("bob", amount)])
    await eventually(lambda: bob.account.balance.spendable == 3)
    await bench.close()
    del bench.client.behaviours[3]
    bench.client.on_ask = None
    alice = bench.open("alice")
    await alice.send([pay("bob", 3)])
    await eventually(lambda: bench.cluster.validators[3].machine.ledger.account_or_zero(alice.address.owner).sequence == 3)
    bob = bench.open("bob", claims=True)
    await eventually(lambda: bob.account.balance.spendable == 6 and len(bench.cluster.digests()) == 1)
    assert bench.evidence() == []


async def test_payment_waits_without_a_quorum_and_completes_with_the_same_bytes(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    bench.client.behaviours |= {2: silent_to(VoteRequest), 3: silent_to(VoteRequest)}
    waiting = asyncio.create_task(alice.send([pay("bob", 500)]))
    await eventually(lambda: len(bench.client.requests(VoteRequest)) >= 8)
    assert not waiting.done()
    assert alice.account.balance.in_flight == 501
    bench.client.behaviours.clear()
    await waiting
    assert len(bench.signed_transitions()) == 1


# --- Incoming --------------------------------------------------------------------------------------------------------------------------------------


async def test_claim_takes_sixteen_outputs_at_once_and_the_next_one_the_rest(bench: Bench) -> None:
    payer, bob_account = bench.cluster.account("alice"), bench.cluster.account("bob")
    for _ in range(17):
        bench.cluster.apply_everywhere(bench.cluster.pay_unproven(payer, (bob_account, 10)))
    bob = bench.open("bob")
    await eventually(lambda: bob.account.balance.incoming == 170)
    await bob.receive()
    assert (bob.account.balance.spendable, bob.account.balance.incoming) == (160, 10)
    await bob.receive()
    assert (bob.account.balance.spendable, bob.account.balance.incoming) == (170, 0)


async def test_output_that_cannot_be_opened_is_shown_and_never_claimed(bench: Bench) -> None:
    """Claimed, it would make the whole balance unspendable for ever."""
    payer, bob_account = bench.cluster.account("alice"), bench.cluster.account("bob")
    draft = bench.cluster.draft_send(payer, (bob_account, 10))
    good, _ = bench.cluster.build_send(payer, (bob_account, 10))
    [output] = draft.core.outputs
    spoiled = alter(good, payer.keys, outputs=(replace(output, memo=bytes(80)),), new_balance=draft.core.new_balance)
    bench.cluster.apply_everywhere(certify_by_hand(spoiled))
    bob = bench.open("bob", claims=True)
    await eventually(lambda: [event.status for event in bench.told(events.IncomingSeen)] == ["unopenable"])
    [seen] = bench.told(events.IncomingSeen)
    assert seen.amount is None
    assert seen.text != ""
    assert bob.account.balance.incoming == 0
    assert bob.account.claimable(16) == []
    bench.cluster.apply_everywhere(bench.cluster.pay_unproven(bench.cluster.account("faucet"), (bob_account, 7)))
    bench.client.announce()
    await eventually(lambda: bob.account.balance.spendable == 7)


async def test_payment_missed_while_a_connection_was_down_is_found_when_it_is_up(bench: Bench) -> None:
    bob = bench.open("bob", claims=True)
    await bob.wait_in_step()
    certificate = bench.cluster.pay_unproven(bench.cluster.account("alice"), (bench.cluster.account("bob"), 5))
    bench.cluster.apply_everywhere(certificate)
    assert bob.account.balance.incoming == 0
    bench.client.reconnect(2)
    await eventually(lambda: bob.account.balance.spendable == 5)


async def test_unfinished_claim_goes_on_after_a_restart(bench: Bench) -> None:
    bench.cluster.apply_everywhere(bench.cluster.pay_unproven(bench.cluster.account("alice"), (bench.cluster.account("bob"), 5)))
    for index in range(4):
        bench.client.behaviours[index] = silent_to(VoteRequest)
    bob = bench.open("bob", claims=True)
    await eventually(lambda: bench.steps("stored") != [])
    await bench.close(bob)
    bench.client.behaviours.clear()
    bob = bench.open("bob", claims=True)
    await eventually(lambda: bob.account.balance.spendable == 5)
    assert len(bench.signed_transitions()) == 1


async def test_wallet_of_another_network_is_refused(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    await bench.close()
    other = Bench(bench.home)
    other.cluster.genesis = replace(other.cluster.genesis, network_id=other.cluster.genesis.network_id[::-1])  # type: ignore[arg-type]
    other.client.network = replace(other.client.network, genesis=other.cluster.genesis)
    with pytest.raises(LocalFault) as refusal:
        other.open("alice")
    assert refusal.value.code is ErrorCode.STORE_FORMAT


async def test_silence_of_two_validators_at_the_start_delays_payments_and_nothing_else(bench: Bench) -> None:
    """Fewer than a quorum of answers may all be from before the last payment: nothing is signed upon them."""
    bench.client.behaviours |= {0: silent, 1: silent}
    alice = bench.open("alice")
    waiting = asyncio.create_task(alice.send([pay("bob", 500)]))
    await eventually(lambda: [event.kind for event in bench.told(events.PaymentQueued)] == ["send"])
    assert bench.steps("built") == []
    bench.client.behaviours.clear()
    await waiting
