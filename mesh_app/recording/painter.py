"""Paints a frame: text with a font that comes with the package, lines and blocks as rectangles. The same frame gives the same pixels everywhere."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len

from mesh_app.recording.blocks import FULL, boxes_of
from mesh_app.recording.extras import font_file
from mesh_app.recording.frame import BACKGROUND, FOREGROUND, Frame, Pen
from mesh_core.errors import ErrorCode, LocalFault

SLANT: Final = ("", "Bold", "Oblique", "BoldOblique")


@dataclass(frozen=True, slots=True)
class CellSize:
    """Pixels of one cell, and of the font in it."""

    width: int
    height: int
    font: int


LARGE: Final = CellSize(16, 30, 26)
"""120 by 36 cells are 1920 by 1080 pixels."""
SMALL: Final = CellSize(8, 15, 13)
"""For GIFs, and for terminals that would not fit on a screen otherwise."""
PIXELS_MOST: Final = (3_840, 2_400)

SAMPLE_NARROW, SAMPLE_WIDE = "i", "W"


def cell_for(width: int, height: int) -> CellSize:
    """The cells of a film of so many columns and rows: large ones, where that many are no wider or higher than what people watch films on."""
    fits = width * LARGE.width <= PIXELS_MOST[0] and height * LARGE.height <= PIXELS_MOST[1]
    return LARGE if fits else SMALL


class Painter:
    """Paints frames of one size. Glyphs are kept, so that a frame costs what is on it."""

    def __init__(self, cell: CellSize, font: Path | None = None) -> None:
        """`font`: a TrueType file of equally wide letters instead of the package's own. LocalFault where it cannot be read or has other letters."""
        self.cell = cell
        self._fonts = {style: self._load(font or font_file(style)) for style in SLANT}
        ascent, descent = self._fonts[""].getmetrics()
        self._top = (cell.height - ascent - descent) // 2
        self._glyphs: dict[tuple[str, str], Image.Image] = {}

    def _load(self, path: Path) -> ImageFont.FreeTypeFont:
        if not path.is_file():
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no font {path}")
        try:
            # The basic layout, since the other one depends on a library that is not everywhere.
            font = ImageFont.truetype(str(path), self.cell.font, layout_engine=ImageFont.Layout.BASIC)
            narrow, wide = font.getlength(SAMPLE_NARROW), font.getlength(SAMPLE_WIDE)
            if not 0 < narrow == wide:
                raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no monospaced font: its letters are not equally wide")
            # A font with wider letters would be cut at the right, a higher one above and below.
            part = min(1.0, self.cell.width / wide, self.cell.height / sum(font.getmetrics()))
            return font if part == 1 else font.font_variant(size=int(self.cell.font * part))
        except (OSError, ValueError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no font that can be read: {error}") from error

    def size(self, frame: Frame) -> tuple[int, int]:
        """Pixels of a painted frame. Even numbers, as video encoders want them."""
        return _even(frame.width * self.cell.width), _even(frame.height * self.cell.height)

    def paint(self, frame: Frame) -> Image.Image:
        """The whole frame."""
        image = Image.new("RGB", self.size(frame), BACKGROUND)
        for y in range(frame.height):
            self.paint_row(image, frame, y)
        return image

    def paint_row(self, image: Image.Image, frame: Frame, y: int) -> None:
        """One row, over whatever is there."""
        draw = ImageDraw.Draw(image)
        top = y * self.cell.height
        draw.rectangle((0, top, image.width, top + self.cell.height - 1), fill=BACKGROUND)
        x = 0
        for run in frame.rows[y]:
            width = cell_len(run.text)
            if run.pen.background is not None:
                draw.rectangle((x * self.cell.width, top, (x + width) * self.cell.width - 1, top + self.cell.height - 1), fill=run.pen.background)
            self._letters(image, draw, run.text, run.pen, x, top)
            x += width

    def _letters(self, image: Image.Image, draw: ImageDraw.ImageDraw, text: str, pen: Pen, x: int, top: int) -> None:
        colour = pen.foreground or FOREGROUND
        for letter, width in letters_of(text):
            left = x * self.cell.width
            boxes = boxes_of(letter) if len(letter) == 1 else None
            if boxes is not None:
                for box in boxes:
                    draw.rectangle(self._pixels(box, left, top), fill=colour)
            elif letter != " ":
                glyph = self.glyph(letter, ("Bold" if pen.bold else "") + ("Oblique" if pen.italic else ""))
                image.paste(Image.new("RGB", glyph.size, colour), (left, top), glyph)
            x += width
            for is_on, line in ((pen.underline, top + self.cell.height - 3), (pen.strike, top + self.cell.height // 2)):
                if is_on:
                    draw.line((left, line, left + self.cell.width * width - 1, line), fill=colour)

    def _pixels(self, box: tuple[float, float, float, float], left: int, top: int) -> tuple[int, int, int, int]:
        """At least one pixel thick; boxes that touch in the drawing touch in pixels."""
        x0, x1 = left + round(box[0] * self.cell.width / FULL), left + round(box[2] * self.cell.width / FULL) - 1
        y0, y1 = top + round(box[1] * self.cell.height / FULL), top + round(box[3] * self.cell.height / FULL) - 1
        return x0, y0, max(x0, x1), max(y0, y1)

    def glyph(self, letter: str, style: str = "") -> Image.Image:
        """How much of each pixel of its cells a letter covers, with the marks over and under it."""
        key = letter, style
        if key not in self._glyphs:
            mask = Image.new("L", (self.cell.width * cell_len(letter[0]), self.cell.height), 0)
            for part in letter:
                # One over the other: the basic layout would put a mark beside its letter.
                ImageDraw.Draw(mask).text((0, self._top), part, fill=255, font=self._fonts[style])
            self._glyphs[key] = mask
        return self._glyphs[key]


def letters_of(text: str) -> Iterator[tuple[str, int]]:
    """(letter with its marks, cells) of a text. What has no width and is no mark (joiners, directions) is left out."""
    letter = ""
    for part in text:
        if cell_len(part) == 0:
            letter += part if letter and unicodedata.combining(part) else ""
            continue
        if letter:
            yield letter, cell_len(letter[0])
        letter = part
    if letter:
        yield letter, cell_len(letter[0])


def _even(number: int) -> int:
    return number + number % 2
