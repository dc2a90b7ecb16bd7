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
    """The ring of entries, with a cursor. Rows are known by their number in the run, so that reading is not disturbed by new ones.

    The filter's words must all be in a line: a validator's name, a kind of event, anything.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("events")]
    BORDER_TITLE = "Events"

    source = ""
    """Lines of this validator alone; of everybody where it is empty."""

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        if not state.entries:
            return ()
        numbers = range(state.entries[0].number, state.entries[-1].number + 1)
        words = self.filter_text.lower().split()
        if not words and not self.source:
            return numbers
        found = [entry.number for entry in state.entries if self.source in ("", entry.source) and _has(entry, words)]
        self.filter_told = f"{len(found)} of {len(numbers)}"
        return found

    @override
    def default_cursor(self, keys: Sequence[int]) -> int:
        """The newest line; where the person reads, the oldest that is left of what was under the cursor."""
        return keys[0] if self.is_chosen else keys[-1]

    @property
    def follows(self) -> bool:
        """Whether the newest line is under the cursor, and will be."""
        return not self.is_chosen

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
        whose = f" · {self.source} alone" if self.source else ""
        self.border_title = f"Events · {'following' if self.follows else 'paused, f follows'}{whose}{unreadable}"
        return lines

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        if self._state is None or self.cursor is None or not self._state.entries:
            return None
        entry = self._state.entries[self.cursor - self._state.entries[0].number]
        return "line", f"{moment(self._state.since_start(entry.t_ns))} {entry.source} {entry.kind} {entry.text}"

    def action_follow(self) -> None:
        """Back to the newest line."""
        self.is_chosen = False
        self.reshow()

    def action_next_source(self) -> None:
        """Lines of V1 alone, of V2 alone, and so on, then of everybody again."""
        names = ["", *(validator.name for validator in self._state.validators)] if self._state is not None else [""]
        self.source = names[(names.index(self.source) + 1) % len(names)] if self.source in names else ""
        self.reshow()
        self.refresh()

    @override
    def _put(self, key: int) -> None:
        super()._put(key)
        self.is_chosen = key != self._keys[-1]


def _has(entry: Entry, words: Sequence[str]) -> bool:
    text = f"{entry.source} {entry.kind} {entry.text}".lower()
    return all(word in text for word in words)


def entry_line(state: State, entry: Entry) -> Line:
    """Time since the start, who, what kind, the words."""
    return (
        Span(f"{moment(state.since_start(entry.t_ns))}  ", "dim"),
        Span(padded(entry.source, SOURCE_WIDTH), entry.source_tone),
        Span(padded(entry.kind, KIND_WIDTH), "dim" if entry.tone == "text" else entry.tone),
        Span(entry.text, entry.tone),
    )
