"""What every part of the application stands on: the workbench behind it, the state that it shows, and how this run is set up."""

from dataclasses import replace

from textual.app import App

from mesh_app.model import State
from mesh_app.ports import Workbench
from mesh_app.setup import Setup
from mesh_app.terminal_driver import TerminalDriver
from mesh_app.widgets.unbroken import Unbroken


class Shell(Unbroken, App[None]):
    """The application is built in layers, each a file of this folder with one thing that it can do; `mesh_app/app.py` is the uppermost."""

    def __init__(self, workbench: Workbench, setup: Setup) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.setup = setup
        self.workbench = workbench
        self.state = State(about=replace(setup.about, keys=setup.settings.keys))
        self.state.show.is_utc = setup.is_driven
        self.is_out_of_date = False
        """Whether something that is no event has changed what the screens show."""
