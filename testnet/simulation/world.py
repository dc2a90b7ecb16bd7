"""One simulated network: its nodes, its oracles, and what happened so far."""

import asyncio
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import MeshError
from mesh_core.protocol.certificates import CheckedCertificate, decode_certificate
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.protocol.records import LOG_ENTRY, certificate_key, log_key
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.genesis import Allocation, GenesisDoc
from mesh_core.types.transition import Kind
from testnet.simulation.checkers.checker import Checker, Violation
from testnet.simulation.disk import Disk
from testnet.simulation.entropy import Stream
from testnet.simulation.file_disk import FileDisk
from testnet.simulation.ghost import Ghost
from testnet.simulation.life import Life
from testnet.simulation.loop import SimulatedLoop
from testnet.simulation.machine import DrawnMachine, Machine
from testnet.simulation.network import Network, Sent
from testnet.simulation.paths import Paths
from testnet.simulation.proofs import ProofSystem
from testnet.simulation.settings import Settings
from testnet.simulation.stranger import Stranger
from testnet.simulation.telling import Teller
from testnet.simulation.trace import Trace
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.wallet_node import WalletNode
from testnet.simulation.ways import validator_name

SUPPLY_EACH = 1_000_000
WALLET_NAMES = (
    *("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"),
    *("kevin", "laura", "mike", "nina", "oscar", "peggy", "quinn", "ruth", "sybil", "trent"),
)
RICH_COUNT = 3
"""So many of the wallets have money at the start, unless told otherwise."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+|\.\.\.x[0-9a-f]+")
"""Where an object stands in memory is not the seed's doing."""


@dataclass(slots=True)
class _Progress:
    """How far the oracles have read one validator's ledger."""

    life: Life | None = None
    length: int = -1
    is_started: bool = False


@dataclass(slots=True)
class _Armed:
    """A crash that comes after so many steps."""

    steps: int
    crash: Callable[[], None]


@dataclass(slots=True)
class Statistics:
    """What a run amounted to."""

    faults: dict[str, int] = field(default_factory=dict)
    certificates: set[Hash32] = field(default_factory=set)
    """All that some correct validator has applied."""
    sends_count: int = 0
    """Those among them that pay somebody."""

    def settled(self, checked: CheckedCertificate) -> None:
        """A correct validator has applied a certificate."""
        if checked.cert_id not in self.certificates:
            self.certificates.add(checked.cert_id)
            self.sends_count += checked.core.kind is Kind.SEND

    def count(self, fault: str) -> None:
        """A fault has happened."""
        self.faults[fault] = self.faults.get(fault, 0) + 1


class World:
    """Made inside the loop. `checkers` is filled by whoever runs the world."""

    def __init__(
        self,
        settings: Settings,
        validators_count: int,
        draw: Stream,
        loop: SimulatedLoop,
        trace: Trace,
        proofs: ProofSystem,
        folder: Path | None = None,
        *,
        paths: Paths | None = None,
        machine_of: Callable[[str], Machine] | None = None,
        rich_count: int = RICH_COUNT,
    ) -> None:
        """With a `folder` the validators' disks are real files in it. `paths` and the nodes' machines, by name, are by default what the settings say."""
        self._folder = folder
        self.settings = settings
        self.draw = draw
        self.loop = loop
        self.trace = trace
        self.proofs = proofs
        self.is_healing = False
        self.violations: list[Violation] = []
        self.statistics = Statistics()
        self.checkers: list[Checker] = []
        self.line_watchers: list[Callable[[str, Any], None]] = []
        """Told every line that a node writes for people, with the node's name."""
        self.teller: Teller | None = None
        """Where a journal of the run is wanted."""
        self._progress: defaultdict[str, _Progress] = defaultdict(_Progress)
        self._armed: dict[Life, _Armed] = {}
        self._payments = itertools.count(1)
        names = WALLET_NAMES[: settings.wallets_count]
        seeds = {name: draw.fork(f"seed of {name}")(32) for name in names}
        self.strangers = {name: WalletKeys.from_seed(draw.fork(f"seed of {name}")(32)) for name in settings.clients}
        keys = sorted((SigningKey(draw.fork(f"validator {index}")(32)) for index in range(validators_count)), key=lambda key: key.public_key)
        owners = {name: WalletKeys.from_seed(seed).owner for name, seed in seeds.items()}
        self.genesis = _make_genesis(keys, [*(owners[name] for name in names[:rich_count]), *(keys.owner for keys in self.strangers.values())], draw)
        self.owners: list[PublicKey] = [*owners.values(), *(keys.owner for keys in self.strangers.values())]
        self.ghost = Ghost(self.genesis, honest_owners=set(owners.values()))
        self.machine_of = (lambda _: DrawnMachine(settings.proof_seconds)) if machine_of is None else machine_of
        self.network = Network(draw, Paths(draw.fork("paths"), settings.quality) if paths is None else paths, trace)
        self.network.on_sent = self._on_sent
        self.network.on_corrupted = Stranger(self.network, loop).offer
        self.validators = [self._make_validator(index, key) for index, key in enumerate(keys)]
        self.wallets = [self._make_wallet(name, seed) for name, seed in seeds.items()]
        self._by_name = {node.name: node for node in self.validators}
        loop.after_step = self._after_step

    def _make_validator(self, index: int, key: SigningKey) -> ValidatorNode:
        name = validator_name(index)
        draw = self.draw.fork(name)
        times = self.settings.disk
        if self._folder is None:
            disk = Disk(draw.fork("disk"), times)
        else:
            header = self.genesis.network_id + key.public_key
            disk = FileDisk(draw.fork("disk"), times, self._folder / name, header, lambda text: self.report_violation("INV-5", text))
        return ValidatorNode(index, key, self.genesis, self.network, disk, self.proofs, self.machine_of(name), draw, self)

    def _make_wallet(self, name: str, seed: bytes) -> WalletNode:
        draw = self.draw.fork(name)
        disk = Disk(draw.fork("disk"), self.settings.disk)
        number = self._payments
        return WalletNode(
            name,
            seed,
            self.genesis,
            self.network,
            disk,
            self.proofs,
            self.machine_of(name),
            draw,
            self,
            self.ghost.on_draft,
            lambda: next(number),
        )

    # --- Who is who

    @property
    def nodes(self) -> Sequence[ValidatorNode | WalletNode]:
        """All nodes."""
        return (*self.validators, *self.wallets)

    def validator(self, name: str) -> ValidatorNode:
        """A validator by the name of its node."""
        return self._by_name[name]

    def is_correct(self, name: str) -> bool:
        """Whether a node is a validator that does not count among the faulty ones."""
        node = self._by_name.get(name)
        return node is not None and not node.is_faulty

    @property
    def correct_validators(self) -> list[ValidatorNode]:
        """Those that do not count among the faulty ones."""
        return [node for node in self.validators if not node.is_faulty]

    @property
    def is_agreement_promised(self) -> bool:
        """Whether no more validators are faulty than the committee bears."""
        return len(self.validators) - len(self.correct_validators) <= self.genesis.committee.faults_tolerated

    # --- What is told

    def report_violation(self, invariant: str, text: str) -> None:
        """A property does not hold."""
        text = _ADDRESS.sub("", text)
        self.trace.add(self.loop.time(), "violation", inv=invariant, text=text)
        self.violations.append(Violation(invariant, text, self.loop.time()))

    def on_unexpected(self, text: str) -> None:
        """Something happened that never should, whichever property it belongs to."""
        self.report_violation("UNEXPECTED", text)

    def on_node_event(self, name: str, what: str, detail: str = "") -> None:
        """A node started, crashed, paid."""
        self.trace.add(self.loop.time(), what, a=name, x=detail)
        if self.teller is None:
            return
        self.teller.on_node_event(name, what, detail)
        runner = self._by_name[name].runner if what == "ready" and name in self._by_name else None
        if runner is not None:
            log_length, digest = runner.digest
            self.teller.on_ready(name, log_length, digest)

    def on_line(self, name: str, line: Any) -> None:
        """A node wrote a line for people."""
        for watcher in self.line_watchers:
            watcher(name, line)
        if self.teller is not None:
            self.teller.on_line(name, line)

    def fault(self, kind: str, where: str) -> None:
        """A fault is put in."""
        self.statistics.count(kind)
        self.trace.add(self.loop.time(), "fault", kind=kind, a=where)
        if self.teller is not None:
            self.teller.caption(f"{kind}: {where}")

    # --- After every step

    def _on_sent(self, sent: Sent) -> None:
        if sent.vote is not None:
            self.ghost.on_vote(sent.vote)
        for checker in self.checkers:
            checker.on_sent(sent)

    def _after_step(self, life: Life | None) -> None:
        node = None if life is None else self._by_name.get(life.name)
        if node is not None and life is not None and node.life is life and node.runner is not None:
            self._read_ledger(node, life)
        if life is not None and self._armed:
            self._count_down(life)
        if self.loop.failures:
            for text in self.loop.failures:
                self.on_unexpected(text)
            self.loop.failures.clear()

    def _read_ledger(self, node: ValidatorNode, life: Life) -> None:
        """Tell the oracles what a validator has applied since they looked last."""
        assert node.runner is not None
        assert node.store is not None
        progress = self._progress[node.name]
        if progress.life is life and progress.length == node.runner.machine.ledger.globals.log_length:
            return
        if node.store.writer.has_failed:
            return
        if progress.life is not life:
            progress.life, progress.length = life, 0
            for checker in self.checkers:
                checker.on_start(node)
        first, progress.length = progress.length, node.runner.machine.ledger.globals.log_length
        for index in range(first, progress.length):
            checked = self._certificate_at(node, index)
            if checked is None:
                return
            if not node.is_faulty:
                self.statistics.settled(checked)
            for checker in self.checkers:
                checker.on_applied(node, index, checked)
        for checker in self.checkers:
            checker.on_ledger(node)

    def _certificate_at(self, node: ValidatorNode, index: int) -> CheckedCertificate | None:
        assert node.store is not None
        entry = node.store.get(log_key(index))
        data = None if entry is None else node.store.get(certificate_key(LOG_ENTRY.decode(entry).cert_id))
        try:
            return None if data is None else decode_certificate(data, self.genesis)
        except MeshError:
            return None
        finally:
            if data is None:
                self.report_violation("INV-10", f"{node.name}'s log has no certificate at index {index}")

    # --- Crashes at a step

    def crash_after(self, life: Life, steps: int, crash: Callable[[], None]) -> None:
        """Call `crash` when the life has done so many more steps; never, if it is over before."""
        self._armed[life] = _Armed(steps, crash)

    def forget_crashes(self) -> None:
        """Those that have not come do not come."""
        self._armed.clear()

    def _count_down(self, life: Life) -> None:
        armed = self._armed.get(life)
        if armed is None:
            return
        armed.steps -= 1
        if armed.steps < 0:
            del self._armed[life]
            if not life.is_over:
                armed.crash()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


def _make_genesis(keys: list[SigningKey], rich: list[PublicKey], draw: Stream) -> Genesis:
    allocations = tuple(Allocation(owner, SUPPLY_EACH) for owner in sorted(rich))
    fees = draw.fork("fees")
    return check_genesis(GenesisDoc("simulation", bytes(32), fees.whole(0, 3), fees.whole(0, 2), tuple(key.public_key for key in keys), allocations))
