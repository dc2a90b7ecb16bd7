"""What a person can set: in the configuration file, and for one run on the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

ThemeName = Literal["mesh-dark", "mesh-light", "mesh-mono"]
LogLevel = Literal["debug", "info", "warning", "error"]

THEMES: Final[tuple[ThemeName, ...]] = ("mesh-dark", "mesh-light", "mesh-mono")
"""In the order in which a key goes through them."""
LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. `theme` is None where nobody chose one: then the theme of the last run counts."""

    theme: ThemeName | None = None
    slow: bool = False
    mouse: bool = True
    animations: bool = True
    log_level: LogLevel = "info"
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by the id of an action (`actions.Action.id`), as Textual names them, separated by commas."""
