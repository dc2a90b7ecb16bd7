"""Actions of the event stream."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("events", "next_source", "v", "Validator", "Lines of one validator alone: V1, V2, …, all"),
    Action("events", "follow", "f", "Follow", "Follow the newest line"),
)
