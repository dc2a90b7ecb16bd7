"""A question before something that cannot be undone. The safe answer has the focus; y, n, escape and the arrows answer too."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static
from typing_extensions import override


class Confirm(ModalScreen[bool]):
    """True for yes."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,h,right,l,up,k,down,j", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, question: str, *, yes: str, no: str = "No") -> None:
        super().__init__()
        self._question = question
        self._yes = yes
        self._no = no

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False, classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"{self._no} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True)

    def action_answer(self, answer: bool) -> None:
        """The answer by key."""
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The answer by button."""
        self.dismiss(event.button.id == "yes")
