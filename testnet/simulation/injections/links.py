"""Links: reset, slow, cut in one direction or in both."""

import asyncio
from collections.abc import Sequence

from typing_extensions import override

from testnet.simulation.injections.injection import Injection

SLOWER_LEAST, SLOWER_MOST = 5.0, 60.0


class Reset(Injection):
    """A connection breaks; what was on its way on it is lost."""

    name = "reset"

    @override
    def strike(self) -> bool:
        open_ones = self.world.network.connections()
        if not open_ones:
            return False
        connection = self.draw.choice(open_ones)
        self.world.network.reset(connection)
        return self.told(f"{connection.client.name}-{connection.server.life.name}")


class Slow(Injection):
    """A direction becomes many times slower for a while."""

    name = "slow"

    @override
    def strike(self) -> bool:
        ends = self.draw.sample([node.name for node in self.world.nodes], 2)
        path = self.world.network.paths.path(ends[0], ends[1])
        path.slow_factor = self.draw.between(SLOWER_LEAST, SLOWER_MOST)

        def mend() -> None:
            path.slow_factor = 1.0

        asyncio.get_running_loop().call_later(self.seconds(), mend)
        return self.told(">".join(ends))


class OneWay(Injection):
    """Nothing gets from one node to another; answers still come."""

    name = "one-way"

    @override
    def strike(self) -> bool:
        sender, receiver = self.draw.sample([node.name for node in self.world.nodes], 2)
        paths = self.world.network.paths
        paths.cut(sender, receiver)
        asyncio.get_running_loop().call_later(self.seconds(), paths.mend, sender, receiver)
        return self.told(f"{sender}>{receiver}")


class Partition(Injection):
    """Some nodes and the others do not reach each other for a while: one validator alone, or any split at all."""

    name = "partition"

    @override
    def strike(self) -> bool:
        names = [node.name for node in self.world.nodes]
        validators = [node.name for node in self.world.validators]
        alone = [self.draw.choice(validators)] if self.draw.chance(0.5) else [name for name in names if self.draw.chance(0.5)]
        others = [name for name in names if name not in alone]
        self._each(alone, others, cut=True)
        asyncio.get_running_loop().call_later(self.seconds(), lambda: self._each(alone, others, cut=False))
        return self.told(",".join(alone))

    def _each(self, ones: Sequence[str], others: Sequence[str], *, cut: bool) -> None:
        paths = self.world.network.paths
        change = paths.cut if cut else paths.mend
        for one in ones:
            for other in others:
                change(one, other)
                change(other, one)
