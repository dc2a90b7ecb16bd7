"""Reducers of logs, lines, reports and configurations: what they keep, that it is bounded, and that broken events change nothing."""

from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.reducers.logs import line_tone
from mesh_app.state.logs import MAX_LOG_LINES
from mesh_app.state.operation import WALLETS_END, LineCondition

REPORT: dict[str, Any] = {
    "version": "1",
    "pid": 4,
    "uptime_s": 12.5,
    "network": "local-4",
    "network_id": "00" * 32,
    "index": 1,
    "public_key": "ab" * 32,
    "address": "127.0.0.1:1",
    "backend": "native",
    "log_length": 7,
    "state_digest": "cd" * 32,
    "digest_log_length": 6,
    "digest_is_fresh": False,
    "supply_audit": True,
    "flags": ["quarantine"],
    "quarantine": "votes may be forgotten",
    "syncing": False,
    "halted": False,
    "peers": [{"index": 0, "up": True, "rtt_ms": 1.5, "cursor": 7, "log_length": 7, "is_excluded": False}],
    "certificates_per_s": 0.0,
    "queues": {"proofs": 1, "outbox": 2, "batches": 3, "parked": 4, "sync_requests": 5},
    "durable": {"count": 5, "of": 5, "last_ms": 1.0, "median_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0},
    "commits": {"count": 9, "of": 9, "last_ms": 1.0, "median_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0},
    "journal": {"count": 0, "of": 0, "last_ms": 0.0, "median_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0},
    "proofs": {"count": 5, "of": 5, "last_ms": 1.0, "median_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0},
    "accounts_count": 3,
    "outputs_count": 0,
    "votes_cast": 11,
    "votes_refused": 1,
    "evidence_count": 0,
    "journal_entries": 12,
    "connections": 6,
    "half_open_connections": 0,
    "subscriptions": 2,
}


def report_event(**changes: Any) -> dict[str, Any]:
    event = {"event": "validator_report", "t_ns": 5, "validator": 1, "report": {**REPORT, **changes.pop("report", {})}, "cpu_percent": 3.5, "memory_bytes": 61}
    return {**event, **changes}


def line_event(*ends: str, **changes: Any) -> dict[str, Any]:
    event = {"event": "line_state", "t_ns": 5, "line": "-".join(ends), "ends": list(ends), "relayed": True, "cut": False, "delay_ms": 0.0, "loss": 0.0}
    return {**event, **changes}


def log_event(*lines: str, **changes: Any) -> dict[str, Any]:
    return {"event": "log_line", "t_ns": 5, "validator": 1, "lines": list(lines), "skipped": 0, **changes}


def test_lines_of_logs_are_numbered_toned_and_bounded() -> None:
    state = State()
    apply(
        state, log_event("── start pid 4 · 12:00:00 ──", "2026-01-01 12:00:00,000 WARNING mesh slow", "2026-01-01 12:00:00,000 INFO mesh ERROR is a word here")
    )
    log = state.logs.of(1)
    assert [(line.number, line.tone) for line in log.lines] == [(1, "strong"), (2, "wait"), (3, "text")]
    apply(state, log_event("more", skipped=5000))
    assert log.lines[3].text == "── 5,000 bytes came faster than they can be shown; the file has them ──"
    for _ in range(MAX_LOG_LINES // 500 + 1):
        apply(state, log_event(*["x"] * 500))
    assert len(log.lines) == MAX_LOG_LINES
    assert log.first == log.count - MAX_LOG_LINES + 1 == log.lines[0].number
    assert state.logs.of(0).first == 1
    assert (state.entries_count, state.unreadable_count) == (0, 0)


@pytest.mark.parametrize(
    ("text", "tone"), [("", "text"), ("2026 12:00 ERROR x", "down"), ("Traceback (most recent call last):", "text"), ("x" * 50 + " ERROR ", "text")]
)
def test_tones_of_log_lines(text: str, tone: str) -> None:
    assert line_tone(text) == tone


def test_lines_between_validators_and_wallets() -> None:
    state = State()
    apply(state, line_event("V1", "V3", cut=True))
    apply(state, line_event("wallets", "V2", delay_ms=50.0, loss=0.25))
    assert state.operation.condition(2, 0) == LineCondition(True, 0.0, 0.0)
    assert state.operation.condition(WALLETS_END, 1) == LineCondition(False, 50.0, 0.25)
    assert state.operation.condition(0, 1) is None
    apply(state, line_event("V2", "V4", delay_ms=8.0, jitter_ms=1.5, reordering=0.01, duplication=0.02, bandwidth_kbit_s=800))
    assert state.operation.condition(3, 1) == LineCondition(False, 8.0, 0.0, 1.5, 0.01, 0.02, 800.0)
    apply(state, {"event": "profile", "t_ns": 6, "name": "australia", "text": "four cities", "source": "a model"})
    counts = [
        {"line": "V1>V3", "forwarded": 10, "dropped": 3},
        {"line": "V3>V1", "forwarded": 1, "dropped": 4},
        {"line": "wallets>V2", "forwarded": 1, "dropped": 0},
    ]
    apply(state, {"event": "line_counts", "t_ns": 6, "lines": counts})
    assert state.operation.dropped(0, 2) == state.operation.dropped(2, 0) == 7
    apply(state, line_event("V3", "V1", relayed=False))
    assert state.operation.condition(0, 2) is None
    assert [entry.text for entry in state.entries] == [
        "line V1-V3 is cut",
        "line wallets-V2 is slower by 50 ms each way, losing 25 % of its datagrams",
        "line V2-V4 is slower by 8 ms each way, jittering by 1.5 ms, swapping 1 %, doubling 2 %, carrying 800 kbit/s",
        "profile australia: four cities",
        "line V3-V1 is direct",
    ]


def test_report_and_configuration() -> None:
    state = State()
    apply(state, report_event())
    report = state.operation.reports[1]
    assert (report.quarantine, report.log_length, report.digest_log_length, report.cpu_percent, report.memory_bytes) == (
        "votes may be forgotten",
        7,
        6,
        3.5,
        61,
    )
    assert dict(report.queues)["parked"] == 4
    assert dict(dict(report.times)["commits"].figures) == {"last": 1.0, "median": 2.0, "p99": 3.0, "max": 4.0}
    assert dict(dict(report.times)["proofs"].figures)["p99"] == 3.0
    assert report.peers[0].rtt_ms == 1.5
    apply(state, report_event(report={"quarantine": None, "supply_audit": None}, cpu_percent=None, memory_bytes=None))
    assert (state.operation.reports[1].quarantine, state.operation.reports[1].memory_bytes) == ("", None)
    apply(state, {"event": "validator_config", "t_ns": 6, "validator": 1, "path": "/home/v2/validator.toml", "lines": ["[validator]", 'genesis = "x"']})
    assert state.operation.configs[1].lines == ("[validator]", 'genesis = "x"')
    apply(state, {"event": "validator_wiped", "t_ns": 7, "validator": 1, "files": 3})
    assert 1 not in state.operation.reports
    apply(state, {"event": "quarantine_lifted", "t_ns": 8, "validator": 1})
    apply(state, {"event": "control_order", "t_ns": 9, "text": "kill V3"})
    assert [entry.text for entry in state.entries] == [
        "database and vote journal are deleted (3 files); its key stays",
        "its quarantine is lifted: it votes from its next start on",
        "mesh-testnet: kill V3",
    ]
    assert state.unreadable_count == 0


@pytest.mark.parametrize(
    "event",
    [
        log_event(validator=9),
        log_event("ok", skipped=-1),
        {**log_event(), "lines": "text"},
        {**log_event(), "lines": [1]},
        {**log_event(), "lines": ["x"] * 2000},
        line_event("V1"),
        line_event("V1", "V9"),
        line_event("V1", "V٣"),
        line_event("V1", "V2", cut="yes"),
        line_event("V1", "V2", delay_ms=-1),
        line_event("V1", "V2", loss=float("nan")),
        line_event("V1", "V2", jitter_ms="much"),
        {"event": "line_counts", "t_ns": 1, "lines": [{"line": "V1>V2", "forwarded": 1, "dropped": 0}, {"line": "V1", "forwarded": 1, "dropped": 0}]},
        {"event": "line_counts", "t_ns": 1, "lines": [["V1>V2", 1, 2]]},
        report_event() | {"report": None},
        report_event(report={"peers": [{"index": 0}]}),
        report_event(report={"queues": {}}),
        report_event(report={"commits": {"count": 1, "last_ms": "x"}}),
        report_event(cpu_percent=-3),
        {"event": "validator_config", "t_ns": 6, "validator": 1, "path": "x", "lines": None},
        {"event": "validator_wiped", "t_ns": 6, "validator": 1},
        {"event": "control_order", "t_ns": 6},
    ],
)
def test_broken_events_change_nothing(event: dict[str, Any]) -> None:
    state, untouched = State(), State()
    apply(state, event)
    assert state.unreadable_count == 1
    assert (state.logs, state.operation, state.validators) == (untouched.logs, untouched.operation, untouched.validators)
