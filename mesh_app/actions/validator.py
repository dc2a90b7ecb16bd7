"""Actions on a validator's card."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("validator", "kill", "K", "Kill -9", "Kill it (SIGKILL), as a crash would"),
    Action("validator", "restart", "r", "Restart", "Restart it"),
    Action("validator", "start", "s", "Start", "Start it"),
    Action("validator", "stop", "x", "Stop", "Ask it to stop"),
    Action("validator", "next_card", "right,l,down,j", "Next", "Next validator", in_bar=False),
    Action("validator", "previous_card", "left,h,up,k", "Previous", "Previous validator", in_bar=False),
)
