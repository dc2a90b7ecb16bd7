"""The validators: their processes, logs, the lines between them, configuration and figures. What is done is done to the one chosen in the list."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.order import Order
from mesh_app.orders.validators import (
    KillValidator,
    LiftQuarantine,
    PauseValidator,
    RestartAll,
    RestartValidator,
    ResumeValidator,
    StartValidator,
    StopValidator,
    WatchValidators,
    WipeValidator,
)
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State, ValidatorView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.config_pane import ConfigPane
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.lines_matrix import LinesMatrix
from mesh_app.widgets.log_pane import LogPane
from mesh_app.widgets.metrics_table import MetricsTable
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.tab_bar import TabBar
from mesh_app.widgets.validator_facts import ValidatorFacts
from mesh_app.widgets.validator_list import ValidatorList
from mesh_core.types.confirmation import lifting_sentence

TABS: Final = {"Log": "tab-log", "Links": "tab-links", "Config": "tab-config", "Metrics": "tab-metrics"}
MOST_ROWS: Final = 8
"""Of the list; more are scrolled."""
BORDER_ROWS: Final = 2
FOCUS: Final = {"Log": "#log", "Links": "#links", "Config": "#config", "Metrics": "#metrics"}


class ValidatorsScreen(MeshScreen):
    """Screen 6."""

    CSS_PATH = "validators.tcss"
    NAME = "validators"
    AUTO_FOCUS = "#validator-list"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("validators")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None
        self._mode = ""
        self._is_watched = False

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Vertical(ValidatorList(id="validator-list"), ValidatorFacts(id="facts"), id="processes")
        yield Vertical(
            TabBar(tuple(TABS), id="tabs"),
            ContentSwitcher(
                Container(FilteredList(LogPane(id="log"), id="log-filter"), id="tab-log"),
                Container(LinesMatrix(id="links"), id="tab-links"),
                Container(FilteredList(ConfigPane(id="config"), id="config-filter"), id="tab-config"),
                Container(FilteredList(MetricsTable(id="metrics"), id="metrics-filter"), id="tab-metrics"),
                initial="tab-log",
            ),
            id="views",
        )

    @override
    def show(self, state: State, mode: str) -> None:
        self._state, self._mode = state, mode
        self.query_one(TabBar).remarks["Links"] = f"{len(state.operation.lines)}" if state.operation.lines else ""
        listed = self.query_one("#validator-list", ValidatorList)
        listed.styles.height = min(len(state.validators), MOST_ROWS) + BORDER_ROWS
        listed.show(state)
        self._choose()
        self.query_one(LogPane).show(state)  # before the line above it, which tells how many rows its filter has found
        super().show(state, mode)

    @override
    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._watch(is_watched=True)

    def on_screen_suspend(self) -> None:
        """Nobody looks any more."""
        self._watch(is_watched=False)

    def _watch(self, *, is_watched: bool) -> None:
        # Textual tells a screen that it is there when it is made, and once more when it is shown.
        if is_watched != self._is_watched:
            self._is_watched = is_watched
            self.post_message(Ordered(WatchValidators(is_watched)))

    @property
    def chosen(self) -> ValidatorView | None:
        """The validator under the cursor of the list."""
        if self._state is None or not self._state.validators:
            return None
        index = self.query_one("#validator-list", ValidatorList).cursor or 0
        return self._state.validators[min(index, len(self._state.validators) - 1)]

    @on(RowList.CursorMoved, "#validator-list")
    def choose(self) -> None:
        """The panes follow the list."""
        self._choose()
        for pane in (self.query_one(ValidatorFacts), self.query_one(ConfigPane), self.query_one(MetricsTable)):
            pane.reshow()
            pane.refresh()

    def _choose(self) -> None:
        chosen = self.chosen
        if chosen is None:
            return
        self.query_one(ValidatorFacts).index = chosen.index
        self.query_one(ConfigPane).index = chosen.index
        self.query_one(MetricsTable).index = chosen.index
        self.query_one(LogPane).show_log(chosen.index)

    # --- Tabs

    @on(TabBar.Chosen)
    def tab_clicked(self, event: TabBar.Chosen) -> None:
        """The mouse chose."""
        self._open_tab(event.name)

    def action_tab(self, name: str) -> None:
        """A tab by its name; again: back to the log."""
        wanted = name.capitalize()
        self._open_tab("Log" if self.query_one(TabBar).chosen == wanted else wanted)

    def action_next_tab(self, step: int) -> None:
        """The next tab, or the one before."""
        tabs = self.query_one(TabBar)
        self._open_tab(tabs.names[(tabs.names.index(tabs.chosen) + step) % len(tabs.names)])

    def _open_tab(self, name: str) -> None:
        self.query_one(TabBar).choose(name)
        self.query_one(ContentSwitcher).current = TABS[name]
        pane = self.query_one(FOCUS[name])
        self.set_focus(pane)
        if self._state is not None:
            self.show(self._state, self._mode)

    # --- What keys do to the chosen validator

    def action_start(self) -> None:
        """Start."""
        self._order(lambda chosen: StartValidator(chosen.index))

    def action_stop(self) -> None:
        """Ask it to stop."""
        self._order(lambda chosen: StopValidator(chosen.index))

    def action_kill(self) -> None:
        """SIGKILL."""
        self._order(lambda chosen: KillValidator(chosen.index))

    def action_restart(self) -> None:
        """Stop and start."""
        self._order(lambda chosen: RestartValidator(chosen.index))

    def action_restart_all(self) -> None:
        """One after the other."""
        self.post_message(Ordered(RestartAll()))

    def action_pause(self) -> None:
        """SIGSTOP, or SIGCONT."""
        self._order(lambda chosen: ResumeValidator(chosen.index) if chosen.state == "paused" else PauseValidator(chosen.index))

    def action_wipe(self) -> None:
        """Delete its data."""
        self._order(lambda chosen: WipeValidator(chosen.index))

    def action_lift(self) -> None:
        """Lift its quarantine."""
        self._order(lambda chosen: LiftQuarantine(chosen.index, lifting_sentence(bytes.fromhex(chosen.public_key))))

    def _order(self, make: Callable[[ValidatorView], Order]) -> None:
        chosen = self.chosen
        if chosen is not None:
            self.post_message(Ordered(make(chosen)))
