"""A deadline for reads. A read that the disk does not answer stops the thread that asked, the event loop's, and cannot be interrupted; another thread notices.

Time is counted in looks and not by a clock: a process that was suspended in the middle of a read gets its whole deadline again when it goes on.
"""

import threading
from collections.abc import Callable

LOOKS_PER_DEADLINE = 20


class ReadWatch:
    """A daemon thread that looks again and again which read is under way."""

    def __init__(self, reading: Callable[[], int | None], deadline_seconds: float, on_hang: Callable[[], None]) -> None:
        """`reading` gives the number of the read that is under way.

        `on_hang` is called in the watching thread, once, when one read takes longer than the deadline.
        """
        self._reading = reading
        self._interval_s = deadline_seconds / LOOKS_PER_DEADLINE
        self._on_hang = on_hang
        self._is_ended = threading.Event()
        threading.Thread(target=self._watch, name="mesh-read-watch", daemon=True).start()

    def close(self) -> None:
        """Watch no more. Returns at once."""
        self._is_ended.set()

    def _watch(self) -> None:
        seen: int | None = None
        looks = 0
        while not self._is_ended.wait(self._interval_s):
            reading = self._reading()
            looks = looks + 1 if reading is not None and reading == seen else 0
            seen = reading
            if looks >= LOOKS_PER_DEADLINE:
                self._on_hang()
                return
