"""Performance: traffic to look at, and measurements to trust."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.widgets.bindings import bindings_of


class PerformanceScreen(MeshScreen):
    """Screen 7."""

    CSS_PATH = "performance.tcss"
    NAME = "performance"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("performance")]

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Static("")
