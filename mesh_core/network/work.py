"""How much of the event loop's time one address may take: what it sends beyond that waits, so that others are served in between.

Requests differ in cost by a factor of a thousand, and a refused one costs its sender nothing. So nothing is counted but the time that was in fact spent.
A source that asks for more than its share is delayed, not refused; it is cut off only when what waits for it grows too long.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.25
"""Seconds of work for each second that passes: some two hundred payments a second, measured, and three quarters for everybody else."""
BURST_S: Final = 1.0
"""What a source may take at once after a rest: thousands of requests, as many as an honest one ever has at hand."""
TICK_S: Final = 0.001
"""Added to each delay: who came back at the computed moment would find that rounding has left a billionth to wait for."""
REMEMBERED_SOURCES: Final = 4096


@dataclass(slots=True)
class _Account:
    """Seconds of work that are left, which may be less than none by one request, at a time."""

    left_s: float
    updated_at: float


class WorkBudget:
    """Accounts of time by source. Pure: the clock is an argument."""

    def __init__(self, *, share: float = SHARE, burst_s: float = BURST_S) -> None:
        self._share = share
        self._burst_s = burst_s
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def spend(self, source: str, seconds: float, *, now: float) -> None:
        """Work was done for a source."""
        self._account(source, now).left_s -= seconds

    def delay(self, source: str, *, now: float) -> float:
        """Seconds until a source may be served again; 0 if it may be now."""
        left_s = self._account(source, now).left_s
        return 0.0 if left_s >= 0.0 else -left_s / self._share + TICK_S

    def _account(self, source: str, now: float) -> _Account:
        account = self._accounts.pop(source, None)
        if account is None:
            account = _Account(self._burst_s, now)
            if len(self._accounts) >= REMEMBERED_SOURCES:
                self._accounts.popitem(last=False)
        self._accounts[source] = account
        account.left_s = min(self._burst_s, account.left_s + (now - account.updated_at) * self._share)
        account.updated_at = now
        return account
