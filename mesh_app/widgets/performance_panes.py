"""The panes of the performance screen: how a run goes, how long its payments take, and where that time goes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from typing_extensions import override

from mesh_app.format import amount, counted, duration, milliseconds, sparkline
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.state.performance import Figures, RunView
from mesh_app.widgets.big_digits import ROWS, big
from mesh_app.widgets.latency_histogram import cumulative_line, histogram_lines
from mesh_app.widgets.line_view import LineView, cut, fitted, line_width, right_aligned, wrapped

STALE_NS: Final = 3_000_000_000
NOW_LINES: Final = 4
LATE_MS: Final = 50.0
"""A loop that is later than this makes a screen feel slow, and a machine that does it to one process does it to all."""
PART_TONES: Final[dict[str, Tone]] = {"prove": "hidden", "votes": "amount", "certificate": "amount", "acknowledged": "dim"}
PART_WORDS: Final = {
    "wait": "for this wallet's turn",
    "build": "commitments, blinding factors, memo",
    "prove": "range proof: no amount is negative",
    "check": "the wallet tries its own draft",
    "sign": "the owner's signature",
    "store": "signed bytes on disk, before any leaves",
    "votes": "validators check, store, sign; 2f+1 of them",
    "certificate": "votes checked and together, on disk: final",
    "acknowledged": "2f+1 validators have applied it",
}


class PerformancePane(LineView, can_focus=True):
    """A pane about one run: `run_key` is chosen by the screen, and None where there is none."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.run_key: str | None = None
        self.mode = ""

    def find_run(self, state: State) -> RunView | None:
        """The run in sight."""
        return state.performance.runs.get(self.run_key) if self.run_key is not None else None

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        run = self.find_run(self._state) if self._state is not None else None
        words = figures_words(run) if run is not None else ""
        return ("figures of this run", words) if words else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here."""
        run = self.find_run(self._state) if self._state is not None else None
        return run_as_json(run) if run is not None else None


class NowPane(PerformancePane):
    """What runs, how many payments a second, what failed, and what the figures are worth on this machine."""

    BORDER_TITLE = "Run"

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if self.mode not in {"", "LIVE"}:
            return wrapped(why_not_measured(self.mode), width, tone="wait")[:height]
        run = self.find_run(state)
        self._title(state, run, height)
        if run is None:
            return _empty_lines(state, width)[:height]
        lines = [_title_line(state, run, width), _rate_line(run, width), _trouble_line(state, run, width), _lag_line(state, run, width)]
        if height > len(lines):
            lines.insert(3, _machine_line(run, width))
        return lines[:height]

    def _title(self, state: State, run: RunView | None, height: int) -> None:
        """What finds no line of its own stands in the border: what the figures are worth must be in sight at any size."""
        is_low = height < NOW_LINES
        machine = run.machine if run is not None else None
        self.border_title = (
            "Run" if not is_low or machine is None or not machine.is_shared else f"Run: {machine.validators_here} validators share {machine.cores} cores"
        )
        lag = state.performance.screen
        self.border_subtitle = f"screen's loop lag p99 {milliseconds(lag.p99_ms)}" if is_low and lag is not None else ""


class LatencyPane(PerformancePane):
    """Percentiles in large figures, and the histogram with the line of the target."""

    BORDER_TITLE = "Latency: from the call to the certificate"

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        run = self.find_run(state)
        if run is None or run.figures is None:
            self.border_subtitle = ""
            words = "no payment is timed yet" if run is not None and run.is_running else "here stand p50, p95, p99 and the histogram of the run above"
            return wrapped(words, width, tone="dim")
        figures = run.figures
        window = f"the last {amount(figures.counted)}" if figures.counted < run.done else counted(figures.counted, "payment")
        self.border_subtitle = f"{window}, mean {milliseconds(figures.mean_ms)}"
        head = _big_figures(figures, width) if height >= 11 else []
        if not head:
            head = [_small_figures(figures, width)]
        left = height - len(head)
        if left < 4:
            return [*head, cumulative_line(figures, width)][:height]
        return [*head, *histogram_lines(figures, width, left)]


class SplitPane(PerformancePane):
    """Where a payment's time goes: medians of its parts, one after the other."""

    BORDER_TITLE = "Where the time goes"

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        run = self.find_run(state)
        if run is None or run.figures is None or not run.figures.parts:
            return wrapped("medians of wait, build, prove, check, sign, store, votes and certificate, as a waterfall", width, tone="dim")[:height]
        return split_lines(run.figures, width, height)


def why_not_measured(mode: str) -> str:
    """Why no payments are made here to be measured; `mode` is the workbench's, and not LIVE."""
    if mode.startswith("ATTACHED"):
        return f"{mode}: traffic is paid by wallets of the program that runs the network. mesh-app in the network's home measures."
    return f"{mode or 'not LIVE'}: what is shown is not of this moment, so there is nothing to measure here."


def figures_words(run: RunView) -> str:
    """A run in one line, with what its figures depend on; empty where nothing was timed."""
    figures, machine = run.figures, run.machine
    if figures is None:
        return ""
    told = f"p50 {milliseconds(figures.p50_ms)}, p95 {milliseconds(figures.p95_ms)}, p99 {milliseconds(figures.p99_ms)}, max {milliseconds(figures.max_ms)}"
    place = f"{machine.cpu}, {counted(machine.cores, 'core')} shared by {machine.validators_here} validators, load {run.load:g}"
    date = f" on {run.date}" if run.date else ""
    return f"{told}, {counted(figures.counted, 'payment')}{date}; {place}; MESH {machine.version}, {machine.backend}, Python {machine.python}"


def run_as_json(run: RunView) -> tuple[str, str]:
    """(what, text) for whoever takes a run away."""
    return "measured run", json.dumps(asdict(run), indent=1)


def split_lines(figures: Figures, width: int, height: int) -> list[Line]:
    """One line a part: name, median, bar at its place. The shortest parts go first where there is no room."""
    parts = [*figures.parts]
    if figures.acks_p50_ms is not None:
        parts.append(("acknowledged", max(0.0, figures.acks_p50_ms - figures.p50_ms)))
    total = sum(ms for _, ms in parts) or 1.0
    begins = [sum(ms for _, ms in parts[:index]) for index in range(len(parts))]
    kept = sorted(sorted(range(len(parts)), key=lambda index: -parts[index][1])[: max(1, height)])
    explain = width >= 90
    bar_width = max(6, width - 23 - (44 if explain else 0))
    lines = []
    for index in kept:
        name, ms = parts[index]
        first = min(bar_width - 1, round(begins[index] / total * bar_width))
        last = max(first + 1, min(bar_width, round((begins[index] + ms) / total * bar_width)))
        bar = Span("━" * (last - first) if last - first > 1 else "╸", PART_TONES.get(name, "text"))
        words: Line = (Span(" " * (bar_width - last)), Span(f"  {PART_WORDS.get(name, '')}", "dim")) if explain else ()
        line = (Span(f"{name:<12}"), Span(right_aligned(milliseconds(ms), 9)), Span("  "), Span(" " * first), bar, *words)
        lines.append(cut(line, width))
    return lines


def _empty_lines(state: State, width: int) -> list[Line]:
    if state.performance.is_starting:
        return [(Span("◐ starting the process that pays", "wait"),)]
    hint: Line = (Span("t", "amount"), Span(" starts traffic, ", "dim"), Span("m", "amount"), Span(" measures; both go on while you look elsewhere", "dim"))
    return [cut((Span("○ ", "dim"), Span("nothing runs. "), *hint), width), _lag_line(state, None, width)]


def _title_line(state: State, run: RunView, width: int) -> Line:
    if run.kind == "traffic":
        words = f"traffic {run.number('rate'):g}/s, {run.plan.get('arrivals', '')}, {run.number('wallets'):g} wallets"
        seconds = run.number("duration_s")
        time = f"{duration(int(run.elapsed_s * 1e9))}{f' of {duration(int(seconds * 1e9))}' if seconds else ''}"
    else:
        words = f"measurement, {run.number('at_once'):g} at once"
        time = f"{amount(run.done)} of {amount(int(run.number('payments')))}"
    if state.performance.is_starting:
        return (Span("◐ starting the process that pays", "wait"),)
    if not run.is_running:
        ending: Span = Span(f"✖ {run.reason}", "down") if run.reason == "failed" else Span(f"■ {run.reason}", "dim")
        told: Line = (ending, Span(f" {words}"), Span(f" · {run.text}" if run.text else "", "down"))
        return cut(told, width)
    silent_ns = state.now_ns - run.t_ns
    if silent_ns > STALE_NS:
        return cut((Span("◐ ", "wait"), Span(words), Span(f" · last word {silent_ns // 1_000_000_000} s ago", "dim")), width)
    if run.phase != "running":
        return cut((Span(f"◐ {run.phase}", "wait"), Span(f" {words}"), Span(f" · {run.text}" if run.text else "", "dim")), width)
    bar: Line = () if run.kind == "traffic" else (Span(" "), *_progress_bar(run, max(0, min(30, width - len(words) - len(time) - 8))))
    return cut((Span("● ", "up"), Span(words, "strong"), Span(f" · {time}"), *bar), width)


def _progress_bar(run: RunView, width: int) -> Line:
    total = run.number("payments")
    filled = int(width * run.done / total) if total else 0
    return (Span("━" * filled, "up"), Span("─" * (width - filled), "dim"))


def _rate_line(run: RunView, width: int) -> Line:
    recent = run.per_second[-5:]
    rate = run.throughput if not run.is_running and run.throughput is not None else sum(recent) / len(recent) if recent else 0.0
    facts: list[Line] = [
        (Span(f"{rate:.1f}", "strong"), Span(" a second", "label")),
        (Span("final ", "label"), Span(amount(run.done))),
        (Span("in flight ", "label"), Span(str(run.in_flight))) if run.is_running else (Span("took ", "label"), Span(duration(int(run.elapsed_s * 1e9)))),
        (Span("claims ", "label"), Span(amount(run.claims))),
    ]
    line = fitted(facts, width)
    room = width - line_width(line) - 2
    bars = sparkline(run.per_second[-room:]) if room >= 6 and run.per_second else ""
    return (*line, Span("  "), Span(bars, "amount"))


def _trouble_line(state: State, run: RunView, width: int) -> Line:
    """What went wrong, or that nothing did; and what is missing for it to go well."""
    parts: list[Line] = []
    up = sum(run.links)
    if run.is_running and run.links and up < len(run.links):
        has_quorum = up >= state.quorum
        words = f"{up} of {len(run.links)} validators reached{'' if has_quorum else ': payments wait for a quorum'}"
        parts.append((Span(f"◐ {words}", "wait" if has_quorum else "down"),))
    if run.failures:
        parts.append((Span("✖ " + ", ".join(f"{code} {amount(count)}" for code, count in run.failures), "down"),))
    if run.skipped:
        parts.append((Span(f"! {amount(run.skipped)} left out: {run.number('wallets'):g} wallets cannot pay faster", "wait"),))
    if run.unfinished and not run.is_running:
        parts.append((Span(f"! {amount(run.unfinished)} not final when it ended", "wait"),))
    if run.is_running and run.phase == "running" and run.text:
        parts.append((Span(run.text, "wait"),))
    if not parts:
        return (Span("✔ no payment failed", "up" if run.done else "dim"),)
    return cut(tuple(span for index, part in enumerate(parts) for span in ((*((Span(" · ", "dim"),) if index else ()), *part))), width)


def _machine_line(run: RunView, width: int) -> Line:
    machine = run.machine
    shared = f"! {machine.validators_here} validators, payers and screen share {counted(machine.cores, 'core')}"
    warning: Line = (Span(shared, "wait"),) if machine.is_shared else (Span(f"{counted(machine.cores, 'core')}", "dim"),)
    return cut((*warning, Span(f" · load {run.load:g} · {machine.backend} · {machine.cpu} · Python {machine.python} · MESH {machine.version}", "dim")), width)


def _lag_line(state: State, run: RunView | None, width: int) -> Line:
    """How late the loops are: the screen's, and that of the process that measures. The figures stand on the second alone."""
    parts: list[Line] = []
    screen = state.performance.screen
    if screen is not None:
        tone: Tone = "down" if screen.p99_ms > LATE_MS else "text"
        late = (Span("screen's loop lag p99 ", "label"), Span(milliseconds(screen.p99_ms), tone), Span(f" (max {milliseconds(screen.max_ms)})", "dim"))
        parts += [late, (Span("its CPU ", "label"), Span(f"{screen.cpu_percent:.0f} %"))]
    if run is not None:
        parts.insert(1 if parts else 0, (Span("payers' p99 ", "label"), Span(milliseconds(run.lag_p99_ms), "down" if run.lag_p99_ms > LATE_MS else "text")))
    return fitted(parts, width, separator=(Span(" · ", "dim"),)) if parts else (Span("screen's loop lag: not yet", "dim"),)


def _big_figures(figures: Figures, width: int) -> list[Line]:
    """Percentiles three rows high under their names; nothing where they do not fit."""
    found = (("p50", figures.p50_ms), ("p95", figures.p95_ms), ("p99", figures.p99_ms), ("max", figures.max_ms))
    for decimals in (1, 0):
        shown = [(name, big(_number(ms, decimals)), figures.target_ms >= ms) for name, ms in found]
        widths = [max(len(rows[0]), len(name) + 3) for name, rows, _ in shown]
        gap = (width - sum(widths)) // len(shown)
        if gap >= 2:
            break
    else:
        return []
    gap = min(gap, 8)
    names = "".join(f"{f'{name} {_unit(ms)}':<{size + gap}}" for (name, ms), size in zip(found, widths, strict=True))
    lines: list[Line] = [(Span(names.rstrip(), "label"),)]
    for row in range(ROWS):
        spans = [Span(rows[row].ljust(size + gap), "up" if is_good else "down") for (_, rows, is_good), size in zip(shown, widths, strict=True)]
        lines.append(tuple(spans))
    return lines


def _small_figures(figures: Figures, width: int) -> Line:
    found = (("p50", figures.p50_ms), ("p95", figures.p95_ms), ("p99", figures.p99_ms), ("max", figures.max_ms))
    parts: list[Line] = [(Span(f"{name} ", "label"), Span(milliseconds(ms), "up" if ms <= figures.target_ms else "down")) for name, ms in found]
    return fitted(parts, width)


def _number(ms: float, decimals: int) -> str:
    if ms >= 10_000:
        return f"{ms / 1000:.0f}"
    if ms >= 1_000:
        return f"{ms / 1000:.1f}"
    return f"{ms:.{decimals if ms < 99.95 else 0}f}"


def _unit(ms: float) -> str:
    return "s" if ms >= 1_000 else "ms"
