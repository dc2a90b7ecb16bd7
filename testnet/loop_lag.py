"""How late an event loop is: a timer that is due every few milliseconds, and by how much it misses its time.

Whatever shares the loop, a key, a packet, a measured moment, waits as long as that timer does.
"""

import asyncio
from collections import deque
from typing import Final

from testnet.traffic.latencies import percentile

KEPT: Final = 3_000


class LoopLag:
    """Watches the running loop. `start`, then `stop`; figures in milliseconds over the last `seconds`."""

    def __init__(self, *, period_s: float, seconds: float) -> None:
        """A timer each `period_s`. What is shorter than the period may be missed, so it bounds what the probe can see, and what it costs."""
        self.period_s = period_s
        self._late: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._seconds = seconds
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on, on the loop that runs now. Without effect if it does already."""
        if self._handle is None:
            self._arm()

    def stop(self) -> None:
        """No more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def figures(self) -> tuple[float, float, float]:
        """(p50, p99, longest) of the last seconds; zeros where nothing was seen yet."""
        since = asyncio.get_running_loop().time() - self._seconds
        late = sorted(ms for at, ms in self._late if at >= since)
        return (percentile(late, 50), percentile(late, 99), late[-1]) if late else (0.0, 0.0, 0.0)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.period_s
        self._handle = loop.call_at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        self._late.append((now, max(0.0, (now - due) * 1000)))
        self._arm()
