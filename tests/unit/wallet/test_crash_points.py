"""A wallet killed at every point at which it waits for the disk or for a validator: what is signed is completed, once, with the same bytes, and never stuck.

Each wait is two points: killed before anything happened, and killed when it has happened and the wallet has not learnt of it. The runs go through all of
them; the last ones end without a kill, which shows that there are no more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.errors import LocalFault
from mesh_core.storage.pending import Record
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import VoteRequest
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet import events
from mesh_core.wallet.ports import KnownNetwork, OnCertificate, OnConnected, Question, Reply, Unwatch
from mesh_core.wallet.records import OutgoingState, outgoing_key
from mesh_core.wallet.wallet import Wallet
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, MachineClient, pay, rows, silent_to


@dataclass
class Kill:
    """Kills at the point with this number. A killed wallet's waits never end."""

    at: int
    points_count: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def point(self) -> None:
        self.points_count += 1
        if self.points_count >= self.at:
            self.came.set()
            await asyncio.Event().wait()


@dataclass
class MortalStore:
    """A wallet's store, up to the kill."""

    inner: WalletStore
    kill: Kill

    @property
    def name(self) -> str:
        return self.inner.name

    def read_keys(self) -> WalletKeys | ViewOnlyKeys:
        return self.inner.read_keys()

    async def put(self, records: Sequence[Record]) -> None:
        await self.kill.point()
        await self.inner.put(records)
        await self.kill.point()

    def get(self, key: str) -> bytes | None:
        return self.inner.get(key)

    def records(self, prefix: str = "") -> Iterator[Record]:
        return self.inner.records(prefix)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class MortalClient:
    """The validators, up to the kill."""

    inner: MachineClient
    kill: Kill

    @property
    def network(self) -> KnownNetwork:
        return self.inner.network

    async def request(self, validator: int, message: Question, timeout_s: float = 5.0) -> Reply:
        await self.kill.point()
        answer = await self.inner.request(validator, message, timeout_s)
        await self.kill.point()
        return answer

    def is_up(self, validator: int) -> bool:
        return self.inner.is_up(validator)

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        def on_certificate_while_alive(*arguments: object) -> None:
            if not self.kill.came.is_set():
                on_certificate(*arguments)  # type: ignore[arg-type]

        return self.inner.watch(owner, on_certificate_while_alive, on_connected)


Work = Callable[[Wallet], Awaitable[object]]


async def live(bench: Bench, name: str, at: int, work: Work, *, home: Path | None = None, claims: bool = False) -> bool:
    """One life of a wallet: it works until it is killed or the work is done. Whether it was killed."""
    kill = Kill(at)
    wallet = bench.open(name, home=home, claims=claims, client=MortalClient(bench.client, kill), wrap=lambda store: MortalStore(store, kill))

    async def do() -> None:
        await work(wallet)

    working, killed = asyncio.create_task(do()), asyncio.create_task(kill.came.wait())
    await asyncio.wait([working, killed], return_when=asyncio.FIRST_COMPLETED)
    was_killed = kill.came.is_set()
    if not was_killed:
        await working
    for task in (working, killed):
        task.cancel()
    await asyncio.gather(working, killed, return_exceptions=True)
    await bench.close(wallet)
    return was_killed


def states(wallet: Wallet) -> list[OutgoingState]:
    return [record.state for record in wallet.account.outgoing()]


def signed_ids(bench: Bench, name: str) -> dict[int, set[bytes]]:
    """What a wallet has sent for votes, by slot."""
    owner, found = bench.cluster.account(name).keys.owner, dict[int, set[bytes]]()
    for message in bench.client.requests(VoteRequest):
        transition = TRANSITION.decode(message.transition)
        if transition.core.sender == owner:
            found.setdefault(transition.core.sequence, set()).add(message.transition)
    return found


async def test_payment_killed_at_any_point_is_made_once_or_not_at_all(tmp_path: Path) -> None:
    killed_count, completed_count = 0, 0
    was_killed, at = True, 0
    while was_killed:
        at += 1
        bench = Bench(tmp_path / str(at))
        bench.without_proofs()

        async def work(alice: Wallet) -> None:
            await alice.send([pay("bob", 500, "lunch")])
            await eventually(lambda: states(alice) == [OutgoingState.DONE])

        was_killed = await live(bench, "alice", at, work)
        is_signed = outgoing_key(0) in rows(bench.home, "alice")
        alice = bench.open("alice")
        await alice.wait_in_step()
        if not is_signed:
            assert was_killed
            assert signed_ids(bench, "alice") == {}
            await alice.send([pay("bob", 500, "lunch")])
        await eventually(lambda alice=alice: states(alice) == [OutgoingState.DONE])  # type: ignore[misc]
        assert [len(ids) for ids in signed_ids(bench, "alice").values()] == [1]
        assert (alice.account.balance.spendable, alice.account.balance.in_flight) == (9499, 0)
        assert [entry.amount for entry in alice.history()] == [500]
        assert {validator.machine.ledger.globals.log_length for validator in bench.cluster.validators} == {1}
        assert len(bench.cluster.digests()) == 1
        assert bench.evidence() == []
        await alice.send([pay("bob", 1)])
        await bench.close()
        killed_count += was_killed
        completed_count += is_signed and was_killed
    assert completed_count >= 20, "votes, certificates and acknowledgements are points, too"
    assert killed_count - completed_count >= 8, "so are the questions before"


async def test_claim_killed_at_any_point_is_made_once(tmp_path: Path) -> None:
    was_killed, at = True, 0
    while was_killed:
        at += 1
        bench = Bench(tmp_path / str(at))
        bench.without_proofs()
        certificate = bench.cluster.pay_unproven(bench.cluster.account("alice"), (bench.cluster.account("bob"), 5))
        bench.cluster.apply_everywhere(certificate)

        async def work(bob: Wallet) -> None:
            await eventually(lambda: states(bob) == [OutgoingState.DONE])

        was_killed = await live(bench, "bob", at, work, claims=True)
        bob = bench.open("bob", claims=True)
        await eventually(lambda bob=bob: states(bob) == [OutgoingState.DONE])  # type: ignore[misc]
        assert (bob.account.balance.spendable, bob.account.balance.incoming) == (5, 0)
        assert [len(ids) for ids in signed_ids(bench, "bob").values()] == [1]
        assert bench.evidence() == []
        await bench.close()
    assert at > 30


async def test_restoring_killed_at_any_point_goes_on_and_signs_nothing_anew(tmp_path: Path) -> None:
    """What was lost with the disk: a certified payment and one that one validator has voted for."""
    was_killed, at = True, 0
    while was_killed:
        at += 1
        bench = Bench(tmp_path / str(at))
        bench.without_proofs()
        alice = bench.open("alice")
        await alice.send([pay("bob", 500, "lunch")])
        bench.client.behaviours |= {index: silent_to(VoteRequest) for index in (1, 2, 3)}
        second = asyncio.create_task(alice.send([pay("bob", 20, "cake")]))
        await eventually(lambda bench=bench: len(bench.told(events.VoteReceived)) == 5)  # type: ignore[misc]
        await bench.close()
        await asyncio.gather(second, return_exceptions=True)
        bench.client.behaviours.clear()

        async def work(alice: Wallet) -> None:
            await alice.wait_in_step()
            await eventually(lambda: alice.account.has_all_history)

        home = bench.home.with_name("another machine")
        was_killed = await live(bench, "alice", at, work, home=home / str(at))
        alice = bench.open("alice", home=home / str(at))
        await eventually(lambda alice=alice: alice.account.has_all_history)  # type: ignore[misc]
        await eventually(lambda alice=alice: states(alice) == [OutgoingState.DONE] * 2)  # type: ignore[misc]
        assert alice.account.balance.spendable == 9499 - 21
        assert [(entry.amount, entry.text) for entry in alice.history()] == [(500, "lunch"), (20, "cake")]
        await alice.send([pay("bob", 1)])
        assert [len(ids) for ids in signed_ids(bench, "alice").values()] == [1, 1, 1]
        assert bench.evidence() == []
        await bench.close()
    assert at > 15


async def test_every_second_life_ends_early_and_the_payment_is_made_all_the_same(tmp_path: Path) -> None:
    """Killed again and again, a little later each time, on one disk."""
    bench = Bench(tmp_path)
    bench.without_proofs()
    wanted = 500
    for at in range(9, 60):

        async def work(alice: Wallet) -> None:
            if alice.account.outgoing() == [] and alice.account.pending is None:
                await alice.send([pay("bob", wanted)])
            await eventually(lambda: states(alice) == [OutgoingState.DONE])

        try:
            if not await live(bench, "alice", at, work):
                break
        except LocalFault:
            continue
    alice = bench.open("alice")
    await eventually(lambda: states(alice) == [OutgoingState.DONE])
    assert alice.account.balance.spendable == 10_000 - wanted - 1
    assert [len(ids) for ids in signed_ids(bench, "alice").values()] == [1]
    await bench.close()
