"""The configuration file as it is before anybody changed it: every setting and every key, each with a word on what it does."""

from itertools import groupby
from typing import Final, cast

import tomlkit
import tomlkit.items

from mesh_app.actions import ACTIONS, SCOPE_TITLES
from mesh_app.settings.settings import LOG_LEVELS, THEMES, Settings

INTRODUCTION: Final = (
    "Configuration of mesh-app. Every line is optional; what is commented out shows the default.",
    "mesh-app locate says where this file belongs. What is typed on the command line counts more.",
)


def default_config() -> str:
    """A commented file with the defaults, which reads as the defaults."""
    defaults = Settings()
    document = tomlkit.document()
    for line in INTRODUCTION:
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    document.add(tomlkit.comment(f"Into the log goes: {', '.join(LOG_LEVELS)} and worse."))
    document.add("log_level", tomlkit.item(defaults.log_level))
    document.add(tomlkit.nl())
    look = tomlkit.table()
    look.add(tomlkit.comment(f'theme = "{THEMES[0]}"  # {", ".join(THEMES)}; without it, the theme of the last run'))
    look.add("slow", _told(defaults.slow, "for remote links: ten pictures a second at most, figures twice a second, nothing moves by itself"))
    look.add("mouse", _told(defaults.mouse, "false leaves the mouse to the terminal"))
    look.add("animations", _told(defaults.animations, "false: nothing moves by itself"))
    look.add(tomlkit.nl())
    document.add("look", look)
    keys = tomlkit.table()
    keys.add(tomlkit.comment('Keys by action: "scope.name" = "key,key". Names of keys: k, K, ctrl+k, f5, escape, enter, space, up, question_mark.'))
    keys.add(tomlkit.comment("Two actions that are in force at the same place cannot share a key."))
    for scope, actions in groupby(ACTIONS, key=lambda action: action.scope):
        keys.add(tomlkit.nl())
        keys.add(tomlkit.comment(SCOPE_TITLES[scope]))
        for action in actions:
            line = tomlkit.item(action.keys).as_string()
            keys.add(tomlkit.comment(f"{_quoted(action.id)} = {line}  # {action.text}"))
    document.add("keys", keys)
    return tomlkit.dumps(document)


def _quoted(text: str) -> str:
    return tomlkit.item(text).as_string()


def _told(value: bool, meaning: str) -> tomlkit.items.Bool:
    return cast(tomlkit.items.Bool, tomlkit.item(value).comment(meaning))
