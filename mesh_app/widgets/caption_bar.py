"""What a demonstration says, above the keys: the chapter, the caption, and the keys that are pressed."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, cut, line_width, wrapped

HEIGHT = 3
SIMULATED = "SIM: a simulated network in virtual time. Nothing here was measured: \u02e2ms and \u02e2s are the simulation's own time."


class CaptionBar(LineView):
    """Three lines; one where a simulated run is shown without a demonstration, and none where neither is."""

    DEFAULT_CSS = """
    CaptionBar { height: 3; width: 100%; display: none; background: $primary 12%; padding: 0 2; border-left: thick $primary; }
    """

    def __init__(self) -> None:
        super().__init__(id="caption-bar")

    @override
    def show(self, state: State) -> None:
        self.display = state.show.is_seen(state.now_ns)
        self.styles.height = HEIGHT if state.show.is_told(state.now_ns) else 1
        super().show(state)

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if not state.show.is_told(state.now_ns):
            return [cut((Span(SIMULATED, "wait"),), width)]
        keys = _keys(state.show.keys_at(state.now_ns))
        mode: Line = (Span("SIM, virtual time  ", "wait"),) if state.show.is_simulated else ()
        first = cut((*mode, Span(state.show.chapter, "label")), max(1, width - line_width(keys) - 1))
        gap = Span(" " * max(1, width - line_width(first) - line_width(keys)))
        words = wrapped(state.show.caption, width, tone="strong")
        return [(*first, gap, *keys), *words][:height]


def _keys(keys: Sequence[str]) -> Line:
    spans: list[Span] = []
    for key in keys:
        spans += [Span(f" {key} ", "tab"), Span(" ")]
    return tuple(spans[:-1])
