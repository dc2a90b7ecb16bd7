"""What all screens share: status bar above, errors and keys below, classes by size, and the message where the terminal is too small."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final, Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.messages import StateWanted
from mesh_app.state import State
from mesh_app.widgets.caption_bar import CaptionBar
from mesh_app.widgets.error_strip import ErrorStrip
from mesh_app.widgets.key_bar import KeyBar
from mesh_app.widgets.line_view import LineView
from mesh_app.widgets.status_bar import StatusBar
from mesh_app.widgets.unbroken import Unbroken

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 18

Kept = str | bool | int


@runtime_checkable
class Keeping(Protocol):
    """A pane that is found again as it was left, in the next run too. It has an id, and never gives a secret."""

    def keep(self) -> Mapping[str, Kept]:
        """How it is set, by names of its own. Short, and only what the person chose."""
        ...

    def restore(self, kept: Mapping[str, object]) -> None:
        """Sets it so again. What is missing or of another type is left as it is: the file can be edited by hand."""
        ...


class MeshScreen(Unbroken, Screen[None]):
    """A screen of the workstation. Subclasses compose the body; `show` brings everything in it up to date."""

    ALLOW_IN_MAXIMIZED_VIEW = "#status-bar, #key-bar, #error-strip"
    ESCAPE_TO_MINIMIZE = False  # the application's `back` does it, so that one key press undoes one thing

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (MIN_WIDTH, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (MIN_HEIGHT, "-short"), (23, "-standard"), (34, "-high"), (50, "-tall")]  # noqa: RUF012
    NAME: ClassVar[str] = ""

    @override
    def compose(self) -> ComposeResult:
        yield StatusBar(self.NAME)
        with Container(id="body"):
            yield from self._guarded_body()
        yield Static(id="too-small", markup=False)
        yield CaptionBar()
        yield ErrorStrip()
        yield KeyBar()

    def _guarded_body(self) -> Iterable[Widget]:
        try:
            yield from self.compose_body()
        except Exception as error:  # noqa: BLE001 - a screen that cannot be made must not take the others with it
            self.app._handle_exception(error)  # noqa: SLF001 - the one door for exceptions that Textual has
            yield Static(f"✖ this screen failed: {type(error).__name__}: {error}", markup=False)

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the two bars."""
        raise NotImplementedError

    def show(self, state: State, mode: str) -> None:
        """Brings the panes up to date with the state."""
        self.query_one(StatusBar).mode = mode
        for view in self.query(LineView):
            view.show(state)

    @property
    def is_moving(self) -> bool:
        """Whether it shows something else from moment to moment, also while no event comes."""
        return False

    def step_back(self) -> bool:
        """Undo one thing inside of this screen; False where there is none, and escape leads to the screen before."""
        return False

    def tell_errors(self, errors: Sequence[str]) -> None:
        """Errors that nobody has dismissed, the newest last."""
        self.query_one(ErrorStrip).tell(errors)

    def keep(self) -> dict[str, dict[str, Kept]]:
        """What the next run restores, by the id of the pane (`Keeping`)."""
        found = {pane.id: dict(pane.keep()) for pane in self.query("*") if isinstance(pane, Keeping) and pane.id}
        return {pane_id: kept for pane_id, kept in found.items() if kept}

    def restore(self, kept: Mapping[str, Mapping[str, object]]) -> None:
        """What `keep` gave, perhaps in another run."""
        for pane in self.query("*"):
            if isinstance(pane, Keeping) and pane.id is not None and pane.id in kept:
                pane.restore(kept[pane.id])

    @override
    def action_copy_text(self) -> None:
        super().action_copy_text()
        self.notify("copied: what is selected", timeout=3, markup=False)

    def on_resize(self) -> None:
        """Says how large the terminal must be, where it is not."""
        self.query_one("#too-small", Static).update(f"MESH needs {MIN_WIDTH}x{MIN_HEIGHT}\nnow {self.size.width}x{self.size.height}\n\nq quits")

    def on_screen_resume(self) -> None:
        """A screen that was hidden is out of date."""
        self.post_message(StateWanted())
