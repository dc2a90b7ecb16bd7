"""Catching up with the other validators, and gossip, as long as this one runs: the shell around `protocol/catch_up.py`.

The machine decides whom to ask for what, and applies what comes in slices of few certificates. Here its questions travel, its answers and silences come back,
and between any two slices the event loop turns, so that votes go on: a validator that is ten thousand certificates behind still serves every account of which
it has the latest state.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace

from mesh_core.errors import LocalFault, PeerFault
from mesh_core.protocol.catch_up import CatchUpMachine, Progress
from mesh_core.protocol.effects import Effect, Emit, VerifySignatures
from mesh_core.types.events import PeerChanged, SyncProgress
from mesh_core.types.messages import Evidence, Pong, SyncRequest
from mesh_core.validator import lines
from mesh_core.validator.ports import Output, PeerNetwork, Store
from mesh_core.validator.report import PeerReport
from mesh_core.validator.runner import ValidatorRunner

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 5.0
"""A peer that has some of its budget left for this validator answers within a fraction of this, also when it is busy."""
TICK_S = 1.0
TURNS_BETWEEN_SLICES = 4
"""The event loop takes one datagram from each socket a turn. With one turn after each slice, a request of four datagrams would wait for four slices."""
NOT_DURABLE_MOST = 8
"""Batches that may wait for the disk before the next slice is applied: certificates come faster than a slow disk takes them, and each waits in memory."""
NOT_DURABLE_BEFORE_VOTES = 2
"""The same while votes are asked for: a vote's commit waits for what was queued before it, since it may rest on that."""


class PeerSync:
    """The other validators as the runner and the network see them. Implements `ports.PeerListener` and `ports.PeerPort`."""

    def __init__(self, runner: ValidatorRunner, store: Store, network: PeerNetwork, output: Output) -> None:
        """To be made while the event loop runs, after `runner.prepare`. `network` says which validators there are."""
        self._runner = runner
        self._network = network
        self._output = output
        self._keys = runner.machine.genesis.committee.validators
        self._index_of = {key: index for index, key in enumerate(self._keys)}
        self._catch_up = CatchUpMachine(runner.machine, store, {peer: self._keys[peer] for peer in network.indices}, _now())
        self._arrived = asyncio.Event()
        self._questions: dict[int, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to connect, and to catch up."""
        self._runner.attach_peers(self)
        self._tasks = [self._spawn(self._apply_what_arrives(), "catch-up"), self._spawn(self._tick(), "catch-up clock")]
        self._network.start(self)

    def close(self) -> None:
        """Stop, at once."""
        for task in (*self._tasks, *self._questions.values()):
            task.cancel()
        self._network.close()

    def progress(self) -> Progress:
        """Where the catch-up stands."""
        return self._catch_up.progress()

    def report(self) -> tuple[PeerReport, ...]:
        """Each other validator as this one sees it."""
        up = self._network.up()
        return tuple(
            PeerReport(one.peer, one.peer in up, self._network.round_trip_ms(one.peer), one.cursor, one.log_length, one.is_excluded)
            for one in self.progress().peers
        )

    # --- For the runner

    def broadcast(self, message: Evidence) -> None:
        """Tell every validator that is reached now."""
        self._network.broadcast(message)

    def ask(self, peer: int, message: SyncRequest) -> None:
        """Ask one validator. The machine has one question at a time to each: whatever is still open is one that it has given up."""
        before = self._questions.get(peer)
        if before is not None:
            before.cancel()
        self._questions[peer] = self._spawn(self._ask(peer, message), f"question to V{peer + 1}")

    def on_signatures_checked(self, job: VerifySignatures, valid: Sequence[bool]) -> None:
        """The signatures of some certificates were checked: they may be applied."""
        with self._runner.fail_stop():
            self._catch_up.on_signatures_checked(job.number, job.certificates, valid)
        self._wake()

    async def _ask(self, peer: int, message: SyncRequest) -> None:
        try:
            answer = await self._network.request(peer, message, REQUEST_TIMEOUT_S)
        except PeerFault as fault:
            logger.info("V%d does not tell certificates: %s", peer + 1, fault)
            self._perform(self._catch_up.on_silence(peer, _now()))
        else:
            # On the wire the request had a number of the connection's own.
            self._perform(self._catch_up.on_response(peer, replace(answer, request_id=message.request_id), _now()))

    # --- From the network

    def on_up(self, peer: int) -> None:
        """The validator with this index is reached."""
        self._tell(peer, is_up=True, detail="")
        self._perform(self._catch_up.on_peer_up(peer, _now()))

    def on_down(self, peer: int, detail: str) -> None:
        """It is not reached any more, or the first attempt to reach it has failed."""
        self._tell(peer, is_up=False, detail=detail)
        self._perform(self._catch_up.on_peer_down(peer))

    def on_pong(self, peer: int, pong: Pong) -> None:
        """It told how far it is."""
        self._perform(self._catch_up.on_pong(peer, pong.log_length, pong.state_digest, _now()))

    def _tell(self, peer: int, *, is_up: bool, detail: str) -> None:
        self._output.write(lines.PeerLine(self._runner.clock.monotonic_ns(), peer, is_up, detail))
        self._runner.publish(PeerChanged(self._keys[peer], is_up))

    # --- Catching up

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._perform(self._catch_up.on_tick(_now()))

    async def _apply_what_arrives(self) -> None:
        while True:
            await self._arrived.wait()
            while self._catch_up.has_work:
                await self._make_way()
                began = _now()
                with self._runner.fail_stop():
                    effects = self._catch_up.step(began)
                self._perform(effects)
                self._runner.pace.worked(_now() - began, _now())
                if self._runner.not_durable_count > self._not_durable_most():
                    await self._runner.until_durable()
            self._arrived.clear()

    def _not_durable_most(self) -> int:
        return NOT_DURABLE_BEFORE_VOTES if self._runner.pace.expects_votes(_now()) else NOT_DURABLE_MOST

    async def _make_way(self) -> None:
        """Read what has arrived meanwhile, and let votes go first (pacing.py)."""
        since = _now()
        for _ in range(TURNS_BETWEEN_SLICES):
            await asyncio.sleep(0)
        while (delay := self._runner.pace.delay(since, _now())) > 0.0:  # noqa: ASYNC110 - whether there is time is known only when it is looked at again
            await asyncio.sleep(delay)

    def _perform(self, effects: Sequence[Effect]) -> None:
        self._runner.perform(effects)
        for effect in effects:
            if isinstance(effect, Emit) and isinstance(effect.body, SyncProgress):
                self._tell_progress(effect.body)
        self._wake()
        self._runner.show_syncing(self._catch_up.is_behind)

    def _wake(self) -> None:
        if self._catch_up.has_work:
            self._arrived.set()

    def _tell_progress(self, body: SyncProgress) -> None:
        line = lines.SyncProgressed(
            t_ns=self._runner.clock.monotonic_ns(),
            peer=self._index_of[body.peer],
            height=body.cursor,
            target=body.target,
            certificates_per_s=round(self.progress().rate, 1),
        )
        self._runner.when_durable(lambda: self._output.write(line))

    @staticmethod
    def _spawn(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(_look_at_end)
        return task


def _look_at_end(task: asyncio.Task[None]) -> None:
    """A store that fails ends the process by itself, and nothing is left to be told. Anything else is a bug of ours, which must be seen."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, LocalFault):
        task.get_loop().call_exception_handler({"message": f"{task.get_name()} failed", "exception": error, "task": task})


def _now() -> float:
    return asyncio.get_running_loop().time()
