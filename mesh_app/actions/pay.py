"""Actions of the payment screen and its form."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("pay", "slow_motion", "m", "Slow motion", "Play the payment again, slowly", in_palette=True),
    Action("form", "submit", "enter", "Pay", "Pay, or go to the field that is missing"),
    Action("form", "app.focus_next", "tab", "Next field", "Next field"),
    Action("form", "app.back", "escape", "Leave the form", "Leave the form"),
)
