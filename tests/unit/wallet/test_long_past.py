"""A wallet that has paid for long: its past is on the disk, and memory holds what is open."""

import asyncio
import gc
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.crypto.keys import ViewKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import read_certificate
from mesh_core.storage.pending import Record
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.wallet import account as account_module
from mesh_core.wallet import book as book_module
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.book import Slots
from mesh_core.wallet.history import HistoryReader, list_history
from mesh_core.wallet.records import OUTGOING_PREFIX, OUTGOING_RECORD, IncomingStatus, OutgoingRecord, OutgoingState
from mesh_core.wallet.wallet import Wallet
from testnet.wallet_telling import WalletTeller
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay

SHARED = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType, Enum, ViewKey)
ROUND_BYTES_MOST = 300
"""In memory for a payment that was made and one that was claimed: the names of the newest outputs, and no transition, certificate or opening."""


@pytest.fixture(autouse=True)
def without_proofs(bench: Bench) -> None:
    """None of this is about rule 9."""
    bench.without_proofs()


def memory_of(roots: Iterable[object], *beside: object) -> int:
    """Bytes of everything that is reached from these objects, and not through `beside`, which they share with others."""
    seen = {id(one) for one in beside}
    waiting, found = list(roots), 0
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen.add(id(one))
            found += sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return found


def memory_of_account(account: WalletAccount, *readers: HistoryReader) -> int:
    """Bytes of an account's own state, without its file, its keys and the genesis."""
    own: dict[str, Any] = vars(account)
    parts = [value for name, value in own.items() if name not in ("_store", "_keys", "_genesis", "_book", "_now_ms")]
    return memory_of([*parts, *(vars(reader) for reader in readers)], own["_store"], own["_genesis"], own["_keys"], account)


async def exchange(payer: Wallet, payee: Wallet, rounds: int, amount: int = 1) -> None:
    """So many times one pays and the other claims it; then all validators have all of it."""
    for _ in range(rounds):
        await payer.send([pay(payee.name, amount, "again")])
        await eventually(lambda: payee.account.balance.incoming == amount)
        await payee.receive()
    await eventually(lambda: not payer.account.undone() and not payee.account.undone())


async def test_memory_does_not_grow_with_the_past(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    readers = [HistoryReader(wallet.account, wallet.keys.view_key) for wallet in (alice, bob)]

    def measure() -> int:
        for reader in readers:
            reader.newest(3)
        return sum(memory_of_account(wallet.account, reader) for wallet, reader in zip((alice, bob), readers, strict=True))

    await exchange(alice, bob, 8)
    before = measure()
    await exchange(alice, bob, 24)
    assert (measure() - before) / 24 < ROUND_BYTES_MOST
    assert len(list_history(alice.account, alice.keys.view_key)) == 32


async def test_account_that_is_opened_again_tells_the_same(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    await exchange(alice, bob, 3)
    await alice.send([pay("bob", 7, "not claimed")])
    await eventually(lambda: bob.account.balance.incoming == 7 and not alice.account.undone())

    def told(wallet: Wallet) -> tuple[object, ...]:
        account = wallet.account
        return (
            account.state,
            account.balance,
            account.transitions_count,
            account.incoming_count,
            account.first_missing,
            account.undone(),
            account.outgoing(),
            account.incoming(),
            account.newest_incoming(2),
            list(account.newest_outgoing()),
            account.claimable(9),
            HistoryReader(account, wallet.keys.view_key).newest(4),
        )

    before = [told(alice), told(bob)]
    await bench.close()
    assert [told(bench.open("alice")), told(bench.open("bob"))] == before


async def test_history_is_in_order_beyond_what_memory_keeps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the newest outputs is in memory; whoever asks for more gets them from the disk, and after the wallet was opened again, too."""
    monkeypatch.setattr(account_module, "RECENT_MOST", 3)
    monkeypatch.setattr(book_module, "RECENT_MOST", 3)
    alice, bob = bench.open("alice"), bench.open("bob")
    for amount in range(1, 8):
        await alice.send([pay("bob", amount)])
        await eventually(partial(_has_received, bob, amount))
    for _ in range(2):
        everything = [record.value for _, record in bob.account.incoming()]
        assert everything == [1, 2, 3, 4, 5, 6, 7]
        assert {limit: [record.value for _, record in bob.account.newest_incoming(limit)] for limit in (1, 3, 4, 7, 9)} == {
            limit: everything[-limit:] for limit in (1, 3, 4, 7, 9)
        }
        await bench.close(bob)
        bob = bench.open("bob")


async def test_newest_entries_are_the_end_of_the_history_whatever_was_shown_before(bench: Bench) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    readers = [HistoryReader(wallet.account, wallet.keys.view_key) for wallet in (alice, bob)]
    await exchange(alice, bob, 1, amount=100)
    for payer, payee, limit in ((alice, bob, 2), (bob, alice, 1), (bob, alice, 9), (alice, bob, 3), (bob, alice, 0), (bob, alice, 2), (alice, bob, 50)):
        await exchange(payer, payee, 2)
        for wallet, reader in zip((alice, bob), readers, strict=True):
            everything = list_history(wallet.account, wallet.keys.view_key)[::-1]
            assert reader.newest(limit) == (everything[:limit], len(everything) > limit)


async def test_past_of_claims_is_read_once_to_show_the_newest_entries(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop claims a thousand times and sends nothing: each new entry would otherwise cost a reading of the whole past."""
    alice, bob = bench.open("alice"), bench.open("bob")
    await exchange(alice, bob, 12)
    reader = HistoryReader(bob.account, bob.keys.view_key)
    read: list[int] = []
    find = WalletAccount.outgoing_at

    def spy(account: WalletAccount, sequence: int) -> OutgoingRecord | None:
        read.append(sequence)
        return find(account, sequence)

    monkeypatch.setattr(WalletAccount, "outgoing_at", spy)
    reader.newest(3)
    first, read[:] = len(read), []
    assert first >= 12
    await exchange(alice, bob, 1)
    read.clear()
    reader.newest(3)
    assert len(read) <= 2


async def test_output_that_comes_after_its_claim_is_claimed(bench: Bench) -> None:
    """A disk that is being restored learns of the transition that claims before it learns of what was claimed: nothing is offered to be claimed again."""
    alice, bob = bench.open("alice"), bench.open("bob")
    await exchange(alice, bob, 1)
    await bench.close(bob)
    given = next(iter(alice.account.newest_outgoing()))[1].certificate
    assert given is not None
    restored = bench.open("bob", home=bench.home.parent / "another")
    await eventually(lambda: restored.account.has_all_history)
    account = restored.account
    assert [record.status for _, record in account.incoming()] == [IncomingStatus.CLAIMED]
    assert [record.status for record in account.incoming_of(read_certificate(given, bench.cluster.genesis).cert_id)] == [IncomingStatus.CLAIMED]
    assert (account.claimable(9), account.unknown_sources(), account.balance.incoming) == ([], [], 0)
    assert account.outgoing()[-1].state in (OutgoingState.CERTIFIED, OutgoingState.SETTLED, OutgoingState.DONE)


@given(st.permutations(range(12)), st.integers(0, 12))
def test_slots_know_how_many_there_are_and_the_first_that_is_missing(order: list[int], count: int) -> None:
    slots = Slots()
    for sequence in [*order[:count], *order[: count // 2]]:
        slots.add(sequence)
    there = set(order[:count])
    assert len(slots) == len(there)
    assert slots.first_missing == next(slot for slot in range(13) if slot not in there)


class SlowDisk:
    """A store whose writes of settled transitions wait: they are queued, so that the wallet's own reads see them, and not durable."""

    def __init__(self, store: WalletStore) -> None:
        self._store = store
        self._queued: dict[str, bytes] = {}
        self.is_held = asyncio.Event()
        self.goes_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, records: Sequence[Record]) -> None:
        if any(key.startswith(OUTGOING_PREFIX) and OUTGOING_RECORD.decode(value).state >= OutgoingState.SETTLED for key, value in records):
            self._queued.update(records)
            self.is_held.set()
            await self.goes_on.wait()
        await self._store.put(records)

    def get(self, key: str) -> bytes | None:
        return self._queued.get(key) or self._store.get(key)


async def test_transition_is_settled_once_that_is_durable(bench: Bench) -> None:
    """A command ends when its payment is settled: if it went by what is only queued, what it reads from the disk afterwards would not know of it."""
    disks: list[SlowDisk] = []

    def wrap(store: WalletStore) -> Any:
        disks.append(SlowDisk(store))
        return disks[0]

    alice = bench.open("alice", wrap=wrap)
    await alice.send([pay("bob", 5)])
    await disks[0].is_held.wait()
    account = alice.account
    unsettled = account.unsettled()
    assert unsettled is not None
    assert unsettled.state is OutgoingState.CERTIFIED
    assert account.outgoing() == [unsettled] == [account.outgoing_at(0)]
    again = asyncio.create_task(account.record_settled(0))
    await asyncio.sleep(0)
    assert not again.done(), "another call has queued it, and it is not durable"
    disks[0].goes_on.set()
    await again
    assert account.outgoing()[-1].state >= OutgoingState.SETTLED
    await eventually(lambda: account.unsettled() is None)
    assert account.outgoing()[-1].state >= OutgoingState.SETTLED


async def test_file_that_cannot_be_read_is_told_and_does_not_end_the_telling_in_silence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = bench.open("alice")
    fault = LocalFault(ErrorCode.STORE_UNAVAILABLE, "cannot read it")

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(HistoryReader, "newest", fail)
    faults: list[LocalFault] = []
    teller = WalletTeller(_home_of(alice), lambda event: None, lambda name: "plain", faults.append)
    teller.opened("alice")
    await teller.run()
    assert faults == [fault]


def _has_received(wallet: Wallet, count: int) -> bool:
    return wallet.account.incoming_count == count


def _home_of(wallet: Wallet) -> Any:
    find: Callable[[str], Wallet] = {wallet.name: wallet}.__getitem__
    return types.SimpleNamespace(names=(wallet.name,), wallet=find)
