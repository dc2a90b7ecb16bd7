"""One run of the model: wallets that pay, wallets that claim, validators in a profile's cities, and at the end the same states everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mesh_core.crypto import ristretto
from mesh_core.protocol.construction import Payment
from mesh_core.types.basic import EPOCH_0, PublicKey
from mesh_core.types.committee import Committee
from testnet.profiles import Profile
from testnet.simulation.byzantine.registry import silence
from testnet.simulation.checkers.liveness import Settlement, Totality
from testnet.simulation.disk import DiskTimes
from testnet.simulation.entropy import Stream
from testnet.simulation.loop import make_loop
from testnet.simulation.modelled.busy_machine import BusyMachine
from testnet.simulation.modelled.costs import Costs
from testnet.simulation.modelled.geography import Geography
from testnet.simulation.modelled.meter import Meter
from testnet.simulation.paths import PathQuality
from testnet.simulation.proofs import StandIn
from testnet.simulation.remembering import remembered_answers
from testnet.simulation.settings import Settings
from testnet.simulation.trace import Trace
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.wallet_node import WalletNode
from testnet.simulation.world import World

PAYERS_COUNT = 10
"""They only pay, and as many others only claim: nobody's payment waits for a claim of its own."""
AMOUNT = 10
CONNECTED_AFTER_S = 2.0
PAUSE_LEAST, PAUSE_MOST = 2 / 3, 4 / 3
"""Between two payments of one wallet, times the mean."""
SETTLED_WITHIN_S = 60.0
STEP_S = 0.25
STEPS_MOST = 2_000_000_000
SECONDS_MOST = 10_000.0


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What decides a run. `silent_count` validators take everything in and say nothing."""

    seed: int
    validators: int
    profile: Profile
    silent_count: int = 0
    payments_count: int = 100
    every_s: float = 1.5
    """Mean time between two payments of each of the payers."""
    costs: Costs = field(default_factory=Costs)

    @property
    def committee(self) -> Committee:
        """For its numbers; nobody has these keys."""
        return Committee(EPOCH_0, (PublicKey(bytes(32)),) * self.validators)


@dataclass(frozen=True, slots=True)
class ModelResult:
    """Of one run. Times in ms from the order; counts of bytes and messages, and processor time, are of all payments and their claims together."""

    options: ModelOptions
    certified_ms: tuple[float, ...]
    settled_ms: tuple[float, ...]
    bytes: dict[str, int]
    messages: dict[str, int]
    validator_ms: float
    """Processor time of all validators."""
    wallet_ms: float
    seconds: float
    """From the first payment to the last."""


def run_model(options: ModelOptions) -> ModelResult:
    """Run one. Everything that it does depends on `options` alone. RuntimeError where not all is settled, and everywhere the same, in time."""
    ristretto.load_library()
    with remembered_answers():
        return _Model(options).run()


class _Model:
    def __init__(self, options: ModelOptions) -> None:
        self._options = options
        self._draw = draw = Stream(f"model {options.seed}")
        self._loop = make_loop(draw.fork("ties"), most_steps=STEPS_MOST, most_seconds=SECONDS_MOST)
        trace = Trace({})
        trace.end()  # nobody reads it, and it would be most of the work
        self._machines: dict[str, BusyMachine] = {}
        self._world = World(
            _settings(options),
            options.validators,
            draw,
            self._loop,
            trace,
            StandIn(),
            paths=Geography(draw.fork("paths"), options.profile, options.validators),
            machine_of=self._machine_of,
            rich_count=PAYERS_COUNT,
        )
        silence(self._world, draw.fork("silent"), options.silent_count)
        self._meter = Meter(self._world)
        self._ends = [Settlement(self._world), Totality(self._world)]
        self._world.checkers = [self._meter, *self._ends]

    def _machine_of(self, name: str) -> BusyMachine:
        return self._machines.setdefault(name, BusyMachine(self._options.costs, self._options.committee.quorum_threshold))

    def run(self) -> ModelResult:
        try:
            return self._loop.run(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> ModelResult:
        world, meter = self._world, self._meter
        for node in world.nodes:
            node.start()
        await world.sleep(CONNECTED_AFTER_S)
        began, before = self._loop.time(), self._busy_ms()
        meter.start()
        share, rest = divmod(self._options.payments_count, PAYERS_COUNT)
        for number, payer in enumerate(world.wallets[:PAYERS_COUNT]):
            self._loop.create_task(self._pay(payer, share + (number < rest)))
        await self._until(lambda: meter.is_done(self._options.payments_count), SECONDS_MOST)
        ended, after = self._loop.time(), self._busy_ms()
        await self._until(lambda: all(checker.is_satisfied() for checker in self._ends), SETTLED_WITHIN_S)
        for checker in self._ends:
            checker.at_end()
        if world.violations:
            raise RuntimeError(f"{self._options.validators} validators, seed {self._options.seed}: {world.violations[0].text}")
        times = meter.payments.values()
        return ModelResult(
            self._options,
            tuple((one.certified - one.ordered) * 1000 for one in times if one.certified is not None),
            tuple((one.settled - one.ordered) * 1000 for one in times if one.settled is not None),
            dict(meter.bytes),
            dict(meter.messages),
            after[0] - before[0],
            after[1] - before[1],
            ended - began,
        )

    async def _pay(self, payer: WalletNode, times_count: int) -> None:
        draw = self._draw.fork(f"{payer.name} pays")
        every_s = self._options.every_s
        await self._world.sleep(draw.between(0.0, PAUSE_MOST * every_s))
        for _ in range(times_count):
            payee = draw.choice(self._world.wallets[PAYERS_COUNT:])
            payer.pay([Payment(payee.keys.address, AMOUNT)])
            await self._world.sleep(draw.between(PAUSE_LEAST * every_s, PAUSE_MOST * every_s))

    def _busy_ms(self) -> tuple[float, float]:
        """Processor time so far: of the validators, and of the wallets."""
        return self._busy_of(self._world.validators), self._busy_of(self._world.wallets)

    def _busy_of(self, nodes: Sequence[ValidatorNode | WalletNode]) -> float:
        return 1000 * sum(self._machines[node.name].processor.busy_seconds for node in nodes)

    async def _until(self, is_enough: Callable[[], bool], most_seconds: float) -> None:
        deadline = self._loop.time() + most_seconds
        while not is_enough() and self._loop.time() < deadline and not self._world.violations:
            await self._world.sleep(STEP_S)


def _settings(options: ModelOptions) -> Settings:
    """No faults but silence. What a profile or a cost says is not asked of the settings."""
    sync_s = options.costs.sync_ms / 1000
    return Settings(
        wallets_count=2 * PAYERS_COUNT,
        payments_count=options.payments_count,
        payment_interval=0.0,
        fault_seconds=0.0,
        heal_seconds=0.0,
        quality=PathQuality(0.0, 0.0),
        disk=DiskTimes(sync_s, sync_s),
        proof_seconds=0.0,
        every={},
        lasting="none",
        byzantine_count=options.silent_count,
        clients=(),
    )
