"""How one run of the screen is set up: the settings after configuration and command line, what was kept, and what the screen may know of files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mesh_app.settings.kept import Kept
from mesh_app.settings.settings import Settings
from mesh_app.state.about import About


@dataclass(frozen=True, slots=True)
class Setup:
    """`theme` is the name of one of Textual's registered themes. `problems` are told as soon as there is a screen to tell them on."""

    theme: str = "mesh-dark"
    settings: Settings = field(default_factory=Settings)
    kept: Kept = field(default_factory=Kept)
    keep: Callable[[Kept], str] = lambda _: ""
    """Writes what is kept, away from the screen's loop; returns what went wrong in words."""
    about: About = field(default_factory=About)
    problems: tuple[str, ...] = ()
    stops_validators: bool = True
    """Whether they end with the screen; not those of a network that somebody else runs."""
    record: Path | None = None
    """Where a recording of this run goes that begins with it."""
    is_played: bool = False
    """Whether events and keys come from a file. It may be a stranger's: nothing is written because of it, and nothing goes to the clipboard."""
    is_driven: bool = False
    """Whether somebody else calls `MeshApp.tick`, in a time of its own: a recording that is played again."""
