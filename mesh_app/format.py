"""Numbers, times and hashes as people read them. All text that a screen shows of a value is made here, but strangers' (`mesh_core/types/visible_text.py`)."""

import math
from datetime import UTC, datetime
from typing import Final

_NANOSECONDS_PER_SECOND: Final = 1_000_000_000
_BARS: Final = "▁▂▃▄▅▆▇█"


def amount(value: int) -> str:
    """Units with a comma every three digits: `1,000,000`."""
    return f"{value:,}"


def milliseconds(ms: float) -> str:
    """A duration with three significant digits at most: `0.4 ms`, `83 ms`, `1.25 s`."""
    if not math.isfinite(ms):
        return "? ms"
    if ms < 0.05:
        return "0 ms"
    if ms < 99.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:.2f} s" if ms < 99_950 else f"{ms / 1000:.0f} s"


def duration(ns: int) -> str:
    """How long something lasts, to the second: `0:07`, `12:05`, `3:01:09`."""
    seconds = max(0, ns) // _NANOSECONDS_PER_SECOND
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def moment(ns: int) -> str:
    """A time since the start of the run, to the millisecond: `02:11.310`."""
    thousandths = max(0, ns) // 1_000_000
    seconds, thousandths = divmod(thousandths, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes:02}:{seconds:02}.{thousandths:03}"


def local_time(at_ms: int, form: str, *, in_utc: bool = False) -> str:
    """A time of a wallet's own clock, milliseconds since 1970, in this machine's zone and in a `strftime` form. A `?` where no calendar has it.

    `in_utc`: for a recording, which is the same everywhere.
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(UTC if in_utc else None).strftime(form)
    except (OverflowError, OSError, ValueError):
        return "?"


def local_date(iso: str, *, in_utc: bool = False) -> str:
    """A date in the form of ISO 8601, as the clock on the wall of this machine shows it: `23 Nov 05:12`. ValueError where it is none.

    `in_utc`: for a recording, which is the same everywhere.
    """
    return datetime.fromisoformat(iso).astimezone(UTC if in_utc else None).strftime("%d %b %H:%M")


def size(size_bytes: int) -> str:
    """A size in bytes: `1,240 bytes`."""
    return f"{size_bytes:,} bytes"


def short(text: str, digits: int = 8) -> str:
    """The beginning of a hash, a key or an address, with an ellipsis that says so."""
    return text if len(text) <= digits + 1 else text[:digits] + "…"


def groups(text: str, width: int = 8) -> tuple[str, ...]:
    """`text` cut into pieces of `width` characters, so that the eye can compare two hashes."""
    return tuple(text[i : i + width] for i in range(0, len(text), width))


def ordinal(position: int) -> str:
    """A rank in words: `1st`, `2nd`, `3rd`, `4th`, `11th`."""
    teens = 10 <= position % 100 <= 20
    return f"{position}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(position % 10, 'th')}"


def counted(number: int, noun: str) -> str:
    """`1 vote`, `2 votes`."""
    return f"{amount(number)} {noun}{'' if number == 1 else 's'}"


def sparkline(values: tuple[int, ...]) -> str:
    """One bar a value, scaled to the greatest; a zero is the lowest bar."""
    top = max(values, default=0)
    return "".join(_BARS[(value * (len(_BARS) - 1) + top - 1) // top] if top else _BARS[0] for value in values)
