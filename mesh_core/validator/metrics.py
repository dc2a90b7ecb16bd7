"""A validator's measurements in the text form of Prometheus. Public data only: counts, times and conditions; no amount, no key, no account.

Everything is told from one snapshot, which the event loop makes and never waits for anybody to read: a scrape costs no vote, and its numbers fit each other.
The registry is the validator's own: prometheus_client's global one is never written to.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from mesh_core.errors import ErrorCode
from mesh_core.validator.measures import BOUNDS_S, HistogramCounts
from mesh_core.validator.report import PeerReport, StatusReport

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
PREFIX: Final = "mesh_"


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """What is told. `taken_at_ns` is of the monotonic clock; `times` are by the names in `TIMES`."""

    report: StatusReport
    taken_at_ns: int
    validators_count: int
    quorum_threshold: int
    refusals: Mapping[ErrorCode, int]
    times: Mapping[str, HistogramCounts]
    lines_dropped: int


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: its name without prefix and suffix, its kind, what it says, its labels."""

    name: str
    kind: type[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily]
    text: str
    labels: tuple[str, ...] = ()

    @property
    def sample_name(self) -> str:
        """The name as Prometheus keeps it; a histogram's without `_bucket`, `_sum` and `_count`."""
        suffix = {CounterMetricFamily: "_total", InfoMetricFamily: "_info"}.get(self.kind, "")
        return f"{PREFIX}{self.name}{suffix}"

    @property
    def kind_name(self) -> str:
        """The kind as Prometheus calls it."""
        return {CounterMetricFamily: "counter", HistogramMetricFamily: "histogram"}.get(self.kind, "gauge")

    def family(self) -> Metric:
        """Empty."""
        return self.kind(f"{PREFIX}{self.name}", self.text, labels=self.labels)


_G, _C, _H = GaugeMetricFamily, CounterMetricFamily, HistogramMetricFamily

TIMES: Final = (
    Definition("vote_seconds", _H, "from the arrival of a vote request to the moment at which its vote leaves, disk included"),
    Definition("durable_seconds", _H, "from the queuing of a batch to the moment at which what depends on it may leave"),
    Definition("database_commit_seconds", _H, "writes of the database, the fsync included"),
    Definition("journal_write_seconds", _H, "writes of the vote journal, the fsync included"),
    Definition("proof_check_seconds", _H, "what the batch took with which a range proof was checked, once for each proof"),
)

DEFINITIONS: Final = (
    Definition("build", InfoMetricFamily, "always 1: version, group library, network, which validator", ("version", "backend", "network_name", "validator")),
    Definition("snapshot_age_seconds", _G, "age of all these numbers: about a second at most, more where the event loop hangs"),
    Definition("uptime_seconds", _G, "since the start of the process"),
    Definition("votes_cast", _C, "votes cast since the start"),
    Definition("votes_refused", _C, "refusals sent since the start, by the code of the rule", ("code", "reason")),
    Definition("voting", _G, "1 while this validator votes: neither in quarantine nor halted"),
    Definition("quarantine", _G, "1 while it does not vote, since it may have forgotten votes"),
    Definition("halted", _G, "1 when it has seen two conflicting certificates, and votes no more"),
    Definition("syncing", _G, "1 while it fetches what it missed"),
    Definition("supply_adds_up", _G, "1 where everything held adds up to the supply, 0 where not; absent where the ledger is too large to add up in passing"),
    Definition("equivocation_proofs", _G, "proofs of double signing that it holds"),
    Definition("log_certificates", _G, "certificates applied: the length of the log"),
    Definition("digest_lag_certificates", _G, "certificates that the last computed digest does not contain yet"),
    Definition("lag_certificates", _G, "how many more certificates f + 1 peers that are up say that they have"),
    Definition("catch_up_certificates_per_second", _G, "certificates that came by catch-up and were applied, over the last seconds"),
    Definition("accounts", _G, "accounts in the ledger"),
    Definition("outputs", _G, "outputs that nobody has claimed"),
    Definition("committee_validators", _G, "validators of the committee"),
    Definition("quorum_validators", _G, "votes that a certificate needs"),
    Definition("peer_up", _G, "1 while the other validator is reached", ("peer",)),
    Definition("peer_round_trip_seconds", _G, "of the last ping; absent where there was none", ("peer",)),
    Definition("peer_log_certificates", _G, "length of its log, as it says", ("peer",)),
    Definition("peer_read_certificates", _G, "how far its log was read", ("peer",)),
    Definition("peer_excluded", _G, "1 where it has sent what cannot be, and is not asked any more", ("peer",)),
    Definition("queue_depth", _G, "what waits: proofs, outbox, batches, parked, sync_requests", ("queue",)),
    Definition("journal_entries", _G, "records in the vote journal"),
    Definition("connections", _G, "QUIC connections, complete or not"),
    Definition("half_open_connections", _G, "those whose handshake is not complete"),
    Definition("subscriptions", _G, "subscriptions to events"),
    Definition("lines_dropped", _C, "lines of the standard output that found no reader in time"),
    *TIMES,
    Definition("disk_free_bytes", _G, "room for this user on the disk of the database and of the vote journal; absent where it cannot be told", ("of",)),
    Definition("file_bytes", _G, "sizes of the database, of its write-ahead log and of the vote journal; absent for a file that is not there", ("file",)),
)

_BY_NAME: Final = {one.name: one for one in DEFINITIONS}


@dataclass(frozen=True, slots=True)
class MetricsFiles:
    """The files whose sizes are told. They are looked at when somebody asks, never in the event loop: a disk that hangs holds up the metrics alone."""

    database: Path
    journal: Path

    def sizes(self) -> Iterator[tuple[str, int]]:
        """(what, bytes) of those that are there."""
        for what, path in (("database", self.database), ("wal", Path(f"{self.database}-wal")), ("journal", self.journal)):
            try:
                yield what, path.stat().st_size
            except OSError:
                continue

    def free(self) -> Iterator[tuple[str, int]]:
        """(of what, bytes) that this user may still write."""
        for what, path in (("database", self.database), ("journal", self.journal)):
            try:
                disk = os.statvfs(path.parent)
            except OSError:
                continue
            yield what, disk.f_bavail * disk.f_frsize


class MetricsCollector(Collector):
    """Turns the latest snapshot into metric families."""

    def __init__(self, latest: Callable[[], MetricsSnapshot], files: MetricsFiles, monotonic_ns: Callable[[], int]) -> None:
        self._latest = latest
        self._files = files
        self._monotonic_ns = monotonic_ns

    def describe(self) -> Iterable[Metric]:
        """Every family that there can be, empty."""
        return [one.family() for one in DEFINITIONS]

    @override
    def collect(self) -> Iterable[Metric]:
        """All families with what they say now."""
        snapshot = self._latest()
        report = snapshot.report
        age_s = (self._monotonic_ns() - snapshot.taken_at_ns) / 1e9
        return [
            _info(report),
            *(_gauge(name, value) for name, value in _gauges(snapshot)),
            _gauge("snapshot_age_seconds", age_s),
            *([] if report.supply_audit is None else [_gauge("supply_adds_up", report.supply_audit)]),
            _counter("votes_cast", report.votes_cast),
            _counter("lines_dropped", snapshot.lines_dropped),
            _refusals(snapshot.refusals),
            *_peers(report.peers),
            _labelled("queue_depth", ((name, getattr(report.queues, name)) for name in ("proofs", "outbox", "batches", "parked", "sync_requests"))),
            *(_histogram(one, snapshot.times[one.name]) for one in TIMES),
            _labelled("disk_free_bytes", self._files.free()),
            _labelled("file_bytes", self._files.sizes()),
        ]


def make_registry(collector: MetricsCollector) -> CollectorRegistry:
    """A registry of its own with the validator's metrics, and those that every process has (process_cpu_seconds_total, process_resident_memory_bytes, …)."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """Everything in the text form, `CONTENT_TYPE`."""
    return generate_latest(registry)


def _gauges(snapshot: MetricsSnapshot) -> Iterator[tuple[str, float]]:
    report = snapshot.report
    # As many as may be faulty can claim any length, and be silent when they are asked for it: every alarm for this would ring for as long as they like.
    claimed = sorted((peer.log_length for peer in report.peers if peer.up and not peer.is_excluded), reverse=True)
    longest = next(iter(claimed[(snapshot.validators_count - 1) // 3 :]), 0)
    yield "uptime_seconds", report.uptime_s
    yield "voting", not report.halted and report.quarantine is None
    yield "quarantine", report.quarantine is not None
    yield "halted", report.halted
    yield "syncing", report.syncing
    yield "equivocation_proofs", report.evidence_count
    yield "log_certificates", report.log_length
    yield "digest_lag_certificates", report.log_length - report.digest_log_length
    yield "lag_certificates", max(0, longest - report.log_length)
    yield "catch_up_certificates_per_second", report.certificates_per_s
    yield "accounts", report.accounts_count
    yield "outputs", report.outputs_count
    yield "committee_validators", snapshot.validators_count
    yield "quorum_validators", snapshot.quorum_threshold
    yield "journal_entries", report.journal_entries
    yield "connections", report.connections
    yield "half_open_connections", report.half_open_connections
    yield "subscriptions", report.subscriptions


def _info(report: StatusReport) -> Metric:
    one = _BY_NAME["build"]
    family = InfoMetricFamily(f"{PREFIX}{one.name}", one.text)
    family.add_metric((), {"version": report.version, "backend": report.backend, "network_name": report.network, "validator": f"V{report.index + 1}"})
    return family


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}{name}", _BY_NAME[name].text, value=value)


def _counter(name: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}{name}", _BY_NAME[name].text, value=value)


def _labelled(name: str, values: Iterable[tuple[str, float]]) -> Metric:
    one = _BY_NAME[name]
    family = GaugeMetricFamily(f"{PREFIX}{name}", one.text, labels=one.labels)
    for label, value in values:
        family.add_metric((label,), value)
    return family


def _refusals(refusals: Mapping[ErrorCode, int]) -> Metric:
    one = _BY_NAME["votes_refused"]
    family = CounterMetricFamily(f"{PREFIX}{one.name}", one.text, labels=one.labels)
    for code, count in sorted(refusals.items()):
        family.add_metric((f"{code:04x}", code.name), count)
    return family


def _peers(peers: tuple[PeerReport, ...]) -> Iterator[Metric]:
    named = [(f"V{peer.index + 1}", peer) for peer in peers]
    yield _labelled("peer_up", ((name, peer.up) for name, peer in named))
    yield _labelled("peer_round_trip_seconds", ((name, peer.rtt_ms / 1000) for name, peer in named if peer.rtt_ms is not None))
    yield _labelled("peer_log_certificates", ((name, peer.log_length) for name, peer in named))
    yield _labelled("peer_read_certificates", ((name, peer.cursor) for name, peer in named))
    yield _labelled("peer_excluded", ((name, peer.is_excluded) for name, peer in named))


def _histogram(one: Definition, times: HistogramCounts) -> Metric:
    running, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), times.counts, strict=True):
        running += count
        buckets.append((bound, float(running)))
    family = HistogramMetricFamily(f"{PREFIX}{one.name}", one.text)
    family.add_metric((), buckets, times.sum_seconds)
    return family
