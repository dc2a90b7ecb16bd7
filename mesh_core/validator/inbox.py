"""What arrives is read first and handled afterwards, in slices, so that a validator with hundreds of requests before it still answers a PING.

The event loop takes one datagram a turn. If each request were handled where it is read, a PING would wait in the kernel behind every request that came before
it, a third of a millisecond to a millisecond each. So requests wait here, in the order of their arrival, and the loop goes on reading; PINGs are answered
where they are read. How much can wait is bounded by what the server lets each connection leave unanswered.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from mesh_core.errors import WireErrorCode
from mesh_core.network.server import Handler, Session
from mesh_core.types.messages import Message

logger = logging.getLogger(__name__)

SLICE_S: Final = 0.002
"""Requests are handled for so long at a stretch, one of them at least."""
MOST_TURNS_OF_READING: Final = 20
"""So many turns of the loop, each with one datagram, may go by before a slice is handled all the same: whoever sends without an end holds up nobody."""


class Inbox:
    """A `Handler` in front of another one, which is told the same, later and in the same order. An exception of the other one ends the session concerned."""

    def __init__(self, handler: Handler) -> None:
        """`handler` is told everything from the event loop, one thing at a time."""
        self._handler = handler
        self._waiting: deque[tuple[Session, Callable[[], None]]] = deque()
        self._is_working = False
        self._has_arrived = False

    @property
    def waiting_count(self) -> int:
        """What has arrived and is not handled."""
        return len(self._waiting)

    def on_open(self, session: Session) -> None:
        """A peer has proven its identity."""
        self._put(session, lambda: self._handler.on_open(session))

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived."""
        self._put(session, lambda: self._handler.handle(session, message))

    def on_close(self, session: Session, reason: str) -> None:
        """The session is over."""
        self._put(session, lambda: self._handler.on_close(session, reason))

    def close(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def _put(self, session: Session, call: Callable[[], None]) -> None:
        self._has_arrived = True
        self._waiting.append((session, call))
        if not self._is_working:
            self._is_working = True
            asyncio.get_running_loop().call_soon(self._work, 0)

    def _work(self, turns_of_reading: int) -> None:
        """Handle a slice, or let the loop read on if something has arrived in its last turn."""
        if self._has_arrived and turns_of_reading < MOST_TURNS_OF_READING:
            self._has_arrived = False
            asyncio.get_running_loop().call_soon(self._work, turns_of_reading + 1)
            return
        ends_at = time.perf_counter() + SLICE_S
        while self._waiting:
            session, call = self._waiting.popleft()
            try:
                call()
            except Exception:
                # Our own bug, met by this peer: the others must not suffer from it, and the log must show it.
                logger.exception("%s: internal error", session.peer_name)
                session.close(WireErrorCode.INTERNAL, "internal error")
            if time.perf_counter() >= ends_at:
                break
        self._is_working = bool(self._waiting)
        if self._is_working:
            asyncio.get_running_loop().call_soon(self._work, 0)
