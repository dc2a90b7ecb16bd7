"""What whoever runs a network has beside its processes: its lines, its logs, and the socket at which other programs give orders. One bundle for all runners."""

import asyncio
import logging
import time
from collections.abc import Callable

from mesh_core.errors import LocalFault
from testnet.child import Event
from testnet.control import ControlServer
from testnet.control_memory import Memory
from testnet.control_orders import Orders
from testnet.layout import NetworkFolder
from testnet.link_service import LinkService
from testnet.log_tail import LogTails
from testnet.profiles import Profile, kept_profile
from testnet.routed_service import RoutedWallets
from testnet.supervisor import Supervisor
from testnet.validator_reports import ValidatorReports

logger = logging.getLogger(__name__)

FOLLOWERS = "followers"
"""Who watches reports through the control socket, all together."""


class Operating:
    """`open`, then `close`. `take` is given every event of the network, from the first on, those that this publishes included."""

    def __init__(
        self,
        folder: NetworkFolder,
        supervisor: Supervisor,
        wallets: RoutedWallets,
        publish: Callable[[Event], None],
        *,
        program: str,
        end: Callable[[str], None] | None = None,
    ) -> None:
        """`publish` is given what the lines, the logs and other programs' orders tell. `program` is who runs the network, for people.

        `end` is called with a reason when another program wants the network to end; without it, it cannot.
        """
        self._folder = folder
        self._publish = publish
        self._memory = Memory()
        self.links = LinkService(folder, supervisor, wallets, publish)
        orders = Orders(folder, supervisor, self.links, self._memory, program, end)
        self.reports = ValidatorReports(folder, supervisor, publish)
        self._control = ControlServer(folder, self._memory, orders, publish, lambda is_watched: self.reports.watch(FOLLOWERS, is_watched))
        self._logs = LogTails([folder.validator(index).log for index in range(len(supervisor.states))], publish)

    async def open(self, profile: Profile | None = None) -> None:
        """Follow the logs and listen. A home in which no socket can be made runs all the same, and says so in the log. LocalFault: the profile is wrong.

        To be called before anybody dials: when it returns, lines are as the profile says, this one or that of the home.
        """
        self._logs.start()
        try:
            await self._control.open()
        except LocalFault as fault:
            logger.warning("no orders from other programs: %s", fault)
        # Of a run that was killed: whoever read it would dial relays that are gone.
        self._folder.relayed_network_file.unlink(missing_ok=True)
        profile = kept_profile(self._folder.profile_file) if profile is None else profile
        if profile is not None:
            await self.links.apply(profile)
            file = self._folder.relayed_network_file
            told = {"name": profile.name, "text": profile.text, "source": profile.source, "relayed": str(file) if file.exists() else None}
            self._publish({"event": "profile", "t_ns": time.monotonic_ns(), **told})

    async def close(self) -> None:
        """Listen no more, end the relays. To be called before the validators are stopped; `end_logs` after it."""
        await asyncio.gather(self._control.close(), self.links.close(), self.reports.close())

    async def end_logs(self) -> None:
        """The last words of validators that have stopped, and no more."""
        await self._logs.close()

    def take(self, event: Event) -> None:
        """An event of the network."""
        self._control.take(event)
