"""A wallet with a view key alone: it sees what its account's owner sees, from the validators, and signs nothing."""

from pathlib import Path

import pytest

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.types.messages import SettlementCertificate, VoteRequest
from mesh_core.wallet.emergency import CONFIRMATION
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.history import HistoryEntry
from mesh_core.wallet.wallet import Wallet
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay, seed_of


@pytest.fixture(autouse=True)
def unproven(bench: Bench) -> None:
    bench.without_proofs()


def watcher(bench: Bench, folder: Path, whose: str = "alice") -> Wallet:
    """A view-only wallet of somebody's account, on a machine of its own."""
    keys = WalletKeys.from_seed(seed_of(whose))
    WalletStore.make_view_only(folder, "auditor", ViewOnlyKeys(keys.owner, keys.view_key))
    return bench.open("auditor", home=folder, claims=True)


def told(history: list[HistoryEntry]) -> list[tuple[str, int | None, str, str]]:
    return [(entry.direction.value, entry.amount, entry.text, entry.cert_id.hex()) for entry in history]


async def test_balance_and_history_come_from_the_chain(bench: Bench, tmp_path: Path) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    for wallet in (alice, bob):
        await wallet.wait_in_step()
    await alice.send([pay("bob", 500, "rent")])
    await eventually(lambda: bob.account.balance.incoming == 500)
    await bob.receive()
    await bob.send([pay("alice", 20, "change")])
    await eventually(lambda: alice.account.balance.incoming == 20)
    seen = watcher(bench, tmp_path / "elsewhere")
    await seen.wait_in_step()
    await eventually(lambda: seen.account.balance.incoming == 20 and len(seen.history()) == 2)
    assert seen.is_view_only
    assert seen.address == alice.address
    assert seen.account.balance == alice.account.balance
    assert told(seen.history()) == told(alice.history())


async def test_it_follows_what_its_owner_does_and_says_nothing_of_another_device(bench: Bench, tmp_path: Path) -> None:
    alice = bench.open("alice", claims=True)
    await alice.wait_in_step()
    seen = watcher(bench, tmp_path / "elsewhere")
    await eventually(lambda: bool(bench.notices(NoticeKind.RESTORED)))
    await alice.send([pay("bob", 500)])
    await eventually(lambda: seen.account.state == alice.account.state)
    await alice.send([pay("bob", 7)])
    await eventually(lambda: seen.account.state == alice.account.state)
    assert seen.account.balance == alice.account.balance
    assert bench.notices(NoticeKind.MOVED) == []


async def test_it_sends_nothing_even_where_something_is_claimable_or_half_done(bench: Bench, tmp_path: Path) -> None:
    alice, bob = bench.open("alice"), bench.open("bob")
    for wallet in (alice, bob):
        await wallet.wait_in_step()
    await alice.send([pay("bob", 500)])
    await eventually(lambda: bob.account.balance.incoming == 500 and not alice.is_busy)
    await bench.close(alice, bob)
    bench.client.asked.clear()
    seen = watcher(bench, tmp_path / "elsewhere", "bob")
    await eventually(lambda: seen.account.balance.incoming == 500)
    await eventually(lambda: not seen.is_busy)
    assert bench.client.requests(VoteRequest) == []
    assert bench.client.requests(SettlementCertificate) == []


async def test_every_way_to_sign_is_refused_before_anything_is_done(bench: Bench, tmp_path: Path) -> None:
    seen = watcher(bench, tmp_path / "elsewhere")
    await seen.wait_in_step()
    for order in (seen.send([pay("bob", 1)]), seen.receive(), seen.replace_stuck([], CONFIRMATION), seen.replace_stuck([pay("bob", 1)], CONFIRMATION)):
        with pytest.raises(LocalFault, match="'auditor' is view-only: it sees everything and signs nothing") as caught:
            await order
        assert caught.value.code is ErrorCode.VIEW_ONLY
    assert seen.account.pending is None
    assert bench.client.requests(VoteRequest) == []
    assert bench.steps("built") == []
