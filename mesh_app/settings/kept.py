"""What is kept between runs: where the person was and how the screens were set. Never a secret, and nothing that a run could not do without.

It lies in the home (`state.toml`), is replaced as a whole, and a file that cannot be read counts as none.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import tomlkit

from mesh_app.settings.settings import THEMES, ThemeName
from mesh_core.errors import LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.storage.files import write_atomically

VERSION: Final = 1
MAX_BYTES: Final = 64_000
MAX_TEXT: Final = 400

KeptValue = str | bool | int
"""Of one pane: the words of its filter, whether amounts are hidden, and such."""
KeptPanes = dict[str, dict[str, dict[str, KeptValue]]]
"""Screen, then the pane's id, then a name of the pane's own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`screen` and `theme` are empty and None where nothing is known."""

    screen: str = ""
    theme: ThemeName | None = None
    panes: KeptPanes = field(default_factory=dict)


def read_kept(path: Path) -> tuple[Kept, str]:
    """What was kept, and a line on what is wrong with the file; the line is empty where nothing is. A file of another version counts as none."""
    try:
        data = read_plain_file(path, MAX_BYTES)
    except FileNotFoundError:
        return Kept(), ""
    except OSError as error:
        return Kept(), f"{path} cannot be read ({error.strerror or error}): screens begin as new"
    try:
        found = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return Kept(), f"{path} is damaged: screens begin as new"
    if found.get("version") != VERSION:
        return Kept(), f"{path} is of another version: screens begin as new"
    theme = found.get("theme")
    screen = found.get("screen")
    return Kept(
        screen=screen if isinstance(screen, str) else "", theme=cast(ThemeName, theme) if theme in THEMES else None, panes=_panes(found.get("panes"))
    ), ""


def write_kept(path: Path, kept: Kept) -> None:
    """Replace the file as a whole, readable by its owner alone. LocalFault (KEY_FILE) where it cannot be written."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by mesh-app on its way out: where you were. It may be deleted."))
    document.add("version", tomlkit.item(VERSION))
    document.add("screen", tomlkit.item(kept.screen))
    if kept.theme is not None:
        document.add("theme", tomlkit.item(kept.theme))
    document.add("panes", tomlkit.item(_panes(kept.panes)))
    write_atomically(path, tomlkit.dumps(document).encode(), overwrite=True)


def keep(path: Path, kept: Kept) -> str:
    """`write_kept`; returns what went wrong in words, or nothing. Losing it costs a person a few keys, so it never ends a run."""
    try:
        write_kept(path, kept)
    except LocalFault as fault:
        return fault.text
    return ""


def _panes(found: Any) -> KeptPanes:
    """Only what has the form of `KeptPanes`: the file may have been edited by hand."""
    return {
        screen: {pane: {name: value for name, value in values.items() if _is_value(value)} for pane, values in panes.items() if isinstance(values, Mapping)}
        for screen, panes in (found.items() if isinstance(found, Mapping) else ())
        if isinstance(panes, Mapping)
    }


def _is_value(value: object) -> bool:
    return isinstance(value, (bool, int)) or (isinstance(value, str) and len(value) <= MAX_TEXT)
