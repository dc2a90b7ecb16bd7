"""A pane of lines that may be more than fit: arrows, vim keys and the wheel scroll it; its border says how much is above and below."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from typing_extensions import override

from mesh_app.spans import Line
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView


class ScrolledLines(LineView, can_focus=True):
    """Subclasses write `all_lines`. `to_top` shows the beginning again: for when something else is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("lists")]
    DEFAULT_CSS = """
    ScrolledLines { border: round $border-blurred; border-title-color: $foreground 70%; border-subtitle-color: $foreground 70%; padding: 0 1; }
    ScrolledLines:focus { border: round $border; border-title-color: $primary; border-title-style: bold; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self._top = 0
        self._count = 0

    def all_lines(self, state: State, width: int) -> Sequence[Line]:
        """Every line, also those that do not fit."""
        raise NotImplementedError

    def to_top(self) -> None:
        """The beginning."""
        self._top = 0

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        lines = self.all_lines(state, width)
        self._count = len(lines)
        self._top = max(0, min(self._top, len(lines) - height))
        below = max(0, len(lines) - self._top - height)
        self.border_subtitle = " ".join(part for part in (f"↑{self._top}" if self._top else "", f"↓{below}" if below else "") if part)
        return lines[self._top : self._top + height]

    def action_cursor_down(self) -> None:
        """A line down."""
        self._scroll(1)

    def action_cursor_up(self) -> None:
        """A line up."""
        self._scroll(-1)

    @override
    def action_page_down(self) -> None:
        """A page down."""
        self._scroll(max(1, self.size.height - 2))

    @override
    def action_page_up(self) -> None:
        """A page up."""
        self._scroll(-max(1, self.size.height - 2))

    def action_cursor_first(self) -> None:
        """The beginning."""
        self._scroll(-self._count)

    def action_cursor_last(self) -> None:
        """The end."""
        self._scroll(self._count)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls."""
        event.stop()
        self._scroll(2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel scrolls."""
        event.stop()
        self._scroll(-2)

    def _scroll(self, lines: int) -> None:
        self._top = max(0, self._top + lines)
        self.reshow()
