"""Runs one seed from its start to its verdict."""

import contextlib
import logging
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from mesh_core.crypto import ristretto
from mesh_core.errors import ErrorCode, LocalFault
from testnet.journal import JournalWriter
from testnet.simulation.byzantine.registry import corrupt, start_clients
from testnet.simulation.checkers.checker import Violation
from testnet.simulation.checkers.registry import make_checkers
from testnet.simulation.entropy import Stream
from testnet.simulation.injections.registry import Injections
from testnet.simulation.loop import Runaway, make_loop
from testnet.simulation.mutations.registry import MUTATIONS
from testnet.simulation.proofs import ProofSystem, RealProofs, StandIn
from testnet.simulation.remembering import remembered_answers
from testnet.simulation.settings import Settings, calm_settings, draw_settings
from testnet.simulation.telling import Teller
from testnet.simulation.trace import Trace
from testnet.simulation.workload import Workload
from testnet.simulation.world import World

VALIDATORS_COUNT = 4
STEPS_MOST_EACH_WAY = 125_000
"""A run that takes more steps for each way from one validator to another, itself included, does not end."""
MOST_SECONDS = 1_000.0
SETTLING_STEP_S = 0.5
MOST_FAULT_TIMES = 1.5
"""How much longer than planned the faults go on where payments are slow; what is missing then is paid after the healing."""
MESSAGE_FAULTS = {"lost": "loss", "cut": "cut off", "twice": "duplication", "late": "reordering", "flip": "corruption"}
"""What the trace counts, and what it is called."""


@dataclass(frozen=True, slots=True)
class Options:
    """What decides a run, beside the code. `byzantine` validators misbehave from the start; None lets the seed choose none or one."""

    seed: int
    byzantine: int | None = None
    real_proofs: bool = False
    real_store: bool = False
    mutation: str = ""
    calm: bool = False
    validators: int = field(default=VALIDATORS_COUNT, metadata={"is_told_if_unusual": True})

    @property
    def faults_tolerated(self) -> int:
        """f of the committee, as `Committee.faults_tolerated` has it."""
        return (self.validators - 1) // 3

    def as_fields(self) -> dict[str, Any]:
        """For the header of a trace. What options of an earlier kind did not have is told only where it is not as usual, so that a trace stays what it was."""
        values = asdict(self)
        silent = [one.name for one in fields(self) if one.metadata.get("is_told_if_unusual") and values[one.name] == one.default]
        return {name: value for name, value in values.items() if name not in silent}

    def command(self) -> str:
        """What runs this again."""
        parts = ["mesh-testnet simulate", f"--seed {self.seed}"]
        if self.validators != VALIDATORS_COUNT:
            parts.append(f"--validators {self.validators}")
        if self.byzantine is not None:
            parts.append(f"--byzantine {self.byzantine}")
        if self.real_proofs:
            parts.append("--real-proofs")
        if self.real_store:
            parts.append("--real-store")
        if self.mutation:
            parts.append(f"--mutate {self.mutation}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What a run found. `digest` is the trace's hash."""

    options: Options
    violations: tuple[Violation, ...]
    events_count: int
    certificates_count: int
    payments_count: int
    counts: dict[str, int]
    faults: dict[str, int]
    virtual_seconds: float
    digest: str
    steps_count: int = field(default=0)


def run_seed(options: Options, trace_path: Path | None = None, journal: JournalWriter | None = None, *, is_remembering: bool = True) -> SeedResult:
    """Run one seed. Everything that it does depends on `options` alone. OSError if the trace cannot be written.

    With a `journal` the run is told there in the events of the workstation; that changes nothing in it. LocalFault if the journal cannot be written.
    Answers of pure functions are remembered meanwhile, if that is not declined: that changes nothing either, and saves time.
    """
    ristretto.load_library()
    with remembered_answers() if is_remembering else contextlib.nullcontext():
        if options.mutation:
            mutation = MUTATIONS[options.mutation]
            mutation.apply()
            options = replace(options, real_proofs=options.real_proofs or mutation.needs_real_proofs)
        return _run_seed(options, trace_path, journal)


def _run_seed(options: Options, trace_path: Path | None, journal: JournalWriter | None) -> SeedResult:
    draw = Stream(f"seed {options.seed}")
    settings = calm_settings() if options.calm else draw_settings(draw.fork("settings"), options.faults_tolerated, options.byzantine)
    with Trace({"options": options.as_fields()}, trace_path) as trace, contextlib.ExitStack() as stack:
        trace.add(0.0, "settings", **settings.as_fields())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesh-simulation-"))) if options.real_store else None
        return _Run(options, settings, draw, trace, folder, journal).run()


class _Run:
    def __init__(self, options: Options, settings: Settings, draw: Stream, trace: Trace, folder: Path | None, journal: JournalWriter | None) -> None:
        self._options = options
        self._trace = trace
        self._draw = draw
        self._loop = make_loop(draw.fork("ties"), most_steps=STEPS_MOST_EACH_WAY * options.validators**2, most_seconds=MOST_SECONDS)
        proofs: ProofSystem = RealProofs() if options.real_proofs else StandIn()
        self._world = World(settings, options.validators, draw, self._loop, trace, proofs, folder)
        self._world.checkers = make_checkers(self._world)
        if journal is not None:
            indices = {node.name: node.index for node in self._world.validators}
            self._world.teller = Teller(journal, self._world.genesis, indices, self._loop.time, real_proofs=options.real_proofs)

    def run(self) -> SeedResult:
        watcher = _LogWatcher(self._world)
        logger = logging.getLogger("mesh_core")
        was_propagating, logger.propagate = logger.propagate, False
        logger.addHandler(watcher)
        try:
            self._loop.run(self._main())
        except Runaway as runaway:
            self._world.on_unexpected(f"it does not end: {runaway}")
        except Exception as error:
            error.add_note(self._options.command())
            raise
        finally:
            self._trace.end()
            self._end_journal()
            result = self._result()
            self._loop.close()
            for node in self._world.validators:
                node.disk.end_life()
            logger.removeHandler(watcher)
            logger.propagate = was_propagating
        return result

    def _end_journal(self) -> None:
        teller, self._world.teller = self._world.teller, None
        if teller is not None:
            teller.end()

    def _tell_chapter(self, title: str) -> None:
        if self._world.teller is not None:
            self._world.teller.chapter(title)

    async def _main(self) -> None:
        world = self._world
        self._tell_chapter(f"Seed {self._options.seed}: payments under faults")
        injections = Injections(world, self._draw.fork("faults"))
        corrupt(world, self._draw.fork("byzantine"), world.settings.byzantine_count)
        for node in world.nodes:
            node.start()
        injections.start()
        start_clients(world, self._draw.fork("clients"))
        workload = Workload(world, self._draw.fork("workload"))
        await workload.run(MOST_FAULT_TIMES * world.settings.fault_seconds)
        await self._until(lambda: self._loop.time() >= world.settings.fault_seconds)
        injections.heal()
        self._tell_chapter("Every fault is over: what is missing settles")
        await workload.run(world.settings.fault_seconds)
        workload.pay_once_more()
        healed_at = self._loop.time()
        await self._until(lambda: self._loop.time() >= healed_at + world.settings.heal_seconds or all(checker.is_satisfied() for checker in world.checkers))
        for checker in () if world.violations else world.checkers:
            checker.at_end()

    async def _until(self, is_enough: Callable[[], bool]) -> None:
        """Let time pass; not after a violation, since what comes after it says nothing."""
        while not self._world.violations and not is_enough():
            await self._world.sleep(SETTLING_STEP_S)

    def _message_faults(self) -> dict[str, int]:
        counts = {name: self._trace.counts[event] for event, name in MESSAGE_FAULTS.items() if event in self._trace.counts}
        torn = sum(node.disk.torn_count for node in self._world.nodes)
        return {**counts, "torn record": torn} if torn else counts

    def _result(self) -> SeedResult:
        world = self._world
        return SeedResult(
            self._options,
            tuple(world.violations),
            self._trace.events_count,
            len(world.statistics.certificates),
            world.statistics.sends_count,
            dict(self._trace.counts),
            {**world.statistics.faults, **self._message_faults()},
            round(self._loop.time(), 6),
            self._trace.digest(),
            self._loop.steps_count,
        )


class _LogWatcher(logging.Handler):
    """The product logs exceptions where a bug of ours would otherwise pass unseen: here each is a violation. Disks that were made to fail are none."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error: Any = record.exc_info[1] if record.exc_info else None
        is_disk_failing = isinstance(error, LocalFault) and error.code is ErrorCode.STORE_WRITE
        if error is None or is_disk_failing:
            return
        self._world.on_unexpected(f"logged: {record.getMessage()} {error!r}")
