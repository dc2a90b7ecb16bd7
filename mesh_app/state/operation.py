"""What the operator of validators looks at: lines between them, what they report when asked, their configuration."""

from dataclasses import dataclass, field

PERCENT = 100
WALLETS_END = -1
"""The end of a line that is the wallets, beside the validators' indices."""

LineKey = tuple[int, int]
"""Both ends of a line, the lower one first."""


@dataclass(frozen=True, slots=True)
class LineCondition:
    """A line that is not direct. `delay_ms` is added each way, `jitter_ms` on top of it in the mean; loss, reordering and duplication are shares."""

    is_cut: bool
    delay_ms: float
    loss: float
    jitter_ms: float = 0.0
    reordering: float = 0.0
    duplication: float = 0.0
    bandwidth_kbit_s: float = 0.0


def condition_words(condition: LineCondition | None) -> str:
    """`direct`, `cut`, `slower by 50 ms each way`."""
    if condition is None:
        return "direct"
    if condition.is_cut:
        return "cut"
    parts = [f"slower by {condition.delay_ms:g} ms each way"] if condition.delay_ms else []
    parts += [f"jittering by {condition.jitter_ms:g} ms"] if condition.jitter_ms else []
    parts += [f"losing {condition.loss * PERCENT:.3g} % of its datagrams"] if condition.loss else []
    parts += [f"swapping {condition.reordering * PERCENT:.3g} %"] if condition.reordering else []
    parts += [f"doubling {condition.duplication * PERCENT:.3g} %"] if condition.duplication else []
    parts += [f"carrying {condition.bandwidth_kbit_s:g} kbit/s"] if condition.bandwidth_kbit_s else []
    return ", ".join(parts) or "relayed"


@dataclass(frozen=True, slots=True)
class PeerView:
    """Another validator as one sees it."""

    is_up: bool
    rtt_ms: float | None
    cursor: int
    log_length: int
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class TimesView:
    """Durations in milliseconds. `figures` are (name, value): last, median, p99, max; `count` since the start."""

    count: int
    figures: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """What a validator said of itself when it was asked, and what the system says of its process."""

    t_ns: int
    public_key: str
    uptime_s: float
    quarantine: str
    is_halted: bool
    is_syncing: bool
    supply_audit: bool | None
    log_length: int
    state_digest: str
    digest_log_length: int
    counts: tuple[tuple[str, int], ...]
    queues: tuple[tuple[str, int], ...]
    times: tuple[tuple[str, TimesView], ...]
    certificates_per_s: float
    peers: dict[int, PeerView]
    cpu_percent: float | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class ConfigView:
    """A configuration file as it is on the disk."""

    path: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class OperationView:
    """All of it, by the validator's index. `counts` are datagrams forwarded and dropped by the relays of a line, (dialler, listener)."""

    lines: dict[LineKey, LineCondition] = field(default_factory=dict)
    counts: dict[LineKey, tuple[int, int]] = field(default_factory=dict)
    reports: dict[int, ReportView] = field(default_factory=dict)
    configs: dict[int, ConfigView] = field(default_factory=dict)
    modules: dict[int, str] = field(default_factory=dict)
    """What runs in a validator's place, for the laboratory; empty for the validator as it is."""

    def condition(self, one: int, other: int) -> LineCondition | None:
        """What is done to a line; None for a direct one."""
        return self.lines.get((min(one, other), max(one, other)))

    def dropped(self, one: int, other: int) -> int:
        """Datagrams that the line's relays dropped, in both directions."""
        return sum(self.counts.get(ends, (0, 0))[1] for ends in ((one, other), (other, one)))
