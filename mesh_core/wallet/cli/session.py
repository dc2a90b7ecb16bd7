"""One wallet, opened for one command: connected, with patience, and with everything that it tells passed on.

A command opens its own wallet and no other, so that others stay free for other programs.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import click
from typing_extensions import override

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet import events
from mesh_core.wallet.choosing import choose_wallet
from mesh_core.wallet.cli.prompts import ask_passphrase
from mesh_core.wallet.cli.settings import Settings
from mesh_core.wallet.cli.stopping import FirstRequestOnly, read_switch, stop_at
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import Network, load_network
from mesh_core.wallet.wallet import Wallet

PATIENCE_S: Final = 30.0
SILENCE_S: Final = 3.0
SOCKETS_S: Final = 0.02
"""The sockets of closed connections close in a later turn of the loop."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Listen = Callable[[events.WalletEvent], None]
GOES_ON: Final = "It is neither lost nor to be paid again: the next command that uses this wallet sends the same bytes once more."


class _Seconds(click.FloatRange):
    """Seconds. "nan" is in no range and out of none, and who waits for it waits in an odd way."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid float.", param, ctx)
        return number


def patience_option(default_s: float = PATIENCE_S) -> Callable[[F], F]:
    """--timeout."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=_Seconds(0.1, 86_400),
        default=default_s,
        metavar="SECONDS",
        show_default=True,
        help="How long to wait for validators. What is signed by then is kept, and goes on with the next command.",
    )


class Session:
    """An open wallet and how long its command waits."""

    def __init__(self, home: WalletHome, wallet: Wallet, network: Network, timeout_s: float, disk: "asyncio.Future[None]") -> None:
        self.home = home
        self.wallet = wallet
        self.network = network
        self._timeout_s = timeout_s
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._disk = disk

    async def within(self, work: Coroutine[Any, Any, T], describe: Callable[[], str]) -> T:
        """Do it within the command's patience. LocalFault: NO_QUORUM in the words of `describe` when that is over; the disk's when it fails meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        try:
            waiting: list[asyncio.Future[Any]] = [task, self._disk]
            await asyncio.wait(waiting, timeout=self._deadline - asyncio.get_running_loop().time(), return_when=asyncio.FIRST_COMPLETED)
            if self._disk.done():
                self._disk.result()
            if not task.done():
                raise LocalFault(ErrorCode.NO_QUORUM, f"{describe()} (waited {self._timeout_s:g} s, see --timeout and 'mesh-wallet doctor')")
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def get_up_to_date(self) -> None:
        """Ask the validators for everything, and finish what an earlier command has signed. LocalFault (NO_QUORUM)."""
        if self.wallet.account.unsettled() is not None and not self.wallet.is_view_only:
            click.echo("note: an earlier command has signed a transition that is not settled yet: it is finished first", err=True)
        saying = asyncio.get_running_loop().create_task(self._say_what_is_waited_for())
        try:
            await self.within(self.wallet.wait_up_to_date(), self._describe_waiting)
        finally:
            saying.cancel()

    async def _say_what_is_waited_for(self) -> None:
        """A command that is silent for half a minute looks as if it hung."""
        await asyncio.sleep(SILENCE_S)
        committee = self.network.genesis.committee
        up = sum(self.home.validators.is_up(index) for index in range(committee.size))
        what = "what was signed before to become final" if self.wallet.is_in_step else "the validators' answers"
        text = f"waiting for {what}, up to {self._timeout_s:g} s; {up} of {committee.size} are reached, {committee.quorum_threshold} are needed"
        with contextlib.suppress(OSError):
            click.echo(f"note: {text}", err=True)

    def _describe_waiting(self) -> str:
        is_unfinished = self.wallet.account.unsettled() is not None
        if not self.wallet.is_in_step:
            kept = "Nothing new was signed, and what an earlier command has signed is kept" if is_unfinished else "Nothing was signed"
            return f"{self.describe_reach()}: too few to know what this account holds. {kept}"
        if is_unfinished:
            return f"an earlier transition of this wallet is signed and not final; {self.describe_reach()}. {GOES_ON}"
        return f"the wallet has not learnt all of its history yet; {self.describe_reach()}. The next command goes on with it"

    def describe_reach(self) -> str:
        """How many validators are reached, in words."""
        size, quorum = len(self.network.validators), self.network.genesis.committee.quorum_threshold
        missing = [peer.display_name for index, peer in enumerate(self.network.validators) if not self.home.validators.is_up(index)]
        if size - len(missing) >= quorum:
            return f"{size - len(missing)} of {size} validators are reached, but fewer than {quorum} of them have answered in time"
        reached = f"{size - len(missing)} of {size} validators are reached, and {quorum} are needed"
        return f"{reached} (not reached: {', '.join(missing)})" if missing else reached


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work. The log is silent: what matters is told. Ctrl-C is an Abort, with words about what was signed."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("\nmesh-wallet: interrupted. What was signed by then is kept, and the next command goes on with it", err=True)
        raise click.Abort from None


def load_settings_network(settings: Settings) -> Network:
    """The network that is meant. LocalFault (CONFIG_INVALID) says how to have one."""
    path = settings.network_file
    if not path.exists():
        text = f"there is no network: {path} does not exist. Start one with 'mesh-testnet up {settings.home.home}', or name another with --network FILE"
        raise LocalFault(ErrorCode.CONFIG_INVALID, text)
    return load_network(path)


@asynccontextmanager
async def open_wallet(settings: Settings, timeout_s: float, listen: Listen | None = None, *, claims: bool = False) -> AsyncIterator[Session]:
    """The wallet that is meant, opened and connecting. LocalFault: as `choose_wallet`, `load_network` and `WalletStore.open`."""
    name = choose_wallet(settings.home, settings.wallet_option)
    network = load_settings_network(settings)
    step = read_switch()
    prepare()
    disk: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    listeners = [listen] if listen is not None else []
    if step is not None:
        listeners.append(stop_at(step, network.genesis.committee.quorum_threshold))

    def publish(event: events.WalletEvent) -> None:
        for listener in listeners:
            listener(event)

    def on_disk_fault(fault: LocalFault) -> None:
        if not disk.done():
            disk.set_exception(fault)

    home = WalletHome(
        settings.home.wallets,
        network,
        publish,
        on_disk_fault,
        ask_passphrase=ask_passphrase,
        claim_automatically=claims,
        wrap=FirstRequestOnly if step == "first-request" else lambda validators: validators,
    )
    try:
        home.start([name])
        yield Session(home, home.wallet(name), network, timeout_s, disk)
    finally:
        await home.close()
        if disk.done():
            disk.exception()
        await asyncio.sleep(SOCKETS_S)
