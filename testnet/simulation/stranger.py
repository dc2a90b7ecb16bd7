"""Somebody on the way, who hears what is sent and offers it again with one bit changed. Nothing may come of it."""

from testnet.simulation.life import Life
from testnet.simulation.loop import SimulatedLoop
from testnet.simulation.network import Network


class Stranger:
    """Connects anew for every offer."""

    def __init__(self, network: Network, loop: SimulatedLoop) -> None:
        self._network = network
        self._life = Life("stranger", 1)
        loop.enter(self._life)

    def offer(self, server: str, data: bytes, type_byte: int) -> None:
        """Offer these bytes as a request of this type."""
        self._network.offer(self._life, server, type_byte, data)
