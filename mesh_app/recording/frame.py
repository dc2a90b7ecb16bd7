"""One picture of a terminal: rows of runs, each with its colours. Pure data; where it comes from and what is painted from it are other files' matters."""

from dataclasses import dataclass
from typing import Final

Rgb = tuple[int, int, int]

RESET: Final = "\x1b[0m"
FOREGROUND: Final[Rgb] = (215, 222, 232)
BACKGROUND: Final[Rgb] = (12, 17, 23)
"""Where a pen has no colours of its own."""


@dataclass(frozen=True, slots=True)
class Pen:
    """How a run is drawn. A colour of None is the terminal's own."""

    foreground: Rgb | None = None
    background: Rgb | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False

    def sequence(self) -> str:
        """The control sequence (ECMA-48 SGR) that takes this pen, whatever was taken before."""
        parts = ["0"]
        parts += [code for code, is_on in (("1", self.bold), ("3", self.italic), ("4", self.underline), ("9", self.strike)) if is_on]
        for code, colour in (("38", self.foreground), ("48", self.background)):
            if colour is not None:
                parts.append(f"{code};2;{colour[0]};{colour[1]};{colour[2]}")
        return f"\x1b[{';'.join(parts)}m"


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells drawn with one pen. The text holds no control characters."""

    text: str
    pen: Pen


Row = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """`rows` from top to bottom, each of them `width` cells wide."""

    width: int
    rows: tuple[Row, ...]

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.rows)

    def text(self) -> str:
        """What stands there, without colours."""
        return "\n".join("".join(run.text for run in row) for row in self.rows)


def draw(frame: Frame, before: Frame | None) -> str:
    """What a terminal must be sent to show `frame` after `before`: the rows that differ, whole. All of it where the size differs or nothing was shown."""
    is_new = before is None or (before.width, before.height) != (frame.width, frame.height)
    sent = [f"{RESET}\x1b[?25l\x1b[2J"] if is_new else []
    for y, row in enumerate(frame.rows):
        if is_new or before is None or before.rows[y] != row:
            sent.append(f"\x1b[{y + 1};1H" + "".join(run.pen.sequence() + run.text for run in row) + RESET)
    return "".join(sent)
