"""The laboratory: attacks on the network, what validators answer, and the evidence."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.widgets.bindings import bindings_of


class LaboratoryScreen(MeshScreen):
    """Screen 5."""

    CSS_PATH = "laboratory.tcss"
    NAME = "laboratory"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("laboratory")]

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Static("")
