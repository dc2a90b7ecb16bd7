"""Lines on standard output, written by a thread of its own: whoever reads slowly, or not at all, never holds up a vote."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from mesh_core.types.json_form import json_line

MAX_WAITING_LINES = 4096
LINES_AT_ONCE = 256
GATHER_S = 0.002
"""After each write the writing thread rests for so long: a lone line leaves at once, and under load one write takes many. Waking a thread costs a busy event
loop more than all else about a line, since both want the interpreter."""
_FLUSH_TIMEOUT_S = 2.0


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
        self._lines: deque[str] = deque()
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_called = False
        """Whether a call is on its way to the thread: one is enough for any number of lines."""
        self._closing = threading.Event()
        self.dropped_count = 0
        self._thread = threading.Thread(target=self._write_lines, name="mesh-lines", daemon=True)
        self._thread.start()

    def write(self, event: Any) -> None:
        """Queue one event (a dataclass with an `EVENT` name) as a JSON line."""
        self.write_line(json_line(event))

    def write_line(self, line: str) -> None:
        """Queue one line, which ends with a newline."""
        if len(self._lines) >= MAX_WAITING_LINES:
            self.dropped_count += 1
            return
        self._lines.append(line)
        if not self._is_called:
            self._is_called = True
            self._calls.put(None)

    def close(self) -> None:
        """Write what is queued, but wait no longer than two seconds for a reader that does not read."""
        self._closing.set()
        self._calls.put(None)
        self._thread.join(_FLUSH_TIMEOUT_S)

    def _write_lines(self) -> None:
        try:
            while self._lines or not self._closing.is_set():
                self._calls.get()
                self._is_called = False  # before the lines are taken: one that comes now calls again
                while self._lines:
                    self._write(self._take())
                    self._closing.wait(GATHER_S)
        except OSError:
            if self._on_end is not None:
                self._on_end()

    def _take(self) -> bytes:
        return "".join(self._lines.popleft() for _ in range(min(LINES_AT_ONCE, len(self._lines)))).encode()

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
