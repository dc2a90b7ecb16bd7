"""A filter above a list: `/` opens it, each key counts at once, enter keeps it, escape clears it. The list stays what it is; it only shows fewer rows."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView, clipped, right_aligned
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.unbroken import Unbroken

MAX_TYPED_CHARACTERS: Final = 200


class FilterTold(LineView):
    """What the list makes of the filter: how many rows match, or what is wrong with the words."""

    def __init__(self, rows: RowList[Any]) -> None:
        super().__init__()
        self._rows = rows

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        told = self._rows.filter_problem or self._rows.filter_told
        return [(Span(right_aligned(clipped(told, width), width), "down" if self._rows.filter_problem else "dim"),)]


class FilterInput(Input):
    """The words."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("filter_line")]


class FilteredList(Unbroken, Vertical):
    """A list under its filter: `rows.filter_text` is what the person typed. The list heeds it in `row_keys`, and says there what came of it.

    The line of the filter is hidden while there is none.
    """

    DEFAULT_CSS = """
    FilteredList { height: 1fr; width: 1fr; }
    FilteredList .filter-line { display: none; height: 1; padding: 0 1; }
    FilteredList.-filtered .filter-line { display: block; }
    FilteredList .filter-mark { width: 2; color: $primary; }
    FilteredList FilterInput { width: 2fr; background: $background; }
    FilteredList FilterTold { width: 1fr; height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("filter")]
    ALLOW_MAXIMIZE = True

    def __init__(self, rows: RowList[Any], *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self.rows = rows

    @override
    def compose(self) -> ComposeResult:
        with Horizontal(classes="filter-line"):
            yield Label("/", classes="filter-mark")
            yield FilterInput(compact=True, max_length=MAX_TYPED_CHARACTERS, select_on_focus=False)
            yield FilterTold(self.rows)
        yield self.rows

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape clears a filter only where there is one; elsewhere it leads back."""
        return self.has_class("-filtered") if action == "clear_filter" else super().check_action(action, parameters)

    def keep(self) -> Mapping[str, str]:
        """The filter, for the next run."""
        return {"filter": self.rows.filter_text} if self.rows.filter_text else {}

    def restore(self, kept: Mapping[str, object]) -> None:
        """The filter of the last run."""
        words = kept.get("filter")
        if isinstance(words, str):
            self.query_one(FilterInput).value = words
            self.set_class(bool(words.strip()), "-filtered")

    def action_open_filter(self) -> None:
        """The cursor goes into the filter."""
        self.add_class("-filtered")
        self.screen.set_focus(self.query_one(FilterInput))

    def action_clear_filter(self) -> None:
        """All rows again, and back to the list."""
        self.query_one(FilterInput).value = ""
        self._leave()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.rows.filter_text = event.value.strip()
        self.rows.reshow()
        self.rows.refresh()
        self.query_one(FilterTold).reshow()

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave()

    def _leave(self) -> None:
        self.set_class(bool(self.query_one(FilterInput).value.strip()), "-filtered")
        self.rows.focus()
