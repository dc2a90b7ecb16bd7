"""What all validators report of themselves, beside each other: what differs is what matters."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from typing_extensions import override

from mesh_app.format import amount, duration, milliseconds, sparkline
from mesh_app.spans import Line, Span, Tone, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.operation import ReportView, TimesView
from mesh_app.widgets.line_view import padded
from mesh_app.widgets.row_list import RowList

LABEL_WIDTH: Final = 18
LEAST_COLUMN: Final = 13
MOST_COLUMN: Final = 26
SPARK_SECONDS: Final = 8
STALE_AFTER_NS: Final = 6_000_000_000
_MIB: Final = 1024 * 1024
Cell = tuple[str, Tone]
Figure = Callable[[State, int, ReportView], Cell]


class MetricsTable(RowList[str]):
    """One row a figure, one column a validator, the chosen one first where not all fit."""

    BORDER_TITLE = "Metrics"
    index = 0

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        if not state.operation.reports:
            return ()
        words = self.filter_text.lower().split()
        found = [name for name in FIGURES if all(word in name for word in words)]
        self.filter_told = f"{len(found)} of {len(FIGURES)}"
        return found

    @override
    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        columns, column_width = self._columns(state, width)
        names = (Span(padded(("▸" if index == self.index else " ") + validator_name(index), column_width), validator_tone(index)) for index in columns)
        return [(Span(" " * (LABEL_WIDTH + 2)), *names)] if state.operation.reports else []

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        columns, column_width = self._columns(state, width + 2)
        cells = [self._cell(state, index, key) for index in columns]
        return (Span(padded(key, LABEL_WIDTH), "label"), *(Span(padded(f" {text}", column_width), tone) for text, tone in cells))

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [(Span("Each validator that is up is asked every two seconds.", "dim"),)]

    def copy_json(self) -> tuple[str, str] | None:
        """The last report of each validator."""
        if self._state is None or not self._state.operation.reports:
            return None
        reports = {validator_name(index): asdict(report) for index, report in sorted(self._state.operation.reports.items())}
        return "metrics", json.dumps(reports, indent=1)

    def _columns(self, state: State, width: int) -> tuple[list[int], int]:
        count = len(state.validators)
        room = max(1, (width - LABEL_WIDTH - 2) // LEAST_COLUMN)
        chosen = [*range(count)] if room >= count else sorted([self.index, *(index for index in range(count) if index != self.index)][:room])
        return chosen, max(LEAST_COLUMN, min(MOST_COLUMN, (width - LABEL_WIDTH - 2) // max(1, len(chosen))))

    @staticmethod
    def _cell(state: State, index: int, key: str) -> Cell:
        report = state.operation.reports.get(index)
        if report is None:
            return "–", "dim"
        text, tone = FIGURES[key](state, index, report)
        is_stale = not state.validators[index].is_running or state.now_ns - report.t_ns > STALE_AFTER_NS
        return (text, "dim") if is_stale else (text, tone)


def _age(state: State, index: int, report: ReportView) -> Cell:
    seconds = (state.now_ns - report.t_ns) // 1_000_000_000
    return ("now", "text") if seconds < STALE_AFTER_NS // 1_000_000_000 else (f"{duration(state.now_ns - report.t_ns)} ago", "wait")


def _condition(state: State, index: int, report: ReportView) -> Cell:
    if report.is_halted:
        return "halted", "proof"
    if report.quarantine:
        return "quarantine", "wait"
    return ("catching up", "wait") if report.is_syncing else ("votes", "up")


def _votes_per_second(state: State, index: int, _: ReportView) -> Cell:
    seconds = state.validators[index].votes_per_second(state.now_ns, SPARK_SECONDS)
    return f"{seconds[-1]:>2} {sparkline(seconds)}", validator_tone(index)


def _log(state: State, index: int, report: ReportView) -> Cell:
    behind = state.certificates_count - report.log_length
    return (f"{amount(report.log_length)} −{behind}", "wait") if behind > 0 else (amount(report.log_length), "text")


def _digest(state: State, index: int, report: ReportView) -> Cell:
    others = {other.state_digest for other in state.operation.reports.values() if other.digest_log_length == report.digest_log_length}
    return (f"{report.state_digest[:8]} ≠", "down") if len(others) > 1 else (f"{report.state_digest[:8]} =", "up")


def _supply(state: State, index: int, report: ReportView) -> Cell:
    return {True: ("adds up", "up"), False: ("DOES NOT", "down"), None: ("not audited", "dim")}[report.supply_audit]  # type: ignore[return-value]


def _processor(state: State, index: int, report: ReportView) -> Cell:
    return ("–", "dim") if report.cpu_percent is None else (f"{report.cpu_percent:.1f} %", "text")


def _memory(state: State, index: int, report: ReportView) -> Cell:
    return ("–", "dim") if report.memory_bytes is None else (f"{report.memory_bytes / _MIB:.0f} MiB", "text")


def _count(name: str) -> Figure:
    def figure(state: State, index: int, report: ReportView) -> Cell:
        return amount(dict(report.counts)[name]), "text"

    return figure


def _bad(name: str) -> Figure:
    def figure(state: State, index: int, report: ReportView) -> Cell:
        count = dict(report.counts)[name]
        return amount(count), "wait" if count else "text"

    return figure


def _queue(name: str) -> Figure:
    def figure(state: State, index: int, report: ReportView) -> Cell:
        count = dict(report.queues)[name]
        return amount(count), "wait" if count else "text"

    return figure


def _time(name: str, which: str) -> Figure:
    def figure(state: State, index: int, report: ReportView) -> Cell:
        return _shown(dict(report.times)[name], which)

    return figure


def _shown(times: TimesView, which: str) -> Cell:
    if not times.count:
        return "none yet", "dim"
    return milliseconds(dict(times.figures)[which]), "text"


def _rate(state: State, index: int, report: ReportView) -> Cell:
    return f"{report.certificates_per_s:.0f} /s", "wait" if report.certificates_per_s else "text"


FIGURES: Final[Mapping[str, Figure]] = {
    "condition": _condition,
    "votes a second": _votes_per_second,
    "votes cast": _count("votes_cast"),
    "votes refused": _bad("votes_refused"),
    "double signatures": _bad("evidence_count"),
    "certificates": _log,
    "state digest": _digest,
    "supply": _supply,
    "accounts": _count("accounts_count"),
    "open outputs": _count("outputs_count"),
    "journal entries": _count("journal_entries"),
    "proof, median": _time("proofs", "median"),
    "proof, p99": _time("proofs", "p99"),
    "journal, median": _time("journal", "median"),
    "journal, p99": _time("journal", "p99"),
    "journal, longest": _time("journal", "max"),
    "commit, median": _time("commits", "median"),
    "commit, p99": _time("commits", "p99"),
    "commit, longest": _time("commits", "max"),
    "durable, median": _time("durable", "median"),
    "durable, p99": _time("durable", "p99"),
    "waiting proofs": _queue("proofs"),
    "waiting answers": _queue("outbox"),
    "waiting batches": _queue("batches"),
    "parked": _queue("parked"),
    "waiting syncs": _queue("sync_requests"),
    "catch-up": _rate,
    "connections": _count("connections"),
    "half open": _count("half_open_connections"),
    "subscriptions": _count("subscriptions"),
    "processor": _processor,
    "memory": _memory,
    "last word": _age,
}
