"""The ledger: certificates of all accounts, and what each of their bytes means."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.widgets.bindings import bindings_of


class LedgerScreen(MeshScreen):
    """Screen 4."""

    CSS_PATH = "ledger.tcss"
    NAME = "ledger"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("ledger")]

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Static("")

    def open_certificate(self, cert_id: str) -> None:
        """Puts the cursor on a certificate."""
