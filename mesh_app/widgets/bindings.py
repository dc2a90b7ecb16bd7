"""Textual's bindings, made from the registry of actions."""

from textual.binding import Binding, BindingType

from mesh_app.actions import Scope, actions_of


def bindings_of(*scopes: Scope) -> list[BindingType]:
    """One binding an action, with the registry's stable id so that a configuration file can give it another key."""
    return [
        Binding(action.keys, action.name, action.label, show=action.in_bar, priority=action.at_once, id=action.id, tooltip=action.text)
        for action in actions_of(*scopes)
    ]
