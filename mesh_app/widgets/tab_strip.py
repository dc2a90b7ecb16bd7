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
        with_keys = self._line(has_keys=True)
        return [with_keys if line_width(with_keys) <= width else self._line(has_keys=False)]

    def _line(self, *, has_keys: bool) -> Line:
        spans: list[Span] = []
        self._spots = []
        x = 0
        for name, title, key in self.tabs if self.has_first else self.tabs[1:]:
            text = f" {title} " if not has_keys or name == self.current else f" {title} {key} "
            spans.append(Span(text, "tab" if name == self.current else "dim"))
            self._spots.append((x, x + len(text), name))
            x += len(text)
        return tuple(spans)

    def on_click(self, event: Click) -> None:
        """The tab that the mouse points at."""
        for begin, end, name in self._spots:
            if begin <= event.x < end:
                self.post_message(self.Chosen(name))
