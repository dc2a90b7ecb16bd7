"""The counts and times of one run, as far as it has come."""

import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, Final

from testnet.traffic.latencies import TARGET_MS, Latencies
from testnet.traffic.samples import PARTS, Sample

SECONDS_SHOWN: Final = 60
SHOWN_MS: Final = (10, 20, 30, 50, 100, 200, 300, 500, 1_000, 3_000)
"""It is told how many payments took no longer than each."""
PARTS_WHILE_RUNNING: Final = 200
"""The split that is shown while a run goes on is that of so many last payments: medians of all would cost the process that is being measured."""


class Tally:
    """Counts what happens; `progress` and `summary` are what is told of it. `keep` payments, the last ones, make the percentiles."""

    def __init__(self, keep: int) -> None:
        self.began_ns = time.monotonic_ns()
        self.in_flight = 0
        self.sent = 0
        self.done = 0
        self.skipped = 0
        self.failures: Counter[str] = Counter()
        self._latencies = Latencies(keep)
        self._acks = Latencies(keep)
        self._parts: deque[dict[str, float]] = deque(maxlen=keep)
        self._seconds: Counter[int] = Counter()
        self._last_ns = self.began_ns

    def begin(self) -> None:
        """The clock starts now: what came before was preparation."""
        self.began_ns = self._last_ns = time.monotonic_ns()

    def certified(self, payment_ms: float) -> None:
        """A payment is final."""
        self.done += 1
        self._last_ns = time.monotonic_ns()
        second = self._second()
        self._seconds[second] += 1
        self._seconds.pop(second - SECONDS_SHOWN - 1, None)
        self._latencies.add(payment_ms)

    def settled(self, sample: Sample) -> None:
        """A quorum has applied it: the sample is complete."""
        if sample.acks_ms is not None:
            self._acks.add(sample.acks_ms)
        if sample.payment_ms is not None:
            self._parts.append(sample.parts)

    def failed(self, code: str) -> None:
        """A payment was not made."""
        self.failures[code] += 1

    def progress(self) -> dict[str, Any]:
        """How it is now. Percentiles are of the payments kept."""
        return {
            "elapsed_s": round((time.monotonic_ns() - self.began_ns) / 1e9, 2),
            **self._counts(),
            "in_flight": self.in_flight,
            "per_second": self._per_second(),
            **self._figures(),
            "parts": _medians([*self._parts][-PARTS_WHILE_RUNNING:]),
        }

    def summary(self) -> dict[str, Any]:
        """What is to be said at the end. `throughput`: final payments a second, from the start to the last of them."""
        spent_s = (self._last_ns - self.began_ns) / 1e9
        return {
            "elapsed_s": round((time.monotonic_ns() - self.began_ns) / 1e9, 3),
            **self._counts(),
            "unfinished": self.in_flight,
            "throughput": round(self.done / spent_s, 2) if spent_s > 0 else 0.0,
            "per_second": self._per_second(),
            **self._figures(),
            "parts": _medians([*self._parts]),
        }

    def _counts(self) -> dict[str, Any]:
        failures = [[code, count] for code, count in sorted(self.failures.items())]
        return {"sent": self.sent, "done": self.done, "skipped": self.skipped, "failures": failures}

    def _figures(self) -> dict[str, Any]:
        acks = {f"acks_{name}": ms for name, ms in self._acks.figures().items()}
        return {
            **self._latencies.figures(),
            **acks,
            "counted": len(self._latencies),
            "target_ms": TARGET_MS,
            "within_target": self._latencies.within(TARGET_MS),
            "cumulative": [[ms, self._latencies.within(ms)] for ms in SHOWN_MS],
            "buckets": self._latencies.buckets(),
        }

    def _per_second(self) -> list[int]:
        """Final payments in each full second, the last ones, oldest first."""
        now = self._second()
        return [self._seconds[second] for second in range(max(0, now - SECONDS_SHOWN), now)]

    def _second(self) -> int:
        return (time.monotonic_ns() - self.began_ns) // 1_000_000_000


def _medians(parts: Sequence[dict[str, float]]) -> list[list[Any]]:
    """(part, median in milliseconds), in order. Medians of parts need not add up to the median of the whole."""
    if not parts:
        return []
    return [[name, round(statistics.median(part.get(name, 0.0) for part in parts), 3)] for name in PARTS]
