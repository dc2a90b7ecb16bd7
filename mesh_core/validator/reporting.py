"""Gathers what `--status` tells from the parts of a running validator."""

import importlib.metadata
import os
from dataclasses import dataclass, field

from mesh_core.crypto import ristretto
from mesh_core.network.server import Server
from mesh_core.storage.database import CommitStatistics
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.storage.vote_journal import RECORD_SIZE_BYTES
from mesh_core.types.messages import PongFlag
from mesh_core.validator.measures import TimesSummary, summarize
from mesh_core.validator.report import QueueReport, StatusReport, flag_words
from mesh_core.validator.runner import ValidatorRunner
from mesh_core.validator.syncing import PeerSync

DISTRIBUTION = "mesh-protocol"


def installed_version() -> str:
    """The version of this program."""
    return importlib.metadata.version(DISTRIBUTION)


@dataclass(frozen=True, slots=True)
class Reporter:
    """The parts of one running validator."""

    runner: ValidatorRunner
    store: ValidatorStore
    server: Server
    syncing: PeerSync
    index: int
    host: str
    started_ns: int
    version: str = field(default_factory=installed_version)

    def report(self) -> StatusReport:
        """How it is now."""
        runner, machine = self.runner, self.runner.machine
        digest_log_length, digest = runner.digest
        return StatusReport(
            version=self.version,
            pid=os.getpid(),
            uptime_s=round((runner.clock.monotonic_ns() - self.started_ns) / 1e9, 1),
            network=machine.genesis.doc.name,
            network_id=machine.genesis.network_id,
            index=self.index,
            public_key=machine.identity.public_key,
            address=f"{self.host}:{self.server.port}",
            backend=ristretto.BACKEND,
            log_length=machine.ledger.globals.log_length,
            state_digest=digest,
            digest_log_length=digest_log_length,
            digest_is_fresh=digest_log_length == machine.ledger.globals.log_length,
            supply_audit=runner.supply_audit,
            flags=flag_words(PongFlag(machine.flags)),
            quarantine=machine.quarantine,
            syncing=machine.syncing,
            halted=machine.halted,
            peers=self.syncing.report(),
            certificates_per_s=round(self.syncing.progress().rate, 1),
            queues=QueueReport(
                proofs=runner.proofs_waiting_count,
                outbox=runner.outbox_count,
                batches=runner.not_durable_count,
                parked=machine.parked_count,
                sync_requests=runner.sync_requests_waiting_count,
            ),
            durable=runner.durable_times.summary(),
            commits=_times(self.store.statistics),
            journal=_times(self.store.journal_statistics),
            proofs=runner.proof_times.summary(),
            accounts_count=machine.ledger.accounts_count,
            outputs_count=machine.ledger.outputs_count,
            votes_cast=machine.votes_cast,
            votes_refused=machine.votes_refused,
            evidence_count=runner.evidence_count,
            journal_entries=max(0, self.store.journal_size_bytes // RECORD_SIZE_BYTES - 1),
            connections=self.server.connections,
            half_open_connections=self.server.half_open_connections,
            subscriptions=runner.subscriptions_count,
        )


def _times(statistics: CommitStatistics) -> TimesSummary:
    return summarize(statistics.recent_seconds, statistics.count)
