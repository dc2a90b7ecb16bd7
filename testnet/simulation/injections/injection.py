"""A fault that happens now and then."""

from typing import Final

from testnet.simulation.entropy import Stream
from testnet.simulation.world import World


class Injection:
    """`strike` does it once; False where there was nothing to do it to. `name` is what the settings and the counts call it."""

    name = ""
    most_seconds: Final = 3.0
    """How long something that lasts lasts at most."""

    def __init__(self, world: World, draw: Stream) -> None:
        self.world = world
        self.draw = draw

    def strike(self) -> bool:
        """Let it happen."""
        raise NotImplementedError

    def seconds(self) -> float:
        """How long it lasts."""
        return self.draw.between(0.2, self.most_seconds)

    def told(self, where: str) -> bool:
        """Count it."""
        self.world.fault(self.name, where)
        return True
