"""Tabs in one line: the one in sight stands out, a click chooses another, and each names the key that does the same."""

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, line_width


class TabStrip(LineView):
    """`tabs` are (name, title, key). `current` is the name of the one in sight."""

    DEFAULT_CSS = """
    TabStrip { height: 1; width: 1fr; }
    """

    class Chosen(Message):
        """The mouse chose a tab."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, tabs: Sequence[tuple[str, str, str]], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.tabs = tuple(tabs)
        self.current = tabs[0][0]
        self.has_first = True
        """Whether the first tab is there at all."""
        self._spots: list[tuple[int, int, str]] = []

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        forms = (self._line(has_keys=True), self._line(), self._line(is_close=True))
        fitting = next((number for number, line in enumerate(forms) if line_width(line) <= width), len(forms) - 1)
        return [self._line(has_keys=fitting == 0, is_close=fitting == len(forms) - 1)]

    def _line(self, *, has_keys: bool = False, is_close: bool = False) -> Line:
        spans: list[Span] = []
        self._spots = []
        x = 0
        for name, title, key in self.tabs if self.has_first else self.tabs[1:]:
            text = title if not has_keys or name == self.current else f"{title} {key}"
            shown = f"{text} " if is_close else f" {text} "
            spans.append(Span(shown, "tab" if name == self.current else "dim"))
            self._spots.append((x, x + len(shown), name))
            x += len(shown)
        return tuple(spans)

    def on_click(self, event: Click) -> None:
        """The tab that the mouse points at."""
        for begin, end, name in self._spots:
            if begin <= event.x < end:
                self.post_message(self.Chosen(name))
