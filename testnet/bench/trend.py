"""Does it grow? A straight line through samples, and how sure its slope is. Pure.

Samples of one process's memory depend on each other: what was allocated stays. A fit through all of them would believe itself much too sure, so they are first
averaged into blocks, and the line goes through these.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

BLOCKS: Final = 20
WARM_UP: Final = 1 / 3
WARM_UP_LEAST_S: Final = 900.0
"""So much of a run is left out, the longer of the two: caches fill, and the allocator takes what it needs at most. Measured at five payments a second:
validators grew by 7.5 MiB an hour from the third minute to the sixth, then by 6.5, 4.5, 2.4 and 2.4, while no object of theirs grew in number or size."""
FLAT_SHARE: Final = 0.02
"""Of the memory there is, in an hour."""
HOUR_S: Final = 3600.0
LEAST_BLOCKS: Final = 5
_T_95: Final = {3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 12: 2.179, 14: 2.145, 16: 2.12, 18: 2.101}
"""Student's t, two-sided 95 %, by degrees of freedom."""


class Verdict(StrEnum):
    """What the interval of the slope says."""

    FLAT = "flat"
    GROWS = "grows"
    UNDECIDED = "undecided"
    """The interval has both in it: the run was too short."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Bytes an hour, with the 95 % interval, and the mean of what was fitted."""

    per_hour: float
    low: float
    high: float
    mean: float
    verdict: Verdict


def fit(points: Sequence[tuple[float, float]]) -> Trend | None:
    """The trend of (seconds, bytes) behind the warm-up; None of too few samples for any."""
    if not points:
        return None
    first, last = points[0][0], points[-1][0]
    kept = [point for point in points if point[0] >= first + max((last - first) * WARM_UP, WARM_UP_LEAST_S)]
    blocks = _blocks(kept, min(BLOCKS, len(kept)))
    if len(blocks) < LEAST_BLOCKS:
        return None
    xs, ys = [x for x, _ in blocks], [y for _, y in blocks]
    middle, mean = statistics.fmean(xs), statistics.fmean(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    slope = sum((x - middle) * (y - mean) for x, y in blocks) / spread
    residual = sum((y - mean - slope * (x - middle)) ** 2 for x, y in blocks)
    freedom = len(blocks) - 2
    error = math.sqrt(residual / freedom / spread) * _t_95(freedom)
    low, high = (slope - error) * HOUR_S, (slope + error) * HOUR_S
    return Trend(slope * HOUR_S, low, high, mean, judge(low, high, mean))


def judge(low: float, high: float, mean: float) -> Verdict:
    """Flat if even the upper end of the interval is less than two percent of the memory in an hour; growing if even the lower end is more."""
    limit = FLAT_SHARE * mean
    return Verdict.FLAT if high < limit else Verdict.GROWS if low > limit else Verdict.UNDECIDED


def _blocks(points: Sequence[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """Means of so many stretches of equal length."""
    edges = [len(points) * number // count for number in range(count + 1)] if count else []
    parts = [points[start:end] for start, end in pairwise(edges) if end > start]
    return [(statistics.fmean(x for x, _ in part), statistics.fmean(y for _, y in part)) for part in parts]


def _t_95(freedom: int) -> float:
    """Of the next smaller number in the table, which is the larger value."""
    return _T_95[max(known for known in _T_95 if known <= freedom)]
