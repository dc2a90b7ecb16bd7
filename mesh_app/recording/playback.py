"""Plays a journal on the workstation, in the journal's own time, and takes a picture of the screen ten times a second.

Nothing waits for a clock: events and keys come in the order in which they were recorded, each at its tick, and the screen settles before its picture is taken.
Two runs give the same pictures.
"""

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Final

from textual.pilot import Pilot
from textual.widgets import Input

from mesh_app.app import MeshApp
from mesh_app.recording.frame import Frame
from mesh_app.recording.screen import take_frame
from mesh_app.recording.settling import settle
from mesh_app.services.replay import ReplayWorkbench
from mesh_app.setup import Setup
from testnet.journal import Entry, Journal

TICK_MS: Final = 100
SIZE: Final = (120, 36)


@dataclass(frozen=True, slots=True)
class Shot:
    """The screen at a time of the journal. `chapter` is the title of one that begins here."""

    at_ms: int
    frame: Frame
    chapter: str | None = None


async def play(journal: Journal, *, size: tuple[int, int] = SIZE, theme: str = "mesh-dark") -> AsyncGenerator[Shot, None]:
    """One shot a tick, the last one at the journal's end. The frame is the same object where nothing on the screen has changed."""
    # What this terminal's owner wants of colours is no part of a recording; Textual would read it.
    os.environ.pop("NO_COLOR", None)
    bench = ReplayWorkbench(journal.header)
    app = MeshApp(bench, replace(Setup(), theme=theme, is_played=True, is_driven=True))
    app.animation_level = "none"
    entries = iter(journal.entries)
    entry = next(entries, None)
    frame: Frame | None = None
    async with app.run_test(headless=True, size=size, notifications=True) as pilot:
        for at_ms in range(0, journal.length_ms + TICK_MS, TICK_MS):
            chapter: str | None = None
            has_changed = frame is None
            while entry is not None and entry.at_ms <= at_ms:
                chapter = _title(entry) or chapter
                await _give(entry, app, bench, pilot)
                has_changed = True
                entry = next(entries, None)
            bench.at_ms = at_ms
            has_changed |= app.tick()
            if has_changed or frame is None:
                _still_cursors(app)
                await settle(app, pilot)
                frame = take_frame(app)
            yield Shot(at_ms, frame, chapter)


async def _give(entry: Entry, app: MeshApp, bench: ReplayWorkbench, pilot: Pilot[None]) -> None:
    """Events wait for the next key, as they came before it. Each at its own time: what is asked for by a key must not seem younger than its answer."""
    bench.at_ms = entry.at_ms
    if entry.event is not None:
        bench.events.put_nowait(entry.event)
    if entry.key is not None:
        app.tick()
        await settle(app, pilot)
        await pilot.press(entry.key)
        await settle(app, pilot)


def _title(entry: Entry) -> str | None:
    event = entry.event or {}
    title = event.get("title")
    return title if event.get("event") == "chapter" and isinstance(title, str) else None


def _still_cursors(app: MeshApp) -> None:
    """A blinking cursor has a clock of its own."""
    for field in app.screen.query(Input):
        field.cursor_blink = False
