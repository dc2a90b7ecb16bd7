"""What a pane shows while it has nothing to show, or nothing new. Every pane uses these, so that they read alike everywhere.

* empty: what it will hold, and the key that fills it: `empty("No certificate yet. Each payment makes one.", "p", "makes a payment")`
* loading: nothing for 150 ms, so that nothing flickers; then what is awaited: `loading("reading the log", since_ns, now_ns)`
* stale: the figures go dim and a line says how old they are: `faded(line)` and `last_word(last_ns, now_ns)`
* error: what failed, why, and the key that tries again: `failed("V2 did not answer", "r", "asks again")`

A pane whose `build_lines` raises shows an error by itself (`line_view.LineView`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mesh_app.format import duration
from mesh_app.spans import Line, Span

LOADING_AFTER_NS: Final = 150_000_000
STALE_AFTER_NS: Final = 4_000_000_000
"""A validator says something every second: after four without a word, its figures are old."""
_NANOSECONDS_PER_SECOND: Final = 1_000_000_000


def empty(text: str, key: str = "", does: str = "") -> Sequence[Line]:
    """What the pane will hold, and below it the key that fills it."""
    lines: list[Line] = [(Span(text, "dim"),)]
    if key:
        lines.append((Span("Press ", "dim"), Span(key, "amount"), Span(f": {does}.", "dim")))
    return lines


def loading(what: str, since_ns: int, now_ns: int) -> Sequence[Line]:
    """What is awaited, and for how long; nothing in the first 150 ms."""
    waited_ns = now_ns - since_ns
    if waited_ns < LOADING_AFTER_NS:
        return ()
    return [(Span("◌ ", "wait"), Span(f"{what}…", "dim"), *((Span(f" {duration(waited_ns)}", "dim"),) if waited_ns >= _NANOSECONDS_PER_SECOND else ()))]


def is_stale(last_ns: int, now_ns: int) -> bool:
    """Whether figures that came at `last_ns` are old. 0 where none came yet."""
    return bool(last_ns) and now_ns - last_ns > STALE_AFTER_NS


def last_word(last_ns: int, now_ns: int) -> Line:
    """How old the figures are: `◌ last word 4 s ago`."""
    seconds = (now_ns - last_ns) // _NANOSECONDS_PER_SECOND
    return (Span("◌ ", "wait"), Span(f"last word {f'{seconds} s' if seconds < 60 else duration(now_ns - last_ns)} ago", "wait"))


def faded(line: Line) -> Line:
    """The same words, dim."""
    return tuple(replace(span, tone="dim") for span in line)


def failed(text: str, key: str = "", does: str = "") -> Sequence[Line]:
    """What failed, and below it the key that helps."""
    lines: list[Line] = [(Span("✖ ", "down"), Span(text, "down"))]
    if key:
        lines.append((Span("Press ", "dim"), Span(key, "amount"), Span(f": {does}.", "dim")))
    return lines
