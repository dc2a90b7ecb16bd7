"""Goal: nothing leaves a validator before every record that was decided earlier is durable, everything leaves in order, and nothing leaves if the disk fails.

Method: a real machine, a store whose commits are finished by the test, sessions that remember what they were sent.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault, WireErrorCode
from mesh_core.network.work import WorkBudget
from mesh_core.protocol.applying import WOKEN_AT_ONCE
from mesh_core.protocol.effects import Effect, Source, VerifyProof, VerifySignatures
from mesh_core.protocol.equivocation import build_client_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.records import vote_key
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, JournalCondition, JournalContents
from mesh_core.storage.database import CommitStatistics
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.events import EventKind
from mesh_core.types.evidence import ClientEquivocation
from mesh_core.types.messages import (
    AccountStateMessage,
    AckStatus,
    CertAck,
    ConflictDetail,
    Event,
    Evidence,
    Message,
    PongFlag,
    QueryAccount,
    SettlementCertificate,
    Subscribe,
    SyncRequest,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import TRANSITION, Transition
from mesh_core.validator import lines
from mesh_core.validator.ports import Verdict
from mesh_core.validator.runner import ValidatorRunner
from tests.cluster import Cluster, MemoryStore, certify_by_hand, sign_core, validator_keys
from tests.unit.network.peers import eventually

ALL_KINDS = (1 << 11) - 1


class HeldStore:
    """A store whose commits are done when the test says so; `get` sees queued records, as the contract of the real one says."""

    def __init__(self) -> None:
        self.records_held = MemoryStore()
        self.commits: list[asyncio.Future[None]] = []
        self.batches: list[tuple[tuple[str, bytes], ...]] = []
        self.journalled: list[tuple[bytes, ...]] = []
        self.compacted: list[tuple[bytes, ...]] = []
        self.journal = JournalContents(JournalCondition.FIRST_START)
        self.statistics = CommitStatistics()

    def get(self, key: str) -> bytes | None:
        return self.records_held.get(key)

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        return self.records_held.records(prefix)

    def persist(self, records: Sequence[tuple[str, bytes]], journal: Sequence[bytes] = ()) -> asyncio.Future[None]:
        self.records_held.persist(tuple(records))
        self.batches.append(tuple(records))
        self.journalled.append(tuple(journal))
        self.commits.append(asyncio.get_running_loop().create_future())
        return self.commits[-1]

    def compact_journal(self, entries: Sequence[bytes]) -> None:
        self.compacted.append(tuple(entries))

    async def close(self) -> None:
        pass


@dataclass(eq=False)
class Peer:
    """A session that remembers."""

    sent: list[Message] = field(default_factory=list)
    queued_bytes: int = 0
    source: str = "127.0.0.1"
    closed: list[str] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def close(self, code: WireErrorCode, text: str) -> None:
        self.closed.append(text)


class Lines:
    """Takes the place of standard output."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    def write(self, event: object) -> None:
        self.written.append(event)

    def names(self) -> list[str]:
        """Names of the lines, but for status lines, which come by the clock."""
        return [type(line).__name__ for line in self.written if not isinstance(line, lines.Status)]


class Gossip:
    """The other validators."""

    def __init__(self, told: list[Message]) -> None:
        self._told = told

    def broadcast(self, message: Evidence) -> None:
        self._told.append(message)

    def ask(self, peer: int, message: SyncRequest) -> None:
        raise AssertionError("nobody is asked here")

    def on_signatures_checked(self, job: VerifySignatures, valid: Sequence[bool]) -> None:
        raise AssertionError("nothing is fetched here")


class StoppedClock:
    """Always the same time."""

    NOW_NS, NOW_MS = 7_000_000_007, 1_700_000_000_000

    def monotonic_ns(self) -> int:
        return self.NOW_NS

    def time_ms(self) -> int:
        return self.NOW_MS


class HeldChecker:
    """Checks nothing by itself."""

    waiting_count = 0

    def __init__(self) -> None:
        self.jobs: list[tuple[VerifyProof, Verdict]] = []

    def submit(self, job: VerifyProof, verdict: Verdict) -> None:
        self.jobs.append((job, verdict))

    def close(self) -> None:
        pass


def raise_fault(fault: LocalFault) -> None:
    raise fault


@dataclass
class Bench:
    """A runner with everything around it."""

    runner: ValidatorRunner
    store: HeldStore
    output: Lines
    cluster: Cluster
    faults: list[LocalFault]

    def connect(self) -> Peer:
        peer = Peer()
        self.runner.on_open(peer)
        return peer

    def receive(self, peer: Peer, message: Message) -> None:
        self.runner.handle(peer, message)

    async def decide(self, count: int) -> None:
        """Wait until the machine has queued so many batches."""
        await eventually(lambda: len(self.store.commits) >= count)

    async def finish(self, number: int) -> None:
        """Let a commit succeed, and everybody hear of it."""
        self.store.commits[number].set_result(None)
        await turns()


async def turns() -> None:
    """Let every callback that is due run."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def bench() -> Bench:
    """A validator whose first commit, which names the network and itself, is done."""
    cluster = Cluster()
    store, output = HeldStore(), Lines()
    faults: list[LocalFault] = []
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, output, faults.append)
    made = Bench(runner, store, output, cluster, faults)
    assert [key for key, _ in store.batches[0]] == ["m/network", "m/identity"]
    await made.finish(0)
    return made


def request(transition: Transition, request_id: int = 1) -> VoteRequest:
    return VoteRequest(request_id, (), TRANSITION.encode(transition))


def send_of(bench: Bench, sender: str = "alice", amount: int = 100) -> Transition:
    transition, _ = bench.cluster.build_send(bench.cluster.account(sender), (bench.cluster.account("bob"), amount))
    return transition


def query(bench: Bench, request_id: int) -> QueryAccount:
    return QueryAccount(request_id, bench.cluster.account("alice").keys.owner, 7, bytes(33), 10)


async def test_vote_leaves_only_when_its_record_is_durable(bench: Bench) -> None:
    peer, watcher = bench.connect(), bench.connect()
    bench.receive(watcher, Subscribe(0, ALL_KINDS, (), 0))
    transition = send_of(bench)
    bench.receive(peer, request(transition))
    await bench.decide(2)
    await turns()
    core = transition.core
    assert vote_key(core.sender, core.sequence) in dict(bench.store.batches[1])
    assert peer.sent == []
    assert bench.output.names() == ["VoteRequested"]
    assert [message.kind for message in watcher.sent if isinstance(message, Event)] == [EventKind.VOTE_REQUESTED]
    await bench.finish(1)
    [vote] = peer.sent
    assert isinstance(vote, VoteResponse)
    assert bench.output.names() == ["VoteRequested", "VoteCast"]
    assert [message.kind for message in watcher.sent if isinstance(message, Event)] == [EventKind.VOTE_REQUESTED, EventKind.VOTE_CAST]


async def test_vote_is_journalled_in_the_batch_that_records_it(bench: Bench) -> None:
    peer = bench.connect()
    transition = send_of(bench)
    bench.receive(peer, request(transition))
    await bench.decide(2)
    [entry] = bench.store.journalled[1]
    journalled = JOURNAL_ENTRY.decode(entry)
    assert (journalled.statement, journalled.owner_signature) == (identify(transition).statement, transition.owner_signature)
    await bench.finish(1)
    [vote] = peer.sent
    assert isinstance(vote, VoteResponse)
    assert vote.vote.statement == journalled.statement


async def test_journal_is_compacted_when_the_start_is_durable_and_not_before() -> None:
    """A journal that takes the place of a damaged one passes for whole at the next start: the quarantine must be on the disk by then."""
    cluster, store = Cluster(), HeldStore()
    store.journal = JournalContents(JournalCondition.MISSING)
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, Lines(), raise_fault)
    assert runner.machine.quarantine is not None
    assert "m/quarantine" in dict(store.batches[0])
    preparing = asyncio.create_task(runner.prepare())
    await turns()
    assert store.compacted == []
    store.commits[0].set_result(None)
    await preparing
    # The quarantine itself is in it, and no vote.
    assert store.compacted == [runner.machine.compacted_journal()]
    assert len(store.compacted[0]) == 1


async def test_start_that_cannot_be_made_durable_is_none() -> None:
    cluster, store = Cluster(), HeldStore()
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, Lines(), raise_fault)
    store.commits[0].set_exception(LocalFault(ErrorCode.STORE_WRITE, "the disk is full"))
    with pytest.raises(LocalFault) as failure:
        await runner.prepare()
    assert failure.value.code is ErrorCode.STORE_WRITE
    assert store.compacted == []


async def test_validator_in_quarantine_says_so_everywhere_and_refuses_retryably() -> None:
    cluster, store, output = Cluster(), HeldStore(), Lines()
    store.journal = JournalContents(JournalCondition.MISSING)
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, output, raise_fault)
    bench = Bench(runner, store, output, cluster, [])
    await bench.finish(0)
    reason = runner.machine.quarantine
    assert reason is not None
    assert runner.pong()[2] == PongFlag.QUARANTINE
    assert (runner.ready_line("127.0.0.1", 1, 2).quarantine, runner.ready_line("127.0.0.1", 1, 2).flags) == (reason, PongFlag.QUARANTINE)
    runner.write_status()
    assert (output.written[-1].quarantine, output.written[-1].flags) == (reason, PongFlag.QUARANTINE)
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench)))
    await eventually(lambda: bool(peer.sent))
    [refusal] = peer.sent
    assert isinstance(refusal, VoteReject)
    assert refusal.code is ErrorCode.NOT_VOTING
    assert store.journalled[1:] == []


async def test_flood_of_evidence_ends_its_connection_and_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.runner, "_evidence_budget", WorkBudget(share=1e-9, burst_s=3.0))
    handled: list[Message] = []
    handle = bench.runner.machine.handle

    def count(source: Source, message: Message, now: float) -> list[Effect]:
        handled.append(message)
        return handle(source, message, now)

    monkeypatch.setattr(bench.runner.machine, "handle", count)
    flooder, other = bench.connect(), bench.connect()
    other.source = "192.0.2.1"
    alice, bob = bench.cluster.account("alice"), bench.cluster.account("bob")
    first, second = (sign_core(bench.cluster.draft_send(alice, (bob, amount)).core, alice.keys) for amount in (1, 2))
    other_id = identify(second).transition_id
    evidence = Evidence(build_client_equivocation(identify(first).statement, first.owner_signature, other_id, second.owner_signature))
    while not flooder.closed:
        bench.receive(flooder, evidence)
        assert len(handled) < 10
    assert len(handled) == 4
    bench.receive(other, evidence)
    assert len(handled) == 5
    assert other.closed == []


async def test_evidence_is_told_to_peers_only_when_it_is_durable(bench: Bench) -> None:
    told: list[Message] = []
    bench.runner.attach_peers(Gossip(told))
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench, amount=1), 1))
    await bench.decide(2)
    await bench.finish(1)
    bench.receive(peer, request(send_of(bench, amount=2), 2))
    await bench.decide(3)
    await turns()
    assert told == []
    await bench.finish(2)
    [evidence] = told
    assert isinstance(evidence, Evidence)
    assert isinstance(evidence.proof, ClientEquivocation)
    assert evidence.proof.owner == bench.cluster.account("alice").keys.owner


async def test_stamps_come_from_the_clock_that_was_given() -> None:
    cluster, store, output = Cluster(), HeldStore(), Lines()
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, output, raise_fault, clock=StoppedClock())
    bench = Bench(runner, store, output, cluster, [])
    await bench.finish(0)
    watcher = bench.connect()
    bench.receive(watcher, Subscribe(0, ALL_KINDS, (), 0))
    await apply(bench, certify_by_hand(send_of(bench)))
    assert {message.time_ms for message in watcher.sent if isinstance(message, Event)} == {StoppedClock.NOW_MS}
    runner.write_status()
    assert {line.t_ns for line in output.written} == {StoppedClock.NOW_NS}


async def test_proofs_are_checked_by_whom_it_was_told() -> None:
    """The simulator's stand-in: nothing is checked in a thread."""
    cluster, store, checker = Cluster(), HeldStore(), HeldChecker()
    runner = ValidatorRunner(cluster.genesis, validator_keys()[0], store, Lines(), raise_fault, proofs=checker)
    bench = Bench(runner, store, Lines(), cluster, [])
    await bench.finish(0)
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench)))
    [(job, verdict)] = checker.jobs
    await turns()
    assert len(store.commits) == 1
    verdict(job, False, 0.25)
    [refusal] = peer.sent
    assert isinstance(refusal, VoteReject)
    assert refusal.code is ErrorCode.RANGE_PROOF
    assert runner.proof_times.last_seconds == 0.25


async def test_repeated_request_waits_for_the_same_commit_and_gets_the_same_bytes(bench: Bench) -> None:
    first, second = bench.connect(), bench.connect()
    transition = send_of(bench)
    bench.receive(first, request(transition, 7))
    await bench.decide(2)
    bench.receive(second, request(transition, 8))
    await turns()
    assert first.sent == second.sent == []
    await bench.finish(1)
    [one], [other] = first.sent, second.sent
    assert isinstance(one, VoteResponse)
    assert isinstance(other, VoteResponse)
    assert (one.request_id, other.request_id) == (7, 8)
    assert one.vote == other.vote


async def test_conflicting_request_is_refused_while_the_vote_is_on_its_way_to_the_disk(bench: Bench) -> None:
    """The lock is in memory before the record is queued: a second transition finds it there, and its refusal waits as well."""
    peer = bench.connect()
    first, second = send_of(bench, amount=1), send_of(bench, amount=2)
    bench.receive(peer, request(first, 1))
    await bench.decide(2)
    bench.receive(peer, request(second, 2))
    await bench.decide(3)
    await turns()
    assert peer.sent == []
    await bench.finish(1)
    assert [type(message) for message in peer.sent] == [VoteResponse]
    await bench.finish(2)
    refusal = peer.sent[1]
    assert isinstance(refusal, VoteReject)
    assert refusal.code is ErrorCode.CONFLICTS_WITH_VOTE
    assert isinstance(refusal.detail, ConflictDetail)


async def test_later_answers_wait_behind_earlier_records(bench: Bench) -> None:
    """An answer to a question needs no record of its own, but it may tell what is not durable."""
    peer, other = bench.connect(), bench.connect()
    bench.receive(peer, query(bench, 1))
    assert [type(message) for message in peer.sent] == [AccountStateMessage]
    bench.receive(peer, request(send_of(bench)))
    await bench.decide(2)
    bench.receive(other, query(bench, 2))
    await turns()
    assert other.sent == []
    await bench.finish(1)
    [answer] = other.sent
    assert isinstance(answer, AccountStateMessage)
    assert answer.pending_transition is not None


async def test_answers_leave_in_the_order_of_their_commits(bench: Bench) -> None:
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench, "alice"), 1))
    await bench.decide(2)
    bench.receive(peer, query(bench, 2))
    bench.receive(peer, request(send_of(bench, "faucet"), 3))
    await bench.decide(3)
    bench.receive(peer, query(bench, 4))
    await turns()
    assert peer.sent == []
    await bench.finish(1)
    assert [getattr(message, "request_id", None) for message in peer.sent] == [1, 2]
    await bench.finish(2)
    assert [getattr(message, "request_id", None) for message in peer.sent] == [1, 2, 3, 4]


async def test_nothing_leaves_after_a_failed_commit(bench: Bench) -> None:
    """Whatever comes later: also a commit that succeeds must not release what waited for the one that failed."""
    peer, watcher = bench.connect(), bench.connect()
    bench.receive(watcher, Subscribe(0, ALL_KINDS, (), 0))
    bench.receive(peer, request(send_of(bench, "alice"), 1))
    await bench.decide(2)
    bench.receive(peer, query(bench, 2))
    bench.receive(peer, request(send_of(bench, "faucet"), 3))
    await bench.decide(3)
    named, heard = bench.output.names(), list(watcher.sent)
    bench.store.commits[1].set_exception(LocalFault(ErrorCode.STORE_WRITE, "the disk is full"))
    await turns()
    await bench.finish(2)
    bench.receive(peer, query(bench, 4))
    await turns()
    assert peer.sent == []
    assert bench.output.names() == named
    assert watcher.sent == heard


async def test_certificate_is_acknowledged_and_announced_after_its_commit(bench: Bench) -> None:
    peer, watcher = bench.connect(), bench.connect()
    bench.receive(watcher, Subscribe(0, ALL_KINDS, (), 0))
    certificate = certify_by_hand(send_of(bench))
    bench.receive(peer, SettlementCertificate(1, CERTIFICATE.encode(certificate)))
    await turns()
    assert peer.sent == watcher.sent == []
    await bench.finish(1)
    [ack] = peer.sent
    assert isinstance(ack, CertAck)
    assert ack.status is AckStatus.APPLIED
    assert [message.kind for message in watcher.sent if isinstance(message, Event)] == [EventKind.CERT_APPLIED]


async def test_what_was_parked_is_applied_in_later_turns_and_others_are_served_between(bench: Bench) -> None:
    alice, bob = bench.cluster.account("alice"), bench.cluster.account("bob")
    chain = [CERTIFICATE.encode(bench.cluster.pay_unproven(alice, (bob, 1))) for _ in range(3 * WOKEN_AT_ONCE)]
    vars(bench.runner.machine.votes)["is_forgotten"] = lambda checked: False
    peer = bench.connect()
    for number, data in enumerate(reversed(chain)):
        bench.receive(peer, SettlementCertificate(number, data))
    ledger = bench.runner.machine.ledger
    seen = [ledger.globals.log_length]
    while seen[-1] < len(chain):
        await asyncio.sleep(0)
        seen.append(ledger.globals.log_length)
    assert [now - before for before, now in pairwise(seen)] == [WOKEN_AT_ONCE, WOKEN_AT_ONCE - 1]
    await bench.runner.close()


async def test_pong_tells_no_digest_that_a_crash_could_take_back(bench: Bench) -> None:
    peer = bench.connect()
    before = bench.runner.pong()
    bench.receive(peer, SettlementCertificate(1, CERTIFICATE.encode(certify_by_hand(send_of(bench)))))
    await eventually(lambda: bench.runner._digest_timer is None)
    assert bench.runner.pong() == before
    await bench.finish(1)
    assert bench.runner.pong() == (1, bench.runner.machine.ledger.compute_digest(), 0)
    assert bench.runner.pong() != before


async def test_answer_to_somebody_who_has_gone_goes_nowhere(bench: Bench) -> None:
    peer, other = bench.connect(), bench.connect()
    bench.receive(peer, request(send_of(bench)))
    await bench.decide(2)
    bench.runner.on_close(peer, "gone")
    await bench.finish(1)
    assert peer.sent == other.sent == []
    assert bench.output.names() == ["VoteRequested", "VoteCast"]


async def test_vote_line_has_its_times(bench: Bench) -> None:
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench)))
    await bench.decide(2)
    await bench.finish(1)
    [cast_] = [line for line in bench.output.written if isinstance(line, lines.VoteCast)]
    assert min(cast_.rules_ms, cast_.proof_ms, cast_.durable_ms) > 0
    assert cast_.total_ms >= cast_.durable_ms
    assert cast_.total_ms >= cast_.rules_ms


# --- Subscriptions ---------------------------------------------------------------------------------------------------------------------------------


async def apply(bench: Bench, certificate: Certificate) -> None:
    peer = bench.connect()
    count = len(bench.store.commits)
    bench.receive(peer, SettlementCertificate(1, CERTIFICATE.encode(certificate)))
    await bench.decide(count + 1)
    await bench.finish(count)
    bench.runner.on_close(peer, "done")


async def test_subscriber_hears_of_its_own_accounts_only(bench: Bench) -> None:
    alice, faucet = bench.cluster.account("alice"), bench.cluster.account("faucet")
    bob = bench.cluster.account("bob")
    watchers = {name: bench.connect() for name in ("alice", "faucet", "bob", "carol")}
    for name, watcher in watchers.items():
        bench.receive(watcher, Subscribe(0, 1 << EventKind.CERT_APPLIED, (bench.cluster.account(name).keys.owner,), 0))
    await apply(bench, bench.cluster.pay_unproven(alice, (bob, 1)))
    await apply(bench, bench.cluster.pay_unproven(faucet, (bob, 2)))
    assert {name: len(watcher.sent) for name, watcher in watchers.items()} == {"alice": 1, "faucet": 1, "bob": 2, "carol": 0}
    assert [message.event_number for message in watchers["bob"].sent if isinstance(message, Event)] == [1, 2]


async def test_subscriber_that_does_not_read_loses_events_and_is_told_how_many(bench: Bench) -> None:
    alice, bob = bench.cluster.account("alice"), bench.cluster.account("bob")
    slow, quick = bench.connect(), bench.connect()
    for watcher in (slow, quick):
        bench.receive(watcher, Subscribe(0, 1 << EventKind.CERT_APPLIED, (), 0))
    slow.queued_bytes = 2 * 1024 * 1024
    for amount in (1, 2):
        await apply(bench, bench.cluster.pay_unproven(alice, (bob, amount)))
    assert slow.sent == []
    slow.queued_bytes = 0
    await apply(bench, bench.cluster.pay_unproven(alice, (bob, 3)))
    assert [(message.event_number, message.kind) for message in slow.sent if isinstance(message, Event)] == [(1, EventKind.GAP), (2, EventKind.CERT_APPLIED)]
    assert isinstance(slow.sent[0], Event)
    assert slow.sent[0].body == (2).to_bytes(8, "big")
    assert len(quick.sent) == 3


async def test_subscriber_that_is_cut_off_while_it_is_sent_to_disturbs_nobody(bench: Bench) -> None:
    watchers = [bench.connect() for _ in range(3)]
    for watcher in watchers:
        bench.receive(watcher, Subscribe(0, 1 << EventKind.CERT_APPLIED, (), 0))
    doomed = watchers[0]

    def cut_off(message: Message) -> None:
        bench.runner.on_close(doomed, "reads nothing")

    doomed.send = cut_off  # type: ignore[method-assign]
    await apply(bench, certify_by_hand(send_of(bench)))
    assert [len(watcher.sent) for watcher in watchers] == [0, 1, 1]


async def test_too_many_subscriptions_of_one_connection_close_it(bench: Bench) -> None:
    greedy = bench.connect()
    for _ in range(17):
        bench.receive(greedy, Subscribe(0, ALL_KINDS, (), 0))
    assert greedy.closed == ["too many subscriptions"]


async def test_too_many_subscriptions_of_one_address_close_the_connection_that_asks_for_more(bench: Bench) -> None:
    sessions = [bench.connect() for _ in range(9)]
    for session in sessions:
        for _ in range(16):
            bench.receive(session, Subscribe(0, ALL_KINDS, (), 0))
    assert [bool(session.closed) for session in sessions] == [False] * 8 + [True]
    assert bench.runner.subscriptions_count == 128
    elsewhere = Peer(source="192.0.2.1")
    bench.runner.on_open(elsewhere)
    bench.receive(elsewhere, Subscribe(0, ALL_KINDS, (), 0))
    assert elsewhere.closed == []
    bench.runner.on_close(sessions[0], "done")
    bench.receive(sessions[8], Subscribe(0, ALL_KINDS, (), 0))
    assert bench.runner.subscriptions_count == 128 - 16 + 2


async def test_subscription_to_the_past_begins_with_a_gap(bench: Bench) -> None:
    watcher = bench.connect()
    bench.receive(watcher, Subscribe(0, ALL_KINDS, (), 5))
    assert [message.kind for message in watcher.sent if isinstance(message, Event)] == [EventKind.GAP]


async def test_bug_in_the_machine_stops_the_validator(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory may be ahead of its disk then: it starts again from the disk, and nothing leaves before."""

    def break_down(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(bench.runner.machine, "handle", break_down)
    peer = bench.connect()
    with pytest.raises(ZeroDivisionError):
        bench.receive(peer, request(send_of(bench)))
    assert [fault.code for fault in bench.faults] == [ErrorCode.INTERNAL]
    assert peer.sent == []


async def test_check_of_a_proof_that_ends_neither_way_stops_the_validator(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("mesh_core.validator.proofs.verify_batch", break_down)
    peer = bench.connect()
    bench.receive(peer, request(send_of(bench)))
    await eventually(lambda: bool(bench.faults))
    assert bench.faults[0].code is ErrorCode.INTERNAL
    assert peer.sent == []
