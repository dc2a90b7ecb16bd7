"""Every action that a key can trigger: one registry that feeds key bindings, the key bar, the help screen and the command palette.

An action that is not here has no key. `name` is what Textual calls (`action_<name>` of the widget, screen or application that binds the scope).
"""

from typing import Final

from mesh_app.actions import events, everywhere, laboratory, ledger, lists, network, pay, performance, validator, validators, wallets
from mesh_app.actions.action import KEY_NAMES, SCOPE_TITLES, Action, Scope

__all__ = ["ACTIONS", "KEY_NAMES", "SCOPE_TITLES", "Action", "Scope", "actions_of"]

ACTIONS: Final[tuple[Action, ...]] = (
    *everywhere.ACTIONS,
    *network.ACTIONS,
    *validator.ACTIONS,
    *wallets.ACTIONS,
    *pay.ACTIONS,
    *ledger.ACTIONS,
    *laboratory.ACTIONS,
    *validators.ACTIONS,
    *performance.ACTIONS,
    *events.ACTIONS,
    *lists.ACTIONS,
)


def actions_of(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of these scopes, in the order of the registry."""
    return tuple(action for action in ACTIONS if action.scope in scopes)
