"""Cuts, slows and heals the lines of a network, without a restart of anybody; gives all of them the conditions of a profile (`profiles.py`).

A line whose conditions are good is direct: no relay stands in it, and it costs nothing. When a line is first cut or slowed, relays are opened in a process of
their own, and whoever dials there is told the relays' addresses (`mesh_core/validator/routes.py`, and the wallets' process); open requests go on on the new
connections. Whoever is not told, as `mesh-wallet`, can read them in a network file. A line that is healed is direct again. If the relays' process ends, every
line is.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from mesh_core.errors import LocalFault
from mesh_core.wallet.network import Network, load_network, write_network
from testnet.child import Event
from testnet.command_service import CommandService
from testnet.conditions import GOOD, Conditions
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS, Line, direction_name, end_name
from testnet.links import HOST
from testnet.profiles import Profile
from testnet.routed_service import Address, RoutedValidators, RoutedWallets

CLOSE_DEADLINE_S = 2.0


class LinkService:
    """The lines of one network. All are direct until `set`."""

    def __init__(self, folder: NetworkFolder, validators: RoutedValidators, wallets: RoutedWallets, publish: Callable[[Event], None], *, seed: int = 0) -> None:
        """`publish` is given `line_state` when a line's conditions change, and `line_counts` of those that are not direct.

        `seed` decides which datagrams are lost, late, overtaken and doubled.
        """
        self._folder = folder
        self._validators = validators
        self._wallets = wallets
        self._publish = publish
        self._conditions: dict[Line, Conditions] = {}
        self._ports: dict[tuple[int, int], int] = {}
        self._loaded: Network | None = None
        self._turn = asyncio.Lock()
        self._is_closing = False
        self._losing: asyncio.Task[None] | None = None
        self._service = CommandService(
            "testnet.link_process",
            lambda: ["--seed", str(seed)],
            folder.home / "links.log",
            publish,
            name="the relays' process",
            what_follows="every line is direct again",
            on_end=self._on_end,
        )

    @property
    def pid(self) -> int | None:
        """Process id of the relays, while there are any."""
        return self._service.pid

    @property
    def conditions(self) -> Mapping[Line, Conditions]:
        """Of every line that is not direct."""
        return self._conditions

    async def set(self, line: Line, conditions: Conditions) -> None:
        """From now on the line is like that. LocalFault: it may be half so, is told as one that is not direct, and can be set or healed again."""
        async with self._turn:
            try:
                if conditions.is_good:
                    await self._make_direct(line)
                else:
                    await self._relay(line, conditions)
                if line.low == WALLETS:
                    self._offer_relays()
            finally:
                self._tell(line)

    async def apply(self, profile: Profile) -> None:
        """Every line becomes as the profile says, from now on; also before anybody dials. LocalFault."""
        for line, conditions in profile.lines(len(self._network().validators)):
            if conditions != self._conditions.get(line, GOOD):
                await self.set(line, conditions)

    async def heal_all(self) -> None:
        """Every line is direct again; one that cannot be keeps none of the others. LocalFault: the first refusal."""
        refusal: LocalFault | None = None
        for line in [*self._conditions]:
            try:
                await self.set(line, GOOD)
            except LocalFault as fault:
                refusal = refusal or fault
        if refusal is not None:
            raise refusal

    async def counts(self) -> tuple[int, int]:
        """Datagrams that all relays have forwarded and lost so far. LocalFault."""
        if self._service.pid is None:
            return 0, 0
        answer = await self._service.command({"command": "counts"})
        return int(answer["forwarded"]), int(answer["dropped"])

    async def close(self) -> None:
        """End the relays' process, with the network that it belongs to. Lines end with it: nobody is told that they are direct."""
        self._is_closing = True
        await self._service.stop()
        self._folder.relayed_network_file.unlink(missing_ok=True)
        if self._losing is not None:
            # Wallets that do not answer any more must not hold up the end of everything.
            await asyncio.wait([self._losing], timeout=CLOSE_DEADLINE_S)
            self._losing.cancel()

    def tell_all(self) -> None:
        """Publish the state of every line that is not direct."""
        for line in self._conditions:
            self._tell(line)

    async def _relay(self, line: Line, conditions: Conditions) -> None:
        await self._service.start()
        # Before anybody is told: whatever is refused half way must be found by whoever heals all lines.
        self._conditions[line] = conditions
        for dialler, listener in line.directions:
            name = direction_name(dialler, listener)
            port = self._ports.get((dialler, listener)) or await self._open(dialler, listener)
            await self._service.command({"command": "set", "line": name, **conditions.form()})
            await self._route(dialler, listener, (HOST, port))

    async def _open(self, dialler: int, listener: int) -> int:
        target = self._network().validators[listener]
        answer = await self._service.command({"command": "open", "line": direction_name(dialler, listener), "host": target.host, "port": target.port})
        port = self._ports[dialler, listener] = int(answer["port"])
        return port

    def _network(self) -> Network:
        """Read once, since a genesis document may be large and a profile asks for each line."""
        if self._loaded is None:
            self._loaded = load_network(self._folder.network_file)
        return self._loaded

    def _offer_relays(self) -> None:
        """Write the network as it is over the wallets' lines, or take that file away where all of them are direct. LocalFault."""
        ports = {line.high: self._ports[WALLETS, line.high] for line in self._conditions if line.low == WALLETS and (WALLETS, line.high) in self._ports}
        file, network = self._folder.relayed_network_file, self._network()
        if not ports:
            file.unlink(missing_ok=True)
            return
        peers = [replace(peer, host=HOST, port=ports[index]) if index in ports else peer for index, peer in enumerate(network.validators)]
        certificates = [self._folder.validator(index).tls_certificate for index in range(len(peers))]
        write_network(file, network.name, self._folder.genesis_file, [*zip(peers, certificates, strict=True)])

    async def _make_direct(self, line: Line) -> None:
        for dialler, listener in line.directions:
            if (dialler, listener) in self._ports:
                await self._route(dialler, listener, None)
        self._conditions.pop(line, None)

    async def _route(self, dialler: int, listener: int, address: Address | None) -> None:
        if dialler == WALLETS:
            await self._wallets.route(listener, address)
        else:
            self._validators.route(dialler, listener, address)

    def _on_end(self) -> None:
        """Whoever was told a relay's address would wait there for ever."""
        lost = [] if self._is_closing else [*self._conditions]
        diallers = [*self._ports]
        self._ports.clear()
        self._conditions.clear()
        self._folder.relayed_network_file.unlink(missing_ok=True)

        async def lose() -> None:
            for dialler, listener in diallers:
                with contextlib.suppress(LocalFault):  # wallets that have ended: their next start asks for no relay
                    await self._route(dialler, listener, None)
            for line in lost:
                self._tell(line)

        self._losing = asyncio.get_running_loop().create_task(lose(), name="lines without relays")

    def _tell(self, line: Line) -> None:
        conditions = self._conditions.get(line, GOOD)
        self._publish(
            {
                "event": "line_state",
                "t_ns": time.monotonic_ns(),
                "line": line.name,
                "ends": [end_name(line.low), end_name(line.high)],
                "relayed": line in self._conditions,
                **conditions.form(),
            }
        )
