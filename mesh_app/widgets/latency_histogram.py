"""Times of payments as a histogram in text: logarithmic, so that 30 ms and 3 s are both in sight, and over the same range always: runs compare by eye."""

import math
from collections.abc import Sequence
from typing import Final

from mesh_app.format import milliseconds
from mesh_app.spans import Line, Span, Tone
from mesh_app.state.performance import Figures
from mesh_app.widgets.line_view import cut, line_width

FIRST: Final = 120
TARGET: Final = 300
LAST: Final = 480
"""Buckets of the left end, of the target's edge and of the right end: 9.5 ms, 300 ms, 9.5 s."""
BUCKETS_PER_DECADE: Final = 120
TARGET_MS: Final = 300.0
WIDTHS: Final = (2, 3, 4, 5, 6, 9, 10, 12, 15, 18, 20, 30)
"""Buckets in a column: each divides the distance from the left end to the target, which is therefore always an edge."""
TICKS: Final = ((10, "10 ms"), (30, "30"), (100, "100"), (300, "300 ms"), (1_000, "1 s"), (3_000, "3 s"))
LEVELS: Final = " ▁▂▃▄▅▆▇█"
TARGET_LINE: Final = "┊"
TARGET_WORDS: Final = " 300 ms target"


def columns(buckets: Sequence[tuple[int, int]], width: int) -> tuple[list[int], int]:
    """Payments in each column, and the number of the first column beyond the target. What lies outside stands in the end columns."""
    size = next((size for size in WIDTHS if (LAST - FIRST) // size + 1 <= width), WIDTHS[-1])
    counts = [0] * ((LAST - FIRST) // size)
    for bucket, count in buckets:
        counts[max(0, min(len(counts) - 1, (bucket - FIRST) // size))] += count
    return counts, (TARGET - FIRST) // size


def position(ms: float, width: int) -> int:
    """The cell of a time, the line of the target counted."""
    counts, target = columns((), width)
    column = max(0, min(len(counts) - 1, int((_bucket(ms) - FIRST) * len(counts) / (LAST - FIRST))))
    return column + (1 if column >= target else 0)


def histogram_lines(figures: Figures, width: int, height: int) -> list[Line]:
    """Bars in `height` rows, then marks of the percentiles, the axis, and how many percent took no longer than what."""
    counts, target = columns(figures.buckets, width)
    rows = max(1, height - 3)
    lines = [_bar_line(counts, target, rows, row) for row in range(rows)]
    return [cut(line, width) for line in (*lines, _marks(figures, width), _axis(width), cumulative_line(figures, width))]


def cumulative_line(figures: Figures, width: int) -> Line:
    """Percent of all payments that took no longer than so many milliseconds, from the first that is not 0 to the first that is 100, and the target."""
    shown: list[tuple[int, int]] = []
    for ms, count in figures.cumulative:
        if count or ms == TARGET_MS:
            shown.append((ms, count))
        if count == figures.counted and ms >= TARGET_MS:
            break
    parts: list[Line] = [
        (Span(f"≤{milliseconds(ms).replace('.00', '').replace('.0', '')} ", "dim"), Span(_percent(count, figures.counted), _tone(ms, count, figures)))
        for ms, count in shown
    ]
    # Where not all fit, those next to nothing and next to everything say least; the target stays.
    while len(parts) > 1 and line_width(_spaced(parts)) > width:
        keep = next((index for index, (ms, _) in enumerate(shown) if ms == TARGET_MS), len(parts) - 1)
        drop = 0 if keep != 0 else len(parts) - 1
        del parts[drop], shown[drop]
    return _spaced(parts)


def _tone(ms: int, count: int, figures: Figures) -> Tone:
    if ms != TARGET_MS:
        return "text"
    return "up" if count == figures.counted else "wait"


def _percent(count: int, total: int) -> str:
    """Never rounded to all or nothing."""
    share = 100 * count / total if total else 0.0
    if 99.9 < share < 100:
        return "99.9+ %"
    return f"{share:.0f} %" if share in (0.0, 100.0) or 1 <= share <= 99 else f"{share:.1f} %"


def _bar_line(counts: list[int], target: int, rows: int, row: int) -> Line:
    top = max(counts, default=0)
    below = rows - 1 - row

    def cell(count: int) -> str:
        if not count or not top:
            return " "
        level = max(1, round(count / top * rows * 8))
        return LEVELS[max(0, min(8, level - 8 * below))]

    left, right = ("".join(cell(count) for count in part) for part in (counts[:target], counts[target:]))
    if row == 0 and not right[: len(TARGET_WORDS)].strip() and len(right) >= len(TARGET_WORDS):
        return (Span(left, "up"), Span(TARGET_LINE, "wait"), Span(TARGET_WORDS, "wait"), Span(right[len(TARGET_WORDS) :], "down"))
    return (Span(left, "up"), Span(TARGET_LINE, "wait"), Span(right, "down"))


def _marks(figures: Figures, width: int) -> Line:
    """Where the percentiles are; one that has no room beside a more telling one is left out."""
    row: list[str] = [" "] * width
    for word, ms in (("▴p50", figures.p50_ms), ("▴p99", figures.p99_ms), ("▴max", figures.max_ms), ("▴p95", figures.p95_ms)):
        begin = position(ms, width)
        end = begin + len(word)
        if end <= width and not "".join(row[max(0, begin - 1) : end + 1]).strip():
            row[begin:end] = word
    return (Span("".join(row).rstrip(), "strong"),)


def _axis(width: int) -> Line:
    counts, target = columns((), width)
    row = ["─"] * (len(counts) + 1)
    row[target] = "┴"
    for ms, words in TICKS:
        begin = target if ms == TARGET_MS else position(ms + 0.001, width)
        if begin + len(words) < len(row) and all(character in "─┴" for character in row[begin : begin + len(words) + 1]):
            row[begin : begin + len(words)] = words
    return (Span("".join(row), "dim"),)


def _bucket(ms: float) -> float:
    return TARGET + math.log10(max(ms, 0.1) / TARGET_MS) * BUCKETS_PER_DECADE


def _spaced(parts: list[Line]) -> Line:
    return tuple(span for index, part in enumerate(parts) for span in ((*((Span("  "),) if index else ()), *part)))
