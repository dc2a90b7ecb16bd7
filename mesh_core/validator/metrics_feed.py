"""Once a second the event loop makes a snapshot of what a validator measures; whoever asks for metrics gets the latest (metrics.py)."""

import asyncio
import time
from dataclasses import dataclass, field

from mesh_core.storage.database import CommitStatistics
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.validator.config import MetricsAddress
from mesh_core.validator.measures import DurationHistogram
from mesh_core.validator.metrics import CONTENT_TYPE, MetricsCollector, MetricsFiles, MetricsSnapshot, make_registry, render
from mesh_core.validator.metrics_endpoint import MetricsEndpoint
from mesh_core.validator.output import LineWriter
from mesh_core.validator.reporting import Reporter

SNAPSHOT_INTERVAL_S = 1.0


@dataclass(slots=True)
class CommitHistogram:
    """All commits by class, from statistics that keep only the last ones."""

    histogram: DurationHistogram = field(default_factory=DurationHistogram)
    _count: int = 0
    _sum_seconds: float = 0.0

    def follow(self, statistics: CommitStatistics) -> None:
        """Take over what is new. Where more commits were made than are kept, the others count with their mean, so that number and sum stay true."""
        new_count = statistics.count - self._count
        known = statistics.recent_seconds[-new_count:] if new_count else ()
        for seconds in known:
            self.histogram.add(seconds)
        missed_count = new_count - len(known)
        if missed_count:
            self.histogram.add(max(0.0, statistics.sum_seconds - self._sum_seconds - sum(known)) / missed_count, missed_count)
        self._count, self._sum_seconds = statistics.count, statistics.sum_seconds


class MetricsFeed:
    """Makes the snapshots. All methods are called from the validator's event loop; `latest` may be read from any thread."""

    def __init__(self, reporter: Reporter, output: LineWriter) -> None:
        self._reporter = reporter
        self._output = output
        self._commits, self._journal = CommitHistogram(), CommitHistogram()
        self.latest = self._take()

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(SNAPSHOT_INTERVAL_S)
            self.latest = self._take()

    def _take(self) -> MetricsSnapshot:
        runner, store = self._reporter.runner, self._reporter.store
        self._commits.follow(store.statistics)
        self._journal.follow(store.journal_statistics)
        committee = runner.machine.genesis.committee
        return MetricsSnapshot(
            report=self._reporter.report(),
            taken_at_ns=time.monotonic_ns(),
            validators_count=committee.size,
            quorum_threshold=committee.quorum_threshold,
            refusals=dict(runner.refusals),
            times={
                "vote_seconds": runner.vote_times.histogram.counts(),
                "durable_seconds": runner.durable_times.histogram.counts(),
                "database_commit_seconds": self._commits.histogram.counts(),
                "journal_write_seconds": self._journal.histogram.counts(),
                "proof_check_seconds": runner.proof_times.histogram.counts(),
            },
            lines_dropped=self._output.dropped_count,
        )


def make_endpoint(address: MetricsAddress, feed: MetricsFeed, store: ValidatorStore) -> MetricsEndpoint:
    """The endpoint that tells what `feed` has taken last. Not yet open."""
    files = MetricsFiles(store.path, store.journal_path)
    registry = make_registry(MetricsCollector(lambda: feed.latest, files, time.monotonic_ns))
    return MetricsEndpoint(address.host, address.port, lambda: render(registry), CONTENT_TYPE)
