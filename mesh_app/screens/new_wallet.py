"""Asks for a new wallet's name."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from typing_extensions import override

from mesh_app.draft import wallet_name_problem
from mesh_app.state import State


class NewWallet(ModalScreen[str | None]):
    """The name, or None where the person went back."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#wallet-name"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back")]

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("A new wallet. Its name stays on this machine.", markup=False, classes="dialog-text")
            yield Input(id="wallet-name", placeholder="name, for example carol", compact=True, max_length=60)
            yield Static("enter creates it, esc goes back", markup=False, id="name-problem")

    def action_cancel(self) -> None:
        """No wallet."""
        self.dismiss(None)

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """A name that is free and can be shown."""
        name = event.value.strip()
        problem = wallet_name_problem(self._state, name)
        if problem is None:
            self.dismiss(name)
        else:
            self.query_one("#name-problem", Static).update(f"✖ {problem}")
