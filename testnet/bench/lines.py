"""The lines of a network that is measured, as a profile says: relays stand in them before anybody dials. Without a profile there are none.

Whoever dials is told by `use`: wallets of this process, or a process of wallets. Validators are told by whoever started them: the supervisor, or `Started`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.running import Running
from testnet.child import Event
from testnet.layout import NetworkFolder
from testnet.link_service import LinkService
from testnet.profiles import Profile
from testnet.routed_service import Address, RoutedValidators
from testnet.supervisor import route_line

Tell = Callable[[int, Address | None], None]


class Lines:
    """Where wallets reach each validator: what was said before there is anybody to tell is kept until there is."""

    def __init__(self) -> None:
        self._tell: Tell | None = None
        self._routes: dict[int, Address | None] = {}

    def use(self, tell: Tell) -> None:
        """From now on routes go there; those that were given before go there at once."""
        self._tell = tell
        for validator, address in self._routes.items():
            tell(validator, address)

    def address(self, validator: int) -> Address | None:
        """Of the relay in the line to a validator; None where the line is direct."""
        return self._routes.get(validator)

    async def route(self, validator: int, address: Address | None) -> None:
        """`RoutedWallets`."""
        self._routes[validator] = address
        if self._tell is not None:
            self._tell(validator, address)


class Started:
    """Validators that a benchmark has started itself, without a supervisor: each is told its routes with its start."""

    def __init__(self) -> None:
        self._processes: dict[int, Running] = {}
        self._routes: dict[tuple[int, int], Address | None] = {}

    def add(self, index: int, process: Running) -> None:
        """A process that has just been started, and dials nobody yet."""
        self._processes[index] = process
        for (dialler, peer), address in self._routes.items():
            if dialler == index:
                process.send(route_line(peer, address))

    def route(self, index: int, peer: int, address: Address | None) -> None:
        """`RoutedValidators`."""
        self._routes[index, peer] = address
        if index in self._processes:
            self._processes[index].send(route_line(peer, address))


@asynccontextmanager
async def lines_of(folder: NetworkFolder, validators: RoutedValidators, profile: Profile | None, *, seed: int) -> AsyncIterator[Lines]:
    """To be entered before anybody dials, and left when all have ended. `seed` decides which datagrams are lost and late.

    LocalFault, also at the end if the relays ended before: from then on lines were direct, and what was measured was something else than the profile.
    """
    lines = Lines()
    if profile is None:
        yield lines
        return
    faults: list[str] = []

    def take(event: Event) -> None:
        if event["event"] == "fault":
            faults.append(event["text"])

    links = LinkService(folder, validators, lines, take, seed=seed)
    try:
        await links.apply(profile)
        yield lines
    finally:
        await links.close()
    if faults:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, faults[0])
