"""One of a few values, in one line: `◂ alice ▸`. Left and right, h and l, or the first letter choose."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import clipped
from mesh_app.widgets.tones import tone_styles
from mesh_core.types.visible_text import visible_text


class Choice(Widget, can_focus=True):
    """A value out of `options`."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; background: $panel; }
    Choice:focus { background: $primary 25%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,down,j", "choose(1)", "Next", show=False),
        Binding("left,h,up,k", "choose(-1)", "Previous", show=False),
        *bindings_of("form"),
    ]

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: "Choice") -> None:
            super().__init__()
            self.choice = choice

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.options: Sequence[str] = ()
        self.value = ""

    def set_options(self, options: Sequence[str], preferred: str = "") -> None:
        """New options; the value stays where it is still one of them."""
        if tuple(options) == tuple(self.options):
            return
        self.options = tuple(options)
        if self.value not in self.options:
            self.value = preferred if preferred in self.options else next(iter(self.options), "")
            self.post_message(self.Changed(self))
        self.refresh()

    def choose_value(self, value: str) -> None:
        """Chooses a value, if it is one of the options."""
        if value in self.options and value != self.value:
            self.value = value
            self.refresh()
            self.post_message(self.Changed(self))

    def action_choose(self, step: int) -> None:
        """The next or previous option, round and round."""
        if self.options:
            position = self.options.index(self.value) if self.value in self.options else 0
            self.choose_value(self.options[(position + step) % len(self.options)])

    def action_submit(self) -> None:
        """Enter: the form decides."""
        self.post_message(self.Submitted())

    def on_click(self, event: events.Click) -> None:
        """A click on the left half goes back, on the right half forward."""
        self.focus()
        self.action_choose(-1 if event.x < self.size.width // 2 else 1)

    @override
    def render_line(self, y: int) -> Strip:
        tones = tone_styles(self.app.theme_variables, dark=self.app.current_theme.dark)
        base = self.rich_style
        shown = clipped(visible_text(self.value) or "no wallet yet", max(0, self.size.width - 4))
        arrows = base + tones["amount" if self.has_focus else "dim"]
        segments = [Segment("◂ ", arrows), Segment(shown, base + tones["strong"]), Segment(" ▸", arrows)]
        return Strip(segments).adjust_cell_length(self.size.width, base)
