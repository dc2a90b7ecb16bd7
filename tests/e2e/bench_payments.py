"""How long a payment takes with one of four validators away: killed, stopped (SIGSTOP), or cut off.

    python -m tests.e2e.bench_payments [--rounds R] [--payments P]

Four real validator processes and a wallet in this one, which pays one payment after the other: `ms` is from the call to the durable certificate, and counts
what the wallet waits for the payment before it to be settled. Each round makes P payments in each condition, so that a slow minute of the machine is slow
for all four; the first payment of each condition starts the moment the validator has gone. The validator that goes is the last one, and in the second half
of the rounds the first one. `waited` counts payments that took a second or more: as long as the shortest time-out there is. `cpu ms` is this process's own
work for a payment, relays and Bob's claims included.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from mesh_core.crypto.startup import prepare
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import Network, load_network
from testnet.conditions import GOOD, Conditions
from testnet.links import Relay
from tests.e2e.local_network import LocalNetwork

CONDITIONS = ("all four", "killed", "stopped", "cut off")
TIMEOUT_MS = 1000.0
RATIO_MOST = 1.2


class Bench:
    """A network, a relay in front of each validator, and a wallet that pays."""

    def __init__(self, local: LocalNetwork, home: WalletHome, relays: Sequence[Relay]) -> None:
        self._local = local
        self._home = home
        self._relays = relays
        self.times: dict[str, list[float]] = {condition: [] for condition in CONDITIONS}
        self.cpu_ms = dict.fromkeys(CONDITIONS, 0.0)

    async def pay(self, condition: str, victim: int, payments: int) -> None:
        """So many payments in one condition; afterwards the validator is there again, and has everything."""
        await self._until_all_is_well()
        async with self._condition(condition, victim):
            spent = time.process_time()
            for _ in range(payments):
                self.times[condition].append((await self._home.pay("alice", "bob", 1)).payment_ms)
            self.cpu_ms[condition] += (time.process_time() - spent) * 1000

    @asynccontextmanager
    async def _condition(self, condition: str, victim: int) -> AsyncIterator[None]:
        pid = self._local.supervisor.pid(victim)
        assert pid is not None
        if condition == "killed":
            await self._local.supervisor.kill(victim)
        elif condition == "stopped":
            os.kill(pid, signal.SIGSTOP)
        elif condition == "cut off":
            self._relays[victim].conditions = Conditions(is_cut=True)
        try:
            yield
        finally:
            if condition == "killed":
                await self._local.supervisor.start(victim)
            elif condition == "stopped":
                os.kill(pid, signal.SIGCONT)
            self._relays[victim].conditions = GOOD

    async def _until_all_is_well(self) -> None:
        client = self._home._client
        await self._local.until(lambda: all(client.is_up(index) for index in range(4)))
        await self._local.until(lambda: not self._home.wallet("alice").account.undone())


def through(network: Network, relays: Sequence[Relay]) -> Network:
    """The network as it is behind the relays."""
    return replace(network, validators=tuple(replace(peer, port=relay.port) for peer, relay in zip(network.validators, relays, strict=True)))


async def measure(folder: Path, rounds: int, payments: int) -> Bench:
    """All payments, made."""
    local = LocalNetwork(folder, {"alice": 10**9, "bob": 0})
    async with local.supervisor:
        await local.supervisor.start_all()
        network = load_network(local.folder.network_file)
        relays = [Relay((peer.host, peer.port)) for peer in network.validators]
        for relay in relays:
            relay.open()
        home = WalletHome(local.folder.wallets, through(network, relays), lambda event: None, _raise)
        home.start()
        try:
            bench = Bench(local, home, relays)
            for _ in range(5):
                await home.pay("alice", "bob", 1)
            for number in range(rounds):
                victim = 3 if number < rounds / 2 else 0
                order = CONDITIONS[number % 4 :] + CONDITIONS[: number % 4]
                for condition in order:
                    await bench.pay(condition, victim, payments)
            return bench
        finally:
            await home.close()
            for relay in relays:
                relay.close()
            await asyncio.sleep(0.05)


def _raise(fault: Exception) -> None:
    raise fault


def report(bench: Bench) -> bool:
    """Write the table; whether every condition is within the limit."""
    base = statistics.median(bench.times["all four"])
    lines = [f"{'condition':10} {'payments':>8} {'median ms':>10} {'p90':>8} {'longest':>8} {'ratio':>6} {'waited':>7} {'cpu ms':>7}"]
    is_good = True
    for condition, found in bench.times.items():
        median, ratio = statistics.median(found), statistics.median(found) / base
        waited = sum(ms >= TIMEOUT_MS for ms in found)
        is_good &= ratio <= RATIO_MOST and waited == 0
        p90 = statistics.quantiles(found, n=10)[-1]
        lines.append(
            f"{condition:10} {len(found):8} {median:10.1f} {p90:8.1f} {max(found):8.1f} {ratio:6.2f} {waited:7} {bench.cpu_ms[condition] / len(found):7.1f}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return is_good


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when a condition's median is above 1.2 times that with all four, or a payment took as long as a time-out."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.bench_payments")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--payments", type=int, default=5)
    options = parser.parse_args(arguments)
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        bench = asyncio.run(measure(Path(folder) / "home", options.rounds, options.payments))
    return 0 if report(bench) else 1


if __name__ == "__main__":
    sys.exit(main())
