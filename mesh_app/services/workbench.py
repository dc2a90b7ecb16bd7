"""A network on this machine with its wallets: what the screen, the headless demonstration and the tests all use. Implements `ports.Workbench`."""

import asyncio
import logging
import os
import time

from mesh_app.orders.order import Order
from mesh_app.ports import Event
from mesh_app.services.audit import StateAudit
from mesh_app.services.context import Desk, Handler, Revealer, WorkContext
from mesh_app.services.laboratory import LaboratoryDesk
from mesh_app.services.ledger import OBSERVER_LOG, LedgerDesk
from mesh_app.services.performance import PerformanceDesk
from mesh_app.services.validators import ValidatorDesk
from mesh_app.services.wallets import WalletDesk
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.wallet_store import list_wallets
from testnet.faucet import FAUCET_TEXT, FAUCET_WALLET, Faucet
from testnet.genesis import DEMO_WALLETS, Entropy, create_network, open_network
from testnet.layout import NetworkFolder
from testnet.network_event import network_event
from testnet.ownership import own_or_withdraw
from testnet.routed_service import EveryWallet
from testnet.supervisor import Supervisor
from testnet.wallet_service import WalletService

logger = logging.getLogger(__name__)

NETWORK_NAME = "local-4"


class LocalWorkbench:
    """Four validators and the wallets of one home, all as processes. An async context manager: leaving it stops every process."""

    def __init__(self, folder: NetworkFolder, *, key_entropy: Entropy = os.urandom, auto_restart: bool = False) -> None:
        """`key_entropy` makes the keys of a new network; everything else always uses fresh entropy. `auto_restart`: who ends by itself is started again."""
        self._folder = folder
        self._auto_restart = auto_restart
        self._key_entropy = key_entropy
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._lock: OwnerLock | None = None
        self._genesis: Genesis | None = None
        self._supervisor: Supervisor | None = None
        self._wallets = WalletService(folder, self.publish)
        self._faucet = Faucet(folder.faucet_socket, self._pay_from_faucet)
        self._context: WorkContext | None = None
        self._desks: tuple[Desk, ...] = ()
        self._performance: PerformanceDesk | None = None
        self._laboratory: LaboratoryDesk | None = None
        self._validators: ValidatorDesk | None = None
        self._handlers: dict[type[Order], Handler] = {}
        self._revealers: dict[type[Order], Revealer] = {}
        self._audit: StateAudit | None = None

    # --- ports.Workbench

    @property
    def mode(self) -> str:
        """Real processes, real proofs, real time."""
        return "LIVE"

    @property
    def events(self) -> asyncio.Queue[Event]:
        """Everything that happened and was not yet read."""
        return self._events

    def now_ns(self) -> int:
        """The machine's monotonic clock, which all processes read."""
        return time.monotonic_ns()

    async def do(self, order: Order) -> None:
        """Take an order. LocalFault: this workbench does not take it, or the reason of the desk that does."""
        handler = self._handlers.get(type(order))
        if handler is None:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"nobody here can {order.describe()}")
        await handler(order)

    async def reveal(self, order: Order) -> str:
        """Answer an order with a secret. LocalFault."""
        revealer = self._revealers.get(type(order))
        if revealer is None:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"nobody here can {order.describe()}")
        return await revealer(order)

    async def pay_and_wait(self, wallet: str, to: str, amount: int, text: str) -> None:
        """Pay; returns when the payment is final. LocalFault with the wallet's reason."""
        await self._wallets.pay(wallet, to, amount, text)

    def tell_fault(self, error: MeshError) -> None:
        """Publish a fault that concerns no wallet."""
        self.publish({"event": "fault", "t_ns": self.now_ns(), "wallet": None, "payment": None, "code": f"{error.code:04x}", "text": error.text})

    # --- Life

    @property
    def genesis(self) -> Genesis:
        """The network's genesis; only after `open`."""
        assert self._genesis is not None
        return self._genesis

    @property
    def supervisor(self) -> Supervisor:
        """The validators' processes; only after `open`."""
        assert self._supervisor is not None
        return self._supervisor

    async def __aenter__(self) -> "LocalWorkbench":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def open(self) -> None:
        """Own the home, and make a network in it where there is none. LocalFault: HOME_IN_USE, or what is wrong with the home."""
        with own_or_withdraw(self._folder) as self._lock:
            if not self._folder.exists:
                create_network(self._folder, name=NETWORK_NAME, wallets=DEMO_WALLETS, entropy=self._key_entropy)
            self._genesis = open_network(self._folder)
        self._supervisor = Supervisor(self._folder, self._genesis.committee.size, self.publish, auto_restart=self._auto_restart)
        self._audit = StateAudit(self._genesis.committee.quorum_threshold, self._pass_on)
        context = self._context = WorkContext(self._folder, self._genesis, self._supervisor, self._wallets, self.publish)
        self._performance = PerformanceDesk(context)
        self._validators = ValidatorDesk(context, EveryWallet(self._wallets, self._performance))
        self._laboratory = LaboratoryDesk(context)
        self._desks = (
            self._validators,
            WalletDesk(context),
            LedgerDesk(self._folder.network_file, self._folder.home / OBSERVER_LOG, self.publish),
            self._laboratory,
            self._performance,
        )
        for desk in self._desks:
            self._handlers.update(desk.handlers())
            self._revealers.update(desk.revealers())

    async def start(self) -> None:
        """Start wallets and validators at once; returns when every validator is up. LocalFault (VALIDATOR_START)."""
        assert self._validators is not None
        self.publish(network_event(self.genesis, self._folder.home))
        await self._validators.open()
        await self._wallets.start()
        if FAUCET_WALLET in list_wallets(self._folder.wallets):
            await self._open_faucet()
        await self.supervisor.start_all()

    def watch_screen(self) -> None:
        """Tell how well the loop keeps up that this is called in, of earlier measurements, and which attacks there are: for whoever shows a screen."""
        assert self._performance is not None
        assert self._laboratory is not None
        self._performance.begin()
        self._laboratory.begin()

    async def _open_faucet(self) -> None:
        """The command line of this home can have test money; where that fails, everything else works all the same."""
        try:
            await self._faucet.open()
        except LocalFault as fault:
            logger.warning("%s", fault)

    async def _pay_from_faucet(self, address: str, amount: int) -> str:
        return await self._wallets.pay(FAUCET_WALLET, address, amount, FAUCET_TEXT)

    async def close(self) -> None:
        """Stop every process and give up the home."""
        await self._faucet.close()
        if self._context is not None:
            await self._context.cancel_tasks()
        await asyncio.gather(*(desk.close() for desk in self._desks))
        if self._supervisor is not None:
            await asyncio.gather(self._wallets.stop(), self._supervisor.stop_all())
        if self._validators is not None:
            await self._validators.end_logs()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # --- Events

    def publish(self, event: Event) -> None:
        """Pass on an event, and what follows from it."""
        self._pass_on(event)
        if self._audit is not None:
            self._audit.take(event)

    def _pass_on(self, event: Event) -> None:
        """To the screen, and to whoever else follows."""
        self._events.put_nowait(event)
        if self._validators is not None:
            self._validators.take(event)
