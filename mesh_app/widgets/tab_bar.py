"""Tabs in one line: names, one of them chosen. A click chooses; so do the keys of the screen."""

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, line_width


class TabBar(LineView):
    """`names` in order; `chosen` is one of them."""

    DEFAULT_CSS = "TabBar { height: 1; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._names = tuple(names)
        self._spots: list[tuple[int, int, str]] = []
        self.chosen = self._names[0]
        self.remarks: dict[str, str] = {}
        """A word beside a name, where there is something to see behind it."""

    @property
    def names(self) -> tuple[str, ...]:
        """All tabs."""
        return self._names

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        line: list[Span] = []
        self._spots = []
        for name in self._names:
            is_chosen = name == self.chosen
            begin = line_width(tuple(line))
            line.append(Span(f"▸{name} " if is_chosen else f" {name} ", "tab" if is_chosen else "dim"))
            if self.remarks.get(name):
                line.append(Span(f"{self.remarks[name]} ", "wait"))
            self._spots.append((begin, line_width(tuple(line)), name))
            line.append(Span(" "))
        hint: Line = (Span("[", "amount"), Span(" and ", "dim"), Span("]", "amount"), Span(" turn over", "dim"))
        room = width - line_width(tuple(line)) - line_width(hint)
        return [(*line, Span(" " * room), *hint)] if room > 0 else [tuple(line)]

    def choose(self, name: str) -> None:
        """Another tab."""
        self.chosen = name
        self.reshow()

    def on_click(self, event: Click) -> None:
        """The tab under the mouse."""
        for begin, end, name in self._spots:
            if begin <= event.x < end:
                self.post_message(self.Chosen(name))
