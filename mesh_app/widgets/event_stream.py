"""Everything that happens, one line each: the newest at the bottom, followed until the person scrolls up."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.format import moment
from mesh_app.spans import Line, Span
from mesh_app.state import Entry, State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import padded
from mesh_app.widgets.row_list import RowList

SOURCE_WIDTH: Final = 8
KIND_WIDTH: Final = 12


class EventStream(RowList[int]):
    """The ring of entries, with a cursor. Rows are known by their number in the run, so that reading is not disturbed by new ones."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("events")]
    BORDER_TITLE = "Events"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.follows = True

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        if not state.entries:
            return ()
        numbers = range(state.entries[0].number, state.entries[-1].number + 1)
        if self.follows:
            self.cursor = numbers[-1]
        elif self.cursor is not None and self.cursor < numbers[0]:
            self.cursor = numbers[0]
        return numbers

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        return entry_line(state, state.entries[key - state.entries[0].number])

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [(Span("Everything that validators and wallets report appears here.", "dim"),)]

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        lines = super().build_lines(state, width, height)
        unreadable = f" · {state.unreadable_count} unreadable" if state.unreadable_count else ""
        self.border_title = f"Events · {'following' if self.follows else 'paused, f follows'}{unreadable}"
        return lines

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        if self._state is None or self.cursor is None or not self._state.entries:
            return None
        entry = self._state.entries[self.cursor - self._state.entries[0].number]
        return "line", f"{moment(self._state.since_start(entry.t_ns))} {entry.source} {entry.kind} {entry.text}"

    def action_follow(self) -> None:
        """Back to the newest line."""
        self.follows = True
        self.reshow()

    @override
    def _put(self, key: int) -> None:
        self.follows = bool(self._keys) and key == self._keys[-1]
        super()._put(key)


def entry_line(state: State, entry: Entry) -> Line:
    """Time since the start, who, what kind, the words."""
    return (
        Span(f"{moment(state.since_start(entry.t_ns))}  ", "dim"),
        Span(padded(entry.source, SOURCE_WIDTH), entry.source_tone),
        Span(padded(entry.kind, KIND_WIDTH), "dim" if entry.tone == "text" else entry.tone),
        Span(entry.text, entry.tone),
    )
