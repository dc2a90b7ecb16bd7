"""How far something long has come, on standard error: only on a terminal, only after a second, and never beside JSON."""

import sys
import time
from typing import Final, TextIO

QUIET_S: Final = 1.0
"""What is done by then needs no telling."""
INTERVAL_S: Final = 0.2
ERASE: Final = "\r\x1b[K"


class Progress:
    """One line that is written over. `tell`, and `end` before anything else is written. As a context manager it ends by itself."""

    def __init__(self, *, is_wanted: bool = True, stream: TextIO | None = None) -> None:
        """`is_wanted` is false for programs that read JSON."""
        self._stream = sys.stderr if stream is None else stream
        self._is_on = is_wanted and self._stream.isatty()
        self._started = time.monotonic()
        self._told_at: float | None = None

    def tell(self, what: str, done: int, total: int) -> None:
        """So much of it is done."""
        now = time.monotonic()
        if not self._is_on or now - self._started < QUIET_S or (self._told_at is not None and now - self._told_at < INTERVAL_S):
            return
        self._told_at = now
        share = f", {100 * done // total} %" if total else ""
        self._stream.write(f"{ERASE}{what}: {done:,} of {total:,}{share}")
        self._stream.flush()

    def end(self) -> None:
        """Leave no trace."""
        if self._told_at is not None:
            self._stream.write(ERASE)
            self._stream.flush()
            self._told_at = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
