"""A recording as a line of pictures in time, wherever it comes from: played from a journal, or read from an asciicast."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mesh_app.recording.cast import MARKER, OUTPUT, RESIZE, CastEvent, CastHeader
from mesh_app.recording.extras import require_extra
from mesh_app.recording.frame import BACKGROUND, FOREGROUND, Frame, Pen, Rgb, Row, Run

PICTURE_MS: Final = 100
"""Of a recording with more pictures than ten a second, these are taken."""

_PRIVATE: Final = re.compile(r"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_^X][^\x1b]*\x1b\\")

_NAMES: Final[dict[str, Rgb]] = {
    "black": (0, 0, 0),
    "red": (205, 49, 49),
    "green": (13, 188, 121),
    "brown": (229, 229, 16),
    "blue": (36, 114, 200),
    "magenta": (188, 63, 188),
    "cyan": (17, 168, 205),
    "white": (229, 229, 229),
    "brightblack": (102, 102, 102),
    "brightred": (241, 76, 76),
    "brightgreen": (35, 209, 139),
    "brightbrown": (245, 245, 67),
    "brightblue": (59, 142, 234),
    "brightmagenta": (214, 112, 214),
    "brightcyan": (41, 184, 219),
    "brightwhite": (255, 255, 255),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen from `at_ms` on. `chapter`: the title of one that begins here."""

    at_ms: int
    frame: Frame
    chapter: str | None = None


def pictures_of(header: CastHeader, events: Iterator[CastEvent]) -> Iterator[Picture]:
    """What a terminal shows that is sent the recording: one picture every tenth of a second in which something changed. LocalFault."""
    require_extra()
    import pyte

    screen = pyte.Screen(header.width, header.height)
    stream = pyte.Stream(screen)
    slot_ms, chapter, is_dirty = 0, None, False
    for event in events:
        event_ms = int(event.seconds * 1000) // PICTURE_MS * PICTURE_MS
        if event_ms > slot_ms and is_dirty:
            yield Picture(slot_ms, _frame(screen), chapter)
            chapter, is_dirty = None, False
        slot_ms = max(slot_ms, event_ms)
        match event.kind:
            case kind if kind == OUTPUT:
                stream.feed(_without_private(event.data))
            case kind if kind == RESIZE:
                # A video has one size: what no longer fits is cut, as in a terminal that is not resized.
                continue
            case kind if kind == MARKER:
                chapter = event.data
            case _:
                continue
        is_dirty = True
    if is_dirty:
        yield Picture(slot_ms, _frame(screen), chapter)


def _without_private(data: str) -> str:
    """Without sequences that the parser would print: private modes with a prefix that it does not know, and titles."""
    return _PRIVATE.sub("", data)


def _frame(screen: Any) -> Frame:
    return Frame(screen.columns, tuple(_row(screen, y) for y in range(screen.lines)))


def _row(screen: Any, y: int) -> Row:
    runs: list[Run] = []
    line = screen.buffer[y]
    for x in range(screen.columns):
        cell = line[x]
        pen = _pen(cell)
        if runs and runs[-1].pen == pen:
            runs[-1] = Run(runs[-1].text + cell.data, pen)
        else:
            runs.append(Run(cell.data, pen))
    return tuple(runs)


def _pen(cell: Any) -> Pen:
    ink, paper = _rgb(cell.fg), _rgb(cell.bg)
    foreground, background = (paper or BACKGROUND, ink or FOREGROUND) if cell.reverse else (ink, paper)
    return Pen(foreground, background, cell.bold, cell.italics, cell.underscore, cell.strikethrough)


def _rgb(name: str) -> Rgb | None:
    if name == "default":
        return None
    if name in _NAMES:
        return _NAMES[name]
    return int(name[0:2], 16), int(name[2:4], 16), int(name[4:6], 16)
