"""When bulk work may take its next piece of the event loop: votes come first.

Bulk work is what nobody waits for at a counter: the catch-up, and certificates for others who catch up. It comes in pieces of about a millisecond, and before
each piece it asks here. While requests are under way it stands back, since a piece holds the interpreter that checks of proofs and writes of votes need again
and again. A piece that has waited too long is done all the same: under steady load the catch-up goes on, only slower.

A vote request that arrives in the middle of a piece waits for its end, and every core that bulk work keeps busy is missing to whoever answers votes on the
same machine. So while votes are asked for, bulk work takes at most a share of the time, also when no request is under way. With nobody there it takes all.
"""

from collections.abc import Callable
from typing import Final

from mesh_core.network.work import WorkBudget

STAND_BACK_MOST_S: Final = 0.015
"""A piece waits no longer than this for requests that are under way: five or six payments in a row."""
LOOK_AGAIN_S: Final = 0.001
SHARE: Final = 0.7
"""Of the time of one core, threads included, while votes are asked for. Measured: less made the catch-up slower and votes no faster."""
BURST_S: Final = 0.002
"""Bulk work that may be done in one go after a rest."""
ASKED_LATELY_S: Final = 1.0
"""For so long after a vote request another one is expected."""


class BulkPace:
    """One for all bulk work of a validator. Pure: the clock, of the event loop, is an argument."""

    def __init__(self, urgent_count: Callable[[], int]) -> None:
        """`urgent_count` tells how many requests are under way."""
        self._urgent_count = urgent_count
        self._budget = WorkBudget(share=SHARE, burst_s=BURST_S)
        self._asked_until = float("-inf")

    def on_request(self, now: float) -> None:
        """Somebody has asked for a vote, or handed in a certificate."""
        self._asked_until = now + ASKED_LATELY_S

    def expects_votes(self, now: float) -> bool:
        """Whether votes are asked for."""
        return now < self._asked_until

    def worked(self, seconds: float, now: float) -> None:
        """A piece of bulk work is done, on the event loop or in a thread."""
        self._budget.spend("", seconds, now=now)

    def delay(self, since: float, now: float) -> float:
        """Seconds until a piece that has been ready since then is to ask again; 0 if it may be done now."""
        if self._urgent_count() and now < since + STAND_BACK_MOST_S:
            return LOOK_AGAIN_S
        return self._budget.delay("", now=now) if self.expects_votes(now) else 0.0
