"""A frame as SVG: sharp at every size, a few kilobytes, and text that can be searched."""

import re
from typing import Final
from xml.sax.saxutils import escape

from rich.cells import cell_len

from mesh_app.recording.frame import BACKGROUND, FOREGROUND, Frame, Pen, Rgb

CELL_WIDTH: Final = 8.4
CELL_HEIGHT: Final = 17
BASELINE: Final = 13
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FONTS: Final = "'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace"


def svg_of(frame: Frame, title: str) -> str:
    """The picture. Each run is stretched to its cells, so that columns stand even in a font with other widths."""
    width, height = frame.width * CELL_WIDTH, frame.height * CELL_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" fill="{_hex(BACKGROUND)}"/>',
        f'<g font-family="{FONTS}" font-size="14" xml:space="preserve">',
    ]
    for y, row in enumerate(frame.rows):
        x = 0
        for run in row:
            cells = cell_len(run.text)
            if run.pen.background is not None:
                # A hair wider than its cells: no seams.
                lines.append(
                    f'<rect x="{x * CELL_WIDTH:g}" y="{y * CELL_HEIGHT}" width="{cells * CELL_WIDTH + 0.3:g}" height="{CELL_HEIGHT + 0.3:g}" '
                    f'fill="{_hex(run.pen.background)}"/>'
                )
            if run.text.strip():
                lines.append(_text(run.text, run.pen, x, y, cells))
            x += cells
    # XML has no place for control characters, nor for half of a surrogate pair; a title may hold what a stranger wrote.
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", "\n".join([*lines, "</g>", "</svg>", ""]))


def _text(text: str, pen: Pen, x: int, y: int, cells: int) -> str:
    style = (' font-weight="bold"' if pen.bold else "") + (' font-style="italic"' if pen.italic else "")
    lines = " ".join(name for name, is_on in (("underline", pen.underline), ("line-through", pen.strike)) if is_on)
    style += f' text-decoration="{lines}"' if lines else ""
    return (
        f'<text x="{x * CELL_WIDTH:g}" y="{y * CELL_HEIGHT + BASELINE}" textLength="{cells * CELL_WIDTH:g}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{_hex(pen.foreground or FOREGROUND)}"{style}>{escape(text)}</text>'
    )


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
