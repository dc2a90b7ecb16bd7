"""Performance: traffic to look at while it runs, and measurements to trust. Every figure was taken in the process that paid."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.order import Order
from mesh_app.orders.performance import ExportMeasurement, StopMeasurement, StopTraffic
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.load_forms import LoadForm, MeasureForm, TrafficForm
from mesh_app.widgets.performance_panes import LatencyPane, NowPane, PerformancePane, SplitPane, why_not_measured
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.run_list import RunList

LIVE = "LIVE"


class PerformanceScreen(MeshScreen):
    """Screen 7."""

    CSS_PATH = "performance.tcss"
    AUTO_FOCUS = "#runs"
    NAME = "performance"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("performance")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None
        self._mode = ""
        self._exports_seen = 0

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Vertical(TrafficForm(id="traffic-form"), MeasureForm(id="measure-form"), RunList(id="runs"), id="orders")
        yield Vertical(NowPane(id="now"), LatencyPane(id="latency"), Container(SplitPane(id="split"), id="below"), id="figures")

    @override
    def show(self, state: State, mode: str) -> None:
        self._state, self._mode = state, mode
        for form in self.query(LoadForm):
            form.disabled = mode != LIVE
            form.show(state)
        self.query_one(RunList).show(state)
        self._choose_run()
        super().show(state, mode)
        self._tell_export(state)

    @on(RowList.CursorMoved, "#runs")
    def choose(self) -> None:
        """The panes follow the list."""
        self._choose_run()
        for pane in self.query(PerformancePane):
            pane.reshow()

    def action_traffic(self) -> None:
        """Starts what the form describes, or stops it."""
        if self._state is not None and self._state.performance.traffic is not None:
            self.post_message(Ordered(StopTraffic()))
        elif self._is_live():
            self.query_one(TrafficForm).submit()

    def action_measure(self) -> None:
        """Measures what the form describes."""
        if self._is_live():
            self.query_one(MeasureForm).submit()

    def action_form(self) -> None:
        """Into the first form, or from it into the second."""
        is_in_first = self.focused is not None and self.query_one(TrafficForm) in self.focused.ancestors
        self.set_focus(self.query_one("#measure-form #payments" if is_in_first else "#rate"))

    def action_export(self) -> None:
        """Writes the measurement in sight, else the newest one."""
        if self._state is None:
            return
        runs = self._state.performance
        chosen = runs.runs.get(self.query_one(RunList).cursor or "")
        found = chosen if chosen is not None and chosen.file else next((run for run in runs.newest_first() if run.file), None)
        if found is None:
            self.notify("no measurement to export yet: m measures", timeout=3, markup=False)
        else:
            self.post_message(Ordered(ExportMeasurement(found.file)))

    async def action_back(self) -> None:
        """Out of a field into the list; from there it stops a measurement, or leads back."""
        order = self._stop_order()
        if self.focused is not None and any(isinstance(node, LoadForm) for node in self.focused.ancestors):
            self.set_focus(self.query_one(RunList))
        elif order is not None and not self._has_more_to_undo():
            self.post_message(Ordered(order))
        else:
            await self.run_action("app.back")

    def _has_more_to_undo(self) -> bool:
        """What escape undoes on every screen comes first: a selection, a zoom, an error that was read."""
        return bool(self.selections) or self.maximized is not None or bool(getattr(self.app, "errors", ()))

    def _stop_order(self) -> Order | None:
        """Traffic goes on while one looks elsewhere, so escape leaves it alone."""
        running = self._state.performance.running if self._state is not None else None
        return StopMeasurement() if running is not None and running.kind == "measure" else None

    def _is_live(self) -> bool:
        if self._mode == LIVE:
            return True
        self.notify(why_not_measured(self._mode), timeout=4, markup=False)
        return False

    def _choose_run(self) -> None:
        newest = next((run.key for run in self._state.performance.newest_first()), None) if self._state is not None else None
        key = self.query_one(RunList).cursor or newest
        for pane in self.query(PerformancePane):
            pane.run_key, pane.mode = key, self._mode

    def _tell_export(self, state: State) -> None:
        """The path, in sight long enough to be read."""
        if state.performance.exports_count == self._exports_seen:
            return
        self._exports_seen = state.performance.exports_count
        if state.performance.exported:
            folder, _, first = state.performance.exported[0].rpartition("/")
            names = (first, *(path.rpartition("/")[2] for path in state.performance.exported[1:]))
            self.notify(f"written to {folder}:\n" + "\n".join(names), timeout=8, markup=False)
