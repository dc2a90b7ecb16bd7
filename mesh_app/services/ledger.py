"""Orders for the observer, given to its process. What it reads arrives as ledger_* events."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mesh_app.orders.ledger import CompareValidators, ListOutputs, ReadAccount, ReadCertificate, ReadPage, VerifyCertificate, WatchLog
from mesh_app.orders.order import Order
from mesh_app.ports import Event
from mesh_app.services.context import Handler, Revealer
from testnet.command_service import CommandService

OBSERVER_MODULE: Final = "testnet.observer_process"
OBSERVER_LOG: Final = "observer.log"


class LedgerDesk:
    """Its process is started when it is first needed, and again if it ended."""

    def __init__(self, network_file: Path, log: Path, publish: Callable[[Event], None], *, with_picture: bool = False) -> None:
        """`with_picture`: the observer also tells of the validators what a supervisor would, as far as it can be seen from outside."""
        arguments = ["--network", str(network_file), *(["--picture"] if with_picture else [])]
        self._observer = CommandService(OBSERVER_MODULE, lambda: arguments, log, publish, name="the process that reads the ledger")
        self._watched: WatchLog | None = None
        """What a process that is started anew must be told."""

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {
            WatchLog: self._watch,
            ReadPage: self._take,
            ReadCertificate: self._take,
            VerifyCertificate: self._take,
            ReadAccount: self._take,
            ListOutputs: self._take,
            CompareValidators: self._take,
        }

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    async def begin(self) -> None:
        """Start the process now. LocalFault."""
        await self._start()

    async def close(self) -> None:
        """Ends its process."""
        await self._observer.stop()

    async def _watch(self, order: WatchLog) -> None:
        self._watched = order
        if self._observer.pid is None:
            await self._start()
        else:
            await self._observer.command(command_of(order))

    async def _take(self, order: Order) -> None:
        """Returns when the observer has answered: a fault is for the person who ordered."""
        await self._start()
        await self._observer.command(command_of(order))

    async def _start(self) -> None:
        if self._observer.pid is None:
            await self._observer.start()
            if self._watched is not None:
                await self._observer.command(command_of(self._watched))


def command_of(order: Order) -> dict[str, Any]:
    """The observer's command for an order."""
    match order:
        case WatchLog(validator):
            return {"command": "watch", "validator": validator}
        case ReadPage(first):
            return {"command": "page", "first": first}
        case ReadCertificate(cert_id):
            return {"command": "certificate", "cert_id": cert_id}
        case VerifyCertificate(cert_id):
            return {"command": "verify", "cert_id": cert_id}
        case ReadAccount(owner, end):
            return {"command": "account", "owner": owner, "end": end}
        case ListOutputs():
            return {"command": "outputs"}
        case CompareValidators():
            return {"command": "compare"}
        case _:
            raise TypeError(f"{type(order).__name__} is no order for the observer")
