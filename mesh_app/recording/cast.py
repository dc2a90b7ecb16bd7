"""Asciicast, the file format of terminal recordings (docs.asciinema.org/manual/asciicast/v2 and v3): a header line, then one JSON array an event.

In v2 times count from the beginning, in v3 from the event before. Numbers are written with six decimals at most, so that equal runs give equal bytes.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from mesh_app.recording.frame import Frame, draw
from mesh_core.errors import ErrorCode, LocalFault

OUTPUT: Final = "o"
MARKER: Final = "m"
RESIZE: Final = "r"
MAX_COLUMNS: Final = 500
MAX_ROWS: Final = 200
"""What is painted of a larger one would not fit into memory, nor on any screen."""
MAX_SECONDS: Final = 3 * 60 * 60.0
"""A film has ten pictures a second, also of an hour in which nothing happens."""
LINE_LIMIT_CHARACTERS: Final = 16 * 1024 * 1024

_SIZES: Final = f"a size of 1x1 to {MAX_COLUMNS}x{MAX_ROWS} is expected"
_RESIZED: Final = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class CastHeader:
    """What the first line says. `theme` is (foreground, background, palette) as `#rrggbb`, palette joined by colons; None for the player's own."""

    width: int
    height: int
    title: str = ""
    theme: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class CastEvent:
    """`kind` is one of the format's letters; `seconds` count from the beginning in either version."""

    seconds: float
    kind: str
    data: str

    @property
    def size(self) -> tuple[int, int]:
        """The new size, of a RESIZE."""
        columns, _, rows = self.data.partition("x")
        return int(columns), int(rows)


class CastWriter:
    """Writes a recording frame by frame."""

    def __init__(self, file: IO[str], header: CastHeader, *, version: int = 2) -> None:
        self._file = file
        self._version = version
        self._last_ms = 0
        self._shown: Frame | None = None
        told: dict[str, Any] = {"version": version}
        told |= {"width": header.width, "height": header.height} if version == 2 else {"term": {"cols": header.width, "rows": header.height}}
        told |= {"title": header.title} if header.title else {}
        if header.theme is not None:
            foreground, background, palette = header.theme
            theme = {"fg": foreground, "bg": background, "palette": palette}
            told |= {"theme": theme} if version == 2 else {}
            if version == 3:
                told["term"]["theme"] = theme
        self._line(told)

    def frame(self, at_ms: int, frame: Frame) -> None:
        """The screen at a time. Nothing is written where it is as before."""
        data = draw(frame, self._shown)
        if self._shown is not None and (self._shown.width, self._shown.height) != (frame.width, frame.height):
            self._event(at_ms, RESIZE, f"{frame.width}x{frame.height}")
        self._shown = frame
        if data:
            self._event(at_ms, OUTPUT, data)

    def marker(self, at_ms: int, title: str) -> None:
        """A chapter begins."""
        self._event(at_ms, MARKER, title)

    def end(self, at_ms: int) -> None:
        """The last picture stays until here: an event that changes nothing."""
        if at_ms > self._last_ms:
            self._event(at_ms, OUTPUT, "\x1b[0m")

    def _event(self, at_ms: int, kind: str, data: str) -> None:
        shown_ms = at_ms if self._version == 2 else at_ms - self._last_ms
        self._last_ms = at_ms
        self._line([round(shown_ms / 1000, 3), kind, data])

    def _line(self, value: object) -> None:
        self._file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


def read_cast(lines: Iterable[str], name: str) -> tuple[CastHeader, Iterator[CastEvent]]:
    """A recording in either version, by this program or another. LocalFault (CONFIG_INVALID) that names the line; also while the events are read."""
    numbered = enumerate(lines, 1)
    try:
        _, first = next(numbered)
        header, version = _header(json.loads(first))
    except StopIteration:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name} is empty") from None
    except (ValueError, RecursionError) as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name}, line 1: no asciicast: {error}") from error
    return header, _events(numbered, name, version)


def lines_of(file: IO[str], name: str) -> Iterator[str]:
    """The lines of an open recording. LocalFault where one is longer than any terminal could have been sent at once."""
    while line := file.readline(LINE_LIMIT_CHARACTERS + 1):
        if len(line) > LINE_LIMIT_CHARACTERS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name} is no asciicast: a line is longer than {LINE_LIMIT_CHARACTERS} characters")
        yield line


def _header(told: Any) -> tuple[CastHeader, int]:
    if not isinstance(told, dict) or told.get("version") not in (2, 3):
        raise ValueError("version 2 or 3 is expected")
    version = int(told["version"])
    term = told if version == 2 else told.get("term")
    if not isinstance(term, dict):
        raise ValueError("term is missing")
    width, height = (term.get("width"), term.get("height")) if version == 2 else (term.get("cols"), term.get("rows"))
    if type(width) is not int or type(height) is not int:
        raise ValueError(_SIZES)
    _check_size(f"{width}x{height}")
    title, theme = told.get("title"), term.get("theme")
    colours = None
    if isinstance(theme, dict) and all(isinstance(theme.get(key), str) for key in ("fg", "bg", "palette")):
        colours = theme["fg"], theme["bg"], theme["palette"]
    return CastHeader(width, height, title if isinstance(title, str) else "", colours), version


def _check_size(words: str) -> None:
    found = _RESIZED.fullmatch(words)
    if found is None or not (1 <= int(found[1]) <= MAX_COLUMNS and 1 <= int(found[2]) <= MAX_ROWS):
        raise ValueError(_SIZES)


def _events(numbered: Iterator[tuple[int, str]], name: str, version: int) -> Iterator[CastEvent]:
    now = 0.0
    for number, line in numbered:
        if version == 3 and (not line.strip() or line.startswith("#")):
            continue
        try:
            told = json.loads(line)
            match told:
                case [int() | float() as seconds, str(kind), str(data)] if not isinstance(seconds, bool) and 0 <= seconds < 1e6:
                    now = float(seconds) if version == 2 else now + float(seconds)
                case _:
                    raise ValueError("an event is [seconds, kind, data]")
            if now > MAX_SECONDS:
                raise ValueError(f"a recording of more than {MAX_SECONDS / 3600:g} hours")
            if kind == RESIZE:
                _check_size(data)
        except (ValueError, RecursionError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name}, line {number}: {error}") from error
        yield CastEvent(now, kind, data)
