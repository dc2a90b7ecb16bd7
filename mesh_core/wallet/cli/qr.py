"""QR codes in a terminal, two modules in a character: dark on light whatever colours the terminal has, since a camera needs the light margin."""

from typing import Final

import segno

QUIET_MODULES: Final = 4
"""The margin that the standard asks for."""
_COLOURS: Final = {True: "16", False: "231"}
"""Black and white of the 256 colours, which no theme changes; True is a dark module."""
_BLOCKS: Final = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
"""Without colours: light modules are drawn, as is right on a dark ground."""
_RESET: Final = "\x1b[0m"


def draw_qr(text: str, *, in_colour: bool) -> str:
    """The code of `text` (of a program's own: not made harmless) as lines of half blocks. Without colours it is for terminals with a dark ground."""
    rows = [[bool(module) for module in row] for row in segno.make(text, micro=False, error="m").matrix_iter(border=QUIET_MODULES)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return "\n".join(_line(upper, lower, in_colour=in_colour) for upper, lower in zip(rows[::2], rows[1::2], strict=True))


def _line(upper: list[bool], lower: list[bool], *, in_colour: bool) -> str:
    pairs = zip(upper, lower, strict=True)
    if not in_colour:
        return "".join(_BLOCKS[pair] for pair in pairs)
    return "".join(f"\x1b[38;5;{_COLOURS[above]};48;5;{_COLOURS[below]}m▀" for above, below in pairs) + _RESET
