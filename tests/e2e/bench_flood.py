"""What an honest wallet notices of a flood from another address, and what the flood costs validators in memory.

    python -m tests.e2e.bench_flood [--payments N] [--kinds half-open oversize proofs]

Four real validators; a wallet in this process pays from 127.0.0.1, one payment after the other; another process floods all four validators from 127.0.0.2
(`address_flood.py`), with each kind of flood alone and with all together. Milliseconds from the order to the certificate, and from a vote request's arrival in
a validator to its vote; the largest resident size of any validator, and the processor time of the four in the mean. All six processes share the cores: on two
of them, the flooding process itself takes its part, so `during` is dearer than what reaches the validators. `--spin` measures that part: a process that does
nothing but compute, in the place of the flood.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh_core.wallet.home import WalletHome
from tests.e2e.address_flood import KINDS
from tests.e2e.local_network import LocalNetwork
from tests.e2e.processes import REPOSITORY

ATTACKER = "127.0.0.2"
FORGING = 16
WARM_UP = 3
UNDER_WAY_S = 5.0
"""From then on what an address may do at once is used up, and its limits bind."""
REST_S = 5.0


class Flood:
    """The flooding process; `counts` is what it said last."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}


@asynccontextmanager
async def flooding(network: LocalNetwork, kinds: list[str]) -> AsyncIterator[Flood]:
    """A flood that is under way."""
    command = (sys.executable, "-m", "tests.e2e.address_flood", str(network.folder.home), ATTACKER, *kinds)
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    seeds = {name: seed.hex() for name, seed in network.seeds.items() if name.startswith("forging")}
    process.stdin.write(json.dumps(seeds).encode() + b"\n")
    flood = Flood()

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            flood.counts = json.loads(line)

    await process.stdout.readline()
    reading = asyncio.get_running_loop().create_task(read())
    try:
        yield flood
    finally:
        process.stdin.close()
        await process.wait()
        await reading


@asynccontextmanager
async def spinning() -> AsyncIterator[None]:
    """A process that computes."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use now."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def largest(network: LocalNetwork) -> float:
    return max(resident_mib(pid) for index in range(4) if (pid := network.supervisor.pid(index)) is not None)


def cpu_seconds(network: LocalNetwork) -> float:
    """Processor time of all validators so far."""
    found = 0.0
    for index in range(4):
        fields = (Path("/proc") / str(network.supervisor.pid(index)) / "stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


async def pay_often(wallets: WalletHome, count: int) -> list[float]:
    """Milliseconds of each payment."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        await wallets.pay("alice", "bob", 1, "")
        times.append((time.perf_counter() - started) * 1000)
    return times


async def tell(name: str, network: LocalNetwork, wallets: WalletHome, payments: int) -> None:
    """Pay, and write down how it went."""
    since, cpu, told = time.perf_counter(), cpu_seconds(network), len(network.events)
    ordered = sorted(await pay_often(wallets, payments))
    share = (cpu_seconds(network) - cpu) / (time.perf_counter() - since) / 4
    figures = f"median {statistics.median(ordered):7.1f}   p90 {ordered[len(ordered) * 9 // 10]:7.1f}   max {ordered[-1]:7.1f} ms"
    votes = statistics.median(float(event["total_ms"]) for event in network.events[told:] if event["event"] == "vote_cast")
    figures += f"   in a validator {votes:6.1f} ms"
    sys.stdout.write(f"{name:<18} {figures}   {largest(network):6.1f} MiB   {share:4.0%} of a core each\n")


async def bench(home: Path, payments: int, kinds: list[str], *, spin: bool) -> None:
    network = LocalNetwork(home, {"alice": 100_000, "bob": 0} | {f"forging{number}": 1000 for number in range(FORGING)})
    async with network.supervisor, network.wallets() as wallets:
        await network.supervisor.start_all()
        await pay_often(wallets, WARM_UP)
        await tell("before", network, wallets, payments)
        if spin:
            async with spinning():
                await tell("one core busy", network, wallets, payments)
        for phase in ([kind] for kind in kinds):
            await measure_during(network, wallets, phase, payments)
        if len(kinds) > 1:
            await measure_during(network, wallets, kinds, payments)
        await tell("after", network, wallets, payments)
        assert [event for event in network.events if event["event"] in {"fatal", "safety_alarm"}] == []


async def measure_during(network: LocalNetwork, wallets: WalletHome, kinds: list[str], payments: int) -> None:
    """Pay while a flood of these kinds is under way, begun by an address that has been quiet for a while."""
    await asyncio.sleep(REST_S)
    async with flooding(network, kinds) as flood:
        await asyncio.sleep(UNDER_WAY_S)
        await tell(f"during {'all' if len(kinds) > 1 else kinds[0]}", network, wallets, payments)
    sys.stdout.write(f"    the flood met {json.dumps(dict(sorted(flood.counts.items())))}\n")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=30)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    parser.add_argument("--spin", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as home:
        asyncio.run(bench(Path(home) / "home", options.payments, options.kinds, spin=options.spin))


if __name__ == "__main__":
    main()
