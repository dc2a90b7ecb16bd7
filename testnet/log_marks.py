"""Lines of the supervisor's in a validator's log: where each launch begins, and how it ended. `MARK` opens them, so that a reader can tell them apart."""

import contextlib
import os
import time
from pathlib import Path

MARK = "── "


def start_mark(pid: int, module: str | None) -> str:
    """The line at the beginning of a launch. `module` runs in the validator's place."""
    return f"{MARK}start pid {pid}{f' as {module}' if module else ''} · {_clock()} ──"


def end_mark(exit_status: int, reason: str) -> str:
    """The line at the end of one."""
    return f"{MARK}exit {exit_status} · {_clock()} · {' '.join(reason.split())} ──"


def user_mark() -> str:
    """A line that a person puts there, to find the place again."""
    return f"{MARK}mark · {_clock()} ──"


def write_mark(log: Path, mark: str) -> None:
    """Append a line. A log that cannot be written to is no reason not to run a validator."""
    with contextlib.suppress(OSError):
        descriptor = os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # A process that was killed in the middle of a line has left it open.
            size = os.fstat(descriptor).st_size
            begun = b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""
            os.write(descriptor, begun + mark.encode() + b"\n")
        finally:
            os.close(descriptor)


def is_start(line: str) -> bool:
    """Whether a line of a log begins a launch."""
    return line.startswith(f"{MARK}start pid ")


def _clock() -> str:
    return time.strftime("%H:%M:%S")
