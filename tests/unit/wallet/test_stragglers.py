"""Validators that are slow or away: no payment waits for them, and everything reaches them in the end, over restarts too."""

import asyncio

import pytest

from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.types.messages import AckStatus, CertAck, QueryAccount, SettlementCertificate, SyncRequest, VoteRequest, Want
from mesh_core.wallet import delivering, events
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.records import OutgoingState
from mesh_core.wallet.wallet import Wallet
from tests.unit.network.peers import PATIENCE_S, eventually
from tests.unit.wallet.bench import Bench, MachineClient, pay, silent, silent_to

SLOW = 3


@pytest.fixture(autouse=True)
def without_proofs(bench: Bench) -> None:
    """None of this is about rule 9."""
    bench.without_proofs()


def states(wallet: Wallet) -> list[OutgoingState]:
    return [record.state for record in wallet.account.outgoing()]


def applied_count(bench: Bench, validator: int = SLOW) -> int:
    return bench.cluster.validators[validator].machine.ledger.globals.log_length


async def test_payments_in_a_row_wait_for_no_frozen_validator(bench: Bench) -> None:
    """A request to it has no end here: not one of them may be waited for."""
    alice = bench.open("alice")
    await alice.wait_in_step()
    bench.client.gives_up = False
    bench.client.freeze(SLOW)
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(10):
            await alice.send([pay("bob", 1)])
    assert states(alice)[:9] == [OutgoingState.CERTIFIED] * 9
    assert [event.state for event in bench.told(events.PaymentState)].count("settled") >= 9


async def test_start_waits_for_no_frozen_validator_and_says_what_it_may_know(bench: Bench) -> None:
    bench.client.gives_up = False
    bench.client.freeze(SLOW)
    async with asyncio.timeout(PATIENCE_S):
        alice = bench.open("alice")
        await alice.send([pay("bob", 1)])
    [notice] = bench.notices(NoticeKind.UNSEEN_VOTE)
    assert notice.text == "fewer than 4 answered: an unseen vote may exist at V4"
    assert notice.validators == (SLOW,)


async def test_start_with_all_four_warns_of_nothing(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    assert bench.told(events.WalletNotice) == []


@pytest.mark.parametrize("lost", ["the answer to the first question", "the report when it is reached"])
async def test_late_answer_that_shows_a_pending_transition_of_ours_is_taken_up(bench: Bench, lost: str) -> None:
    """It was signed on another device, and only the slow validator has voted for it. Either of its two late answers is enough."""
    other = MachineClient(bench.cluster, behaviours={index: silent_to(VoteRequest) for index in (0, 1, 2)})
    device = bench.open("alice", home=bench.home.with_name("another machine"), client=other)
    paying = asyncio.create_task(device.send([pay("bob", 500, "elsewhere")]))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 1)
    await bench.close()
    await asyncio.gather(paying, return_exceptions=True)
    is_report_lost = "report" in lost
    bench.client.behaviours[SLOW] = lambda message: silent(message) if isinstance(message, QueryAccount) and bool(message.limit) is is_report_lost else None
    bench.client.freeze(SLOW)
    alice = bench.open("alice")
    await alice.wait_in_step()
    assert alice.account.pending is None
    bench.client.thaw(SLOW)
    await eventually(lambda: states(alice) == [OutgoingState.DONE])
    assert alice.account.outgoing()[0].paid[0].text == "elsewhere"
    await alice.send([pay("bob", 1)])
    assert bench.evidence() == []


async def test_account_moved_by_another_device_is_followed_and_told(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    device = bench.open("alice", home=bench.home.with_name("another machine"), client=MachineClient(bench.cluster))
    await device.send([pay("bob", 500)])
    await eventually(lambda: states(device) == [OutgoingState.DONE])
    bench.client.announce()
    await eventually(lambda: alice.account.state == device.account.state)
    assert alice.account.balance.spendable == 9499
    notices = bench.notices(NoticeKind.MOVED)
    assert len(notices) == 1
    assert "slot 0" in notices[0].text
    await alice.send([pay("bob", 1)])


async def test_own_payments_are_not_taken_for_those_of_another_device(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    for _ in range(3):
        await alice.send([pay("bob", 1)])
    await eventually(lambda: bob.account.balance.spendable == 3)
    for validator in range(4):
        bench.client.reconnect(validator)
    await eventually(lambda: states(alice) == [OutgoingState.DONE] * 3)
    assert bench.told(events.WalletNotice) == []


# --- Delivery --------------------------------------------------------------------------------------------------------------------------------------


async def test_validator_that_was_away_gets_all_certificates_without_another_payment(bench: Bench) -> None:
    bench.client.behaviours[SLOW] = silent
    alice = bench.open("alice")
    for _ in range(5):
        await alice.send([pay("bob", 1)])
    await eventually(lambda: states(alice) == [OutgoingState.SETTLED] * 5)
    del bench.client.behaviours[SLOW]
    await eventually(lambda: states(alice) == [OutgoingState.DONE] * 5)
    assert applied_count(bench) == 5
    assert len(bench.cluster.digests()) == 1
    assert [event.state for event in bench.told(events.PaymentState)].count("done") == 5
    assert {event.validator for event in bench.told(events.CertificateDelivered) if event.acks_count == 4} == {SLOW}


async def test_delivery_goes_on_after_a_restart(bench: Bench) -> None:
    bench.client.behaviours[SLOW] = silent
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    for _ in range(3):
        await alice.send([pay("bob", 1)])
    await eventually(lambda: bob.account.balance.spendable == 3)
    await bench.close()
    assert applied_count(bench) == 0
    bench.client.behaviours.clear()
    alice, bob = bench.open("alice"), bench.open("bob", claims=True)
    await eventually(lambda: {*states(alice), *states(bob)} == {OutgoingState.DONE})
    assert len(bench.cluster.digests()) == 1


async def test_validator_that_is_back_is_served_at_once_and_not_after_the_pause(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def draw(*_: object) -> float:
        pauses.append(3600.0)
        return pauses[-1]

    monkeypatch.setattr(delivering, "draw_backoff_s", draw)
    bench.client.behaviours[SLOW] = silent
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    await eventually(lambda: states(alice) == [OutgoingState.SETTLED])
    await eventually(lambda: pauses != [])
    del bench.client.behaviours[SLOW]
    bench.client.reconnect(SLOW)
    await eventually(lambda: states(alice) == [OutgoingState.DONE])


async def test_long_absence_costs_one_request_at_a_time(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.wait_in_step()
    bench.client.behaviours[SLOW] = silent
    for _ in range(20):
        await alice.send([pay("bob", 1)])
    await eventually(lambda: states(alice) == [OutgoingState.SETTLED] * 20)
    before = len([True for validator, message in bench.client.asked if validator == SLOW])
    await asyncio.sleep(0.5)
    assert len([True for validator, message in bench.client.asked if validator == SLOW]) - before <= 6


async def test_liar_that_always_lacks_everything_is_not_sent_everything_all_the_time(bench: Bench) -> None:
    def lacking(message: Answered) -> Answer | None:
        if isinstance(message, SettlementCertificate):
            return CertAck(message.request_id, bytes(32), AckStatus.PENDING, 0, 0, ())  # type: ignore[arg-type]
        return None

    bench.client.behaviours[SLOW] = lacking
    alice = bench.open("alice")
    for _ in range(5):
        await alice.send([pay("bob", 1)])
    await asyncio.sleep(0.7)
    sent = [message for validator, message in bench.client.asked if validator == SLOW and isinstance(message, SettlementCertificate)]
    assert len(sent) <= 120
    assert OutgoingState.DONE not in states(alice)


async def test_acknowledgement_of_another_certificate_does_not_end_the_delivery(bench: Bench) -> None:
    def other(message: Answered) -> Answer | None:
        return CertAck(message.request_id, bytes(32), AckStatus.APPLIED, 0, 0, ()) if isinstance(message, SettlementCertificate) else None  # type: ignore[arg-type]

    bench.client.behaviours[SLOW] = other
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    await eventually(lambda: len([True for validator, message in bench.client.asked if validator == SLOW and isinstance(message, SettlementCertificate)]) >= 4)
    assert OutgoingState.DONE not in states(alice)
    del bench.client.behaviours[SLOW]
    await eventually(lambda: states(alice) == [OutgoingState.DONE])


async def test_silent_validator_delays_no_history(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates come from whoever has them first: who waited for those that never answer would wait for ever."""
    alice = bench.open("alice")
    for _ in range(3):
        await alice.send([pay("bob", 1)])
    await eventually(lambda: states(alice) == [OutgoingState.DONE] * 3)
    await bench.close()
    ask = bench.client.request

    async def give_nothing(validator: int, message: Answered, timeout_s: float = 5.0) -> Answer:
        if validator in (0, 1) and isinstance(message, SyncRequest):
            await asyncio.Event().wait()
        return await ask(validator, message, timeout_s)

    monkeypatch.setattr(bench.client, "request", give_nothing)
    alice = bench.open("alice", home=bench.home.with_name("another machine"))
    async with asyncio.timeout(PATIENCE_S):
        await alice.wait_in_step()
        await eventually(lambda: len(alice.account.outgoing()) == 3)


async def test_wallet_in_step_asks_each_validator_no_more_than_twice(bench: Bench) -> None:
    """Once before the first payment, once when it is reached."""
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    await eventually(lambda: states(alice) == [OutgoingState.DONE])
    asked = [validator for validator, message in bench.client.asked if isinstance(message, QueryAccount)]
    assert sorted(asked) == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_validators_too_busy_to_answer_at_first_are_asked_again_on_the_same_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are connected, and none answers the first questions after that: the wallet gets up to date all the same, without a new connection."""
    refused: list[int] = []
    ask = bench.client.request

    async def busy(validator: int, message: Answered, timeout_s: float = 5.0) -> Answer:
        if isinstance(message, QueryAccount) and message.want & Want.CLAIMABLE and refused.count(validator) < 2:
            refused.append(validator)
            raise PeerFault(ErrorCode.PEER_TIMEOUT, "busy")
        return await ask(validator, message, timeout_s)

    monkeypatch.setattr(bench.client, "request", busy)
    alice = bench.open("alice")
    async with asyncio.timeout(20):
        await alice.wait_up_to_date()
    assert len(refused) >= 6
