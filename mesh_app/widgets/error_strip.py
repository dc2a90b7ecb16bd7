"""The last error, above the keys, until somebody has read it: a toast is gone before one looks up."""

from collections.abc import Sequence
from typing import Final

from textual.events import Click
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, right_aligned, width_of, wrapped

MAX_LINES: Final = 3
DISMISS: Final = "  esc dismisses"


class ErrorStrip(LineView):
    """One to three lines; none where there is no error."""

    DEFAULT_CSS = """
    ErrorStrip { height: 1; width: 100%; display: none; background: $error 15%; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="error-strip")
        self._errors: tuple[str, ...] = ()

    def tell(self, errors: Sequence[str]) -> None:
        """All errors that nobody has dismissed, the newest last."""
        if self._errors != tuple(errors):
            self._errors = tuple(errors)
            self.display = bool(errors)
            self.screen.set_class(bool(errors), "-has-errors")
            self.reshow()

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if not self._errors:
            return ()
        count = f"✖ {len(self._errors)} errors, the last: " if len(self._errors) > 1 else "✖ "
        lines = wrapped(count + self._errors[-1], max(1, width - width_of(DISMISS)), tone="down")[:MAX_LINES]
        self.styles.height = len(lines)
        first = lines[0]
        used = sum(width_of(span.text) for span in first)
        return [(*first, Span(right_aligned(DISMISS, width - used), "text")), *lines[1:]]

    async def on_click(self, event: Click) -> None:
        """As escape does."""
        await self.app.run_action("app.dismiss_errors")
