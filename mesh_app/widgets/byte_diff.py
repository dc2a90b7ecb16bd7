"""Two byte strings beside each other: bytes that differ stand out in tone, and where a whole line is the same it says so."""

from collections.abc import Sequence
from typing import Final

from mesh_app.spans import Line, Span, Tone

GROUP_BYTES: Final = 4
SAME: Final = "="
DIFFERENT: Final = "≠"


def bytes_per_line(width: int) -> int:
    """How many bytes fit in `width` cells, in groups of four with a space between."""
    return max(1, (width + 1) // (2 * GROUP_BYTES + 1)) * GROUP_BYTES


def differing_bytes(first: str, second: str) -> int:
    """How many bytes of two strings of digits differ."""
    length = max(len(first), len(second))
    return sum(first[start : start + 2] != second[start : start + 2] for start in range(0, length, 2))


def diff_rows(first: str, second: str, width: int) -> Sequence[tuple[Line, Line, bool]]:
    """Rows of two sides, `width` cells each at most, and whether the sides differ there. Hexadecimal digits, of equal length where they are to be compared."""
    step = 2 * bytes_per_line(width)
    length = max(len(first), len(second))
    rows = []
    for start in range(0, length, step):
        left, right = first[start : start + step], second[start : start + step]
        rows.append((_side(left, right), _side(right, left), left != right))
    return rows


def _side(own: str, other: str) -> Line:
    """One side's digits in groups; runs of bytes of one kind make one span."""
    spans: list[Span] = []
    for index in range(0, len(own), 2):
        text = own[index : index + 2]
        if index and index % (2 * GROUP_BYTES) == 0:
            text = f" {text}"
        tone: Tone = "dim" if own[index : index + 2] == other[index : index + 2] else "proof"
        if spans and spans[-1].tone == tone:
            spans[-1] = Span(spans[-1].text + text, tone)
        else:
            spans.append(Span(text, tone))
    return tuple(spans)
