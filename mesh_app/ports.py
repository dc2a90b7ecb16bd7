"""What the screens' side needs of the side that does the work. The view knows this and nothing of processes, keys or files."""

import asyncio
from typing import Any, Protocol

from mesh_app.orders.order import Order

Event = dict[str, Any]
"""One thing that happened, as `mesh_core.validator.lines`, `mesh_core.wallet.events` and the services write it."""


class Workbench(Protocol):
    """A network with its wallets, running, watched or replayed."""

    @property
    def mode(self) -> str:
        """LIVE for real processes; another short word where events are replayed, so that nobody takes them for measurements."""
        ...

    @property
    def events(self) -> asyncio.Queue[Event]:
        """Everything that happened and was not yet read. One reader."""
        ...

    def now_ns(self) -> int:
        """The clock of the events' `t_ns`."""
        ...

    async def do(self, order: Order) -> None:
        """Takes an order. Returns when it is taken, not when it is done: what comes of it arrives as events.

        An order that cannot be taken raises a MeshError whose text is fit for the person who gave it.
        """
        ...

    async def reveal(self, order: Order) -> str:
        """Answers an order whose result is a secret (a recovery phrase): it is for one pair of eyes, and never an event. MeshError."""
        ...
