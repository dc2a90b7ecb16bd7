"""A workbench that plays a journal: events come from it, time is the journal's, and nothing can be ordered. Implements `ports.Workbench`."""

import asyncio

from mesh_app.orders.order import Order
from mesh_app.ports import Event
from testnet.journal import SIMULATED, Header

_NANOSECONDS_PER_MILLISECOND = 1_000_000


class ReplayWorkbench:
    """`at_ms` is the journal's present time; whoever plays it moves it on and puts events into `events`."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        if header.mode == SIMULATED:
            # Whatever the journal says of itself.
            self._events.put_nowait({"event": "simulated", "t_ns": header.start_ns})
        self.at_ms = 0

    @property
    def mode(self) -> str:
        """What the recorded run was: LIVE figures stay measured ones, SIM ones stay simulated."""
        return self._header.mode

    @property
    def events(self) -> asyncio.Queue[Event]:
        """Events that were put in and not yet read."""
        return self._events

    def now_ns(self) -> int:
        """The clock of the recorded events."""
        return self._header.start_ns + self.at_ms * _NANOSECONDS_PER_MILLISECOND

    async def do(self, order: Order) -> None:
        """Nothing: what the person ordered when it was recorded, and what came of it, is in the journal."""

    async def reveal(self, order: Order) -> str:
        """Secrets are in no journal."""
        return "(not recorded)"
