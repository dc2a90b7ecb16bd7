"""What the screens' side needs of the side that does the work. The view knows this and nothing of processes, keys or files."""

import asyncio
from typing import Any, Protocol

Event = dict[str, Any]
"""One thing that happened, as `mesh_core.validator.lines`, `mesh_core.wallet.events` and the supervisor write it."""


class Workbench(Protocol):
    """A running network with its wallets.

    Orders return when they are taken, not when they are done: what comes of them arrives as events. An order that cannot be taken raises a MeshError
    whose text is fit for the person who gave it.
    """

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

    async def pay(self, wallet: str, to: str, amount: int, text: str) -> None:
        """Pays `amount` from a wallet to a wallet's name or an address, with a text that the recipient alone reads."""
        ...

    async def create_wallet(self, name: str) -> None:
        """Makes an empty wallet."""
        ...

    async def start_validator(self, index: int) -> None:
        """Starts a validator that does not run."""
        ...

    async def stop_validator(self, index: int) -> None:
        """Asks a validator to stop."""
        ...

    async def kill_validator(self, index: int) -> None:
        """SIGKILL: what a crash looks like."""
        ...

    async def restart_validator(self, index: int) -> None:
        """Stops a validator, if it runs, and starts it."""
        ...
