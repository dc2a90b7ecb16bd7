"""How long a validator takes to answer a PING while others flood it with range proofs.

    python -m tests.e2e.bench_ping [--seconds S] [--backend native|libsodium]

A real validator process; a second process keeps 256 vote requests under way on eight connections from eight addresses (Linux alone has these without being
told); this one sends a PING every 25 ms on a connection of its own, whether or not the last one is answered. `idle`: nobody else is there. `good`: each request
carries a good proof and gets a vote, for as long as there are any. `forged`: no proof holds, and only the last sum shows it: each batch has to be searched for
its bad proofs, until the accounts have to wait (BUSY). Round trips in milliseconds; answers a second are those that the flood was given. The three processes
share the cores: with less than four of them, the round trips are those of a machine that is full.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mesh_core.crypto.ristretto import LIBRARY_VARIABLE, LIBSODIUM, NATIVE
from mesh_core.network.client import Connection
from tests.e2e.flood import flood_wallets, make_flood
from tests.e2e.processes import REPOSITORY
from tests.e2e.validator import Client, ValidatorProcess, make_network

GOOD = 3000
FORGING = 64
BETWEEN_PINGS_S = 0.02


class Flooding:
    """The flooding process. `ended` is set when it has nothing more to send."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ended = asyncio.Event()
        self.counts: dict[str, int] = {}

    async def read(self) -> None:
        """Until its last line."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            fields = json.loads(line)
            if "sent" in fields:
                self.ended.set()
            else:
                self.counts = fields


@asynccontextmanager
async def flooding(home: Path, requests: Sequence[str]) -> AsyncIterator[Flooding]:
    """A flood that is under way."""
    file = home / "requests"
    file.write_text("\n".join(requests))
    command = (sys.executable, "-m", "tests.e2e.flood", str(home), str(file))
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline()
    process.stdin.write(b"\n")
    result = Flooding(process)
    reading = asyncio.create_task(result.read())
    try:
        yield result
    finally:
        process.stdin.close()
        await reading
        await process.wait()


async def ping(connection: Connection, *, seconds: float, ended: asyncio.Event) -> list[float]:
    """Round trips in milliseconds. A PING that is given up because 16 later ones are under way counts with the time until then."""
    times: list[float] = []
    pings = []

    def note(started: float) -> None:
        times.append((time.perf_counter() - started) * 1000)

    ends_at = time.perf_counter() + seconds
    while (now := time.perf_counter()) < ends_at and not ended.is_set():
        pong = connection.ping()
        pong.add_done_callback(lambda _, started=now: note(started))  # type: ignore[misc]
        pings.append(pong)
        await asyncio.sleep(BETWEEN_PINGS_S)
    await asyncio.wait(pings)
    return times


def report(backend: str, load: str, times: Sequence[float], counts: dict[str, int], seconds: float) -> None:
    percentile = statistics.quantiles(times, n=100, method="inclusive")[98]
    answers = ", ".join(f"{count / seconds:.0f} {kind}/s" for kind, count in sorted(counts.items()))
    sys.stdout.write(
        f"{backend:<10}{load:<8}{len(times):>6} pings  median {statistics.median(times):>6.1f}  p99 {percentile:>6.1f}  max {max(times):>6.1f} ms  {answers}\n"
    )
    sys.stdout.flush()


async def measure(backend: str, home: Path, seconds: float) -> None:
    """Idle, good and forged, with one group library."""
    network, seeds = make_network(home, wallets=flood_wallets(good=GOOD, forging=FORGING))
    client = Client(network, seeds)
    prepared = make_flood(client)
    loads = {"good": [f"-{transition.hex()}" for transition in prepared.good], "forged": [transition.hex() for transition in prepared.forged]}
    validator = ValidatorProcess(network.validator(0), environment={LIBRARY_VARIABLE: backend})
    await validator.start()
    try:
        async with client.connected() as connection:
            report(backend, "idle", await ping(connection, seconds=seconds, ended=asyncio.Event()), {}, 1)
            for load, requests in loads.items():
                async with flooding(home, requests) as flood:
                    started = time.perf_counter()
                    times = await ping(connection, seconds=seconds, ended=flood.ended)
                    spent = time.perf_counter() - started
                report(backend, load, times, flood.counts, spent)
    finally:
        await validator.end()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the round trips of PINGs."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.bench_ping", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--backend", choices=(NATIVE, LIBSODIUM), action="append")
    options = parser.parse_args(arguments)
    for backend in options.backend or (NATIVE, LIBSODIUM):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(backend, Path(folder) / "home", options.seconds))


if __name__ == "__main__":
    main()
