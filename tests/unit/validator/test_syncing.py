"""The shell of the catch-up: questions travel, answers and silences come back, votes go on, and everything leaves only when it is durable.

Real machines and runners; the network and the disks are the test's.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.protocol.catch_up import ITEMS_PER_SLICE
from mesh_core.protocol.certificates import CheckedCertificate, is_signed
from mesh_core.protocol.effects import VerifySignatures
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.records import CURSOR, cursor_key
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.events import EventKind
from mesh_core.types.messages import Evidence, Message, Pong, PongFlag, SettlementCertificate, Subscribe, SyncRequest, SyncResponse, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from mesh_core.validator import lines, pacing, syncing
from mesh_core.validator.ports import PeerListener, SignatureVerdict
from mesh_core.validator.runner import ValidatorRunner
from mesh_core.validator.syncing import PeerSync
from tests.cluster import Cluster, make_genesis, validator_keys
from tests.unit.network.peers import eventually
from tests.unit.validator.test_runner import HeldStore, Lines, Peer, raise_fault, turns

BEHIND, AHEAD = 0, (1, 2, 3)
"""Certificates that are made by hand are signed by the last three; one of those that has forgotten its votes would be in quarantine."""


class WritingStore(HeldStore):
    """A disk that takes its time: each commit is done some turns of the loop later."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stuck = False
        self.waiting_most = 0

    @override
    def persist(self, records: Sequence[tuple[str, bytes]], journal: Sequence[bytes] = ()) -> asyncio.Future[None]:
        durable = super().persist(records, journal)
        self.waiting_most = max(self.waiting_most, sum(not commit.done() for commit in self.commits))
        asyncio.get_running_loop().call_soon(self._finish, durable, 3)
        return durable

    def _finish(self, durable: asyncio.Future[None], turns_left: int) -> None:
        if turns_left or self.is_stuck:
            asyncio.get_running_loop().call_later(0.001 if self.is_stuck else 0, self._finish, durable, turns_left - 1 if turns_left else 0)
        elif not durable.done():
            durable.set_result(None)


@dataclass
class Ways:
    """The way from one validator to the others, in this process."""

    others: dict[int, ValidatorRunner]
    reached: set[int] = field(default_factory=set)
    listener: PeerListener | None = None
    asked: list[tuple[int, SyncRequest]] = field(default_factory=list)
    told: list[tuple[int, Evidence]] = field(default_factory=list)
    is_closed: bool = False

    @property
    def indices(self) -> tuple[int, ...]:
        return tuple(self.others)

    def start(self, listener: PeerListener) -> None:
        self.listener = listener

    def up(self) -> tuple[int, ...]:
        return tuple(sorted(self.reached))

    def round_trip_ms(self, peer: int) -> float | None:
        return 0.5 if peer in self.reached else None

    async def request(self, peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
        self.asked.append((peer, message))
        if peer not in self.reached:
            raise PeerFault(ErrorCode.PEER_UNREACHABLE, "no way", peer=f"V{peer + 1}")
        session = Peer(source=f"test {len(self.asked)}")
        self.others[peer].on_open(session)
        # Numbered anew on the wire, as a connection does.
        self.others[peer].handle(session, SyncRequest(4711, message.mode, message.max_items, message.max_bytes))
        await eventually(lambda: bool(session.sent))
        self.others[peer].on_close(session, "answered")
        [answer] = session.sent
        assert isinstance(answer, SyncResponse)
        return answer

    def broadcast(self, message: Evidence) -> None:
        self.told += [(peer, message) for peer in self.up()]

    def close(self) -> None:
        self.is_closed = True

    def reach(self, *peers: int) -> None:
        """The way is open, and the first PONG is there."""
        assert self.listener is not None
        for peer in peers:
            self.reached.add(peer)
            self.listener.on_up(peer)
            log_length, digest, flags = self.others[peer].pong()
            self.listener.on_pong(peer, Pong(0, log_length, digest, flags))

    def lose(self, peer: int) -> None:
        assert self.listener is not None
        self.reached.discard(peer)
        self.listener.on_down(peer, "gone")


@dataclass
class Scene:
    """One validator that is behind, and three that are not."""

    runner: ValidatorRunner
    store: WritingStore
    output: Lines
    ways: Ways
    sync: PeerSync
    cluster: Cluster

    @property
    def log_length(self) -> int:
        return self.runner.machine.ledger.globals.log_length

    def lines_of(self, kind: type) -> list[Any]:
        return [line for line in self.output.written if isinstance(line, kind)]


async def started(cluster: Cluster, index: int, history: Sequence[Certificate]) -> tuple[ValidatorRunner, WritingStore, Lines]:
    store, output = WritingStore(), Lines()
    runner = ValidatorRunner(cluster.genesis, validator_keys()[index], store, output, raise_fault)
    await runner.prepare()
    session = Peer()
    runner.on_open(session)
    for number, certificate in enumerate(history):
        # It remembers the vote that the test's hand has signed for it.
        runner.perform([runner.machine.votes.vote(identify(certificate.transition))[1]])
        runner.handle(session, SettlementCertificate(number, CERTIFICATE.encode(certificate)))
    await runner.until_durable()
    runner.on_close(session, "told")
    if history:
        runner._compute_digest()
    return runner, store, output


@asynccontextmanager
async def scene(history_length: int) -> AsyncIterator[Scene]:
    cluster = Cluster(make_genesis(allocations={"alice": 10_000, "carol": 10_000}))
    alice, bob = cluster.account("alice"), cluster.account("bob")
    history = [cluster.pay_unproven(alice, (bob, 1)) for _ in range(history_length)]
    others = {index: (await started(cluster, index, history))[0] for index in AHEAD}
    runner, store, output = await started(cluster, BEHIND, ())
    ways = Ways(others)
    sync = PeerSync(runner, store, ways, output)
    sync.start()
    made = Scene(runner, store, output, ways, sync, cluster)
    try:
        yield made
    finally:
        sync.close()
        for one in (runner, *others.values()):
            await one.close()
        await turns()
    assert runner.machine.quarantine is None


async def test_validator_that_was_away_gets_everything_and_says_so() -> None:
    async with scene(150) as made:
        watcher = Peer()
        made.runner.on_open(watcher)
        made.runner.handle(watcher, Subscribe(0, 1 << EventKind.SYNC_PROGRESS | 1 << EventKind.PEER, (), 0))
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.log_length == 150 and not made.runner.machine.syncing)
        assert made.runner.machine.ledger.compute_digest() == made.ways.others[1].machine.ledger.compute_digest()
        progress = made.lines_of(lines.SyncProgressed)
        assert {line.peer for line in progress} <= set(AHEAD)
        assert max(line.height for line in progress) == max(line.target for line in progress) == 150
        assert {message.kind for message in watcher.sent} == {EventKind.SYNC_PROGRESS, EventKind.PEER}  # type: ignore[union-attr]
        assert [(line.peer, line.up) for line in made.lines_of(lines.PeerLine)] == [(1, True), (2, True), (3, True)]
        statuses = made.lines_of(lines.Status)
        assert PongFlag.SYNCING in [PongFlag(line.flags) for line in statuses]
        assert statuses[-1].flags == 0


async def test_cursors_are_durable_so_that_nothing_is_asked_for_twice() -> None:
    async with scene(40) as made:
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.log_length == 40 and made.runner.not_durable_count == 0)
        keys = made.cluster.genesis.committee.validators
        await eventually(lambda: all(_cursor(made, keys[peer]) == 40 for peer in AHEAD))
        asked = len(made.ways.asked)
        for peer in AHEAD:
            made.ways.lose(peer)
        made.ways.reach(*AHEAD)
        await eventually(lambda: len(made.ways.asked) >= asked + len(AHEAD))
        again = [request.mode for _, request in made.ways.asked[asked:]]
        assert {mode.from_index for mode in again} == {40}  # type: ignore[union-attr]


def _cursor(made: Scene, key: Any) -> int:
    record = made.store.get(cursor_key(key))
    return 0 if record is None else CURSOR.decode(record).index


async def test_votes_and_queries_go_on_between_slices() -> None:
    """Somebody asks again and again while the log is read: each answer comes after few certificates and not after the whole log."""
    async with scene(200) as made:
        peer = Peer()
        made.runner.on_open(peer)
        made.ways.reach(*AHEAD)
        seen: list[int] = []
        while made.log_length < 200:
            seen.append(made.log_length)
            await asyncio.sleep(0)
        steps = [later - earlier for earlier, later in pairwise(seen)]
        assert max(steps) <= 6
        assert len([step for step in steps if step]) > 30


async def test_vote_request_in_the_middle_of_a_page_is_answered_before_the_page_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its proof is checked and its vote written, not one more certificate is applied, though many are ready and the loop is idle."""
    monkeypatch.setattr(pacing, "STAND_BACK_MOST_S", 3600.0)
    async with scene(200) as made:
        answered_at: list[int] = []

        class Voting(Peer):
            @override
            def send(self, message: Message) -> None:
                super().send(message)
                answered_at.append(made.log_length)

        peer = Voting()
        made.runner.on_open(peer)
        transition, _ = made.cluster.build_send(made.cluster.account("carol"), (made.cluster.account("bob"), 1))
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.log_length >= 10)
        asked_at = made.log_length
        made.runner.handle(peer, VoteRequest(1, (), TRANSITION.encode(transition)))
        await eventually(lambda: bool(peer.sent))
        assert isinstance(peer.sent[0], VoteResponse)
        assert answered_at == [asked_at]
        assert asked_at < 200
        await eventually(lambda: made.log_length == 200)


async def test_between_two_turns_few_certificates_are_verified_and_none_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loop_thread = threading.get_ident()
    verified: list[int] = []

    def count(checked: CheckedCertificate, genesis: Genesis) -> bool:
        verified.append(threading.get_ident())
        return is_signed(checked, genesis)

    async with scene(200) as made:
        monkeypatch.setattr("mesh_core.protocol.applying.is_signed", count)
        monkeypatch.setattr("mesh_core.validator.signatures.is_signed", count)
        lots: list[int] = []
        submit = made.runner._signatures.submit

        def submit_counted(job: VerifySignatures, verdict: SignatureVerdict) -> None:
            lots.append(len(job.certificates))
            submit(job, verdict)

        monkeypatch.setattr(made.runner._signatures, "submit", submit_counted)
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.log_length == 200)
        assert loop_thread not in verified
        assert len(verified) == sum(lots) == 200
        assert max(lots) <= ITEMS_PER_SLICE


async def test_slow_disk_holds_up_the_catch_up_and_not_the_memory() -> None:
    async with scene(400) as made:
        made.store.is_stuck = True
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.runner.not_durable_count > syncing.NOT_DURABLE_MOST)
        for _ in range(200):
            await asyncio.sleep(0)
        assert made.runner.not_durable_count <= syncing.NOT_DURABLE_MOST + 2
        assert made.log_length < 400
        made.store.is_stuck = False
        await eventually(lambda: made.log_length == 400)


async def test_while_votes_are_asked_for_few_batches_are_queued_in_front_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "ASKED_LATELY_S", 3600.0)
    async with scene(400) as made:
        made.runner.pace.on_request(asyncio.get_running_loop().time())
        made.store.is_stuck = True
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.runner.not_durable_count > syncing.NOT_DURABLE_BEFORE_VOTES)
        for _ in range(200):
            await asyncio.sleep(0)
        assert made.runner.not_durable_count <= syncing.NOT_DURABLE_BEFORE_VOTES + 2
        made.store.is_stuck = False
        await eventually(lambda: made.log_length == 400)


async def test_peer_that_does_not_answer_in_time_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "REQUEST_TIMEOUT_S", 0.05)
    async with scene(20) as made:
        normally = made.ways.request
        hung: list[float] = []

        async def request(peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
            if peer == 1:
                hung.append(timeout_s)
                await asyncio.sleep(timeout_s)
                raise PeerFault(ErrorCode.PEER_TIMEOUT, "no answer", peer=f"V{peer + 1}")
            return await normally(peer, message, timeout_s)

        monkeypatch.setattr(made.ways, "request", request)
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.log_length == 20)
        assert hung


async def test_peer_that_is_lost_while_it_is_asked_is_asked_again_when_it_is_back() -> None:
    async with scene(20) as made:
        made.ways.reach(3)
        made.ways.lose(3)
        await turns()
        made.ways.reach(3)
        await eventually(lambda: made.log_length == 20)


async def test_answer_with_a_broken_certificate_excludes_its_sender_and_the_others_go_on() -> None:
    async with scene(20) as made:
        normally = made.ways.request

        async def lie(peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
            answer = await normally(peer, message, timeout_s)
            if peer != 1:
                return answer
            items = tuple(type(item)(item.index, item.certificate[:-1] + b"\x00") for item in answer.items)
            return SyncResponse(answer.request_id, answer.log_length, answer.next_cursor, items, answer.more)

        made.ways.request = lie  # type: ignore[method-assign]
        made.ways.reach(1)
        await eventually(lambda: made.sync.report()[0].is_excluded)
        assert made.log_length == 0
        made.ways.reach(3)
        await eventually(lambda: made.log_length == 20)
        assert [peer.is_excluded for peer in made.sync.report()] == [True, False, False]


async def test_evidence_goes_to_those_that_are_reached() -> None:
    async with scene(0) as made:
        made.ways.reach(1, 3)
        evidence = Evidence.__new__(Evidence)
        made.sync.broadcast(evidence)
        assert made.ways.told == [(1, evidence), (3, evidence)]


async def test_store_that_fails_ends_the_catch_up_quietly() -> None:
    """The store has told the process to stop; a second complaint would hide the first."""
    async with scene(400) as made:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        made.store.is_stuck = True
        made.ways.reach(*AHEAD)
        await eventually(lambda: made.runner.not_durable_count > syncing.NOT_DURABLE_MOST)
        for commit in made.store.commits:
            if not commit.done():
                commit.set_exception(LocalFault(ErrorCode.STORE_WRITE, "the disk is full"))
        made.store.is_stuck = False
        await eventually(lambda: all(task.done() for task in made.sync._tasks[:1]))
        assert complaints == []


async def test_closing_ends_every_task() -> None:
    async with scene(50) as made:
        made.ways.reach(*AHEAD)
        await turns()
        made.sync.close()
        await turns()
        assert all(task.done() for task in (*made.sync._tasks, *made.sync._questions.values()))
        assert made.ways.is_closed


async def test_report_tells_each_peer() -> None:
    async with scene(5) as made:
        made.ways.reach(1, 2)
        await eventually(lambda: made.log_length == 5)
        await eventually(lambda: [peer.cursor for peer in made.sync.report()] == [5, 5, 0])
        told = [(peer.index, peer.up, peer.rtt_ms, peer.log_length) for peer in made.sync.report()]
        assert told == [(1, True, 0.5, 5), (2, True, 0.5, 5), (3, False, None, 0)]
