"""One validator at work: requests go into the machine, and its effects are performed in order.

The contract of effects.py is kept here and nowhere else: an effect that leaves the process waits in `_outbox` until every record that was persisted before
it is durable. Several votes share one fsync; each answer still waits for its own.

Everything around it is handed in (`ports.py`), and all decisions about time are made by the event loop's clock: in the simulator the same code runs on another
disk, another network and another time.
"""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mesh_core.crypto import ristretto
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, WireErrorCode
from mesh_core.network.work import WorkBudget
from mesh_core.protocol.effects import AskPeer, Broadcast, Effect, Emit, Persist, Reply, Source, VerifyProof, VerifySignatures
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import SupplyEquation
from mesh_core.protocol.records import EVIDENCE_PREFIX
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.types.basic import Hash32
from mesh_core.types.events import CertificateApplied, DigestComputed, Equivocation, EventBody, VoteCast
from mesh_core.types.messages import Evidence, Message, SettlementCertificate, Subscribe, SyncRequest, SyncResponse, VoteReject, VoteRequest
from mesh_core.validator import lines
from mesh_core.validator.measures import RecentTimes
from mesh_core.validator.narration import Timing, narrate
from mesh_core.validator.pacing import BulkPace
from mesh_core.validator.ports import Clock, Output, PeerPort, ProofChecker, Session, SignatureChecker, Store, SystemClock
from mesh_core.validator.proofs import ProofVerifier
from mesh_core.validator.serving import SyncServing
from mesh_core.validator.signatures import SignatureVerifier
from mesh_core.validator.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

DIGEST_DELAY_S = 0.05
"""The digest is computed when no certificate came for so long, so that it costs nothing under load."""
DIGEST_DELAY_MOST_S = 1.0
DIGEST_PIECES_MOST = 64
"""So many turns of the loop have a piece of it. What is left afterwards is what has changed meanwhile."""
STATUS_INTERVAL_S = 1.0
EVIDENCE_PER_S = 16.0
EVIDENCE_BURST = 256.0
"""Proofs of double signing from one source, sustained and at once. A correct validator passes each on once, and two double signers are news."""
AUDITED_ITEMS_MOST = 500
"""The supply audit adds up every commitment, about 18 us each; beyond so many it would hold up votes."""


@dataclass(slots=True)
class _Waiting:
    """An effect that may leave once commit number `after` is durable."""

    after: int
    perform: Callable[[], None]


class ValidatorRunner:
    """Performs the effects of one `ValidatorMachine`. Implements the network's `Handler`; all methods are called from one event loop."""

    def __init__(
        self,
        genesis: Genesis,
        identity: SigningKey,
        store: Store,
        output: Output,
        on_fault: Callable[[LocalFault], None],
        *,
        proofs: ProofChecker | None = None,
        signatures: SignatureChecker | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Restore the machine from `store`; then `prepare`. `on_fault` is told when the validator must stop; the store tells its own faults.

        `proofs` and `signatures` are by default checkers in threads, `clock` the machine's.
        LocalFault or DecodeError where the store's records cannot be understood.
        """
        self.machine = ValidatorMachine(genesis, identity, store, store.journal)
        self.clock: Clock = SystemClock() if clock is None else clock
        self.peers_up: Callable[[], tuple[int, ...]] = tuple
        self.connections_count: Callable[[], int] = int
        self.proof_times = RecentTimes()
        self.durable_times = RecentTimes()
        """From the queuing of a batch to the moment at which what depends on it may leave."""
        self.vote_times = RecentTimes()
        """From a request's arrival to the moment at which the vote leaves."""
        self.refusals: Counter[ErrorCode] = Counter()
        """Refusals that have left, by code."""
        self._store = store
        self._output = output
        self._on_fault = on_fault
        self._proofs: ProofChecker = ProofVerifier(on_fault, source_of=self._source_of_proof) if proofs is None else proofs
        self._signatures: SignatureChecker = SignatureVerifier(genesis, on_fault) if signatures is None else signatures
        self._peers: PeerPort | None = None
        self._subscriptions = Subscriptions(self.clock)
        self.pace = BulkPace(lambda: self.urgent_count)
        """What bulk work asks before each piece."""
        self._serving = SyncServing(self._answer_sync, self.pace)
        self._evidence_budget = WorkBudget(share=EVIDENCE_PER_S, burst_s=EVIDENCE_BURST)
        self._sessions: dict[Source, Session] = {}
        self._sources: dict[Session, Source] = {}
        self._last_source = 0
        self._outbox: deque[_Waiting] = deque()
        self._replies_waiting = 0
        self._persisted_count = 0
        self._durable_count = 0
        self._last_commit: asyncio.Future[None] | None = None
        self._is_store_broken = False
        self._persisted_at_ns = 0
        self._timings: dict[Hash32, Timing] = {}
        self.evidence_count = sum(1 for _ in store.records(EVIDENCE_PREFIX))
        """Equivocation proofs that this validator holds."""
        self._digest: tuple[int, Hash32] = (self.machine.ledger.globals.log_length, self.machine.ledger.compute_digest())
        self._audit = self._audit_supply()
        self._digest_timer: asyncio.TimerHandle | None = None
        self._preparing: asyncio.Handle | None = None
        self._waking: asyncio.Handle | None = None
        self._digest_due_at = 0.0
        self._told_condition = self._condition()
        self.perform(self.machine.initial_effects())

    async def prepare(self) -> None:
        """Make durable what the start has found out, and let the vote journal hold no more than it needs to. To be awaited before anybody is served.

        LocalFault (STORE_WRITE).
        """
        await self.until_durable()
        self._store.compact_journal(self.machine.compacted_journal())

    def attach_peers(self, peers: PeerPort) -> None:
        """The way to the other validators from now on. Without one, gossip goes nowhere and nobody is asked."""
        self._peers = peers

    # --- What the outside sees

    @property
    def digest(self) -> tuple[int, Hash32]:
        """The last announced digest, and the length of the log that it belongs to."""
        return self._digest

    @property
    def supply_audit(self) -> bool | None:
        """Whether everything held adds up to the supply at that digest; None where that is too much to add up in passing."""
        return None if self._audit is None else self._audit.holds

    @property
    def proofs_waiting_count(self) -> int:
        """Range proofs without a verdict."""
        return self._proofs.waiting_count

    @property
    def outbox_count(self) -> int:
        """Answers and events that wait for the disk."""
        return len(self._outbox)

    @property
    def urgent_count(self) -> int:
        """Requests of others that are under way: proofs without a verdict, answers that wait for the disk. What can wait should, while there are any."""
        return self._proofs.waiting_count + self._replies_waiting

    @property
    def not_durable_count(self) -> int:
        """Batches that are not durable."""
        return self._persisted_count - self._durable_count

    @property
    def subscriptions_count(self) -> int:
        """Subscriptions of all sessions."""
        return self._subscriptions.count

    @property
    def sync_requests_waiting_count(self) -> int:
        """Requests for certificates that wait for their source's budget."""
        return self._serving.waiting_count

    # --- The network's handler

    def on_open(self, session: Session) -> None:
        """A peer has proven its identity."""
        self._last_source += 1
        self._sessions[Source(self._last_source)] = session
        self._sources[session] = Source(self._last_source)

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived."""
        match message:
            case Subscribe():
                if not self._subscriptions.add(session, message):
                    session.close(WireErrorCode.RATE_LIMIT, "too many subscriptions")
            case SyncRequest():
                if not self._serving.take(session, message):
                    session.close(WireErrorCode.RATE_LIMIT, "too many requests for certificates wait already")
            case Evidence() if not self._may_bring_evidence(session):
                session.close(WireErrorCode.RATE_LIMIT, "too much evidence at once")
            case _:
                if isinstance(message, VoteRequest | SettlementCertificate):
                    self.pace.on_request(asyncio.get_running_loop().time())
                timing = Timing(self.clock.monotonic_ns(), session.source)
                with self.fail_stop():
                    effects = self.machine.handle(self._sources[session], message, asyncio.get_running_loop().time())
                timing.rules_done_ns = self.clock.monotonic_ns()
                self.perform(effects, timing)

    def _may_bring_evidence(self, session: Session) -> bool:
        """Nobody waits for an answer to it, and each piece costs two signatures, which anybody can make who has an account."""
        now = asyncio.get_running_loop().time()
        if self._evidence_budget.delay(session.source, now=now) > 0.0:
            return False
        self._evidence_budget.spend(session.source, 1.0, now=now)
        return True

    def on_close(self, session: Session, reason: str) -> None:
        """A session is over."""
        self._subscriptions.remove(session)
        self._serving.remove(session)
        source = self._sources.pop(session)
        del self._sessions[source]
        self.machine.on_closed(source)

    def pong(self) -> tuple[int, Hash32, int]:
        """What PONG says: the last computed digest and the log length that it belongs to."""
        return *self._digest, int(self.machine.flags)

    def _answer_sync(self, session: Session, request: SyncRequest) -> int:
        """Answer a request for certificates; the bytes of those."""
        with self.fail_stop():
            effects = self.machine.handle(self._sources[session], request, asyncio.get_running_loop().time())
        self.perform(effects)
        answers = [effect.message for effect in effects if isinstance(effect, Reply)]
        return sum(len(item.certificate) for answer in answers if isinstance(answer, SyncResponse) for item in answer.items)

    # --- Effects

    @contextlib.contextmanager
    def fail_stop(self) -> Iterator[None]:
        """Around every call of a machine. What it raises is a bug, and its memory may be ahead of the disk: the validator must start again from there."""
        try:
            yield
        except LocalFault:
            raise
        except Exception as error:
            self._on_fault(LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): the validator stops, see the log"))
            raise

    def perform(self, effects: Sequence[Effect], timing: Timing | None = None) -> None:
        """Perform effects of the machine, or of one beside it, in order."""
        timing = Timing(self.clock.monotonic_ns()) if timing is None else timing
        for effect in effects:
            match effect:
                case Persist(records, journal):
                    self._persist(records, journal)
                case Reply(source, message):
                    self._replies_waiting += 1
                    self.when_durable(lambda source=source, message=message: self._reply(source, message))  # type: ignore[misc]
                case Emit(body):
                    if isinstance(body, VoteCast | CertificateApplied):
                        timing.persisted_ns = self._persisted_at_ns
                    self.when_durable(lambda body=body: self._emit(body, timing))  # type: ignore[misc]
                case Broadcast(evidence):
                    self.when_durable(lambda evidence=evidence: self._broadcast(evidence))  # type: ignore[misc]
                case AskPeer(peer, question):
                    self.when_durable(lambda peer=peer, question=question: self._ask(peer, question))  # type: ignore[misc]
                case VerifyProof(transition_id):
                    self._timings[transition_id] = timing
                    self._proofs.submit(effect, self._on_verdict)
                case VerifySignatures():
                    self._signatures.submit(effect, self._on_signatures_checked)
        if any(isinstance(effect, Persist) for effect in effects):
            self._schedule_digest()
            self._watch_condition()
        if self.machine.is_waking and self._waking is None:
            # In a later turn of the loop: thousands of certificates may be parked behind each other, and votes go in between.
            self._waking = asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = None
        with self.fail_stop():
            effects = self.machine.wake()
        self.perform(effects)

    async def until_durable(self) -> None:
        """Return when everything that was persisted until now is durable and what waited for it has left. LocalFault (STORE_WRITE) if that fails."""
        if self._last_commit is not None:
            # Shielded: whoever stops waiting must not cancel the store's own future.
            await asyncio.shield(self._last_commit)

    def _persist(self, records: tuple[tuple[str, bytes], ...], journal: tuple[bytes, ...]) -> None:
        self._persisted_count += 1
        self._persisted_at_ns = self.clock.monotonic_ns()
        number, since_ns = self._persisted_count, self._persisted_at_ns
        self._last_commit = self._store.persist(records, journal)
        self._last_commit.add_done_callback(lambda durable: self._on_durable(number, since_ns, durable))

    def _on_durable(self, number: int, since_ns: int, durable: "asyncio.Future[None]") -> None:
        """A commit is done. If it failed, the store has told the process to stop; what waits never leaves, whatever becomes of later commits."""
        if self._is_store_broken or durable.cancelled() or durable.exception() is not None:
            self._is_store_broken = True
            self._outbox.clear()
            return
        self._durable_count = number
        self.durable_times.add((self.clock.monotonic_ns() - since_ns) / 1e9)
        while self._outbox and self._outbox[0].after <= self._durable_count:
            self._outbox.popleft().perform()

    def when_durable(self, perform: Callable[[], None]) -> None:
        """Call `perform` when everything that was persisted until now is durable, behind whatever waits already. Never, if the store has failed."""
        if self._is_store_broken:
            return
        if self._persisted_count == self._durable_count and not self._outbox:
            perform()
        else:
            self._outbox.append(_Waiting(self._persisted_count, perform))

    def _reply(self, source: Source, message: Message) -> None:
        self._replies_waiting -= 1
        if isinstance(message, VoteReject):
            self.refusals[message.code] += 1
        session = self._sessions.get(source)
        if session is not None:
            session.send(message)

    def _broadcast(self, message: Evidence) -> None:
        if self._peers is not None:
            self._peers.broadcast(message)

    def _ask(self, peer: int, question: SyncRequest) -> None:
        if self._peers is not None:
            self._peers.ask(peer, question)

    def _condition(self) -> tuple[str | None, bool]:
        return self.machine.quarantine, self.machine.halted

    def _watch_condition(self) -> None:
        """Say it in the log, and as a status line at once, when this validator stops voting."""
        if self._condition() == self._told_condition:
            return
        self._told_condition = self._condition()
        for text in condition_texts(self.machine):
            logger.error("%s", text)
        self.when_durable(self.write_status)

    def _emit(self, body: EventBody, timing: Timing) -> None:
        self.evidence_count += isinstance(body, Equivocation)
        self.publish(body)
        now_ns = self.clock.monotonic_ns()
        if isinstance(body, VoteCast):
            self.vote_times.add((now_ns - timing.received_ns) / 1e9)
        line = narrate(body, timing, now_ns)
        if line is not None:
            self._output.write(line)

    def publish(self, body: EventBody) -> None:
        """Tell subscribers of something that rests on no record."""
        self._subscriptions.publish(body)

    def _on_signatures_checked(self, job: VerifySignatures, valid: Sequence[bool], seconds: float) -> None:
        self.pace.worked(seconds, asyncio.get_running_loop().time())
        if self._peers is not None:
            self._peers.on_signatures_checked(job, valid)

    def _source_of_proof(self, job: VerifyProof) -> str:
        return self._timings[job.transition_id].source

    def _on_verdict(self, job: VerifyProof, valid: bool, seconds: float) -> None:
        self.proof_times.add(seconds)
        timing = self._timings.pop(job.transition_id)
        timing.proof_ms = seconds * 1000
        with self.fail_stop():
            effects = self.machine.on_proof_checked(job.transition_id, valid, asyncio.get_running_loop().time())
        self.perform(effects, timing)

    # --- Digest and status

    def _schedule_digest(self) -> None:
        """Compute the digest soon: after the last change of a burst, but not later than a second after its first."""
        if self.machine.ledger.globals.log_length == self._digest[0]:
            return
        loop = asyncio.get_running_loop()
        if self._digest_timer is None:
            self._digest_due_at = loop.time() + DIGEST_DELAY_MOST_S
        else:
            self._digest_timer.cancel()
        self._digest_timer = loop.call_at(min(loop.time() + DIGEST_DELAY_S, self._digest_due_at), self._prepare_digest)

    def _prepare_digest(self) -> None:
        """After a catch-up of thousands there are milliseconds of hashing, and votes go in between."""
        self._digest_timer = None
        if self._preparing is None:
            self._go_on_with_digest(DIGEST_PIECES_MOST)

    def _go_on_with_digest(self, pieces_left: int) -> None:
        self._preparing = None
        if pieces_left and not self.machine.ledger.prepare_digest():
            self._preparing = asyncio.get_running_loop().call_soon(self._go_on_with_digest, pieces_left - 1)
        else:
            self._compute_digest()

    def _compute_digest(self) -> None:
        digest = self.machine.ledger.globals.log_length, self.machine.ledger.compute_digest()
        audit = self._audit_supply()
        self.when_durable(lambda: self._announce_digest(digest, audit))

    def _audit_supply(self) -> SupplyEquation | None:
        ledger = self.machine.ledger
        return ledger.supply_equation() if ledger.accounts_count + ledger.outputs_count <= AUDITED_ITEMS_MOST else None

    def _announce_digest(self, digest: tuple[int, Hash32], audit: SupplyEquation | None) -> None:
        """Only now, since PONG tells the digest, too: peers must not learn of certificates that a crash could take back."""
        self._digest = digest
        self._audit = audit
        self.publish(DigestComputed(*digest))
        self.write_status()

    def show_syncing(self, is_behind: bool) -> None:
        """Whether this validator is catching up: PONG and status tell it."""
        if self.machine.syncing is not is_behind:
            self.machine.syncing = is_behind
            self.write_status()

    def write_status(self) -> None:
        """Write a status line."""
        machine, ledger = self.machine, self.machine.ledger
        self._output.write(
            lines.Status(
                t_ns=self.clock.monotonic_ns(),
                log_length=self._digest[0],
                state_digest=self._digest[1],
                accounts_count=ledger.accounts_count,
                outputs_count=ledger.outputs_count,
                fee_pool=ledger.globals.fee_pool,
                supply_audit=self.supply_audit,
                held_sum=None if self._audit is None else self._audit.held,
                public_sum=None if self._audit is None else self._audit.public,
                votes_cast=machine.votes_cast,
                votes_refused=machine.votes_refused,
                connections_count=self.connections_count(),
                peers_up=self.peers_up(),
                proofs_waiting=self._proofs.waiting_count,
                parked_count=machine.parked_count,
                last_commit_ms=round(self._store.statistics.last_seconds * 1000, 3),
                flags=int(machine.flags),
                quarantine=machine.quarantine,
            )
        )

    async def report_status(self) -> None:
        """Write a status line a second, for ever."""
        while True:
            await asyncio.sleep(STATUS_INTERVAL_S)
            self.write_status()

    def ready_line(self, host: str, port: int, pid: int) -> lines.Ready:
        """What the process says when it listens."""
        return lines.Ready(
            t_ns=self.clock.monotonic_ns(),
            pid=pid,
            public_key=self.machine.identity.public_key,
            network_id=self.machine.genesis.network_id,
            host=host,
            port=port,
            backend=ristretto.BACKEND,
            log_length=self._digest[0],
            state_digest=self._digest[1],
            flags=int(self.machine.flags),
            quarantine=self.machine.quarantine,
        )

    async def close(self) -> None:
        """Finish what is being written, then close the store; proofs that were not checked are dropped."""
        self._proofs.close()
        self._signatures.close()
        self._serving.close()
        for handle in (self._digest_timer, self._preparing, self._waking):
            if handle is not None:
                handle.cancel()
        await self._store.close()


def condition_texts(machine: ValidatorMachine) -> list[str]:
    """Why this validator does not vote, for the log."""
    texts = [] if machine.quarantine is None else [f"IN QUARANTINE, this validator does not vote: {machine.quarantine}"]
    return texts + (
        ["HALTED, this validator votes no more: two conflicting certificates exist, so more than f validators are faulty"] if machine.halted else []
    )


def stopped_by_store(fault: LocalFault) -> LocalFault:
    """How a store that cannot write any more ends the process: a validator that votes without its locks is worse than one that is down."""
    return LocalFault(ErrorCode.STORE_WRITE, f"{fault.text}: the validator stops, nothing was acknowledged that is not on the disk")
