"""A journal: everything that a run of the workstation was given, in order, with its time. Playing it again shows the same screens (docs/demo.md).

Demonstrations write it, and so does the simulator, of a run in virtual time; the workstation plays either.

JSON lines. The first says what kind of run it was; each of the others holds `at_ms`, milliseconds since the beginning, and one of

    "event"   an event, as every process writes it        "key"     a key that was pressed, as Textual names it
    "end"     true: the run ended here

Captions, chapters and the keys that are shown are events as well. No secret is in it: events hold none, and keys are those that a scenario presses.
Amounts are, so a journal of real money is its owner's matter.
"""

import contextlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import open_plain_file
from testnet.child import Event

FORMAT: Final = "mesh-events"
VERSION: Final = 1
LIVE: Final = "LIVE"
SIMULATED: Final = "SIM"
LINE_LIMIT_CHARACTERS: Final = 4 * 1024 * 1024
FILE_LIMIT_CHARACTERS: Final = 256 * 1024 * 1024
"""A journal is held in memory. A minute of the workstation is about 100 kB."""
KEY_CHARACTERS_MOST: Final = 60
LONGEST_MS: Final = 3 * 60 * 60 * 1000
"""A picture is taken ten times a second: one line with a far time would have the player paint for days."""


@dataclass(frozen=True, slots=True)
class Header:
    """`mode` is what the screen shows, LIVE or SIMULATED; `start_ns` the clock of the events at the beginning; `about` is for people: versions, machine."""

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

    @property
    def poster_ms(self) -> int | None:
        """When the screen was as it is best remembered, if anybody said so."""
        return next((entry.at_ms for entry in self.entries if entry.event is not None and entry.event.get("event") == "poster"), None)


class JournalWriter:
    """Writes a journal while its run goes on, each line at once. LocalFault (STORE_UNAVAILABLE) from every method where the disk does not take it."""

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
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the journal cannot be written: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What a full disk did not take was told when it was written; closing would tell it again.
        with contextlib.suppress(OSError):
            self._file.close()


@contextlib.contextmanager
def written_journal(path: Path, header: Header) -> Iterator[JournalWriter]:
    """A journal under another name, which is moved to its place at the end; left by an exception, nothing of it remains. LocalFault."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with JournalWriter(_opened(part), header) as journal:
            yield journal
        _move(part, path)
    finally:
        part.unlink(missing_ok=True)


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error


def _move(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error


def read_journal(path: Path) -> Journal:
    """The journal in a file. LocalFault (CONFIG_INVALID) that names the line and what is wrong with it."""
    try:
        with io.TextIOWrapper(open_plain_file(path), encoding="utf-8") as file:
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
    total = 0
    while line := file.readline(LINE_LIMIT_CHARACTERS + 1):
        total += len(line)
        if len(line) > LINE_LIMIT_CHARACTERS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no journal: a line is longer than {LINE_LIMIT_CHARACTERS} characters")
        if total > FILE_LIMIT_CHARACTERS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is too long: a journal has at most {FILE_LIMIT_CHARACTERS} characters")
        yield line


def is_key(name: str) -> bool:
    """Whether a key may be called so. Textual takes `wait:` for a pause, which a stranger's file could make as long as it likes."""
    return 0 < len(name) <= KEY_CHARACTERS_MOST and name.isprintable() and not name.startswith("wait:")


def _header(told: dict[str, Any]) -> Header:
    if told.get(FORMAT) != VERSION:
        raise ValueError(f"no journal of this program: its first line must say {FORMAT} {VERSION}")
    mode, start_ns, about = told.get("mode"), told.get("start_ns"), told.get("about")
    if mode not in {LIVE, SIMULATED}:
        # The screen shows it: a third word would be neither measured nor simulated.
        raise ValueError(f"mode is {LIVE} or {SIMULATED}")
    if type(start_ns) is not int or not 0 <= start_ns < 2**63 or not isinstance(about, dict):
        raise ValueError("start_ns or about is not what it must be")
    return Header(mode, start_ns, about)


def _entry(told: dict[str, Any], before_ms: int) -> Entry:
    at_ms = told.get("at_ms")
    if type(at_ms) is not int or not before_ms <= at_ms <= LONGEST_MS:
        raise ValueError(f"at_ms must be a number of milliseconds, at least {before_ms} here and at most {LONGEST_MS} (three hours)")
    match told:
        case {"event": dict() as event}:
            return Entry(at_ms, event=event)
        case {"key": str(key)} if is_key(key):
            return Entry(at_ms, key=key)
        case {"end": True}:
            return Entry(at_ms)
    raise ValueError("neither event nor key nor end")
