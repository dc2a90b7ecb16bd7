"""Something that does one thing after the other: a processor, or a narrow line."""

import math


class Queue:
    """First come, first served. Pure: the clock is an argument."""

    def __init__(self) -> None:
        self.busy_seconds = 0.0
        """Seconds of work so far."""
        self._free_at = -math.inf

    def take(self, seconds: float, now: float) -> float:
        """Put work of so many seconds behind what is there; when it is done."""
        self.busy_seconds += seconds
        self._free_at = max(now, self._free_at) + seconds
        return self._free_at
