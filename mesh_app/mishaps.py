"""Bugs that show while the screen is up: each goes into the log with its traceback, and a person is told once, in one line."""

import logging
import traceback
from typing import Final

MISHAPS_MOST: Final = 200
"""So many in one run: what is broken is not a corner, and to go on would only fill the disk."""
TEXT_MOST: Final = 160

logger = logging.getLogger(__name__)


class Mishaps:
    """Exceptions that nobody expected. `seen` are the lines that were told, oldest first."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._places: set[tuple[str, str, int]] = set()
        self.count = 0
        self.seen: list[str] = []

    @property
    def too_many(self) -> bool:
        """To go on makes no sense."""
        return self.count >= MISHAPS_MOST

    def take(self, error: BaseException) -> str:
        """Log an exception. Returns the line to tell, or nothing where this bug was told before: a pane that fails ten times a second has one bug."""
        self.count += 1
        place = (type(error).__name__, *_where(error))
        if place in self._places:
            return ""
        self._places.add(place)
        logger.error("a bug", exc_info=error)
        line = f"a bug, {words_of(error)}; details: {self._log}"
        self.seen.append(line)
        return line


def words_of(error: BaseException) -> str:
    """An exception in one short line."""
    text = " ".join(str(error).split())[:TEXT_MOST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _where(error: BaseException) -> tuple[str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
