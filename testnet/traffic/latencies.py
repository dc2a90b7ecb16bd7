"""Durations of payments: percentiles, and the histogram's buckets. Pure.

Percentiles are exact, by nearest rank: the p99 of 100 payments is the second longest, a payment that was made and not a value between two. The histogram is
logarithmic, since a payment of 30 ms and one that waited 3 s must both be seen.
"""

import bisect
import math
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

TARGET_MS: Final = 300.0
"""A payment that is final within so long feels immediate; what this project promises."""
BUCKETS_PER_DECADE: Final = 120
"""Many divisors, so that a screen of any width can put whole buckets together into columns."""
TARGET_BUCKET: Final = 300
"""The first one beyond the target: it is an edge between two buckets, so that a histogram shows on which side of it a payment is."""
FIRST_BUCKET_MS: Final = TARGET_MS / 10 ** (TARGET_BUCKET / BUCKETS_PER_DECADE)
BUCKETS_COUNT: Final = 5 * BUCKETS_PER_DECADE
"""0.95 ms to 95 s. What is shorter stands in the first bucket, what is longer in the last."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of `ordered` (ascending, not empty) that at least `percent` of all do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def bucket_of(ms: float) -> int:
    """The histogram's bucket of a duration. A bucket holds its upper end."""
    if ms <= FIRST_BUCKET_MS:
        return 0
    return min(BUCKETS_COUNT - 1, max(0, math.ceil(math.log10(ms / FIRST_BUCKET_MS) * BUCKETS_PER_DECADE - 1e-9) - 1))


class Latencies:
    """The last `keep` durations in milliseconds, in order of size."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._by_age: deque[float] = deque()
        self._ordered: list[float] = []
        self._buckets: Counter[int] = Counter()

    def add(self, ms: float) -> None:
        """One more; the oldest goes where there are too many."""
        if len(self._by_age) == self._keep:
            oldest = self._by_age.popleft()
            del self._ordered[bisect.bisect_left(self._ordered, oldest)]
            self._buckets[bucket_of(oldest)] -= 1
        self._by_age.append(ms)
        bisect.insort(self._ordered, ms)
        self._buckets[bucket_of(ms)] += 1

    def __len__(self) -> int:
        return len(self._ordered)

    def figures(self) -> dict[str, float]:
        """min, p50, p95, p99, max and mean; empty where there is nothing yet."""
        ordered = self._ordered
        if not ordered:
            return {}
        return {
            "min_ms": ordered[0],
            "p50_ms": percentile(ordered, 50),
            "p95_ms": percentile(ordered, 95),
            "p99_ms": percentile(ordered, 99),
            "max_ms": ordered[-1],
            "mean_ms": round(math.fsum(ordered) / len(ordered), 3),
        }

    def within(self, ms: float) -> int:
        """How many took no longer than `ms`."""
        return bisect.bisect_right(self._ordered, ms)

    def buckets(self) -> list[list[int]]:
        """(bucket, count) of those that are not empty, in order."""
        return [[bucket, count] for bucket, count in sorted(self._buckets.items()) if count]
