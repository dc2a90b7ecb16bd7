"""Times of the last so many runs of something, for those who look after a validator."""

from collections import deque
from collections.abc import Collection
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
        return summarize(self._kept, self.count)


def summarize(recent_seconds: Collection[float], count: int) -> TimesSummary:
    """Durations in seconds, oldest first, which are the last of `count`."""
    if not recent_seconds:
        return TimesSummary(count, 0, 0.0, 0.0, 0.0, 0.0)
    kept = tuple(recent_seconds)
    ordered = sorted(kept)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return TimesSummary(count, len(ordered), *(round(seconds * 1000, 3) for seconds in (kept[-1], median_low(ordered), p99, ordered[-1])))
