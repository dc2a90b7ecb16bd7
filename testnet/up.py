"""`mesh-testnet up DIR`: the network of a home in the foreground, with a faucet, until it is told to stop.

Of the home's wallets it opens the faucet's alone: all others stay free for `mesh-wallet`.
"""

import asyncio
import contextlib
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.wallet_store import list_wallets
from mesh_core.types.visible_text import visible_text
from mesh_core.validator.output import LineWriter
from mesh_core.wallet.network import load_network
from testnet.child import Event
from testnet.faucet import FAUCET_TEXT, FAUCET_WALLET, MAX_UNITS, Faucet
from testnet.genesis import FAUCET_ALLOCATION, VALIDATORS_COUNT, make_network, open_network
from testnet.layout import NetworkFolder
from testnet.network_event import network_event
from testnet.operating import Operating
from testnet.ownership import own_or_withdraw
from testnet.profiles import Profile, load_profile
from testnet.recipe import Recipe, Seat
from testnet.supervisor import Supervisor
from testnet.up_lines import UpLines
from testnet.wallet_service import WalletService

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FAUCET_OPEN_S: Final = 20.0
"""After so long a network is ready without the faucet's wallet, which opens when its process goes on: payments need no faucet."""


class UpNetwork:
    """The processes of one home. `open`, then `start`; `close` at the end, whatever happened."""

    def __init__(self, folder: NetworkFolder, publish: Callable[[Event], None], end: Callable[[str], None] | None = None) -> None:
        """`end` is called with a reason when another program asks for the network's end."""
        self._end = end
        self._folder = folder
        self._tell_outside = publish
        self._profile: Profile | None = None
        self._operating: Operating | None = None
        self._lock: OwnerLock | None = None
        self._genesis: Genesis | None = None
        self._supervisor: Supervisor | None = None
        self._wallets = WalletService(folder, self._publish, only=[FAUCET_WALLET])
        self._faucet = Faucet(folder.faucet_socket, self._pay, self._publish)
        self._waking = asyncio.Lock()
        self._faucet_decided = asyncio.Event()
        """Set when the faucet's wallet is open here, or cannot be opened."""

    def open(self, validators_count: int | None, recipe: Recipe | None = None, profile: str | None = None) -> None:
        """Own the home, and make a network with a faucet in it where there is none. LocalFault: HOME_IN_USE, or what is wrong with the home.

        `profile` counts for this run; without it the one that the network was made with.
        """
        folder = self._folder
        self._profile = None if profile is None else load_profile(profile)
        with own_or_withdraw(folder) as self._lock:
            if not folder.exists:
                count = VALIDATORS_COUNT if validators_count is None else validators_count
                made = recipe or Recipe(f"local-{count}", (Seat(),) * count, {FAUCET_WALLET: FAUCET_ALLOCATION})
                make_network(folder, made)
                self._tell("network_made", home=str(folder.home), validators=len(made.seats), faucet_units=made.wallets.get(FAUCET_WALLET, 0))
        self._genesis = open_network(folder)
        size = self._genesis.committee.size
        if validators_count not in (None, size):
            text = f"the network in {folder.home} has {size} validators, and their number never changes: leave out --validators, or choose another folder"
            raise LocalFault(ErrorCode.CONFIG_INVALID, text)
        if recipe is not None and recipe.name != self._genesis.doc.name:
            text = (
                f"the network in {folder.home} is '{self._genesis.doc.name}' and not the recipe's '{recipe.name}': leave out --recipe, or choose another folder"
            )
            raise LocalFault(ErrorCode.CONFIG_INVALID, text)
        self._supervisor = Supervisor(folder, size, self._publish, auto_restart=True)
        self._operating = Operating(folder, self._supervisor, self._wallets, self._publish, program="mesh-testnet up", end=self._end)

    async def start(self) -> None:
        """Start every process; returns when all validators are up and the faucet, its wallet open, listens.

        LocalFault (VALIDATOR_START, STORE_UNAVAILABLE).
        """
        assert self._genesis is not None
        assert self._supervisor is not None
        assert self._operating is not None
        self._publish(network_event(self._genesis, self._folder.home))
        await self._operating.open(self._profile)
        has_faucet = FAUCET_WALLET in list_wallets(self._folder.wallets)
        if has_faucet:
            await self._wallets.start()
        await self._supervisor.start_all()
        if has_faucet:
            # Whoever hears that the network is ready may open the wallets of its home, and must find this one taken.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAUCET_OPEN_S):
                    await self._faucet_decided.wait()
            await self._faucet.open()
        self._tell_ready(has_faucet=has_faucet)

    async def close(self) -> None:
        """Stop every process and give up the home."""
        await self._faucet.close()
        if self._operating is not None:
            await self._operating.close()
        if self._supervisor is not None:
            await asyncio.gather(self._wallets.stop(), self._supervisor.stop_all())
        if self._operating is not None:
            await self._operating.end_logs()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _pay(self, address: str, amount: int) -> str:
        """From the faucet, whose process is started again if it has ended."""
        async with self._waking:
            if self._wallets.pid is None:
                await self._wallets.start()
        return await self._wallets.pay(FAUCET_WALLET, address, amount, FAUCET_TEXT)

    def _tell_ready(self, *, has_faucet: bool) -> None:
        assert self._genesis is not None
        assert self._supervisor is not None
        network = load_network(self._folder.network_file)
        self._tell(
            "network_ready",
            name=network.name,
            home=str(self._folder.home),
            network_id=self._genesis.network_id.hex(),
            validators=[
                {"name": peer.name, "host": peer.host, "port": peer.port, "pid": self._supervisor.pid(index), "public_key": peer.identity_pk.hex()}
                for index, peer in enumerate(network.validators)
            ],
            faucet=str(self._folder.faucet_socket) if has_faucet else None,
        )

    def _publish(self, event: Event) -> None:
        if event["event"] == "wallets_ended" or (event["event"] == "wallet" and event.get("wallet") == FAUCET_WALLET):
            self._faucet_decided.set()
        if self._operating is not None:
            self._operating.take(event)
        self._tell_outside(event)

    def _tell(self, event: str, **fields: object) -> None:
        self._publish({"event": event, "t_ns": time.monotonic_ns(), **fields})


def run_up(home: Path, validators_count: int | None, recipe: Recipe | None = None, profile: str | None = None, *, as_json: bool) -> None:
    """Run the network of a home until SIGINT, SIGTERM or SIGHUP, or until nobody reads its lines any more. LocalFault if it cannot be run."""
    asyncio.run(_run(NetworkFolder(home), lambda network: network.open(validators_count, recipe, profile), as_json=as_json))


async def _run(folder: NetworkFolder, open_network: Callable[[UpNetwork], None], *, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def ask_to_stop(reason: str) -> None:
        if not stop.done():
            stop.set_result(reason)

    def reader_ended() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and everything with it
            loop.call_soon_threadsafe(ask_to_stop, "nobody reads these lines any more")

    output, lines = LineWriter(on_end=reader_ended), UpLines(as_json=as_json)

    def publish(event: Event) -> None:
        line = lines.line(event)
        if line is not None:
            output.write_line(line)
        if event["event"] == "network_ready" and not as_json:
            for text in describe_network(event):
                output.write_line(text + "\n")

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, ask_to_stop, number.name)
    network = UpNetwork(folder, publish, ask_to_stop)
    try:
        try:
            open_network(network)
            await _serve(network, stop, publish)
        finally:
            await network.close()
        publish({"event": "network_stopped", "t_ns": time.monotonic_ns()})
    finally:
        await asyncio.to_thread(output.close)
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _serve(network: UpNetwork, stop: asyncio.Future[str], publish: Callable[[Event], None]) -> None:
    starting = asyncio.get_running_loop().create_task(network.start())
    waited_for: list[asyncio.Future[Any]] = [starting, stop]
    await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
    if stop.done():
        # What is being started must have let go, one way or the other, before all is stopped.
        starting.cancel()
        await asyncio.wait([starting])
    else:
        starting.result()
    reason = await stop
    publish({"event": "network_stopping", "t_ns": time.monotonic_ns(), "reason": reason})


def describe_network(ready: Event) -> list[str]:
    """What a person needs to use a network that is ready, line by line. Its name may be somebody else's, and a folder's need not be text."""
    quoted = shlex.quote(ready["home"])
    shown = [
        "",
        f"  network    {ready['name']}, id {ready['network_id']}",
        f"  home       {ready['home']}",
        *(f"  {one['name']:<9}  {one['host']}:{one['port']}, process {one['pid']}, key {one['public_key']}" for one in ready["validators"]),
    ]
    if ready["faucet"] is None:
        shown.append("  faucet     none: this home has no wallet of that name")
    else:
        shown.append(f"  faucet     up to {MAX_UNITS:,} units a request: mesh-wallet --home {quoted} faucet --amount 10000")
    shown += [f"  wallets    mesh-wallet --home {quoted} COMMAND, or once: export MESH_HOME={quoted}", "  stop       Ctrl-C, or SIGTERM", ""]
    return [visible_text(line) for line in shown]
