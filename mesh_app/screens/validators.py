"""The validators: their processes, logs, links and configuration."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.widgets.bindings import bindings_of


class ValidatorsScreen(MeshScreen):
    """Screen 6."""

    CSS_PATH = "validators.tcss"
    NAME = "validators"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("validators")]

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Static("")
