"""Dialogs that follow the state, as screens do."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from mesh_app.screens.dialog import Dialog
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView


class LiveModal(Dialog[None]):
    """A dialog above a screen; the application calls `show` whenever the state has changed. Escape leaves it.

    While one that `HOLDS_SECRET` is open, no picture of the screen is taken.
    """

    CSS_PATH: ClassVar[str | None] = "forms.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    HOLDS_SECRET: ClassVar[bool] = False

    COPYING: ClassVar[list[BindingType]] = [
        Binding("y", "app.copy", "Copy", show=False),
        Binding("Y", "app.copy_json", "Copy as JSON", show=False),
        Binding("o", "app.write_file", "To a file", show=False),
    ]
    """For dialogs with something to copy: the application's own keys end at a dialog."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    def show(self, state: State) -> None:
        """Brings the dialog up to date."""
        self.state = state
        for view in self.query(LineView):
            view.show(state)

    def on_mount(self) -> None:
        """What is known already."""
        self.call_after_refresh(lambda: self.show(self.state))

    def on_screen_resume(self) -> None:
        """Another dialog above it has gone."""
        self.call_after_refresh(lambda: self.show(self.state))

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.dismiss(None)
