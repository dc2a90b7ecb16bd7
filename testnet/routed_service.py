"""Processes that can be told to reach validators at other addresses: that is how relays get into their lines, also before they are started."""

from typing import Protocol

from mesh_core.errors import LocalFault
from testnet.command_service import CommandService

Address = tuple[str, int]


class RoutedWallets(Protocol):
    """Wallets that can be told to reach a validator at another address."""

    async def route(self, validator: int, address: Address | None) -> None:
        """Reach it there; None: directly. LocalFault."""
        ...


class RoutedValidators(Protocol):
    """Validators that can be told to reach each other at another address."""

    def route(self, index: int, peer: int, address: Address | None, /) -> None:
        """The validator reaches one of the others there, from now on and after each start; None: directly."""
        ...


class RoutedService:
    """A process of wallets, started with the routes that were given by then. It takes the command `route` (`wallet_process.py`, `traffic/process.py`)."""

    def __init__(self, service: CommandService) -> None:
        self._service = service
        self._routes: dict[int, Address] = {}

    async def start(self) -> None:
        """Start the process, if it does not run; when this returns it has the routes. LocalFault (STORE_UNAVAILABLE)."""
        await self._service.start()
        for validator, address in [*self._routes.items()]:
            await self._tell(validator, address)

    async def route(self, validator: int, address: Address | None) -> None:
        """Reach a validator at another address (a relay) from now on, and after each start; None: directly again. LocalFault."""
        if address is None:
            self._routes.pop(validator, None)
        else:
            self._routes[validator] = address
        if self._service.pid is not None:
            await self._tell(validator, address)

    async def _tell(self, validator: int, address: Address | None) -> None:
        host, port = (None, None) if address is None else address
        await self._service.command({"command": "route", "validator": validator, "host": host, "port": port})


class EveryWallet:
    """Several processes of wallets, which all have the same lines."""

    def __init__(self, *members: RoutedWallets) -> None:
        self._members = members

    async def route(self, validator: int, address: Address | None) -> None:
        """Tell all of them; one that cannot be told does not keep it from the others. LocalFault: the first refusal."""
        refusal: LocalFault | None = None
        for member in self._members:
            try:
                await member.route(validator, address)
            except LocalFault as fault:
                refusal = refusal or fault
        if refusal is not None:
            raise refusal
