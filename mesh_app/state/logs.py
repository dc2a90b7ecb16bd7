"""The validators' logs: the last lines of each, numbered over the whole run, so that whoever reads is not disturbed by new ones."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from mesh_app.spans import Tone

MAX_LOG_LINES: Final = 5_000
"""Of each validator."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, harmless already. `number` counts all lines of that log in this run."""

    number: int
    text: str
    tone: Tone = "text"


@dataclass(slots=True)
class ValidatorLog:
    """The last lines of one validator's log."""

    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=MAX_LOG_LINES))
    count: int = 0

    def add(self, text: str, tone: Tone) -> None:
        """One more line."""
        self.count += 1
        self.lines.append(LogLine(self.count, text, tone))

    @property
    def first(self) -> int:
        """The number of the oldest line that is left; one more than the newest where there is none."""
        return self.lines[0].number if self.lines else self.count + 1


@dataclass(slots=True)
class LogsView:
    """All logs, by the validator's index."""

    by_validator: dict[int, ValidatorLog] = field(default_factory=dict)

    def of(self, validator: int) -> ValidatorLog:
        """The log of a validator; an empty one where nothing came yet."""
        return self.by_validator.setdefault(validator, ValidatorLog())
