"""An event loop whose clock does not pass while its process is held up.

Where both ends of a connection live in one process, a machine that stops it for a second takes that second from both: nobody was silent, and yet every timer is
due before the first byte is read. What is left unanswered by this clock was left unanswered by somebody.
"""

import asyncio
import math
import selectors
import time

from typing_extensions import override

MOST_IN_A_TURN_S = 0.001
"""What the callbacks of one turn of the loop take, as this clock tells it, however long they were held up."""


class _SteadyClock(selectors.DefaultSelector):
    """Counts what was waited for, and of what was done at most a little."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = self._looked_at = self._told = time.monotonic()

    def time(self) -> float:
        """Never the same twice: timers of one moment have no order in asyncio, and what was asked for first is to happen first."""
        now = self._shown + min(time.monotonic() - self._looked_at, MOST_IN_A_TURN_S)
        self._told = max(now, math.nextafter(self._told, math.inf))
        return self._told

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._look(self.time())
        # What is there already was not waited for, whenever this process is allowed to see it.
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            self._look(self._shown)
            return found
        began = time.monotonic()
        found = super().select(timeout)
        waited = time.monotonic() - began
        self._look(self._shown + (waited if timeout is None else min(waited, timeout)))
        return found

    def _look(self, shown: float) -> None:
        self._shown, self._looked_at = shown, time.monotonic()


class SteadyLoop(asyncio.SelectorEventLoop):
    """A loop as asyncio's own, with that clock."""

    def __init__(self) -> None:
        self._steady_clock = _SteadyClock()
        super().__init__(self._steady_clock)

    @override
    def time(self) -> float:
        return self._steady_clock.time()
