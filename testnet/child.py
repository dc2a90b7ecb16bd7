"""A child process that speaks JSON lines: its standard output carries events, its standard error goes to a log file, its standard input is a pipe.

The pipe is the leash: it ends when this process ends, however that happens, and the child stops by itself. A child never sees the terminal: inheriting it,
it would take keys from the screen and signals from the keyboard.
"""

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

Event = dict[str, Any]

LINE_LIMIT_BYTES = 4 * 1024 * 1024
SHOWN_GARBAGE_CHARACTERS = 500


class Child:
    """A running child. `ended` resolves with its exit status, negative for a signal, after its last line was passed on."""

    def __init__(self, process: asyncio.subprocess.Process, on_event: Callable[[Event], None]) -> None:
        self._process = process
        self._on_event = on_event
        self.ended = asyncio.get_running_loop().create_task(self._read(), name=f"output of process {process.pid}")

    @classmethod
    async def start(cls, module: str, arguments: Sequence[str], log: Path, on_event: Callable[[Event], None]) -> "Child":
        """Start `python -m module arguments`. `on_event` is given each line as a dictionary; a line that is none becomes a `garbage` event. OSError."""
        # Not waiting: a named pipe in the log's place would hold up this process, whole, until somebody reads it.
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, f"{log} is no file to write a log to")
            os.set_blocking(descriptor, True)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # Modules of the present folder are none of ours.
                "-P",
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=descriptor,
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        finally:
            os.close(descriptor)
        return cls(process, on_event)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, command: Event) -> None:
        """Write a line to the child's standard input. Without effect if it does not read any more."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, RuntimeError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    def release(self) -> None:
        """End the child's standard input: it stops by itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the child still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, deadline_s: float) -> int:
        """Ask the child to stop (SIGTERM), kill it if it has not after `deadline_s`, return its exit status."""
        self.signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self.ended], timeout=deadline_s)
        if not done:
            self.signal(signal.SIGKILL)
        return await self.ended

    async def _read(self) -> int:
        assert self._process.stdout is not None
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:
                continue  # a line over the limit, which the reader has dropped
            if not line:
                break
            try:
                self._on_event(parse_line(line))
            except Exception:
                # A line that the listener cannot digest must not end the listening: nobody would notice the child's end any more.
                logger.exception("a line of process %d could not be taken in", self.pid)
        self.release()
        return await self._process.wait()


def parse_line(line: bytes) -> Event:
    """The event in a line, or a `garbage` event that shows the line: no child can break its supervisor."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if isinstance(event, dict) and isinstance(event.get("event"), str):
        return event
    return {"event": "garbage", "t_ns": time.monotonic_ns(), "text": line[:SHOWN_GARBAGE_CHARACTERS].decode("utf-8", "replace")}
