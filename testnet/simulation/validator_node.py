"""A validator in a simulation: the product's `ValidatorRunner` and `PeerSync`, one life after the other over one disk."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Protocol

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.validator.runner import ValidatorRunner
from mesh_core.validator.syncing import PeerSync
from testnet.simulation.clock import SimulatedClock
from testnet.simulation.disk import Disk
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.machine import Machine
from testnet.simulation.network import Handler, Network
from testnet.simulation.proofs import ProofSystem, SimulatedProofChecker, SimulatedSignatureChecker
from testnet.simulation.stores import SimulatedValidatorStore
from testnet.simulation.ways import SimulatedPeers, validator_name

RESTART_AFTER_FAULT_S = 0.5


class NodeWatcher(Protocol):
    """What a node tells the simulation."""

    def on_node_event(self, name: str, what: str, detail: str = "") -> None:
        """Something happened to a node: started, ready, crashed, stopped by a fault."""
        ...

    def on_unexpected(self, text: str) -> None:
        """Something happened that never should."""
        ...

    def on_line(self, name: str, line: Any) -> None:
        """A node wrote a line for people."""
        ...


class _Output:
    def __init__(self, name: str, watcher: NodeWatcher) -> None:
        self._name = name
        self._watcher = watcher

    def write(self, event: Any) -> None:
        self._watcher.on_line(self._name, event)


class ValidatorNode:
    """`life`, `runner` and `store` belong to the present life, and are None while the node is down or not ready."""

    def __init__(
        self,
        index: int,
        identity: SigningKey,
        genesis: Genesis,
        network: Network,
        disk: Disk,
        proofs: ProofSystem,
        machine: Machine,
        draw: Stream,
        watcher: NodeWatcher,
    ) -> None:
        self.index = index
        self.name = validator_name(index)
        self.identity = identity
        self.genesis = genesis
        self.disk = disk
        self.clock = SimulatedClock()
        self.is_faulty = False
        """Whether it counts among the f that may do anything."""
        self.has_lost_votes = False
        """Whether its disk has lost the journal, so that a quarantine is what it should be in."""
        self.wrap: Callable[[ValidatorRunner], Handler] = lambda runner: runner
        """Puts something in front of the runner: how a Byzantine validator behaves."""
        self.life: Life | None = None
        self.runner: ValidatorRunner | None = None
        self.store: SimulatedValidatorStore | None = None
        self._network = network
        self._proofs = proofs
        self._machine = machine
        self._draw = draw
        self._watcher = watcher
        self._lives_count = 0

    @property
    def is_running(self) -> bool:
        """Whether the present life serves requests."""
        return self.runner is not None

    def start(self) -> None:
        """Begin a life. Without effect while there is one."""
        if self.life is not None:
            return
        self._lives_count += 1
        self.life = Life(self.name, self._lives_count)
        _loop().enter(self.life)
        self._watcher.on_node_event(self.name, "start", str(self._lives_count))
        self.life.spawn(self._boot(self.life))

    def crash(self, why: str) -> None:
        """End the life at this very moment."""
        life, self.life = self.life, None
        if life is None:
            return
        life.is_over = True
        if self.store is not None:
            self.store.writer.crash()
            self.disk.end_life()
        self.store = None
        self.runner = None
        self._network.forget(life)
        self._watcher.on_node_event(self.name, "crash", why)

    async def _boot(self, life: Life) -> None:
        """What `validator.process` does with the real ports."""
        draw = self._draw.fork(f"life {life.number}")
        try:
            store = self.store = SimulatedValidatorStore(self.disk, self._stopped_by)
            checker = SimulatedProofChecker(self._proofs, self._machine.times(draw.fork("proof times")))
            signatures = SimulatedSignatureChecker(self.genesis, self._machine.times(draw.fork("signature times")))
            output = _Output(self.name, self._watcher)
            runner = ValidatorRunner(self.genesis, self.identity, store, output, self._stopped_by, proofs=checker, signatures=signatures, clock=self.clock)
            await runner.prepare()
        except LocalFault as fault:
            self._stopped_by(fault)
            return
        self.disk.content.is_first_start = False
        self.runner = runner
        self._watcher.on_node_event(self.name, "ready", runner.machine.quarantine or "")
        self._network.listen(life, self._machine.serve(self.wrap(runner)))
        peers = SimulatedPeers(self._network, self.genesis, life, self.index, draw, self._machine)
        runner.peers_up = peers.up
        PeerSync(runner, store, peers, output).start()
        await runner.report_status()

    def _stopped_by(self, fault: LocalFault) -> None:
        """The process ends over a fault of its disk, and its supervisor starts it again."""
        if fault.code is not ErrorCode.STORE_WRITE:
            self._watcher.on_unexpected(f"{self.name} stopped: {fault}")
        loop = asyncio.get_running_loop()
        loop.call_soon(self.crash, f"fault {fault.code:04x}", context=contextvars.Context())
        loop.call_later(RESTART_AFTER_FAULT_S, self.start, context=contextvars.Context())


def _loop() -> Any:
    return asyncio.get_running_loop()
