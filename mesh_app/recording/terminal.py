"""A terminal that is sent a recording: pyte, and what pyte lacks. Recordings of other programs hold whatever those programs sent."""

import copy
import re
import unicodedata
from typing import Any, Final

from rich.cells import cell_len

from mesh_app.recording.extras import require_extra
from mesh_app.recording.frame import BACKGROUND, FOREGROUND, Frame, Pen, Rgb, Row, Run

MARKS_MOST: Final = 30
"""Over and under one letter (Unicode's Stream-Safe Text Format)."""
REST_MOST: Final = 64 * 1024
"""A sequence that has not ended after so many characters is no sequence."""

_UNKNOWN: Final = re.compile(r"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*(?:\$p|[a-gi-km-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_^X][^\x1b]*\x1b\\")
"""Sequences that pyte would print or stumble over, and that paint nothing: private modes, requests, titles, links, device controls."""
_UNFINISHED: Final = re.compile(r"\x1b(?:\[[0-9;:<=>?!$ ]*|[\]P_^X][^\x07\x1b]*\x1b?|[()%#])?\Z")
_COLONS: Final = re.compile(r"\x1b\[([0-9;:]*:[0-9;:]*)m")
_OTHER_SCREEN: Final = re.compile(r"\x1b\[\?(?:47|1047|1049)([hl])")

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
    # pyte's own spelling.
    "bfightmagenta": (214, 112, 214),
    "brightmagenta": (214, 112, 214),
    "brightcyan": (41, 184, 219),
    "brightwhite": (255, 255, 255),
}


class Terminal:
    """`feed` what the program sent, `resize` where the person did, and take a `frame`."""

    def __init__(self, width: int, height: int) -> None:
        """LocalFault where pyte is not installed."""
        require_extra()
        import pyte
        from wcwidth import wcwidth

        self._width_of = wcwidth
        self._new_stream = pyte.Stream
        self._screen = pyte.Screen(width, height)
        self._draw_unbounded = self._screen.draw
        self._screen.draw = self._draw  # type: ignore[method-assign]
        self._stream = pyte.Stream(self._screen)
        self._rest = ""
        self._kept: tuple[Any, Any] | None = None

    def feed(self, data: str) -> None:
        """Output. A sequence may end in a later piece; what cannot be understood is left out, as terminals do."""
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        at = len(data) if unfinished is None else unfinished.start()
        data, self._rest = data[:at], data[at:] if len(data) - at <= REST_MOST else ""
        data = self._drawable(_COLONS.sub(_without_colons, _UNKNOWN.sub("", data)))
        begin = 0
        for switch in _OTHER_SCREEN.finditer(data):
            self._show(data[begin : switch.start()])
            self._switch(to_other=switch[1] == "h")
            begin = switch.end()
        self._show(data[begin:])

    def resize(self, width: int, height: int) -> None:
        """Another size, as when a person pulls at a window."""
        self._screen.resize(height, width)

    def frame(self, width: int, height: int) -> Frame:
        """What it shows, on a canvas of this size: what the terminal does not fill stays empty, what does not fit is cut."""
        screen = self._screen
        empty: Row = (Run(" " * width, Pen()),)
        rows = [_row(screen.buffer[y], min(width, screen.columns), width) for y in range(min(height, screen.lines))]
        return Frame(width, (*rows, *(empty for _ in range(height - len(rows)))))

    def _drawable(self, data: str) -> str:
        """Without joiners and selectors of variants: at the first of them, pyte forgets the rest of the text."""
        return (
            data if data.isascii() else "".join(letter for letter in data if self._width_of(letter) != 0 or letter.isascii() or unicodedata.combining(letter))
        )

    def _draw(self, data: str) -> None:
        """Text, with no more marks on one letter than any script has: pyte normalises all of them anew with each, and a page of them would take hours."""
        if not data.isascii():
            cursor, last = self._screen.cursor, self._screen.columns - 1
            # A mark goes to the letter before, where a line begins to that at the end of the line above.
            y, x = (cursor.y, cursor.x - 1) if cursor.x else (max(0, cursor.y - 1), last)
            marks, kept = len(self._screen.buffer[y][x].data), []
            for letter in data:
                marks = marks + 1 if unicodedata.combining(letter) else 0
                if marks <= MARKS_MOST:
                    kept.append(letter)
            data = "".join(kept)
        self._draw_unbounded(data)

    def _show(self, data: str) -> None:
        try:
            self._stream.feed(data)
        except Exception:  # noqa: BLE001 - pyte raises whatever Python does where a sequence has parameters that it does not expect
            # Its parser is of no use any more after that.
            self._stream = self._new_stream(self._screen)

    def _switch(self, *, to_other: bool) -> None:
        """The other screen, which full-screen programs use, is empty at first; the first one is as it was left."""
        screen = self._screen
        if to_other and self._kept is None:
            self._kept = copy.deepcopy(screen.buffer), copy.copy(screen.cursor)
            screen.erase_in_display(2)
            screen.cursor_position()
        elif not to_other and self._kept is not None:
            buffer, cursor = self._kept
            self._kept = None
            screen.buffer.clear()
            screen.buffer.update(buffer)
            screen.cursor = cursor
            screen.ensure_hbounds()
            screen.ensure_vbounds()


def _without_colons(found: re.Match[str]) -> str:
    """Colours and styles in the newer spelling (ISO 8613-6), in the one that pyte reads."""
    parts = []
    for part in found[1].split(";"):
        name, *numbers = part.split(":")
        if name in {"38", "48"} and numbers[:1] == ["2"] and len(numbers) >= 4:
            parts.append(";".join([name, "2", *(number or "0" for number in numbers[-3:])]))
        elif name in {"38", "48"} and numbers[:1] == ["5"] and len(numbers) == 2:
            parts.append(f"{name};5;{numbers[1] or 0}")
        elif name == "4":
            # A wavy or dotted line under a text is a line under a text; 4:0 ends it.
            parts.append("24" if numbers[:1] == ["0"] else "4")
        elif not numbers:
            parts.append(name)
    return f"\x1b[{';'.join(parts)}m"


def _row(line: Any, columns: int, width: int) -> Row:
    runs: list[Run] = []

    def add(text: str, pen: Pen) -> None:
        if runs and runs[-1].pen == pen:
            runs[-1] = Run(runs[-1].text + text, pen)
        else:
            runs.append(Run(text, pen))

    x = 0
    while x < columns:
        cell = line[x]
        cells = 2 if cell_len(cell.data) == 2 and x + 1 < columns and line[x + 1].data == "" else 1
        # Half of a wide letter that was written over is a space. Tables of widths differ: one cell more would push the whole row aside.
        add(cell.data if cell_len(cell.data) == cells else "\N{REPLACEMENT CHARACTER}" if cell.data else " ", _pen(cell))
        x += cells
    if width > columns:
        add(" " * (width - columns), Pen())
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
    value = int(name[:6], 16)
    return value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF
