"""Lines on standard output, written by a thread of its own: whoever reads slowly, or not at all, never holds up a vote."""

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from mesh_core.types.json_form import json_line

MAX_WAITING_LINES = 4096
_FLUSH_TIMEOUT_S = 1.0


def occupy_standard_descriptors() -> None:
    """Open the null device in the place of each standard descriptor that is closed; before any other file is opened.

    Whoever starts a program with its standard output closed gives the number 1 to the first file that it opens, be it the database: lines would go there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class LineWriter:
    """Writes lines to a file descriptor in order. A line that finds no room is dropped and counted; a closed reader ends the writing."""

    def __init__(self, descriptor: int = 1, on_end: Callable[[], None] | None = None) -> None:
        """`on_end` is called, in the writing thread, when nobody reads any more."""
        self._descriptor = descriptor
        self._on_end = on_end
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self.dropped_count = 0
        self._thread = threading.Thread(target=self._write_lines, name="mesh-lines", daemon=True)
        self._thread.start()

    def write(self, event: Any) -> None:
        """Queue one event (a dataclass with an `EVENT` name) as a JSON line."""
        self.write_line(json_line(event))

    def write_line(self, line: str) -> None:
        """Queue one line, which ends with a newline."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped_count += 1

    def close(self) -> None:
        """Write what is queued, but wait no longer than a second for a reader that does not read."""
        try:
            self._lines.put(None, timeout=_FLUSH_TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(_FLUSH_TIMEOUT_S)

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            data = line.encode()
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                if self._on_end is not None:
                    self._on_end()
                return
