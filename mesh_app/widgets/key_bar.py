"""The line at the bottom: the keys that work here and now, taken from the bindings in force."""

from collections.abc import Sequence

from textual.events import Click
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, line_width


class KeyBar(LineView):
    """Keys of the pane in focus first, then of the screen, then of the application; as many as fit. A click does what the key does.

    Keys that a field in focus takes as text are not in force there, so they are not shown.
    """

    def __init__(self) -> None:
        super().__init__(id="key-bar")
        self._spots: list[tuple[int, int, str]] = []

    @override
    def on_mount(self) -> None:
        """Another focus has other keys."""
        super().on_mount()
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.reshow())

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        line: list[Span] = [Span(" ")]
        self._spots = []
        x = 1
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            key = self.app.get_key_display(binding)
            spot = [Span(key, "amount"), Span(f" {binding.description}", "text"), Span("   ")]
            if x + line_width(tuple(spot)) - 3 > width:
                break
            self._spots.append((x, x + line_width(tuple(spot)) - 2, binding.key))
            line += spot
            x += line_width(tuple(spot))
        return [tuple(line)]

    async def on_click(self, event: Click) -> None:
        """As if the key were pressed."""
        for begin, end, key in self._spots:
            if begin <= event.x < end:
                self.app.simulate_key(key)
