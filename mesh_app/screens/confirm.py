"""A question before something that cannot be undone. The safe answer has the focus; y, n, escape and the arrows answer too."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static
from typing_extensions import override

from mesh_app.screens.dialog import Dialog


class Confirm(Dialog[bool]):
    """True for yes."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,h,right,l,up,k,down,j", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, question: str, *, yes: str, no: str = "No", typed: str = "") -> None:
        """`typed`: a word that must be typed before yes counts, for what destroys data."""
        super().__init__()
        self._question = question
        self._typed = typed
        self._yes = yes
        self._no = no

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False, classes="dialog-text")
            if self._typed:
                yield Input(id="typed", placeholder=f"type {self._typed} and press enter", compact=True, max_length=60)
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"{self._no} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True)

    def on_mount(self) -> None:
        """What must be typed has the focus; everywhere else the safe answer has it."""
        if self._typed:
            self.query_one("#typed").focus()

    def action_answer(self, answer: bool) -> None:
        """The answer by key."""
        self._answer(answer)

    @on(Input.Submitted)
    def typed(self) -> None:
        """Enter in the field."""
        self._answer(True)

    def _answer(self, answer: bool) -> None:
        if answer and self._typed and self.query_one("#typed", Input).value.strip() != self._typed:
            self.query_one("#typed", Input).focus()
            self.app.bell()
            return
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The answer by button."""
        self._answer(event.button.id == "yes")
