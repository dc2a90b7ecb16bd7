"""Follows the validators' logs: new lines as `log_line` events, several lines each, made harmless.

    {"event": "log_line", "t_ns": …, "validator": 2, "lines": ["12:00:01 INFO …", …], "skipped": 0}

A look at a file that has not grown is one `stat`. A line is told when it is complete, or when nothing was added to it for a while. A log that grows faster
than anybody reads is not told completely: `skipped` says how many bytes were left out, and the file has them all.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_core.types.visible_text import visible_text
from testnet.child import Event

INTERVAL_S = 0.25
FIRST_BYTES = 64 * 1024
"""So much of what was there before is told at the beginning."""
LOOK_BYTES = 256 * 1024
"""At most so much is read at one look, the newest."""
LINE_BYTES = 2_000
"""A longer line is broken."""
LINES_PER_EVENT = 500
STALE_LOOKS = 4
"""After so many looks without more, an incomplete line is told as it is."""
TAB_CELLS = 8


@dataclass(slots=True)
class _Look:
    """What one look at a file gave. `skipped` bytes were passed over; `begun` is the line that has no end yet."""

    position: int
    identity: tuple[int, int]
    lines: list[bytes]
    begun: bytes
    skipped: int


class LogTail:
    """One file, which may not be there yet, may be cut, and may be replaced by another (rotation)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position: int | None = None
        self._identity = (0, 0)
        self._begun = b""
        self._unchanged_looks = 0

    def look(self) -> tuple[list[str], int]:
        """New lines, and how many bytes were left out. Cheap where nothing was added. A file that cannot be read has no lines."""
        try:
            status = self._path.stat()
        except OSError:
            return [], 0
        identity = (status.st_dev, status.st_ino)
        if identity == self._identity and status.st_size == self._position:
            return self._give_up_waiting(), 0
        self._unchanged_looks = 0
        try:
            look = self._read(status.st_size, identity)
        except OSError:
            return [], 0
        self._position, self._identity, self._begun = look.position, look.identity, look.begun
        return [harmless(line) for line in look.lines], look.skipped

    def _read(self, size: int, identity: tuple[int, int]) -> _Look:
        is_first, is_other = self._position is None, identity != self._identity or size < (self._position or 0)
        position = 0 if self._position is None or is_other else self._position
        limit = FIRST_BYTES if is_first else LOOK_BYTES
        skipped = max(0, size - position - limit)
        begun = b"" if is_first or is_other or skipped else self._begun
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            data = os.pread(descriptor, limit, position + skipped)
        finally:
            os.close(descriptor)
        end = position + skipped + len(data)
        if skipped:
            # The rest of a line whose beginning was passed over is no line.
            cut, newline, data = data.partition(b"\n")
            data = data if newline else cut
        lines = [piece for line in (begun + data).split(b"\n") for piece in (_pieces(line) or [b""])]
        return _Look(end, identity, lines[:-1], lines[-1], 0 if is_first else skipped)

    def _give_up_waiting(self) -> list[str]:
        if not self._begun:
            return []
        self._unchanged_looks += 1
        if self._unchanged_looks < STALE_LOOKS:
            return []
        line, self._begun = harmless(self._begun), b""
        return [line]


class LogTails:
    """The logs of all validators."""

    def __init__(self, logs: Sequence[Path], publish: Callable[[Event], None]) -> None:
        self._tails = [LogTail(log) for log in logs]
        self._publish = publish
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, four times a second."""
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="logs")

    async def close(self) -> None:
        """Look once more, so that the last words are told, and end."""
        if self._watching is None:
            return
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._watching = None
        self.look()

    def look(self) -> None:
        """Look at all files now."""
        for index, tail in enumerate(self._tails):
            lines, skipped = tail.look()
            for start in range(0, len(lines), LINES_PER_EVENT):
                part = lines[start : start + LINES_PER_EVENT]
                event = {"event": "log_line", "t_ns": time.monotonic_ns(), "validator": index, "lines": part, "skipped": skipped if start == 0 else 0}
                self._publish(event)

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(INTERVAL_S)


def harmless(line: bytes) -> str:
    """A line of a file as text that a terminal can show and obeys nothing of, whatever bytes it is."""
    return visible_text(line.decode("utf-8", "replace").rstrip("\r").expandtabs(TAB_CELLS))


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + LINE_BYTES] for start in range(0, len(line), LINE_BYTES)]
