"""Wallets over a real network: four validator processes, real QUIC, real disks. The tests share the network and find it as the one before left it."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest
import pytest_asyncio

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.identifiers import identify
from mesh_core.storage.wallet_store import DATABASE_NAME, WalletStore
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import events
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.records import OUTGOING_RECORD, IncomingStatus, OutgoingState, outgoing_key
from tests.e2e.local_network import Event, LocalNetwork

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = 1_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalNetwork]:
    network = LocalNetwork(tmp_path_factory.mktemp("wallets") / "home", {"alice": START, "bob": 0, "faucet": 10**9})
    async with network.supervisor:
        await network.supervisor.start_all()
        yield network
    assert network.named("equivocation") == []
    assert network.named("safety_alarm") == []


def spendable(home: WalletHome, name: str) -> int:
    """What a wallet can pay now."""
    return home.wallet(name).account.balance.spendable


def unfinished(heard: list[Event]) -> set[tuple[str, int]]:
    """Payments and claims that are under way: those that a test before left are finished by the wallets that open next."""
    states = {(event["wallet"], event["payment"]): event["state"] for event in heard if event["event"] == "payment_state"}
    begun = {(event["wallet"], event["payment"]) for event in heard if event["event"] == "payment_started"}
    return {payment for payment in begun | set(states) if states.get(payment) != "done"}


async def pay_and_claim(local: LocalNetwork, home: WalletHome, amount: int, text: str = "") -> None:
    """Alice pays, Bob's wallet claims by itself, and all validators have applied both."""
    certificates = await local.until_at_rest(home.wallet("alice"), home.wallet("bob"))
    before = spendable(home, "bob")
    await home.pay("alice", "bob", amount, text)
    await local.until(lambda: spendable(home, "bob") == before + amount)
    await local.until_in_step(certificates + 2)


async def test_payment_and_claim(local: LocalNetwork) -> None:
    async with local.wallets() as home:
        await pay_and_claim(local, home, 500, "lunch")
        assert (spendable(home, "alice"), spendable(home, "bob")) == (START - 501, 500)
        assert [status["fee_pool"] for status in local.statuses().values()] == [1] * 4
        await local.until(lambda: [record.state for record in home.wallet("alice").account.outgoing()] == [OutgoingState.DONE])
        [sent] = home.wallet("alice").account.outgoing()
        assert [(paid.owner, paid.amount, paid.text) for paid in sent.paid] == [(home.wallet("bob").address.owner, 500, "lunch")]
        [(_, came)] = home.wallet("bob").account.incoming()
        assert (came.status, came.value, came.text) == (IncomingStatus.CLAIMED, 500, "lunch")
    async with local.wallets() as home:
        assert (spendable(home, "alice"), spendable(home, "bob")) == (START - 501, 500)


async def test_two_payments_of_one_wallet_queue_up(local: LocalNetwork) -> None:
    async with local.wallets() as home:
        before = await local.until_at_rest(home.wallet("alice"), home.wallet("bob"))
        alice, bob = spendable(home, "alice"), spendable(home, "bob")
        results = await asyncio.gather(home.pay("alice", "bob", 1), home.pay("alice", "faucet", 2))
        assert len({result.cert_id for result in results}) == 2
        await local.until(lambda: spendable(home, "bob") == bob + 1)
        await local.until_in_step(before + 4)
        assert spendable(home, "alice") == alice - 5


async def test_what_cannot_be_paid_is_refused_with_its_code_and_changes_nothing(local: LocalNetwork) -> None:
    """Through the process that the workstation uses; no validator hears of any of it."""
    heard: list[Event] = []
    async with local.wallet_process(heard) as service:
        await local.until(lambda: {event["wallet"] for event in heard if event["event"] == "wallet"} == {"alice", "bob", "faucet"})
        certificates = await local.until_at_rest()
        asked = {event["transition_id"] for event in local.named("vote_requested")}
        balance = next(event["balance"] for event in heard if event["event"] == "wallet" and event["wallet"] == "alice")
        address = next(event["address"] for event in heard if event["event"] == "wallet" and event["wallet"] == "bob")
        typo = address[:-1] + ("q" if address[-1] != "q" else "p")
        for (wallet, to, amount, text), code in {
            ("alice", "bob", balance, ""): ErrorCode.INSUFFICIENT_FUNDS,
            ("alice", "bob", 0, ""): ErrorCode.AMOUNT_INVALID,
            ("alice", "bob", -5, ""): ErrorCode.AMOUNT_INVALID,
            ("alice", "bob", 2**64, ""): ErrorCode.AMOUNT_INVALID,
            ("alice", "alice", 1, ""): ErrorCode.ADDRESS_INVALID,
            ("alice", "nobody", 1, ""): ErrorCode.ADDRESS_INVALID,
            ("alice", typo, 1, ""): ErrorCode.ADDRESS_INVALID,
            ("alice", "", 1, ""): ErrorCode.ADDRESS_INVALID,
            ("alice", "bob", 1, "ä" * 108): ErrorCode.MEMO_TEXT_INVALID,
            ("carol", "bob", 1, ""): ErrorCode.WALLET_UNKNOWN,
        }.items():
            with pytest.raises(LocalFault) as refusal:
                await service.pay(wallet, to, amount, text)
            assert refusal.value.code is code, (wallet, to, amount, refusal.value.text)
            assert refusal.value.text != ""
        await service.pay("alice", address.upper(), 1, "to an address")
        await local.until_in_step(certificates + 2)
        assert len({event["transition_id"] for event in local.named("vote_requested")} - asked) == 2


async def test_payment_does_not_wait_for_a_killed_validator_which_is_given_what_it_lacks_later(local: LocalNetwork) -> None:
    certificates = await local.until_at_rest()
    async with local.wallets() as home:
        await pay_and_claim(local, home, 1)
        local.told.clear()
        await local.supervisor.kill(3)
        result = await home.pay("alice", "bob", 7)
        # Had it waited for the request's deadline, the silence would have been told by now.
        assert local.supervisor.pid(3) is None
        assert [event for event in local.told_of(events.ValidatorSilent) if event.validator == 3] == []
        [made] = [event for event in local.told_of(events.CertificateMade) if event.payment == result.payment]
        assert made.signers == (0, 1, 2)
        await local.until(lambda: "settled" in [event.state for event in local.told_of(events.PaymentState) if event.payment == result.payment])
        await local.until(lambda: [status["log_length"] for status in local.statuses().values()] == [certificates + 4] * 3)
    since = len(local.events)
    await local.supervisor.start(3)
    [ready] = [event for event in local.events[since:] if event["event"] == "ready"]
    assert ready["log_length"] == certificates + 2
    async with local.wallets() as home:
        await pay_and_claim(local, home, 8)
    await local.until_in_step(certificates + 6)
    applied = [event["sequence"] for event in local.named("certificate_applied") if event["validator"] == 3 and event["kind"] == "send"]
    assert applied == list(range(len(applied)))


async def test_killed_wallets_complete_what_they_have_signed_with_the_same_bytes(local: LocalNetwork) -> None:
    """Two frozen validators keep the payment from being certified before the kill comes."""
    heard: list[Event] = []
    frozen: list[int] = []
    async with local.wallet_process(heard) as service:
        await service.pay("alice", "bob", 1, "")
        await local.until(lambda: {"send", "receive"} <= {event["kind"] for event in heard if event["event"] == "payment_started"} and not unfinished(heard))
        certificates = await local.until_at_rest()
        try:
            for index in (2, 3):
                pid = local.supervisor.pid(index)
                assert pid is not None
                os.kill(pid, signal.SIGSTOP)
                frozen.append(pid)
            del heard[:]
            payment = asyncio.create_task(service.pay("alice", "bob", 77, "twice?"))
            await local.until(lambda: any(event["event"] == "payment_step" and event["step"] == "stored" for event in heard))
            assert service.pid is not None
            os.kill(service.pid, signal.SIGKILL)
            with pytest.raises(LocalFault) as refusal:
                await payment
            assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
    assert [event for event in heard if event["event"] == "certificate"] == []
    [started] = [event for event in heard if event["event"] == "payment_started"]
    [stored] = [event for event in heard if event["event"] == "payment_step" and event["step"] == "stored"]
    sequence = started["sequence"]
    with closing(sqlite3.connect(local.folder.wallets / "alice" / DATABASE_NAME)) as connection:
        [(row,)] = connection.execute("SELECT value FROM kv WHERE key = ?", (outgoing_key(sequence),)).fetchall()
    record = OUTGOING_RECORD.decode(row)
    assert (record.state, record.certificate) == (OutgoingState.SIGNED, None)
    assert identify(TRANSITION.decode(record.transition)).transition_id.hex() == stored["transition_id"]
    later: list[Event] = []
    async with local.wallet_process(later):
        await local.until(lambda: "done" in [event.get("state") for event in later if event["event"] == "payment_state"])
        await local.until_in_step(certificates + 2)
    signed = [event for event in (*heard, *later) if event["event"] == "payment_step" and event["step"] == "signed"]
    assert [event["transition_id"] for event in signed][:1] == [stored["transition_id"]]
    alice = local.owner("alice")
    asked = {event["transition_id"] for event in local.named("vote_requested") if (event["sender"], event["sequence"]) == (alice, sequence)}
    assert asked == {stored["transition_id"]}
    applied = [event["validator"] for event in local.named("certificate_applied") if (event["sender"], event["sequence"]) == (alice, sequence)]
    assert sorted(applied) == [0, 1, 2, 3]


async def test_wallet_of_which_only_the_seed_is_left_has_all_back_and_goes_on(local: LocalNetwork, tmp_path_factory: pytest.TempPathFactory) -> None:
    def owned(home: WalletHome, name: str) -> tuple[object, ...]:
        wallet = home.wallet(name)
        history = [replace(entry, at_ms=0, status="") for entry in wallet.history()]
        return wallet.account.state, wallet.account.opening, wallet.account.balance, sorted(history, key=lambda entry: (entry.cert_id, entry.counterparty))

    async with local.wallets() as home:
        await pay_and_claim(local, home, 9, "to be remembered")
        before = {name: owned(home, name) for name in ("alice", "bob")}
    another = tmp_path_factory.mktemp("another") / "wallets"
    for name in before:
        WalletStore.restore(another, name, local.seeds[name])
    certificates = await local.until_at_rest()
    async with local.wallets(another) as home:
        await local.until(lambda: all(home.wallet(name).account.has_all_history for name in before))
        assert {name: owned(home, name) for name in before} == before
        await pay_and_claim(local, home, 10)
        assert home.wallet("bob").account.balance.incoming == 0
    await local.until_in_step(certificates + 2)


async def test_wallets_are_made_while_others_pay(local: LocalNetwork) -> None:
    heard: list[Event] = []
    certificates = await local.until_at_rest()
    async with local.wallet_process(heard) as service:
        await service.create("carol")
        for name, code in {"carol": ErrorCode.WALLET_EXISTS, "../escape": ErrorCode.WALLET_NAME_INVALID, "": ErrorCode.WALLET_NAME_INVALID}.items():
            with pytest.raises(LocalFault) as refusal:
                await service.create(name)
            assert refusal.value.code is code
        await service.pay("alice", "carol", 3, "welcome")
        await local.until(lambda: any(event["event"] == "wallet" and (event["wallet"], event["balance"]) == ("carol", 3) for event in heard))
        await local.until_in_step(certificates + 2)


async def test_more_wallets_than_a_connection_has_subscriptions_are_all_told_what_comes(local: LocalNetwork) -> None:
    heard: list[Event] = []
    certificates = await local.until_at_rest()
    async with local.wallet_process(heard) as service:
        for number in range(20):
            await service.create(f"w{number}")
        for number in (0, 15, 16, 19):
            await service.pay("faucet", f"w{number}", 100 + number, "")
        expected = {(f"w{number}", 100 + number) for number in (0, 15, 16, 19)}
        await local.until(lambda: expected <= {(event["wallet"], event["balance"]) for event in heard if event["event"] == "wallet"})
        await local.until_in_step(certificates + 8)
