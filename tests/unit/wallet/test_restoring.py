"""A wallet of which only the seed is left: balance, openings and history come back from the validators, and none of them need be believed (LIV-7)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mesh_core.crypto.phrase import seed_to_phrase
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.storage.wallet_store import DATABASE_NAME
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import (
    AccountStateMessage,
    Claimable,
    QueryAccount,
    SyncAccount,
    SyncCertificates,
    SyncItem,
    SyncRequest,
    SyncResponse,
    VoteRequest,
)
from mesh_core.types.transition import OutputKey
from mesh_core.wallet import events
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.history import HistoryEntry
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import Network
from mesh_core.wallet.records import IncomingStatus, OutgoingState
from mesh_core.wallet.wallet import Wallet
from tests.cluster import Cluster, alter, certify_by_hand, wallet_keys
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay, seed_of, silent, silent_to

LIAR = 0


@pytest.fixture(autouse=True)
def without_proofs(bench: Bench) -> None:
    """None of this is about rule 9."""
    bench.without_proofs()


async def live_a_while(bench: Bench) -> tuple[Wallet, Wallet]:
    """Alice and Bob pay each other; Bob has claimed some of it, in two claims, and not the last."""
    alice, bob = bench.open("alice"), bench.open("bob")
    for amount, text in ((500, "rent"), (20, "cake"), (3, "stamp")):
        await alice.send([pay("bob", amount, text)])
    await eventually(lambda: bob.account.balance.incoming == 523)
    await bob.receive()
    await bob.send([pay("alice", 100, "too much"), pay("carol", 7, "hello")])
    await eventually(lambda: alice.account.balance.incoming == 100)
    await alice.receive()
    await alice.send([pay("bob", 11, "last")])
    await eventually(lambda: bob.account.balance.incoming == 11)
    await eventually(lambda: all(record.state is OutgoingState.DONE for wallet in (alice, bob) for record in wallet.account.outgoing()))
    return alice, bob


def without_times(history: list[HistoryEntry]) -> list[HistoryEntry]:
    return [replace(entry, at_ms=0) for entry in history]


def known(wallet: Wallet) -> tuple[object, ...]:
    """Everything that a wallet's owner has."""
    account = wallet.account
    incoming = {key: (record.status, record.value, record.blinding, record.commitment, record.text) for key, record in account.incoming()}
    return account.state, account.opening, account.balance, sorted(account.claimable(99), key=lambda one: one.key), incoming, without_times(wallet.history())


async def restored(bench: Bench, name: str) -> Wallet:
    wallet = bench.open(name, home=bench.home.with_name("another machine"))
    await eventually(lambda: wallet.account.has_all_history and all(record.state is OutgoingState.DONE for record in wallet.account.outgoing()))
    return wallet


async def test_everything_comes_back_from_the_seed_alone(bench: Bench) -> None:
    before = {wallet.name: known(wallet) for wallet in await live_a_while(bench)}
    await bench.close()
    bench.events.clear()
    for name, owned in before.items():
        wallet = await restored(bench, name)
        assert known(wallet) == owned
    assert [notice.wallet for notice in bench.notices(NoticeKind.RESTORING)] == ["alice", "bob"]
    assert [notice.wallet for notice in bench.notices(NoticeKind.RESTORED)] == ["alice", "bob"]
    assert bench.notices(NoticeKind.MOVED) == []


async def test_restored_wallet_pays_and_claims_and_signs_no_slot_twice(bench: Bench) -> None:
    await live_a_while(bench)
    await bench.close()
    bob = await restored(bench, "bob")
    await bob.receive()
    await bob.send([pay("alice", 1)])
    assert bench.evidence() == []
    assert bob.account.balance.spendable == 523 - 108 + 11 - 2
    await bench.close()
    bench.events.clear()
    bob = bench.open("bob", home=bench.home.with_name("another machine"))
    await bob.wait_in_step()
    assert bench.notices(NoticeKind.RESTORING) == []


async def test_order_of_the_history_is_that_of_the_account(bench: Bench) -> None:
    await live_a_while(bench)
    await bench.close()
    bob = await restored(bench, "bob")
    assert [(entry.direction.value, entry.text) for entry in bob.history()] == [
        ("received", "rent"),
        ("received", "cake"),
        ("received", "stamp"),
        ("sent", "too much"),
        ("sent", "hello"),
        ("received", "last"),
    ]


async def test_database_that_is_gone_is_filled_again_beside_its_seed(bench: Bench) -> None:
    _, bob = await live_a_while(bench)
    before = known(bob)
    await bench.close()
    for path in (bench.home / "bob").iterdir():
        if path.name.startswith(DATABASE_NAME) and not path.name.endswith(".lock"):
            path.unlink()
    bench.events.clear()
    bob = bench.open("bob")
    await eventually(lambda: bob.account.has_all_history and all(record.state is OutgoingState.DONE for record in bob.account.outgoing()))
    assert known(bob) == before
    assert len(bench.notices(NoticeKind.RESTORING)) == len(bench.notices(NoticeKind.RESTORED)) == 1


async def test_fresh_wallet_restores_nothing(bench: Bench) -> None:
    alice = bench.open("alice")
    await alice.send([pay("bob", 1)])
    assert bench.told(events.WalletNotice) == []


async def test_wallet_that_has_forgotten_what_it_signed_waits_for_all_validators(bench: Bench) -> None:
    """The only vote for what was on its way when the disk was lost is at the slowest of them."""
    bench.client.behaviours |= {index: silent_to(VoteRequest) for index in (0, 1, 2)}
    alice = bench.open("alice")
    paying = asyncio.create_task(alice.send([pay("bob", 500, "lost and found")]))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 1)
    await bench.close()
    await asyncio.gather(paying, return_exceptions=True)
    bench.client.behaviours.clear()
    bench.client.freeze(3)
    alice = bench.open("alice", home=bench.home.with_name("another machine"))
    await eventually(lambda: len(bench.client.requests(QueryAccount)) >= 12)
    await asyncio.sleep(0.1)
    assert not alice.is_in_step
    bench.client.thaw(3)
    await alice.wait_in_step()
    assert alice.account.outgoing()[0].paid[0].text == "lost and found"
    await alice.send([pay("bob", 1)])
    assert bench.evidence() == []
    assert len(bench.signed_transitions()) == 2


async def test_nothing_is_claimed_while_a_gap_may_hide_what_was_claimed(bench: Bench) -> None:
    """The head is known and nobody gives the chain behind it; a validator that is behind still lists an output that was claimed there."""
    old_output: list[Claimable] = []
    alice, bob = bench.open("alice"), bench.open("bob")
    await alice.send([pay("bob", 500)])
    await eventually(lambda: bob.account.balance.incoming == 500)
    old_output += [Claimable(key, record.commitment) for key, record in bob.account.incoming()]
    await bob.receive()
    await bob.send([pay("alice", 1)])
    await eventually(lambda: bob.account.outgoing()[-1].state is OutgoingState.DONE)
    state = bob.account.state
    await bench.close()

    def behind(message: Answered) -> Answer | None:
        if isinstance(message, SyncRequest) and isinstance(message.mode, SyncAccount):
            silent(message)
        if isinstance(message, QueryAccount) and message.limit:
            answer = bench.cluster.validators[LIAR].ask(message)
            assert isinstance(answer, AccountStateMessage)
            return replace(answer, claimable=tuple(old_output))
        return None

    bench.client.behaviours |= {LIAR: behind} | {index: lambda message: behind(message) if isinstance(message, SyncRequest) else None for index in (1, 2, 3)}
    bob = bench.open("bob", home=bench.home.with_name("another machine"), claims=True)
    await bob.wait_in_step()
    await eventually(lambda: bob.account.incoming() != [])
    assert bob.account.state == state
    assert bob.account.claimable(16) == []
    await bob.send([pay("alice", 2)])
    with pytest.raises(LocalFault) as refusal:
        await bob.receive()
    assert refusal.value.code is ErrorCode.NOTHING_TO_CLAIM
    bench.client.behaviours.clear()
    await eventually(lambda: bob.account.is_whole and bob.account.has_all_history)
    assert bob.account.claimable(16) == []
    assert [record.status for _, record in bob.account.incoming()] == [IncomingStatus.CLAIMED]
    assert bench.evidence() == []


# --- One validator lies ----------------------------------------------------------------------------------------------------------------------------


def empty(message: SyncRequest, bench: Bench) -> Answer:
    return SyncResponse(message.request_id, 0, 0, (), False)


def garbage(message: SyncRequest, bench: Bench) -> Answer:
    return SyncResponse(message.request_id, 9, 9, (SyncItem(0, b"\1garbage"),) * 3, True)


def of_another_account(message: SyncRequest, bench: Bench) -> Answer:
    payer = Cluster().account("faucet")
    certificate = bench.cluster.pay_unproven(payer, (bench.cluster.account("bob"), 5))
    return SyncResponse(message.request_id, 9, 9, (SyncItem(0, CERTIFICATE.encode(certificate)),), True)


def out_of_order(message: SyncRequest, bench: Bench) -> Answer:
    answer = bench.cluster.validators[LIAR].ask(message)
    assert isinstance(answer, SyncResponse)
    return replace(answer, items=answer.items[::-1])


def forged(message: SyncRequest, bench: Bench) -> Answer:
    """The right certificates but for one vote of each."""
    answer = bench.cluster.validators[LIAR].ask(message)
    assert isinstance(answer, SyncResponse)
    spoiled = []
    for item in answer.items:
        certificate = CERTIFICATE.decode(item.certificate)
        votes = (replace(certificate.votes[0], signature=certificate.votes[1].signature), *certificate.votes[1:])
        spoiled.append(SyncItem(item.index, CERTIFICATE.encode(replace(certificate, votes=votes))))
    return replace(answer, items=tuple(spoiled))


@pytest.mark.parametrize("lie", [empty, garbage, of_another_account, out_of_order, forged])
@pytest.mark.parametrize("mode", [SyncAccount, SyncCertificates])
async def test_certificates_of_a_liar_spoil_nothing(bench: Bench, lie: Callable[[SyncRequest, Bench], Answer], mode: type) -> None:
    _, bob = await live_a_while(bench)
    before = known(bob)
    await bench.close()
    bench.client.behaviours[LIAR] = lambda message: lie(message, bench) if isinstance(message, SyncRequest) and isinstance(message.mode, mode) else None
    assert known(await restored(bench, "bob")) == before


async def test_output_that_all_but_one_hide_is_found(bench: Bench) -> None:
    await live_a_while(bench)
    await bench.close()

    def hide(message: Answered, validator: int) -> Answer | None:
        if not isinstance(message, QueryAccount):
            return None
        answer = bench.cluster.validators[validator].ask(message)
        assert isinstance(answer, AccountStateMessage)
        return replace(answer, claimable=())

    bench.client.behaviours |= {index: lambda message, index=index: hide(message, index) for index in (0, 1, 2)}  # type: ignore[misc]
    bob = await restored(bench, "bob")
    await eventually(lambda: bob.account.balance.incoming == 11)


async def test_listed_output_whose_certificate_its_validator_withholds_comes_from_another(bench: Bench) -> None:
    await live_a_while(bench)
    await bench.close()
    bench.client.behaviours[1] = silent
    bench.client.behaviours[LIAR] = lambda message: empty(message, bench) if isinstance(message, SyncRequest) else None
    bob = bench.open("bob", home=bench.home.with_name("another machine"))
    await eventually(lambda: bob.account.has_all_history)
    await eventually(lambda: bob.account.balance.incoming == 11)


async def test_output_that_cannot_be_opened_is_restored_as_such(bench: Bench) -> None:
    payer, bob_account = bench.cluster.account("alice"), bench.cluster.account("bob")
    good, _ = bench.cluster.build_send(payer, (bob_account, 10))
    [output] = good.core.outputs
    bench.cluster.apply_everywhere(certify_by_hand(alter(good, payer.keys, outputs=(replace(output, memo=bytes(80)),))))
    bob = await restored(bench, "bob")
    [(key, record)] = bob.account.incoming()
    assert (key, record.status) == (OutputKey(key.cert_id, 0), IncomingStatus.UNOPENABLE)
    assert bob.account.balance.incoming == 0


# --- The home --------------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def home(tmp_path: Path, bench: Bench) -> WalletHome:
    return WalletHome(tmp_path / "home", Network("test", bench.cluster.genesis, ()), bench.events.append, lambda fault: None)


async def test_wallet_is_made_from_its_words(home: WalletHome, bench: Bench) -> None:
    wallet = home.restore_from_phrase("again", seed_to_phrase(seed_of("alice")))
    assert wallet.address == wallet_keys("alice").address
    assert not wallet.account.has_all_history
    with pytest.raises(LocalFault) as refusal:
        home.restore_from_phrase("more", " ".join(["abandon"] * 24))
    assert refusal.value.code is ErrorCode.PHRASE_INVALID
    assert home.names == ("again",)
    with pytest.raises(LocalFault) as refusal:
        home.restore("again", bytes(32))
    assert refusal.value.code is ErrorCode.WALLET_EXISTS
    await home.close()


async def test_address_without_a_checksum_is_used_with_a_warning(home: WalletHome, bench: Bench) -> None:
    address = wallet_keys("bob").address
    assert home.resolve(f" {address} ") == address
    assert bench.events == []
    assert home.resolve((address.owner + address.view_pk).hex()) == address
    [notice] = bench.notices(NoticeKind.UNCHECKED_ADDRESS)
    assert "checksum" in notice.text
    assert notice.wallet is None
    await home.close()
