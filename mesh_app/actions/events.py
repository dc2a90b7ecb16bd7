"""Actions of the event stream."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (Action("events", "follow", "f", "Follow", "Follow the newest line"),)
