"""Traffic and measurements: what their process tells of each run, and how the screen's own process keeps up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

MAX_RUNS: Final = 24
"""Those of earlier days included."""
TARGET_MS: Final = 300.0

Kind = Literal["traffic", "measure"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Times of the payments of a run, from the call to the certificate, in milliseconds; computed where they were measured.

    `buckets`: (number, payments) of the logarithmic histogram, 120 of them a decade, the first from 1 ms on. `cumulative`: (milliseconds, payments that took
    no longer). `parts`: medians of what the time consists of. `acks_*`: from the call to the acknowledgement of a quorum, where one was seen.
    """

    counted: int
    min_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    mean_ms: float
    within_target: int
    buckets: tuple[tuple[int, int], ...]
    cumulative: tuple[tuple[int, int], ...]
    parts: tuple[tuple[str, float], ...]
    acks_p50_ms: float | None = None
    acks_p99_ms: float | None = None
    target_ms: float = TARGET_MS


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on besides the program."""

    cpu: str
    cores: int
    python: str
    version: str
    backend: str
    validators: int
    validators_here: int

    @property
    def is_shared(self) -> bool:
        """More processes that work at once than cores: validators, the payers, the screen."""
        return self.validators_here + 1 > self.cores


@dataclass(slots=True)
class RunView:
    """A stretch of traffic or a measurement. `reason` is empty while it goes on; then finished, stopped or failed."""

    key: str
    kind: Kind
    plan: dict[str, float | str]
    machine: Machine
    t_ns: int = 0
    phase: str = "preparing"
    text: str = ""
    elapsed_s: float = 0.0
    sent: int = 0
    done: int = 0
    in_flight: int = 0
    skipped: int = 0
    claims: int = 0
    failures: tuple[tuple[str, int], ...] = ()
    per_second: tuple[int, ...] = ()
    links: tuple[bool, ...] = ()
    lag_p99_ms: float = 0.0
    load: float = 0.0
    load_before: float = 0.0
    throughput: float | None = None
    unfinished: int = 0
    figures: Figures | None = None
    reason: str = ""
    date: str = ""
    file: str = ""

    @property
    def is_running(self) -> bool:
        """It goes on."""
        return not self.reason

    @property
    def failures_count(self) -> int:
        """Payments that were not made."""
        return sum(count for _, count in self.failures)

    def number(self, name: str) -> float:
        """A figure of the plan; 0 where it has none of that name."""
        value = self.plan.get(name)
        return value if isinstance(value, int | float) else 0.0


@dataclass(frozen=True, slots=True)
class ScreenLag:
    """How late the loop of the screen's own process was in the last seconds, and how much of a core that process took."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_percent: float


@dataclass(slots=True)
class PerformanceView:
    """Runs by key, the oldest first."""

    runs: dict[str, RunView] = field(default_factory=dict)
    is_starting: bool = False
    """The traffic process is being started."""
    screen: ScreenLag | None = None
    exported: tuple[str, ...] = ()
    exports_count: int = 0

    @property
    def running(self) -> RunView | None:
        """The run that goes on; there is at most one."""
        return next((run for run in reversed(self.runs.values()) if run.is_running), None)

    @property
    def traffic(self) -> RunView | None:
        """The traffic that goes on."""
        running = self.running
        return running if running is not None and running.kind == "traffic" else None

    def newest_first(self) -> Iterator[RunView]:
        """All runs."""
        return reversed(self.runs.values())

    def before(self, run: RunView) -> RunView | None:
        """The measurement before this one that asked for the same number of payments at once."""
        earlier = None
        for other in self.runs.values():
            if other is run:
                return earlier
            if other.kind == "measure" and other.figures is not None and other.number("at_once") == run.number("at_once"):
                earlier = other
        return None
