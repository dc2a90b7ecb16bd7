"""The base of all dialogs: a bug in one does not end the workstation, and ctrl+c copies what is selected."""

from textual.screen import ModalScreen, ScreenResultType
from typing_extensions import override

from mesh_app.widgets.unbroken import Unbroken


class Dialog(Unbroken, ModalScreen[ScreenResultType]):
    """A question or a form above a screen. Escape closes it, by the binding of the dialog itself."""

    @override
    def action_copy_text(self) -> None:
        super().action_copy_text()
        self.notify("copied: what is selected", timeout=3, markup=False)
