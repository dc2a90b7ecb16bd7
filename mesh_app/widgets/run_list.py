"""Runs of today and measurements of earlier days, the newest first, each beside the one before it."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import local_date, milliseconds
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.state.performance import RunView
from mesh_app.widgets.line_view import fitted, padded
from mesh_app.widgets.performance_panes import figures_words, run_as_json
from mesh_app.widgets.row_list import RowList

SAME_SHARE = 0.05
"""A median that moved by less than this says nothing: two runs of the same program differ by as much."""


class RunList(RowList[str]):
    """A row a run; the panes show the one under the cursor."""

    BORDER_TITLE = "Runs"

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        return [run.key for run in state.performance.newest_first()]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        run = state.performance.runs[key]
        parts = [_title(run, is_short=width < 36)]
        if run.figures is not None and width < 36:
            parts.append((Span(milliseconds(run.figures.p50_ms)), *_change(state, run)))
        elif run.figures is not None:
            parts.append((Span("p50 ", "label"), Span(milliseconds(run.figures.p50_ms)), *_change(state, run)))
            parts.append((Span("p99 ", "label"), Span(milliseconds(run.figures.p99_ms), "text" if run.figures.p99_ms <= run.figures.target_ms else "down")))
        if run.throughput is not None:
            parts.append((Span(f"{run.throughput:.1f}/s"),))
        parts.append((Span(_when(state, run), "dim"),))
        return fitted(parts, width)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [(Span("measurements, also of earlier days: ", "dim"), Span("m", "amount"), Span(" measures", "dim"))]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        run = self._chosen()
        words = figures_words(run) if run is not None else ""
        return ("figures of this run", words) if words else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here."""
        run = self._chosen()
        return run_as_json(run) if run is not None else None

    def _chosen(self) -> RunView | None:
        return self._state.performance.runs.get(self.cursor) if self._state is not None and self.cursor is not None else None


def _title(run: RunView, *, is_short: bool) -> Line:
    glyph, tone = _mark(run)
    if is_short:
        return (
            Span(f"{glyph} ", tone),
            Span(f"{run.number('rate'):g}/s" if run.kind == "traffic" else f"{run.number('payments'):g}×{run.number('at_once'):g}"),
        )
    if run.kind == "traffic":
        return (Span(f"{glyph} ", tone), Span(padded(f"traffic {run.number('rate'):g}/s", 15)))
    return (Span(f"{glyph} ", tone), Span(padded(f"{run.number('payments'):g}, {run.number('at_once'):g} at once", 15)))


def _mark(run: RunView) -> tuple[str, Tone]:
    if run.is_running:
        return "●", "up"
    return ("✔", "text") if run.reason == "finished" else ("■", "dim") if run.reason == "stopped" else ("✖", "down")


def _change(state: State, run: RunView) -> Line:
    """How the median compares with that of the measurement before, of as many payments at once."""
    earlier = state.performance.before(run) if run.kind == "measure" else None
    if earlier is None or earlier.figures is None or run.figures is None or run.is_running or earlier.figures.p50_ms <= 0:
        return ()
    change = run.figures.p50_ms / earlier.figures.p50_ms - 1
    tone: Tone = "dim" if abs(change) < SAME_SHARE else "up" if change < 0 else "wait"
    return (Span(f" {'−' if change < 0 else '+'}{abs(change):.0%}", tone),)


def _when(state: State, run: RunView) -> str:
    try:
        return local_date(run.date, in_utc=state.show.is_utc) if run.date else ""
    except ValueError:
        return ""
