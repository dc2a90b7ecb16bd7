"""A list with a cursor: rows known by key, so that the cursor stays on its row while others come and go."""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView, cut
from mesh_app.widgets.tones import selection_style

Key = TypeVar("Key", bound=Hashable)

MARK_WIDTH: Final = 2
"""The cursor's mark stands in front of each row: the colour of the row alone would be lost without colours."""


class RowList(LineView, Generic[Key], can_focus=True):
    """Rows with a cursor, scrolled so that it is in sight. Subclasses give keys and draw one row; nothing is drawn that is not visible."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("lists")]

    class CursorMoved(Message):
        """Another row is under the cursor, moved there by the person."""

        def __init__(self, row_list: "RowList[Any]", key: Hashable) -> None:
            super().__init__()
            self.row_list = row_list
            self.key = key

        @property
        @override
        def control(self) -> "RowList[Any]":
            """The list, for `@on(..., selector)`."""
            return self.row_list

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self.cursor: Key | None = None
        self.is_chosen = False
        """Whether the person moved the cursor. Until then it stays on the default row, whatever comes and goes."""
        self.filter_text = ""
        """What the person typed into the filter above this list (`filter_bar.FilteredList`); `row_keys` heeds it."""
        self.filter_told = ""
        """What came of the filter, for example "12 of 310"."""
        self.filter_problem = ""
        """What is wrong with the filter's words, where something is."""
        self._keys: Sequence[Key] = ()
        self._top = 0

    def row_keys(self, state: State) -> Sequence[Key]:
        """Keys of all rows, first row first."""
        raise NotImplementedError

    def row_line(self, state: State, key: Key, width: int) -> Line:
        """One row."""
        raise NotImplementedError

    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        """Lines above the rows that do not scroll."""
        return ()

    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        """What stands in an empty list: what it will hold, and the key that fills it."""
        return ()

    def default_cursor(self, keys: Sequence[Key]) -> Key:
        """The row under the cursor until the person moves it, and where its row is gone. At least one key is given."""
        return keys[0]

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        self._keys = self.row_keys(state)
        header = [*self.header_lines(state, width)]
        self._header_height = len(header)
        if not self._keys:
            self.cursor = None
            return [cut(line, width) for line in self.empty_lines(state, width)]
        if height <= len(header):
            # Rows say more than the names of their columns.
            header, self._header_height = [], 0
        rows_count = max(1, height - len(header))
        position = self._cursor_position()
        self._top = max(position - rows_count + 1, min(self._top, position, max(0, len(self._keys) - rows_count)), 0)
        self._note_hidden_rows(rows_count)
        visible = self._keys[self._top : self._top + rows_count]
        marks = {True: Span("▸ ", "amount"), False: Span("  ")}
        return header + [cut((marks[key == self.cursor], *self.row_line(state, key, width - MARK_WIDTH)), width) for key in visible]

    @override
    def line_style(self, y: int) -> Style:
        index = y - self._header_height + self._top
        if y < self._header_height or not 0 <= index < len(self._keys) or self._keys[index] != self.cursor:
            return Style()
        return selection_style(self.app.theme_variables, focused=self.has_focus)

    def action_cursor_down(self) -> None:
        """Next row."""
        self._move(1)

    def action_cursor_up(self) -> None:
        """Previous row."""
        self._move(-1)

    @override
    def action_page_down(self) -> None:
        """A page down."""
        self._move(max(1, self.size.height - 2))

    @override
    def action_page_up(self) -> None:
        """A page up."""
        self._move(-max(1, self.size.height - 2))

    def action_cursor_first(self) -> None:
        """First row."""
        self._move(-len(self._keys))

    def action_cursor_last(self) -> None:
        """Last row."""
        self._move(len(self._keys))

    def on_click(self, event: events.Click) -> None:
        """The mouse puts the cursor on the row that it points at; not where it has just selected text."""
        if self.text_selection is not None:
            return
        content = event.get_content_offset(self)
        index = self._top + content.y - self._header_height if content is not None else -1
        if 0 <= index < len(self._keys) and content is not None and content.y >= self._header_height:
            self._put(self._keys[index])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self._move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self._move(-1)

    def on_focus(self) -> None:
        """The cursor's row is stronger in the list in focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor's row is fainter elsewhere."""
        self.refresh()

    _header_height = 0

    def _cursor_position(self) -> int:
        if not self.is_chosen or self.cursor not in self._keys:
            self.cursor = self.default_cursor(self._keys)
        return self._keys.index(self.cursor) if self.cursor is not None else 0

    def _move(self, rows: int) -> None:
        if self._keys:
            self._put(self._keys[max(0, min(len(self._keys) - 1, self._cursor_position() + rows))])

    def _put(self, key: Key) -> None:
        self.is_chosen = True
        if key == self.cursor:
            return
        self.cursor = key
        self.reshow()
        self.refresh()
        self.post_message(self.CursorMoved(self, key))

    def _note_hidden_rows(self, rows_count: int) -> None:
        above, below = self._top, max(0, len(self._keys) - self._top - rows_count)
        self.border_subtitle = " ".join(part for part in (f"↑{above}" if above else "", f"↓{below}" if below else "") if part)
