"""Actions of the network screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (Action("network", "open_certificate", "enter", "Read it", "Open the certificate in the ledger"),)
