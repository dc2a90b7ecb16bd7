"""Who is served next: what arrives is read first, and handled afterwards in slices, one request of each connection in turn.

The event loop takes a few datagrams a turn. If each request were handled where it is read, a PING would wait in the kernel behind every request that came
before it, a third of a millisecond to a millisecond each. So connections with requests queue here while the loop reads on; PINGs are answered where they are
read. Any packet counts as reading: half a request, or an acknowledgement, stands before a PING in the kernel like anything else.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SLICE_S: Final = 0.002
"""Requests are handled for so long at a stretch, one of them at least."""
MOST_TURNS_OF_READING: Final = 4
"""So many turns of the loop, each with a few datagrams, may go by before a slice is handled all the same: whoever sends without an end holds up nobody."""

Serve = Callable[[], bool]
"""Handles one request; False when there is no other one now."""


class Turns:
    """Those that have requests, in the order in which they are served. Each is here once at most."""

    def __init__(self) -> None:
        self._waiting: dict[Serve, None] = {}
        self._is_working = False
        self._read_in_last_turn = False

    def has_read(self) -> None:
        """A packet was read, whatever was in it."""
        self._read_in_last_turn = True

    def add(self, serve: Serve) -> None:
        """`serve` is called later until it says that nothing is left."""
        self._waiting[serve] = None
        if not self._is_working:
            self._is_working = True
            asyncio.get_running_loop().call_soon(self._work, 0)

    def remove(self, serve: Serve) -> None:
        """Serve this one no more."""
        self._waiting.pop(serve, None)

    def _work(self, turns_of_reading: int) -> None:
        """Handle a slice, or let the loop read on while it finds packets to read."""
        loop = asyncio.get_running_loop()
        if self._read_in_last_turn and turns_of_reading < MOST_TURNS_OF_READING:
            self._read_in_last_turn = False
            loop.call_soon(self._work, turns_of_reading + 1)
            return
        ends_at = time.perf_counter() + SLICE_S
        while self._waiting:
            serve = next(iter(self._waiting))
            del self._waiting[serve]
            if serve():
                self._waiting[serve] = None
            if time.perf_counter() >= ends_at:
                break
        self._is_working = bool(self._waiting)
        if self._is_working:
            loop.call_soon(self._work, 0)
