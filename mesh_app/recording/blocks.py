"""Characters that must meet at the edges of their cells: drawn as rectangles, since a font leaves seams between them.

A shape is a list of boxes (left, top, right, bottom) in 24ths of a cell. Box-drawing lines are one or three 24ths of the cell's height thick.
"""

from typing import Final

Box = tuple[float, float, float, float]

FULL: Final = 24
_EIGHTH: Final = FULL / 8
_LEFT, _RIGHT, _UP, _DOWN = "left", "right", "up", "down"

# Which arms a box-drawing character has, and how heavy each is (Unicode 15.1, block "Box Drawing").
_ARMS: Final[dict[str, dict[str, int]]] = {
    "─": {_LEFT: 1, _RIGHT: 1},
    "━": {_LEFT: 3, _RIGHT: 3},
    "│": {_UP: 1, _DOWN: 1},
    "┃": {_UP: 3, _DOWN: 3},
    "┌": {_RIGHT: 1, _DOWN: 1},
    "┐": {_LEFT: 1, _DOWN: 1},
    "└": {_RIGHT: 1, _UP: 1},
    "┘": {_LEFT: 1, _UP: 1},
    "┏": {_RIGHT: 3, _DOWN: 3},
    "┓": {_LEFT: 3, _DOWN: 3},
    "┗": {_RIGHT: 3, _UP: 3},
    "┛": {_LEFT: 3, _UP: 3},
    "├": {_UP: 1, _DOWN: 1, _RIGHT: 1},
    "┤": {_UP: 1, _DOWN: 1, _LEFT: 1},
    "┬": {_LEFT: 1, _RIGHT: 1, _DOWN: 1},
    "┴": {_LEFT: 1, _RIGHT: 1, _UP: 1},
    "┼": {_LEFT: 1, _RIGHT: 1, _UP: 1, _DOWN: 1},
    "╴": {_LEFT: 1},
    "╵": {_UP: 1},
    "╶": {_RIGHT: 1},
    "╷": {_DOWN: 1},
    "╸": {_LEFT: 3},
    "╹": {_UP: 3},
    "╺": {_RIGHT: 3},
    "╻": {_DOWN: 3},
    "╾": {_LEFT: 3, _RIGHT: 1},
    "╼": {_LEFT: 1, _RIGHT: 3},
    # Rounded corners as square ones: at the size of a video nobody sees the difference, and nothing is left open.
    "╭": {_RIGHT: 1, _DOWN: 1},
    "╮": {_LEFT: 1, _DOWN: 1},
    "╰": {_RIGHT: 1, _UP: 1},
    "╯": {_LEFT: 1, _UP: 1},
}

_DASHES: Final[dict[str, tuple[bool, int, int]]] = {
    # Whether it is upright, how heavy, how many dashes.
    "╌": (False, 1, 2),
    "╍": (False, 3, 2),
    "┄": (False, 1, 3),
    "┅": (False, 3, 3),
    "┈": (False, 1, 4),
    "╎": (True, 1, 2),
    "┆": (True, 1, 3),
    "┊": (True, 1, 4),
}


def boxes_of(character: str) -> tuple[Box, ...] | None:
    """The boxes of a character, or None where a font draws it."""
    code = ord(character)
    if 0x2581 <= code <= 0x2588:
        return ((0, FULL - (code - 0x2580) * _EIGHTH, FULL, FULL),)
    if 0x2589 <= code <= 0x258F:
        return ((0, 0, (0x2590 - code) * _EIGHTH, FULL),)
    match character:
        case "▀":
            return ((0, 0, FULL, FULL / 2),)
        case "▐":
            return ((FULL / 2, 0, FULL, FULL),)
        case "▔":
            return ((0, 0, FULL, _EIGHTH),)
        case "▕":
            return ((FULL - _EIGHTH, 0, FULL, FULL),)
        case _:
            pass
    if character in _DASHES:
        return _dashes(*_DASHES[character])
    arms = _ARMS.get(character)
    return None if arms is None else tuple(_arm(side, weight) for side, weight in arms.items())


def _arm(side: str, weight: int) -> Box:
    middle, half = FULL / 2, weight / 2
    match side:
        case "left":
            return 0, middle - half, middle + half, middle + half
        case "right":
            return middle - half, middle - half, FULL, middle + half
        case "up":
            return middle - half, 0, middle + half, middle + half
        case _:
            return middle - half, middle - half, middle + half, FULL


def _dashes(is_upright: bool, weight: int, count: int) -> tuple[Box, ...]:
    middle, half, step = FULL / 2, weight / 2, FULL / count
    spans = [(number * step + step / 6, (number + 1) * step - step / 6) for number in range(count)]
    if is_upright:
        return tuple((middle - half, begin, middle + half, end) for begin, end in spans)
    return tuple((begin, middle - half, end, middle + half) for begin, end in spans)
