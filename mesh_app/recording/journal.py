"""A journal: everything that a run of the workstation was given, in order, with its time. Playing it again shows the same screens (docs/demo.md).

JSON lines. The first says what kind of run it was; each of the others holds `at_ms`, milliseconds since the beginning, and one of

    "event"   an event, as every process writes it        "key"     a key that was pressed, as Textual names it
    "end"     true: the run ended here

Captions, chapters and the keys that are shown are events as well. No secret is in it: events hold none, and keys typed into a secret's dialog are left out.
Amounts are, so a journal of real money is its owner's matter.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from mesh_app.ports import Event
from mesh_core.errors import ErrorCode, LocalFault

FORMAT: Final = "mesh-events"
VERSION: Final = 1
LINE_LIMIT_CHARACTERS: Final = 4 * 1024 * 1024
LONGEST_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Header:
    """`mode` is the word that the screen shows (LIVE, SIM); `start_ns` the clock of the events at the beginning; `about` is for people: versions, machine."""

    mode: str
    start_ns: int
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: an event, or a key. Neither at the end."""

    at_ms: int
    event: Event | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """A whole journal. `length_ms` is when it ended."""

    header: Header
    entries: tuple[Entry, ...]
    length_ms: int


class JournalWriter:
    """Writes a journal while its run goes on; each line is whole, so that a run that is killed leaves a journal up to there."""

    def __init__(self, file: IO[str], header: Header) -> None:
        self._file = file
        self._write({FORMAT: VERSION, "mode": header.mode, "start_ns": header.start_ns, "about": header.about})

    def event(self, at_ms: int, event: Event) -> None:
        """An event was taken in."""
        self._write({"at_ms": at_ms, "event": event})

    def key(self, at_ms: int, key: str) -> None:
        """A key was pressed."""
        self._write({"at_ms": at_ms, "key": key})

    def end(self, at_ms: int) -> None:
        """The run is over."""
        self._write({"at_ms": at_ms, "end": True})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def read_journal(path: Path) -> Journal:
    """The journal in a file. LocalFault (CONFIG_INVALID) that names the line and what is wrong with it."""
    try:
        with path.open(encoding="utf-8") as file:
            return parse_journal(_lines(path, file), str(path))
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no journal: it is not UTF-8") from error


def parse_journal(lines: Iterable[str], name: str) -> Journal:
    """The journal in these lines. LocalFault."""
    header: Header | None = None
    entries: list[Entry] = []
    length_ms = 0
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            if not isinstance(told, dict):
                raise ValueError("no object")
            if header is None:
                header = _header(told)
                continue
            entry = _entry(told, length_ms)
        except (ValueError, RecursionError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name}, line {number}: {error}") from error
        length_ms = entry.at_ms
        if entry.event is not None or entry.key is not None:
            entries.append(entry)
    if header is None:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name} is empty")
    return Journal(header, tuple(entries), length_ms)


def _lines(path: Path, file: IO[str]) -> Iterator[str]:
    while line := file.readline(LINE_LIMIT_CHARACTERS + 1):
        if len(line) > LINE_LIMIT_CHARACTERS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no journal: a line is longer than {LINE_LIMIT_CHARACTERS} characters")
        yield line


def _header(told: dict[str, Any]) -> Header:
    if told.get(FORMAT) != VERSION:
        raise ValueError(f"no journal of this program: its first line must say {FORMAT} {VERSION}")
    mode, start_ns, about = told.get("mode"), told.get("start_ns"), told.get("about")
    if not isinstance(mode, str) or not mode.isascii() or not mode.isalnum() or len(mode) > 10:
        raise ValueError("mode is no short word")
    if type(start_ns) is not int or not 0 <= start_ns < 2**63 or not isinstance(about, dict):
        raise ValueError("start_ns or about is not what it must be")
    return Header(mode, start_ns, about)


def _entry(told: dict[str, Any], before_ms: int) -> Entry:
    at_ms = told.get("at_ms")
    if type(at_ms) is not int or not before_ms <= at_ms <= LONGEST_MS:
        raise ValueError(f"at_ms must be a number of milliseconds, at least {before_ms} here and at most {LONGEST_MS}")
    match told:
        case {"event": dict() as event}:
            return Entry(at_ms, event=event)
        case {"key": str(key)} if 0 < len(key) <= 60:
            return Entry(at_ms, key=key)
        case {"end": True}:
            return Entry(at_ms)
    raise ValueError("neither event nor key nor end")
