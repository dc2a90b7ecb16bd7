"""How a running validator is, in one object: for its operator, and for programs. Public data and measurements only, nothing secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mesh_core.types.messages import PongFlag
from mesh_core.validator.measures import TimesSummary


@dataclass(frozen=True, slots=True)
class PeerReport:
    """Another validator as this one sees it. `cursor` is how far its log was read, `log_length` how long it says that it is.

    `is_excluded`: it has sent an invalid certificate, or a log that cannot be, and is not asked for any more.
    """

    index: int
    up: bool
    rtt_ms: float | None
    cursor: int
    log_length: int
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What waits. All of it is bounded."""

    proofs: int
    """Range proofs without a verdict."""
    outbox: int
    """Answers and events that wait for the disk."""
    batches: int
    """Batches that are not durable."""
    parked: int
    """Certificates that wait for others."""
    sync_requests: int
    """Requests for certificates that wait for their source's budget."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything. `digest_is_fresh` says that the digest belongs to the whole log; under load it lags by up to a second."""

    version: str
    pid: int
    uptime_s: float
    network: str
    network_id: bytes
    index: int
    public_key: bytes
    address: str
    backend: str
    log_length: int
    state_digest: bytes
    digest_log_length: int
    digest_is_fresh: bool
    supply_audit: bool | None
    flags: tuple[str, ...]
    quarantine: str | None
    syncing: bool
    halted: bool
    peers: tuple[PeerReport, ...]
    certificates_per_s: float
    """Certificates that came by catch-up and were applied, over the last seconds."""
    queues: QueueReport
    durable: TimesSummary
    """From the queuing of a batch until what depends on it may leave."""
    commits: TimesSummary
    """Writes of the database, the fsync included."""
    journal: TimesSummary
    """Writes of the vote journal, the fsync included."""
    proofs: TimesSummary
    accounts_count: int
    outputs_count: int
    votes_cast: int
    votes_refused: int
    evidence_count: int
    journal_entries: int
    connections: int
    half_open_connections: int
    subscriptions: int


def flag_words(flags: PongFlag) -> tuple[str, ...]:
    """The conditions that are set, as words."""
    return tuple(str(flag.name).lower() for flag in PongFlag if flag in flags)


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The report for people, from its JSON form: what matters first, one thing a line, aligned. KeyError for the report of another version."""
    rows = [*_identity_rows(report), *_condition_rows(report), *_peer_rows(report), *_work_rows(report)]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {text}" for name, text in rows]


def _identity_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("validator", f"V{report['index'] + 1} of {report['network']}, {report['address']}"),
        ("public key", report["public_key"]),
        ("network id", report["network_id"]),
        ("process", f"{report['pid']}, up {_duration(report['uptime_s'])}, version {report['version']}, {report['backend']}"),
    ]


def _condition_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    conditions = [f"IN QUARANTINE, does not vote: {report['quarantine']}"] if report["quarantine"] is not None else []
    conditions += ["HALTED, votes no more: two conflicting certificates exist"] if report["halted"] else []
    conditions += [f"catching up, {report['certificates_per_s']:.0f} certificates a second"] if report["syncing"] else []
    audit = {True: "adds up", False: "DOES NOT ADD UP", None: "not audited"}[report["supply_audit"]]
    lag = "" if report["digest_is_fresh"] else f" (of {report['digest_log_length']} certificates)"
    return [
        ("condition", "; ".join(conditions) or "votes"),
        ("log", f"{report['log_length']} certificates, {report['accounts_count']} accounts, {report['outputs_count']} outputs; supply {audit}"),
        ("digest", f"{report['state_digest']}{lag}"),
    ]


def _peer_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for peer in report["peers"]:
        rtt = "" if peer["rtt_ms"] is None else f", {peer['rtt_ms']:.1f} ms"
        excluded = ", EXCLUDED: it has sent what cannot be" if peer["is_excluded"] else ""
        rows.append((f"peer V{peer['index'] + 1}", f"{'up' if peer['up'] else 'DOWN'}{rtt}, read {peer['cursor']} of its {peer['log_length']}{excluded}"))
    return rows


def _work_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("votes", f"{report['votes_cast']} cast and {report['votes_refused']} refused since the start; {report['journal_entries']} in the journal"),
        ("evidence", f"{report['evidence_count']} proofs of double signing"),
        ("waiting", ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in report["queues"].items())),
        ("durable", _times(report["durable"])),
        ("commits", _times(report["commits"])),
        ("journal", _times(report["journal"])),
        ("proofs", _times(report["proofs"])),
        ("network", f"{report['connections']} connections, {report['half_open_connections']} half open; {report['subscriptions']} subscriptions"),
    ]


def _times(times: Mapping[str, Any]) -> str:
    if not times["of"]:
        return "none"
    figures = ", ".join(f"{name} {times[f'{name}_ms']:.1f}" for name in ("last", "median", "p99", "max"))
    return f"{figures} ms (the last {times['of']} of {times['count']})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
