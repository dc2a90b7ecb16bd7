"""An address as a QR code over the whole screen, for a camera."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from typing_extensions import override

from mesh_app.screens.live_modal import LiveModal
from mesh_app.state import State
from mesh_app.widgets.qr_picture import QrPicture


class AddressDialog(LiveModal):
    """The code of one wallet's address."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q,Q,space", "leave", "Back", show=False)]

    def __init__(self, state: State, wallet: str) -> None:
        super().__init__(state)
        self._wallet = wallet

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="qr-frame"):
            yield QrPicture(self._wallet)
