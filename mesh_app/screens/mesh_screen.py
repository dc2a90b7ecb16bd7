"""What all screens share: status bar above, key bar below, classes by size, and the message where the terminal is too small."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.messages import StateWanted
from mesh_app.state import State
from mesh_app.widgets.key_bar import KeyBar
from mesh_app.widgets.line_view import LineView
from mesh_app.widgets.status_bar import StatusBar

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 18


class MeshScreen(Screen[None]):
    """A screen of the workstation. Subclasses compose the body; `show` brings everything in it up to date."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (MIN_WIDTH, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (MIN_HEIGHT, "-short"), (23, "-standard"), (34, "-high"), (50, "-tall")]  # noqa: RUF012
    NAME: ClassVar[str] = ""

    @override
    def compose(self) -> ComposeResult:
        yield StatusBar(self.NAME)
        with Container(id="body"):
            yield from self.compose_body()
        yield Static(id="too-small", markup=False)
        yield KeyBar()

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the two bars."""
        raise NotImplementedError

    def show(self, state: State, mode: str) -> None:
        """Brings the panes up to date with the state."""
        self.query_one(StatusBar).mode = mode
        for view in self.query(LineView):
            view.show(state)

    def on_resize(self) -> None:
        """Says how large the terminal must be, where it is not."""
        self.query_one("#too-small", Static).update(f"MESH needs {MIN_WIDTH}x{MIN_HEIGHT}\nnow {self.size.width}x{self.size.height}\n\nq quits")

    def on_screen_resume(self) -> None:
        """A screen that was hidden is out of date."""
        self.post_message(StateWanted())
