"""Figures three rows high, for what must be read from the back of a room."""

from typing import Final

_SHAPES: Final = {
    "0": ("╭─╮", "│ │", "╰─╯"),
    "1": ("╶╮ ", " │ ", "╶┴╴"),
    "2": ("╶─╮", "╭─╯", "╰─╴"),
    "3": ("╶─╮", " ─┤", "╶─╯"),
    "4": ("╷ ╷", "╰─┤", "  ╵"),
    "5": ("╭─╴", "╰─╮", "╶─╯"),
    "6": ("╭─╴", "├─╮", "╰─╯"),
    "7": ("╶─╮", "  │", "  ╵"),
    "8": ("╭─╮", "├─┤", "╰─╯"),
    "9": ("╭─╮", "╰─┤", "╶─╯"),
    ".": (" ", " ", "."),
    " ": (" ", " ", " "),
    "s": ("   ", "╭─╴", "╶─╯"),
}
ROWS: Final = 3


def big(text: str) -> tuple[str, str, str]:
    """Digits, a dot and an s as three lines of the same width. What has no shape is left out."""
    shapes = [_SHAPES[character] for character in text if character in _SHAPES]
    first, second, third = ("".join(shape[row] for shape in shapes) for row in range(ROWS))
    return first, second, third
