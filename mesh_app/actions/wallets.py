"""Actions of the wallets screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (Action("wallets", "app.new_wallet", "n", "New wallet", "Create an empty wallet", in_palette=True),)
