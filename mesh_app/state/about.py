"""What the workstation knows of itself: not an event, and the same for a whole run."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class About:
    """For help, error panes and the like. `log` is the file with tracebacks; `locations` are (name, path)."""

    version: str = ""
    log: str = "mesh-app.log"
    locations: tuple[tuple[str, str], ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    """The keys that the person chose, by the id of the action."""
