"""When a process that ended by itself is started again, and when that has become pointless. Pure: times are arguments."""

from dataclasses import dataclass

DELAY_LEAST_S = 0.2
DELAY_MOST_S = 10.0
HEALTHY_S = 30.0
"""Who has served so long has recovered: the next end begins a new series."""
SAME_ENDS_MOST = 3
"""So many quick ends with one exit status are no bad luck: the cause is still there."""


@dataclass(slots=True)
class Restarts:
    """The series of ends of one process."""

    _delay_s: float = DELAY_LEAST_S
    _last_exit: int | None = None
    _same_ends: int = 0

    def delay_after(self, exit_status: int | None, *, served_s: float) -> float | None:
        """Seconds to wait before the next start, or None: give up. `served_s` is how long the process was ready, `exit_status` None if there was no process."""
        if served_s >= HEALTHY_S:
            self.reset()
        self._same_ends = self._same_ends + 1 if exit_status == self._last_exit else 1
        self._last_exit = exit_status
        if self._same_ends >= SAME_ENDS_MOST:
            return None
        delay_s, self._delay_s = self._delay_s, min(DELAY_MOST_S, 2 * self._delay_s)
        return delay_s

    def reset(self) -> None:
        """Somebody has asked for this start: a new series."""
        self._delay_s, self._last_exit, self._same_ends = DELAY_LEAST_S, None, 0
