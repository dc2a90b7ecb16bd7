"""The clocks that a simulated node shows to people: virtual time, with whatever error the seed gives this node. No decision may rest on them."""

import asyncio
from dataclasses import dataclass

EPOCH_MS = 1_800_000_000_000


@dataclass(slots=True)
class SimulatedClock:
    """`offset_ms` is how wrong this node's calendar is; it may jump at any time."""

    offset_ms: int = 0

    def monotonic_ns(self) -> int:
        """Virtual nanoseconds."""
        return int(asyncio.get_running_loop().time() * 1e9)

    def time_ms(self) -> int:
        """Virtual milliseconds since 1970, and the error."""
        return EPOCH_MS + int(asyncio.get_running_loop().time() * 1e3) + self.offset_ms
