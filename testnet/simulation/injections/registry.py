"""All faults, and the clock that lets them happen."""

import asyncio

from testnet.simulation.disk import Failing
from testnet.simulation.entropy import Stream
from testnet.simulation.injections.disks import DatabaseRestored, DiskFull, LastingFault, SyncError
from testnet.simulation.injections.injection import Injection
from testnet.simulation.injections.links import OneWay, Partition, Reset, Slow
from testnet.simulation.injections.processes import ClockJump, ValidatorCrash, ValidatorPause, WalletCrash, WalletPause, WalletRestored
from testnet.simulation.paths import PathQuality
from testnet.simulation.world import World

ALL: tuple[type[Injection], ...] = (
    Reset,
    Slow,
    OneWay,
    Partition,
    ValidatorCrash,
    ValidatorPause,
    WalletCrash,
    WalletPause,
    WalletRestored,
    ClockJump,
    SyncError,
    DiskFull,
    DatabaseRestored,
)
HEALED = PathQuality(0.001, 0.004)


class Injections:
    """`start` begins, `heal` ends: every path works, every disk, every node runs."""

    def __init__(self, world: World, draw: Stream) -> None:
        self._world = world
        self._draw = draw
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        for kind in ALL:
            every = self._world.settings.every.get(kind.name)
            if every is not None:
                self._tasks.append(loop.create_task(self._repeat(kind(self._world, self._draw.fork(kind.name)), every)))
        if self._world.settings.lasting != "none":
            self._tasks.append(loop.create_task(self._strike_once()))

    def heal(self) -> None:
        """No faults from now on."""
        world = self._world
        world.is_healing = True
        for task in self._tasks:
            task.cancel()
        world.network.paths.heal(HEALED)
        world.forget_crashes()
        for node in world.nodes:
            node.disk.failing = Failing.NOTHING
            if node.life is not None:
                world.loop.resume(node.life)
            node.start()

    async def _repeat(self, injection: Injection, every: float) -> None:
        await asyncio.sleep(injection.draw.between(0.0, every) if injection.draw.chance(0.8) else 0.0)
        while True:
            injection.strike()
            await asyncio.sleep(injection.draw.between(0.3, 1.7) * every)

    async def _strike_once(self) -> None:
        settings, draw = self._world.settings, self._draw.fork("lasting")
        node = draw.choice([node for node in self._world.validators if not node.is_faulty])
        fault = LastingFault(node, settings.lasting)
        at = draw.between(0.1, 0.9) * settings.fault_seconds
        await asyncio.sleep(at * draw.between(0.1, 1.0))
        fault.take_backup()
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        fault.strike()
        self._world.fault(settings.lasting, node.name)
