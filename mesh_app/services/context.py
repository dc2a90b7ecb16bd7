"""What every desk works with: the home, its processes, and the queue of events."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mesh_app.orders.order import Order
from mesh_app.ports import Event
from mesh_core.errors import MeshError
from mesh_core.protocol.genesis import Genesis
from testnet.layout import NetworkFolder
from testnet.supervisor import Supervisor
from testnet.wallet_service import WalletService

Handler = Callable[[Any], Awaitable[None]]
"""Takes an order of the type that it is registered for. MeshError where it cannot be taken."""
Revealer = Callable[[Any], Awaitable[str]]
"""Answers an order with a secret."""


class Desk(Protocol):
    """One area of the workbench: it takes the orders of its area."""

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        ...

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """Which orders it answers with a secret."""
        ...

    async def close(self) -> None:
        """Ends the processes that it started."""
        ...


@dataclass(slots=True)
class WorkContext:
    """Shared by all desks of one open workbench. `publish` passes an event on to the screens."""

    folder: NetworkFolder
    genesis: Genesis
    supervisor: Supervisor
    wallets: WalletService
    publish: Callable[[Event], None]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def now_ns(self) -> int:
        """The machine's monotonic clock, which all processes read."""
        return time.monotonic_ns()

    def in_background(self, work: Coroutine[Any, Any, object], *, tells_itself: bool = False) -> None:
        """Do it behind the screen's back; a fault becomes an event, unless whoever does it tells its faults itself."""

        async def do() -> None:
            try:
                await work
            except MeshError as error:
                if not tells_itself:
                    self.tell_fault(error)

        task = asyncio.get_running_loop().create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Cancelled before its first turn, the task never came to the work: Python would warn that nobody awaited it.
        task.add_done_callback(lambda _: work.close())

    def tell_fault(self, error: MeshError, *, wallet: str | None = None) -> None:
        """Publish a fault; `wallet` where it concerns one."""
        self.publish({"event": "fault", "t_ns": self.now_ns(), "wallet": wallet, "payment": None, "code": f"{error.code:04x}", "text": error.text})

    async def cancel_tasks(self) -> None:
        """End whatever is still being done. An order that starts a process lets go of it, one way or the other, before this returns."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
