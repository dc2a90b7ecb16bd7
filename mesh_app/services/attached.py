"""A network that somebody else runs: watched, and served with what can be done from here. Implements `ports.Workbench`.

Two ways lead to it. Through the control socket of its home one sees and orders what its own program does. Without it, with the network file alone, an observer
looks at the validators from outside, and nothing can be ordered of them. Either way wallets of the home that no other program holds can be opened, and pay.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from mesh_app.orders.order import Order
from mesh_app.orders.validators import LineOrder, MarkLog, RestartAll, ValidatorOrder, WatchValidators
from mesh_app.orders.wallets import HideAmounts, Pay
from mesh_app.ports import Event
from mesh_app.services.audit import StateAudit
from mesh_app.services.context import Handler, Revealer, WorkContext
from mesh_app.services.control_desk import control_order
from mesh_app.services.ledger import OBSERVER_LOG, LedgerDesk
from mesh_app.services.wallets import WalletDesk
from mesh_app.state.validators import AWAITED
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.wallet_store import list_wallets
from mesh_core.wallet.network import load_network
from testnet.control_client import ControlClient, connected
from testnet.layout import NetworkFolder
from testnet.network_event import network_event
from testnet.supervisor import Supervisor, ValidatorState
from testnet.wallet_service import WalletService

logger = logging.getLogger(__name__)

RETRY_S: Final = 2.0
SILENCE_S: Final = 5.0
"""When nobody has answered by then, it is said what may be wrong."""
NOT_OURS: Final = ("ledger_", "network_", "screen_", "snapshot_")
"""Beginnings of events that belong to the other program's own screen."""


class AttachedWorkbench:
    """Ends what it has started when it is left, and nothing else: the network goes on. An async context manager."""

    def __init__(self, network_file: Path, folder: NetworkFolder, *, has_home: bool) -> None:
        """`folder` takes logs; `has_home` says that it is the network's home, with a control socket and wallets, and not only a place for logs."""
        self._network_file = network_file
        self._folder = folder
        self._has_home = has_home
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._genesis: Genesis | None = None
        self._context: WorkContext | None = None
        self._ledger: LedgerDesk | None = None
        self._wallets = WalletService(folder, self._take_own)
        self._audit: StateAudit | None = None
        self._client: ControlClient | None = None
        self._handlers: dict[type[Order], Handler] = {}
        self._revealers: dict[type[Order], Revealer] = {}
        self._open_here: set[str] = set()
        self._open_elsewhere: set[str] = set()
        self._answered = False
        self._hears_audits = False
        """Whether the program that runs the network compares states itself, as the workstation does."""
        self._tasks: set[asyncio.Task[None]] = set()

    # --- ports.Workbench

    @property
    def mode(self) -> str:
        """What can be done from here."""
        return "ATTACHED" if self._client is not None or self._open_here else "ATTACHED (read-only)"

    @property
    def events(self) -> asyncio.Queue[Event]:
        """Everything that happened and was not yet read."""
        return self._events

    def now_ns(self) -> int:
        """The machine's monotonic clock, which all processes read."""
        return time.monotonic_ns()

    async def do(self, order: Order) -> None:
        """Take an order. LocalFault (READ_ONLY) with the reason where it cannot be done from here."""
        if isinstance(order, Pay) and order.wallet not in self._open_here:
            raise LocalFault(ErrorCode.READ_ONLY, f"{order.wallet} cannot pay from here: {self._why_not_open(order.wallet)}")
        handler = self._handlers.get(type(order))
        if handler is not None:
            await handler(order)
            return
        controlled = control_order(order)
        if controlled is not None and self._client is not None:
            assert self._context is not None
            self._context.in_background(self._control(*controlled))
            return
        if not isinstance(order, WatchValidators | MarkLog):
            raise LocalFault(ErrorCode.READ_ONLY, f"cannot {order.describe()} from here: {self._why_not(order)}")

    async def reveal(self, order: Order) -> str:
        """Answer an order with a secret of this home's wallets. LocalFault (READ_ONLY)."""
        revealer = self._revealers.get(type(order))
        if revealer is None:
            raise LocalFault(ErrorCode.READ_ONLY, f"cannot {order.describe()} from here: no wallets are open")
        return await revealer(order)

    def tell_fault(self, error: MeshError) -> None:
        """Publish a fault that concerns no wallet."""
        self.publish({"event": "fault", "t_ns": self.now_ns(), "wallet": None, "payment": None, "code": f"{error.code:04x}", "text": error.text})

    # --- Life

    async def __aenter__(self) -> "AttachedWorkbench":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def open(self) -> None:
        """Read the network's files. LocalFault: NO_NETWORK, or what is wrong with them."""
        if not self._network_file.exists():
            where = f"there is no network in {self._folder.home}" if self._has_home else f"there is no network file {self._network_file}"
            text = f"{where}: start one with mesh-app or 'mesh-testnet up', or name a network's folder with --home, or its network.toml with --network"
            raise LocalFault(ErrorCode.NO_NETWORK, text)
        self._genesis = load_network(self._network_file).genesis
        self._audit = StateAudit(self._genesis.committee.quorum_threshold, self._events.put_nowait)
        # Nobody starts anything through this supervisor: desks that work with processes of their own alone need none.
        idle = Supervisor(self._folder, self._genesis.committee.size, self.publish)
        self._context = WorkContext(self._folder, self._genesis, idle, self._wallets, self.publish)

    async def start(self) -> None:
        """Find the way to the network, and begin to look. LocalFault where a process cannot be started."""
        assert self._genesis is not None
        is_controlled = self._has_home and await self._is_controlled()
        if not is_controlled:
            home = str(self._folder.home) if self._has_home else ""
            self.publish({**network_event(self._genesis, self._folder.home), "home": home})
            self._tell_all(AWAITED, "")
        self._ledger = LedgerDesk(self._network_file, self._folder.home / OBSERVER_LOG, self._take_observed, with_picture=not is_controlled)
        self._handlers.update(self._ledger.handlers())
        if is_controlled:
            self._spawn(self._follow())
        else:
            await self._ledger.begin()
            self._spawn(self._tell_silence())
        if self._has_home and list_wallets(self._folder.wallets):
            await self._open_wallets()

    async def close(self) -> None:
        """End what was started here."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._context is not None:
            await self._context.cancel_tasks()
        if self._ledger is not None:
            await self._ledger.close()
        await self._wallets.stop()

    async def _open_wallets(self) -> None:
        assert self._context is not None
        desk = WalletDesk(self._context)
        try:
            await self._wallets.start()
        except LocalFault as fault:
            self.tell_fault(fault)
            return
        self._handlers.update(desk.handlers())
        self._revealers.update(desk.revealers())

    # --- Through the control socket

    async def _is_controlled(self) -> bool:
        try:
            async with connected(self._folder):
                return True
        except LocalFault as fault:
            logger.info("no control socket: %s", fault)
            return False

    async def _follow(self) -> None:
        """Follow the events, and again when the network was started anew."""
        while True:
            try:
                async with connected(self._folder) as client:
                    self._client = client
                    async for event in client.events():
                        self._take_controlled(event)
            except LocalFault as fault:
                logger.info("the control socket: %s", fault)
            if self._client is not None:
                self._client = None
                self._tell_end()
            await asyncio.sleep(RETRY_S)

    def _tell_end(self) -> None:
        assert self._genesis is not None
        self._open_elsewhere.clear()
        text = f"the program that ran the network in {self._folder.home} has ended, and its validators with it; when it is started again, it is shown again"
        self.tell_fault(LocalFault(ErrorCode.NO_NETWORK, text))
        self._tell_all(str(ValidatorState.STOPPED), "its program has ended")

    def _tell_all(self, state: str, detail: str) -> None:
        """Every validator is like that."""
        assert self._genesis is not None
        for index in range(self._genesis.committee.size):
            told = {"state": state, "pid": None, "exit": None, "restarts": 0, "detail": detail}
            self.publish({"event": "validator_state", "t_ns": self.now_ns(), "validator": index, **told})

    async def _control(self, name: str, fields: dict[str, object]) -> None:
        if self._client is None:
            raise LocalFault(ErrorCode.NO_NETWORK, f"cannot {name}: the network has ended")
        await self._client.order(name, **fields)

    def _take_controlled(self, event: Event) -> None:
        """An event of the other program. What its own screen asked for is its own, and so are its payments where wallets here have numbers of their own."""
        name = event["event"]
        if name.startswith(NOT_OURS):
            return
        if name == "wallet":
            self._open_elsewhere.add(str(event.get("wallet")))
        if isinstance(event.get("payment"), int) and self._open_here:
            return
        self._hears_audits = self._hears_audits or name == "audit"
        self._events.put_nowait(event)
        if self._audit is not None and not self._hears_audits:
            self._audit.take(event)

    # --- From outside

    def _take_observed(self, event: Event) -> None:
        if event["event"] == "validator_state" and event.get("state") == ValidatorState.UP:
            self._answered = True
        self.publish(event)

    async def _tell_silence(self) -> None:
        await asyncio.sleep(SILENCE_S)
        if not self._answered:
            where = f" If it is the network of {self._folder.home}, start it: mesh-app, or mesh-testnet up." if self._has_home else ""
            self.tell_fault(LocalFault(ErrorCode.NO_NETWORK, f"no validator answers where {self._network_file} says that they listen.{where}"))

    def _take_own(self, event: Event) -> None:
        """An event of the wallets that were opened here."""
        name, wallet = event["event"], str(event.get("wallet"))
        if name == "wallet":
            self._open_here.add(wallet)
            self._open_elsewhere.discard(wallet)
        elif name == "wallet_shut":
            self._open_here.discard(wallet)
            if wallet in self._open_elsewhere:
                return  # the program that holds it tells more of it
        self.publish(event)

    def publish(self, event: Event) -> None:
        """Pass on an event, and what follows from it."""
        self._events.put_nowait(event)
        if self._audit is not None and not self._hears_audits:
            self._audit.take(event)

    # --- Why not

    def _why_not_open(self, wallet: str) -> str:
        if wallet in self._open_elsewhere:
            return "the program that runs this network holds it; pay there, or stop that program"
        if not self._has_home:
            return "with a network file alone there are no keys; attach with --home to a folder that holds wallets"
        return "it is not open here; the wallets screen says why"

    def _why_not(self, order: Order) -> str:
        if isinstance(order, ValidatorOrder | LineOrder | RestartAll):
            if self._has_home:
                return "no program with a control socket runs the network of this home; start its validators where they were started, or with mesh-testnet up"
            return "with a network file alone validators are only seen; attach with --home to the folder that they run in"
        if not self._has_home and not isinstance(order, HideAmounts):
            return "with a network file alone there are no keys; attach with --home to a folder that holds wallets"
        return "this is done by the program that runs the network"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
