"""One line of tabs, for panes that share a place where the terminal is small."""

from collections.abc import Sequence
from typing import Final

from textual.events import Click
from textual.message import Message
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, width_of

GAP: Final = "  "


class TabLine(LineView):
    """Tabs by name, `active` the one that is shown. A click chooses; keys are the screen's."""

    DEFAULT_CSS = """
    TabLine { height: 1; width: 1fr; padding: 0 1; }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, tabs: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.tabs = tuple(tabs)
        self.active = self.tabs[0]

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        spans: list[Span] = []
        for tab in self.tabs:
            spans += [Span(f" {tab} ", "tab" if tab == self.active else "dim"), Span(GAP)]
        return [(*spans, Span("[ ] changes", "dim"))]

    def choose(self, tab: str) -> None:
        """Marks a tab."""
        self.active = tab
        self.reshow()

    def step(self, step: int) -> str:
        """The tab so many places on, round and round."""
        return self.tabs[(self.tabs.index(self.active) + step) % len(self.tabs)]

    def on_click(self, event: Click) -> None:
        """The tab under the mouse."""
        offset = event.get_content_offset(self)
        x = 0
        for tab in self.tabs:
            end = x + width_of(tab) + 2
            if offset is not None and x <= offset.x < end:
                self.post_message(self.Chosen(tab))
            x = end + len(GAP)
