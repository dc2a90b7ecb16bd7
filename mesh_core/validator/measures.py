"""Times of the last so many runs of something, for those who look after a validator."""

from bisect import bisect_left
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

KEPT = 1024

BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of a histogram's classes, each inclusive. Close together where a vote's parts are: an fsync, a range proof, a round trip."""


@dataclass(frozen=True, slots=True)
class TimesSummary:
    """All in milliseconds, over the last `of` of `count` runs; zeros where there was none."""

    count: int
    of: int
    last_ms: float
    median_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class HistogramCounts:
    """How many durations fell into each class of `BOUNDS_S`, the last class without an upper end; and their sum in seconds."""

    counts: tuple[int, ...]
    sum_seconds: float


@dataclass(slots=True)
class DurationHistogram:
    """All durations since the start, by class: what a monitor adds up over validators and time, which medians cannot be."""

    _counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _sum_seconds: float = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """So many more runs of this duration."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += times
        self._sum_seconds += seconds * times

    def counts(self) -> HistogramCounts:
        """As it is now."""
        return HistogramCounts(tuple(self._counts), self._sum_seconds)


@dataclass(slots=True)
class RecentTimes:
    """The last 1,024 durations, how many there were in all, and all of them by class."""

    count: int = 0
    histogram: DurationHistogram = field(default_factory=DurationHistogram)
    _kept: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def last_seconds(self) -> float:
        """The latest duration; 0 before the first."""
        return self._kept[-1] if self._kept else 0.0

    def add(self, seconds: float) -> None:
        """One more run."""
        self.count += 1
        self.histogram.add(seconds)
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
