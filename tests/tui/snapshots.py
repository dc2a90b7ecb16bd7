"""Pictures of the screen as text: the characters, and below them which style each has. Kept in tests/tui/snapshots, one file a state and size.

A picture that has changed fails its test. `MESH_UPDATE_SNAPSHOTS=1 pytest tests/tui/test_snapshots.py` writes them anew; the difference is then to be read
in the commit like any other.
"""

import difflib
import os
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.tui.conftest import Running

FOLDER: Final = Path(__file__).parent / "snapshots"
UPDATE_VARIABLE: Final = "MESH_UPDATE_SNAPSHOTS"
LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_DIFFERENCE_LINES: Final = 60


def picture(running: Running) -> str:
    """What is on the screen now."""
    strips = running.app.screen._compositor.render_strips()
    names: dict[str, str] = {}
    rows = [_runs(strip, names) for strip in strips]
    text = [strip.text.rstrip() for strip in strips]
    styles = [f"{letter} = {style}" for style, letter in names.items()]
    return "\n".join([*text, "", *styles, "", *(f"{y}: {' '.join(row)}" for y, row in enumerate(rows)), ""])


def check(running: Running, name: str) -> None:
    """The screen is as it was when its picture was taken."""
    path = FOLDER / f"{name}-{running.app.size.width}x{running.app.size.height}.txt"
    now = picture(running)
    if os.environ.get(UPDATE_VARIABLE):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if now != before:
        lines = [*difflib.unified_diff(before.splitlines(), now.splitlines(), f"{path.name}, kept", f"{path.name}, now", lineterm="", n=1)]
        more = [f"… and {len(lines) - MAX_DIFFERENCE_LINES} more lines"] if len(lines) > MAX_DIFFERENCE_LINES else []
        pytest.fail("\n".join([f"the picture has changed; {UPDATE_VARIABLE}=1 takes it anew", *lines[:MAX_DIFFERENCE_LINES], *more]), pytrace=False)


def _runs(strip: Strip, names: dict[str, str]) -> list[str]:
    """Letter and number of cells, from left to right."""
    found = []
    for style, segments in groupby(strip, key=_look):
        width = Segment.get_line_length([*segments])
        if width:
            found.append(f"{names.setdefault(style, _letter(len(names)))}{width}")
    return found


def _letter(number: int) -> str:
    return LETTERS[number] if number < len(LETTERS) else _letter(number // len(LETTERS) - 1) + LETTERS[number % len(LETTERS)]


def _look(segment: Segment) -> str:
    style = segment.style or Style()
    colours = [colour.get_truecolor().hex if colour is not None else "–" for colour in (style.color, style.bgcolor)]
    marks = [name for name in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, name)]
    return " ".join([colours[0], "on", colours[1], *marks])
