"""Times of the last so many runs of something, for those who look after a validator."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median_low

KEPT = 1024


@dataclass(frozen=True, slots=True)
class TimesSummary:
    """All in milliseconds, over the last `of` of `count` runs; zeros where there was none."""

    count: int
    of: int
    last_ms: float
    median_ms: float
    p99_ms: float
    max_ms: float


@dataclass(slots=True)
class RecentTimes:
    """The last 1,024 durations, and how many there were in all."""

    count: int = 0
    _kept: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def last_seconds(self) -> float:
        """The latest duration; 0 before the first."""
        return self._kept[-1] if self._kept else 0.0

    def add(self, seconds: float) -> None:
        """One more run."""
        self.count += 1
        self._kept.append(seconds)

    def summary(self) -> TimesSummary:
        """What they come to."""
        if not self._kept:
            return TimesSummary(0, 0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(self._kept)
        p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        return TimesSummary(self.count, len(ordered), *(round(seconds * 1000, 3) for seconds in (self._kept[-1], median_low(ordered), p99, ordered[-1])))
