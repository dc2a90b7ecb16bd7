"""Files that a person takes away from the screen. They lie in HOME/exports, readable by their owner alone, and never replace each other."""

import os
import re
from pathlib import Path
from typing import Final

from mesh_app.locations import EXPORTS_NAME

FILES_MOST: Final = 10_000

_UNFIT: Final = re.compile(r"[^a-z0-9]+")


def write_export(home: Path, what: str, text: str, ending: str) -> Path:
    """Write `text` under a name made from the words of `what`, numbered where that exists; returns the path. OSError."""
    path = free_export(home, what, ending)
    path.write_text(text, encoding="utf-8")
    return path


def free_export(home: Path, what: str, ending: str) -> Path:
    """An empty file under a name of its own, which is nobody else's from now on; its path. OSError."""
    folder = home / EXPORTS_NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = _UNFIT.sub("-", what.lower()).strip("-")[:60] or "export"
    for number in range(1, FILES_MOST):
        path = folder / (f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        return path
    raise OSError(f"{folder} is full of files of this name")
