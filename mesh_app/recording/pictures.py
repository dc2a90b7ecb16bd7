"""A recording as a line of pictures in time, wherever it comes from: played from a journal, or read from an asciicast."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mesh_app.recording.cast import MARKER, OUTPUT, RESIZE, CastEvent, CastHeader
from mesh_app.recording.frame import Frame
from mesh_app.recording.terminal import Terminal

PICTURE_MS: Final = 100
"""Of a recording with more pictures than ten a second, these are taken."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen from `at_ms` on. `chapter`: the title of one that begins here."""

    at_ms: int
    frame: Frame
    chapter: str | None = None


def canvas_of(header: CastHeader, events: Iterable[CastEvent]) -> tuple[int, int]:
    """Columns and rows that hold the terminal at each of its sizes: a film has one size. LocalFault, by the events."""
    width, height = header.width, header.height
    for event in events:
        if event.kind == RESIZE:
            width, height = max(width, event.size[0]), max(height, event.size[1])
    return width, height


def pictures_of(header: CastHeader, events: Iterable[CastEvent], canvas: tuple[int, int]) -> Iterator[Picture]:
    """What a terminal shows that is sent the recording: one picture every tenth of a second in which something changed, the first at once. LocalFault."""
    terminal = Terminal(header.width, header.height)
    slot_ms, chapter = 0, None
    is_dirty = True
    for event in events:
        # Rounded first: 0.7 seconds are 700 ms, though not in binary.
        event_ms = round(event.seconds * 1000) // PICTURE_MS * PICTURE_MS
        if event_ms > slot_ms and is_dirty:
            yield Picture(slot_ms, terminal.frame(*canvas), chapter)
            chapter, is_dirty = None, False
        slot_ms = max(slot_ms, event_ms)
        match event.kind:
            case kind if kind == OUTPUT:
                terminal.feed(event.data)
            case kind if kind == RESIZE:
                terminal.resize(*event.size)
            case kind if kind == MARKER:
                if chapter is not None:
                    # Two in a tenth of a second: neither is lost.
                    yield Picture(slot_ms, terminal.frame(*canvas), chapter)
                chapter = event.data
            case _:
                continue
        is_dirty = True
    if is_dirty:
        yield Picture(slot_ms, terminal.frame(*canvas), chapter)
